/*
 * held.c -- see held.h.
 */
#include "collector/held.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/config.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/promtext.h"

enum { BEHIND_BATCHES = 128 };

static struct transport_held *of(struct transport *t)
{
	return (struct transport_held *)t;
}

int held_open(struct transport_held *h, const struct transport_ops *ops, const struct config *config, char *err, size_t err_len)
{
	struct journal_stats s;
	struct journal_options options = {
		.path = config->journal_path,
		.max_bytes = config->journal_max,
		.payload_bytes = config_payload_bytes(config),
		.keep_free = config_sockets(config) + 4,
		.epoch = clock_wall_ns(),
		.format = config->format,
	};
	h->base.ops = ops;
	h->config = config;
	int rc = journal_open(&options, &h->journal, err, err_len);
	if (rc < 0)
		return rc;
	if (*err)
		log_warn(LOG_OURS, "%s", err);
	journal_stats(h->journal, &s);
	if (s.recovered_flows)
		log_info(LOG_OURS, "journal: %" PRIu64 " flows of the last run are sent first", s.recovered_flows);
	return 0;
}

int held_start(struct transport_held *h, void *(*sender)(void *), char *err, size_t err_len)
{
	int rc = -pthread_create(&h->thread, NULL, sender, h);
	h->thread_runs = rc == 0;
	if (rc < 0)
		snprintf(err, err_len, "cannot start a thread: %s", strerror(-rc));
	return rc;
}

void held_ask_end(struct transport_held *h, uint64_t deadline_ns)
{
	h->deadline_ns = deadline_ns;
	__atomic_store_n(&h->stop, true, __ATOMIC_RELEASE);
}

void held_join(struct transport_held *h)
{
	if (h->thread_runs)
		pthread_join(h->thread, NULL);
	h->thread_runs = false;
}

void held_close(struct transport_held *h)
{
	journal_close(h->journal);
	h->journal = NULL;
}

bool held_is_late(const struct transport_held *h)
{
	return __atomic_load_n(&h->stop, __ATOMIC_ACQUIRE) && clock_monotonic_ns() >= h->deadline_ns;
}

bool held_is_over(const struct transport_held *h)
{
	struct journal_stats s;
	if (!__atomic_load_n(&h->stop, __ATOMIC_ACQUIRE))
		return false;
	journal_stats(h->journal, &s);
	return s.waiting_batches == 0 || held_is_late(h);
}

struct batch *held_take(struct transport *t)
{
	return journal_take(of(t)->journal);
}

struct batch *held_swap(struct transport *t, struct batch *full, uint64_t now_ns)
{
	t->ops->give_back(t, full, now_ns);
	return held_take(t);
}

bool held_is_behind(struct transport *t)
{
	struct journal_stats s;
	journal_stats(of(t)->journal, &s);
	return s.waiting_batches > BEHIND_BATCHES || s.used_slots > s.max_slots / 2;
}

void held_totals(struct transport *t, struct transport_totals *ret_totals)
{
	struct journal_stats s;
	journal_stats(of(t)->journal, &s);
	*ret_totals = (struct transport_totals){
		.put = s.put_flows, .recovered = s.recovered_flows, .acknowledged = s.acknowledged_flows,
		.waiting = s.waiting_flows,
	};
	memcpy(ret_totals->dropped, s.dropped_flows, sizeof(s.dropped_flows));
}

void held_metrics(struct transport *t, struct buf *out)
{
	struct journal_stats j;
	journal_stats(of(t)->journal, &j);
	const struct {
		const char *name, *type, *help;
		uint64_t value;
	} rows[] = {
		{"weir_collector_journal_bytes", "gauge", "Size of all journal segments.", j.bytes},
		{"weir_collector_journal_max_bytes", "gauge", "Their cap (--journal.max-bytes).", j.max_bytes},
		{"weir_collector_journal_memory_bytes", "gauge", "Of these, in memory: no --journal.path, or its disk is full.",
		 j.memory_bytes},
		{"weir_collector_journal_on_disk", "gauge", "1: in files, 0: in memory.", j.on_disk},
		{"weir_collector_journal_batches", "gauge", "Batches that were not acknowledged.", j.waiting_batches},
		{"weir_collector_journal_in_flight_batches", "gauge", "Of these, being sent.", j.in_flight_batches},
		{"weir_collector_journal_damaged_batches_total", "counter", "Found at the start with a wrong checksum.",
		 j.damaged_batches},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		prom_head(out, rows[i].name, rows[i].type, rows[i].help);
		prom_u64(out, rows[i].name, rows[i].value, NULL);
	}
}

void held_tick(struct transport *t, uint64_t now_ns)
{
	struct transport_held *h = of(t);
	struct journal_stats s;
	char text[400];
	uint64_t swallowed;
	if (journal_trouble(h->journal, text, sizeof(text)) && complain_now(&h->trouble, now_ns, &swallowed))
		log_error(LOG_OURS, "journal: %s", text);
	journal_stats(h->journal, &s);
	uint64_t lost = s.dropped_flows[ERR_JOURNAL_FULL];
	if (lost > h->full_said && complain_now(&h->full, now_ns, &swallowed)) {
		log_error(LOG_OURS, "journal: the cap of %" PRIu64 " bytes is reached; %" PRIu64 " flows lost so far, the oldest first",
			  s.max_bytes, lost);
		h->full_said = lost;
	} else if (lost == h->full_said && s.bytes < s.max_bytes / 2 && complain_over(&h->full)) {
		log_info(LOG_OURS, "journal: below half of its cap again");
	}
}

void held_say_left(const struct transport_held *h)
{
	struct journal_stats s;
	journal_stats(h->journal, &s);
	uint64_t lost = journal_memory_flows(h->journal);
	if (s.waiting_flows == 0)
		return;
	if (lost == 0)
		log_warn(LOG_BROKER, "%" PRIu64 " flows were not delivered in time; they stay in the journal for the next start",
			 s.waiting_flows);
	else
		log_warn(LOG_BROKER, "%" PRIu64 " flows were not delivered in time; %" PRIu64 " of them stay in the journal for the "
			 "next start, %" PRIu64 " were in memory and are lost, as %s", s.waiting_flows, s.waiting_flows - lost, lost,
			 s.on_disk ? "the journal's disk was full" : "there is no --journal.path, or it cannot be used");
}
