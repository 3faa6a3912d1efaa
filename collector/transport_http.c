/*
 * transport_http.c -- batches to an HTTP address as JSON lines, by way of the journal: for set-ups without Kafka.
 *
 * The journal holds packed records, as for Kafka: they are a sixth of their JSON, so that an outage may last the longer. One
 * thread takes the oldest batch, writes it out as lines a body at a time and posts them; while the other side does not
 * take them they stay where they are. A batch is done with when all its lines were taken, or refused for good; one that was
 * taken in part when the collector ends or dies comes again as a whole.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/batch.h"
#include "collector/config.h"
#include "collector/held.h"
#include "collector/transport.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/complain.h"
#include "common/counter.h"
#include "common/log.h"
#include "common/promtext.h"
#include "output/http_lines.h"
#include "proto/flow.h"
#include "proto/json.h"
#include "proto/unpack.h"

#define ROUND_NS (100 * NS_PER_MS)

struct transport_http {
	struct transport_held held;
	struct http_lines *out;
	pthread_mutex_t lock;    /* around the two below */
	pthread_cond_t put;      /* somebody put a batch */
	char trouble[400];       /* why the last request was not taken, "": it was */

	/* The thread's. */
	struct batch *batch;     /* being sent, NULL: none */
	struct flow_iter rest;   /* of it */
	struct buf body;
	uint64_t refused;        /* flows of it that were refused for good or cannot be read */
	struct flow flow;
	struct complain complain, refused_complain;
};

static struct transport_http *of(struct transport *t)
{
	return (struct transport_http *)t;
}

static bool time_is_up(void *arg)
{
	return held_is_late(arg);
}

/* --- the sending thread ---------------------------------------------------------------------------------------- */

static bool next_batch(struct transport_http *t)
{
	if (!t->batch && (t->batch = journal_next(t->held.journal))) {
		flow_iter_init(&t->rest, t->batch->data, t->batch->len);
		t->refused = 0;
	}
	return t->batch != NULL;
}

/* A body's worth of lines from the batch. A journal of another --format holds no records: those count as refused. False: no
 * memory for a line now. */
static bool fill_body(struct transport_http *t)
{
	const struct http_lines_options *o = &t->held.config->http;
	if (t->batch->record->format != BATCH_BIN) {
		t->refused = t->batch->flows;
		return true;
	}
	for (int64_t n = 0; n < o->batch && t->body.len < o->batch_bytes; n++) {
		char *line = buf_reserve(&t->body, FLOW_JSON_MAX);
		if (!line) {
			t->body.failed = false;
			return t->body.len != 0;
		}
		if (flow_iter_next(&t->rest, &t->flow) != 1) /* what weir packed itself can be read */
			break;
		t->body.len += flow_json(&t->flow, line);
	}
	return true;
}

static void set_trouble(struct transport_http *t, const char *text)
{
	pthread_mutex_lock(&t->lock);
	snprintf(t->trouble, sizeof(t->trouble), "%.*s", (int)sizeof(t->trouble) - 1, text);
	pthread_mutex_unlock(&t->lock);
}

/* True: all of the body was taken, or refused for good. */
static bool send_body(struct transport_http *t)
{
	char why[1024];
	uint64_t swallowed, now = clock_monotonic_ns();
	uint64_t before = http_lines_stats(t->out)->refused;
	size_t done = http_lines_send(t->out, t->body.data, t->body.len, why, sizeof(why));
	uint64_t refused = http_lines_stats(t->out)->refused - before;
	bool all = done == t->body.len;
	t->refused += refused;
	memmove(t->body.data, t->body.data + done, t->body.len - done);
	t->body.len -= done;
	if (refused && complain_now(&t->refused_complain, now, &swallowed))
		log_error(LOG_BROKER, "%" PRIu64 " flows are refused for good and dropped: %s", refused, why);
	set_trouble(t, all ? "" : why);
	if (all && complain_over(&t->complain))
		log_info(LOG_BROKER, "requests are taken again");
	if (!all && !time_is_up(t) && complain_now(&t->complain, now, &swallowed))
		log_warn(LOG_BROKER, "%s; flows are kept meanwhile", why);
	return all;
}

/* Until there is nothing to send, or it must wait. */
static void send_batches(struct transport_http *t)
{
	while (!time_is_up(t) && clock_monotonic_ns() >= http_lines_next_ns(t->out)) {
		if (t->body.len && !send_body(t))
			return;
		if (!next_batch(t) || !fill_body(t))
			return;
		if (t->body.len)
			continue;
		journal_done(t->held.journal, t->batch, (uint32_t)t->refused, ERR_REFUSED);
		t->batch = NULL;
	}
}

static void wait_for_more(struct transport_http *t)
{
	uint64_t end = clock_monotonic_ns() + ROUND_NS;
	struct timespec until = {.tv_sec = (time_t)(end / NS_PER_S), .tv_nsec = (long)(end % NS_PER_S)};
	pthread_mutex_lock(&t->lock);
	(void)pthread_cond_timedwait(&t->put, &t->lock, &until);
	pthread_mutex_unlock(&t->lock);
}

static void *sender(void *arg)
{
	struct transport_http *t = arg;
	while (!time_is_up(t)) {
		send_batches(t);
		journal_tend(t->held.journal);
		if (held_is_over(&t->held))
			break;
		wait_for_more(t);
	}
	if (t->batch)
		journal_retry(t->held.journal, t->batch);
	t->batch = NULL;
	return NULL;
}

/* --- the transport ---------------------------------------------------------------------------------------------- */

static void give_back(struct transport *t, struct batch *last, uint64_t now_ns)
{
	(void)now_ns;
	journal_put(of(t)->held.journal, last);
	pthread_cond_signal(&of(t)->put);
}

static bool ready(struct transport *base, char *why_not, size_t why_len)
{
	struct transport_http *t = of(base);
	pthread_mutex_lock(&t->lock);
	snprintf(why_not, why_len, "%s", t->trouble);
	pthread_mutex_unlock(&t->lock);
	return !*why_not;
}

static void metrics(struct transport *base, struct buf *out)
{
	static const struct prom_row rows[] = {
		{"weir_collector_http_requests_total", "counter", "Requests made.", offsetof(struct http_lines_stats, requests)},
		{"weir_collector_http_errors_total", "counter", "Requests that had to be made again, or will be.",
		 offsetof(struct http_lines_stats, errors)},
	};
	struct transport_http *t = of(base);
	prom_rows(out, rows, sizeof(rows) / sizeof(rows[0]), http_lines_stats(t->out));
	held_metrics(base, out);
}

static void flush(struct transport *base, uint64_t deadline_ns)
{
	struct transport_http *t = of(base);
	held_ask_end(&t->held, deadline_ns);
	pthread_cond_signal(&t->put);
	held_join(&t->held);
	held_say_left(&t->held);
}

static void http_free(struct transport *base)
{
	struct transport_http *t = of(base);
	if (t->held.thread_runs)
		flush(base, 0);
	http_lines_free(t->out);
	held_close(&t->held);
	buf_free(&t->body);
	pthread_cond_destroy(&t->put);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static const struct transport_ops http_ops = {
	.name = "http",
	.take = held_take,
	.swap = held_swap,
	.give_back = give_back,
	.reopen = transport_no_reopen,
	.ready = ready,
	.alive = transport_is_alive,
	.behind = held_is_behind,
	.totals = held_totals,
	.metrics = metrics,
	.tick = held_tick,
	.flush = flush,
	.free = http_free,
};

static void init_locks(struct transport_http *t)
{
	pthread_condattr_t attributes;
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&t->put, &attributes);
	pthread_condattr_destroy(&attributes);
}

int transport_http_open(const struct config *config, struct transport **ret_transport, char *err, size_t err_len)
{
	struct transport_http *t = calloc(1, sizeof(*t));
	if (!t) {
		snprintf(err, err_len, "no memory");
		return -ENOMEM;
	}
	init_locks(t);
	int rc = http_lines_new(&config->http, time_is_up, t, &t->out, err, err_len);
	if (rc == 0)
		rc = held_open(&t->held, &http_ops, config, err, err_len);
	if (rc == 0)
		rc = held_start(&t->held, sender, err, err_len);
	if (rc < 0)
		http_free(&t->held.base);
	else
		*ret_transport = &t->held.base;
	return rc;
}
