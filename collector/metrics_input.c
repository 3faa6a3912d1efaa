/*
 * metrics_input.c -- the part of /metrics on connections and on metered packets; nothing where there is no such listener.
 */
#include <stddef.h>

#include "collector/collector.h"
#include "collector/config.h"
#include "collector/pages.h"
#include "common/buf.h"
#include "common/promtext.h"

#define NAME(what) "weir_collector_" what
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct row {
	const char *name, *type, *help;
	size_t offset;
};

#define ROW(what, type, help, member) {NAME(what), type, help, offsetof(struct worker_stats, member)}

static const struct row session_rows[] = {
	ROW("sessions", "gauge", "Connections now.", sessions.open),
	ROW("sessions_accepted_total", "counter", "Connections accepted: those now, and those that ended.", sessions.accepted),
	ROW("session_waits_total", "counter", "Times that reading stopped until the output had room again.", sessions.waits),
};

static const struct row meter_rows[] = {
	ROW("meter_packets_total", "counter", "Packets: metered, not sampled, or not IP.", meter.packets),
	ROW("meter_packets_metered_total", "counter", "Of these, counted in a flow.", meter.metered),
	ROW("meter_packets_unsampled_total", "counter", "Of these, passed over by sampling.", meter.unsampled),
	ROW("meter_packets_not_ip_total", "counter", "Of these, not IP or not readable.", meter.not_ip),
	ROW("meter_flows_evicted_total", "counter", "Flows reported early for lack of room (--meter.max-flows).", meter.evicted),
	ROW("meter_flows", "gauge", "Flows under way.", meter.active),
};

static bool is_stream(const struct listen_spec *spec)
{
	return spec->kind == LISTEN_TCP || spec->kind == LISTEN_TLS || spec->kind == LISTEN_SCTP;
}

static bool is_meter(const struct listen_spec *spec)
{
	return spec->kind == LISTEN_PCAP;
}

static const uint64_t *at(const struct worker_stats *stats, size_t offset)
{
	return (const uint64_t *)(const void *)((const char *)stats + offset);
}

static bool any(const struct listen_set *set, bool (*wanted)(const struct listen_spec *spec))
{
	for (size_t k = 0; k < set->count; k++) {
		if (wanted(&set->specs[k]))
			return true;
	}
	return false;
}

static void rows(const struct collector *c, const struct row *row, size_t n, bool (*wanted)(const struct listen_spec *spec),
		 struct buf *out)
{
	const struct listen_set *set = &c->config->listen;
	for (; n > 0; n--, row++) {
		prom_head(out, row->name, row->type, row->help);
		for (size_t k = 0; k < set->count; k++) {
			struct worker_stats stats;
			if (!wanted(&set->specs[k]))
				continue;
			collector_listener_stats(c, &set->specs[k], &stats);
			prom_u64(out, row->name, *at(&stats, row->offset), "listener", set->specs[k].text, NULL);
		}
	}
}

/* A reason shows up when it has happened; FIRST is there from the start. */
static void by_reason(const struct collector *c, const struct row *row, enum err first, struct buf *out)
{
	const struct listen_set *set = &c->config->listen;
	prom_head(out, row->name, row->type, row->help);
	for (size_t k = 0; k < set->count; k++) {
		struct worker_stats stats;
		if (!is_stream(&set->specs[k]))
			continue;
		collector_listener_stats(c, &set->specs[k], &stats);
		for (unsigned i = 1; i < ERR_COUNT; i++) {
			uint64_t n = at(&stats, row->offset)[i];
			if (n || i == first)
				prom_u64(out, row->name, n, "listener", set->specs[k].text, "reason", err_word((enum err)i), NULL);
		}
	}
}

void metrics_input(const struct collector *c, struct buf *out)
{
	static const struct row refused = ROW("sessions_refused_total", "counter", "Connections closed at once.", sessions.refused);
	static const struct row ended = ROW("sessions_ended_total", "counter", "Connections that ended, and why.", sessions.ended);
	if (any(&c->config->listen, is_stream)) {
		rows(c, session_rows, COUNT(session_rows), is_stream, out);
		by_reason(c, &refused, ERR_SESSION_LIMIT, out);
		by_reason(c, &ended, ERR_CLOSED, out);
	}
	if (any(&c->config->listen, is_meter))
		rows(c, meter_rows, COUNT(meter_rows), is_meter, out);
}
