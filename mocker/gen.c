/*
 * gen.c -- turns: the protocols take turns by datagram, and so do the exporters of each. An exporter is one (source
 * address, protocol) and has its own sequence number; its first datagram are its templates.
 */
#include "mocker/gen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "mocker/traffic.h"

struct exporter {
	struct make_exporter make;
	uint64_t until_templates; /* data datagrams */
};

struct gen {
	struct gen_setup setup;
	unsigned protocols[MAKE_PROTOCOLS]; /* indices into make_protocols */
	unsigned n_protocols;
	struct exporter *exporters;         /* [source * n_protocols + protocol] */
	uint64_t turn;
	struct traffic traffic;
	struct flow *flows;
	struct summary summary;
};

struct ip_addr gen_source_address(unsigned source)
{
	const unsigned host = 1 + source;
	const uint8_t b[4] = {127, (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host};
	return ip_v4(b);
}

static int parse_protocols(struct gen *g, const char *list, char *err, size_t err_len)
{
	for (const char *p = list; *p;) {
		const size_t len = strcspn(p, ",");
		const struct make_protocol *found = make_protocol_by_name(p, len);
		if (!found) {
			snprintf(err, err_len, "--protocol %s: \"%.*s\" is none of " MAKE_PROTOCOL_NAMES, list, (int)len,
				 p);
			return -EINVAL;
		}
		if (g->n_protocols == MAKE_PROTOCOLS) {
			snprintf(err, err_len, "--protocol %s: each protocol once is enough", list);
			return -EINVAL;
		}
		g->protocols[g->n_protocols++] = (unsigned)(found - make_protocols);
		p += len;
		p += *p == ',';
	}
	if (g->n_protocols == 0) {
		snprintf(err, err_len, "--protocol is empty; name one of " MAKE_PROTOCOL_NAMES);
		return -EINVAL;
	}
	return 0;
}

int gen_new(const struct gen_setup *setup, struct gen **ret_gen, char *err, size_t err_len)
{
	struct gen *g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->setup = *setup;
	int r = parse_protocols(g, setup->protocols, err, err_len);
	if (r < 0)
		goto out;
	r = traffic_init(&g->traffic, setup->profile, setup->seed, (unsigned)setup->clients, (unsigned)setup->ipv6_percent);
	if (r < 0) {
		snprintf(err, err_len, "--profile %s: none of home campus backbone scan flood", setup->profile);
		goto out;
	}
	r = -ENOMEM;
	g->flows = calloc(MAKE_FLOWS_MAX, sizeof(*g->flows));
	g->exporters = calloc(setup->sources * g->n_protocols, sizeof(*g->exporters));
	if (!g->flows || !g->exporters)
		goto out;
	for (unsigned i = 0; i < setup->sources * g->n_protocols; i++) {
		struct make_exporter *x = &g->exporters[i].make;
		/* A whole second, and long enough ago for every flow to have begun since. */
		x->boot_ns = setup->now_ns - setup->now_ns % NS_PER_S - 3600 * NS_PER_S;
		x->domain = setup->domain;
		x->sampling_rate = (uint32_t)setup->sampling_rate;
		x->agent = gen_source_address(i / g->n_protocols);
	}
	g->summary.sampling_rate = (uint32_t)setup->sampling_rate;
	*ret_gen = g;
	return 0;
out:
	gen_free(g);
	return r;
}

static unsigned fill(struct gen *g, unsigned protocol, uint64_t now_ns)
{
	const struct make_protocol *row = &make_protocols[protocol];
	const unsigned n = g->setup.flows < row->max_flows ? (unsigned)g->setup.flows : row->max_flows;
	for (unsigned i = 0; i < n; i++) {
		struct flow *f = &g->flows[i];
		struct home_talk talk;
		const bool home = traffic_next(&g->traffic, now_ns - now_ns % NS_PER_S, row->ipv6, f, &talk);
		if (row->samples) {
			enum { ETHERNET_AND_FCS = 18 };
			f->bytes = f->bytes / f->packets + ETHERNET_AND_FCS;
			f->packets = 1;
		}
		summary_flow(&g->summary, protocol, f, home ? &talk : NULL);
	}
	return n;
}

size_t gen_next(struct gen *g, uint64_t now_ns, uint8_t *out, unsigned *ret_source, bool *ret_is_template)
{
	const unsigned which = (unsigned)(g->turn % g->n_protocols);
	const unsigned source = (unsigned)(g->turn / g->n_protocols % g->setup.sources);
	const unsigned protocol = g->protocols[which];
	const struct make_protocol *row = &make_protocols[protocol];
	struct exporter *x = &g->exporters[source * g->n_protocols + which];
	size_t len;

	*ret_source = source;
	*ret_is_template = row->announce && x->until_templates == 0;
	if (*ret_is_template) {
		len = row->announce(&x->make, now_ns, out);
		x->until_templates = g->setup.templates_every;
		g->summary.template_datagrams++;
	} else {
		const unsigned n = fill(g, protocol, now_ns);
		len = row->data(&x->make, now_ns, g->flows, n, out);
		x->until_templates -= row->announce != NULL;
		g->summary.protocol_datagrams[protocol]++;
		g->turn++;
	}
	g->summary.datagrams++;
	g->summary.octets += len;
	return len;
}

struct summary *gen_summary(struct gen *g)
{
	return &g->summary;
}

void gen_free(struct gen *g)
{
	if (!g)
		return;
	free(g->exporters);
	free(g->flows);
	free(g);
}
