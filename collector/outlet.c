/*
 * outlet.c -- see outlet.h. The hot path: no lock, no allocation, no system call but the transport's once a batch.
 */
#include "collector/outlet.h"

#include <errno.h>

#include "collector/tap.h"
#include "collector/transport.h"
#include "common/counter.h"

int outlet_init(struct outlet *o, const struct outlet_options *options)
{
	*o = (struct outlet){.options = *options};
	o->batch = options->transport->ops->take(options->transport);
	return o->batch ? 0 : -ENOMEM;
}

void outlet_close(struct outlet *o, uint64_t now_ns)
{
	if (!o->batch)
		return;
	batch_commit(o->batch, o->now_ns);
	counter_add(&o->stats.closed, o->batch->flows);
	o->options.transport->ops->give_back(o->options.transport, o->batch, now_ns);
	o->batch = NULL;
}

/* Afterwards there is an empty batch, or none at all: then the journal has no slot to give (all are in flight), and
 * flows are dropped and counted until it has one again. */
static bool next_batch(struct outlet *o)
{
	struct transport *t = o->options.transport;
	if (o->batch) {
		batch_commit(o->batch, o->now_ns);
		counter_add(&o->stats.closed, o->batch->flows);
		counter_inc(&o->stats.batches);
		o->batch = t->ops->swap(t, o->batch, o->now_ns);
	} else {
		o->batch = t->ops->take(t);
	}
	return o->batch != NULL;
}

/* No room for another record. A batch that has its size, but room still, takes the rest of the datagram at hand, so
 * that a datagram's flows are not parted by a crash between two batches. */
static bool batch_is_full(const struct outlet *o)
{
	const struct batch *b = o->batch;
	return !batch_has_room(b, &o->options.encoding) || (o->options.batch_flows && b->flows >= o->options.batch_flows);
}

void outlet_commit(struct outlet *o)
{
	if (!o->batch)
		return;
	batch_commit(o->batch, o->now_ns);
	if (o->batch->len >= o->options.batch_bytes)
		(void)next_batch(o);
}

void outlet_emit(void *arg, struct flow *flow)
{
	struct outlet *o = arg;
	enum err reason = ERR_FILTERED;
	counter_inc(&o->stats.flows);
	if (o->options.keep && !o->options.keep(o->options.keep_arg, flow, &reason)) {
		counter_inc(&o->stats.dropped[reason]);
		return;
	}
	if (o->options.tap)
		tap_show(o->options.tap, flow);
	if (__builtin_expect(!o->batch || batch_is_full(o), 0) && !next_batch(o)) {
		counter_inc(&o->stats.dropped[ERR_JOURNAL_FULL]);
		return;
	}
	batch_add(o->batch, &o->options.encoding, flow);
	counter_inc(&o->stats.kept);
}

bool outlet_window(void *arg, struct decode_window *ret_window)
{
	struct outlet *o = arg;
	const struct outlet_options *options = &o->options;
	struct batch *b = o->batch;
	if (options->keep || options->encoding.format != BATCH_BIN || options->encoding.separator)
		return false;
	if ((options->tap && tap_is_watched(options->tap)) || !b || batch_is_full(o))
		return false;
	*ret_window = (struct decode_window){
		.at = b->data + b->len,
		.end = b->data + b->cap,
		.flows = options->batch_flows ? options->batch_flows - b->flows : UINT32_MAX,
	};
	return true;
}

void outlet_packed(void *arg, size_t bytes, uint32_t flows)
{
	struct outlet *o = arg;
	counter_add(&o->stats.flows, flows);
	counter_add(&o->stats.kept, flows);
	o->batch->len += bytes;
	o->batch->flows += flows;
}

void outlet_tick(struct outlet *o, uint64_t now_ns, bool flush)
{
	o->now_ns = now_ns;
	if (!o->batch || o->batch->len == 0)
		return;
	if (flush || now_ns - o->batch->opened_ns >= o->options.linger_ns)
		(void)next_batch(o);
}
