/*
 * feed.c -- poll, unpack, hand to the sinks; make safe, then commit.
 *
 * A sink that cannot be made safe (its database is away) stops the feed, not the consumer: partitions are paused and
 * polling goes on, so that the group keeps us and nothing piles up in memory. What cannot be read is counted with its
 * reason and passed over; the rest of its message is still used.
 */
#include "inserter/feed.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/complain.h"
#include "common/counter.h"
#include "common/err.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/promtext.h"
#include "enrich/enrich.h"
#include "inserter/dead.h"
#include "inserter/replay.h"
#include "kafka/consume.h"
#include "kafka/header.h"
#include "kafka/options.h"
#include "proto/filter.h"
#include "proto/flow.h"
#include "proto/unpack.h"

enum { WAIT_MS = 100, RETRY_MS = 250, LOOK_AT_CLOCK = 4096 };

struct slot {
	const struct sink_kind *kind;
	void *self;
	bool done;
};

struct feed {
	struct feed_setup setup;
	struct kafka_consumer *consumer;
	struct dead *dead;
	struct slot slots[FEED_SINKS_MAX];
	size_t n_slots;
	pthread_t thread;
	bool started, pulse;  /* pulse: atomic */
	atomic_bool ended;
	int result;
	bool flush_wanted;    /* a sink is full */
	bool pending;         /* something was read since the last flush */
	uint64_t next_tick_ns, next_flush_ns;
	struct complain complain, stuck;
	struct replay_stats files;
	const struct filter *filter;    /* in force */
	pthread_mutex_t filter_lock;    /* around the two below */
	struct filter *own_filter, *next_filter;
	bool filter_changed;            /* atomic: next_filter is to be taken */
	/* written by the thread, read by scrapes */
	uint64_t messages, bytes, flows, filtered, bad[ERR_COUNT], commits, failed_flushes, broker_errors, lag, ready;
};

static void on_event(void *arg, bool is_error, const char *text)
{
	struct feed *f = arg;
	uint64_t swallowed;
	if (!is_error) {
		log_info(LOG_BROKER, "%s", text);
		return;
	}
	counter_inc(&f->broker_errors);
	if (!complain_now(&f->complain, clock_monotonic_ns(), &swallowed))
		return;
	if (swallowed)
		log_warn(LOG_BROKER, "%s (and %llu more like it)", text, (unsigned long long)swallowed);
	else
		log_warn(LOG_BROKER, "%s", text);
}

/* 0 when every sink is safe. */
static int flush_once(struct feed *f)
{
	int r = dead_flush(f->dead);
	for (size_t i = 0; i < f->n_slots; i++) {
		struct slot *s = &f->slots[i];
		int one = s->kind->flush ? s->kind->flush(s->self) : 0;
		r = r ? r : one;
	}
	if (r)
		counter_inc(&f->failed_flushes);
	return r;
}

static void commit(struct feed *f, bool wait)
{
	if (kafka_consumer_commit(f->consumer, wait) == 0)
		counter_inc(&f->commits);
	f->pending = false;
	f->flush_wanted = false;
}

static void on_revoked(void *arg)
{
	struct feed *f = arg;
	/* Only one try: the group is waiting. What is not safe now is read again by whoever has the partition next. */
	if (flush_once(f) == 0)
		commit(f, true);
}

/* A sink that keeps offsets is alone in its group: what it says holds for the feed. */
static int64_t on_begin(void *arg, int32_t partition)
{
	struct feed *f = arg;
	int64_t offset = -1;
	for (size_t i = 0; i < f->n_slots && offset < 0; i++)
		if (f->slots[i].kind->begin)
			offset = f->slots[i].kind->begin(f->slots[i].self, partition);
	return offset;
}

void feed_set_filter(struct feed *f, struct filter *filter)
{
	pthread_mutex_lock(&f->filter_lock);
	filter_free(f->next_filter);
	f->next_filter = filter;
	__atomic_store_n(&f->filter_changed, true, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&f->filter_lock);
}

static void take_filter(struct feed *f)
{
	pthread_mutex_lock(&f->filter_lock);
	filter_free(f->own_filter);
	f->filter = f->own_filter = f->next_filter;
	f->next_filter = NULL;
	__atomic_store_n(&f->filter_changed, false, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&f->filter_lock);
}

static void tick(struct feed *f, uint64_t now_ns)
{
	notify_turned(&f->pulse);
	if (__atomic_load_n(&f->filter_changed, __ATOMIC_RELAXED))
		take_filter(f);
	if (now_ns < f->next_tick_ns)
		return;
	f->next_tick_ns = now_ns + NS_PER_S;
	uint64_t wall = clock_wall_ns();
	for (size_t i = 0; i < f->n_slots; i++)
		if (f->slots[i].kind->tick)
			f->slots[i].kind->tick(f->slots[i].self, wall);
	for (size_t i = 0; i < f->n_slots && f->files.of_files; i++)
		if (f->slots[i].kind->progress)
			f->slots[i].kind->progress(f->slots[i].self, &f->files);
	char err[512];
	if (enrich_tick(f->setup.enrich, err, sizeof(err)))
		log_warn(LOG_OURS, "enrichment goes on with what it had: %s", err);
	if (!f->consumer)
		return;
	__atomic_store_n(&f->lag, (uint64_t)kafka_consumer_lag(f->consumer), __ATOMIC_RELAXED);
	__atomic_store_n(&f->ready, kafka_consumer_ready(f->consumer), __ATOMIC_RELAXED);
	if (f->ready && complain_over(&f->complain))
		log_info(LOG_BROKER, "the broker is back");
}

static void note_answer(struct feed *f, struct slot *s, enum sink_answer answer)
{
	if (answer == SINK_DONE)
		s->done = true;
	else if (answer == SINK_FULL)
		f->flush_wanted = true;
}

/* Weir's collector can be told to put JSON or text lines into the topic; those are for other readers. */
static bool is_readable(struct feed *f, const struct kafka_message *m)
{
	struct kafka_header h;
	if (!m->header || kafka_header_read(m->header, m->header_len, &h) || h.format == 0)
		return true;
	counter_inc(&f->bad[ERR_UNSUPPORTED]);
	dead_keep(f->dead, m);
	return false;
}

/* First what is known of the addresses, so that a filter can ask for it. */
static void give(struct feed *f, struct flow *flow)
{
	enrich_flow(f->setup.enrich, flow);
	if (!filter_match(f->filter, flow)) {
		counter_inc(&f->filtered);
		return;
	}
	for (size_t i = 0; i < f->n_slots; i++) {
		struct slot *s = &f->slots[i];
		if (!s->done)
			note_answer(f, s, s->kind->flow(s->self, flow));
	}
}

static void deliver(struct feed *f, const struct kafka_message *m)
{
	struct flow_iter it;
	struct flow flow;
	uint64_t flows = 0;
	bool damaged = false;
	int r;
	counter_inc(&f->messages);
	counter_add(&f->bytes, m->len);
	f->pending = true;
	if (!is_readable(f, m))
		return;
	for (size_t i = 0; i < f->n_slots; i++)
		if (f->slots[i].kind->message && !f->slots[i].done)
			note_answer(f, &f->slots[i], f->slots[i].kind->message(f->slots[i].self, m));
	flow_iter_message(&it, m->data, m->len);
	while ((r = flow_iter_next(&it, &flow)) != 0) {
		if (r < 0) {
			counter_inc(&f->bad[-r]);
			damaged = true;
			continue;
		}
		flows++;
		give(f, &flow);
	}
	counter_add(&f->flows, flows);
	if (damaged)
		dead_keep(f->dead, m);
	f->flush_wanted |= dead_is_full(f->dead);
}

/* Waits until everything is safe or the program is to end; polls on, so that the group keeps us. */
static int flush_until_safe(struct feed *f)
{
	struct kafka_message m;
	uint64_t swallowed;
	int r;
	while ((r = flush_once(f)) != 0 && !*f->setup.stop) {
		if (complain_now(&f->stuck, clock_monotonic_ns(), &swallowed))
			log_warn(LOG_OURS, "reading stands still until what was read can be stored");
		kafka_consumer_pause(f->consumer, true);
		if (kafka_consumer_poll(f->consumer, RETRY_MS, &m) == 1)
			deliver(f, &m); /* a partition that was given to us just now */
		tick(f, clock_monotonic_ns());
	}
	if (complain_over(&f->stuck)) {
		kafka_consumer_pause(f->consumer, false);
		log_info(LOG_OURS, "reading goes on");
	}
	return r;
}

static bool all_done(const struct feed *f)
{
	for (size_t i = 0; i < f->n_slots; i++)
		if (!f->slots[i].done)
			return false;
	return true;
}

static int poll_once(struct feed *f)
{
	struct kafka_message m;
	int r = kafka_consumer_poll(f->consumer, 0, &m);
	if (r == 0) {
		for (size_t i = 0; i < f->n_slots; i++)
			if (f->slots[i].kind->idle)
				f->slots[i].kind->idle(f->slots[i].self);
		r = kafka_consumer_poll(f->consumer, WAIT_MS, &m);
	}
	if (r == 1)
		deliver(f, &m);
	return r;
}

static void wait_until_ready(struct feed *f)
{
	for (size_t i = 0; i < f->n_slots && !*f->setup.stop; i++)
		while (f->slots[i].kind->ready && f->slots[i].kind->ready(f->slots[i].self) != 0 && !*f->setup.stop) {
			notify_turned(&f->pulse);
			clock_sleep_ns(RETRY_MS * NS_PER_MS);
		}
}

static void *run(void *arg)
{
	struct feed *f = arg;
	int r = 0;
	wait_until_ready(f);
	while (!*f->setup.stop && !all_done(f) && r >= 0) {
		r = poll_once(f);
		uint64_t now = clock_monotonic_ns();
		tick(f, now);
		if (f->pending && (f->flush_wanted || now >= f->next_flush_ns)) {
			if (flush_until_safe(f) == 0)
				commit(f, false);
			f->next_flush_ns = clock_monotonic_ns() + f->setup.flush_ns;
		}
	}
	f->result = r < 0 ? r : flush_once(f);
	if (r >= 0 && f->result == 0)
		commit(f, true);
	else if (f->result)
		log_error(LOG_OURS, "what was read last is not stored%s",
			  f->setup.group ? "; the group reads it again at the next start" : "");
	f->ended = true;
	f->setup.ended();
	return NULL;
}

/* -- files -- */

static bool on_file_flow(void *arg, struct flow *flow)
{
	struct feed *f = arg;
	counter_inc(&f->flows);
	give(f, flow);
	if (f->flows % LOOK_AT_CLOCK == 0)
		tick(f, clock_monotonic_ns());
	while (f->flush_wanted && !*f->setup.stop) {
		f->flush_wanted = flush_once(f) != 0;
		notify_turned(&f->pulse);
		if (f->flush_wanted)
			clock_sleep_ns(RETRY_MS * NS_PER_MS);
	}
	return !all_done(f);
}

static void *run_files(void *arg)
{
	struct feed *f = arg;
	struct replay replay = {
		.path = f->setup.read, .range = f->setup.range, .dirs = f->setup.dirs, .stop = f->setup.stop,
		.flow = on_file_flow, .arg = f};
	char err[512];
	tick(f, clock_monotonic_ns());
	f->result = replay_run(&replay, &f->files, err, sizeof(err));
	if (f->result)
		log_error(LOG_OURS, "%s", err);
	else
		f->result = flush_once(f);
	counter_add(&f->bad[ERR_BAD_RECORD], f->files.bad_records);
	counter_add(&f->bad[ERR_TRUNCATED], f->files.cut);
	f->ended = true;
	f->setup.ended();
	return NULL;
}

int feed_new(const struct feed_setup *setup, struct feed **ret_feed, char *err, size_t err_len)
{
	struct feed *f = calloc(1, sizeof(*f));
	if (!f) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	f->setup = *setup;
	f->filter = setup->filter;
	pthread_mutex_init(&f->filter_lock, NULL);
	*ret_feed = f;
	return 0;
}

const char *feed_group(const struct feed *f)
{
	return f->setup.group;
}

bool feed_empty(const struct feed *f)
{
	return f->n_slots == 0;
}

bool feed_keeps_offsets(const struct feed *f)
{
	for (size_t i = 0; i < f->n_slots; i++)
		if (f->slots[i].kind->begin)
			return true;
	return false;
}

int feed_add(struct feed *f, const struct sink_kind *kind, const void *options, const struct sink_env *env, char *err,
	     size_t err_len)
{
	if (f->n_slots == FEED_SINKS_MAX) {
		snprintf(err, err_len, "more than %d sinks", FEED_SINKS_MAX);
		return -EINVAL;
	}
	struct slot *s = &f->slots[f->n_slots];
	int r = kind->open(options, env, &s->self, err, err_len);
	if (r)
		return r;
	s->kind = kind;
	f->n_slots++;
	return 0;
}

int feed_start(struct feed *f, char *err, size_t err_len)
{
	struct kafka_consumer_setup setup = {
		.options = f->setup.kafka,
		.group = f->setup.group,
		.from = f->setup.from,
		.client_id = "weir-inserter",
		.event = on_event,
		.revoked = on_revoked,
		.begin = on_begin,
		.arg = f,
	};
	int r = f->setup.read ? 0 : kafka_consumer_new(&setup, &f->consumer, err, err_len);
	if (r)
		return r;
	struct dead *dead = NULL;
	if (f->setup.dead_letters && !f->setup.read)
		r = dead_new(f->setup.kafka, f->setup.dead_letters, &dead, err, err_len);
	if (r)
		return r;
	__atomic_store_n(&f->dead, dead, __ATOMIC_RELEASE); /* a scrape may be looking */
	r = -pthread_create(&f->thread, NULL, f->setup.read ? run_files : run, f);
	if (r)
		snprintf(err, err_len, "cannot start a thread: %s", strerror(-r));
	f->started = !r;
	return r;
}

int feed_join(struct feed *f)
{
	if (f->started)
		pthread_join(f->thread, NULL);
	f->started = false;
	kafka_consumer_free(f->consumer);
	f->consumer = NULL;
	dead_free(f->dead);
	f->dead = NULL;
	int r = f->result;
	for (size_t i = 0; i < f->n_slots; i++) {
		int one = f->slots[i].kind->close(f->slots[i].self);
		r = r ? r : one;
	}
	f->n_slots = 0;
	return r;
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	(void)feed_join(f);
	enrich_free(f->setup.enrich);
	filter_free(f->own_filter);
	filter_free(f->next_filter);
	pthread_mutex_destroy(&f->filter_lock);
	free(f);
}

bool feed_ready(const struct feed *f)
{
	return counter_get(&f->ready) != 0;
}

bool feed_ended(const struct feed *f)
{
	return f->ended;
}

static uint64_t bad_records(const struct feed *f)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < ERR_COUNT; i++)
		sum += counter_get(&f->bad[i]);
	return sum;
}

static const char *group_label(const struct feed *f)
{
	return f->setup.group ? f->setup.group : "";
}

static void bad_metrics(const struct feed *f, struct buf *b)
{
	for (enum err e = 1; e < ERR_COUNT; e++)
		if (e == ERR_TRUNCATED || e == ERR_BAD_RECORD || counter_get(&f->bad[e]))
			prom_u64(b, "weir_inserter_bad_records_total", counter_get(&f->bad[e]), "group", group_label(f), "reason",
				 err_word(e), NULL);
}

static void enrich_metrics(struct feed *const feeds[], size_t n, struct buf *b)
{
	static const char name[] = "weir_inserter_enriched_total";
	struct enrich_stats stats;
	if (n == 0 || !feeds[0]->setup.enrich)
		return;
	prom_head(b, name, "counter", "Flows in which a country, an AS number or a name was filled in.");
	for (size_t k = 0; k < n; k++) {
		enrich_stats(feeds[k]->setup.enrich, &stats);
		prom_u64(b, name, stats.countries, "group", group_label(feeds[k]), "what", "country", NULL);
		prom_u64(b, name, stats.as_numbers, "group", group_label(feeds[k]), "what", "as", NULL);
		prom_u64(b, name, stats.names, "group", group_label(feeds[k]), "what", "name", NULL);
	}
}

bool *feed_pulse(struct feed *f)
{
	if (f->ended)
		notify_turned(&f->pulse);
	return &f->pulse;
}

void feed_metrics(struct feed *const feeds[], size_t n, struct buf *b)
{
	static const struct {
		const char *name, *type, *help;
		size_t offset;
	} rows[] = {
		{"weir_inserter_messages_total", "counter", "Kafka messages read.", offsetof(struct feed, messages)},
		{"weir_inserter_bytes_total", "counter", "Bytes of those messages.", offsetof(struct feed, bytes)},
		{"weir_inserter_flows_total", "counter", "Flows in those messages.", offsetof(struct feed, flows)},
		{"weir_inserter_filtered_total", "counter", "Flows that the filter left out.", offsetof(struct feed, filtered)},
		{"weir_inserter_commits_total", "counter", "Times that offsets were committed.", offsetof(struct feed, commits)},
		{"weir_inserter_failed_flushes_total", "counter", "Times that a sink could not store what it had.",
		 offsetof(struct feed, failed_flushes)},
		{"weir_inserter_broker_errors_total", "counter", "Errors that the Kafka client spoke of.",
		 offsetof(struct feed, broker_errors)},
		{"weir_inserter_lag_messages", "gauge", "Messages of the topic that are still to be read.",
		 offsetof(struct feed, lag)},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		prom_head(b, rows[i].name, rows[i].type, rows[i].help);
		for (size_t k = 0; k < n; k++)
			prom_u64(b, rows[i].name, counter_get((const void *)((const char *)feeds[k] + rows[i].offset)), "group",
				 group_label(feeds[k]), NULL);
	}
	prom_head(b, "weir_inserter_bad_records_total", "counter", "Records that could not be read, by reason.");
	for (size_t k = 0; k < n; k++)
		bad_metrics(feeds[k], b);
	for (size_t k = 0, headed = 0; k < n; k++) {
		const struct dead *dead = __atomic_load_n(&feeds[k]->dead, __ATOMIC_ACQUIRE); /* NULL: not started yet */
		if (dead && !headed++)
			prom_head(b, "weir_inserter_dead_letters_total", "counter", "Messages kept aside in the dead-letter topic.");
		if (dead)
			prom_u64(b, "weir_inserter_dead_letters_total", dead_count(dead), "group", group_label(feeds[k]), NULL);
	}
	enrich_metrics(feeds, n, b);
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < feeds[k]->n_slots; i++)
			if (feeds[k]->slots[i].kind->metrics)
				feeds[k]->slots[i].kind->metrics(feeds[k]->slots[i].self, b);
}

void feed_log_summary(const struct feed *f)
{
	if (f->setup.read)
		log_info(LOG_OURS, "read %llu flows, %llu records could not be read", (unsigned long long)f->flows,
			 (unsigned long long)bad_records(f));
	else
		log_info(LOG_OURS, "read %llu flows in %llu messages, %llu records could not be read",
			 (unsigned long long)f->flows, (unsigned long long)f->messages, (unsigned long long)bad_records(f));
}
