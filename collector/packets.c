/*
 * packets.c -- see packets.h.
 */
#include "collector/packets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "collector/config.h"
#include "collector/gate.h"
#include "collector/input.h"
#include "collector/transport.h"
#include "collector/worker.h"
#include "common/clock.h"
#include "common/counter.h"
#include "common/log.h"
#include "packet/capture.h"
#include "packet/meter.h"
#include "proto/flow.h"

enum { PACKETS_A_CALL = 256, WAIT_NS = 5000000 };

static struct meter_options meter_options(const struct config *config, struct outlet *outlet)
{
	return (struct meter_options){
		.emit = outlet_emit,
		.emit_arg = outlet,
		.active_ns = config->meter_active,
		.inactive_ns = config->meter_inactive,
		.max_flows = (size_t)config->meter_max_flows,
		.sampling = (uint32_t)config->meter_sampling,
		.inner = config->decapsulate ? FRAME_INNER_INSTEAD : FRAME_INNER_BESIDE,
		.sampler = config->meter_address.len ? config->meter_address : ip_v4((const uint8_t[4]){127, 0, 0, 1}),
	};
}

/* --- an interface -------------------------------------------------------------------------------------------------- */

struct packets {
	struct input base;
	const struct config *config;
	const struct listen_spec *spec;
	struct capture *capture;
	struct meter *meter;         /* from the start of the worker */
	struct worker *worker;
	struct worker_stats *stats;  /* the worker's */
	bool broken;
};

static struct packets *of(struct input *in)
{
	return (struct packets *)in;
}

/* The interface's first IPv4 address, else its first IPv6 address; len 0: none. */
static struct ip_addr address_of(const char *interface)
{
	struct ip_addr found = {.len = 0};
	struct ifaddrs *all = NULL;
	uint16_t port;
	if (getifaddrs(&all) < 0)
		return found;
	for (const struct ifaddrs *i = all; i && found.len != 4; i = i->ifa_next) {
		struct sockaddr_storage ss = {0};
		int family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;
		if (strcmp(i->ifa_name, interface) != 0 || (family != AF_INET && (family != AF_INET6 || found.len)))
			continue;
		memcpy(&ss, i->ifa_addr, family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		found = ip_from_sockaddr(&ss, &port);
	}
	freeifaddrs(all);
	return found;
}

static int start(struct input *in, struct worker *w)
{
	struct packets *p = of(in);
	struct meter_options options = meter_options(p->config, worker_outlet(w));
	struct ip_addr own = address_of(p->spec->interface);
	options.sampling = p->spec->sampling;
	options.in_if = if_nametoindex(p->spec->interface);
	if (!p->config->meter_address.len && own.len)
		options.sampler = own;
	p->worker = w;
	p->stats = worker_counters(w);
	return meter_new(&options, &p->meter);
}

/* The meter's own are plain numbers; those of the worker are read by others. */
static void copy_stats(struct packets *p)
{
	const uint64_t *from = (const uint64_t *)meter_stats(p->meter);
	uint64_t *to = (uint64_t *)&p->stats->meter;
	struct capture_stats captured;
	for (size_t i = 0; i < sizeof(struct meter_stats) / sizeof(uint64_t); i++)
		counter_add(&to[i], from[i] - to[i]);
	capture_stats(p->capture, &captured);
	counter_add(&p->stats->kernel_drops, captured.dropped - p->stats->kernel_drops);
}

static void receive(struct input *in)
{
	struct packets *p = of(in);
	struct outlet *outlet = worker_outlet(p->worker);
	struct capture_packet packet;
	int rc = p->broken ? -EIO : 1;
	outlet_begin(outlet, clock_monotonic_ns());
	for (int i = 0; i < PACKETS_A_CALL && rc == 1; i++) {
		rc = capture_next(p->capture, &packet);
		if (rc == 1)
			meter_packet(p->meter, &packet);
		else
			outlet_begin(outlet, clock_monotonic_ns()); /* it has waited */
	}
	outlet_commit(outlet);
	if (rc != -EIO)
		return;
	if (!p->broken)
		log_error(LOG_OURS, "%s: %s; it is given up", p->spec->text, capture_error(p->capture));
	p->broken = true;
	counter_inc(&p->stats->receive_errors);
	clock_sleep_ns(100 * NS_PER_MS);
}

static void each_second(struct input *in)
{
	struct packets *p = of(in);
	meter_tick(p->meter, clock_wall_ns());
	outlet_commit(worker_outlet(p->worker));
	copy_stats(p);
}

/* Flows that are under way are reported as far as they have come. */
static void drain(struct input *in)
{
	struct packets *p = of(in);
	meter_flush(p->meter);
	outlet_commit(worker_outlet(p->worker));
	copy_stats(p);
}

static void packets_free(struct input *in)
{
	struct packets *p = of(in);
	meter_free(p->meter);
	capture_close(p->capture);
	free(p);
}

static const struct input_ops ops = {
	.start = start,
	.receive = receive,
	.each_second = each_second,
	.drain = drain,
	.free = packets_free,
};

int packets_open(const struct config *config, const struct listen_spec *spec, struct input **ret_input, char *err, size_t err_len)
{
	enum { SNAPLEN = 256 /* headers, tunnels' too */ };
	char why[300];
	struct packets *p = calloc(1, sizeof(*p));
	if (!p) {
		snprintf(err, err_len, "no memory");
		return -ENOMEM;
	}
	p->base.ops = &ops;
	p->config = config;
	p->spec = spec;
	int rc = capture_open_live(spec->interface, SNAPLEN, &p->capture, why, sizeof(why));
	if (rc == 0 && *spec->filter)
		rc = capture_filter(p->capture, spec->filter, why, sizeof(why));
	if (rc < 0) {
		snprintf(err, err_len, "--listen %s: %s", spec->text, why);
		packets_free(&p->base);
		return rc;
	}
	*ret_input = &p->base;
	return 0;
}

/* --- a file ---------------------------------------------------------------------------------------------------------- */

static int read_all(const struct config *config, struct capture *capture, struct meter *meter, struct outlet *outlet,
		    const bool *stop, uint64_t *ret_packets)
{
	struct transport *t = outlet->options.transport;
	struct capture_packet packet;
	bool from_pipe = strcmp(config->pcap, "-") == 0;
	int rc = 0;
	*ret_packets = 0;
	while (!__atomic_load_n(stop, __ATOMIC_RELAXED) && (rc = capture_next(capture, &packet)) > 0) {
		meter_packet(meter, &packet);
		if (from_pipe)
			outlet_tick(outlet, 1, true); /* somebody looks at it while it comes */
		if (++*ret_packets % PACKETS_A_CALL)
			continue;
		outlet_commit(outlet);
		while (t->ops->behind(t) && !__atomic_load_n(stop, __ATOMIC_RELAXED))
			clock_sleep_ns(WAIT_NS); /* a file can wait */
	}
	meter_flush(meter);
	outlet_commit(outlet);
	return rc;
}

int packets_run(const struct config *config, const struct outlet_options *options, const struct gate_rules *rules, const bool *stop,
		struct replay_result *ret_result, char *err, size_t err_len)
{
	struct capture *capture = NULL;
	struct meter *meter = NULL;
	struct outlet outlet = {0};
	struct gate gate = {0};
	struct replay_result result = {0};
	int rc = capture_open(config->pcap, &capture, err, err_len);
	if (rc < 0)
		return rc;
	struct meter_options metering = meter_options(config, &outlet);
	if ((rc = outlet_init(&outlet, options)) == 0 && (rc = gate_init(&gate, rules)) == 0)
		rc = meter_new(&metering, &meter);
	if (rc < 0) {
		snprintf(err, err_len, "no memory");
		goto out;
	}
	outlet.options.keep = gate_asks_flows(&gate) ? gate_flow : NULL;
	outlet.options.keep_arg = &gate;
	outlet_begin(&outlet, 1);
	rc = read_all(config, capture, meter, &outlet, stop, &result.datagrams);
	if (rc < 0)
		snprintf(err, err_len, "%s: %s", config->pcap, capture_error(capture));
out:
	outlet_close(&outlet, 1);
	result.flows = outlet.stats;
	*ret_result = result;
	meter_free(meter);
	gate_free(&gate);
	capture_close(capture);
	return rc;
}
