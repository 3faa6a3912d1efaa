/*
 * http.c -- the HTTP server, on libmicrohttpd: the only file that includes it.
 *
 * One thread a connection, so that a handler may ask a database or wait for flows without holding up a scrape.
 * What a client can make us hold is bounded: connections, header bytes (libmicrohttpd's 32 KiB a connection),
 * body bytes, silence, and the time for the whole of a head, of a body and of taking an answer (http_watch.h). A request is
 * answered once its body is complete; one that is too large is refused on its Content-Length already.
 */
#include "common/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/http_listen.h"
#include "common/http_watch.h"

/* SLOWEST: bytes a second that a client must come to with what is longer than fits into timeout_s. */
enum { MAX_CONNECTIONS = 64, MAX_BODY = 1 << 20, TIMEOUT_S = 30, STREAM_BLOCK = 16384, SLOWEST = 16384 };

struct http_server {
	struct http_options options;
	struct MHD_Daemon *daemons[HTTP_SOCKETS_MAX];
	size_t n_daemons;
	struct http_watch *watch;
	unsigned port;
	atomic_bool stopping;
};

struct http_request {
	struct http_server *server;
	struct MHD_Connection *connection;
	const char *method;
	const char *path;
	struct buf body;
	size_t received; /* body bytes, those past the limit too */
	uint64_t begun_ns; /* when its head was there */
};

/* What a stream needs to live on after its handler has returned. */
struct stream {
	struct http_server *server;
	struct MHD_Connection *connection;
	long (*pull)(void *arg, char *out, size_t max);
	void (*free_arg)(void *arg);
	void *arg;
	bool timed; /* as a whole */
};

/* --- how long a client may take ------------------------------------------------------------------------ */

/* BYTES must have gone over the line by then, since SINCE_NS. */
static void allow(const struct http_server *s, struct MHD_Connection *connection, uint64_t since_ns, size_t bytes)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	if (info && info->socket_context)
		http_watch_until(info->socket_context, since_ns + s->options.timeout_s * NS_PER_S + bytes * NS_PER_S / SLOWEST);
}

/* It is on us now. */
static void allow_all_time(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	if (info && info->socket_context)
		http_watch_until(info->socket_context, 0);
}

/* A connection that cannot be watched, as there is no memory, is one that libmicrohttpd will not have memory for either. */
static void on_connection(void *arg, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code)
{
	const struct http_server *s = arg;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		http_watch_remove(*context);
		*context = NULL;
		return;
	}
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info)
		*context = http_watch_add(s->watch, info->connect_fd, clock_monotonic_ns() + s->options.timeout_s * NS_PER_S);
}

/* --- streams ------------------------------------------------------------------------------------------- */

static bool client_left(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	char byte;
	if (!info)
		return false;
	ssize_t n = recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static ssize_t pull_stream(void *arg, uint64_t pos, char *out, size_t max)
{
	struct stream *s = arg;
	long n;
	(void)pos;
	if (!s->timed)
		allow_all_time(s->connection); /* what it was given is with the client */
	do {
		if (atomic_load(&s->server->stopping) || client_left(s->connection))
			return MHD_CONTENT_READER_END_WITH_ERROR;
		n = s->pull(s->arg, out, max);
	} while (n == HTTP_STREAM_IDLE);
	if (n > 0) {
		if (!s->timed)
			allow(s->server, s->connection, clock_monotonic_ns(), (size_t)n);
		return n;
	}
	return n == 0 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void free_stream(void *arg)
{
	struct stream *s = arg;
	if (s->free_arg)
		s->free_arg(s->arg);
	free(s);
}

static struct MHD_Response *stream_response(struct http_request *req, struct http_response *res)
{
	struct stream *s = malloc(sizeof(*s));
	if (!s)
		return NULL;
	*s = (struct stream){.server = req->server, .connection = req->connection, .pull = res->stream,
			     .free_arg = res->stream_free, .arg = res->stream_arg, .timed = res->stream_len > 0};
	struct MHD_Response *r =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, pull_stream, s, free_stream);
	if (!r) {
		free(s);
		return NULL;
	}
	/* A quiet stream is no idle connection; a client that has gone is noticed in pull_stream(). */
	(void)MHD_set_connection_option(req->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
	return r;
}

/* --- answering ----------------------------------------------------------------------------------------- */

static enum MHD_Result send_response(struct http_request *req, struct http_response *res)
{
	struct MHD_Response *r = NULL;
	allow(req->server, req->connection, clock_monotonic_ns(), res->stream ? res->stream_len : res->body.len);
	if (res->stream && strcmp(req->method, "HEAD") != 0) {
		r = stream_response(req, res);
		if (r)
			res->stream_free = NULL; /* it is the stream's now */
	} else if (!res->body.failed) {
		r = MHD_create_response_from_buffer(res->body.len, res->body.data, MHD_RESPMEM_MUST_FREE);
		if (r)
			res->body = (struct buf){0};
	}
	if (res->stream && res->stream_free)
		res->stream_free(res->stream_arg);
	buf_free(&res->body);
	if (!r)
		return MHD_NO; /* no memory: the connection is closed */
	(void)MHD_add_response_header(r, "Content-Type", res->content_type);
	(void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	for (size_t i = 0; i < res->n_headers; i++)
		(void)MHD_add_response_header(r, res->headers[i].name, res->headers[i].value);
	enum MHD_Result queued = MHD_queue_response(req->connection, (unsigned)res->status, r);
	MHD_destroy_response(r);
	return queued;
}

static bool path_matches(const char *pattern, const char *path)
{
	size_t len = strlen(pattern);
	if (len && pattern[len - 1] == '*')
		return strncmp(pattern, path, len - 1) == 0;
	return strcmp(pattern, path) == 0;
}

/* METHODS is a list with spaces; who takes GET takes HEAD. */
static bool method_matches(const char *methods, const char *method)
{
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	size_t len = strlen(method);
	for (const char *p = methods; (p = strstr(p, method)); p += len)
		if ((p == methods || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\0'))
			return true;
	return false;
}

static void refuse(struct http_response *res, int status, const char *text)
{
	res->status = status;
	buf_printf(&res->body, "%s\n", text);
}

static enum MHD_Result answer(struct http_request *req)
{
	const struct http_options *o = &req->server->options;
	struct http_response res = {.status = 200, .content_type = "text/plain; charset=utf-8"};
	const struct http_route *other_method = NULL;
	for (size_t i = 0; i < o->n_routes; i++) {
		const struct http_route *route = &o->routes[i];
		if (!path_matches(route->path, req->path))
			continue;
		if (method_matches(route->methods, req->method)) {
			allow_all_time(req->connection);
			route->handle(o->arg, req, &res);
			return send_response(req, &res);
		}
		if (!other_method)
			other_method = route;
	}
	if (other_method) {
		refuse(&res, 405, "this path does not take that method");
		http_add_header(&res, "Allow", other_method->methods);
	} else {
		refuse(&res, 404, "there is nothing at this path");
	}
	return send_response(req, &res);
}

static enum MHD_Result refuse_body(struct http_request *req)
{
	struct http_response res = {.status = 200, .content_type = "text/plain; charset=utf-8"};
	refuse(&res, 413, "the body is too large");
	http_add_header(&res, "Connection", "close");
	return send_response(req, &res);
}

/* --- what libmicrohttpd calls -------------------------------------------------------------------------- */

static enum MHD_Result first_call(struct http_server *s, struct MHD_Connection *connection, const char *path,
				  const char *method, void **state)
{
	struct http_request *req = calloc(1, sizeof(*req));
	if (!req)
		return MHD_NO;
	*req = (struct http_request){.server = s, .connection = connection, .method = method, .path = path,
				     .begun_ns = clock_monotonic_ns()};
	*state = req;
	allow(s, connection, req->begun_ns, 0);
	const char *length = http_request_header(req, "Content-Length");
	if (length && strtoull(length, NULL, 10) > s->options.max_body)
		return refuse_body(req);
	return MHD_YES;
}

/* libmicrohttpd calls this once when the headers are there, then for each piece of the body, then with size 0. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
				  const char *version, const char *data, size_t *data_len, void **state)
{
	struct http_server *s = arg;
	struct http_request *req = *state;
	(void)version;
	if (!req)
		return first_call(s, connection, path, method, state);
	if (*data_len) {
		req->received += *data_len;
		allow(s, connection, req->begun_ns, req->received);
		/* A chunked body says its size only by going on: what is past the limit is thrown away, for an
		 * answer can be given only behind it, and far past it the line is cut. */
		if (req->received > 16 * s->options.max_body)
			return MHD_NO;
		if (req->received <= s->options.max_body)
			buf_add(&req->body, data, *data_len);
		*data_len = 0;
		return req->body.failed ? MHD_NO : MHD_YES;
	}
	return req->received > s->options.max_body ? refuse_body(req) : answer(req);
}

static void on_done(void *arg, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
	struct http_request *req = *state;
	(void)code;
	if (!req)
		return;
	allow(arg, connection, clock_monotonic_ns(), 0); /* for the next one */
	buf_free(&req->body);
	free(req);
	*state = NULL;
}

/* --- the server ---------------------------------------------------------------------------------------- */

static int start_daemons(struct http_server *s, struct http_sockets *sockets)
{
	while (sockets->count) {
		struct MHD_Daemon *d = MHD_start_daemon(
			MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0, NULL, NULL,
			on_request, s, MHD_OPTION_LISTEN_SOCKET, sockets->fds[sockets->count - 1],
			MHD_OPTION_CONNECTION_LIMIT, s->options.max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
			s->options.max_per_client, MHD_OPTION_CONNECTION_TIMEOUT, s->options.timeout_s,
			MHD_OPTION_NOTIFY_COMPLETED, on_done, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_END);
		if (!d)
			return -EIO;
		sockets->count--; /* the daemon closes it */
		s->daemons[s->n_daemons++] = d;
	}
	return 0;
}

int http_server_start(const struct http_options *options, struct http_server **ret_server, char *err, size_t err_len)
{
	struct http_sockets sockets;
	int r = http_listen(options->address, &sockets, err, err_len);
	if (r < 0)
		return r;
	struct http_server *s = calloc(1, sizeof(*s));
	if (!s) {
		http_listen_close(&sockets);
		(void)snprintf(err, err_len, "no memory");
		return -ENOMEM;
	}
	s->options = *options;
	s->options.address = NULL; /* the caller's; not needed any more */
	s->options.max_connections = options->max_connections ? options->max_connections : MAX_CONNECTIONS;
	s->options.max_per_client = options->max_per_client ? options->max_per_client : (s->options.max_connections + 1) / 2;
	s->options.max_body = options->max_body ? options->max_body : MAX_BODY;
	s->options.timeout_s = options->timeout_s ? options->timeout_s : TIMEOUT_S;
	s->port = sockets.port;
	s->watch = http_watch_new();
	r = s->watch ? start_daemons(s, &sockets) : -EIO;
	if (r < 0) {
		(void)snprintf(err, err_len, "%s: the HTTP server could not start its threads", options->address);
		http_listen_close(&sockets);
		http_server_stop(s);
		return r;
	}
	*ret_server = s;
	return 0;
}

unsigned http_server_port(const struct http_server *s)
{
	return s->port;
}

void http_server_stop(struct http_server *s)
{
	if (!s)
		return;
	atomic_store(&s->stopping, true);
	for (size_t i = 0; i < s->n_daemons; i++)
		MHD_stop_daemon(s->daemons[i]);
	http_watch_free(s->watch);
	free(s);
}

/* --- what handlers ask --------------------------------------------------------------------------------- */

const char *http_method(const struct http_request *req)
{
	return req->method;
}

const char *http_path(const struct http_request *req)
{
	return req->path;
}

const char *http_query(const struct http_request *req, const char *name)
{
	return MHD_lookup_connection_value(req->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_request_header(const struct http_request *req, const char *name)
{
	return MHD_lookup_connection_value(req->connection, MHD_HEADER_KIND, name);
}

const char *http_body(const struct http_request *req, size_t *ret_len)
{
	if (ret_len)
		*ret_len = req->body.len;
	return req->body.data ? req->body.data : "";
}

struct each {
	void (*fn)(void *arg, const char *name, const char *value);
	void *arg;
};

static enum MHD_Result each_value(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	const struct each *e = arg;
	(void)kind;
	e->fn(e->arg, name, value ? value : "");
	return MHD_YES;
}

void http_each_query(const struct http_request *req, void (*fn)(void *arg, const char *name, const char *value),
		     void *arg)
{
	struct each e = {.fn = fn, .arg = arg};
	(void)MHD_get_connection_values(req->connection, MHD_GET_ARGUMENT_KIND, each_value, &e);
}

void http_say_ok(void *arg, const struct http_request *req, struct http_response *res)
{
	(void)arg;
	(void)req;
	buf_puts(&res->body, "OK\n");
}

void http_say_ready(struct http_response *res, bool ready, const char *why_not)
{
	res->status = ready ? 200 : 503;
	buf_printf(&res->body, "%s%s\n", ready ? "" : "not ready: ", ready ? "OK" : why_not);
}

void http_add_header(struct http_response *res, const char *name, const char *value)
{
	size_t max = sizeof(res->headers) / sizeof(res->headers[0]);
	if (res->n_headers >= max)
		return;
	struct http_header *h = &res->headers[res->n_headers++];
	h->name = name;
	(void)snprintf(h->value, sizeof(h->value), "%s", value);
}
