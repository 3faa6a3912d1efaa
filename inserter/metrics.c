/*
 * metrics.c -- weir-inserter metrics: who downloads how much, for Prometheus.
 *
 * ipfix_bytes_received_total_total{local_ip="192.168.1.50"} counts what came to a local address, times the sampling
 * rate. (The name is the home collector's, doubled suffix and all: dashboards are built on it.)
 *
 * Addresses come from the network, so there is a limit on them; what comes for addresses beyond it is counted under
 * local_ip="other". Addresses that have been quiet for long go, and make room.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/promtext.h"
#include "inserter/labels.h"
#include "inserter/sides.h"
#include "inserter/sink.h"
#include "inserter/tally.h"
#include "proto/flow.h"

enum { BY_MAX = 16 };

#define NAME "ipfix_bytes_received_total_total"

struct metrics_options {
	int64_t max_addresses;
	uint64_t expire_ns;
	struct opt_list by;
};

struct received {
	uint64_t bytes;
	uint64_t seen_ns;
};

struct metrics {
	const struct metrics_options *options;
	const struct ip_set *local;
	uint64_t now_ns;
	pthread_mutex_t lock; /* over all below: the feed writes, a scrape reads */
	struct tally *addresses; /* struct ip_addr -> struct received */
	uint64_t other;
	uint64_t expired;
	uint64_t sides[SIDE_COUNT];
	struct labels *by[BY_MAX];
	size_t n_by;
};

static const struct opt rows[] = {
	{"max-addresses", OPT_INT, offsetof(struct metrics_options, max_addresses), "10000", "N",
	 "Local addresses, and sets of labels of each --metrics.by, with a counter of their own; the rest is counted as 'other'.",
	 .min = 1, .max = 10000000},
	{"expire", OPT_DURATION, offsetof(struct metrics_options, expire_ns), "24h", "TIME",
	 "An address that received nothing for so long loses its counter; 0: never."},
	{"metrics.by", OPT_LIST, offsetof(struct metrics_options, by), NULL, "NAME=LABEL,...",
	 "Further counters weir_NAME_bytes_total, _packets_total and _flows_total by labels of your choice: "
	 "'home=local_ip,direction,proto'. May be given many times."},
};

static int metrics_close(void *self);

static int metrics_open(const void *options, const struct sink_env *env, void **ret_self, char *err, size_t err_len)
{
	struct metrics *m = calloc(1, sizeof(*m));
	const struct metrics_options *o = options;
	if (!m || tally_new(sizeof(struct ip_addr), sizeof(struct received), (size_t)o->max_addresses, &m->addresses)) {
		free(m);
		snprintf(err, err_len, "metrics: out of memory");
		return -ENOMEM;
	}
	m->options = o;
	m->local = env->local;
	m->now_ns = clock_wall_ns(); /* until the first tick */
	pthread_mutex_init(&m->lock, NULL);
	int r = 0;
	for (size_t i = 0; i < o->by.count && !r; i++) {
		if (m->n_by == BY_MAX) {
			snprintf(err, err_len, "more than %d times --metrics.by", BY_MAX);
			r = -EINVAL;
		} else {
			r = labels_new(o->by.items[i], (size_t)o->max_addresses, &m->by[m->n_by], err, err_len);
			m->n_by += !r;
		}
	}
	if (r)
		(void)metrics_close(m);
	else
		*ret_self = m;
	return r;
}

static enum sink_answer metrics_flow(void *self, const struct flow *f)
{
	struct metrics *m = self;
	enum side side = sides_of(m->local, f);
	uint64_t bytes = f->bytes * flow_scale(f);
	pthread_mutex_lock(&m->lock);
	m->sides[side]++;
	if (side == SIDE_DOWN) {
		struct received *r = tally_get(m->addresses, &f->dst_addr);
		if (r) {
			r->bytes += bytes;
			r->seen_ns = m->now_ns;
		} else {
			m->other += bytes;
		}
	}
	for (size_t i = 0; i < m->n_by; i++)
		labels_add(m->by[i], f, side, m->now_ns);
	pthread_mutex_unlock(&m->lock);
	return SINK_MORE;
}

static bool is_quiet(const void *arg, const void *key, void *value)
{
	const struct received *r = value;
	(void)key;
	return r->seen_ns < *(const uint64_t *)arg;
}

static void metrics_tick(void *self, uint64_t now_ns)
{
	struct metrics *m = self;
	pthread_mutex_lock(&m->lock);
	m->now_ns = now_ns;
	if (m->options->expire_ns && now_ns > m->options->expire_ns) {
		uint64_t oldest = now_ns - m->options->expire_ns;
		size_t before = tally_count(m->addresses);
		tally_remove_if(m->addresses, is_quiet, &oldest);
		for (size_t i = 0; i < m->n_by; i++)
			labels_expire(m->by[i], oldest);
		m->expired += before - tally_count(m->addresses);
	}
	pthread_mutex_unlock(&m->lock);
}

static void metrics_metrics(void *self, struct buf *b)
{
	struct metrics *m = self;
	char text[IP_TEXT_MAX];
	pthread_mutex_lock(&m->lock);
	prom_head(b, NAME, "counter", "Bytes received by each local address, scaled by the sampling rate.");
	for (size_t i = 0; i < tally_count(m->addresses); i++) {
		ip_format(tally_key(m->addresses, i), text);
		prom_u64(b, NAME, ((const struct received *)tally_value(m->addresses, i))->bytes, "local_ip", text, NULL);
	}
	if (m->other)
		prom_u64(b, NAME, m->other, "local_ip", "other", NULL);
	prom_head(b, "weir_inserter_metrics_addresses", "gauge", "Local addresses that have a counter.");
	prom_u64(b, "weir_inserter_metrics_addresses", tally_count(m->addresses), NULL);
	prom_head(b, "weir_inserter_metrics_expired_total", "counter", "Local addresses whose counter went for lack of traffic.");
	prom_u64(b, "weir_inserter_metrics_expired_total", m->expired, NULL);
	prom_head(b, "weir_inserter_metrics_sides_total", "counter", "Flows by which end is local: up, down, neither, both.");
	for (size_t i = 0; i < SIDE_COUNT; i++)
		prom_u64(b, "weir_inserter_metrics_sides_total", m->sides[i], "side", side_names[i], NULL);
	for (size_t i = 0; i < m->n_by; i++)
		labels_write(m->by[i], b);
	pthread_mutex_unlock(&m->lock);
}

static int metrics_close(void *self)
{
	struct metrics *m = self;
	for (size_t i = 0; i < m->n_by; i++)
		labels_free(m->by[i]);
	tally_free(m->addresses);
	pthread_mutex_destroy(&m->lock);
	free(m);
	return 0;
}

extern const struct sink_kind sink_metrics;
const struct sink_kind sink_metrics = {
	.name = "metrics",
	.summary = "bytes received by each local address, for Prometheus",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.options_size = sizeof(struct metrics_options),
	.serves = true,
	.open = metrics_open,
	.flow = metrics_flow,
	.tick = metrics_tick,
	.metrics = metrics_metrics,
	.close = metrics_close,
};
