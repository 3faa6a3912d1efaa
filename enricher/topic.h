/*
 * topic.h -- one topic into another, exactly once, with something added to every flow on the way.
 */
#ifndef WEIR_ENRICHER_TOPIC_H
#define WEIR_ENRICHER_TOPIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct enrich;
struct kafka_options;
struct topic;

struct topic_setup {
	const struct kafka_options *kafka; /* the topic to read */
	const char *output;                /* the topic to write */
	const char *group, *from;
	const char *transactional_id;
	uint64_t commit_ns;                /* a transaction is not longer than this */
	size_t commit_messages;            /* and has not more messages */
	struct enrich *enrich;             /* NULL: nothing is added */
	const atomic_bool *stop;
};

int topic_new(const struct topic_setup *setup, struct topic **ret_topic, char *err, size_t err_len);
/* Until *STOP is set. 0; -EINVAL (settings that the Kafka client refuses) or -EBUSY (another process took our transactional
 * id) with a line in ERR. */
int topic_run(struct topic *t, char *err, size_t err_len);
bool topic_ready(const struct topic *t);
bool *topic_pulse(struct topic *t); /* for notify_watchdog_feed() */
void topic_metrics(const struct topic *t, struct buf *b); /* from another thread */
void topic_log_summary(const struct topic *t);
void topic_free(struct topic *t);

#endif
