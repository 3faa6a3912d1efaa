/*
 * test_err.c -- the rows of err.def: each reason has a label that Prometheus takes, no two have the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/err.h"

static void test_words(void **state)
{
	(void)state;
	for (enum err e = ERR_NONE; e < ERR_COUNT; e++) {
		const char *word = err_word(e);
		assert_int_equal(strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(word));
		assert_true(strlen(word) > 2);
		assert_true(strlen(err_text(e)) > 5);
		for (enum err other = ERR_NONE; other < e; other++) {
			assert_string_not_equal(word, err_word(other));
			assert_string_not_equal(err_text(e), err_text(other));
		}
	}
}

static void test_out_of_range(void **state)
{
	(void)state;
	assert_string_equal(err_word(ERR_COUNT), "unknown");
	assert_string_equal(err_word((enum err)-1), "unknown");
	assert_string_equal(err_text((enum err)999), "unknown reason");
	assert_string_equal(err_word(ERR_NO_TEMPLATE), "no_template");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words), cmocka_unit_test(test_out_of_range)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
