/*
 * post.c -- weir-inserter http: flows as JSON lines (NDJSON) by POST, to an ingest address such as a telemetry API's
 * /v1/ingest.
 *
 * Lines are gathered into a body until it is large enough or --flush is over. A body that is not taken is sent again,
 * with pauses that double, or as long as Retry-After says; reading stands still meanwhile. Only what the other side
 * calls wrong for ever (400, 415, 422) is dropped, and counted; what is too large (413) is sent in halves.
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
#include "output/http.h"
#include "proto/flow.h"
#include "proto/json.h"

#define PAUSE_FIRST_NS (250 * NS_PER_MS)
#define PAUSE_MAX_NS   (30 * NS_PER_S)

struct post_options {
	char *url, *token, *ca_file;
	bool gzip;
	int64_t batch;
	uint64_t batch_bytes, timeout_ns;
};

struct post {
	const struct post_options *o;
	struct http_poster *poster;
	struct buf body;
	size_t lines;
	uint64_t next_try_ns, pause_ns;
	struct complain complain;
	uint64_t flows, requests, refused, errors;
};

static const struct opt rows[] = {
	{"http.url", OPT_STRING, offsetof(struct post_options, url), NULL, "URL", "Where to POST flows as JSON lines."},
	{"http.token", OPT_STRING, offsetof(struct post_options, token), NULL, "TOKEN",
	 "Bearer token. Better in the environment, or in a file named by WEIR_HTTP_TOKEN_FILE.", .flags = OPT_SECRET},
	{"http.gzip", OPT_BOOL, offsetof(struct post_options, gzip), "true", NULL, "Compress bodies."},
	{"http.ca", OPT_STRING, offsetof(struct post_options, ca_file), NULL, "FILE",
	 "Certificates to trust instead of the system's."},
	{"http.batch", OPT_INT, offsetof(struct post_options, batch), "1000", "N", "Flows in one request at most.", .min = 1,
	 .max = 1000000},
	{"http.batch-size", OPT_SIZE, offsetof(struct post_options, batch_bytes), "4M", "SIZE",
	 "Bytes in one request at most, before compression.", .min = 1024, .max = 1 << 30},
	{"http.timeout", OPT_DURATION, offsetof(struct post_options, timeout_ns), "10s", "TIME", "Patience for one request.",
	 .min = 1000000, .max = 3600 * 1000000000ll},
};

static int post_open(const void *options, const struct sink_env *env, void **ret_self, char *err, size_t err_len)
{
	const struct post_options *o = options;
	char why[256] = "";
	(void)env;
	struct post *p = calloc(1, sizeof(*p));
	if (!p) {
		snprintf(err, err_len, "http: out of memory");
		return -ENOMEM;
	}
	p->o = o;
	struct http_poster_options poster = {.url = o->url, .bearer = o->token, .content_type = "application/x-ndjson",
					     .ca_file = o->ca_file, .gzip = o->gzip, .timeout_ns = o->timeout_ns};
	int r = http_poster_new(&poster, &p->poster, why, sizeof(why));
	if (r) {
		snprintf(err, err_len, "--http.url: %s", why);
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
		counter_inc(&p->errors);
		return SINK_FULL;
	}
	p->body.len += flow_json(f, line);
	p->lines++;
	return p->lines >= (size_t)p->o->batch || p->body.len >= p->o->batch_bytes ? SINK_FULL : SINK_MORE;
}

static void drop(struct post *p, size_t lines, const char *why)
{
	counter_add(&p->refused, lines);
	log_error(LOG_OURS, "http: %zu flows are refused for good and dropped: %s", lines, why);
}

static size_t count_lines(const char *text, size_t len)
{
	size_t n = 0;
	for (const char *p = text; (p = memchr(p, '\n', len - (size_t)(p - text))); p++)
		n++;
	return n;
}

/* How many bytes the first lines of TEXT have: at most MAX_LINES of them and MAX_BYTES, but at least one. */
static size_t first_lines(const char *text, size_t len, size_t max_lines, size_t max_bytes)
{
	size_t at = 0;
	for (size_t n = 0; n < max_lines && at < len; n++) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t next = end ? (size_t)(end - text) + 1 : len;
		if (at && next > max_bytes)
			break;
		at = next;
	}
	return at;
}

/* Sends LEN bytes of whole lines; gives how many are done with (sent or dropped): fewer when it must be tried again. */
static size_t send_lines(struct post *p, const char *text, size_t len, uint64_t *ret_wait_ns, char *why, size_t why_len)
{
	size_t done = 0, max_lines = (size_t)p->o->batch;
	while (done < len) {
		size_t piece = first_lines(text + done, len - done, max_lines, p->o->batch_bytes);
		enum http_post_result result = http_poster_send(p->poster, text + done, piece, ret_wait_ns, why, why_len);
		size_t lines = count_lines(text + done, piece);
		counter_inc(&p->requests);
		if (result == HTTP_POST_AGAIN)
			break;
		if (result == HTTP_POST_TOO_LARGE && lines > 1) {
			max_lines = lines / 2;
			continue;
		}
		if (result == HTTP_POST_TAKEN)
			counter_add(&p->flows, lines);
		else
			drop(p, lines, why);
		done += piece;
	}
	return done;
}

static int post_flush(void *self)
{
	struct post *p = self;
	char why[1024] = "";
	uint64_t wait_ns = 0, swallowed;
	uint64_t now = clock_monotonic_ns();
	if (p->lines == 0)
		return 0;
	if (now < p->next_try_ns)
		return -EAGAIN;
	size_t done = send_lines(p, p->body.data, p->body.len, &wait_ns, why, sizeof(why));
	memmove(p->body.data, p->body.data + done, p->body.len - done);
	p->body.len -= done;
	p->lines = count_lines(p->body.data, p->body.len);
	if (!p->lines) {
		p->pause_ns = 0;
		if (complain_over(&p->complain))
			log_info(LOG_OURS, "http: requests are taken again");
		return 0;
	}
	counter_inc(&p->errors);
	p->pause_ns = p->pause_ns ? p->pause_ns * 2 : PAUSE_FIRST_NS;
	if (p->pause_ns > PAUSE_MAX_NS)
		p->pause_ns = PAUSE_MAX_NS;
	p->next_try_ns = clock_monotonic_ns() + (wait_ns ? wait_ns : p->pause_ns);
	if (complain_now(&p->complain, now, &swallowed))
		log_warn(LOG_OURS, "http: %s", why);
	return -EAGAIN;
}

static void post_metrics(void *self, struct buf *b)
{
	static const struct prom_row counters[] = {
		{"weir_inserter_http_flows_total", "counter", "Flows that were taken.", offsetof(struct post, flows)},
		{"weir_inserter_http_requests_total", "counter", "Requests made.", offsetof(struct post, requests)},
		{"weir_inserter_http_refused_total", "counter", "Flows refused for good, and dropped.", offsetof(struct post, refused)},
		{"weir_inserter_http_errors_total", "counter", "Requests that have to be made again.", offsetof(struct post, errors)},
	};
	prom_rows(b, counters, sizeof(counters) / sizeof(counters[0]), self);
}

static int post_close(void *self)
{
	struct post *p = self;
	http_poster_free(p->poster);
	buf_free(&p->body);
	free(p);
	return 0;
}

extern const struct sink_kind sink_http;
const struct sink_kind sink_http = {
	.name = "http",
	.summary = "JSON lines by POST to an ingest address",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.options_size = sizeof(struct post_options),
	.group = "weir-http",
	.open = post_open,
	.flow = post_flow,
	.flush = post_flush,
	.metrics = post_metrics,
	.close = post_close,
};
