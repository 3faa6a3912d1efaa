/*
 * weir-inserter http against an HTTP server in this process: what arrives, what is sent again, what is given up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <zlib.h>

#include "common/http.h"
#include "proto/flow.h"
#include "proto/pack.h"
#include "tests/unit/child.h"
#include "tests/unit/mock_cluster.h"

enum { FLOWS = 120, TOO_MANY = 40, POISON = 77 };

static struct child child;
static struct http_server *server;
static char url[128];

static struct {
	pthread_mutex_t lock;
	int seen[FLOWS];   /* how often a flow was taken */
	int total;
	int busy;          /* so many requests more are answered by 503 */
	int requests, bad_token, not_gzip, largest;
	bool refuse_poison;
} taken = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t unzip(const char *body, size_t len, char *out, size_t max)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)body, .avail_in = (uInt)len, .next_out = (Bytef *)out, .avail_out = (uInt)max};
	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return 0;
	int r = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	return r == Z_STREAM_END ? (size_t)z.total_out : 0;
}

static int judge(const char *lines, int count)
{
	if (taken.busy) {
		taken.busy--;
		return 503;
	}
	if (count > TOO_MANY)
		return 413;
	if (taken.refuse_poison && strstr(lines, "\"src_port\":77,"))
		return 422;
	for (const char *p = lines; (p = strstr(p, "\"src_port\":")); p++) {
		long port = strtol(p + 11, NULL, 10);
		if (port >= 0 && port < FLOWS)
			taken.seen[port]++;
		taken.total++;
	}
	if (count > taken.largest)
		taken.largest = count;
	return 200;
}

static void ingest(void *arg, const struct http_request *req, struct http_response *res)
{
	static char lines[1 << 20];
	size_t len;
	const char *body = http_body(req, &len);
	const char *token = http_request_header(req, "Authorization");
	const char *encoding = http_request_header(req, "Content-Encoding");
	(void)arg;
	pthread_mutex_lock(&taken.lock);
	taken.requests++;
	taken.bad_token += !token || strcmp(token, "Bearer s3cret") != 0;
	taken.not_gzip += !encoding || strcmp(encoding, "gzip") != 0;
	len = unzip(body, len, lines, sizeof(lines) - 1);
	lines[len] = '\0';
	res->status = judge(lines, (int)child_lines(lines, "\n"));
	pthread_mutex_unlock(&taken.lock);
	buf_puts(&res->body, "so be it\n");
}

static int up(void **state)
{
	static const struct http_route routes[] = {{"/v1/ingest", "POST", ingest}};
	struct http_options o = {.address = "localhost:0", .routes = routes, .n_routes = 1};
	char err[256];
	memset(taken.seen, 0, sizeof(taken.seen));
	taken.total = taken.busy = taken.requests = taken.bad_token = taken.not_gzip = taken.largest = 0;
	taken.refuse_poison = false;
	if (http_server_start(&o, &server, err, sizeof(err)))
		return -1;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/v1/ingest", http_server_port(server));
	return cluster_up(state);
}

static int down(void **state)
{
	http_server_stop(server);
	return cluster_down(state);
}

static void send_flows(struct cluster *cl)
{
	static uint8_t m[64 * 1024];
	size_t len = 0;
	cluster_create(cl, 1);
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct flow f;
		flow_clear(&f);
		f.src_port = i;
		f.bytes = 1000;
		len += flow_pack(&f, m + len);
	}
	cluster_send(cl, 0, m, len, NULL, 0);
	cluster_flush(cl);
}

static int total(void)
{
	pthread_mutex_lock(&taken.lock);
	int n = taken.total;
	pthread_mutex_unlock(&taken.lock);
	return n;
}

static void start(struct cluster *cl, const char *batch)
{
	const char *const argv[] = {"weir-inserter", "http", "--http.url", url, "--http.batch", batch, "--from", "beginning",
		"--flush", "100ms", "--kafka.brokers", cl->options.brokers, "--kafka.property", "session.timeout.ms=6000", NULL};
	setenv("WEIR_HTTP_TOKEN", "s3cret", 1);
	child_start(&child, argv);
}

static void wait_total(int expected)
{
	for (int i = 0; i < 3000 && total() < expected; i++)
		child_read(&child, 20);
	if (total() != expected)
		print_error("%s", child.text[1]);
	assert_int_equal(total(), expected);
}

static void test_lines_arrive_in_batches(void **state)
{
	struct cluster *cl = *state;
	send_flows(cl);
	start(cl, "30");
	wait_total(FLOWS);
	assert_int_equal(child_end(&child, SIGTERM), 0);
	assert_int_equal(taken.requests, 4);
	assert_int_equal(taken.largest, 30);
	assert_int_equal(taken.bad_token, 0);
	assert_int_equal(taken.not_gzip, 0);
	for (int i = 0; i < FLOWS; i++)
		assert_int_equal(taken.seen[i], 1);
}

static void test_what_is_not_taken_comes_again(void **state)
{
	struct cluster *cl = *state;
	send_flows(cl);
	taken.busy = 3;
	start(cl, "40");
	wait_total(FLOWS);
	assert_int_equal(child_end(&child, SIGTERM), 0);
	assert_non_null(strstr(child.text[1], "status 503: so be it"));
	for (int i = 0; i < FLOWS; i++)
		assert_int_equal(taken.seen[i], 1);
}

static void test_too_large_is_halved(void **state)
{
	struct cluster *cl = *state;
	send_flows(cl);
	start(cl, "1000");
	wait_total(FLOWS);
	assert_int_equal(child_end(&child, SIGTERM), 0);
	assert_in_range(taken.largest, TOO_MANY / 2, TOO_MANY);
}

static void test_refused_for_good_is_dropped(void **state)
{
	struct cluster *cl = *state;
	send_flows(cl);
	taken.refuse_poison = true;
	start(cl, "10");
	wait_total(FLOWS - 10);
	child_expect(&child, 1, "10 flows are refused for good");
	assert_int_equal(child_end(&child, SIGTERM), 0);
	assert_int_equal(taken.seen[POISON], 0);
}

static void test_nothing_is_lost_when_nobody_listens(void **state)
{
	struct cluster *cl = *state;
	static const struct http_route routes[] = {{"/v1/ingest", "POST", ingest}};
	struct http_options o = {.address = "localhost:0", .routes = routes, .n_routes = 1};
	char err[256];
	char listen_again[32];
	snprintf(listen_again, sizeof(listen_again), "localhost:%u", http_server_port(server));
	send_flows(cl);
	http_server_stop(server);
	server = NULL;
	start(cl, "40");
	child_expect(&child, 1, "reading stands still");
	assert_int_equal(child_end(&child, SIGKILL), -SIGKILL);
	o.address = listen_again;
	assert_int_equal(http_server_start(&o, &server, err, sizeof(err)), 0);
	start(cl, "40");
	wait_total(FLOWS);
	assert_int_equal(child_end(&child, SIGTERM), 0);
}

static void test_bad_address_is_usage(void **state)
{
	(void)state;
	const char *const argv[] = {"weir-inserter", "http", "--http.url", "ftp://x/", NULL};
	child_start(&child, argv);
	assert_int_equal(child_end(&child, 0), 2);
	assert_non_null(strstr(child.text[1], "--http.url: 'ftp://x/'"));
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, up, down)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(test_lines_arrive_in_batches), WITH_SERVER(test_what_is_not_taken_comes_again),
		WITH_SERVER(test_too_large_is_halved), WITH_SERVER(test_refused_for_good_is_dropped),
		WITH_SERVER(test_nothing_is_lost_when_nobody_listens), cmocka_unit_test(test_bad_address_is_usage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
