/*
 * run_meter.c -- an exporter for those who have packets and no router that exports: the packets of a capture are
 * metered (packet/meter.h) and the flows go out in --protocol, templates first. Its clock is the capture's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "mocker/make.h"
#include "mocker/options.h"
#include "mocker/run.h"
#include "mocker/run_internal.h"
#include "mocker/summary.h"
#include "packet/capture.h"
#include "packet/meter.h"
#include "proto/flow.h"

struct metering {
	struct run run;
	const struct make_protocol *protocol;
	struct make_exporter exporter;
	struct flow *flows; /* waiting for their datagram */
	unsigned n, a_datagram;
	uint64_t until_templates;
	uint64_t now_ns;    /* the capture's */
	uint8_t *octets;
	int failed;         /* negative errno of a send */
};

static void send_datagram(struct metering *m, size_t len)
{
	const struct send_item item = {.data = m->octets, .len = len};
	const int r = send_all(m->run.send, &item, 1);
	if (r < 0 && !m->failed)
		m->failed = r;
	m->run.pace.done++;
	m->run.summary->datagrams++;
	m->run.summary->octets += len;
}

static void export_flows(struct metering *m)
{
	if (m->n == 0)
		return;
	const unsigned index = (unsigned)(m->protocol - make_protocols);
	if (m->protocol->announce && m->until_templates-- == 0) {
		send_datagram(m, m->protocol->announce(&m->exporter, m->now_ns, m->octets));
		m->run.summary->template_datagrams++;
		m->until_templates = (uint64_t)m->run.options->templates_every - 1;
	}
	for (unsigned i = 0; i < m->n; i++)
		summary_flow(m->run.summary, index, &m->flows[i], NULL);
	send_datagram(m, m->protocol->data(&m->exporter, m->now_ns, m->flows, m->n, m->octets));
	m->run.summary->protocol_datagrams[index]++;
	m->n = 0;
}

static void metered(void *arg, struct flow *flow)
{
	struct metering *m = arg;
	if (flow->src_addr.len == 16 && !m->protocol->ipv6)
		return; /* v1 to v7 have no place for it */
	m->flows[m->n++] = *flow;
	if (m->n == m->a_datagram)
		export_flows(m);
}

/* The first packet's time is when the exporter's life began, less what a flow's start may be rounded down. */
static void set_clock(struct metering *m, uint64_t time_ns)
{
	if (m->exporter.boot_ns == 0)
		m->exporter.boot_ns = time_ns - time_ns % NS_PER_S - 60 * NS_PER_S;
	if (time_ns > m->now_ns)
		m->now_ns = time_ns;
}

static int meter_capture(struct metering *m, struct capture *capture, struct meter *meter, double speed)
{
	struct capture_packet packet;
	uint64_t first_ns = 0;
	int r;
	while ((r = capture_next(capture, &packet)) != 0 && !m->failed) {
		if (r == -EAGAIN)
			continue;
		if (r < 0)
			return r;
		if (first_ns == 0)
			first_ns = packet.time_ns;
		set_clock(m, packet.time_ns);
		if (!run_wait_for_turn(&m->run, speed, m->now_ns - first_ns))
			break;
		meter_packet(meter, &packet);
	}
	/* v9's header tells whole seconds: the last flows must not lie after it. */
	m->now_ns += NS_PER_S;
	meter_flush(meter);
	export_flows(m);
	return m->failed;
}

int run_meter(const struct mocker_options *options, struct summary **ret_summary, char *err, size_t err_len)
{
	struct metering m = {.protocol = make_protocol_by_name(options->protocol, strlen(options->protocol))};
	struct capture *capture = NULL;
	struct meter *meter = NULL;
	double speed = 1;
	const struct meter_options meter_options = {
		.emit = metered, .emit_arg = &m, .sampling = (uint32_t)options->sampling_rate};
	int r = run_capture(&m.run, options, &speed, &capture, err, err_len);
	if (r < 0)
		goto out;
	r = -EINVAL;
	if (!m.protocol || m.protocol->samples || m.protocol->aggregates) {
		snprintf(err, err_len, "--protocol %s: with --meter one of v1 v5 v6 v7 v9 ipfix", options->protocol);
		goto out;
	}
	m.a_datagram = options->flows < m.protocol->max_flows ? (unsigned)options->flows : m.protocol->max_flows;
	m.exporter.domain = (uint32_t)options->domain;
	m.exporter.sampling_rate = (uint32_t)options->sampling_rate;
	r = -ENOMEM;
	m.flows = calloc(m.a_datagram, sizeof(*m.flows));
	m.octets = malloc(MAKE_DATAGRAM_MAX);
	m.run.summary = calloc(1, sizeof(*m.run.summary));
	*ret_summary = m.run.summary;
	if (!m.flows || !m.octets || !m.run.summary || meter_new(&meter_options, &meter) < 0)
		goto out;
	m.run.summary->sampling_rate = m.exporter.sampling_rate;
	r = meter_capture(&m, capture, meter, speed);
	if (r < 0)
		run_capture_failed(&m.run, capture, r, err, err_len);
out:
	run_finish(&m.run);
	meter_free(meter);
	capture_close(capture);
	free(m.octets);
	free(m.flows);
	return r;
}
