/*
 * sides.c -- see sides.h. The connected networks are taken in because an IPv6 client at home has a global address.
 */
#include "inserter/sides.h"

#include <errno.h>
#include <stdio.h>

#include "proto/flow.h"

const char *const side_names[SIDE_COUNT] = {
	[SIDE_UP] = "up",
	[SIDE_DOWN] = "down",
	[SIDE_NEITHER] = "neither",
	[SIDE_BOTH] = "both",
};

enum side sides_of(const struct ip_set *local, const struct flow *f)
{
	bool src = ip_set_has(local, &f->src_addr);
	bool dst = ip_set_has(local, &f->dst_addr);
	if (src && dst)
		return SIDE_BOTH;
	if (src)
		return SIDE_UP;
	return dst ? SIDE_DOWN : SIDE_NEITHER;
}

int sides_parse(const char *list, struct ip_set *ret_local, char *err, size_t err_len)
{
	struct ip_set local = {0};
	char why[256];
	int r;
	if (list && *list) {
		r = ip_set_parse(&local, list, why, sizeof(why));
		if (r == -EINVAL)
			snprintf(err, err_len, "--local: %s", why);
	} else {
		r = ip_set_add_private(&local);
		if (!r)
			r = ip_set_add_connected(&local);
		if (r)
			snprintf(err, err_len, "--local: cannot list this host's networks: error %d", -r);
	}
	if (r)
		ip_set_free(&local);
	else
		*ret_local = local;
	return r;
}
