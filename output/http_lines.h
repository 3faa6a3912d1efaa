/*
 * http_lines.h -- lines (NDJSON) to an HTTP address by POST, so that none is lost and none waits for ever: weir-inserter's
 * sink `http` and the collector's transport of that name.
 *
 * Lines go in bodies of bounded size. A body that is not taken is to be sent again, after pauses that double (250 ms to
 * 30 s) or as long as Retry-After says (10 minutes at most); one that is too large (413) goes in halves; what the other side
 * calls wrong for ever (400, 415, 422) is given up, and counted.
 */
#ifndef WEIR_OUTPUT_HTTP_LINES_H
#define WEIR_OUTPUT_HTTP_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/opt.h"

struct http_lines;

/* The rows --http.* fill this. */
struct http_lines_options {
	char *url, *token, *ca_file, *cert, *key;
	bool gzip;
	int64_t batch;        /* lines in one request at most */
	uint64_t batch_bytes; /* and bytes, before compression */
	uint64_t timeout_ns;
};

/* Each has one writer. */
struct http_lines_stats {
	uint64_t taken;    /* lines */
	uint64_t requests;
	uint64_t refused;  /* lines given up */
	uint64_t errors;   /* times that something had to be sent again */
};

enum { HTTP_LINES_OPTIONS = 9 };

extern const struct opt http_lines_rows[HTTP_LINES_OPTIONS];

/* What can be seen without a connection: 0, or -EINVAL with a line in ERR that names the option. */
int http_lines_check(const struct http_lines_options *options, char *err, size_t err_len) MUST_CHECK;

/* GIVE_UP (may be NULL) is asked once a second or so during a request: true breaks it off. 0, -EINVAL or -ENOMEM with a
 * line in ERR. */
int http_lines_new(const struct http_lines_options *options, bool (*give_up)(void *arg), void *arg,
		   struct http_lines **ret_lines, char *err, size_t err_len) MUST_CHECK;

/* Sends LEN bytes of whole lines; gives how many of them are done with. Fewer than LEN: the rest is to be sent again, not
 * before http_lines_next_ns(). WHY is a line about what was refused, or why there is a rest; else empty. */
size_t http_lines_send(struct http_lines *l, const char *text, size_t len, char *why, size_t why_len);
/* Monotonic; 0: at any time. */
uint64_t http_lines_next_ns(const struct http_lines *l);
const struct http_lines_stats *http_lines_stats(const struct http_lines *l);
void http_lines_free(struct http_lines *l);

#endif
