/*
 * http.h -- bodies sent to an HTTP address by POST: http.c is the one file that knows libcurl.
 */
#ifndef WEIR_OUTPUT_HTTP_H
#define WEIR_OUTPUT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct http_poster;

struct http_poster_options {
	const char *url;          /* http:// or https:// */
	const char *bearer;       /* token for Authorization, NULL: none */
	const char *content_type; /* "application/x-ndjson" */
	const char *ca_file;      /* certificates to trust instead of the system's, NULL: the system's */
	const char *cert, *key;   /* to show to a server that asks, NULL: none */
	bool gzip;
	uint64_t timeout_ns;      /* for one request */
	bool (*give_up)(void *arg); /* asked about once a second during a request: true breaks it off. NULL: never */
	void *give_up_arg;
};

enum http_post_result {
	HTTP_POST_TAKEN,     /* 2xx */
	HTTP_POST_AGAIN,     /* no answer, 5xx, 429, or something to be set right (401, 403, 404 ...): send it again */
	HTTP_POST_TOO_LARGE, /* 413 */
	HTTP_POST_REFUSED    /* 400, 415, 422: it will never be taken */
};

/* 0 or -EINVAL: ERR says what of the options. */
int http_poster_check(const struct http_poster_options *options, char *err, size_t err_len) MUST_CHECK;
/* 0, -EINVAL as above or -ENOMEM. */
int http_poster_new(const struct http_poster_options *options, struct http_poster **ret_poster, char *err,
		    size_t err_len) MUST_CHECK;
/* ERR gets one line when it was not taken, *RET_WAIT_NS what the other side asked for in Retry-After, else 0. */
enum http_post_result http_poster_send(struct http_poster *p, const void *body, size_t len, uint64_t *ret_wait_ns, char *err,
				       size_t err_len);
void http_poster_free(struct http_poster *p);

#endif
