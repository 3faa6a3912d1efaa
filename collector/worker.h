/*
 * worker.h -- a thread with one input, one decoder and one open batch: receives, decodes, packs. It shares nothing
 * on the way of a datagram; what others want of it they read from counters, or ask for and it answers between
 * two receive calls.
 */
#ifndef WEIR_COLLECTOR_WORKER_H
#define WEIR_COLLECTOR_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/decode.h"
#include "collector/decode_stats.h"
#include "collector/outlet.h"
#include "collector/stream_stats.h"
#include "common/err.h"
#include "packet/meter.h"

struct config;
struct gate_rules;
struct input;
struct listen_spec;
struct senders;
struct worker;

/* Of one input. Written by its worker. */
struct worker_stats {
	uint64_t datagrams, bytes;
	uint64_t truncated;       /* longer than 65,535 octets (never, on IP) */
	uint64_t kernel_drops;    /* the receive buffer was full: lost on this host */
	uint64_t receive_errors;
	uint64_t not_allowed;     /* turned away before decoding */
	uint64_t repeated, repeat_failed; /* copies */
	uint64_t batches;         /* receive calls that gave something */
	struct stream_stats sessions; /* of connections */
	struct meter_stats meter;     /* of an interface */
};

struct worker_options {
	const struct config *config;
	const struct listen_spec *listen;
	unsigned number;          /* in its group */
	struct input *input;      /* the worker's from now on, also when it does not start */
	struct outlet_options outlet;
	const struct gate_rules *rules;
};

int worker_start(const struct worker_options *options, struct worker **ret_worker); /* 0 or a negative errno */
/* Asks it to end: it empties the socket once, and passes its batch on. */
void worker_stop(struct worker *w);
void worker_join(struct worker *w); /* waits for the end; its counters stay */
void worker_free(struct worker *w); /* ended or not; NULL is fine */

/* Of a running one or an ended one. */
const struct worker_stats *worker_stats(const struct worker *w);
const struct decode_stats *worker_decode_stats(const struct worker *w);
const struct outlet_stats *worker_outlet_stats(const struct worker *w);
const struct listen_spec *worker_listen(const struct worker *w);
unsigned worker_number(const struct worker *w);
bool *worker_pulse(struct worker *w); /* for notify_watchdog_feed() */

/* What lets datagrams and flows through; both must live on until the next call has returned (the old ones may go then).
 * 0, -ESHUTDOWN, -ENOMEM. */
int worker_set_rules(struct worker *w, const struct gate_rules *rules);
int worker_set_senders(struct worker *w, const struct senders *senders);

/* Its input reads its files again. 0, or negative with one line in ERR. */
int worker_reload(struct worker *w, char *err, size_t err_len);

/* Runs FN in the worker's thread, between two datagrams, and waits for it. 0, or -ESHUTDOWN: it has ended. */
typedef void worker_ask_fn(void *arg, struct worker *w, struct decoder *d);
int worker_ask(struct worker *w, worker_ask_fn *fn, void *arg);
/* The same, and right here when it has ended (and was joined). */
void worker_ask_or_do(struct worker *w, worker_ask_fn *fn, void *arg);

/* --- for its input (collector/input.h), in the worker's thread --- */

struct worker_stats *worker_counters(struct worker *w);
struct outlet *worker_outlet(struct worker *w);
struct decoder *worker_decoder(struct worker *w);
/* Whether this one may send. */
bool worker_admits(struct worker *w, const struct ip_addr *source, uint16_t port);
/* Goes on evenly from what the wall clock said at the start, however that is set since: for datagram.now_ns. */
uint64_t worker_now_ns(const struct worker *w);
/* Decodes it and packs its flows, between outlet_begin() and the next call of the input. False: it may not send. */
bool worker_datagram(struct worker *w, const struct datagram *dg);

#endif
