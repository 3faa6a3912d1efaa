/*
 * broker.c -- librdkafka's mock cluster as the broker of a single machine.
 *
 * What it lacks against a real broker is memory: 5 MB a partition, then the oldest messages go, whether read or not, and a
 * reader that was too slow jumps over the gap without a word. Two things are done about it:
 *
 * The gate. The mock takes the answer to each Produce request, an error and a delay, from a list if there is one. While
 * a partition holds more than half of the window beyond what the group has committed, that list gives "no error, in
 * a while", the longer the fuller it is. A producer has five requests of a megabyte or less unanswered and waits (that is
 * what idempotence demands); in whatever process it is, it is held back by this, keeps its messages and sees no error.
 * (Refusing with NOT_ENOUGH_REPLICAS was tried: an idempotent producer of librdkafka 2.0.2 then drains each partition for
 * each refusal, and now and then stands still for good.)
 *
 * The shadow. To know how many bytes a partition holds this reads along, sizes only; and it asks for the oldest offset of
 * each partition, so that a gap, should one happen all the same, is counted.
 */
#include "embedded/broker.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "embedded/backlog.h"

enum {
	API_PRODUCE = 0,
	PARTITIONS_MAX = 64,
	TICK_MS = 5,           /* how often the gate is looked at */
	IDLE_TICK_MS = 25,     /* the same, when nothing has come for IDLE_MS */
	IDLE_MS = 1000,
	COMMITTED_MS = 50,     /* how often the group's offsets are asked for while something is behind */
	FORGOTTEN_MS = 250,    /* how often the oldest offsets are */
	TIMEOUT_MS = 2000,
	GATE_LIST = 3,         /* answers laid ahead; few, because the last of them are out of date when they are used */
	DELAY_FULL_MS = 1000,
	DELAY_OVER_MS = 3000,
	BROKER_ID = 1,
	TAKE = 512             /* messages taken from the shadow's queue at once */
};

struct broker {
	rd_kafka_t *host;      /* the mock lives in it */
	rd_kafka_mock_cluster_t *mock;
	rd_kafka_t *shadow;
	rd_kafka_t *asker;     /* a connection of its own: on the shadow's, answers wait behind fetches that find nothing */
	rd_kafka_queue_t *queue;
	char *topic;
	int partitions;
	size_t window;
	pthread_t thread;
	bool thread_runs;
	bool stop;
	pthread_mutex_t lock;  /* backlog and counters */
	struct backlog backlog[PARTITIONS_MAX];
	uint64_t messages, bytes, gated_ns;
};

static rd_kafka_t *new_handle(rd_kafka_type_t type, const char *const *properties, char *err, size_t err_len)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	for (; *properties; properties += 2) {
		if (rd_kafka_conf_set(conf, properties[0], properties[1], err, err_len) != RD_KAFKA_CONF_OK) {
			rd_kafka_conf_destroy(conf);
			return NULL;
		}
	}
	rd_kafka_t *rk = rd_kafka_new(type, conf, err, err_len);
	if (!rk)
		rd_kafka_conf_destroy(conf);
	return rk;
}

static rd_kafka_topic_partition_list_t *all_partitions(const struct broker *b, int64_t offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(b->partitions);
	for (int32_t p = 0; p < b->partitions; p++)
		rd_kafka_topic_partition_list_add(list, b->topic, p)->offset = offset;
	return list;
}

static int start_shadow(struct broker *b, const char *group, char *err, size_t err_len)
{
	const char *const properties[] = {
		"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(b->mock), "group.id", group, "client.id", "weir-embedded",
		"enable.auto.commit", "false", "auto.offset.reset", "earliest", "fetch.wait.max.ms", "10",
		"fetch.error.backoff.ms", "5", "log_level", "0", NULL,
	};
	b->shadow = new_handle(RD_KAFKA_CONSUMER, properties, err, err_len);
	b->asker = b->shadow ? new_handle(RD_KAFKA_CONSUMER, properties, err, err_len) : NULL;
	if (!b->asker)
		return -EIO;
	rd_kafka_poll_set_consumer(b->shadow);
	b->queue = rd_kafka_queue_get_consumer(b->shadow);
	/* Assigned by hand: it never joins the group, it only may ask for its offsets. */
	rd_kafka_topic_partition_list_t *list = all_partitions(b, 0);
	rd_kafka_resp_err_t e = rd_kafka_assign(b->shadow, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (e)
		snprintf(err, err_len, "%s", rd_kafka_err2str(e));
	return e ? -EIO : 0;
}

static void note_messages(struct broker *b, rd_kafka_message_t **taken, ssize_t n)
{
	pthread_mutex_lock(&b->lock);
	for (ssize_t i = 0; i < n; i++) {
		const rd_kafka_message_t *m = taken[i];
		if (!m->err && m->partition >= 0 && m->partition < b->partitions) {
			uint32_t size = (uint32_t)(m->len + m->key_len);
			backlog_add(&b->backlog[m->partition], m->offset, size);
			b->messages++;
			b->bytes += size;
		}
	}
	pthread_mutex_unlock(&b->lock);
	for (ssize_t i = 0; i < n; i++)
		rd_kafka_message_destroy(taken[i]);
}

static int ask_committed(struct broker *b)
{
	rd_kafka_topic_partition_list_t *list = all_partitions(b, RD_KAFKA_OFFSET_INVALID);
	rd_kafka_resp_err_t e = rd_kafka_committed(b->asker, list, TIMEOUT_MS);
	if (!e) {
		pthread_mutex_lock(&b->lock);
		for (int i = 0; i < list->cnt; i++) {
			if (list->elems[i].offset > 0)
				backlog_committed(&b->backlog[list->elems[i].partition], list->elems[i].offset);
		}
		pthread_mutex_unlock(&b->lock);
	}
	rd_kafka_topic_partition_list_destroy(list);
	return e ? -EIO : 0;
}

/* What the broker has forgotten; with RET_BEHIND also how many messages the group has yet to commit. */
static int ask_watermarks(struct broker *b, uint64_t *ret_behind)
{
	uint64_t behind = 0;
	for (int32_t p = 0; p < b->partitions; p++) {
		int64_t low = 0, high = 0;
		if (rd_kafka_query_watermark_offsets(b->asker, b->topic, p, &low, &high, TIMEOUT_MS))
			return -EIO;
		pthread_mutex_lock(&b->lock);
		backlog_forgotten(&b->backlog[p], low);
		if (high > b->backlog[p].committed)
			behind += (uint64_t)(high - b->backlog[p].committed);
		pthread_mutex_unlock(&b->lock);
	}
	if (ret_behind)
		*ret_behind = behind;
	return 0;
}

/* From half of the window up, doubling with each further eighth; past the window it is serious. */
static int gate_delay_ms(const struct broker *b, size_t fullest)
{
	size_t eighths = fullest / (b->window / 8);
	if (eighths < 4)
		return 0;
	return eighths < 8 ? 32 << (eighths - 4) : eighths < 10 ? DELAY_FULL_MS : DELAY_OVER_MS;
}

static void set_gate(struct broker *b, uint64_t tick_ns)
{
	size_t fullest = 0, laid = 0;
	pthread_mutex_lock(&b->lock);
	for (int p = 0; p < b->partitions; p++) {
		if (b->backlog[p].bytes > fullest)
			fullest = b->backlog[p].bytes;
	}
	int delay_ms = gate_delay_ms(b, fullest);
	b->gated_ns += delay_ms ? tick_ns : 0;
	pthread_mutex_unlock(&b->lock);
	if (!delay_ms)
		return;
	rd_kafka_mock_broker_error_stack_cnt(b->mock, BROKER_ID, API_PRODUCE, &laid);
	for (; laid < GATE_LIST; laid++)
		rd_kafka_mock_broker_push_request_error_rtts(b->mock, BROKER_ID, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_NO_ERROR,
							     delay_ms);
}

static bool anything_behind(struct broker *b)
{
	bool any = false;
	pthread_mutex_lock(&b->lock);
	for (int p = 0; p < b->partitions && !any; p++)
		any = b->backlog[p].count > 0;
	pthread_mutex_unlock(&b->lock);
	return any;
}

static void *run(void *arg)
{
	struct broker *b = arg;
	rd_kafka_message_t *taken[TAKE];
	uint64_t next_committed = 0, next_forgotten = 0, last_message = 0, now = clock_monotonic_ns();
	while (!__atomic_load_n(&b->stop, __ATOMIC_RELAXED)) {
		int tick_ms = now - last_message > (uint64_t)IDLE_MS * NS_PER_MS ? IDLE_TICK_MS : TICK_MS;
		ssize_t n = rd_kafka_consume_batch_queue(b->queue, tick_ms, taken, TAKE);
		now = clock_monotonic_ns();
		if (n > 0) {
			note_messages(b, taken, n);
			last_message = now;
		}
		if (now >= next_committed && anything_behind(b)) {
			ask_committed(b);
			next_committed = now + COMMITTED_MS * NS_PER_MS;
		}
		if (now >= next_forgotten) {
			ask_watermarks(b, NULL);
			next_forgotten = now + FORGOTTEN_MS * NS_PER_MS;
		}
		set_gate(b, (uint64_t)(unsigned)tick_ms * NS_PER_MS);
	}
	return NULL;
}

int broker_start(const struct broker_setup *setup, struct broker **ret_broker, char *err, size_t err_len)
{
	struct broker *b = calloc(1, sizeof(*b));
	if (!b || !(b->topic = strdup(setup->topic))) {
		snprintf(err, err_len, "out of memory");
		free(b);
		return -ENOMEM;
	}
	pthread_mutex_init(&b->lock, NULL);
	b->partitions = setup->partitions < PARTITIONS_MAX ? setup->partitions : PARTITIONS_MAX;
	b->window = setup->window;
	static const char *const host_properties[] = {"client.id", "weir-embedded-broker", "log_level", "0", NULL};
	int r = -EIO;
	b->host = new_handle(RD_KAFKA_PRODUCER, host_properties, err, err_len);
	if (!b->host)
		goto fail;
	b->mock = rd_kafka_mock_cluster_new(b->host, 1);
	if (!b->mock) {
		snprintf(err, err_len, "librdkafka's mock cluster does not start");
		goto fail;
	}
	if (rd_kafka_mock_topic_create(b->mock, b->topic, b->partitions, 1)) {
		snprintf(err, err_len, "%s: not a topic name", b->topic);
		goto fail;
	}
	r = start_shadow(b, setup->group, err, err_len);
	if (r)
		goto fail;
	r = -pthread_create(&b->thread, NULL, run, b);
	if (r) {
		snprintf(err, err_len, "no thread: %s", strerror(-r));
		goto fail;
	}
	b->thread_runs = true;
	*ret_broker = b;
	return 0;
fail:
	broker_stop(b);
	return r;
}

const char *broker_address(const struct broker *b)
{
	return rd_kafka_mock_cluster_bootstraps(b->mock);
}

int broker_status(struct broker *b, struct broker_status *ret_status)
{
	struct broker_status s = {0};
	if (ask_committed(b) || ask_watermarks(b, &s.behind))
		return -EIO;
	pthread_mutex_lock(&b->lock);
	s.messages = b->messages;
	s.bytes = b->bytes;
	s.gated_ns = b->gated_ns;
	for (int p = 0; p < b->partitions; p++) {
		s.behind_bytes += b->backlog[p].bytes;
		s.gap += b->backlog[p].gap;
	}
	pthread_mutex_unlock(&b->lock);
	*ret_status = s;
	return 0;
}

void broker_stop(struct broker *b)
{
	if (!b)
		return;
	if (b->thread_runs) {
		__atomic_store_n(&b->stop, true, __ATOMIC_RELAXED);
		pthread_join(b->thread, NULL);
	}
	if (b->queue)
		rd_kafka_queue_destroy(b->queue);
	if (b->shadow)
		rd_kafka_destroy(b->shadow);
	if (b->asker)
		rd_kafka_destroy(b->asker);
	if (b->mock)
		rd_kafka_mock_cluster_destroy(b->mock);
	if (b->host)
		rd_kafka_destroy(b->host);
	for (int p = 0; p < PARTITIONS_MAX; p++)
		backlog_free(&b->backlog[p]);
	pthread_mutex_destroy(&b->lock);
	free(b->topic);
	free(b);
}
