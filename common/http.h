/*
 * http.h -- a small HTTP server behind one seam (libmicrohttpd lives in http.c alone).
 *
 * Each connection has a thread, so a handler may wait; connections, body size and time are bounded: a request's head must be
 * there within timeout_s of the connection's beginning or of the answer before; a body must come, and an answer be
 * taken, in that time too, or at 16 KiB a second where it is larger; of a stream without end, each block.
 */
#ifndef WEIR_COMMON_HTTP_H
#define WEIR_COMMON_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

enum { HTTP_STREAM_IDLE = -1000 };

struct http_server;
struct http_request;

/* A handler fills this; it starts as status 200, text/plain, empty body. */
struct http_response {
	int status;
	const char *content_type; /* not copied: a literal */
	struct buf body;          /* the server frees it */
	/* When set, the body is pulled from here instead until it gives 0 (the end) or <0 (broken off). It may
	 * wait, a second at most, and then give HTTP_STREAM_IDLE: it is asked again while the client is there and the
	 * server runs. STREAM_FREE is called once when the connection is done with. */
	long (*stream)(void *stream_arg, char *out, size_t max);
	void (*stream_free)(void *stream_arg);
	void *stream_arg;
	size_t stream_len; /* of all that it will give, 0: not known, or without end */
	struct http_header { const char *name; char value[200]; } headers[6]; /* extra ones */
	size_t n_headers;
};

typedef void http_handler(void *arg, const struct http_request *req, struct http_response *res);

struct http_route {
	const char *path;      /* "/metrics"; one that ends in '*' matches by prefix; the first match wins */
	const char *methods;   /* "GET", "GET POST" */
	http_handler *handle;
};

struct http_options {
	/* "localhost:8080" = 127.0.0.1 and ::1; ":8080" = everywhere, both families; "192.0.2.1:80", "[::1]:80".
	 * Port 0 takes a free one. */
	const char *address;
	const struct http_route *routes;
	size_t n_routes;
	void *arg;
	unsigned max_connections; /* on each listening socket; 0: 64. One more is closed at once */
	unsigned max_per_client;  /* of these, from one address; 0: half */
	size_t max_body;          /* 0: 1 MiB */
	unsigned timeout_s;       /* 0: 30 */
};

/* 0 or a negative errno; ERR says what and where ("127.0.0.1:8080: address already in use; ..."). */
int http_server_start(const struct http_options *options, struct http_server **ret_server, char *err, size_t err_len);
unsigned http_server_port(const struct http_server *s);
void http_server_stop(struct http_server *s); /* NULL is fine */

const char *http_method(const struct http_request *req);
const char *http_path(const struct http_request *req);
const char *http_query(const struct http_request *req, const char *name); /* NULL when absent; unescaped */
const char *http_request_header(const struct http_request *req, const char *name);
const char *http_body(const struct http_request *req, size_t *ret_len);
/* Calls FN for each query parameter. */
void http_each_query(const struct http_request *req, void (*fn)(void *arg, const char *name, const char *value),
		     void *arg);

/* A handler: OK. For /healthz, as whoever answers is alive. */
http_handler http_say_ok;
/* 200 or 503, and why. */
void http_say_ready(struct http_response *res, bool ready, const char *why_not);

void http_add_header(struct http_response *res, const char *name, const char *value);

#endif
