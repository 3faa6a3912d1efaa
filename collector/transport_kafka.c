/*
 * transport_kafka.c -- batches to Kafka, by way of the journal.
 *
 * Workers put batches in the journal; whoever puts one tries to hand the oldest waiting ones to librdkafka at once
 * (feed), up to a bounded window, so that a batch costs no thread switch. The sender thread serves delivery reports,
 * feeds what the window held back, tends the journal, and makes a new producer when librdkafka declares one dead.
 *
 * A packed batch is one message with the header "weir", to partition sequence % partitions. A batch that the broker finds too
 * large (its message.max.bytes is less than --kafka.batch.bytes) goes in pieces there (pieces.h), each with a header of its
 * own; a piece that is still too large goes record by record, and only a record that is refused by itself is lost.
 * With --kafka.batch.flows 1 each record is a message of its own, without header.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/batch.h"
#include "collector/config.h"
#include "collector/held.h"
#include "collector/lanes.h"
#include "collector/pieces.h"
#include "collector/transport.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/complain.h"
#include "common/counter.h"
#include "common/log.h"
#include "common/promtext.h"
#include "kafka/header.h"
#include "kafka/produce.h"

enum {
	WINDOW_BATCHES = 64,     /* in librdkafka at a time */
	WINDOW_MESSAGES = 50000, /* the same, one flow a message; librdkafka's own limit is 100,000 */
	POLL_MS = 100,
	ASK_MS = 1000,
	STUCK_S = 10             /* a partition that answers nothing for so long is told of */
};

struct transport_kafka {
	struct transport_held held;
	uint32_t parts;          /* atomic: the least that batches are sent in */
	bool small;              /* atomic: the broker takes little: librdkafka must not put messages together either */
	bool remake;             /* atomic: the sender thread shall make a new producer, with other properties */

	pthread_mutex_t feed_lock; /* around what follows; workers only try it */
	uint32_t feed_again;       /* atomic: somebody put a batch while another fed */
	struct kafka_producer *producer;
	struct batch *current;     /* taken from the journal, not wholly handed over */
	int partitions;            /* 0: not known yet */
	struct kafka_stats past;   /* of producers that are gone */

	uint64_t in_flight;        /* atomic: messages not answered */
	uint64_t batches_in_flight; /* atomic */
	struct lanes lanes;
	uint64_t retries;          /* atomic */
	unsigned unanswered;       /* times in a row that the topic was asked for and not there */
	pthread_mutex_t refused_lock; /* around the two that follow */
	struct complain refused_complain;
	char words[300];           /* what went wrong last on the way to the broker */
	struct complain broker_complain, topic_complain, stuck_complain;
};

static struct transport_kafka *of(struct transport *t)
{
	return (struct transport_kafka *)t;
}

/* Once a batch was tried it stays with the partitions there were then: its second copy goes where the first went. */
static uint32_t partitions_for(const struct transport_kafka *t, const struct journal_record *r)
{
	return r->partitions && r->partitions <= (uint32_t)t->partitions ? r->partitions : (uint32_t)t->partitions;
}

static uint32_t partition_of(const struct journal_record *r)
{
	return (uint32_t)(r->sequence % r->partitions);
}

/* --- answers ------------------------------------------------------------------------------------------------- */

/* N messages less to wait for; the last one settles the batch. */
static void settle(struct transport_kafka *t, struct batch *b, uint32_t n)
{
	if (__atomic_sub_fetch(&b->pending, n, __ATOMIC_ACQ_REL) != 0)
		return;
	__atomic_sub_fetch(&t->batches_in_flight, 1, __ATOMIC_RELAXED);
	lanes_end(&t->lanes, partition_of(b->record));
	if (b->again)
		journal_retry(t->held.journal, b);
	else
		journal_done(t->held.journal, b, b->refused, (enum err)b->why);
}

static void refuse(struct batch *b, uint32_t flows, enum err reason)
{
	__atomic_store_n(&b->why, (uint32_t)reason, __ATOMIC_RELAXED);
	__atomic_fetch_add(&b->refused, flows, __ATOMIC_RELAXED);
}

static void complain_broker(struct transport_kafka *t, const char *text)
{
	uint64_t swallowed;
	pthread_mutex_lock(&t->refused_lock);
	snprintf(t->words, sizeof(t->words), "%s", text);
	pthread_mutex_unlock(&t->refused_lock);
	if (complain_now(&t->broker_complain, clock_monotonic_ns(), &swallowed))
		log_warn(LOG_BROKER, "%s; flows are kept meanwhile (%" PRIu64 " more such)", text, swallowed);
}

/*
 * A message of B is refused for good. When it held more than a record, what of B the broker does not have is sent again
 * in smaller parts. Anything but its size is the matter of one record; its size is that of what librdkafka has put
 * together, so first of all that must become less.
 */
static void refused(struct transport_kafka *t, struct batch *b, bool too_large, const char *text)
{
	uint64_t swallowed;
	pthread_mutex_lock(&t->refused_lock); /* the sender and whoever feeds */
	bool say = complain_now(&t->refused_complain, clock_monotonic_ns(), &swallowed);
	pthread_mutex_unlock(&t->refused_lock);
	if (say)
		log_warn(LOG_BROKER, "a message of batch %" PRIu64 " (%zu bytes) is refused: %s%s", b->record->sequence, b->len,
			 text ? text : "larger than message.max.bytes",
			 too_large ? "; sending smaller ones. --kafka.batch.bytes should be less than the topic's max.message.bytes" : "");
	bool first = too_large && !__atomic_exchange_n(&t->small, true, __ATOMIC_RELAXED);
	if (first)
		__atomic_store_n(&t->remake, true, __ATOMIC_RELEASE);
	/* What was under way in that moment may still be refused for the old producer's sake. */
	bool old = first || (too_large && __atomic_load_n(&t->remake, __ATOMIC_ACQUIRE));
	if (!old && (b->parts == PARTS_RECORDS || b->flows == 1)) {
		refuse(b, 1, too_large ? ERR_TOO_LARGE : ERR_BROKER);
		return;
	}
	__atomic_store_n(&b->again, 1, __ATOMIC_RELAXED);
	if (b->parts == PARTS_RECORDS || (old && b->parts == PARTS_PIECES))
		return;
	uint32_t smaller = b->parts + 1;
	__atomic_store_n(&b->next_parts, smaller, __ATOMIC_RELAXED);
	if (too_large && __atomic_load_n(&t->parts, __ATOMIC_RELAXED) < smaller)
		__atomic_store_n(&t->parts, smaller, __ATOMIC_RELAXED);
}

static void delivered(void *arg, void *opaque, const void *data, enum kafka_delivery how, const char *text)
{
	struct transport_kafka *t = arg;
	struct batch *b = opaque;
	__atomic_sub_fetch(&t->in_flight, 1, __ATOMIC_RELAXED);
	switch (how) {
	case KAFKA_DELIVERED:
		lanes_taken(&t->lanes, partition_of(b->record), clock_monotonic_ns());
		pieces_taken(b, data);
		break;
	case KAFKA_TOO_LARGE:
	case KAFKA_REFUSED:
		refused(t, b, how == KAFKA_TOO_LARGE, text);
		break;
	case KAFKA_RETRY:
		__atomic_store_n(&b->again, 1, __ATOMIC_RELAXED);
		counter_add_shared(&t->retries, 1);
		if (!__atomic_load_n(&t->held.stop, __ATOMIC_RELAXED))
			complain_broker(t, text);
		lanes_failed(&t->lanes, partition_of(b->record), clock_monotonic_ns());
		break;
	}
	settle(t, b, 1);
}

static void event(void *arg, bool is_error, const char *text)
{
	if (is_error)
		complain_broker(arg, text);
	else
		log_info(LOG_BROKER, "%s", text);
}

/* --- feeding (feed_lock held) ---------------------------------------------------------------------------------- */

/* The next LEN bytes of B, which hold FLOWS flows, as a message. */
static int send_message(struct transport_kafka *t, struct batch *b, size_t len, uint32_t flows)
{
	uint8_t header[KAFKA_HEADER_LEN];
	const struct journal_record *r = b->record;
	bool whole = b->parts == PARTS_WHOLE, with_header = t->held.config->flows_a_batch != 1;
	kafka_header_write(&(struct kafka_header){
		.format = (uint8_t)r->format, .flows = flows, .epoch = r->epoch, .collector = t->held.config->collector_hash,
		.sequence = whole ? r->sequence : kafka_header_piece(r->sequence, b->sent_flows)}, header);
	__atomic_add_fetch(&b->pending, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&t->in_flight, 1, __ATOMIC_RELAXED);
	int rc = kafka_producer_send(t->producer, (int32_t)partition_of(r), b->data + b->sent, len, header,
				     with_header ? sizeof(header) : 0, b);
	if (rc < 0) {
		__atomic_sub_fetch(&b->pending, 1, __ATOMIC_RELAXED);
		__atomic_sub_fetch(&t->in_flight, 1, __ATOMIC_RELAXED);
		if (rc == -EAGAIN || rc == -ENOENT)
			return rc;
		refused(t, b, rc == -EMSGSIZE, NULL);
	}
	b->sent += len;
	b->sent_flows += flows;
	return 0;
}

/* The rest of B. 0, -EAGAIN: later more, or -ENOENT: there is no such partition any more. */
static int send_batch(struct transport_kafka *t, struct batch *b)
{
	size_t len;
	uint32_t flows;
	int rc = 0;
	while (rc == 0 && pieces_next(b, &len, &flows))
		rc = send_message(t, b, len, flows);
	return rc;
}

static bool may_feed(struct transport_kafka *t)
{
	if (!t->producer || t->partitions == 0 || __atomic_load_n(&t->remake, __ATOMIC_RELAXED))
		return false;
	if (__atomic_load_n(&t->in_flight, __ATOMIC_RELAXED) >= WINDOW_MESSAGES)
		return false;
	return __atomic_load_n(&t->batches_in_flight, __ATOMIC_RELAXED) < WINDOW_BATCHES;
}

struct moment {
	const struct transport_kafka *t;
	uint64_t now_ns;
};

static bool may_go(void *arg, const struct journal_record *r)
{
	const struct moment *m = arg;
	uint32_t partitions = partitions_for(m->t, r);
	return lanes_may(&m->t->lanes, (uint32_t)(r->sequence % partitions), partitions, WINDOW_BATCHES, m->now_ns);
}

static struct batch *next_batch(struct transport_kafka *t)
{
	struct moment moment = {t, clock_monotonic_ns()};
	struct batch *b = journal_next_of(t->held.journal, may_go, &moment);
	if (!b)
		return NULL;
	/* As it was tried before, so that its copies are the same; what the last run tried may have gone whole. */
	bool single = t->held.config->flows_a_batch == 1;
	if (b->tried)
		b->parts = b->next_parts;
	else
		b->parts = b->record->partitions && !single ? PARTS_WHOLE : __atomic_load_n(&t->parts, __ATOMIC_RELAXED);
	b->next_parts = b->parts;
	b->tried = true;
	b->record->partitions = partitions_for(t, b->record);
	b->sent = b->piece_end = 0;
	b->sent_flows = 0;
	b->pending = 1; /* until it is wholly handed over */
	b->refused = b->why = b->again = 0;
	__atomic_add_fetch(&t->batches_in_flight, 1, __ATOMIC_RELAXED);
	lanes_begin(&t->lanes, partition_of(b->record), moment.now_ns);
	return b;
}

static void feed_locked(struct transport_kafka *t)
{
	while (may_feed(t) && (t->current || (t->current = next_batch(t)))) {
		struct batch *b = t->current;
		int rc = send_batch(t, b);
		if (rc == -EAGAIN)
			return;
		if (rc == -ENOENT) { /* the topic was deleted, made anew with fewer, or is forbidden: ask, then once more */
			__atomic_store_n(&b->again, 1, __ATOMIC_RELAXED);
			t->partitions = 0;
		}
		t->current = NULL;
		settle(t, b, 1);
	}
}

static void feed(struct transport_kafka *t)
{
	__atomic_store_n(&t->feed_again, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&t->feed_again, __ATOMIC_SEQ_CST) && pthread_mutex_trylock(&t->feed_lock) == 0) {
		__atomic_store_n(&t->feed_again, 0, __ATOMIC_SEQ_CST);
		feed_locked(t);
		pthread_mutex_unlock(&t->feed_lock);
	}
}

/* --- the sender thread --------------------------------------------------------------------------------------- */

static int make_producer(struct transport_kafka *t, char *err, size_t err_len)
{
	struct kafka_producer_setup setup = {
		.options = &t->held.config->kafka, .client_id = t->held.config->collector_id, .delivered = delivered,
		.event = event, .arg = t, .batch_size = __atomic_load_n(&t->small, __ATOMIC_RELAXED) ? PIECE_BYTES : 0,
	};
	return kafka_producer_new(&setup, &t->producer, err, err_len);
}

static void retire_producer(struct transport_kafka *t)
{
	struct kafka_stats last = {0};
	if (!t->producer)
		return;
	kafka_producer_stats(t->producer, &last);
	t->past.sent += last.sent;
	t->past.acknowledged += last.acknowledged;
	t->past.failed += last.failed + last.in_flight;
	for (unsigned i = 0; i < KAFKA_TROUBLES; i++)
		t->past.errors[i] += last.errors[i];
	/* What was half handed over goes back as a whole. */
	struct batch *b = t->current;
	t->current = NULL;
	if (b) {
		__atomic_store_n(&b->again, 1, __ATOMIC_RELAXED);
		settle(t, b, 1);
	}
	kafka_producer_free(t->producer); /* calls delivered() with KAFKA_RETRY for the rest */
	t->producer = NULL;
}

static void revive(struct transport_kafka *t)
{
	char err[400];
	pthread_mutex_lock(&t->feed_lock);
	retire_producer(t);
	__atomic_store_n(&t->remake, false, __ATOMIC_RELEASE); /* after the old one has given all back */
	if (make_producer(t, err, sizeof(err)) < 0)
		complain_broker(t, err);
	pthread_mutex_unlock(&t->feed_lock);
}

/* Why the topic takes nothing, NULL: as far as is known it does. */
static const char *topic_trouble(const struct kafka_stats *s, int partitions)
{
	if (s->topic_denied)
		return "may not be seen by this user (kafka-acls --add --operation Write)";
	if (partitions == 0)
		return "is not there";
	return s->write_denied ? "may not be written to by this user (kafka-acls --add --operation Write)" : NULL;
}

static void ask_partitions(struct transport_kafka *t)
{
	uint64_t swallowed;
	struct kafka_stats stats;
	int n = kafka_producer_partitions(t->producer, ASK_MS);
	kafka_producer_stats(t->producer, &stats);
	if (n > 0) {
		pthread_mutex_lock(&t->feed_lock);
		t->partitions = n;
		pthread_mutex_unlock(&t->feed_lock);
		t->unanswered = 0;
		if (complain_over(&t->topic_complain))
			log_info(LOG_BROKER, "topic '%s' is there now", t->held.config->kafka.topic);
	} else if (stats.connected && ++t->unanswered > 3 && /* asking makes the broker create it */
		   complain_now(&t->topic_complain, clock_monotonic_ns(), &swallowed)) {
		log_warn(LOG_BROKER, "topic '%s' %s; flows are kept meanwhile", t->held.config->kafka.topic, topic_trouble(&stats, 0));
	}
}

static void watch_partitions(struct transport_kafka *t, bool connected)
{
	uint32_t one = 0;
	uint64_t now = clock_monotonic_ns(), swallowed;
	unsigned n = lanes_stuck(&t->lanes, now, STUCK_S * NS_PER_S, &one);
	if (n == 0 && complain_over(&t->stuck_complain))
		log_info(LOG_BROKER, "topic '%s': all partitions take messages again", t->held.config->kafka.topic);
	else if (n > 0 && connected && complain_now(&t->stuck_complain, now, &swallowed))
		log_warn(LOG_BROKER, "topic '%s': partition %" PRIu32 "%s takes nothing for %d s: no leader, too few replicas, or "
			 "its broker hangs (kafka-topics --describe); its flows are kept, those of others go on",
			 t->held.config->kafka.topic, one, n > 1 ? " and others" : "", STUCK_S);
}

static void *sender(void *arg)
{
	struct transport_kafka *t = arg;
	struct kafka_stats stats;
	uint64_t next_ask = 0;
	while (!held_is_over(&t->held)) {
		uint64_t now = clock_monotonic_ns();
		kafka_producer_stats(t->producer, &stats);
		if (stats.fatal || __atomic_load_n(&t->remake, __ATOMIC_ACQUIRE)) {
			revive(t);
			if (!t->producer)
				break; /* the same options worked at the start: no memory, or no threads */
		}
		if (now >= next_ask && (t->partitions == 0 || !stats.connected)) {
			ask_partitions(t);
			next_ask = now + NS_PER_S / 2;
		} else if (stats.connected && complain_over(&t->broker_complain)) {
			log_info(LOG_BROKER, "Kafka answers again");
		}
		feed(t);
		(void)kafka_producer_poll(t->producer, POLL_MS);
		feed(t);
		watch_partitions(t, stats.connected);
		journal_tend(t->held.journal);
	}
	return NULL;
}

/* --- the transport --------------------------------------------------------------------------------------------- */

static void give_back(struct transport *t, struct batch *last, uint64_t now_ns)
{
	(void)now_ns;
	journal_put(of(t)->held.journal, last);
	feed(of(t));
}

/* Gives the number of partitions, 0: not known. */
static int producer_stats(struct transport_kafka *t, struct kafka_stats *ret_stats)
{
	*ret_stats = (struct kafka_stats){0};
	pthread_mutex_lock(&t->feed_lock);
	if (t->producer)
		kafka_producer_stats(t->producer, ret_stats);
	ret_stats->sent += t->past.sent;
	ret_stats->acknowledged += t->past.acknowledged;
	ret_stats->failed += t->past.failed;
	for (unsigned i = 0; i < KAFKA_TROUBLES; i++)
		ret_stats->errors[i] += t->past.errors[i];
	int partitions = t->partitions;
	pthread_mutex_unlock(&t->feed_lock);
	return partitions;
}

static bool ready(struct transport *base, char *why_not, size_t why_len)
{
	struct transport_kafka *t = of(base);
	struct kafka_stats stats;
	int partitions = producer_stats(t, &stats);
	if (stats.connected) {
		const char *trouble = topic_trouble(&stats, partitions);
		snprintf(why_not, why_len, "topic '%s' %s", t->held.config->kafka.topic, trouble ? trouble : "takes messages");
		return !trouble;
	}
	pthread_mutex_lock(&t->refused_lock);
	snprintf(why_not, why_len, "Kafka (%s) does not answer%s%s", t->held.config->kafka.brokers, *t->words ? ": " : "", t->words);
	pthread_mutex_unlock(&t->refused_lock);
	return false;
}

static void metrics(struct transport *base, struct buf *out)
{
	struct transport_kafka *t = of(base);
	struct kafka_stats s;
	uint32_t one;
	(void)producer_stats(t, &s);
	unsigned stuck = lanes_stuck(&t->lanes, clock_monotonic_ns(), STUCK_S * NS_PER_S, &one);
	const struct {
		const char *name, *type, *help;
		uint64_t value;
	} rows[] = {
		{"kafka_messages_sent_total", "counter", "Messages handed to librdkafka.", s.sent},
		{"kafka_messages_acknowledged_total", "counter", "Messages that the broker acknowledged.", s.acknowledged},
		{"kafka_messages_failed_total", "counter", "Messages that came back; those that may be sent again are.", s.failed},
		{"kafka_messages_in_flight", "gauge", "Messages inside librdkafka.", s.in_flight},
		{"kafka_connected", "gauge", "1: a broker answers.", s.connected},
		{"kafka_partitions_stuck", "gauge", "Partitions that have messages under way and take none.", stuck},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[80];
		snprintf(name, sizeof(name), "weir_collector_%s", rows[i].name);
		prom_head(out, name, rows[i].type, rows[i].help);
		prom_u64(out, name, rows[i].value, NULL);
	}
	prom_head(out, "weir_collector_kafka_errors_total", "counter", "What Kafka or the way there said went wrong.");
	for (unsigned i = 0; i < KAFKA_TROUBLES; i++)
		prom_u64(out, "weir_collector_kafka_errors_total", s.errors[i], "reason", kafka_trouble_word(i), NULL);
	held_metrics(base, out);
}

static void flush(struct transport *base, uint64_t deadline_ns)
{
	struct transport_kafka *t = of(base);
	held_ask_end(&t->held, deadline_ns);
	held_join(&t->held);
	pthread_mutex_lock(&t->feed_lock);
	retire_producer(t);
	pthread_mutex_unlock(&t->feed_lock);
	held_say_left(&t->held);
}

static void kafka_free(struct transport *base)
{
	struct transport_kafka *t = of(base);
	if (t->held.thread_runs)
		flush(base, 0);
	kafka_producer_free(t->producer);
	held_close(&t->held);
	pthread_mutex_destroy(&t->feed_lock);
	pthread_mutex_destroy(&t->refused_lock);
	free(t);
}

static const struct transport_ops kafka_ops = {
	.name = "kafka",
	.take = held_take,
	.swap = held_swap,
	.give_back = give_back,
	.reopen = transport_no_reopen,
	.ready = ready,
	.alive = transport_is_alive,
	.behind = held_is_behind,
	.totals = held_totals,
	.metrics = metrics,
	.tick = held_tick,
	.flush = flush,
	.free = kafka_free,
};

int transport_kafka_open(const struct config *config, struct transport **ret_transport, char *err, size_t err_len)
{
	struct transport_kafka *t = calloc(1, sizeof(*t));
	if (!t) {
		snprintf(err, err_len, "no memory");
		return -ENOMEM;
	}
	t->parts = config->flows_a_batch == 1 ? PARTS_RECORDS : PARTS_WHOLE;
	pthread_mutex_init(&t->feed_lock, NULL);
	pthread_mutex_init(&t->refused_lock, NULL);
	int rc = held_open(&t->held, &kafka_ops, config, err, err_len);
	if (rc == 0)
		rc = make_producer(t, err, err_len);
	if (rc == 0)
		rc = held_start(&t->held, sender, err, err_len);
	if (rc < 0)
		kafka_free(&t->held.base);
	else
		*ret_transport = &t->held.base;
	return rc;
}
