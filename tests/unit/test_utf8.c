/*
 * test_utf8.c -- what is UTF-8 (RFC 3629) and what is not, and how either stands in JSON.
 */
#include "common/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define REPLACED "\xef\xbf\xbd"

static void validity(void **state)
{
	(void)state;
	static const char *const good[] = {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
					   "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xc3\xa9z"};
	/* a lone continuation, overlong forms, surrogates, above U+10FFFF, cut short */
	static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
					  "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82",
					  "\xf0\x9f\x98", "a\xc3z", "\xe2\x28\xa1"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(utf8_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
	assert_true(utf8_valid("a\0b", 3));
}

static void escaping(void **state)
{
	(void)state;
	static const struct { const char *text, *want; } rows[] = {
		{"", ""}, {"plain / text", "plain / text"}, {"\"\\", "\\\"\\\\"}, {"\b\f\n\r\t", "\\b\\f\\n\\r\\t"},
		{"\x01\x1f\x7f", "\\u0001\\u001f\\u007f"}, {"\xc3\xa9\xf0\x9f\x98\x80", "\xc3\xa9\xf0\x9f\x98\x80"},
		{"a\xff" "b", "a" REPLACED "b"}, {"\xe2\x82", REPLACED REPLACED}, {"\xed\xa0\x80", REPLACED REPLACED REPLACED}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[64];
		*utf8_escape(out, rows[i].text, strlen(rows[i].text)) = '\0';
		assert_string_equal(out, rows[i].want);
	}
}

/* Whatever the two bytes, what comes out is UTF-8, free of controls, and fits. */
static void every_pair_of_bytes(void **state)
{
	(void)state;
	for (unsigned pair = 0; pair < 65536; pair++) {
		char text[2] = {(char)(pair >> 8), (char)pair};
		char out[2 * UTF8_ESCAPE_GROWTH + 1];
		size_t len = (size_t)(utf8_escape(out, text, 2) - out);
		assert_true(len <= 2 * UTF8_ESCAPE_GROWTH);
		assert_true(utf8_valid(out, len));
		for (size_t i = 0; i < len; i++)
			assert_true((uint8_t)out[i] >= ' ' && out[i] != 0x7f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(validity),
		cmocka_unit_test(escaping),
		cmocka_unit_test(every_pair_of_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
