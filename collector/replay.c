/*
 * replay.c -- see replay.h.
 */
#include "collector/replay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/config.h"
#include "collector/decode.h"
#include "collector/decode_stats.h"
#include "collector/gate.h"
#include "collector/transport.h"
#include "common/clock.h"
#include "common/log.h"
#include "packet/capture.h"

enum { WAIT_NS = 5000000, LOOK_EACH = 256 /* datagrams between two looks at the transport */ };

struct replay {
	struct decoder *decoder;
	struct outlet outlet;
	struct gate gate;
	bool from_pipe;
};

static void one_datagram(struct replay *r, const struct capture_udp *udp, struct replay_result *result)
{
	struct datagram dg = {
		.data = udp->data, .len = udp->len, .source = udp->src, .source_port = udp->src_port, .received_ns = udp->time_ns,
	};
	struct decode_result decoded;
	/* What is listened to by which scheme says --listen; a capture may hold any port, so the bytes decide. */
	result->datagrams++;
	result->cut += udp->cut;
	if (!gate_datagram(&r->gate, &dg.source, dg.source_port, dg.received_ns)) {
		result->dropped++;
		return;
	}
	decoder_datagram(r->decoder, DECODE_ANY, &dg, &decoded);
	outlet_commit(&r->outlet);
	if (!decoded.reason) {
		result->partial += decoded.skipped > 0;
		return;
	}
	result->dropped++;
	char address[IP_TEXT_MAX];
	ip_format(&udp->src, address);
	log_debug(LOG_REMOTE, "%s:%u: %s", address, udp->src_port, err_text(decoded.reason));
}

/* A file can wait where an exporter cannot: nothing is dropped because Kafka is slower than a disk. */
static void wait_for(struct transport *t, const bool *stop)
{
	while (t->ops->behind(t) && !__atomic_load_n(stop, __ATOMIC_RELAXED))
		clock_sleep_ns(WAIT_NS);
}

static int read_all(struct capture *capture, struct replay *r, const bool *stop, struct replay_result *result)
{
	struct capture_udp udp;
	uint64_t next_tick = 0;
	int rc = 0;
	while (!__atomic_load_n(stop, __ATOMIC_RELAXED) && (rc = capture_next_udp(capture, &udp)) > 0) {
		if (udp.time_ns >= next_tick) {
			decoder_tick(r->decoder, udp.time_ns);
			next_tick = udp.time_ns + NS_PER_S;
		}
		if (result->datagrams % LOOK_EACH == 0)
			wait_for(r->outlet.options.transport, stop);
		outlet_begin(&r->outlet, 1);
		one_datagram(r, &udp, result);
		if (r->from_pipe)
			outlet_tick(&r->outlet, 1, true);
	}
	return rc;
}

int replay_run(const struct config *config, const struct outlet_options *outlet, const struct gate_rules *rules,
	       const bool *stop, struct replay_result *ret_result, char *err, size_t err_len)
{
	struct capture *capture = NULL;
	struct replay r = {.from_pipe = strcmp(config->pcap, "-") == 0};
	struct replay_result result = {0};
	int rc = capture_open(config->pcap, &capture, err, err_len);
	if (rc < 0)
		return rc;
	snprintf(err, err_len, "no memory");
	if ((rc = outlet_init(&r.outlet, outlet)) < 0 || (rc = gate_init(&r.gate, rules)) < 0)
		goto out;
	r.outlet.options.keep = gate_asks_flows(&r.gate) ? gate_flow : NULL;
	r.outlet.options.keep_arg = &r.gate;
	struct decode_options options = config_decode_options(config, &r.outlet);
	options.template_timeout_ns = 0; /* the datagrams of a capture may be years apart */
	if ((rc = decoder_new(&options, &r.decoder)) < 0)
		goto out;
	rc = read_all(capture, &r, stop, &result);
	if (rc < 0)
		snprintf(err, err_len, "%s: %s", config->pcap, capture_error(capture));
out:
	outlet_close(&r.outlet, 1);
	result.flows = r.outlet.stats;
	*ret_result = result;
	decoder_free(r.decoder);
	gate_free(&r.gate);
	capture_close(capture);
	return rc;
}
