/*
 * produce.c -- the producing half of librdkafka, behind produce.h.
 *
 * The defaults below are chosen so that nothing is lost and nothing is doubled by librdkafka itself: an idempotent
 * producer, no message timeout, short reconnect back-off. All of them are ordinary properties and the user's beat
 * them. Payload is neither copied nor freed here: it stays in the caller's memory, the journal.
 *
 * Delivered is what the broker has named an offset for. librdkafka also takes for delivered whatever lies before a message
 * that was taken ("implicitly acked", 2.0.2 and 2.15 both do). A broker that does not know the producer yet takes any sequence for
 * its first: where it refuses one message (a new topic whose leader is just being made) and takes the next, already on its way,
 * the refused one would be gone. Such a message comes without an offset and is sent again; its header tells a second copy.
 */
#include "kafka/produce.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka/conf.h"
#include "kafka/options.h"

enum { GIVE_UP_POLLS = 50, GIVE_UP_POLL_MS = 20 };

struct kafka_producer {
	rd_kafka_t *rk;
	rd_kafka_topic_t *rkt;
	kafka_delivered_fn *delivered;
	kafka_event_fn *event;
	void *arg;
	bool idempotent;
	/* Atomic: several threads send, one polls, any reads. */
	uint64_t sent, acknowledged, failed, errors[KAFKA_TROUBLES];
	bool connected, fatal, topic_denied, write_denied;
};

static void count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static void set_flag(bool *flag, bool value)
{
	__atomic_store_n(flag, value, __ATOMIC_RELAXED);
}

/* What the broker says about a message: whether it can ever be taken. What may be mended (rights, topic, quota,
 * leader ...) is worth another try. */
static enum kafka_delivery verdict(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		return KAFKA_DELIVERED;
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
		return KAFKA_TOO_LARGE;
	case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
	case RD_KAFKA_RESP_ERR_INVALID_RECORD:
	case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
		return KAFKA_REFUSED;
	default:
		return KAFKA_RETRY;
	}
}

static void count_refusal(struct kafka_producer *p, rd_kafka_resp_err_t code)
{
	enum kafka_trouble trouble = kafka_trouble_of(code, rd_kafka_err2str(code));
	count(&p->errors[trouble]);
	if (trouble == KAFKA_TROUBLE_AUTHORIZATION)
		set_flag(&p->write_denied, true);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct kafka_producer *p = opaque;
	enum kafka_delivery how = verdict(m->err);
	(void)rk;
	if (how == KAFKA_DELIVERED && p->idempotent && m->offset < 0) {
		count(&p->failed);
		count(&p->errors[KAFKA_TROUBLE_OTHER]);
		p->delivered(p->arg, m->_private, m->payload, KAFKA_RETRY, "the broker took a later message but did not say where this "
			     "one is; it is sent again");
	} else if (how == KAFKA_DELIVERED) {
		count(&p->acknowledged);
		set_flag(&p->connected, true);
		set_flag(&p->write_denied, false);
		p->delivered(p->arg, m->_private, m->payload, how, NULL);
	} else {
		char text[512];
		count(&p->failed);
		const char *reason = rd_kafka_err2str(m->err);
		count_refusal(p, m->err);
		kafka_trouble_text(m->err, reason, text, sizeof(text));
		p->delivered(p->arg, m->_private, m->payload, how, text);
	}
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	struct kafka_producer *p = opaque;
	char text[700];
	count(&p->errors[kafka_trouble_of(code, reason)]);
	if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		set_flag(&p->connected, false);
	if (code == RD_KAFKA_RESP_ERR__FATAL) {
		char why[400] = "";
		(void)rd_kafka_fatal_error(rk, why, sizeof(why));
		set_flag(&p->fatal, true);
		snprintf(text, sizeof(text), "the producer cannot go on: %s", why);
	} else {
		kafka_trouble_text(code, reason, text, sizeof(text));
	}
	if (p->event)
		p->event(p->arg, true, text);
}

static int make_conf(const struct kafka_producer_setup *setup, rd_kafka_conf_t *conf, char *err, size_t err_len)
{
	char batch_size[24];
	snprintf(batch_size, sizeof(batch_size), "%zu", setup->batch_size);
	const struct conf_row own[] = {
		{"bootstrap.servers", setup->options->brokers},
		{"batch.size", setup->batch_size ? batch_size : NULL},
		{"client.id", setup->client_id},
		{"enable.idempotence", "true"},      /* no doubles, no reordering by retries */
		/* Nothing expires by itself; in a transaction, what does not arrive aborts it. */
		{"message.timeout.ms", setup->transactional_id ? NULL : "0"},
		{"transactional.id", setup->transactional_id},
		{"reconnect.backoff.ms", "100"},
		{"reconnect.backoff.max.ms", "1000"}, /* the default, 10 s, keeps sending stopped for 13 s after an outage */
		{"compression.codec", "lz4"},
		{"linger.ms", "5"},                  /* a message is a batch already */
		{"log.connection.close", "false"},   /* brokers close idle connections */
		{"socket.keepalive.enable", "true"},
	};
	return conf_fill(conf, own, sizeof(own) / sizeof(own[0]), setup->options, err, err_len);
}

/* The user may have said otherwise. */
static bool is_idempotent(const rd_kafka_conf_t *conf)
{
	char value[8] = "";
	size_t size = sizeof(value);
	return rd_kafka_conf_get(conf, "enable.idempotence", value, &size) == RD_KAFKA_CONF_OK && strcmp(value, "true") == 0;
}

int kafka_producer_new(const struct kafka_producer_setup *setup, struct kafka_producer **ret_producer, char *err, size_t err_len)
{
	struct kafka_producer *p = calloc(1, sizeof(*p));
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[400] = "no memory";
	int rc = p && conf ? make_conf(setup, conf, err, err_len) : -ENOMEM;
	if (rc < 0)
		goto out;
	p->delivered = setup->delivered;
	p->event = setup->event;
	p->arg = setup->arg;
	p->idempotent = is_idempotent(conf);
	rd_kafka_conf_set_opaque(conf, p);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_conf_set_error_cb(conf, on_error);
	p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (p->rk) {
		conf = NULL; /* it owns it now */
		p->rkt = rd_kafka_topic_new(p->rk, setup->options->topic, NULL);
		if (!p->rkt)
			snprintf(why, sizeof(why), "topic '%s': %s", setup->options->topic, rd_kafka_err2str(rd_kafka_last_error()));
	}
	rc = p->rkt ? 0 : -EINVAL;
	if (rc < 0)
		snprintf(err, err_len, "kafka: %s", why);
out:
	if (conf)
		rd_kafka_conf_destroy(conf);
	if (rc == 0)
		*ret_producer = p;
	else
		kafka_producer_free(p);
	return rc;
}

int kafka_producer_partitions(struct kafka_producer *p, int timeout_ms)
{
	const struct rd_kafka_metadata *metadata = NULL;
	int partitions = 0;
	if (rd_kafka_metadata(p->rk, 0, p->rkt, &metadata, timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return 0;
	set_flag(&p->connected, true);
	rd_kafka_resp_err_t why = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	if (why == RD_KAFKA_RESP_ERR_NO_ERROR)
		partitions = metadata->topics[0].partition_cnt;
	else
		count(&p->errors[kafka_trouble_of(why, rd_kafka_err2str(why))]);
	set_flag(&p->topic_denied, why == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	rd_kafka_metadata_destroy(metadata);
	return partitions;
}

int kafka_producer_send(struct kafka_producer *p, int32_t partition, const void *data, size_t len,
			const void *header, size_t header_len, void *opaque)
{
	/* The field is not const in librdkafka, but it is only read: no RD_KAFKA_MSG_F_FREE. */
	union { const void *given; void *wanted; } payload = {.given = data};
	/* Made here and not by RD_KAFKA_VTYPE_HEADER: librdkafka up to 2.0.2 at least frees those twice when it refuses a message
	 * (the topic was deleted, or may not be written to). */
	rd_kafka_headers_t *headers = header_len ? rd_kafka_headers_new(1) : NULL;
	if (headers)
		rd_kafka_header_add(headers, "weir", -1, header, (ssize_t)header_len);
	rd_kafka_vu_t args[] = {
		{.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = p->rkt},
		{.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
		{.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {.ptr = payload.wanted, .size = len}},
		{.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = 0},
		{.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = opaque},
		{.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers}, /* its own once the message is taken */
	};
	size_t n = sizeof(args) / sizeof(args[0]) - (headers == NULL);
	rd_kafka_error_t *error = rd_kafka_produceva(p->rk, args, n);
	if (!error) {
		count(&p->sent);
		return 0;
	}
	rd_kafka_resp_err_t code = rd_kafka_error_code(error);
	rd_kafka_error_destroy(error);
	if (headers)
		rd_kafka_headers_destroy(headers);
	if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		return -EAGAIN;
	if (code == RD_KAFKA_RESP_ERR__FATAL) {
		set_flag(&p->fatal, true);
		return -EAGAIN;
	}
	count_refusal(p, code);
	switch (verdict(code)) {
	case KAFKA_TOO_LARGE: return -EMSGSIZE;
	case KAFKA_RETRY: return -ENOENT;
	default: return -EINVAL;
	}
}

struct rd_kafka_s *kafka_producer_handle(struct kafka_producer *p)
{
	return p->rk;
}

int kafka_producer_poll(struct kafka_producer *p, int timeout_ms)
{
	return rd_kafka_poll(p->rk, timeout_ms);
}

void kafka_producer_stats(const struct kafka_producer *p, struct kafka_stats *ret_stats)
{
	ret_stats->acknowledged = __atomic_load_n(&p->acknowledged, __ATOMIC_RELAXED);
	ret_stats->failed = __atomic_load_n(&p->failed, __ATOMIC_RELAXED);
	ret_stats->sent = __atomic_load_n(&p->sent, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < KAFKA_TROUBLES; i++)
		ret_stats->errors[i] = __atomic_load_n(&p->errors[i], __ATOMIC_RELAXED);
	/* An answer may be counted before its sender has counted the message. */
	uint64_t answered = ret_stats->acknowledged + ret_stats->failed;
	ret_stats->in_flight = ret_stats->sent > answered ? ret_stats->sent - answered : 0;
	ret_stats->connected = __atomic_load_n(&p->connected, __ATOMIC_RELAXED);
	ret_stats->topic_denied = __atomic_load_n(&p->topic_denied, __ATOMIC_RELAXED);
	ret_stats->write_denied = __atomic_load_n(&p->write_denied, __ATOMIC_RELAXED);
	ret_stats->fatal = __atomic_load_n(&p->fatal, __ATOMIC_RELAXED);
}

void kafka_producer_free(struct kafka_producer *p)
{
	if (!p)
		return;
	if (p->rk) {
		(void)rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		for (int i = 0; i < GIVE_UP_POLLS && rd_kafka_outq_len(p->rk) > 0; i++)
			(void)rd_kafka_poll(p->rk, GIVE_UP_POLL_MS);
		if (p->rkt)
			rd_kafka_topic_destroy(p->rkt);
		rd_kafka_destroy(p->rk);
	}
	free(p);
}
