/*
 * held.h -- what the transports that can be made to wait (Kafka, HTTP) have in common: a journal that holds what the other
 * side has not taken, and a thread that sends from it until it is told to end; what workers call, counters, log lines.
 */
#ifndef WEIR_COLLECTOR_HELD_H
#define WEIR_COLLECTOR_HELD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/journal.h"
#include "collector/transport.h"
#include "common/complain.h"

struct transport_held {
	struct transport base;
	const struct config *config;
	struct journal *journal;
	struct complain trouble, full;
	uint64_t full_said;
	pthread_t thread;
	bool thread_runs, stop; /* stop: atomic */
	uint64_t deadline_ns;   /* once stop is set */
};

/* The journal; no thread yet. 0, or negative with one line in ERR. */
int held_open(struct transport_held *h, const struct transport_ops *ops, const struct config *config, char *err, size_t err_len)
	MUST_CHECK;
/* SENDER gets H, and ends once held_is_over(). */
int held_start(struct transport_held *h, void *(*sender)(void *), char *err, size_t err_len) MUST_CHECK;
/* Asks the thread to end, which it does by DEADLINE_NS at the latest. */
void held_ask_end(struct transport_held *h, uint64_t deadline_ns);
void held_join(struct transport_held *h);
void held_close(struct transport_held *h);

/* For the thread: it is past the deadline; or asked to end and there is nothing left to send. */
bool held_is_late(const struct transport_held *h);
bool held_is_over(const struct transport_held *h);
/* At the end: what is left, and whether it will be sent. */
void held_say_left(const struct transport_held *h);

/* Operations of a transport (transport.h); its own give_back() puts the batch into the journal. */
struct batch *held_take(struct transport *t);
struct batch *held_swap(struct transport *t, struct batch *full, uint64_t now_ns);
bool held_is_behind(struct transport *t);
void held_totals(struct transport *t, struct transport_totals *ret_totals);
void held_metrics(struct transport *t, struct buf *out);
void held_tick(struct transport *t, uint64_t now_ns);

#endif
