/*
 * consume.h -- Kafka as a stream of messages: a seam around librdkafka (consume.c alone has rdkafka.h).
 *
 * Offsets are committed only when the caller says that a message is safe.
 */
#ifndef WEIR_KAFKA_CONSUME_H
#define WEIR_KAFKA_CONSUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kafka_options;
struct kafka_consumer;
struct rd_kafka_s;
struct rd_kafka_topic_partition_list_s;

typedef void kafka_consumer_event_fn(void *arg, bool is_error, const char *text);
/* Partitions were taken away; called inside kafka_consumer_poll() before they go: make safe and commit what is pending. */
typedef void kafka_revoked_fn(void *arg);
/* For a caller that keeps offsets itself (in its database): the offset to begin PARTITION at, or -1 when it has none. */
typedef int64_t kafka_begin_fn(void *arg, int32_t partition);

struct kafka_consumer_setup {
	const struct kafka_options *options;
	const char *group;      /* NULL: no shared group, nothing is committed, every consumer sees all */
	/* Where to begin: "end" (what is sent after the start), "beginning", or a UTC time 2026-11-21T12:00. With a
	 * group this is for partitions that the group has no offset of; "stored" says the same as "end". */
	const char *from;
	const char *client_id;
	kafka_consumer_event_fn *event;
	kafka_revoked_fn *revoked;
	kafka_begin_fn *begin; /* may be NULL */
	void *arg;
};

/* Valid until the next poll or kafka_consumer_free(). */
struct kafka_message {
	const uint8_t *data;
	size_t len;
	const char *topic;
	int32_t partition;
	int64_t offset;
	int64_t timestamp_ms;
	const uint8_t *header; /* value of the message header "weir", NULL when there is none */
	size_t header_len;
};

int kafka_consumer_new(const struct kafka_consumer_setup *setup, struct kafka_consumer **ret_consumer, char *err, size_t err_len);
/* 1: *ret_message; 0: nothing in TIMEOUT_MS; -EIO: broken for good, the event said why. */
int kafka_consumer_poll(struct kafka_consumer *c, int timeout_ms, struct kafka_message *ret_message);
/* Everything polled so far is safe: the group's offsets move there (asynchronously; at once when WAIT).
 * 0 (also without a group), or -EIO after an event that said why. */
int kafka_consumer_commit(struct kafka_consumer *c, bool wait);
/* Messages between here and the end of the assigned partitions, as far as known. */
int64_t kafka_consumer_lag(struct kafka_consumer *c);
/* While PAUSE, nothing more is fetched, but polling goes on and keeps the place in the group. */
void kafka_consumer_pause(struct kafka_consumer *c, bool pause);
/* For kafka/transact.c: the offsets behind everything polled so far; the list is the caller's. */
struct rd_kafka_s *kafka_consumer_handle(struct kafka_consumer *c);
struct rd_kafka_topic_partition_list_s *kafka_consumer_positions(struct kafka_consumer *c);
/* True once partitions are assigned and their starting offsets known: what is sent from now on will be seen. */
bool kafka_consumer_ready(const struct kafka_consumer *c);
void kafka_consumer_free(struct kafka_consumer *c);

#endif
