/*
 * Sums and statistics: tables that nfdump 1.7.1 printed for the same five flows, both-ends elements, limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "inserter/group.h"
#include "inserter/report.h"
#include "proto/flow.h"

static struct flow make(const char *src, const char *dst, uint32_t proto, uint32_t sport, uint32_t dport)
{
	struct flow f;
	flow_clear(&f);
	assert_int_equal(ip_parse(src, &f.src_addr), 0);
	assert_int_equal(ip_parse(dst, &f.dst_addr), 0);
	f.proto = proto;
	f.src_port = sport;
	f.dst_port = dport;
	return f;
}

static void add(struct report *r, struct flow f, uint64_t start_ms, uint64_t end_ms, uint64_t packets, uint64_t bytes)
{
	f.time_flow_start_ns = start_ms * 1000000;
	f.time_flow_end_ns = end_ms * 1000000;
	f.packets = packets;
	f.bytes = bytes;
	report_add(r, &f);
}

static void add_five(struct report *r)
{
	add(r, make("192.168.1.50", "104.18.185.54", 6, 51118, 443), 1599999000123, 1599999012468, 27, 2245);
	add(r, make("10.0.0.1", "8.8.8.8", 17, 5353, 53), 1599999000123, 1599999000123, 1, 60);
	add(r, make("10.0.0.1", "8.8.4.4", 1, 0, 0x0303), 1599998900123, 1599999000623, 123456, 150123456);
	add(r, make("10.0.0.1", "1.1.1.1", 132, 1, 2), 1599999000123, 1599999000125, 3, 1500);
	add(r, make("2001:db8:0:1::80", "2a00:1450:4001:82f::200e", 6, 51118, 443), 1599999901000, 1599999961000, 27, 2245);
}

static struct report *open_report(struct report_options *o, bool quiet)
{
	static const struct columns_style style = {0};
	struct report *r = NULL;
	char err[256] = "";
	if (!o->max_groups)
		o->max_groups = 1000;
	int status = report_new(o, &style, quiet, &r, err, sizeof(err));
	if (status)
		print_error("%s\n", err);
	assert_int_equal(status, 0);
	return r;
}

static void expect(struct report *r, const char *text)
{
	struct buf b = {0};
	report_write(r, NULL, NULL, NULL, &b);
	assert_string_equal(b.data, text);
	buf_free(&b);
}

#define STATS(...) {.items = (char *[]){__VA_ARGS__}, .count = sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)}

static void test_statistic(void **state)
{
	(void)state;
	char one[] = "srcip/bytes";
	struct report_options o = {.stats = STATS(one), .top = -1};
	struct report *r = open_report(&o, false);
	add_five(r);
	expect(r,
	       "Top 10 Src IP Addr ordered by bytes:\n"
	       "Date first seen                 Duration Proto       Src IP Addr    Flows(%)     Packets(%)       Bytes(%)         pps      bps   bpp\n"
	       "2020-09-13 12:08:20.123     00:01:40.500 any            10.0.0.1        3(60.0)   123460(100.0)  150.1 M(100.0)     1228   12.0 M  1215\n"
	       "2020-09-13 12:10:00.123     00:00:12.345 any        192.168.1.50        1(20.0)       27( 0.0)     2245( 0.0)        2     1454    83\n"
	       "2020-09-13 12:25:01.000     00:01:00.000 any    2001:db8:0:1::80        1(20.0)       27( 0.0)     2245( 0.0)        0      299    83\n"
	       "\n"
	       "Summary: total flows: 5, total bytes: 150.1 M, total packets: 123514, avg bps: 1.1 M, avg pps: 116, avg bpp: 1215\n"
	       "Time window: 2020-09-13 12:08:20 - 2020-09-13 12:26:01\n");
	report_free(r);
}

static void test_aggregate(void **state)
{
	(void)state;
	char by[] = "srcip,dstport", order[] = "tend";
	struct report_options o = {.by = by, .order = order, .top = -1};
	struct report *r = open_report(&o, true);
	add_five(r);
	add(r, make("192.168.1.50", "9.9.9.9", 17, 7, 443), 1599999000123, 1599999000123, 3, 55); /* another protocol */
	expect(r,
	       "2020-09-13 12:10:00.123     00:00:00.000          10.0.0.1     53         1       60        0     60     1\n"
	       "2020-09-13 12:10:00.123     00:00:00.002          10.0.0.1      2         3     1500    6.0 M    500     1\n"
	       "2020-09-13 12:08:20.123     00:01:40.500          10.0.0.1    771    123456  150.1 M   12.0 M   1216     1\n"
	       "2020-09-13 12:10:00.123     00:00:12.345      192.168.1.50    443        30     2300     1490     76     2\n"
	       "2020-09-13 12:25:01.000     00:01:00.000  2001:db8:0:1::80    443        27     2245      299     83     1\n");
	report_free(r);
}

static void test_masks_orders_and_top(void **state)
{
	(void)state;
	char by[] = "srcip4/8,srcip6/32", order[] = "packets";
	struct report_options o = {.by = by, .order = order, .top = 2};
	struct report *r = open_report(&o, true);
	add_five(r);
	add(r, make("10.255.1.2", "9.9.9.9", 17, 7, 443), 1599999000123, 1599999000123, 1, 1);
	expect(r,
	       "2020-09-13 12:08:20.123     00:01:40.500          10.0.0.0    123461  150.1 M   12.0 M   1215     4\n"
	       "2020-09-13 12:10:00.123     00:00:12.345         192.0.0.0        27     2245     1454     83     1\n");
	report_free(r);
}

static void test_either_end_and_protocol(void **state)
{
	(void)state;
	char one[] = "port:p/flows/bytes";
	struct report_options o = {.stats = STATS(one), .top = 1};
	struct report *r = open_report(&o, true);
	add_five(r);
	add(r, make("1.2.3.4", "1.2.3.4", 6, 443, 443), 1599999000123, 1599999000123, 1, 1); /* once, not twice */
	expect(r,
	       "2020-09-13 12:10:00.123     00:16:00.877 TCP                 443        3(50.0)       55( 0.0)     4491( 0.0)        0       37    81\n"
	       "2020-09-13 12:08:20.123     00:01:40.500 ICMP                  0        1(16.7)   123456(100.0)  150.1 M(100.0)     1228   12.0 M  1216\n");
	report_free(r);
}

static void test_the_limit_keeps_the_large_and_says_so(void **state)
{
	(void)state;
	char one[] = "srcip/bytes";
	struct report_options o = {.stats = STATS(one), .top = 3, .max_groups = 64};
	struct report *r = open_report(&o, true);
	struct buf b = {0};
	for (int i = 0; i < 20000; i++) {
		char src[32];
		snprintf(src, sizeof(src), "10.1.%d.%d", i / 250, i % 250);
		add(r, make(src, "1.1.1.1", 6, 1, 1), 1599999000123, 1599999000123, 1, (uint64_t)(i % 7) + 1);
		if (i % 10 < 3) { /* three that stand out */
			snprintf(src, sizeof(src), "192.0.2.%d", i % 10);
			add(r, make(src, "1.1.1.1", 6, 1, 1), 1599999000123, 1599999000123, 1, 1000 + (uint64_t)(i % 10));
		}
	}
	report_write(r, NULL, NULL, NULL, &b);
	assert_non_null(strstr(b.data, "192.0.2.2     2000("));
	assert_non_null(strstr(b.data, "192.0.2.1     2000("));
	assert_non_null(strstr(b.data, "192.0.2.0     2000("));
	assert_non_null(strstr(b.data, "More than 64 groups: "));
	buf_free(&b);
	report_free(r);
}

/* The number behind WORD in TEXT. */
static uint64_t number_behind(const char *text, const char *word)
{
	const char *p = strstr(text, word);
	assert_non_null(p);
	return strtoull(p + strlen(word), NULL, 10);
}

/* One that comes again and again among strangers, each time too small to stay: what is missing of it in the end is what
 * the report admits, or less. By flows, a talker of few bytes stays where larger ones with one flow go. */
static void test_past_the_limit_the_error_is_bounded(void **state)
{
	enum { TIMES = 4000, MAX = 64, BYTES = 60 };
	(void)state;
	char by_bytes[] = "srcip/bytes", by_flows[] = "srcip/flows";
	char *const orders[] = {by_bytes, by_flows};
	for (size_t k = 0; k < 2; k++) {
		struct report_options o = {.stats = STATS(orders[k]), .top = 0, .max_groups = MAX};
		struct report *r = open_report(&o, true);
		struct buf b = {0};
		for (int i = 0; i < TIMES; i++) {
			char src[32];
			snprintf(src, sizeof(src), "10.1.%d.%d", i / 250, i % 250);
			add(r, make(src, "1.1.1.1", 6, 1, 1), 1599999000123, 1599999000123, 1, 60 + (uint64_t)(i * 7 % 150));
			add(r, make("192.0.2.1", "1.1.1.1", 6, 1, 1), 1599999000123, 1599999000123, 1, i % 40 ? 0 : BYTES);
		}
		report_write(r, NULL, NULL, NULL, &b);
		const uint64_t most_flows = number_behind(b.data, "too low by at most ");
		const uint64_t most_bytes = number_behind(b.data, " packets, ");
		const char *line = strstr(b.data, "192.0.2.1 ");
		uint64_t flows = 0, bytes = 0;
		if (line)
			assert_int_equal(sscanf(line, "192.0.2.1 %" SCNu64 "(%*[^)]) %*u(%*[^)]) %" SCNu64, &flows, &bytes), 2);
		assert_true(bytes < TIMES / 40 * BYTES || k == 1); /* it was dropped on the way, or the test shows nothing */
		assert_in_range(most_bytes, TIMES / 40 * BYTES - bytes, TIMES * 210);
		assert_in_range(most_flows, TIMES - flows, TIMES);
		if (k == 1)
			assert_int_equal(flows, TIMES);
		buf_free(&b);
		report_free(r);
	}
}

static void test_windows(void **state)
{
	(void)state;
	char by[] = "proto";
	struct report_options o = {.by = by, .top = -1, .window_ns = 60000000000};
	struct report *r = open_report(&o, true);
	assert_false(report_due(r, 1599999030000000000)); /* begins */
	assert_false(report_due(r, 1599999059999999999));
	assert_true(report_due(r, 1599999060000000000));
	assert_false(report_due(r, 1599999060000000001));
	add_five(r);
	struct buf b = {0};
	report_write(r, NULL, NULL, NULL, &b);
	assert_true(b.len > 0);
	buf_reset(&b);
	report_write(r, NULL, NULL, NULL, &b); /* anew */
	assert_int_equal(b.len, 0);
	buf_free(&b);
	report_free(r);
}

static void test_bad_words_are_named(void **state)
{
	static const char *const stats[] = {"nosuch", "srcip/nosuch", "srcip:q", "srcip4/33", "srcip6/0", "dstport4/3", ""};
	static const struct columns_style style = {0};
	(void)state;
	for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++) {
		struct report *r = NULL;
		char err[256] = "", word[32];
		snprintf(word, sizeof(word), "%s", stats[i]);
		struct report_options o = {.stats = STATS(word), .max_groups = 100};
		assert_int_equal(report_new(&o, &style, false, &r, err, sizeof(err)), -22);
		assert_null(r);
		assert_true(strlen(err) > 0);
	}
	struct report *r = NULL;
	char err[256] = "", ip[] = "ip", order[] = "bytes";
	struct report_options both_ends = {.by = ip, .max_groups = 100};
	assert_int_equal(report_new(&both_ends, &style, false, &r, err, sizeof(err)), -22); /* only for -s */
	struct report_options alone = {.order = order};
	assert_int_equal(report_new(&alone, &style, false, &r, err, sizeof(err)), 0); /* flows in that order */
	report_free(r);
	r = NULL;
	struct report_options none = {0};
	assert_int_equal(report_new(&none, &style, false, &r, err, sizeof(err)), 0);
	assert_null(r);
}

static int setup(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statistic), cmocka_unit_test(test_aggregate), cmocka_unit_test(test_masks_orders_and_top),
		cmocka_unit_test(test_either_end_and_protocol), cmocka_unit_test(test_the_limit_keeps_the_large_and_says_so),
		cmocka_unit_test(test_past_the_limit_the_error_is_bounded), cmocka_unit_test(test_windows),
		cmocka_unit_test(test_bad_words_are_named),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
