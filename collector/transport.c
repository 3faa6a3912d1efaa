/*
 * transport.c -- which transports there are, and the simplest: null, which counts and forgets (for measuring).
 */
#include "collector/transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/batch.h"
#include "collector/config.h"
#include "collector/plain.h"
#include "common/counter.h"

void transport_no_reopen(struct transport *t, char *said, size_t said_len)
{
	(void)t;
	snprintf(said, said_len, "%s", "");
}

bool transport_is_alive(struct transport *t)
{
	(void)t;
	return true;
}

bool transport_is_never_behind(struct transport *t)
{
	(void)t;
	return false; /* swap is done with a batch */
}

void transport_no_metrics(struct transport *t, struct buf *out)
{
	(void)t;
	(void)out; /* the totals say it all */
}

struct transport_null {
	struct transport base;
	size_t payload_bytes;
	uint64_t flows;
};

static struct batch *null_take(struct transport *t)
{
	return plain_batch_new(((struct transport_null *)t)->payload_bytes);
}

static struct batch *null_swap(struct transport *t, struct batch *full, uint64_t now_ns)
{
	(void)now_ns;
	counter_add_shared(&((struct transport_null *)t)->flows, full->flows);
	batch_reset(full);
	return full;
}

static void null_give_back(struct transport *t, struct batch *last, uint64_t now_ns)
{
	plain_batch_free(null_swap(t, last, now_ns));
}

static bool null_ready(struct transport *t, char *why_not, size_t why_len)
{
	(void)t;
	snprintf(why_not, why_len, "%s", "");
	return true;
}

static void null_totals(struct transport *t, struct transport_totals *ret_totals)
{
	uint64_t flows = counter_get(&((struct transport_null *)t)->flows);
	*ret_totals = (struct transport_totals){.put = flows, .acknowledged = flows};
}

static void null_tick(struct transport *t, uint64_t now_ns)
{
	(void)t;
	(void)now_ns;
}

static void null_free(struct transport *t)
{
	free(t);
}

static const struct transport_ops null_ops = {
	.name = "null",
	.take = null_take,
	.swap = null_swap,
	.give_back = null_give_back,
	.reopen = transport_no_reopen,
	.ready = null_ready,
	.alive = transport_is_alive,
	.behind = transport_is_never_behind,
	.totals = null_totals,
	.metrics = transport_no_metrics,
	.tick = null_tick,
	.flush = null_tick,
	.free = null_free,
};

int transport_null_open(const struct config *config, struct transport **ret_transport, char *err, size_t err_len)
{
	struct transport_null *t = calloc(1, sizeof(*t));
	if (!t) {
		snprintf(err, err_len, "no memory");
		return -ENOMEM;
	}
	t->base.ops = &null_ops;
	t->payload_bytes = config_payload_bytes(config);
	*ret_transport = &t->base;
	return 0;
}

int transport_open(const struct config *config, struct transport **ret_transport, char *err, size_t err_len)
{
	static int (*const open[])(const struct config *, struct transport **, char *, size_t) = {
		[TRANSPORT_FILE] = transport_file_open,
		[TRANSPORT_KAFKA] = transport_kafka_open,
		[TRANSPORT_HTTP] = transport_http_open,
		[TRANSPORT_NULL] = transport_null_open,
	};
	return open[config->transport](config, ret_transport, err, err_len);
}
