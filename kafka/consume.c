/*
 * consume.c -- the consuming half of librdkafka, behind consume.h.
 *
 * Two ways to get partitions:
 *   without a group   the "simple" API: every partition of the topic, taken from metadata, all into one queue. No
 *                     group id means no coordinator, no join, no rights on groups, and nothing left behind in the
 *                     broker. New partitions are found by asking again.
 *   with a group      subscribe and a rebalance callback, eager or cooperative as the user's properties say.
 *
 * In both the start of a partition is a number that is settled before the first fetch, never librdkafka's "end",
 * which means "the end when the fetch gets there" and loses what is sent between. A topic or partition that shows
 * up after us is read from its beginning: everything in it was sent after we started. With a group the starting
 * offset is committed at once, so that a restart before the first batch does not jump to a later end.
 */
#include "kafka/consume.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/err.h"
#include "kafka/conf.h"
#include "kafka/options.h"
#include "kafka/trouble.h"

enum {
	ASK_MS = 3000,            /* patience for one question to the broker */
	LOOK_AGAIN_MS = 10000,    /* for new partitions */
	LOOK_SOON_MS = 1000,      /* while the topic is not there */
	PARTITIONS_MAX = 10000,
	TRIM_BYTES = 16 << 20     /* handed out between two looks for memory that can go back */
};

enum from { FROM_END, FROM_BEGINNING, FROM_TIME };

struct part {
	bool reading;
	bool settled;      /* start is known, reading has not begun */
	int64_t start;
	int64_t next;      /* offset behind the last one handed out, or where reading starts; -1: logical beginning */
	int64_t committed; /* what the group knows, -1: nothing yet */
};

struct kafka_consumer {
	rd_kafka_t *rk;
	rd_kafka_topic_t *rkt;     /* without a group */
	rd_kafka_queue_t *queue;   /* without a group */
	rd_kafka_message_t *held;  /* what the caller's struct kafka_message points into */
	char *topic;
	size_t handed_out;         /* bytes since memory was last given back */
	bool grouped;
	enum from from;
	int64_t from_ms;
	bool was_absent;           /* the broker said once that there is no such topic */
	bool ready;
	bool fatal;
	uint64_t next_look_ns;
	struct part *parts;
	int32_t n_parts;
	kafka_consumer_event_fn *event;
	kafka_revoked_fn *revoked;
	kafka_begin_fn *begin;
	void *arg;
};

static void __attribute__((format(printf, 3, 4))) say(struct kafka_consumer *c, bool is_error, const char *format, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (c->event)
		c->event(c->arg, is_error, text);
}

static struct part *part_of(struct kafka_consumer *c, int32_t partition)
{
	if (partition < 0 || partition >= PARTITIONS_MAX)
		return NULL;
	if (partition >= c->n_parts) {
		struct part *grown = realloc(c->parts, ((size_t)partition + 1) * sizeof(*grown));
		if (!grown)
			return NULL;
		for (int32_t i = c->n_parts; i <= partition; i++)
			grown[i] = (struct part){.next = -1, .committed = -1};
		c->parts = grown;
		c->n_parts = partition + 1;
	}
	return &c->parts[partition];
}

/* -- where to begin -- */

static int parse_from(const char *text, enum from *ret_from, int64_t *ret_ms)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};
	if (!text || strcmp(text, "end") == 0 || strcmp(text, "stored") == 0) {
		*ret_from = FROM_END;
		return 0;
	}
	if (strcmp(text, "beginning") == 0) {
		*ret_from = FROM_BEGINNING;
		return 0;
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {0};
		const char *rest = strptime(text, forms[i], &tm);
		if (rest && *rest == '\0') {
			*ret_from = FROM_TIME;
			*ret_ms = (int64_t)timegm(&tm) * 1000;
			return 0;
		}
	}
	return -EINVAL;
}

/* The offset behind the last message there is now. */
static rd_kafka_resp_err_t end_of(struct kafka_consumer *c, int32_t partition, int64_t *ret_offset)
{
	int64_t low, high;
	rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(c->rk, c->topic, partition, &low, &high, ASK_MS);
	if (!err)
		*ret_offset = high;
	return err;
}

static rd_kafka_resp_err_t offset_at_time(struct kafka_consumer *c, int32_t partition, int64_t *ret_offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, c->topic, partition)->offset = c->from_ms;
	rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(c->rk, list, ASK_MS);
	int64_t offset = list->elems[0].offset;
	if (!err)
		err = list->elems[0].err;
	rd_kafka_topic_partition_list_destroy(list);
	if (err)
		return err;
	if (offset < 0) /* nothing is that young */
		return end_of(c, partition, ret_offset);
	*ret_offset = offset;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Where PARTITION starts that nobody has an offset of. IS_NEW: it came into being after we did. */
static rd_kafka_resp_err_t first_offset(struct kafka_consumer *c, int32_t partition, bool is_new, int64_t *ret_offset)
{
	if (c->begin) {
		int64_t own = c->begin(c->arg, partition);
		if (own >= 0) {
			*ret_offset = own;
			return RD_KAFKA_RESP_ERR_NO_ERROR;
		}
	}
	if (is_new || c->from == FROM_BEGINNING) {
		*ret_offset = RD_KAFKA_OFFSET_BEGINNING;
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	}
	return c->from == FROM_TIME ? offset_at_time(c, partition, ret_offset) : end_of(c, partition, ret_offset);
}

/* How many partitions the topic has, 0 when the broker says there is no such topic, -1 when it did not say. */
static int32_t count_partitions(struct kafka_consumer *c, rd_kafka_topic_t *rkt)
{
	const struct rd_kafka_metadata *md;
	if (rd_kafka_metadata(c->rk, 0, rkt, &md, ASK_MS))
		return -1;
	int32_t count = -1;
	if (md->topic_cnt == 1) {
		const struct rd_kafka_metadata_topic *t = &md->topics[0];
		if (!t->err)
			count = t->partition_cnt;
		else if (t->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || t->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
			count = 0;
	}
	rd_kafka_metadata_destroy(md);
	return count;
}

/* -- without a group -- */

static bool settle_start(struct kafka_consumer *c, int32_t partition, bool is_new)
{
	struct part *part = part_of(c, partition);
	if (!part)
		return false;
	rd_kafka_resp_err_t err = first_offset(c, partition, is_new, &part->start);
	part->settled = !err;
	if (err)
		say(c, true, "%s [%d]: no answer about where to begin: %s", c->topic, partition, rd_kafka_err2str(err));
	return !err;
}

static bool start_partition(struct kafka_consumer *c, int32_t partition)
{
	struct part *part = part_of(c, partition);
	if (rd_kafka_consume_start_queue(c->rkt, partition, part->start, c->queue)) {
		say(c, true, "%s [%d]: cannot read: %s", c->topic, partition, rd_kafka_err2str(rd_kafka_last_error()));
		return false;
	}
	part->reading = true;
	part->settled = false;
	part->next = part->start < 0 ? -1 : part->start;
	return true;
}

/* Takes on every partition that is not read yet. */
static void look_for_partitions(struct kafka_consumer *c, uint64_t now_ns)
{
	c->next_look_ns = now_ns + LOOK_SOON_MS * NS_PER_MS;
	int32_t count = count_partitions(c, c->rkt);
	if (count < 0)
		return;
	if (count == 0) {
		if (!c->was_absent)
			say(c, false, "topic %s is not there yet; waiting for it", c->topic);
		c->was_absent = true;
		c->ready = true; /* whatever will be sent, we begin at its beginning */
		return;
	}
	bool is_new = c->was_absent || c->ready;
	int32_t started = 0, failed = 0;
	/* All questions come before the first fetch: a broker answers a connection in order, and a fetch that finds nothing is
	 * answered only after fetch.wait.max.ms. */
	for (int32_t p = 0; p < count && p < PARTITIONS_MAX; p++) {
		if (!(p < c->n_parts && c->parts[p].reading) && !settle_start(c, p, is_new))
			failed++;
	}
	for (int32_t p = 0; p < count && p < c->n_parts; p++) {
		if (!c->parts[p].settled)
			continue;
		if (start_partition(c, p))
			started++;
		else
			failed++;
	}
	if (started)
		say(c, false, "reading %d partition%s of topic %s", count - failed, count - failed == 1 ? "" : "s", c->topic);
	if (!failed) {
		c->ready = true;
		c->next_look_ns = now_ns + LOOK_AGAIN_MS * NS_PER_MS;
	}
}

/* -- with a group -- */

/* True when the group has an offset of any partition of the topic; LIST gets those of its partitions. */
static bool ask_committed(struct kafka_consumer *c, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_topic_t *rkt = rd_kafka_topic_new(c->rk, c->topic, NULL);
	int32_t count = rkt ? count_partitions(c, rkt) : -1;
	if (rkt)
		rd_kafka_topic_destroy(rkt);
	rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(count > 0 ? count : list->cnt);
	for (int32_t p = 0; p < count && p < PARTITIONS_MAX; p++)
		rd_kafka_topic_partition_list_add(all, c->topic, p);
	for (int i = 0; i < list->cnt; i++) {
		if (!rd_kafka_topic_partition_list_find(all, c->topic, list->elems[i].partition))
			rd_kafka_topic_partition_list_add(all, c->topic, list->elems[i].partition);
	}
	rd_kafka_resp_err_t err = rd_kafka_committed(c->rk, all, ASK_MS * 3);
	if (err)
		say(c, true, "%s: the group's offsets could not be read: %s", c->topic, rd_kafka_err2str(err));
	bool known = false;
	for (int i = 0; !err && i < all->cnt; i++) {
		known |= all->elems[i].offset >= 0;
		rd_kafka_topic_partition_t *mine =
			rd_kafka_topic_partition_list_find(list, c->topic, all->elems[i].partition);
		if (mine)
			mine->offset = all->elems[i].offset;
	}
	rd_kafka_topic_partition_list_destroy(all);
	return known;
}

/* Settles where each partition of LIST starts and tells the group so where it did not know. */
static void settle_offsets(struct kafka_consumer *c, rd_kafka_topic_partition_list_t *list)
{
	bool is_new = ask_committed(c, list) || c->was_absent;
	rd_kafka_topic_partition_list_t *fresh = rd_kafka_topic_partition_list_new(list->cnt);
	for (int i = 0; i < list->cnt; i++) {
		rd_kafka_topic_partition_t *tp = &list->elems[i];
		struct part *part = part_of(c, tp->partition);
		int64_t own = c->begin ? c->begin(c->arg, tp->partition) : -1;
		bool stored = tp->offset >= 0;
		if (own >= 0)
			tp->offset = own;
		else if (!stored && first_offset(c, tp->partition, is_new, &tp->offset))
			tp->offset = c->from == FROM_END ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
		if (!part)
			continue;
		*part = (struct part){.reading = true, .next = tp->offset < 0 ? -1 : tp->offset,
				      .committed = stored ? tp->offset : -1};
		if (!stored && tp->offset >= 0)
			rd_kafka_topic_partition_list_add(fresh, c->topic, tp->partition)->offset = tp->offset;
	}
	if (fresh->cnt)
		(void)rd_kafka_commit(c->rk, fresh, 1);
	rd_kafka_topic_partition_list_destroy(fresh);
}

static void take_away(struct kafka_consumer *c, const rd_kafka_topic_partition_list_t *list)
{
	if (c->revoked)
		c->revoked(c->arg);
	for (int i = 0; i < list->cnt; i++) {
		struct part *part = part_of(c, list->elems[i].partition);
		if (part)
			*part = (struct part){.next = -1, .committed = -1};
	}
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct kafka_consumer *c = opaque;
	bool cooperative = strcmp(rd_kafka_rebalance_protocol(rk), "COOPERATIVE") == 0;
	rd_kafka_error_t *error = NULL;
	rd_kafka_resp_err_t failed = RD_KAFKA_RESP_ERR_NO_ERROR;
	if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		settle_offsets(c, list);
		if (cooperative)
			error = rd_kafka_incremental_assign(rk, list);
		else
			failed = rd_kafka_assign(rk, list);
		c->ready = true;
		say(c, false, "the group gave us %d partition%s of topic %s", list->cnt, list->cnt == 1 ? "" : "s", c->topic);
	} else {
		take_away(c, list);
		if (cooperative)
			error = rd_kafka_incremental_unassign(rk, list);
		else
			failed = rd_kafka_assign(rk, NULL);
		if (list->cnt)
			say(c, false, "the group took %d partition%s of topic %s away", list->cnt, list->cnt == 1 ? "" : "s",
			    c->topic);
	}
	if (error) {
		say(c, true, "rebalance: %s", rd_kafka_error_string(error));
		rd_kafka_error_destroy(error);
	}
	if (failed)
		say(c, true, "rebalance: %s", rd_kafka_err2str(failed));
}

/* -- both -- */

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
	struct kafka_consumer *c = opaque;
	char text[700];
	if (err == RD_KAFKA_RESP_ERR__FATAL) {
		c->fatal = true;
		rd_kafka_fatal_error(rk, text, sizeof(text));
	} else {
		kafka_trouble_text(err, reason, text, sizeof(text));
	}
	say(c, true, "%s", text);
}

static int make_conf(const struct kafka_consumer_setup *setup, rd_kafka_conf_t *conf, char *err, size_t err_len)
{
	const struct conf_row own[] = {
		{"bootstrap.servers", setup->options->brokers},
		{"client.id", setup->client_id},
		{"group.id", setup->group},
		{"enable.auto.commit", "false"},
		{"enable.auto.offset.store", "false"},
		/* Starts are settled here; this is for offsets that retention has overtaken: lose no more than it did. */
		{"auto.offset.reset", "earliest"},
		{"topic.metadata.refresh.interval.ms", "10000"},
		{"reconnect.backoff.max.ms", "1000"},
		/* A full queue makes librdkafka pause for a second: the default of 64 MiB ends at 900,000 flows a second. */
		{"queued.max.messages.kbytes", "131072"},
	};
	return conf_fill(conf, own, sizeof(own) / sizeof(own[0]), setup->options, err, err_len);
}

static int join(struct kafka_consumer *c)
{
	if (!c->grouped) {
		c->rkt = rd_kafka_topic_new(c->rk, c->topic, NULL);
		c->queue = rd_kafka_queue_new(c->rk);
		return c->rkt && c->queue ? 0 : -ENOMEM;
	}
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, c->topic, RD_KAFKA_PARTITION_UA);
	rd_kafka_resp_err_t err = rd_kafka_subscribe(c->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return err ? -EINVAL : (rd_kafka_poll_set_consumer(c->rk), 0);
}

int kafka_consumer_new(const struct kafka_consumer_setup *setup, struct kafka_consumer **ret_consumer, char *err, size_t err_len)
{
	struct kafka_consumer *c = calloc(1, sizeof(*c));
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	int r = -ENOMEM;
	if (!c || !conf) {
		snprintf(err, err_len, "out of memory");
		goto out;
	}
	c->event = setup->event;
	c->revoked = setup->revoked;
	c->begin = setup->begin;
	c->arg = setup->arg;
	c->grouped = setup->group != NULL;
	c->topic = strdup(setup->options->topic);
	r = parse_from(setup->from, &c->from, &c->from_ms);
	if (r) {
		snprintf(err, err_len, "--from %s: expected end, beginning, stored or a UTC time such as 2026-11-21T12:00",
			 setup->from);
		goto out;
	}
	r = make_conf(setup, conf, err, err_len);
	if (r)
		goto out;
	rd_kafka_conf_set_opaque(conf, c);
	rd_kafka_conf_set_error_cb(conf, on_error);
	if (c->grouped)
		rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, err, err_len);
	r = c->rk ? 0 : -EINVAL;
	if (r)
		goto out;
	conf = NULL; /* librdkafka's now */
	r = join(c);
	if (r)
		snprintf(err, err_len, "topic %s: cannot subscribe", c->topic);
out:
	if (conf)
		rd_kafka_conf_destroy(conf);
	if (r)
		kafka_consumer_free(c);
	else
		*ret_consumer = c;
	return r;
}

static rd_kafka_message_t *next_message(struct kafka_consumer *c, int timeout_ms)
{
	if (c->grouped)
		return rd_kafka_consumer_poll(c->rk, timeout_ms);
	uint64_t now = clock_monotonic_ns();
	if (now >= c->next_look_ns)
		look_for_partitions(c, now);
	rd_kafka_poll(c->rk, 0);
	return rd_kafka_consume_queue(c->queue, timeout_ms);
}

static void on_bad_message(struct kafka_consumer *c, const rd_kafka_message_t *m)
{
	switch (m->err) {
	case RD_KAFKA_RESP_ERR__PARTITION_EOF:
		return;
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
		if (!c->was_absent)
			say(c, false, "topic %s is not there yet; waiting for it", c->topic);
		c->was_absent = true;
		return;
	default:
		say(c, true, "%s", rd_kafka_message_errstr(m));
	}
}

static void fill(const rd_kafka_message_t *m, struct kafka_message *ret_message)
{
	*ret_message = (struct kafka_message){
		.data = m->payload,
		.len = m->len,
		.topic = rd_kafka_topic_name(m->rkt),
		.partition = m->partition,
		.offset = m->offset,
		.timestamp_ms = rd_kafka_message_timestamp(m, NULL),
	};
	rd_kafka_headers_t *headers;
	const void *value;
	size_t size;
	if (rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
	    rd_kafka_header_get_last(headers, "weir", &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		ret_message->header = value;
		ret_message->header_len = size;
	}
}

/* What librdkafka reads ahead on a long way to the end of a topic, glibc keeps when it is free again, up to 150 MiB. At the end
 * there is time to give it back. */
static void give_memory_back(struct kafka_consumer *c)
{
	if (c->handed_out < TRIM_BYTES)
		return;
	c->handed_out = 0;
#ifdef __GLIBC__
	(void)malloc_trim(0);
#endif
}

int kafka_consumer_poll(struct kafka_consumer *c, int timeout_ms, struct kafka_message *ret_message)
{
	if (c->held) {
		rd_kafka_message_destroy(c->held);
		c->held = NULL;
	}
	rd_kafka_message_t *m = next_message(c, timeout_ms);
	if (!m) {
		if (timeout_ms > 0)
			give_memory_back(c);
		return c->fatal ? -EIO : 0;
	}
	if (m->err) {
		on_bad_message(c, m);
		rd_kafka_message_destroy(m);
		return c->fatal ? -EIO : 0;
	}
	c->held = m;
	c->handed_out += m->len;
	struct part *part = part_of(c, m->partition);
	if (part)
		part->next = m->offset + 1;
	fill(m, ret_message);
	return 1;
}

struct rd_kafka_s *kafka_consumer_handle(struct kafka_consumer *c)
{
	return c->rk;
}

/* ALL, or only those that the group does not know yet. */
static rd_kafka_topic_partition_list_t *positions(struct kafka_consumer *c, bool all)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(c->n_parts);
	for (int32_t p = 0; p < c->n_parts; p++) {
		struct part *part = &c->parts[p];
		if (part->reading && part->next >= 0 && (all || part->next != part->committed))
			rd_kafka_topic_partition_list_add(list, c->topic, p)->offset = part->next;
	}
	return list;
}

struct rd_kafka_topic_partition_list_s *kafka_consumer_positions(struct kafka_consumer *c)
{
	return positions(c, true);
}

int kafka_consumer_commit(struct kafka_consumer *c, bool wait)
{
	if (!c->grouped)
		return 0;
	rd_kafka_topic_partition_list_t *list = positions(c, wait);
	rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
	if (list->cnt)
		err = rd_kafka_commit(c->rk, list, !wait);
	for (int i = 0; !err && i < list->cnt; i++)
		c->parts[list->elems[i].partition].committed = list->elems[i].offset;
	rd_kafka_topic_partition_list_destroy(list);
	if (!err)
		return 0;
	say(c, true, "offsets could not be committed: %s", rd_kafka_err2str(err));
	return -EIO;
}

int64_t kafka_consumer_lag(struct kafka_consumer *c)
{
	int64_t lag = 0;
	for (int32_t p = 0; p < c->n_parts; p++) {
		const struct part *part = &c->parts[p];
		int64_t low = 0, high = 0;
		if (!part->reading || rd_kafka_get_watermark_offsets(c->rk, c->topic, p, &low, &high))
			continue;
		int64_t next = part->next < 0 ? low : part->next;
		if (high > next && next >= 0)
			lag += high - next;
	}
	return lag;
}

void kafka_consumer_pause(struct kafka_consumer *c, bool pause)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(c->n_parts);
	for (int32_t p = 0; p < c->n_parts; p++)
		if (c->parts[p].reading)
			rd_kafka_topic_partition_list_add(list, c->topic, p);
	if (pause)
		(void)rd_kafka_pause_partitions(c->rk, list);
	else
		(void)rd_kafka_resume_partitions(c->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
}

bool kafka_consumer_ready(const struct kafka_consumer *c)
{
	return c->ready;
}

void kafka_consumer_free(struct kafka_consumer *c)
{
	if (!c)
		return;
	if (c->held)
		rd_kafka_message_destroy(c->held);
	if (c->grouped && c->rk)
		rd_kafka_consumer_close(c->rk); /* calls revoked() once more */
	for (int32_t p = 0; c->rkt && p < c->n_parts; p++) {
		if (c->parts[p].reading)
			rd_kafka_consume_stop(c->rkt, p);
	}
	if (c->queue)
		rd_kafka_queue_destroy(c->queue);
	if (c->rkt)
		rd_kafka_topic_destroy(c->rkt);
	if (c->rk)
		rd_kafka_destroy(c->rk);
	free(c->parts);
	free(c->topic);
	free(c);
}
