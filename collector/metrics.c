/*
 * metrics.c -- /metrics. Names are weir_collector_<what>; labels are few and bounded: listener, version, reason.
 * docs/operations.md tells which counter answers which question; the sums that hold are in collector/decode_stats.h
 * and collector/transport.h.
 */
#include <stddef.h>
#include <stdio.h>

#include "collector/collector.h"
#include "collector/config.h"
#include "collector/pages.h"
#include "collector/transport.h"
#include "collector/watch.h"
#include "common/buf.h"
#include "common/counter.h"
#include "common/promtext.h"

#define NAME(what) "weir_collector_" what

/* One number of a struct of counters. */
struct row {
	const char *name, *type, *help;
	size_t offset;
};

#define OF_LISTENER(what, type, help, member) {NAME(what), type, help, offsetof(struct worker_stats, member)}
#define OF_DECODER(what, type, help, member) {NAME(what), type, help, offsetof(struct decode_stats, member)}

static const struct row listener_rows[] = {
	OF_LISTENER("datagrams_received_total", "counter", "Datagrams read from the socket.", datagrams),
	OF_LISTENER("bytes_received_total", "counter", "Their octets.", bytes),
	OF_LISTENER("kernel_dropped_total", "counter",
		    "Datagrams that the kernel dropped because the receive buffer was full.", kernel_drops),
	OF_LISTENER("receive_calls_total", "counter", "Receive calls that gave datagrams.", batches),
	OF_LISTENER("receive_errors_total", "counter", "Receive calls that failed.", receive_errors),
	OF_LISTENER("datagrams_not_allowed_total", "counter", "Datagrams of exporters that may not send.", not_allowed),
	OF_LISTENER("datagrams_repeated_total", "counter", "Copies passed on (--repeat).", repeated),
	OF_LISTENER("datagrams_repeat_failed_total", "counter", "Copies that could not be passed on.", repeat_failed),
	OF_LISTENER("datagrams_truncated_total", "counter", "Datagrams longer than the receive buffer's slot.", truncated),
};

static const struct row decoder_rows[] = {
	OF_DECODER("datagrams_total", "counter", "Datagrams: decoded, decoded in part, or dropped.", datagrams),
	OF_DECODER("datagrams_decoded_total", "counter", "Of these, decoded whole.", decoded),
	OF_DECODER("datagrams_partial_total", "counter", "Of these, decoded in part: some set or sample was skipped.", partial),
	OF_DECODER("sets_total", "counter", "Data sets and samples seen.", sets),
	OF_DECODER("sets_decoded_total", "counter", "Of these, decoded.", sets_decoded),
	OF_DECODER("sets_held_total", "counter", "Of these, put aside until their template comes.", sets_held),
	OF_DECODER("sets_released_total", "counter", "Held sets that were decoded later.", sets_released),
	OF_DECODER("templates_added_total", "counter", "New templates.", templates_added),
	OF_DECODER("templates_changed_total", "counter", "Templates that came with another layout.", templates_changed),
	OF_DECODER("templates_refreshed_total", "counter", "Templates that came again unchanged.", templates_refreshed),
	OF_DECODER("templates_withdrawn_total", "counter", "Templates withdrawn (RFC 7011 8.1).", templates_withdrawn),
	OF_DECODER("templates_expired_total", "counter", "Templates not refreshed in time.", templates_expired),
	OF_DECODER("options_records_total", "counter", "Records of options data.", options_records),
	OF_DECODER("counter_samples_total", "counter", "sFlow counter samples.", counter_samples),
	OF_DECODER("records_passed_over_total", "counter", "sFlow records of formats that fill no field.", records_passed_over),
	OF_DECODER("records_ignored_total", "counter", "Additional sFlow records that did not fit.", records_ignored),
	OF_DECODER("samples_lost_total", "counter", "Gaps in the sample numbers of sFlow data sources.", samples_lost),
	OF_DECODER("drops_without_packet_total", "counter",
		   "Notices of discarded packets (sFlow) that do not show the packet, and so make no flow.", drops_without_packet),
	OF_DECODER("samples_dropped_total", "counter", "Samples that sFlow agents say they could not take.", samples_dropped),
	OF_DECODER("sflow_sources_evicted_total", "counter", "sFlow data sources that gave way to newer ones.", sources_evicted),
	OF_DECODER("flows_without_sampling_total", "counter", "Flows whose sampling rate is not known.", flows_without_sampling),
	OF_DECODER("sequence_lost_total", "counter", "Units that sequence numbers say were missing, late ones included.",
		   sequence_lost),
	OF_DECODER("sequence_reordered_total", "counter", "Of these, what came late.", sequence_reordered),
	OF_DECODER("sequence_restarts_total", "counter", "Sequences that began anew.", sequence_restarts),
	OF_DECODER("values_cut_total", "counter", "Repeated values that did not fit.", cut_arrays),
	OF_DECODER("lists_skipped_total", "counter", "Lists in records (RFC 6313) without their template, or too deep.", lists_skipped),
	OF_DECODER("exporters_evicted_total", "counter", "Exporters forgotten to make room for others.", exporters_evicted),
	OF_DECODER("metadata_refused_total", "counter", "Samplers, names and types that found their table full.", metadata_refused),
	OF_DECODER("exporters", "gauge", "Exporters known.", exporters),
	OF_DECODER("domains", "gauge", "Observation domains known.", domains),
	OF_DECODER("templates", "gauge", "Templates known.", templates),
	OF_DECODER("held_bytes", "gauge", "Data waiting for its template.", held_bytes),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t value_at(const void *stats, size_t offset)
{
	return *(const uint64_t *)(const void *)((const char *)stats + offset);
}

static void listeners(const struct collector *c, struct buf *out)
{
	const struct listen_set *set = &c->config->listen;
	for (size_t i = 0; i < COUNT(listener_rows); i++) {
		const struct row *row = &listener_rows[i];
		prom_head(out, row->name, row->type, row->help);
		for (size_t k = 0; k < set->count; k++) {
			struct worker_stats stats;
			collector_listener_stats(c, &set->specs[k], &stats);
			prom_u64(out, row->name, value_at(&stats, row->offset), "listener", set->specs[k].text, NULL);
		}
	}
	prom_head(out, NAME("receive_buffer_bytes"), "gauge", "Receive buffer of each socket, as the kernel granted it.");
	for (size_t k = 0; k < set->count; k++) {
		if (set->specs[k].kind == LISTEN_UDP)
			prom_u64(out, NAME("receive_buffer_bytes"), c->sockets[k].buffer_got, "listener", set->specs[k].text, NULL);
	}
	prom_head(out, NAME("receive_buffer_asked_bytes"), "gauge", "Receive buffer that was asked for.");
	for (size_t k = 0; k < set->count; k++) {
		if (set->specs[k].kind == LISTEN_UDP)
			prom_u64(out, NAME("receive_buffer_asked_bytes"), c->sockets[k].buffer_asked, "listener", set->specs[k].text,
				 NULL);
	}
}

static const char *const version_names[DECODE_VERSIONS] = {
	[DECODE_V_UNKNOWN] = "unknown", [DECODE_V1] = "netflow_v1", [DECODE_V5] = "netflow_v5", [DECODE_V6] = "netflow_v6",
	[DECODE_V7] = "netflow_v7",     [DECODE_V8] = "netflow_v8", [DECODE_V9] = "netflow_v9", [DECODE_V10] = "ipfix",
	[DECODE_SFLOW2] = "sflow_v2",   [DECODE_SFLOW4] = "sflow_v4", [DECODE_SFLOW5] = "sflow_v5",
};

static void by_version(struct buf *out, const char *name, const char *help, const uint64_t *values)
{
	prom_head(out, name, "counter", help);
	for (unsigned i = 0; i < DECODE_VERSIONS; i++) {
		if (values[i] || i == DECODE_V_UNKNOWN)
			prom_u64(out, name, values[i], "version", version_names[i], NULL);
	}
}

/* A reason shows up when it has happened, so that the page stays readable; the first row is there from the start. */
static void by_reason(struct buf *out, const char *name, const char *help, const uint64_t *values, enum err first)
{
	prom_head(out, name, "counter", help);
	for (unsigned i = 1; i < ERR_COUNT; i++) {
		if (values[i] || i == first)
			prom_u64(out, name, values[i], "reason", err_word((enum err)i), NULL);
	}
}

/* Those that were turned away before a decoder saw them are datagrams too. */
static void add_not_allowed(const struct collector *c, struct decode_stats *s)
{
	for (size_t i = 0; i < c->n_workers; i++) {
		uint64_t n = counter_get(&worker_stats(c->workers[i])->not_allowed);
		s->datagrams += n;
		s->dropped[ERR_NOT_ALLOWED] += n;
	}
}

/* What the meter made of packets came by no protocol, and is a flow nevertheless. */
static void metered_flows(const struct collector *c, struct buf *out)
{
	uint64_t metered = 0;
	for (size_t i = 0; i < c->n_workers; i++)
		metered += counter_get(&worker_stats(c->workers[i])->meter.flows);
	if (metered)
		prom_u64(out, NAME("flows_by_version_total"), metered, "version", "packet", NULL);
}

static void decoders(const struct collector *c, struct buf *out)
{
	struct decode_stats s;
	collector_decode_stats(c, &s);
	add_not_allowed(c, &s);
	for (size_t i = 0; i < COUNT(decoder_rows); i++) {
		prom_head(out, decoder_rows[i].name, decoder_rows[i].type, decoder_rows[i].help);
		prom_u64(out, decoder_rows[i].name, value_at(&s, decoder_rows[i].offset), NULL);
	}
	by_reason(out, NAME("datagrams_dropped_total"), "Datagrams of which nothing was decoded.", s.dropped, ERR_TRUNCATED);
	by_reason(out, NAME("sets_skipped_total"), "Data sets and samples that were not decoded.", s.sets_skipped, ERR_NO_TEMPLATE);
	by_version(out, NAME("datagrams_by_version_total"), "Datagrams by what they said they were.", s.by_version);
	by_version(out, NAME("flows_by_version_total"), "Flows decoded, by protocol.", s.flows);
	metered_flows(c, out);
}

static void flows(const struct collector *c, struct buf *out)
{
	struct outlet_stats o;
	struct transport_totals t;
	uint64_t dropped[ERR_COUNT];
	/* What is read last is the most recent: the sums never show more delivered than decoded. */
	c->transport->ops->totals(c->transport, &t);
	collector_outlet_stats(c, &o);
	for (unsigned i = 0; i < ERR_COUNT; i++)
		dropped[i] = o.dropped[i] + t.dropped[i];
	prom_head(out, NAME("flows_total"), "counter", "Flows decoded.");
	prom_u64(out, NAME("flows_total"), o.flows, NULL);
	prom_head(out, NAME("flows_recovered_total"), "counter", "Flows that the last run left in the journal.");
	prom_u64(out, NAME("flows_recovered_total"), t.recovered, NULL);
	prom_head(out, NAME("flows_acknowledged_total"), "counter", "Flows delivered: the broker has them, or they were written.");
	prom_u64(out, NAME("flows_acknowledged_total"), t.acknowledged, "transport", c->transport->ops->name, NULL);
	prom_head(out, NAME("flows_pending"), "gauge", "Flows not yet delivered: in open batches, in memory and in the journal.");
	prom_u64(out, NAME("flows_pending"), o.kept - t.put + t.waiting, NULL);
	by_reason(out, NAME("flows_dropped_total"), "Flows decoded and not delivered.", dropped, ERR_FILTERED);
	prom_head(out, NAME("batches_total"), "counter", "Batches passed on.");
	prom_u64(out, NAME("batches_total"), o.batches, NULL);
}

static void redis(const struct collector *c, struct buf *out)
{
	struct watch_stats s;
	if (!c->watch)
		return;
	watch_stats(c->watch, &s);
	prom_head(out, NAME("redis_connected"), "gauge", "1: Redis answered when it was last asked for senders.");
	prom_u64(out, NAME("redis_connected"), s.connected, NULL);
	prom_head(out, NAME("redis_failures_total"), "counter", "Times it did not; the last list stays in force.");
	prom_u64(out, NAME("redis_failures_total"), s.failures, NULL);
	prom_head(out, NAME("senders"), "gauge", "Senders on the list in force.");
	prom_u64(out, NAME("senders"), s.senders, NULL);
}

void metrics_write(struct collector *c, struct buf *out)
{
	listeners(c, out);
	metrics_input(c, out);
	decoders(c, out);
	flows(c, out);
	redis(c, out);
	c->transport->ops->metrics(c->transport, out);
	prom_process(out, "weir-collector");
}
