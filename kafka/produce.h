/*
 * produce.h -- Kafka as a place to put batches: a seam around librdkafka (produce.c alone has rdkafka.h).
 *
 * Idempotent, nothing expires by itself (message.timeout.ms 0), and the caller keeps the payload's memory until
 * the delivery callback has been called for it. The caller bounds how much is in flight.
 */
#ifndef WEIR_KAFKA_PRODUCE_H
#define WEIR_KAFKA_PRODUCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kafka/trouble.h"

struct kafka_options;
struct kafka_producer;
struct rd_kafka_s;

enum kafka_delivery {
	KAFKA_DELIVERED, /* the broker has named its offset; without idempotence, what librdkafka calls delivered */
	KAFKA_RETRY,     /* not delivered, or not surely, and may be sent again (purged, fatal idempotence error ...) */
	KAFKA_TOO_LARGE, /* refused for good */
	KAFKA_REFUSED    /* refused for good, for another reason */
};

/* Called from kafka_producer_poll(); OPAQUE and DATA are those of the message. TEXT is the broker's reason and its cure, NULL
 * when delivered. */
typedef void kafka_delivered_fn(void *arg, void *opaque, const void *data, enum kafka_delivery how, const char *text);
/* Something to say to the operator: broker gone, authentication failed ... Called from kafka_producer_poll(). */
typedef void kafka_event_fn(void *arg, bool is_error, const char *text);

struct kafka_producer_setup {
	const struct kafka_options *options;
	const char *client_id;
	size_t batch_size;      /* bytes that librdkafka may put together, for a broker that takes little; 0: its default */
	const char *transactional_id; /* NULL: no transactions (kafka/transact.h) */
	kafka_delivered_fn *delivered;
	kafka_event_fn *event;
	void *arg;
};

struct kafka_stats {
	uint64_t sent, acknowledged, failed; /* messages */
	uint64_t in_flight;                  /* messages now inside librdkafka */
	uint64_t errors[KAFKA_TROUBLES];     /* events that said error, and answers that did */
	bool connected;                      /* a broker answered and none of the later events said all are down */
	bool topic_denied;                   /* kafka_producer_partitions(): the broker does not let us see the topic */
	bool write_denied;                   /* the last message that was answered may not be written there */
	bool fatal;                          /* nothing can be sent any more: free it and make a new one */
};

/* 0 or -EINVAL (a property librdkafka refuses), with one line in ERR. Works without any broker being there. */
int kafka_producer_new(const struct kafka_producer_setup *setup, struct kafka_producer **ret_producer, char *err, size_t err_len);
/* Partitions of the topic, or 0 while unknown (no broker yet, or no such topic: then the broker may create it). */
int kafka_producer_partitions(struct kafka_producer *p, int timeout_ms);
/* Hands over LEN bytes at DATA, which stay the caller's but must not change until delivered() is called with OPAQUE.
 * PARTITION -1: any. HEADER (copied) becomes the value of the message header "weir", none when header_len is 0.
 * 0; -EAGAIN: not now (librdkafka's queue is full, or the producer is fatal); -ENOENT: topic or partition are gone or forbidden, ask
 * for them again; -EMSGSIZE: larger than message.max.bytes; -EINVAL for good. Thread-safe. */
int kafka_producer_send(struct kafka_producer *p, int32_t partition, const void *data, size_t len,
			const void *header, size_t header_len, void *opaque);
/* Serves callbacks for at most TIMEOUT_MS; gives how many were served. One thread. */
int kafka_producer_poll(struct kafka_producer *p, int timeout_ms);
void kafka_producer_stats(const struct kafka_producer *p, struct kafka_stats *ret_stats);
/* For kafka/transact.c. */
struct rd_kafka_s *kafka_producer_handle(struct kafka_producer *p);
/* Gives up what is still in flight (delivered() is called with KAFKA_RETRY) and frees. NULL is fine. */
void kafka_producer_free(struct kafka_producer *p);

#endif
