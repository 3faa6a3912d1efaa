/*
 * networks.h -- names of networks and customers by longest prefix, from a file of up to some million lines.
 *
 *     # prefix,network,customer
 *     192.0.2.0/24,office,
 *     2001:db8:1::/48,hosting,"Example, Inc."
 *
 * It is CSV; a first line without a prefix is a heading, further columns are passed over, so that the file that ClickHouse
 * reads as a dictionary (ip_trie) does too.
 */
#ifndef WEIR_ENRICH_NETWORKS_H
#define WEIR_ENRICH_NETWORKS_H

#include <stddef.h>

#include "common/err.h"

struct networks;
struct ip_addr;

struct network_names {
	const char *network, *customer; /* "" when there is none; they live as long as the table */
};

/* 0, or negative with a line in ERR that names file and line. */
int networks_load(const char *path, struct networks **ret_networks, char *err, size_t err_len) MUST_CHECK;
void networks_free(struct networks *n);
size_t networks_count(const struct networks *n);
/* Names of the longest prefix that has A; both "" when none has. */
struct network_names networks_find(const struct networks *n, const struct ip_addr *a);

#endif
