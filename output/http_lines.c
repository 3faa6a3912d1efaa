/*
 * http_lines.c -- see http_lines.h. What a request was answered with is judged in http.c; here is what follows from it.
 */
#include "output/http_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/counter.h"
#include "output/http.h"

#define PAUSE_FIRST_NS (250 * NS_PER_MS)
#define PAUSE_MAX_NS   (30 * NS_PER_S)
#define WAIT_MAX_NS    (600 * NS_PER_S)

struct http_lines {
	const struct http_lines_options *o;
	struct http_poster *poster;
	uint64_t next_ns, pause_ns;
	struct http_lines_stats stats;
};

#define ROW(name, type, member, value, arg, ...) \
	{name, type, offsetof(struct http_lines_options, member), value, arg, __VA_ARGS__}

const struct opt http_lines_rows[HTTP_LINES_OPTIONS] = {
	ROW("http.url", OPT_STRING, url, NULL, "URL", "Where to POST flows as JSON lines."),
	ROW("http.token", OPT_STRING, token, NULL, "TOKEN",
	    "Bearer token. Better in the environment, or in a file named by WEIR_HTTP_TOKEN_FILE.", .flags = OPT_SECRET),
	ROW("http.gzip", OPT_BOOL, gzip, "true", NULL, "Compress bodies."),
	ROW("http.ca", OPT_STRING, ca_file, NULL, "FILE", "Certificates to trust instead of the system's, PEM."),
	ROW("http.cert", OPT_STRING, cert, NULL, "FILE", "A certificate to show, PEM, to a server that asks for one."),
	ROW("http.key", OPT_STRING, key, NULL, "FILE", "Its key, PEM."),
	ROW("http.batch", OPT_INT, batch, "1000", "N", "Flows in one request at most.", .min = 1, .max = 1000000),
	ROW("http.batch-size", OPT_SIZE, batch_bytes, "4M", "SIZE", "Bytes in one request at most, before compression.",
	    .min = 1024, .max = 1 << 30),
	ROW("http.timeout", OPT_DURATION, timeout_ns, "10s", "TIME", "Patience for one request.", .min = 1000000,
	    .max = 3600 * 1000000000ll),
};

/* What can be seen to be wrong at the start is said then; later it would be one failed request after the other. */
static int check_files(const struct http_lines_options *o, char *err, size_t err_len)
{
	const struct {
		const char *option, *path;
	} files[] = {{"http.ca", o->ca_file}, {"http.cert", o->cert}, {"http.key", o->key}};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (files[i].path && access(files[i].path, R_OK)) {
			snprintf(err, err_len, "--%s %s: %s", files[i].option, files[i].path, strerror(errno));
			return -EINVAL;
		}
	}
	if (!o->cert != !o->key) {
		snprintf(err, err_len, "--http.cert FILE and --http.key FILE belong together");
		return -EINVAL;
	}
	return 0;
}

static struct http_poster_options poster_options(const struct http_lines_options *o)
{
	return (struct http_poster_options){
		.url = o->url, .bearer = o->token, .content_type = "application/x-ndjson", .ca_file = o->ca_file,
		.cert = o->cert, .key = o->key, .gzip = o->gzip, .timeout_ns = o->timeout_ns,
	};
}

int http_lines_check(const struct http_lines_options *options, char *err, size_t err_len)
{
	char why[256];
	struct http_poster_options poster = poster_options(options);
	int r = http_poster_check(&poster, why, sizeof(why));
	if (r)
		snprintf(err, err_len, "--http.url: %s", why);
	return r ? r : check_files(options, err, err_len);
}

int http_lines_new(const struct http_lines_options *options, bool (*give_up)(void *arg), void *arg,
		   struct http_lines **ret_lines, char *err, size_t err_len)
{
	int r = http_lines_check(options, err, err_len);
	if (r)
		return r;
	struct http_lines *l = calloc(1, sizeof(*l));
	struct http_poster_options poster = poster_options(options);
	poster.give_up = give_up;
	poster.give_up_arg = arg;
	r = l ? http_poster_new(&poster, &l->poster, err, err_len) : -ENOMEM;
	if (r) {
		snprintf(err, err_len, "out of memory");
		free(l);
		return r;
	}
	l->o = options;
	*ret_lines = l;
	return 0;
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

static void pause_before_next(struct http_lines *l, uint64_t asked_ns)
{
	counter_inc(&l->stats.errors);
	l->pause_ns = l->pause_ns ? l->pause_ns * 2 : PAUSE_FIRST_NS;
	if (l->pause_ns > PAUSE_MAX_NS)
		l->pause_ns = PAUSE_MAX_NS;
	if (asked_ns > WAIT_MAX_NS)
		asked_ns = WAIT_MAX_NS;
	l->next_ns = clock_monotonic_ns() + (asked_ns ? asked_ns : l->pause_ns);
}

size_t http_lines_send(struct http_lines *l, const char *text, size_t len, char *why, size_t why_len)
{
	size_t done = 0, max_lines = (size_t)l->o->batch;
	char reason[1024];
	snprintf(why, why_len, "%s", "");
	while (done < len) {
		uint64_t asked_ns = 0;
		size_t piece = first_lines(text + done, len - done, max_lines, l->o->batch_bytes);
		size_t lines = count_lines(text + done, piece);
		enum http_post_result result = http_poster_send(l->poster, text + done, piece, &asked_ns, reason, sizeof(reason));
		counter_inc(&l->stats.requests);
		if (result == HTTP_POST_TOO_LARGE && lines > 1) {
			max_lines = lines / 2;
			continue;
		}
		if (result != HTTP_POST_TAKEN)
			snprintf(why, why_len, "%s", reason);
		if (result == HTTP_POST_AGAIN) {
			pause_before_next(l, asked_ns);
			return done;
		}
		counter_add(result == HTTP_POST_TAKEN ? &l->stats.taken : &l->stats.refused, lines);
		l->pause_ns = l->next_ns = 0;
		done += piece;
	}
	return done;
}

uint64_t http_lines_next_ns(const struct http_lines *l)
{
	return l->next_ns;
}

const struct http_lines_stats *http_lines_stats(const struct http_lines *l)
{
	return &l->stats;
}

void http_lines_free(struct http_lines *l)
{
	if (!l)
		return;
	http_poster_free(l->poster);
	free(l);
}
