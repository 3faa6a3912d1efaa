/*
 * broker.h -- a Kafka broker for one machine: librdkafka's mock cluster, with a gate before it.
 *
 * The mock keeps about 5 MB a partition and then forgets the oldest, read or not. The gate slows
 * producers down to what the consumer group that matters has committed, so that nothing is forgotten unread.
 */
#ifndef WEIR_EMBEDDED_BROKER_H
#define WEIR_EMBEDDED_BROKER_H

#include <stddef.h>
#include <stdint.h>

struct broker;

struct broker_setup {
	const char *topic;
	int partitions;
	const char *group;     /* whose committed offsets count */
	size_t window;         /* bytes a partition may hold that the group has not committed */
};

struct broker_status {
	uint64_t messages, bytes;      /* seen on the topic so far */
	uint64_t behind, behind_bytes; /* not committed by the group yet */
	uint64_t gap;                  /* messages forgotten before the group had read them: lost */
	uint64_t gated_ns;             /* time during which producers were slowed down */
};

/* 0 or -EIO with one line in ERR. */
int broker_start(const struct broker_setup *setup, struct broker **ret_broker, char *err, size_t err_len);
const char *broker_address(const struct broker *b); /* "127.0.0.1:40123" */
/* Behind is exact: it asks the broker for the end of each partition. 0, or -EIO when it did not answer. */
int broker_status(struct broker *b, struct broker_status *ret_status);
void broker_stop(struct broker *b);

#endif
