/*
 * replay.c -- see replay.h.
 */
#include "collector/replay.h"

#include <errno.h>
#include <stdio.h>

#include "collector/config.h"
#include "collector/decode.h"
#include "collector/decode_stats.h"
#include "common/clock.h"
#include "common/log.h"
#include "packet/capture.h"

static void one_datagram(struct decoder *d, struct outlet *o, const struct capture_udp *udp, struct replay_result *result)
{
	struct datagram dg = {
		.data = udp->data, .len = udp->len, .source = udp->src, .source_port = udp->src_port, .received_ns = udp->time_ns,
	};
	struct decode_result decoded;
	/* What is listened to by which scheme says --listen; a capture may hold any port, so the bytes decide. */
	decoder_datagram(d, DECODE_ANY, &dg, &decoded);
	outlet_commit(o);
	result->datagrams++;
	result->cut += udp->cut;
	if (!decoded.reason) {
		result->partial += decoded.skipped > 0;
		return;
	}
	result->dropped++;
	char address[IP_TEXT_MAX];
	ip_format(&udp->src, address);
	log_debug(LOG_REMOTE, "%s:%u: %s", address, udp->src_port, err_text(decoded.reason));
}

static int read_all(struct capture *capture, struct decoder *d, struct outlet *o, const bool *stop, struct replay_result *result)
{
	struct capture_udp udp;
	uint64_t next_tick = 0;
	int rc = 0;
	while (!__atomic_load_n(stop, __ATOMIC_RELAXED) && (rc = capture_next_udp(capture, &udp)) > 0) {
		if (udp.time_ns >= next_tick) {
			decoder_tick(d, udp.time_ns);
			next_tick = udp.time_ns + NS_PER_S;
		}
		outlet_begin(o, 1);
		one_datagram(d, o, &udp, result);
	}
	return rc;
}

int replay_run(const struct config *config, const struct outlet_options *outlet, const bool *stop,
	       struct replay_result *ret_result, char *err, size_t err_len)
{
	struct capture *capture = NULL;
	struct decoder *d = NULL;
	struct outlet o = {0};
	struct replay_result result = {0};
	int rc = capture_open(config->pcap, &capture, err, err_len);
	if (rc < 0)
		return rc;
	snprintf(err, err_len, "no memory");
	if ((rc = outlet_init(&o, outlet)) < 0)
		goto out;
	struct decode_options options = config_decode_options(config, outlet_emit, &o);
	options.template_timeout_ns = 0; /* the datagrams of a capture may be years apart */
	if ((rc = decoder_new(&options, &d)) < 0)
		goto out;
	rc = read_all(capture, d, &o, stop, &result);
	if (rc < 0)
		snprintf(err, err_len, "%s: %s", config->pcap, capture_error(capture));
out:
	outlet_close(&o, 1);
	result.flows = o.stats;
	*ret_result = result;
	decoder_free(d);
	capture_close(capture);
	return rc;
}
