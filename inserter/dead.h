/*
 * dead.h -- messages that could not be read, or not wholly, kept aside in a topic of their own (--dead-letter-topic).
 */
#ifndef WEIR_INSERTER_DEAD_H
#define WEIR_INSERTER_DEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct dead;
struct kafka_message;
struct kafka_options;

/* 0, or negative with a line in ERR. */
int dead_new(const struct kafka_options *kafka, const char *topic, struct dead **ret_dead, char *err, size_t err_len) MUST_CHECK;
/* Keeps M as it came, header and all. D may be NULL: then nothing happens. */
void dead_keep(struct dead *d, const struct kafka_message *m);
bool dead_is_full(const struct dead *d); /* dead_flush() before the next message */
/* 0 when everything kept so far is in the topic; -EAGAIN: not yet. */
int dead_flush(struct dead *d);
uint64_t dead_count(const struct dead *d); /* messages kept */
void dead_free(struct dead *d);

#endif
