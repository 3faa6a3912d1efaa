/*
 * totals.c -- counters of all workers as one. Their structs hold nothing but uint64_t, so that adding up is a loop.
 */
#include "collector/collector.h"
#include "common/counter.h"

#define WORDS(type) (sizeof(type) / sizeof(uint64_t))

_Static_assert(sizeof(struct decode_stats) % sizeof(uint64_t) == 0, "only counters");
_Static_assert(sizeof(struct outlet_stats) % sizeof(uint64_t) == 0, "only counters");
_Static_assert(sizeof(struct worker_stats) % sizeof(uint64_t) == 0, "only counters");

static void add(void *sum, const void *more, size_t words)
{
	uint64_t *to = sum;
	const uint64_t *from = more;
	for (size_t i = 0; i < words; i++)
		to[i] += counter_get(&from[i]);
}

void collector_decode_stats(const struct collector *c, struct decode_stats *ret_stats)
{
	*ret_stats = (struct decode_stats){0};
	for (size_t i = 0; i < c->n_workers; i++)
		add(ret_stats, worker_decode_stats(c->workers[i]), WORDS(struct decode_stats));
}

void collector_outlet_stats(const struct collector *c, struct outlet_stats *ret_stats)
{
	*ret_stats = (struct outlet_stats){0};
	for (size_t i = 0; i < c->n_workers; i++)
		add(ret_stats, worker_outlet_stats(c->workers[i]), WORDS(struct outlet_stats));
}

void collector_listener_stats(const struct collector *c, const struct listen_spec *spec, struct worker_stats *ret_stats)
{
	*ret_stats = (struct worker_stats){0};
	for (size_t i = 0; i < c->n_workers; i++) {
		if (worker_listen(c->workers[i]) == spec)
			add(ret_stats, worker_stats(c->workers[i]), WORDS(struct worker_stats));
	}
}
