/*
 * topic.c -- see topic.h.
 *
 * A transaction holds the messages of at most --commit time: what was written and up to where was read take effect
 * together. When one fails it is taken back, and the consumer is made anew, which reads again from what is committed;
 * when the producer is done for (another process has our id), both are.
 *
 * The header "weir" goes along, and a message goes to the partition whose number it had, so that readers of the output
 * can tell repetitions of a collector as those of the input can.
 */
#include "enricher/topic.h"

#include <errno.h>
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
#include "enricher/append.h"
#include "kafka/consume.h"
#include "kafka/header.h"
#include "kafka/options.h"
#include "kafka/produce.h"
#include "kafka/transact.h"
#include "proto/flow.h"
#include "proto/unpack.h"

enum { WAIT_MS = 100, TRANSACT_MS = 30000, INIT_MS = 5000, PAUSE_MS = 500, SEND_WAIT_MS = 50 };

struct topic {
	struct topic_setup setup;
	struct kafka_options output_options;
	struct kafka_consumer *consumer;
	struct kafka_producer *producer;
	int32_t partitions;      /* of the output */
	bool open;               /* a transaction is */
	bool spoiled;            /* it can only be taken back */
	bool pulse;              /* atomic */
	size_t in_transaction;   /* messages */
	uint64_t commit_at_ns, next_tick_ns;
	struct complain broker, trouble;
	struct append_stats stats;
	struct buf enriched;     /* the message at hand */
	struct flow flow;
	size_t limit;            /* no larger message is tried any more */
	bool alone, remake;      /* librdkafka puts no messages together; there must be a new producer for that */
	uint64_t messages, sent, commits, aborts, unreadable, too_large, parted, lag, ready;
};

static void on_event(void *arg, bool is_error, const char *text)
{
	struct topic *t = arg;
	uint64_t swallowed;
	if (!is_error)
		log_info(LOG_BROKER, "%s", text);
	else if (complain_now(&t->broker, clock_monotonic_ns(), &swallowed))
		log_warn(LOG_BROKER, "%s", text);
}

static void complain(struct topic *t, const char *what)
{
	uint64_t swallowed;
	if (complain_now(&t->trouble, clock_monotonic_ns(), &swallowed))
		log_warn(LOG_BROKER, "%s", what);
}

/* The broker takes less than our own message.max.bytes. What it refused may be several that librdkafka put together, so first of
 * all it must not; then messages are made smaller. Either way they are read again. */
static void refused(struct topic *t, size_t len)
{
	if (!t->alone)
		t->alone = t->remake = true;
	else if (!t->remake && len / 2 < t->limit)
		t->limit = len / 2;
}

/* The memory of a sent message is its own. */
static void on_delivered(void *arg, void *opaque, const void *data, enum kafka_delivery how, const char *text)
{
	(void)data;
	struct topic *t = arg;
	struct buf *b = opaque;
	if (how == KAFKA_DELIVERED)
		counter_inc(&t->sent);
	else
		t->spoiled = true; /* the transaction cannot be committed; librdkafka says why */
	if (how == KAFKA_TOO_LARGE)
		refused(t, b->len);
	(void)text;
	buf_free(b);
	free(b);
}

/* -- transactions -- */

static int take_back(struct topic *t)
{
	char err[512];
	if (!t->open)
		return -EAGAIN;
	t->open = false;
	counter_inc(&t->aborts);
	int r = kafka_transact_abort(t->producer, TRANSACT_MS, err, sizeof(err));
	if (r)
		complain(t, err);
	return !r ? -EAGAIN : r == -EBUSY ? r : -EIO;
}

/* 0; -EAGAIN: taken back, read again; -EIO: begin with a new producer; -EBUSY: another process has our id. */
static int commit(struct topic *t)
{
	char err[512];
	if (!t->open)
		return 0;
	int r = t->spoiled ? -EAGAIN : kafka_transact_commit(t->producer, t->consumer, TRANSACT_MS, err, sizeof(err));
	if (r) {
		if (!t->spoiled)
			complain(t, err);
		if (r == -EAGAIN)
			return take_back(t);
		t->open = false; /* with the producer */
		return r;
	}
	t->open = false;
	counter_inc(&t->commits);
	if (complain_over(&t->trouble))
		log_info(LOG_BROKER, "transactions work again");
	return 0;
}

/* The group takes partitions away: what was read of them is committed now, or by whoever reads it again. */
static void on_revoked(void *arg)
{
	struct topic *t = arg;
	if (commit(t) != 0)
		t->spoiled = true;
}

static int begin(struct topic *t)
{
	char err[512];
	if (t->open)
		return 0;
	int r = kafka_transact_begin(t->producer, err, sizeof(err));
	if (r) {
		complain(t, err);
		return r == -EBUSY ? r : -EIO;
	}
	t->open = true;
	t->spoiled = false;
	t->in_transaction = 0;
	t->commit_at_ns = clock_monotonic_ns() + t->setup.commit_ns;
	return 0;
}

/* -- messages -- */

/* LEN bytes as a message of their own, which get their own memory. 0, -EMSGSIZE: too large, -EAGAIN, -ENOMEM. */
static int send_one(struct topic *t, const struct kafka_message *m, const char *data, size_t len, bool whole)
{
	int32_t partition = t->partitions > 0 ? m->partition % t->partitions : -1;
	int r;
	if (len > t->limit)
		return -EMSGSIZE;
	struct buf *b = calloc(1, sizeof(*b));
	if (b)
		buf_add(b, data, len);
	if (!b || b->failed) {
		free(b);
		return -ENOMEM;
	}
	const void *header = whole ? m->header : NULL;
	size_t header_len = whole ? m->header_len : 0;
	while ((r = kafka_producer_send(t->producer, partition, b->data, b->len, header, header_len, b)) == -EAGAIN ||
	       r == -ENOENT) {
		struct kafka_stats stats;
		kafka_producer_stats(t->producer, &stats);
		if (stats.fatal || t->spoiled || *t->setup.stop)
			break;
		(void)kafka_producer_poll(t->producer, SEND_WAIT_MS);
	}
	if (r) {
		buf_free(b);
		free(b);
	}
	return r;
}

/* Where to part LEN bytes: behind the last record of the first half, or else behind the first one. */
static size_t middle(struct topic *t, const char *data, size_t len)
{
	struct flow_iter it;
	size_t at = 0;
	flow_iter_init(&it, data, len);
	while (at < len / 2 && flow_iter_next(&it, &t->flow) == 1) {
		size_t end = (size_t)((const char *)it.p - data);
		if (at && end > len / 2)
			break;
		at = end;
	}
	return at;
}

/* What was added may make a message larger than the broker takes: then it goes in pieces, without the header, as they are not
 * what that stands for. Only a record that is too large by itself is lost, and counted. */
static int send(struct topic *t, const struct kafka_message *m, const char *data, size_t len, bool whole)
{
	int r = send_one(t, m, data, len, whole);
	if (r != -EMSGSIZE)
		return r ? -EAGAIN : 0;
	size_t half = middle(t, data, len);
	if (half == len) {
		counter_inc(&t->too_large);
		complain(t, "a record is larger than the broker takes; --kafka.property message.max.bytes=...");
		return 0;
	}
	counter_add(&t->parted, whole);
	r = send(t, m, data, half, false);
	return r ? r : send(t, m, data + half, len - half, false);
}

static int on_message(struct topic *t, const struct kafka_message *m)
{
	struct kafka_header h;
	int r = begin(t);
	if (r)
		return r;
	counter_inc(&t->messages);
	t->in_transaction++;
	if (m->header && kafka_header_read(m->header, m->header_len, &h) == 0 && h.format != 0) {
		counter_inc(&t->unreadable); /* JSON or text lines: for others */
		return 0;
	}
	buf_reset(&t->enriched);
	if (append_message(t->setup.enrich, m->data, m->len, &t->enriched, &t->stats)) {
		t->enriched.failed = false;
		return -EAGAIN;
	}
	if (t->enriched.len == 0) {
		counter_add(&t->unreadable, m->len > 0);
		return 0;
	}
	return send(t, m, t->enriched.data, t->enriched.len, true);
}

static void tick(struct topic *t, uint64_t now_ns)
{
	char err[512];
	notify_turned(&t->pulse);
	if (now_ns < t->next_tick_ns)
		return;
	t->next_tick_ns = now_ns + NS_PER_S;
	if (enrich_tick(t->setup.enrich, err, sizeof(err)))
		log_warn(LOG_OURS, "enrichment goes on with what it had: %s", err);
	__atomic_store_n(&t->lag, (uint64_t)kafka_consumer_lag(t->consumer), __ATOMIC_RELAXED);
	__atomic_store_n(&t->ready, kafka_consumer_ready(t->consumer), __ATOMIC_RELAXED);
	if (t->ready && complain_over(&t->broker))
		log_info(LOG_BROKER, "the broker is back");
}

/* Until something fails or the program is to end. */
static int work(struct topic *t)
{
	int r = 0;
	while (!r && !*t->setup.stop) {
		struct kafka_message m;
		int got = kafka_consumer_poll(t->consumer, WAIT_MS, &m);
		if (got < 0)
			return -EIO;
		if (got == 1)
			r = on_message(t, &m);
		(void)kafka_producer_poll(t->producer, 0);
		uint64_t now = clock_monotonic_ns();
		tick(t, now);
		if (!r && t->open && (t->spoiled || now >= t->commit_at_ns || t->in_transaction >= t->setup.commit_messages))
			r = commit(t);
		else if (!r && !t->open && t->spoiled)
			r = -EAGAIN; /* on_revoked() could not commit */
	}
	if (r == -EAGAIN && t->open)
		r = take_back(t);
	if (!r)
		r = commit(t);
	return r == -EAGAIN && t->remake ? -EIO : r;
}

/* -- clients -- */

static int make_consumer(struct topic *t, char *err, size_t err_len)
{
	struct kafka_consumer_setup setup = {.options = t->setup.kafka, .group = t->setup.group, .from = t->setup.from,
		.client_id = "weir-enricher", .event = on_event, .revoked = on_revoked, .arg = t};
	kafka_consumer_free(t->consumer);
	t->consumer = NULL;
	t->spoiled = false;
	return kafka_consumer_new(&setup, &t->consumer, err, err_len);
}

/* A producer whose transactions work; waits for the broker. */
static int make_producer(struct topic *t, char *err, size_t err_len)
{
	struct kafka_producer_setup setup = {.options = &t->output_options, .client_id = "weir-enricher",
		.transactional_id = t->setup.transactional_id, .batch_size = t->alone ? 1 : 0,
		.delivered = on_delivered, .event = on_event, .arg = t};
	char why[512];
	kafka_producer_free(t->producer);
	t->producer = NULL;
	t->open = t->remake = false;
	int r = kafka_producer_new(&setup, &t->producer, err, err_len);
	if (r)
		return r;
	while ((r = kafka_transact_init(t->producer, INIT_MS, why, sizeof(why))) == -EAGAIN && !*t->setup.stop) {
		notify_turned(&t->pulse);
		complain(t, why);
	}
	if (r && r != -EAGAIN)
		complain(t, why);
	t->partitions = r ? 0 : kafka_producer_partitions(t->producer, INIT_MS);
	return r == -EAGAIN ? 0 : r; /* that is the end of the program */
}

int topic_new(const struct topic_setup *setup, struct topic **ret_topic, char *err, size_t err_len)
{
	struct topic *t = calloc(1, sizeof(*t));
	if (!t) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	t->setup = *setup;
	t->limit = SIZE_MAX;
	t->output_options = *setup->kafka;
	t->output_options.topic = strdup(setup->output);
	*ret_topic = t;
	return t->output_options.topic ? 0 : -ENOMEM;
}

int topic_run(struct topic *t, char *err, size_t err_len)
{
	bool new_producer = true;
	while (!*t->setup.stop) {
		int r = 0;
		if (new_producer) {
			kafka_consumer_free(t->consumer); /* its callbacks use the old producer */
			t->consumer = NULL;
			r = make_producer(t, err, err_len);
		}
		if (r == -EINVAL)
			return r;
		if (!r && !*t->setup.stop) {
			r = make_consumer(t, err, err_len);
			if (r)
				return -EINVAL;
			r = work(t);
		}
		if (r == -EBUSY) {
			snprintf(err, err_len, "another weir-enricher has taken over --transactional-id %s; each needs one of its own",
				 t->setup.transactional_id);
			return r;
		}
		new_producer = r != -EAGAIN;
		if (r && !*t->setup.stop)
			clock_sleep_ns(PAUSE_MS * NS_PER_MS);
	}
	return 0;
}

bool topic_ready(const struct topic *t)
{
	return counter_get(&t->ready) != 0;
}

bool *topic_pulse(struct topic *t)
{
	return &t->pulse;
}

void topic_metrics(const struct topic *t, struct buf *b)
{
	static const struct prom_row rows[] = {
		{"weir_enricher_messages_total", "counter", "Messages read.", offsetof(struct topic, messages)},
		{"weir_enricher_flows_total", "counter", "Flows in them.", offsetof(struct topic, stats.flows)},
		{"weir_enricher_bad_records_total", "counter", "Records that could not be read, and were left out.",
		 offsetof(struct topic, stats.bad_records)},
		{"weir_enricher_truncated_total", "counter", "Messages that end in the middle of a record.",
		 offsetof(struct topic, stats.truncated)},
		{"weir_enricher_unreadable_messages_total", "counter", "Messages without any flow that could be read.",
		 offsetof(struct topic, unreadable)},
		{"weir_enricher_parted_total", "counter", "Messages that grew too large for the broker, and went in pieces.",
		 offsetof(struct topic, parted)},
		{"weir_enricher_too_large_total", "counter", "Records that are too large for the broker by themselves, and were dropped.",
		 offsetof(struct topic, too_large)},
		{"weir_enricher_sent_messages_total", "counter", "Messages written, those of transactions taken back included.",
		 offsetof(struct topic, sent)},
		{"weir_enricher_commits_total", "counter", "Transactions committed.", offsetof(struct topic, commits)},
		{"weir_enricher_aborts_total", "counter", "Transactions taken back.", offsetof(struct topic, aborts)},
		{"weir_enricher_lag_messages", "gauge", "Messages of the topic that are still to be read.", offsetof(struct topic, lag)},
	};
	struct enrich_stats found = {0};
	prom_rows(b, rows, sizeof(rows) / sizeof(rows[0]), t);
	if (t->setup.enrich)
		enrich_stats(t->setup.enrich, &found);
	prom_head(b, "weir_enricher_enriched_total", "counter", "Flows in which a country, an AS number or a name was filled in.");
	prom_u64(b, "weir_enricher_enriched_total", found.countries, "what", "country", NULL);
	prom_u64(b, "weir_enricher_enriched_total", found.as_numbers, "what", "as", NULL);
	prom_u64(b, "weir_enricher_enriched_total", found.names, "what", "name", NULL);
}

void topic_log_summary(const struct topic *t)
{
	log_info(LOG_OURS, "%llu flows in %llu messages; %llu transactions, %llu taken back",
		 (unsigned long long)t->stats.flows, (unsigned long long)t->messages, (unsigned long long)t->commits,
		 (unsigned long long)t->aborts);
}

void topic_free(struct topic *t)
{
	if (!t)
		return;
	kafka_consumer_free(t->consumer);
	kafka_producer_free(t->producer);
	free(t->output_options.topic);
	buf_free(&t->enriched);
	free(t);
}
