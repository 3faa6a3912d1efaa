/*
 * redis.c -- weir-inserter redis: netflow.io's storage. For each sender and each network that the Redis sets name
 * (`senders` and `sender:IP/Port`), what went in and out by hour and by day, as hashes that expire:
 *
 *     traffic:10.0.0.1/1337:192.168.0.0/16:hour:2026112112    in_bytes in_packets in_flows out_bytes ...
 *     traffic:10.0.0.1/1337:192.168.0.0/16:day:20261121
 *
 * A batch is one MULTI, with the offsets of Kafka's partitions in it (hash weir:offsets:TOPIC). So a batch whose answer was
 * lost is known to be in there or not when the connection is back, and nothing is counted twice.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/complain.h"
#include "common/counter.h"
#include "common/log.h"
#include "common/promtext.h"
#include "inserter/sink.h"
#include "inserter/tally.h"
#include "kafka/consume.h"
#include "output/redis.h"
#include "proto/flow.h"

enum { SENDERS_MAX = 1024, NETWORKS_MAX = 65536, CELLS_MAX = 100000, PARTS_MAX = 10000, KEY_LEN = 512, REFRESH_S = 10 };

struct redis_options {
	char *address, *password, *prefix;
	uint64_t keep_hours_ns, keep_days_ns;
};

struct sender {
	char *name; /* "10.0.0.1/1337", as the set has it */
	struct ip_addr addr;
	size_t first, count; /* its networks */
};

struct network {
	char *name;
	struct ip_prefix prefix;
};

struct cell_key {
	uint32_t sender, network;
	uint64_t hour; /* since 1970 */
};

enum { IN_BYTES, IN_PACKETS, IN_FLOWS, OUT_BYTES, OUT_PACKETS, OUT_FLOWS, COUNTS };

static const char *const count_names[COUNTS] = {"in_bytes", "in_packets", "in_flows", "out_bytes", "out_packets", "out_flows"};

struct redis_sink {
	const struct redis_options *o;
	struct redis *redis;
	char offsets_key[KEY_LEN];
	struct sender senders[SENDERS_MAX];
	size_t n_senders;
	struct network *networks;
	size_t n_networks;
	bool failed;              /* to add something to those lists */
	uint64_t next_refresh_ns;
	struct tally *cells;      /* struct cell_key -> uint64_t[COUNTS] */
	int64_t *next;            /* of each partition, -1: nothing in this batch */
	int32_t n_next;
	bool in_doubt;            /* the last batch may be in there */
	struct complain complain;
	uint64_t flows, unknown_sender, outside, batches, errors;
};

static const struct opt rows[] = {
	{"redis", OPT_STRING, offsetof(struct redis_options, address), "localhost:6379", "HOST:PORT",
	 "Redis with the sets senders and sender:IP/Port, and for the counters."},
	{"redis.password", OPT_STRING, offsetof(struct redis_options, password), NULL, "TEXT",
	 "Its password; better in WEIR_REDIS_PASSWORD.", .flags = OPT_SECRET},
	{"redis.prefix", OPT_STRING, offsetof(struct redis_options, prefix), "traffic", "TEXT", "What the keys of counters begin with."},
	{"redis.keep-hours", OPT_DURATION, offsetof(struct redis_options, keep_hours_ns), "31d", "TIME",
	 "Counters by hour expire so long after their last change; 0: never.", .max = INT64_MAX},
	{"redis.keep-days", OPT_DURATION, offsetof(struct redis_options, keep_days_ns), "732d", "TIME",
	 "Counters by day expire so long after their last change; 0: never.", .max = INT64_MAX},
};

static int say(struct redis_sink *s, const char *why)
{
	uint64_t swallowed;
	counter_inc(&s->errors);
	if (complain_now(&s->complain, clock_monotonic_ns(), &swallowed))
		log_warn(LOG_DB, "%s", why);
	return -EIO;
}

/* -- the sets -- */

static void forget(struct redis_sink *s)
{
	for (size_t i = 0; i < s->n_senders; i++)
		free(s->senders[i].name);
	for (size_t i = 0; i < s->n_networks; i++)
		free(s->networks[i].name);
	s->n_senders = s->n_networks = 0;
}

static void on_sender(void *arg, const char *member)
{
	struct redis_sink *s = arg;
	struct sender sender = {.name = strdup(member)};
	char addr[IP_TEXT_MAX + 1];
	snprintf(addr, sizeof(addr), "%.*s", (int)strcspn(member, "/"), member);
	/* The port is netflow.io's care against forged senders: the collector looks at it, flows do not carry it. */
	if (!sender.name || s->n_senders == SENDERS_MAX || ip_parse(addr, &sender.addr)) {
		free(sender.name);
		s->failed = true;
		return;
	}
	s->senders[s->n_senders++] = sender;
}

static void on_network(void *arg, const char *member)
{
	struct redis_sink *s = arg;
	struct network network = {.name = strdup(member)};
	struct network *grown = reallocarray(s->networks, s->n_networks + 1, sizeof(*grown));
	if (grown)
		s->networks = grown;
	if (!network.name || !grown || s->n_networks == NETWORKS_MAX || ip_prefix_parse(member, &network.prefix)) {
		free(network.name);
		s->failed = true;
		return;
	}
	s->networks[s->n_networks++] = network;
}

/* Reads the sets anew. Only while no batch is pending: cells hold places in the lists. */
static int refresh(struct redis_sink *s)
{
	char err[256], key[KEY_LEN];
	uint64_t now = clock_monotonic_ns();
	if (now < s->next_refresh_ns)
		return 0;
	forget(s);
	s->failed = false;
	int r = redis_members(s->redis, "senders", on_sender, s, err, sizeof(err));
	for (size_t i = 0; i < s->n_senders && !r; i++) {
		s->senders[i].first = s->n_networks;
		snprintf(key, sizeof(key), "sender:%.*s", KEY_LEN - 16, s->senders[i].name);
		r = redis_members(s->redis, key, on_network, s, err, sizeof(err));
		s->senders[i].count = s->n_networks - s->senders[i].first;
	}
	if (r)
		return say(s, err);
	if (s->failed)
		(void)say(s, "redis: a member of senders is no IP/Port, or one of sender:IP/Port no network: left out");
	else if (s->n_senders == 0)
		(void)say(s, "redis: the set senders is empty: nothing is counted. redis-cli sadd senders 192.0.2.1/2055");
	s->next_refresh_ns = now + REFRESH_S * NS_PER_S;
	return 0;
}

/* -- counting -- */

static int add(struct redis_sink *s, uint32_t sender, uint32_t network, const struct flow *f, int first)
{
	struct cell_key key = {.sender = sender, .network = network, .hour = f->time_received_ns / (3600 * NS_PER_S)};
	uint64_t *counts = tally_get(s->cells, &key);
	if (!counts)
		return -ENOMEM;
	counts[first] += f->bytes * flow_scale(f);
	counts[first + 1] += f->packets * flow_scale(f);
	counts[first + 2]++;
	return 0;
}

static enum sink_answer redis_flow(void *self, const struct flow *f)
{
	struct redis_sink *s = self;
	bool known = false, inside = false;
	for (uint32_t i = 0; i < s->n_senders; i++) {
		const struct sender *sender = &s->senders[i];
		if (!ip_equal(&sender->addr, &f->sampler_address))
			continue;
		known = true;
		for (size_t k = sender->first; k < sender->first + sender->count; k++) {
			bool in = ip_prefix_has(&s->networks[k].prefix, &f->dst_addr);
			bool out = ip_prefix_has(&s->networks[k].prefix, &f->src_addr);
			inside |= in || out;
			if ((in && add(s, i, (uint32_t)k, f, IN_BYTES)) || (out && add(s, i, (uint32_t)k, f, OUT_BYTES)))
				counter_inc(&s->errors);
		}
	}
	counter_inc(&s->flows);
	counter_add(&s->unknown_sender, !known);
	counter_add(&s->outside, known && !inside);
	return tally_count(s->cells) > CELLS_MAX / 2 ? SINK_FULL : SINK_MORE;
}

static enum sink_answer redis_message(void *self, const struct kafka_message *m)
{
	struct redis_sink *s = self;
	if (m->partition < 0 || m->partition >= PARTS_MAX)
		return SINK_MORE;
	if (m->partition >= s->n_next) {
		int64_t *grown = reallocarray(s->next, (size_t)m->partition + 1, sizeof(*grown));
		if (!grown)
			return SINK_FULL;
		for (int32_t i = s->n_next; i <= m->partition; i++)
			grown[i] = -1;
		s->next = grown;
		s->n_next = m->partition + 1;
	}
	s->next[m->partition] = m->offset + 1;
	return SINK_MORE;
}

/* -- storing -- */

static void add_cell(struct redis_sink *s, const struct cell_key *key, const uint64_t *counts, bool by_day)
{
	char name[KEY_LEN], stamp[16], number[24];
	struct tm tm;
	time_t t = (time_t)(key->hour * 3600);
	uint64_t keep = by_day ? s->o->keep_days_ns : s->o->keep_hours_ns;
	gmtime_r(&t, &tm);
	strftime(stamp, sizeof(stamp), by_day ? "%Y%m%d" : "%Y%m%d%H", &tm);
	snprintf(name, sizeof(name), "%.100s:%.100s:%.100s:%s:%s", s->o->prefix, s->senders[key->sender].name,
		 s->networks[key->network].name, by_day ? "day" : "hour", stamp);
	for (size_t i = 0; i < COUNTS; i++) {
		if (!counts[i])
			continue;
		snprintf(number, sizeof(number), "%llu", (unsigned long long)counts[i]);
		redis_add(s->redis, 4, (const char *const[]){"HINCRBY", name, count_names[i], number});
	}
	if (!keep)
		return;
	snprintf(number, sizeof(number), "%llu", (unsigned long long)(keep / NS_PER_S));
	redis_add(s->redis, 3, (const char *const[]){"EXPIRE", name, number});
}

/* Whether the batch whose answer was lost is in there: its offsets tell. */
static int look_whether_it_is_in(struct redis_sink *s, bool *ret_in)
{
	char err[256], field[16];
	for (int32_t i = 0; i < s->n_next; i++) {
		long long stored;
		if (s->next[i] < 0)
			continue;
		snprintf(field, sizeof(field), "%d", i);
		if (redis_hash_number(s->redis, s->offsets_key, field, &stored, err, sizeof(err)))
			return say(s, err);
		*ret_in = stored == s->next[i];
		return 0; /* one tells for all: they moved together */
	}
	*ret_in = true;
	return 0;
}

static int store(struct redis_sink *s)
{
	char err[256], field[16], number[24];
	if (redis_begin(s->redis, err, sizeof(err)))
		return say(s, err);
	for (size_t i = 0; i < tally_count(s->cells); i++) {
		add_cell(s, tally_key(s->cells, i), tally_value(s->cells, i), false);
		add_cell(s, tally_key(s->cells, i), tally_value(s->cells, i), true);
	}
	for (int32_t i = 0; i < s->n_next; i++) {
		if (s->next[i] < 0)
			continue;
		snprintf(field, sizeof(field), "%d", i);
		snprintf(number, sizeof(number), "%lld", (long long)s->next[i]);
		redis_add(s->redis, 4, (const char *const[]){"HSET", s->offsets_key, field, number});
	}
	s->in_doubt = true;
	if (redis_run(s->redis, err, sizeof(err)))
		return say(s, err);
	return 0;
}

static int redis_flush(void *self)
{
	struct redis_sink *s = self;
	bool is_in = false;
	int r = s->in_doubt ? look_whether_it_is_in(s, &is_in) : 0;
	if (!r && !is_in)
		r = store(s);
	if (r)
		return r;
	s->in_doubt = false;
	counter_inc(&s->batches);
	tally_clear(s->cells);
	for (int32_t i = 0; i < s->n_next; i++)
		s->next[i] = -1;
	if (complain_over(&s->complain))
		log_info(LOG_DB, "redis: connected to %s", s->o->address);
	return refresh(s);
}

static int redis_ready(void *self)
{
	return refresh(self);
}

static int64_t redis_begins(void *self, int32_t partition)
{
	struct redis_sink *s = self;
	char err[256], field[16];
	long long stored;
	snprintf(field, sizeof(field), "%d", partition);
	if (redis_hash_number(s->redis, s->offsets_key, field, &stored, err, sizeof(err)))
		return -1;
	return stored;
}

static int redis_close(void *self)
{
	struct redis_sink *s = self;
	forget(s);
	redis_free(s->redis);
	tally_free(s->cells);
	free(s->networks);
	free(s->next);
	free(s);
	return 0;
}

static int redis_open(const void *options, const struct sink_env *env, void **ret_self, char *err, size_t err_len)
{
	const struct redis_options *o = options;
	struct redis_sink *s = calloc(1, sizeof(*s));
	int r = s ? redis_new(o->address, o->password, &s->redis) : -ENOMEM;
	if (!r)
		r = tally_new(sizeof(struct cell_key), COUNTS * sizeof(uint64_t), CELLS_MAX, &s->cells);
	if (r) {
		snprintf(err, err_len, "--redis %s: %s", o->address, r == -EINVAL ? "HOST:PORT is expected" : "out of memory");
		if (s)
			(void)redis_close(s);
		return r;
	}
	s->o = o;
	snprintf(s->offsets_key, sizeof(s->offsets_key), "weir:offsets:%.200s", env->topic);
	*ret_self = s;
	return 0;
}

static void redis_metrics(void *self, struct buf *b)
{
	static const struct prom_row counters[] = {
		{"weir_inserter_redis_flows_total", "counter", "Flows looked at.", offsetof(struct redis_sink, flows)},
		{"weir_inserter_redis_unknown_sender_total", "counter", "Flows of exporters that are not in the set senders.",
		 offsetof(struct redis_sink, unknown_sender)},
		{"weir_inserter_redis_outside_total", "counter", "Flows in none of their sender's networks.",
		 offsetof(struct redis_sink, outside)},
		{"weir_inserter_redis_batches_total", "counter", "Transactions.", offsetof(struct redis_sink, batches)},
		{"weir_inserter_redis_errors_total", "counter", "Commands and connections that failed.",
		 offsetof(struct redis_sink, errors)},
	};
	prom_rows(b, counters, sizeof(counters) / sizeof(counters[0]), self);
}

extern const struct sink_kind sink_redis;
const struct sink_kind sink_redis = {
	.name = "redis",
	.summary = "counters by sender, network, hour and day, as netflow.io's",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.options_size = sizeof(struct redis_options),
	.group = "weir-redis",
	.open = redis_open,
	.ready = redis_ready, /* the sets have to be there before the first flow */
	.begin = redis_begins,
	.message = redis_message,
	.flow = redis_flow,
	.flush = redis_flush,
	.metrics = redis_metrics,
	.close = redis_close,
};
