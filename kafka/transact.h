/*
 * transact.h -- what is read from one topic and written to another, exactly once: Kafka transactions.
 *
 * The producer is made with a transactional_id, the consumer with a group. What was sent and the offsets of what was
 * polled take effect together in kafka_transact_commit(), or not at all.
 */
#ifndef WEIR_KAFKA_TRANSACT_H
#define WEIR_KAFKA_TRANSACT_H

#include <stddef.h>

#include "common/err.h"

struct kafka_consumer;
struct kafka_producer;

/* All give 0; -EAGAIN: it failed, and kafka_transact_abort() and reading again from what is committed make it good
 * (for _init: try again); -EIO: this producer is done for; -EBUSY: for another one has taken its id. ERR gets a line. */
int kafka_transact_init(struct kafka_producer *p, int timeout_ms, char *err, size_t err_len) MUST_CHECK;
int kafka_transact_begin(struct kafka_producer *p, char *err, size_t err_len) MUST_CHECK;
int kafka_transact_commit(struct kafka_producer *p, struct kafka_consumer *c, int timeout_ms, char *err, size_t err_len) MUST_CHECK;
int kafka_transact_abort(struct kafka_producer *p, int timeout_ms, char *err, size_t err_len) MUST_CHECK;

#endif
