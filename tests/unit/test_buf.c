/*
 * test_buf.c -- the growing buffer: growth, the NUL behind it, the sticky failure, JSON strings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"

static void test_growth(void **state)
{
	struct buf b = {0};
	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "%04d,", i);
	assert_int_equal(b.len, 50000);
	assert_int_equal(b.data[b.len], '\0');
	assert_memory_equal(b.data, "0000,0001,", 10);
	assert_memory_equal(b.data + 49990, "9998,9999,", 10);
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	buf_puts(&b, "again");
	assert_string_equal(b.data, "again");
	buf_add(&b, NULL, 0);
	assert_string_equal(b.data, "again");
	buf_free(&b);
	assert_null(b.data);
	buf_free(NULL);
}

/* Texts around the sizes at which the buffer grows, printed in one go. */
static void test_long_printf(void **state)
{
	(void)state;
	for (int n = 0; n < 1100; n++) {
		struct buf b = {0};
		buf_printf(&b, "<%*s>", n, "");
		assert_int_equal(b.len, (size_t)n + 2);
		assert_int_equal(strlen(b.data), b.len);
		assert_int_equal(b.data[b.len - 1], '>');
		buf_free(&b);
	}
}

static void test_reserve(void **state)
{
	struct buf b = {0};
	(void)state;
	char *p = buf_reserve(&b, 5000);
	assert_non_null(p);
	memset(p, 'x', 5000);
	b.len += 5000;
	assert_true(b.cap > 5000);
	buf_puts(&b, "y");
	assert_int_equal(b.len, 5001);
	buf_free(&b);
}

static void test_failure_sticks(void **state)
{
	struct buf b = {0};
	(void)state;
	buf_puts(&b, "kept");
	assert_null(buf_reserve(&b, SIZE_MAX - 10));
	assert_true(b.failed);
	buf_puts(&b, "lost");
	buf_printf(&b, "%d", 1);
	buf_json_string(&b, "lost", 4);
	assert_string_equal(b.data, "kept");
	buf_reset(&b);
	assert_false(b.failed);
	buf_puts(&b, "fine");
	assert_string_equal(b.data, "fine");
	buf_free(&b);
}

static void test_json(void **state)
{
	static const struct { const char *in; size_t len; const char *out; } cases[] = {
		{"", 0, "\"\""},
		{"plain", 5, "\"plain\""},
		{"a\"b\\c/", 6, "\"a\\\"b\\\\c/\""},
		{"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
		{"\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\\u007f\""},
		{"a\xff" "b", 3, "\"a\xef\xbf\xbd" "b\""},
		{"\xc3\xa9", 2, "\"\xc3\xa9\""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = {0};
		buf_json_string(&b, cases[i].in, cases[i].len);
		assert_string_equal(b.data, cases[i].out);
		assert_int_equal(b.len, strlen(cases[i].out));
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth),         cmocka_unit_test(test_long_printf), cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_failure_sticks), cmocka_unit_test(test_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
