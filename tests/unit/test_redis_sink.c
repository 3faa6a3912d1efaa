/*
 * weir-inserter redis against a real Redis: netflow.io's sets decide what is counted, and a crash does not count twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/flow.h"
#include "proto/pack.h"
#include "tests/unit/child.h"
#include "tests/unit/mock_cluster.h"

static struct child child;
static pid_t server;
static unsigned port;
static char dir[64]; /* the server's: what `save` has written is there again when it starts */

/* What redis-cli answers to LINE. */
static const char *ask(const char *line)
{
	static char answer[4096];
	char command[512];
	snprintf(command, sizeof(command), "redis-cli -p %u %s 2>/dev/null", port, line);
	FILE *f = popen(command, "r");
	assert_non_null(f);
	size_t n = fread(answer, 1, sizeof(answer) - 1, f);
	answer[n] = '\0';
	pclose(f);
	return answer;
}

static void wait_for(const char *line, const char *expected)
{
	for (int i = 0; i < 3000 && strcmp(ask(line), expected) != 0; i++)
		child_read(&child, 20);
	assert_string_equal(ask(line), expected);
}

static void start_server(void)
{
	char number[16];
	snprintf(number, sizeof(number), "%u", port);
	server = fork();
	assert_true(server >= 0);
	if (server == 0) {
		int null = open("/dev/null", O_WRONLY);
		dup2(null, STDOUT_FILENO);
		execlp("redis-server", "redis-server", "--port", number, "--save", "", "--dir", dir, "--bind", "127.0.0.1",
		       (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 6000 && strcmp(ask("ping"), "PONG\n") != 0; i++)
		poll(NULL, 0, 10);
}

static int up(void **state)
{
	if (system("command -v redis-server redis-cli >/dev/null") != 0) {
		print_message("skipped: redis-server is not installed\n");
		exit(0);
	}
	port = child_free_port();
	snprintf(dir, sizeof(dir), "/tmp/weir-redis-XXXXXX");
	assert_non_null(mkdtemp(dir));
	start_server();
	return cluster_up(state);
}

static int down(void **state)
{
	char command[100];
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) | cluster_down(state);
}

static void send_flow(struct cluster *cl, const char *exporter, const char *src, const char *dst, uint64_t bytes, uint64_t rate)
{
	uint8_t m[FLOW_PACK_MAX];
	struct flow f;
	flow_clear(&f);
	assert_int_equal(ip_parse(exporter, &f.sampler_address), 0);
	assert_int_equal(ip_parse(src, &f.src_addr), 0);
	assert_int_equal(ip_parse(dst, &f.dst_addr), 0);
	f.bytes = bytes;
	f.packets = 2;
	f.sampling_rate = rate;
	f.time_received_ns = 1795263794000000000; /* 2026-11-21T12:23:14Z */
	cluster_send(cl, 0, m, flow_pack(&f, m), NULL, 0);
}

static void start(struct cluster *cl)
{
	static char address[32];
	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	const char *const argv[] = {"weir-inserter", "redis", "--redis", address, "--from", "beginning", "--flush", "100ms",
		"--kafka.brokers", cl->options.brokers, "--kafka.property", "session.timeout.ms=6000", NULL};
	child_start(&child, argv);
}

#define HOUR "hgetall traffic:10.0.0.1/1337:192.168.0.0/8:hour:2026112112"

static void test_sets_decide_what_is_counted(void **state)
{
	struct cluster *cl = *state;
	cluster_create(cl, 1);
	/* netflow.io's own lines */
	ask("sadd senders 10.0.0.1/1337");
	ask("sadd sender:10.0.0.1/1337 192.168.0.0/8");
	ask("sadd sender:10.0.0.1/1337 2001:db8::/32");
	send_flow(cl, "10.0.0.1", "8.8.8.8", "192.168.1.50", 1000, 0);
	send_flow(cl, "10.0.0.1", "192.168.1.50", "8.8.8.8", 10, 100);
	send_flow(cl, "10.0.0.1", "2001:db8::1", "2001:db8::2", 7, 1);
	send_flow(cl, "10.0.0.1", "8.8.8.8", "9.9.9.9", 5, 0);       /* outside */
	send_flow(cl, "10.0.0.2", "8.8.8.8", "192.168.1.50", 5, 0);  /* not a sender */
	cluster_flush(cl);
	start(cl);
	wait_for("hget weir:offsets:flows 0", "5\n");
	wait_for(HOUR, "in_bytes\n1000\nin_packets\n2\nin_flows\n1\nout_bytes\n1000\nout_packets\n200\nout_flows\n1\n");
	wait_for("hget traffic:10.0.0.1/1337:192.168.0.0/8:day:20261121 in_bytes", "1000\n");
	wait_for("hget traffic:10.0.0.1/1337:2001:db8::/32:day:20261121 out_bytes", "7\n");
	assert_string_equal(ask("hget traffic:10.0.0.1/1337:2001:db8::/32:day:20261121 in_flows"), "1\n");
	assert_in_range(strtol(ask("ttl traffic:10.0.0.1/1337:192.168.0.0/8:hour:2026112112"), NULL, 10), 30 * 86400, 31 * 86400);
	assert_int_equal(strtol(ask("dbsize"), NULL, 10), 7); /* two sets, four hashes, the offsets */
	assert_int_equal(child_end(&child, SIGKILL), -SIGKILL);
	send_flow(cl, "10.0.0.1", "8.8.8.8", "192.168.1.50", 500, 0);
	cluster_flush(cl);
	start(cl); /* goes on where Redis says, whatever the group says */
	wait_for("hget traffic:10.0.0.1/1337:192.168.0.0/8:day:20261121 in_bytes", "1500\n");
	assert_int_equal(child_end(&child, SIGTERM), 0);
	assert_string_equal(ask("hget traffic:10.0.0.1/1337:192.168.0.0/8:day:20261121 in_flows"), "2\n");
}

static void test_redis_away_is_waited_for(void **state)
{
	struct cluster *cl = *state;
	cluster_create(cl, 1);
	send_flow(cl, "10.0.0.1", "8.8.8.8", "192.168.1.50", 1000, 0);
	cluster_flush(cl);
	/* It has the sets from its first moment on: a flow whose sender is not in them is done with. */
	ask("sadd senders 10.0.0.1/1337");
	ask("sadd sender:10.0.0.1/1337 192.168.0.0/8");
	assert_string_equal(ask("save"), "OK\n");
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	start(cl);
	child_expect(&child, 1, "refused");
	start_server();
	wait_for("hget weir:offsets:flows 0", "1\n");
	assert_int_equal(child_end(&child, SIGTERM), 0);
	assert_string_equal(ask("hget traffic:10.0.0.1/1337:192.168.0.0/8:day:20261121 in_bytes"), "1000\n");
}

static void test_bad_address_is_usage(void **state)
{
	(void)state;
	const char *const argv[] = {"weir-inserter", "redis", "--redis", "nowhere", NULL};
	child_start(&child, argv);
	assert_int_equal(child_end(&child, 0), 2);
	assert_non_null(strstr(child.text[1], "--redis nowhere: HOST:PORT"));
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, up, down)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(test_sets_decide_what_is_counted), WITH_SERVER(test_redis_away_is_waited_for),
		cmocka_unit_test(test_bad_address_is_usage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
