/*
 * The sink metrics as a scrape sees it: only downloads, scaled, bounded, expiring; counters by chosen labels.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "inserter/sides.h"
#include "inserter/sink.h"
#include "proto/flow.h"

static const struct sink_kind *metrics;
static struct ip_set local;
static void *options, *self;
static struct opt_result result;
static struct opt_spec spec;
static struct opt_group group;
static struct buf page;

static int open_with(char *const words[], char *err, size_t err_len)
{
	static char name[] = "test";
	char *argv[16] = {name};
	int argc = 1;
	for (; words[argc - 1]; argc++)
		argv[argc] = words[argc - 1];
	metrics = sink_by_name("metrics");
	group = (struct opt_group){.title = "metrics", .rows = metrics->rows, .n_rows = metrics->n_rows};
	spec = (struct opt_spec){.program = "test", .summary = "", .usage = "", .groups = &group, .n_groups = 1};
	options = calloc(1, metrics->options_size);
	assert_non_null(options);
	assert_int_equal(opt_parse(&spec, argc, argv, options, &result, err, err_len), 0);
	struct sink_env env = {.local = &local};
	return metrics->open(options, &env, &self, err, err_len);
}

static void open_sink(char *const words[])
{
	char err[1024] = "";
	int r = open_with(words, err, sizeof(err));
	if (r)
		print_error("%s\n", err);
	assert_int_equal(r, 0);
}

static void close_sink(void)
{
	metrics->close(self);
	opt_free(&spec, options, &result);
	free(options);
}

static void add(const char *src, const char *dst, uint64_t bytes, uint64_t rate)
{
	struct flow f;
	flow_clear(&f);
	assert_int_equal(ip_parse(src, &f.src_addr), 0);
	assert_int_equal(ip_parse(dst, &f.dst_addr), 0);
	f.bytes = bytes;
	f.packets = 2;
	f.proto = 6;
	f.src_port = 443;
	f.dst_port = 50000;
	f.sampling_rate = rate;
	assert_int_equal(metrics->flow(self, &f), SINK_MORE);
}

static bool has(const char *line)
{
	char whole[512];
	buf_reset(&page);
	metrics->metrics(self, &page);
	snprintf(whole, sizeof(whole), "\n%s\n", line);
	return strstr(page.data, whole) != NULL;
}

#define WORDS(...) ((char *const[]){__VA_ARGS__ __VA_OPT__(,) NULL})
#define W(text) ((char[]){text})

static void test_downloads_only(void **state)
{
	(void)state;
	open_sink(WORDS());
	add("104.18.185.54", "192.168.1.50", 32032, 0);
	add("104.18.185.54", "192.168.1.50", 100, 1000);
	add("192.168.1.50", "104.18.185.54", 2245, 0);   /* up */
	add("192.168.1.50", "192.168.1.51", 7, 0);       /* both */
	add("1.1.1.1", "8.8.8.8", 7, 0);                 /* neither */
	add("2a00::1", "2001:db8::2", 9, 0);
	assert_true(has("ipfix_bytes_received_total_total{local_ip=\"192.168.1.50\"} 132032"));
	assert_true(has("ipfix_bytes_received_total_total{local_ip=\"2001:db8::2\"} 9"));
	assert_false(has("ipfix_bytes_received_total_total{local_ip=\"192.168.1.51\"} 7"));
	assert_true(has("weir_inserter_metrics_sides_total{side=\"up\"} 1"));
	assert_true(has("weir_inserter_metrics_sides_total{side=\"both\"} 1"));
	assert_true(has("weir_inserter_metrics_sides_total{side=\"neither\"} 1"));
	close_sink();
}

static void test_addresses_are_bounded(void **state)
{
	(void)state;
	open_sink(WORDS(W("--max-addresses"), W("3"), W("--metrics.by"), W("x=remote_ip")));
	for (int i = 0; i < 10; i++) {
		char ip[32], remote[32];
		snprintf(ip, sizeof(ip), "192.168.1.%d", i);
		snprintf(remote, sizeof(remote), "9.9.9.%d", i);
		add(remote, ip, 10, 0);
	}
	assert_true(has("ipfix_bytes_received_total_total{local_ip=\"192.168.1.2\"} 10"));
	assert_true(has("ipfix_bytes_received_total_total{local_ip=\"other\"} 70"));
	assert_true(has("weir_inserter_metrics_addresses 3"));
	assert_true(has("weir_x_bytes_total{remote_ip=\"9.9.9.2\"} 10"));
	assert_true(has("weir_x_flows_total{remote_ip=\"other\"} 7"));
	close_sink();
}

static void test_quiet_addresses_go(void **state)
{
	(void)state;
	uint64_t now = clock_wall_ns();
	open_sink(WORDS(W("--expire"), W("1h"), W("--metrics.by"), W("x=local_ip")));
	metrics->tick(self, now);
	add("1.1.1.1", "192.168.1.1", 10, 0);
	metrics->tick(self, now + 1800 * NS_PER_S);
	add("1.1.1.1", "192.168.1.2", 10, 0);
	metrics->tick(self, now + 3601 * NS_PER_S);
	assert_false(has("ipfix_bytes_received_total_total{local_ip=\"192.168.1.1\"} 10"));
	assert_false(has("weir_x_bytes_total{local_ip=\"192.168.1.1\"} 10"));
	assert_true(has("ipfix_bytes_received_total_total{local_ip=\"192.168.1.2\"} 10"));
	assert_true(has("weir_x_bytes_total{local_ip=\"192.168.1.2\"} 10"));
	assert_true(has("weir_inserter_metrics_expired_total 1"));
	close_sink();
}

static void test_chosen_labels(void **state)
{
	(void)state;
	open_sink(WORDS(W("--metrics.by"), W("home=local_ip,direction,proto"), W("--metrics.by"), W("ports=remote_port,local_mac")));
	add("104.18.185.54", "192.168.1.50", 1000, 10);
	add("104.18.185.54", "192.168.1.50", 1, 0);
	add("192.168.1.50", "104.18.185.54", 5, 0);
	add("1.1.1.1", "8.8.8.8", 7, 0);
	assert_true(has("weir_home_bytes_total{local_ip=\"192.168.1.50\",direction=\"down\",proto=\"TCP\"} 10001"));
	assert_true(has("weir_home_packets_total{local_ip=\"192.168.1.50\",direction=\"down\",proto=\"TCP\"} 22"));
	assert_true(has("weir_home_flows_total{local_ip=\"192.168.1.50\",direction=\"up\",proto=\"TCP\"} 1"));
	assert_true(has("weir_home_bytes_total{local_ip=\"\",direction=\"neither\",proto=\"TCP\"} 7"));
	assert_true(has("weir_ports_bytes_total{remote_port=\"443\",local_mac=\"00:00:00:00:00:00\"} 10001"));
	close_sink();
}

static void test_bad_labels_are_named(void **state)
{
	static const char *const bad[] = {"home", "=local_ip", "Home=local_ip", "home=", "home=nosuch", "home=local_ip,"};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char err[1024] = "", word[64];
		snprintf(word, sizeof(word), "%s", bad[i]);
		assert_int_equal(open_with(WORDS(W("--metrics.by"), word), err, sizeof(err)), -22);
		assert_non_null(strstr(err, bad[i]));
		opt_free(&spec, options, &result);
		free(options);
	}
}

static int up(void **state)
{
	char err[128];
	(void)state;
	return sides_parse("192.168.1.0/24,2001:db8::/32", &local, err, sizeof(err));
}

static int down(void **state)
{
	(void)state;
	ip_set_free(&local);
	buf_free(&page);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_downloads_only), cmocka_unit_test(test_addresses_are_bounded),
		cmocka_unit_test(test_quiet_addresses_go), cmocka_unit_test(test_chosen_labels),
		cmocka_unit_test(test_bad_labels_are_named),
	};
	return cmocka_run_group_tests(tests, up, down);
}
