/*
 * group.h -- flows summed up by what the user names (nfdump's -A and -s): bounded, and honest about it.
 */
#ifndef WEIR_INSERTER_GROUP_H
#define WEIR_INSERTER_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow;
struct group;

enum group_order {
	GROUP_FLOWS, GROUP_PACKETS, GROUP_BYTES, GROUP_PPS, GROUP_BPS, GROUP_BPP, GROUP_OPACKETS, GROUP_OBYTES,
	GROUP_TSTART, GROUP_TEND, GROUP_DURATION, GROUP_NO_ORDER
};

#define GROUP_CONNECTION "proto,srcip,dstip,srcport,dstport" /* -a */

/* GROUP_EITHER allows ip, port, as, if (a flow counts at both ends). GROUP_BOTH_WAYS: a flow and its answers are one group, the
 * answers in reverse_bytes and reverse_packets (nfdump's -b); GROUP_GUESS: and the likely client comes first (-B). */
enum group_kind { GROUP_PLAIN, GROUP_EITHER, GROUP_BOTH_WAYS, GROUP_GUESS };

/* LIST: "srcip", "srcip4/24,dstport" ...; for both ways GROUP_CONNECTION. MAX: groups that are kept. 0, -EINVAL with a line in
 * ERR, or -ENOMEM. */
int group_new(const char *list, enum group_kind kind, size_t max, struct group **ret_group, char *err, size_t err_len);
void group_free(struct group *g);

void group_add(struct group *g, const struct flow *f);
size_t group_count(const struct group *g);
/* The group in place I as a flow: its elements, the sums, flow_count = flows. */
void group_flow(const struct group *g, size_t i, struct flow *ret_flow);
/* Sorts: then place 0 is the largest (for tstart and tend the earliest). */
void group_sort(struct group *g, enum group_order order);
void group_clear(struct group *g);

/* "%sa %dp": the columns of the elements. */
const char *group_columns(const struct group *g);
const char *group_text(const struct group *g); /* "Src IP Addr", of the first element */

/* Past MAX the large groups are kept, by flows, packets or bytes: whichever of them ORDER means. At first: by bytes. */
void group_keep(struct group *g, enum group_order order);
/* How many small groups were dropped to make room, and by how much any group's sums may be too low for it. */
struct group_lost {
	uint64_t groups, flows, packets, bytes;
};
struct group_lost group_lost(const struct group *g);

/* What F alone is sorted by. */
uint64_t group_rank(const struct flow *f, enum group_order order);
/* -1 when there is no such order. */
int group_order_by_name(const char *name, size_t len);

#endif
