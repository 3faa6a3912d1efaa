/*
 * test_promtext.c -- Prometheus text: escapes, labels, numbers, and the process's own metrics.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/promtext.h"

static void test_lines(void **state)
{
	struct buf b = {0};
	(void)state;
	prom_head(&b, "weir_x_total", "counter", "Things\nand \\ more \"quoted\".");
	prom_u64(&b, "weir_x_total", UINT64_MAX, NULL);
	prom_u64(&b, "weir_x_total", 7, "listener", "netflow://:2055", "reason", "bad", NULL);
	prom_double(&b, "weir_y", 0.25, "a", NULL, NULL);
	assert_string_equal(b.data, "# HELP weir_x_total Things\\nand \\\\ more \"quoted\".\n"
				    "# TYPE weir_x_total counter\n"
				    "weir_x_total 18446744073709551615\n"
				    "weir_x_total{listener=\"netflow://:2055\",reason=\"bad\"} 7\n"
				    "weir_y{a=\"\"} 0.25\n");
	buf_free(&b);
}

static void test_label_escapes(void **state)
{
	/* What comes in, and what stands between the quotation marks. */
	static const char *const cases[][2] = {
		{"a\"b", "a\\\"b"},
		{"a\\b", "a\\\\b"},
		{"a\nb", "a\\nb"},
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
		{"\xff", "\xef\xbf\xbd"},
		{"\xc3", "\xef\xbf\xbd"},                                     /* cut short */
		{"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                     /* longer than needed */
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},     /* a surrogate */
		{"\xf5\x80\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = {0};
		char want[100];
		(void)snprintf(want, sizeof(want), "m{l=\"%s\"} 1\n", cases[i][1]);
		prom_u64(&b, "m", 1, "l", cases[i][0], NULL);
		assert_string_equal(b.data, want);
		buf_free(&b);
	}
}

static void test_doubles(void **state)
{
	static const struct { double value; const char *text; } cases[] = {
		{0, "0"}, {1e21, "1e+21"}, {123456789012345.0, "123456789012345"}, {-2.5, "-2.5"},
		{NAN, "NaN"}, {INFINITY, "+Inf"}, {-INFINITY, "-Inf"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = {0};
		char want[60];
		(void)snprintf(want, sizeof(want), "m %s\n", cases[i].text);
		prom_double(&b, "m", cases[i].value, NULL);
		assert_string_equal(b.data, want);
		buf_free(&b);
	}
}

static double value_of(const struct buf *b, const char *name)
{
	char start[100];
	(void)snprintf(start, sizeof(start), "\n%s ", name);
	const char *p = strstr(b->data, start);
	assert_non_null(p);
	return strtod(p + strlen(start), NULL);
}

static void test_process(void **state)
{
	struct buf b = {0};
	(void)state;
	prom_process(&b, "weir-test");
	double now = (double)clock_wall_ns() / 1e9;
	double started = value_of(&b, "process_start_time_seconds");
	assert_true(started <= now + 1 && started > now - 3600);
	assert_true(value_of(&b, "process_resident_memory_bytes") > 100000);
	assert_true(value_of(&b, "process_open_fds") >= 3);
	assert_true(value_of(&b, "process_cpu_seconds_total") >= 0);
	assert_non_null(strstr(b.data, "weir_build_info{program=\"weir-test\",version=\"" WEIR_VERSION "\"} 1\n"));
	/* Every family has its head, and once. */
	size_t heads = 0;
	for (const char *p = b.data; (p = strstr(p, "# TYPE ")); p++)
		heads++;
	assert_int_equal(heads, 5);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines), cmocka_unit_test(test_label_escapes), cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
