/*
 * transport.h -- where full batches go: Kafka, an HTTP address, a file, nowhere.
 *
 * A worker always has one open batch. It swaps a full one for an empty one and never waits for a broker: Kafka's
 * and HTTP's transports put batches in the journal; file and null are done with a batch when swap returns.
 */
#ifndef WEIR_COLLECTOR_TRANSPORT_H
#define WEIR_COLLECTOR_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct batch;
struct batch_encoding;
struct buf;
struct config;
struct transport;

/* In flows. Conserves: put + recovered = acknowledged + waiting + sum(dropped). */
struct transport_totals {
	uint64_t put;
	uint64_t recovered;          /* found in the journal at the start */
	uint64_t acknowledged;       /* by the broker or server; written; or (null) thrown away as asked */
	uint64_t waiting;            /* in memory or on disk */
	uint64_t dropped[ERR_COUNT];
};

struct transport_ops {
	const char *name;
	/* An empty batch, NULL without memory. Thread-safe, as swap is. */
	struct batch *(*take)(struct transport *t);
	struct batch *(*swap)(struct transport *t, struct batch *full, uint64_t now_ns);
	/* A worker ends: its last batch, full or empty. */
	void (*give_back)(struct transport *t, struct batch *last, uint64_t now_ns);
	/* SIGHUP; a line for the log, empty when there was nothing to do. */
	void (*reopen)(struct transport *t, char *said, size_t said_len);
	bool (*ready)(struct transport *t, char *why_not, size_t why_len);
	/* False: it cannot go on (nobody reads standard output any more): the program ends. */
	bool (*alive)(struct transport *t);
	/* True: it has so much to deliver that a source that can wait (a capture file) should. */
	bool (*behind)(struct transport *t);
	void (*totals)(struct transport *t, struct transport_totals *ret_totals);
	void (*metrics)(struct transport *t, struct buf *out);
	/* About once a second, from the main thread: for its log lines. */
	void (*tick)(struct transport *t, uint64_t now_ns);
	/* Sends what it can until DEADLINE_NS (monotonic); the rest stays in the journal. All batches were given back. */
	void (*flush)(struct transport *t, uint64_t deadline_ns);
	void (*free)(struct transport *t);
};

struct transport {
	const struct transport_ops *ops;
};

/* Operations of transports that have nothing to do there. */
void transport_no_reopen(struct transport *t, char *said, size_t said_len);
bool transport_is_alive(struct transport *t);
bool transport_is_never_behind(struct transport *t);
void transport_no_metrics(struct transport *t, struct buf *out);

/* 0, or negative with one line in ERR. */
int transport_open(const struct config *config, struct transport **ret_transport, char *err, size_t err_len) MUST_CHECK;
int transport_kafka_open(const struct config *config, struct transport **ret_transport, char *err, size_t err_len) MUST_CHECK;
int transport_http_open(const struct config *config, struct transport **ret_transport, char *err, size_t err_len) MUST_CHECK;
int transport_file_open(const struct config *config, struct transport **ret_transport, char *err, size_t err_len) MUST_CHECK;
int transport_null_open(const struct config *config, struct transport **ret_transport, char *err, size_t err_len) MUST_CHECK;

#endif
