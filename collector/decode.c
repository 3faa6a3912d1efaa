/*
 * decode.c -- the door (decode.h): finds the decoder of a datagram's version, counts what became of the datagram.
 */
#include "collector/decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/decoder.h"
#include "collector/hold.h"
#include "collector/legacy.h"
#include "collector/mapping.h"
#include "collector/record.h"
#include "collector/sampling.h"
#include "collector/sflow.h"
#include "collector/template.h"
#include "common/wire.h"

static const struct {
	uint16_t version;
	decode_fn *decode;
	enum decode_version v;
} netflow[] = {
	{1, netflow1_decode, DECODE_V1}, {5, netflow5_decode, DECODE_V5}, {6, netflow6_decode, DECODE_V6},
	{7, netflow7_decode, DECODE_V7}, {8, netflow8_decode, DECODE_V8}, {9, netflow9_decode, DECODE_V9},
	{10, ipfix_decode, DECODE_V10},
};

static const struct {
	uint32_t version;
	enum decode_version v;
} sflow[] = {{2, DECODE_SFLOW2}, {4, DECODE_SFLOW4}, {5, DECODE_SFLOW5}};

#define STATE_BYTES_DEFAULT ((size_t)256 << 20)

static void defaults(struct decode_options *o)
{
	if (!o->max_state_bytes)
		o->max_state_bytes = STATE_BYTES_DEFAULT;
	if (!o->max_exporters)
		o->max_exporters = EXPORTERS_DEFAULT;
	if (!o->max_domains)
		o->max_domains = DOMAINS_DEFAULT;
	if (!o->max_templates)
		o->max_templates = TEMPLATES_DEFAULT;
}

int decoder_new(const struct decode_options *options, struct decoder **ret_decoder)
{
	struct decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->options = *options;
	defaults(&d->options);
	d->key = hash_key_random();
	d->spec = calloc(1, sizeof(*d->spec));
	d->record = calloc(1, sizeof(*d->record));
	d->reverse = calloc(1, sizeof(*d->reverse));
	if (!d->spec || !d->record || !d->reverse || hold_new(&d->hold) || mapping_new(&d->built_in) ||
	    exporters_init(&d->exporters, d->options.max_exporters, d->options.max_domains) ||
	    decoder_set_mapping(d, options->mapping)) {
		decoder_free(d);
		return -ENOMEM;
	}
	*ret_decoder = d;
	return 0;
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	if (d->exporters.buckets)
		exporters_free(d);
	legacy_free(d);
	hold_free(d->hold);
	mapping_free(d->built_in);
	typeinfo_free(d);
	sflow_free(d);
	free(d->reverse);
	free(d->record);
	free(d->spec);
	free(d);
}

uint64_t decoder_rate(const struct decoder *d, uint64_t rate)
{
	const struct exporter *e = d->exporter;

	if (!e)
		return rate;
	return e->override_rate ? e->override_rate : rate ? rate : e->default_rate;
}

void decoder_count(struct decoder *d, enum decode_version version, uint32_t flows, uint64_t rate, struct decode_result *res)
{
	if (d->exporter) {
		d->exporter->sampling_rate = rate;
		d->exporter->flows += flows;
	}
	if (!rate)
		counter_add(&d->stats.flows_without_sampling, flows);
	counter_add(&d->stats.flows[version], flows);
	res->flows += flows;
}

void decoder_emit(struct decoder *d, enum decode_version version, struct flow *f, struct decode_result *res)
{
	f->sampling_rate = decoder_rate(d, f->sampling_rate);
	decoder_count(d, version, 1, f->sampling_rate, res);
	d->options.emit(d->options.emit_arg, f);
}

/* sFlow's version has four bytes, NetFlow's two: 00 00 00 05 against 00 05 xx xx. */
static decode_fn *choose(enum decode_scheme scheme, const struct datagram *dg, enum decode_version *ret_version)
{
	struct wire w = wire_of(dg->data, dg->len);
	uint32_t four = dg->len >= 4 ? wire_u32(&w) : 0;
	uint32_t two = dg->len >= 2 ? wire_load16(dg->data) : 0;

	*ret_version = DECODE_V_UNKNOWN;
	for (size_t i = 0; scheme != DECODE_NETFLOW && i < sizeof(sflow) / sizeof(sflow[0]); i++)
		if (sflow[i].version == four) {
			*ret_version = sflow[i].v;
			return sflow_decode;
		}
	for (size_t i = 0; scheme != DECODE_SFLOW && i < sizeof(netflow) / sizeof(netflow[0]); i++)
		if (netflow[i].version == two) {
			*ret_version = netflow[i].v;
			return netflow[i].decode;
		}
	return NULL;
}

void decoder_datagram(struct decoder *d, enum decode_scheme scheme, const struct datagram *dg,
	struct decode_result *ret_result)
{
	struct decode_stats *s = &d->stats;
	enum decode_version v;
	decode_fn *decode = choose(scheme, dg, &v);

	*ret_result = (struct decode_result){0};
	d->exporter = NULL;
	d->now_ns = dg->now_ns ? dg->now_ns : dg->received_ns;
	d->wall_offset_ns = dg->received_ns - d->now_ns;
	counter_inc(&s->datagrams);
	counter_add(&s->bytes, dg->len);
	counter_inc(&s->by_version[v]);
	if (!decode)
		ret_result->reason = dg->len < 4 ? ERR_TRUNCATED : ERR_VERSION;
	else
		decode(d, dg, ret_result);
	if (ret_result->reason)
		counter_inc(&s->dropped[ret_result->reason]);
	else if (ret_result->skipped)
		counter_inc(&s->partial);
	else
		counter_inc(&s->decoded);
	if (ret_result->flows)
		exporter_useful(d);
}

void decoder_session_end(struct decoder *d, uint64_t session)
{
	if (session)
		exporter_drop_session(d, session);
}

void decoder_tick(struct decoder *d, uint64_t now_ns)
{
	d->now_ns = now_ns;
	hold_tick(d);
	exporters_tick(d);
}

static void override(void *arg, struct exporter *e)
{
	const struct decode_options *o = arg;

	sampling_override(o->overrides, &e->addr, o->default_sampling_rate, &e->override_rate, &e->default_rate);
}

void decoder_set_sampling(struct decoder *d, const struct sampling_overrides *overrides, uint64_t default_rate)
{
	d->options.overrides = overrides;
	d->options.default_sampling_rate = default_rate;
	exporters_each(d, override, &d->options);
}

struct recompile {
	struct decoder *d;
	int r;
};

static void recompile(void *arg, struct exporter *e)
{
	struct recompile *job = arg;

	for (struct domain *dom = e->domains; dom; dom = dom->sibling) {
		int r = template_recompile(job->d, dom);
		job->r = r ? r : job->r;
	}
}

int decoder_set_mapping(struct decoder *d, const struct mapping *mapping)
{
	struct recompile job = {.d = d};

	d->mapping = d->record->mapping = d->reverse->mapping = mapping ? mapping : d->built_in;
	legacy_free(d);
	job.r = legacy_new(d);
	exporters_each(d, recompile, &job);
	return job.r;
}

const struct decode_stats *decoder_stats(const struct decoder *d)
{
	return &d->stats;
}
