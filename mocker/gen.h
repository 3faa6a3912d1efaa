/*
 * gen.h -- the generator: one datagram after the other, from a seed and a time that is passed in; it sums what it made.
 * Knows nothing of sockets.
 */
#ifndef WEIR_MOCKER_GEN_H
#define WEIR_MOCKER_GEN_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "mocker/summary.h"

struct gen;

struct gen_setup {
	const char *protocols;    /* "v5,v9": datagrams take turns */
	const char *profile;      /* see traffic.h */
	uint64_t seed;
	uint64_t flows;           /* a datagram; a protocol that holds fewer gets fewer */
	uint64_t sources;         /* exporters */
	uint64_t clients;
	uint64_t ipv6_percent;
	uint64_t sampling_rate;
	uint64_t templates_every; /* data datagrams of one exporter */
	uint32_t domain;
	uint64_t now_ns;
};

/* 0, -EINVAL (with a line in ERR) or -ENOMEM. */
int gen_new(const struct gen_setup *setup, struct gen **ret_gen, char *err, size_t err_len);
/* Writes the next datagram at OUT (MAKE_DATAGRAM_MAX octets of room); *ret_source says which exporter sends it. A
 * template datagram comes before the data that needs it and does not count for --count. Gives the length. */
size_t gen_next(struct gen *g, uint64_t now_ns, uint8_t *out, unsigned *ret_source, bool *ret_is_template);
struct summary *gen_summary(struct gen *g);
void gen_free(struct gen *g);

/* The address of exporter I when the target is on this host: 127.0.0.1, 127.0.0.2 ... */
struct ip_addr gen_source_address(unsigned source);

#endif
