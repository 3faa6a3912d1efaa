/*
 * sides.h -- who of a flow's two ends is the client at home: the one whose address is local.
 */
#ifndef WEIR_INSERTER_SIDES_H
#define WEIR_INSERTER_SIDES_H

#include <stddef.h>

#include "common/ip.h"

struct flow;

enum side {
	SIDE_UP,      /* the source is local: the client sends */
	SIDE_DOWN,    /* the destination is local: the client receives */
	SIDE_NEITHER,
	SIDE_BOTH,
	SIDE_COUNT
};

extern const char *const side_names[SIDE_COUNT]; /* label values */

enum side sides_of(const struct ip_set *local, const struct flow *f);

/* What --local says; without it, the private and unique-local ranges and the networks this host is connected to.
 * 0, or negative with a line in ERR. */
int sides_parse(const char *list, struct ip_set *ret_local, char *err, size_t err_len);

#endif
