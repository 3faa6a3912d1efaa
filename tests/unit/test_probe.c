/*
 * test_probe.c -- asking a program how it is: well, unwell, not there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "common/http.h"
#include "common/probe.h"

static void well(void *arg, const struct http_request *req, struct http_response *res)
{
	(void)arg;
	(void)req;
	buf_puts(&res->body, "OK\n");
}

static void unwell(void *arg, const struct http_request *req, struct http_response *res)
{
	(void)arg;
	(void)req;
	res->status = 503;
}

static void answers(void **state)
{
	(void)state;
	static const struct http_route routes[] = {{"/healthz", "GET", well}, {"/readyz", "GET", unwell}};
	struct http_options o = {.address = "localhost:0", .routes = routes, .n_routes = 2};
	struct http_server *server = NULL;
	char err[256] = "", address[64];
	assert_int_equal(http_server_start(&o, &server, err, sizeof(err)), 0);
	unsigned port = http_server_port(server);

	snprintf(address, sizeof(address), "localhost:%u", port);
	assert_int_equal(probe_http(address, "/healthz", err, sizeof(err)), 0);
	snprintf(address, sizeof(address), ":%u", port);
	assert_int_equal(probe_http(address, "/healthz", err, sizeof(err)), 0);
	snprintf(address, sizeof(address), "[::1]:%u", port);
	assert_int_equal(probe_http(address, "/healthz", err, sizeof(err)), 0);
	assert_int_equal(probe_http(address, "/readyz", err, sizeof(err)), -EIO);
	assert_non_null(strstr(err, "503"));

	http_server_stop(server);
	assert_int_equal(probe_http(address, "/healthz", err, sizeof(err)), -ECONNREFUSED);
	assert_int_equal(probe_http("localhost", "/healthz", err, sizeof(err)), -EINVAL);
	assert_int_equal(probe_http("localhost:", "/healthz", err, sizeof(err)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(answers)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
