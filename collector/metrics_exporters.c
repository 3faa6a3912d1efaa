/*
 * metrics_exporters.c -- /metrics/exporters: how each exporter does. A page of its own, as there may be thousands;
 * bounded: past EXPORTERS_SHOWN streams (exporter, version, domain) the rest is added up under exporter="other".
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/collector.h"
#include "collector/decoder.h"
#include "collector/exporter.h"
#include "collector/pages.h"
#include "common/buf.h"
#include "common/http.h"
#include "common/promtext.h"

enum { EXPORTERS_SHOWN = 2000 };

/* A stream, or (streams false) an exporter as a whole. */
struct row {
	const struct listen_spec *listen; /* from here to domain: what tells two rows apart */
	struct ip_addr addr; /* len 0: "other" */
	uint32_t version, domain;
	uint64_t units, lost, reordered, restarts;
	uint64_t datagrams, flows, missing, last_seen_ns, rate;
};

struct table {
	struct row *streams, *exporters; /* the last one of each is "other" */
	size_t n_streams, n_exporters;
	size_t folded;                   /* streams and exporters in "other" */
	const struct listen_spec *listen; /* of the worker at hand */
	uint64_t wall_offset_ns;          /* of its decoder */
};

static struct row *next_row(struct table *t, struct row *rows, size_t *n)
{
	if (*n < EXPORTERS_SHOWN)
		return &rows[(*n)++];
	t->folded++;
	return &rows[EXPORTERS_SHOWN];
}

static void add_exporter(void *arg, struct exporter *e)
{
	struct table *t = arg;
	struct row *r = next_row(t, t->exporters, &t->n_exporters);
	bool other = r == &t->exporters[EXPORTERS_SHOWN];
	if (!other) {
		r->listen = t->listen;
		r->addr = e->addr;
	}
	r->datagrams += e->datagrams;
	r->flows += e->flows;
	r->missing += e->missing_templates;
	r->rate = other ? 0 : e->sampling_rate;
	uint64_t last_seen_ns = e->last_seen_ns + t->wall_offset_ns;
	r->last_seen_ns = last_seen_ns > r->last_seen_ns ? last_seen_ns : r->last_seen_ns;
	for (struct domain *dom = e->domains; dom; dom = dom->sibling) {
		r = next_row(t, t->streams, &t->n_streams);
		if (r != &t->streams[EXPORTERS_SHOWN]) {
			r->listen = t->listen;
			r->addr = e->addr;
			r->version = dom->version;
			r->domain = dom->id;
		}
		r->units += dom->sequence.units;
		r->lost += dom->sequence.lost;
		r->reordered += dom->sequence.reordered;
		r->restarts += dom->sequence.restarts;
	}
}

static void ask(void *arg, struct worker *w, struct decoder *d)
{
	struct table *t = arg;
	t->listen = worker_listen(w);
	t->wall_offset_ns = d->wall_offset_ns;
	exporters_each(d, add_exporter, t);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, offsetof(struct row, units));
}

/* An exporter with several TCP sessions is one for Prometheus, which takes no name twice. */
static size_t merge(struct row *rows, size_t n)
{
	size_t kept = 0;
	if (n)
		qsort(rows, n, sizeof(*rows), compare);
	for (size_t i = 0; i < n; i++) {
		struct row *to = kept ? &rows[kept - 1] : NULL;
		if (!to || compare(to, &rows[i]) != 0) {
			rows[kept++] = rows[i];
			continue;
		}
		to->units += rows[i].units;
		to->lost += rows[i].lost;
		to->reordered += rows[i].reordered;
		to->restarts += rows[i].restarts;
		to->datagrams += rows[i].datagrams;
		to->flows += rows[i].flows;
		to->missing += rows[i].missing;
		to->last_seen_ns = rows[i].last_seen_ns > to->last_seen_ns ? rows[i].last_seen_ns : to->last_seen_ns;
	}
	return kept;
}

static const struct {
	const char *name, *type, *help;
	size_t offset;
	bool stream;
} columns[] = {
#define STREAM(what, help, member) {"weir_collector_exporter_" what, "counter", help, offsetof(struct row, member), true}
#define WHOLE(what, type, help, member) {"weir_collector_exporter_" what, type, help, offsetof(struct row, member), false}
	STREAM("sequence_received_total", "Units received, as the protocol's sequence numbers count them.", units),
	STREAM("sequence_lost_total", "Units that sequence numbers say were missing, late ones included.", lost),
	STREAM("sequence_reordered_total", "Of these, what came late.", reordered),
	STREAM("sequence_restarts_total", "Times that the sequence began anew.", restarts),
	WHOLE("datagrams_total", "counter", "Datagrams of the exporter.", datagrams),
	WHOLE("flows_total", "counter", "Flows of the exporter.", flows),
	WHOLE("missing_templates_total", "counter", "Sets that came without a template.", missing),
	WHOLE("last_seen_seconds", "gauge", "When the last datagram came, since 1970.", last_seen_ns),
	WHOLE("sampling_rate", "gauge", "The rate of its last flow, 0: unknown.", rate),
};

static void write_row(struct buf *out, size_t column, const struct row *r)
{
	char addr[IP_TEXT_MAX] = "other", version[16], domain[16];
	const char *listener = r->listen ? r->listen->text : "";
	uint64_t value = *(const uint64_t *)(const void *)((const char *)r + columns[column].offset);
	if (r->addr.len)
		ip_format(&r->addr, addr);
	if (columns[column].offset == offsetof(struct row, last_seen_ns)) {
		prom_double(out, columns[column].name, (double)value / 1e9, "exporter", addr, "listener",
			    listener, NULL);
	} else if (!columns[column].stream) {
		prom_u64(out, columns[column].name, value, "exporter", addr, "listener", listener, NULL);
	} else {
		snprintf(version, sizeof(version), "%" PRIu32, r->version & 0xff); /* sFlow's are 0x100 and up */
		snprintf(domain, sizeof(domain), "%" PRIu32, r->domain);
		prom_u64(out, columns[column].name, value, "exporter", addr, "listener", listener, "protocol",
			 r->version > 0xff ? "sflow" : "netflow", "version", version, "domain", domain, NULL);
	}
}

void pages_exporter_metrics(void *arg, const struct http_request *req, struct http_response *res)
{
	struct collector *c = arg;
	struct table t = {.streams = calloc(EXPORTERS_SHOWN + 1, sizeof(struct row))};
	t.exporters = calloc(EXPORTERS_SHOWN + 1, sizeof(struct row));
	(void)req;
	res->content_type = "text/plain; version=0.0.4; charset=utf-8";
	for (size_t i = 0; t.streams && t.exporters && i < c->n_workers; i++)
		(void)worker_ask(c->workers[i], ask, &t);
	size_t n_streams = t.streams ? merge(t.streams, t.n_streams) : 0;
	size_t n_exporters = t.exporters ? merge(t.exporters, t.n_exporters) : 0;
	for (size_t k = 0; t.streams && t.exporters && k < sizeof(columns) / sizeof(columns[0]); k++) {
		struct row *rows = columns[k].stream ? t.streams : t.exporters;
		size_t n = columns[k].stream ? n_streams : n_exporters;
		prom_head(&res->body, columns[k].name, columns[k].type, columns[k].help);
		for (size_t i = 0; i < n; i++)
			write_row(&res->body, k, &rows[i]);
		if (t.folded)
			write_row(&res->body, k, &rows[EXPORTERS_SHOWN]);
	}
	prom_head(&res->body, "weir_collector_exporter_folded", "gauge", "Exporters and streams that are in \"other\".");
	prom_u64(&res->body, "weir_collector_exporter_folded", t.folded, NULL);
	free(t.streams);
	free(t.exporters);
}
