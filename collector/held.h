/*
 * held.h -- what the transports that can be made to wait (Kafka, HTTP) have in common: a journal that holds what the other
 * side has not taken, its counters, its log lines.
 */
#ifndef WEIR_COLLECTOR_HELD_H
#define WEIR_COLLECTOR_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/journal.h"
#include "common/complain.h"

struct buf;
struct config;
struct transport_totals;

struct held {
	struct journal *journal;
	struct complain trouble, full;
	uint64_t full_said;
};

int held_open(struct held *h, const struct config *config, char *err, size_t err_len) MUST_CHECK;
void held_close(struct held *h);
/* So much is held that a source that can wait (a capture file) should. */
bool held_is_behind(const struct held *h);
void held_totals(const struct held *h, struct transport_totals *ret_totals);
void held_metrics(const struct held *h, struct buf *out);
/* About once a second: log lines. */
void held_tick(struct held *h, uint64_t now_ns);
/* At the end: what is left, and whether it will be sent. */
void held_say_left(const struct held *h);

#endif
