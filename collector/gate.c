/*
 * gate.c -- see gate.h.
 *
 * The cap: an exporter that sends more than N flows a second is thinned to one of K, and the sampling rate of what is kept
 * is multiplied by K, so that sums stay right. K doubles at once when a second has had its N, and halves when a
 * second has passed with less than a quarter of N kept.
 */
#include "collector/gate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/config.h"
#include "collector/senders.h"
#include "common/clock.h"
#include "proto/filter.h"
#include "proto/flow.h"

int gate_rules_new(const struct config *config, struct gate_rules **ret_rules, char *err, size_t err_len)
{
	struct gate_rules *r = calloc(1, sizeof(*r));
	char why[FILTER_ERR_MAX] = "no memory";
	int rc = r ? 0 : -ENOMEM;
	for (size_t i = 0; rc == 0 && i < config->allow.count; i++) {
		rc = ip_set_parse(&r->allow, config->allow.items[i], why, sizeof(why));
		if (rc < 0)
			snprintf(err, err_len, "--allow: %s", why);
	}
	if (rc == 0 && config->filter && *config->filter) {
		rc = filter_compile(config->filter, &r->filter, why, sizeof(why));
		if (rc < 0)
			snprintf(err, err_len, "--filter: %s", why);
	}
	if (rc < 0) {
		gate_rules_free(r);
		return rc;
	}
	r->flows_per_second = (uint64_t)config->rate_cap;
	r->ask_senders = config->redis != NULL;
	*ret_rules = r;
	return 0;
}

void gate_rules_free(struct gate_rules *r)
{
	if (!r)
		return;
	ip_set_free(&r->allow);
	filter_free(r->filter);
	free(r);
}

int gate_swap_rules(struct gate *g, const struct gate_rules *rules)
{
	if (rules->flows_per_second && !g->buckets) {
		g->buckets = calloc(GATE_CAPPED_MAX + 1, sizeof(*g->buckets));
		if (!g->buckets)
			return -ENOMEM;
	}
	g->rules = rules;
	return 0;
}

int gate_init(struct gate *g, const struct gate_rules *rules)
{
	*g = (struct gate){.key = hash_key_random()};
	return gate_swap_rules(g, rules);
}

void gate_free(struct gate *g)
{
	free(g->buckets);
	g->buckets = NULL;
}

/* Its own bucket, a free one, or one whose exporter was silent for a minute; within eight places of its hash. */
static struct gate_bucket *bucket_of(struct gate *g, const struct ip_addr *addr)
{
	struct gate_bucket *spare = NULL;
	uint64_t at = hash_bytes(&g->key, addr, sizeof(*addr));
	for (uint64_t i = 0; i < 8; i++) {
		struct gate_bucket *b = &g->buckets[(at + i) % GATE_CAPPED_MAX];
		if (ip_equal(&b->addr, addr))
			return b;
		if (!spare && (b->addr.len == 0 || b->second + 60 < g->second))
			spare = b;
	}
	if (!spare)
		return &g->buckets[GATE_CAPPED_MAX];
	*spare = (struct gate_bucket){.addr = *addr, .second = g->second, .one_of = 1};
	return spare;
}

bool gate_asks_flows(const struct gate *g)
{
	return g->rules->ask_senders || g->rules->filter || g->rules->flows_per_second;
}

bool gate_datagram(struct gate *g, const struct ip_addr *source, uint16_t port, uint64_t now_ns)
{
	const struct gate_rules *r = g->rules;
	if (r->allow.count && !ip_set_has(&r->allow, source))
		return false;
	if (r->ask_senders) {
		g->sender = g->senders ? senders_find(g->senders, source, port) : NULL;
		if (!g->sender)
			return false;
	}
	if (r->flows_per_second) {
		g->second = now_ns / NS_PER_S;
		g->bucket = bucket_of(g, source);
	}
	return true;
}

static bool under_cap(struct gate *g, struct flow *flow)
{
	struct gate_bucket *b = g->bucket;
	uint64_t cap = g->rules->flows_per_second;
	if (!b)
		return true; /* held data of an exporter, released by the clock */
	if (b->one_of == 0)
		b->one_of = 1; /* the shared one, at first */
	if (b->second != g->second) {
		if (b->kept < cap / 4 && b->one_of > 1)
			b->one_of /= 2;
		b->second = g->second;
		b->kept = 0;
	}
	if (b->kept >= cap) {
		b->one_of *= 2;
		b->kept = 0;
	}
	if (b->seen++ % b->one_of != 0)
		return false;
	b->kept++;
	if (b->one_of > 1)
		flow->sampling_rate = flow_scale(flow) * b->one_of;
	return true;
}

bool gate_flow(void *arg, struct flow *flow, enum err *ret_reason)
{
	struct gate *g = arg;
	const struct gate_rules *r = g->rules;
	if (r->ask_senders && g->sender && !sender_keeps(g->sender, flow)) {
		*ret_reason = ERR_NETWORK;
		return false;
	}
	if (r->filter && !filter_match(r->filter, flow)) {
		*ret_reason = ERR_FILTERED;
		return false;
	}
	if (r->flows_per_second && !under_cap(g, flow)) {
		*ret_reason = ERR_RATE_LIMITED;
		return false;
	}
	return true;
}
