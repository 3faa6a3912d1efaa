/*
 * collector.c -- puts the parts together: transport, then workers (or a capture), then the main thread's loop of
 * signals and once-a-second duties, then the end in reverse order.
 */
#include "collector/collector.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/config.h"
#include "collector/outlet.h"
#include "collector/replay.h"
#include "collector/transport.h"
#include "common/clock.h"
#include "common/log.h"

struct collector {
	const struct config *config;
	struct transport *transport;
	struct outlet_options outlet;
};

static struct outlet_options outlet_options(const struct config *config, struct transport *transport)
{
	return (struct outlet_options){
		.transport = transport,
		.encoding = config->encoding,
		.batch_bytes = (size_t)config->batch_bytes,
		.batch_flows = config->flows_a_batch,
		.linger_ns = config->batch_linger,
	};
}

static int run_capture(struct collector *c, char *err, size_t err_len)
{
	struct replay_result result;
	bool stop = false;
	int rc = replay_run(c->config, &c->outlet, &stop, &result, err, err_len);
	c->transport->ops->flush(c->transport, clock_monotonic_ns() + c->config->shutdown_timeout);
	log_info(LOG_OURS, "%" PRIu64 " datagrams (%" PRIu64 " dropped, %" PRIu64 " in part), %" PRIu64 " flows", result.datagrams,
		 result.dropped, result.partial, result.flows.kept);
	return rc;
}

int collector_run(const struct config *config, char *err, size_t err_len)
{
	struct collector c = {.config = config};
	int rc = transport_open(config, &c.transport, err, err_len);
	if (rc < 0)
		return rc;
	c.outlet = outlet_options(config, c.transport);
	rc = run_capture(&c, err, err_len);
	c.transport->ops->free(c.transport);
	return rc;
}
