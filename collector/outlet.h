/*
 * outlet.h -- what a worker does with the flows its decoder emits: filter, pack into the open batch, pass full batches
 * on. Each worker has its own; only the transport behind it is shared.
 */
#ifndef WEIR_COLLECTOR_OUTLET_H
#define WEIR_COLLECTOR_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/batch.h"
#include "collector/decode.h"
#include "common/err.h"

struct flow;
struct tap;
struct transport;

/* Written by the owning thread, read by any. flows = kept + sum(dropped); kept = put in a closed batch + open. */
struct outlet_stats {
	uint64_t flows;               /* emitted by the decoder */
	uint64_t dropped[ERR_COUNT];  /* FILTERED, NETWORK, MEMORY ... */
	uint64_t kept;
	uint64_t closed;              /* of kept: gone to the transport */
	uint64_t batches;
};

/* Wishes about a flow: false: not this one, for the reason in *ret_reason. May change FLOW. */
typedef bool outlet_keep_fn(void *arg, struct flow *flow, enum err *ret_reason);

struct outlet_options {
	struct transport *transport;
	struct batch_encoding encoding;
	size_t batch_bytes;    /* a batch is passed on when it has so many */
	uint32_t batch_flows;  /* or so many flows; 0: no limit */
	uint64_t linger_ns;    /* or is so old */
	outlet_keep_fn *keep;  /* NULL: all */
	void *keep_arg;
	struct tap *tap;       /* live readers of /flows, NULL: none */
};

struct outlet {
	struct outlet_options options;
	struct batch *batch;
	uint64_t now_ns;       /* monotonic, set by outlet_begin() */
	struct outlet_stats stats;
};

int outlet_init(struct outlet *o, const struct outlet_options *options); /* 0 or -ENOMEM */
/* What is in the open batch goes to the transport. */
void outlet_close(struct outlet *o, uint64_t now_ns);

/* Around the datagrams of one receive call ... */
static inline void outlet_begin(struct outlet *o, uint64_t now_ns)
{
	o->now_ns = now_ns;
}
/* ... each flow (a decode_emit_fn; ARG is the outlet) ... */
void outlet_emit(void *arg, struct flow *flow);
/* ... or several packed ones at once: a decode_window_fn and a decode_packed_fn, where nobody has to look at them ... */
bool outlet_window(void *arg, struct decode_window *ret_window);
void outlet_packed(void *arg, size_t bytes, uint32_t flows);
/* ... after each datagram ... */
void outlet_commit(struct outlet *o);
/* ... and after the call: passes on what is old enough; with FLUSH whatever there is. */
void outlet_tick(struct outlet *o, uint64_t now_ns, bool flush);

#endif
