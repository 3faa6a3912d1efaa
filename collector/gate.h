/*
 * gate.h -- what a worker lets through: datagrams of those who may send, flows that are wanted, and no more of an exporter
 * than the cap says. Each worker has its own gate; the rules behind it are shared, never changed, and swapped whole.
 */
#ifndef WEIR_COLLECTOR_GATE_H
#define WEIR_COLLECTOR_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/hash.h"
#include "common/ip.h"

struct config;
struct filter;
struct flow;
struct sender;
struct senders;

enum { GATE_CAPPED_MAX = 4096 /* exporters with a bucket of their own; the others share one */ };

/* From the configuration; SIGHUP makes new ones. */
struct gate_rules {
	struct ip_set allow;    /* empty: everybody */
	struct filter *filter;  /* NULL: every flow */
	uint64_t flows_per_second; /* of an exporter; 0: no cap */
	bool ask_senders;       /* --redis: only senders of its list */
};

/* 0, or -EINVAL with one line in ERR. */
int gate_rules_new(const struct config *config, struct gate_rules **ret_rules, char *err, size_t err_len) MUST_CHECK;
void gate_rules_free(struct gate_rules *r);

/* How one exporter stands with its cap. */
struct gate_bucket {
	struct ip_addr addr;
	uint64_t second;        /* that the counts are of */
	uint64_t seen, kept;
	uint64_t one_of;        /* one of so many flows is kept */
};

struct gate {
	const struct gate_rules *rules;
	const struct senders *senders; /* NULL until the first list is there */
	const struct sender *sender;   /* of the datagram at hand */
	struct hash_key key;
	struct gate_bucket *buckets;   /* GATE_CAPPED_MAX + 1, when there is a cap; the last is shared */
	struct gate_bucket *bucket;    /* of the datagram at hand */
	uint64_t second;               /* of its arrival */
};

int gate_init(struct gate *g, const struct gate_rules *rules); /* 0 or -ENOMEM */
void gate_free(struct gate *g);
/* New rules, when the old ones are about to go. 0, or -ENOMEM: it keeps the old ones. */
int gate_swap_rules(struct gate *g, const struct gate_rules *rules) MUST_CHECK;

/* Whether any rule looks at flows: else gate_flow() need not be called. */
bool gate_asks_flows(const struct gate *g);
/* False: not from this exporter. */
bool gate_datagram(struct gate *g, const struct ip_addr *source, uint16_t port, uint64_t now_ns);
/* An outlet_keep_fn; ARG is the gate. */
bool gate_flow(void *arg, struct flow *flow, enum err *ret_reason);

#endif
