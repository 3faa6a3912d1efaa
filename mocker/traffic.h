/*
 * traffic.h -- what kind of traffic the mocker makes up: profiles, each a function from a seed to flows.
 */
#ifndef WEIR_MOCKER_TRAFFIC_H
#define WEIR_MOCKER_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "mocker/home.h"

struct traffic {
	const struct traffic_profile *profile;
	struct home home;
	struct rng rng;
	unsigned ipv6_percent;
	uint64_t made;
};

/* 0, or -EINVAL when no profile has that name. */
int traffic_init(struct traffic *t, const char *profile, uint64_t seed, unsigned clients, unsigned ipv6_percent) MUST_CHECK;
/* The next flow; true when it is one of the home, *ret_talk then says whose. IPV6 false: the exporter knows IPv4 only. */
bool traffic_next(struct traffic *t, uint64_t now_ns, bool ipv6, struct flow *ret_flow, struct home_talk *ret_talk);

#endif
