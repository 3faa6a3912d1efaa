/*
 * test_http.c -- the HTTP server over real sockets: both families, bounds, methods, streams, bind errors.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/http.h"
#include "common/http_listen.h"
#include "common/ip.h"

struct app {
	atomic_int busy;   /* handlers that are inside slow() */
	atomic_int most;
	atomic_bool go_on; /* lets slow() return */
	atomic_int freed;  /* streams done with */
	atomic_int pulls;
};

static void say_path(void *arg, const struct http_request *req, struct http_response *res)
{
	const char *who = http_query(req, "who");
	(void)arg;
	buf_printf(&res->body, "%s %s who=%s", http_method(req), http_path(req), who ? who : "(none)");
	http_add_header(res, "X-Test", "yes");
}

static void add_pair(void *arg, const char *name, const char *value)
{
	buf_printf(arg, "[%s=%s]", name, value);
}

static void say_pairs(void *arg, const struct http_request *req, struct http_response *res)
{
	(void)arg;
	http_each_query(req, add_pair, &res->body);
}

static void echo(void *arg, const struct http_request *req, struct http_response *res)
{
	size_t len;
	const char *body = http_body(req, &len);
	(void)arg;
	res->status = 201;
	buf_printf(&res->body, "%zu:", len);
	buf_add(&res->body, body, len);
}

static void slow(void *arg, const struct http_request *req, struct http_response *res)
{
	struct app *app = arg;
	int now = atomic_fetch_add(&app->busy, 1) + 1;
	(void)req;
	if (now > atomic_load(&app->most))
		atomic_store(&app->most, now);
	while (!atomic_load(&app->go_on))
		clock_sleep_ns(NS_PER_MS);
	atomic_fetch_sub(&app->busy, 1);
	buf_puts(&res->body, "done");
}

static long three_lines(void *arg, char *out, size_t max)
{
	struct app *app = arg;
	int n = atomic_fetch_add(&app->pulls, 1);
	if (n == 1)
		return HTTP_STREAM_IDLE;
	if (n == 4)
		return 0;
	return snprintf(out, max, "line %d\n", n);
}

static long never(void *arg, char *out, size_t max)
{
	struct app *app = arg;
	(void)out;
	(void)max;
	atomic_fetch_add(&app->pulls, 1);
	clock_sleep_ns(NS_PER_MS);
	return HTTP_STREAM_IDLE;
}

static void count_free(void *arg)
{
	struct app *app = arg;
	atomic_fetch_add(&app->freed, 1);
}

static void stream(void *arg, const struct http_request *req, struct http_response *res)
{
	res->stream = http_query(req, "never") ? never : three_lines;
	res->stream_free = count_free;
	res->stream_arg = arg;
}

static const struct http_route routes[] = {
	{"/path", "GET", say_path},
	{"/pairs", "GET", say_pairs},
	{"/echo", "POST", echo},
	{"/slow", "GET", slow},
	{"/stream", "GET", stream},
	{"/files/*", "GET", say_path},
};

/* TIMEOUT_S is long but where it is what is tested: a busy machine makes every client slow. */
static struct http_server *start_timed(struct app *app, const char *address, unsigned max_connections, unsigned timeout_s)
{
	struct http_server *s = NULL;
	char err[200];
	struct http_options o = {.address = address, .routes = routes, .n_routes = sizeof(routes) / sizeof(routes[0]),
				 .arg = app, .max_connections = max_connections, .max_per_client = max_connections,
				 .max_body = 1000, .timeout_s = timeout_s};
	*app = (struct app){0};
	assert_int_equal(http_server_start(&o, &s, err, sizeof(err)), 0);
	return s;
}

static struct http_server *start(struct app *app, const char *address, unsigned max_connections)
{
	return start_timed(app, address, max_connections, 120);
}

/* FROM: NULL is whatever the system takes. */
static int dial_from(const char *from, const char *host, unsigned port)
{
	struct ip_addr a;
	struct sockaddr_storage ss;
	assert_int_equal(ip_parse(from ? from : host, &a), 0);
	size_t len = ip_to_sockaddr(&a, 0, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (from)
		assert_int_equal(bind(fd, (const struct sockaddr *)&ss, (socklen_t)len), 0);
	assert_int_equal(ip_parse(host, &a), 0);
	len = ip_to_sockaddr(&a, (uint16_t)port, &ss);
	struct timeval patience = {.tv_sec = 10};
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&ss, (socklen_t)len) < 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

static int dial(const char *host, unsigned port)
{
	return dial_from(NULL, host, port);
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Everything until the server closes; the request has to ask for that. */
static void hear(int fd, struct buf *b)
{
	char *to;
	ssize_t n;
	buf_reset(b);
	while ((to = buf_reserve(b, 4096)) && (n = recv(fd, to, 4096, 0)) > 0) {
		b->len += (size_t)n;
		b->data[b->len] = '\0';
	}
	close(fd);
}

static void ask(const char *host, unsigned port, const char *request, struct buf *b)
{
	int fd = dial(host, port);
	assert_true(fd >= 0);
	say(fd, request);
	hear(fd, b);
}

static void test_both_families(void **state)
{
	struct app app;
	struct buf b = {0};
	(void)state;
	struct http_server *s = start(&app, "localhost:0", 0);
	unsigned port = http_server_port(s);
	static const char *const hosts[] = {"127.0.0.1", "::1"};
	assert_true(port > 0);
	for (size_t i = 0; i < 2; i++) {
		int fd = dial(hosts[i], port);
		if (fd < 0 && i == 1)
			continue; /* a host without IPv6 */
		say(fd, "GET /path?who=a%20b HTTP/1.0\r\n\r\n");
		hear(fd, &b);
		assert_non_null(strstr(b.data, " 200 OK\r\n"));
		assert_non_null(strstr(b.data, "X-Test: yes\r\n"));
		assert_non_null(strstr(b.data, "Content-Type: text/plain; charset=utf-8\r\n"));
		assert_non_null(strstr(b.data, "\r\n\r\nGET /path who=a b"));
	}
	/* 127.0.0.1 alone is listened on, not all of IPv4. */
	assert_true(dial("127.0.0.2", port) < 0);
	http_server_stop(s);

	s = start(&app, ":0", 0);
	ask("127.0.0.2", http_server_port(s), "GET /files/x HTTP/1.0\r\n\r\n", &b);
	assert_non_null(strstr(b.data, "GET /files/x who=(none)"));
	http_server_stop(s);
	buf_free(&b);
}

static void test_routes_and_methods(void **state)
{
	struct app app;
	struct buf b = {0};
	(void)state;
	struct http_server *s = start(&app, "127.0.0.1:0", 0);
	unsigned port = http_server_port(s);
	ask("127.0.0.1", port, "GET /nowhere HTTP/1.0\r\n\r\n", &b);
	assert_non_null(strstr(b.data, " 404 "));
	ask("127.0.0.1", port, "DELETE /path HTTP/1.0\r\n\r\n", &b);
	assert_non_null(strstr(b.data, " 405 "));
	assert_non_null(strstr(b.data, "Allow: GET\r\n"));
	ask("127.0.0.1", port, "HEAD /path HTTP/1.0\r\n\r\n", &b);
	assert_non_null(strstr(b.data, " 200 OK\r\n"));
	assert_null(strstr(b.data, "who="));
	ask("127.0.0.1", port, "GET /pairs?a=1&b&a=2%26 HTTP/1.0\r\n\r\n", &b);
	assert_non_null(strstr(b.data, "[a=1][b=][a=2&]"));
	http_server_stop(s);
	buf_free(&b);
}

static void test_bodies(void **state)
{
	struct app app;
	struct buf b = {0};
	struct buf request = {0};
	char filler[3001];
	(void)state;
	struct http_server *s = start(&app, "127.0.0.1:0", 0);
	unsigned port = http_server_port(s);

	ask("127.0.0.1", port, "POST /echo HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", &b);
	assert_non_null(strstr(b.data, " 201 "));
	assert_non_null(strstr(b.data, "5:hello"));

	/* Too large, as it says itself: refused before the body comes. */
	ask("127.0.0.1", port, "POST /echo HTTP/1.0\r\nContent-Length: 1001\r\n\r\n", &b);
	assert_non_null(strstr(b.data, " 413 "));

	/* Too large, and only its chunks show it. */
	memset(filler, 'x', 3000);
	filler[3000] = '\0';
	buf_printf(&request, "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
			     "bb8\r\n%s\r\n0\r\n\r\n", filler);
	ask("127.0.0.1", port, request.data, &b);
	assert_non_null(strstr(b.data, " 413 "));
	assert_null(strstr(b.data, "xxxx"));

	/* Far too large: the line is cut. */
	request.len = 0;
	buf_puts(&request, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 6; i++)
		buf_printf(&request, "bb8\r\n%s\r\n", filler);
	ask("127.0.0.1", port, request.data, &b);
	assert_int_equal(b.len, 0);
	http_server_stop(s);
	buf_free(&b);
	buf_free(&request);
}

static void test_connection_limit(void **state)
{
	enum { LIMIT = 2 };
	struct app app;
	struct buf b = {0};
	int fds[LIMIT];
	(void)state;
	struct http_server *s = start(&app, "127.0.0.1:0", LIMIT);
	for (int i = 0; i < LIMIT; i++) {
		fds[i] = dial("127.0.0.1", http_server_port(s));
		assert_true(fds[i] >= 0);
		say(fds[i], "GET /slow HTTP/1.0\r\n\r\n");
	}
	while (atomic_load(&app.busy) < LIMIT)
		clock_sleep_ns(NS_PER_MS);
	/* One more is closed without an answer. */
	int extra = dial("127.0.0.1", http_server_port(s));
	assert_true(extra >= 0);
	(void)send(extra, "GET /slow HTTP/1.0\r\n\r\n", 22, MSG_NOSIGNAL);
	hear(extra, &b);
	assert_int_equal(b.len, 0);
	assert_int_equal(atomic_load(&app.busy), LIMIT);
	atomic_store(&app.go_on, true);
	for (int i = 0; i < LIMIT; i++) {
		hear(fds[i], &b);
		assert_non_null(strstr(b.data, "done"));
	}
	/* Places become free again. */
	do {
		ask("127.0.0.1", http_server_port(s), "GET /slow HTTP/1.0\r\n\r\n", &b);
	} while (b.len == 0);
	assert_non_null(strstr(b.data, "done"));
	assert_true(atomic_load(&app.most) <= LIMIT);
	http_server_stop(s);
	buf_free(&b);
}

/* libmicrohttpd keeps 32 KiB of a request's head; more is refused, and the place is free again. */
static void test_head_limit(void **state)
{
	struct app app;
	struct buf b = {0}, request = {0};
	(void)state;
	struct http_server *s = start(&app, "127.0.0.1:0", 1);
	buf_puts(&request, "GET /metrics?");
	for (int i = 0; i < 8000; i++)
		buf_printf(&request, "name%d=value&", i);
	buf_puts(&request, " HTTP/1.0\r\n\r\n");
	int fd = dial("127.0.0.1", http_server_port(s));
	assert_true(fd >= 0);
	(void)send(fd, request.data, request.len, MSG_NOSIGNAL); /* it may be cut off before the end */
	hear(fd, &b);
	assert_true(b.len == 0 || strstr(b.data, " 414 ") || strstr(b.data, " 431 ") || strstr(b.data, " 413 "));
	do {
		ask("127.0.0.1", http_server_port(s), "GET /none HTTP/1.0\r\n\r\n", &b);
	} while (b.len == 0);
	assert_non_null(strstr(b.data, " 404 "));
	http_server_stop(s);
	buf_free(&b);
	buf_free(&request);
}

/* One that sends half a request and waits gives its place back (here after two seconds, else thirty). */
static void test_a_slow_client_is_let_go(void **state)
{
	struct app app;
	struct buf b = {0};
	(void)state;
	struct http_server *s = start_timed(&app, "127.0.0.1:0", 1, 2);
	int fd = dial("127.0.0.1", http_server_port(s));
	assert_true(fd >= 0);
	say(fd, "GET /files/x HTTP/1.1\r\nHost: a\r\nX-Half: ");
	do {
		ask("127.0.0.1", http_server_port(s), "GET /none HTTP/1.0\r\n\r\n", &b);
		clock_sleep_ns(20 * NS_PER_MS);
	} while (b.len == 0);
	assert_non_null(strstr(b.data, " 404 "));
	close(fd);
	http_server_stop(s);
	buf_free(&b);
}

/* The only place is free again, however long the one before it goes on in PIECE, a byte now and then; it is never silent. */
static void let_go_of(struct app *app, const char *begin, const char *piece)
{
	struct http_server *s = start_timed(app, "127.0.0.1:0", 1, 2);
	struct buf b = {0};
	int fd = dial("127.0.0.1", http_server_port(s));
	assert_true(fd >= 0);
	say(fd, begin);
	do {
		(void)send(fd, piece, strlen(piece), MSG_NOSIGNAL);
		ask("127.0.0.1", http_server_port(s), "GET /none HTTP/1.0\r\n\r\n", &b);
		clock_sleep_ns(100 * NS_PER_MS);
	} while (b.len == 0);
	assert_non_null(strstr(b.data, " 404 "));
	close(fd);
	http_server_stop(s);
	buf_free(&b);
}

static void test_a_dripping_head(void **state)
{
	struct app app;
	(void)state;
	let_go_of(&app, "GET /files/x HTTP/1.1\r\nHost: a\r\nX-Half: ", "x");
}

static void test_a_dripping_body(void **state)
{
	struct app app;
	(void)state;
	let_go_of(&app, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", "x");
}

static long much(void *arg, char *out, size_t max)
{
	struct app *app = arg;
	memset(out, 'x', max);
	atomic_fetch_add(&app->pulls, 1);
	return (long)max;
}

static void more(void *arg, const struct http_request *req, struct http_response *res)
{
	(void)req;
	res->stream = much;
	res->stream_free = count_free;
	res->stream_arg = arg;
}

/* Of an answer that has no end, a little now and then is not enough: a block must be taken in time. */
static void test_a_dripping_reader(void **state)
{
	struct app app = {0};
	struct http_server *s = NULL;
	char err[200], some[16];
	static const struct http_route route = {"/much", "GET", more};
	struct http_options o = {.address = "127.0.0.1:0", .routes = &route, .n_routes = 1, .arg = &app, .timeout_s = 2};
	(void)state;
	assert_int_equal(http_server_start(&o, &s, err, sizeof(err)), 0);
	int fd = dial("127.0.0.1", http_server_port(s));
	say(fd, "GET /much HTTP/1.1\r\nHost: a\r\n\r\n");
	while (atomic_load(&app.freed) == 0) {
		(void)recv(fd, some, sizeof(some), 0);
		clock_sleep_ns(50 * NS_PER_MS);
	}
	assert_true(atomic_load(&app.pulls) > 0);
	close(fd);
	http_server_stop(s);
}

/* One address has its share of the connections; another one finds the rest. */
static void test_connections_of_one_client(void **state)
{
	enum { LIMIT = 4 };
	struct app app = {0};
	struct http_server *s = NULL;
	struct buf b = {0};
	int fds[LIMIT / 2];
	char err[200];
	(void)state;
	struct http_options o = {.address = ":0", .routes = routes, .n_routes = sizeof(routes) / sizeof(routes[0]), .arg = &app,
				 .max_connections = LIMIT};
	assert_int_equal(http_server_start(&o, &s, err, sizeof(err)), 0);
	for (int i = 0; i < LIMIT / 2; i++) {
		fds[i] = dial("127.0.0.1", http_server_port(s));
		say(fds[i], "GET /slow HTTP/1.0\r\n\r\n");
	}
	while (atomic_load(&app.busy) < LIMIT / 2)
		clock_sleep_ns(NS_PER_MS);
	int extra = dial("127.0.0.1", http_server_port(s));
	(void)send(extra, "GET /none HTTP/1.0\r\n\r\n", 22, MSG_NOSIGNAL);
	hear(extra, &b);
	assert_int_equal(b.len, 0);
	extra = dial_from("127.0.0.9", "127.0.0.1", http_server_port(s));
	say(extra, "GET /none HTTP/1.0\r\n\r\n");
	hear(extra, &b);
	assert_non_null(strstr(b.data, " 404 "));
	atomic_store(&app.go_on, true);
	for (int i = 0; i < LIMIT / 2; i++)
		hear(fds[i], &b);
	http_server_stop(s);
	buf_free(&b);
}

static void test_streams(void **state)
{
	struct app app;
	struct buf b = {0};
	(void)state;
	struct http_server *s = start(&app, "127.0.0.1:0", 0);
	unsigned port = http_server_port(s);
	ask("127.0.0.1", port, "GET /stream HTTP/1.0\r\n\r\n", &b);
	assert_non_null(strstr(b.data, "line 0\nline 2\nline 3\n"));
	assert_null(strstr(b.data, "line 1"));
	while (atomic_load(&app.freed) < 1)
		clock_sleep_ns(NS_PER_MS);

	/* A client that leaves ends its stream; so does the server's stop. */
	int fd = dial("127.0.0.1", port);
	say(fd, "GET /stream?never=1 HTTP/1.0\r\n\r\n");
	atomic_store(&app.pulls, 0);
	while (atomic_load(&app.pulls) < 3)
		clock_sleep_ns(NS_PER_MS);
	close(fd);
	while (atomic_load(&app.freed) < 2)
		clock_sleep_ns(NS_PER_MS);
	fd = dial("127.0.0.1", port);
	say(fd, "GET /stream?never=1 HTTP/1.0\r\n\r\n");
	atomic_store(&app.pulls, 0);
	while (atomic_load(&app.pulls) < 3)
		clock_sleep_ns(NS_PER_MS);
	http_server_stop(s);
	assert_int_equal(atomic_load(&app.freed), 3);
	close(fd);
	buf_free(&b);
}

static void test_bind_errors(void **state)
{
	struct app app;
	struct http_server *s = start(&app, "127.0.0.1:0", 0);
	struct http_server *other = NULL;
	char address[40], err[200];
	struct http_options o = {.address = address, .routes = routes, .n_routes = 1};
	(void)state;
	(void)snprintf(address, sizeof(address), "localhost:%u", http_server_port(s));
	assert_int_equal(http_server_start(&o, &other, err, sizeof(err)), -EADDRINUSE);
	assert_non_null(strstr(err, "127.0.0.1:"));
	assert_non_null(strstr(err, "in use"));
	assert_null(other);

	static const char *const bad[] = {"", "localhost", "8080", "::1", "[::1]", "localhost:", "localhost:http",
					  "127.0.0.1:70000", "1.2.3.4.5:80", "[::1:80"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		o.address = bad[i];
		assert_true(http_server_start(&o, &other, err, sizeof(err)) < 0);
		assert_true(strlen(err) > 10);
	}
	o.address = "192.0.2.77:8080";
	assert_int_equal(http_server_start(&o, &other, err, sizeof(err)), -EADDRNOTAVAIL);
	assert_non_null(strstr(err, "no such address"));
	http_server_stop(s);
	http_server_stop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_families), cmocka_unit_test(test_routes_and_methods),
		cmocka_unit_test(test_bodies),        cmocka_unit_test(test_connection_limit),
		cmocka_unit_test(test_head_limit),    cmocka_unit_test(test_a_slow_client_is_let_go),
		cmocka_unit_test(test_streams),       cmocka_unit_test(test_bind_errors),
		cmocka_unit_test(test_a_dripping_head),   cmocka_unit_test(test_a_dripping_body),
		cmocka_unit_test(test_a_dripping_reader), cmocka_unit_test(test_connections_of_one_client),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
