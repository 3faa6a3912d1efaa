/*
 * home.h -- a made-up home whose traffic the mocker exports: a few clients behind a router, each with a MAC address,
 * an IPv4 and an IPv6 address, and the servers out there that they talk to. A conversation is two flows: the upload,
 * then the download. Everything follows from the seed.
 */
#ifndef WEIR_MOCKER_HOME_H
#define WEIR_MOCKER_HOME_H

#include <stdbool.h>
#include <stdint.h>

#include "mocker/rng.h"
#include "proto/flow.h"

enum {
	HOME_CLIENTS_MAX = 200,
	HOME_SERVERS = 8,
	HOME_AS = 64500 /* of the home itself; the servers have others (RFC 5398) */
};

struct home {
	struct rng rng;
	unsigned clients;
	unsigned ipv6_percent;
	struct flow up;        /* of the conversation at hand */
	bool download_is_next;
	unsigned client;
	unsigned server;
};

/* What a flow is, beside its fields. */
struct home_talk {
	unsigned client;
	unsigned server;
	bool download;
};

void home_init(struct home *h, uint64_t seed, unsigned clients, unsigned ipv6_percent);
/* The next flow. It ended just before NOW. IPV6 false: the exporter knows IPv4 only. */
void home_next(struct home *h, uint64_t now_ns, bool ipv6, struct flow *ret_flow, struct home_talk *ret_talk);

struct ip_addr home_client_v4(unsigned client);
struct ip_addr home_client_v6(unsigned client);
uint64_t home_client_mac(unsigned client);
uint32_t home_server_as(unsigned server);

#endif
