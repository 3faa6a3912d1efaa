/*
 * sampling.h -- how much of the traffic an exporter looked at.
 *
 * What options data say of samplers and selectors (RFC 3954 8: fields 34, 35, 48 to 50; RFC 5477 8.2: 302, 304 to 306,
 * 309 to 311) is kept by domain, each under its selector and its interface, where the scope names one. Where two ports
 * of one address contradict each other about one (two exporters behind one NAT), it is kept apart by port, as templates
 * are. A flow takes, in this order: the rate configured for its exporter, its own record's, its selector's, its
 * interface's, the domain's when there is but one, the datagram header's, the configured default. 0 is unknown.
 */
#ifndef WEIR_COLLECTOR_SAMPLING_H
#define WEIR_COLLECTOR_SAMPLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ip.h"

struct buf;
struct decoder;
struct domain;
struct record_sampling;
struct sampling;

enum { SAMPLERS_MAX = 1024 }; /* a domain */

/* Rates by exporter prefix: the longest prefix that holds the exporter decides. */
struct sampling_overrides {
	struct sampling_override { struct ip_prefix prefix; uint64_t rate; } *items;
	size_t count;
};

/* "10.0.0.0/8=1000,2001:db8::/32=1": 0, -EINVAL (the bad item in ERR) or -ENOMEM. */
int sampling_overrides_parse(const char *list, struct sampling_overrides *ret_overrides, char *err, size_t err_len);
void sampling_overrides_free(struct sampling_overrides *o);

/* What is configured for the exporter ADDR. */
void sampling_override(const struct sampling_overrides *o, const struct ip_addr *addr, uint64_t fallback,
	uint64_t *ret_override, uint64_t *ret_default);

/* 0 unknown: what a record or an options record said, as one number. */
uint64_t sampling_rate(const struct record_sampling *s);

/* Options data of DOM: sampler SELECTOR (when HAS_SELECTOR) or interface IN_IF (when HAS_IN_IF), or all. */
struct sampling_key {
	bool has_selector, has_in_if;
	uint64_t selector;
	uint32_t in_if;
};
void sampling_learn(struct decoder *d, struct domain *dom, uint16_t port, const struct sampling_key *key, uint64_t rate);

/* The rate that all of DOM's samplers have, as PORT knows them, 0 when they differ. To be asked before sampling_find(),
 * once a set. */
uint64_t sampling_only(struct domain *dom, uint16_t port);
/* The rate of a flow of DOM, come from PORT, that names SELECTOR (0: none) and was SEEN_AT the first of these interfaces
 * of which a rate is known; 0 unknown. */
uint64_t sampling_find(const struct domain *dom, uint16_t port, uint64_t selector, const uint32_t seen_at[2]);

/* Calls FN for each rate that is known of DOM. */
void sampling_each(const struct domain *dom,
	void (*fn)(void *arg, const struct sampling_key *key, uint16_t port, uint64_t rate), void *arg);

void sampling_free(struct decoder *d, struct sampling *s);

#endif
