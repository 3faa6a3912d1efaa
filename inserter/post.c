/*
 * post.c -- weir-inserter http: flows as JSON lines (NDJSON) by POST, to an ingest address such as a telemetry API's
 * /v1/ingest.
 *
 * Lines are gathered into a body until it is large enough or --flush is over. What is not taken is sent again
 * (output/http_lines.h); reading stands still meanwhile.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/complain.h"
#include "common/counter.h"
#include "common/log.h"
#include "common/promtext.h"
#include "inserter/sink.h"
#include "output/http_lines.h"
#include "proto/flow.h"
#include "proto/json.h"

/* For a request under way when the program is told to end: an ordinary answer comes in time, a hung server holds nobody up. */
#define END_GRACE_NS (5 * NS_PER_S)

struct post {
	const struct http_lines_options *o;
	const atomic_bool *stop;
	uint64_t end_ns; /* once stop was seen */
	struct http_lines *out;
	struct buf body;
	size_t lines;
	struct complain complain, refused_complain;
};

static bool must_end(void *arg)
{
	struct post *p = arg;
	if (!*p->stop)
		return false;
	uint64_t now = clock_monotonic_ns();
	if (!p->end_ns)
		p->end_ns = now + END_GRACE_NS;
	return now >= p->end_ns;
}

static int post_open(const void *options, const struct sink_env *env, void **ret_self, char *err, size_t err_len)
{
	struct post *p = calloc(1, sizeof(*p));
	if (!p) {
		snprintf(err, err_len, "http: out of memory");
		return -ENOMEM;
	}
	p->o = options;
	p->stop = env->stop;
	int r = http_lines_new(options, must_end, p, &p->out, err, err_len);
	if (r) {
		free(p);
		return r;
	}
	*ret_self = p;
	return 0;
}

static enum sink_answer post_flow(void *self, const struct flow *f)
{
	struct post *p = self;
	char *line = buf_reserve(&p->body, FLOW_JSON_MAX);
	if (!line) {
		p->body.failed = false;
		return SINK_FULL;
	}
	p->body.len += flow_json(f, line);
	p->lines++;
	return p->lines >= (size_t)p->o->batch || p->body.len >= p->o->batch_bytes ? SINK_FULL : SINK_MORE;
}

static int post_flush(void *self)
{
	struct post *p = self;
	char why[1024];
	uint64_t swallowed, now = clock_monotonic_ns();
	if (p->lines == 0)
		return 0;
	if (now < http_lines_next_ns(p->out))
		return -EAGAIN;
	uint64_t refused_before = http_lines_stats(p->out)->refused;
	size_t done = http_lines_send(p->out, p->body.data, p->body.len, why, sizeof(why));
	bool all = done == p->body.len;
	memmove(p->body.data, p->body.data + done, p->body.len - done);
	p->body.len -= done;
	uint64_t refused = http_lines_stats(p->out)->refused - refused_before;
	if (refused && complain_now(&p->refused_complain, now, &swallowed))
		log_error(LOG_OURS, "http: %llu flows are refused for good and dropped: %s", (unsigned long long)refused, why);
	if (all) {
		p->lines = 0;
		if (complain_over(&p->complain))
			log_info(LOG_OURS, "http: requests are taken again");
		return 0;
	}
	if (complain_now(&p->complain, now, &swallowed))
		log_warn(LOG_OURS, "http: %s", why);
	return -EAGAIN;
}

static void post_metrics(void *self, struct buf *b)
{
	struct post *p = self;
	static const struct prom_row counters[] = {
		{"weir_inserter_http_flows_total", "counter", "Flows that were taken.", offsetof(struct http_lines_stats, taken)},
		{"weir_inserter_http_requests_total", "counter", "Requests made.", offsetof(struct http_lines_stats, requests)},
		{"weir_inserter_http_refused_total", "counter", "Flows refused for good, and dropped.",
		 offsetof(struct http_lines_stats, refused)},
		{"weir_inserter_http_errors_total", "counter", "Requests that have to be made again.",
		 offsetof(struct http_lines_stats, errors)},
	};
	prom_rows(b, counters, sizeof(counters) / sizeof(counters[0]), http_lines_stats(p->out));
}

static int post_close(void *self)
{
	struct post *p = self;
	http_lines_free(p->out);
	buf_free(&p->body);
	free(p);
	return 0;
}

extern const struct sink_kind sink_http;
const struct sink_kind sink_http = {
	.name = "http",
	.summary = "JSON lines by POST to an ingest address",
	.rows = http_lines_rows,
	.n_rows = HTTP_LINES_OPTIONS,
	.options_size = sizeof(struct http_lines_options),
	.group = "weir-http",
	.open = post_open,
	.flow = post_flow,
	.flush = post_flush,
	.metrics = post_metrics,
	.close = post_close,
};
