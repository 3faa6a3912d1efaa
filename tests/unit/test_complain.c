/*
 * test_complain.c -- complaints calm down, count what they swallow, and announce recovery once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/complain.h"

/* A complaint each 10 ms: said at 0, 1, 3, 7, 15 ... s, then each 10 minutes. */
static void test_backs_off(void **state)
{
	static const uint64_t said_at_s[] = {0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 1623, 2223, 2823};
	struct complain c = {0};
	uint64_t swallowed = 99, total = 0, calls = 0;
	size_t said = 0;
	const uint64_t start = 5 * NS_PER_S;
	(void)state;
	for (uint64_t t = 0; t < 3000 * NS_PER_S; t += 10 * NS_PER_MS, calls++) {
		if (!complain_now(&c, start + t, &swallowed))
			continue;
		assert_true(said < sizeof(said_at_s) / sizeof(said_at_s[0]));
		assert_true(t == said_at_s[said] * NS_PER_S);
		total += swallowed + 1;
		said++;
	}
	assert_int_equal(said, sizeof(said_at_s) / sizeof(said_at_s[0]));
	/* Nothing is forgotten: each call was said, or counted, or is counted still. */
	assert_true(total + c.swallowed == calls);
}

static void test_recovery(void **state)
{
	struct complain c = {0};
	uint64_t swallowed = 0;
	(void)state;
	assert_false(complain_over(&c));
	assert_true(complain_now(&c, 1000, &swallowed));
	assert_true(swallowed == 0);
	assert_false(complain_now(&c, 2000, &swallowed));
	assert_true(complain_over(&c));
	assert_false(complain_over(&c));
	/* The next trouble is a new one: said at once. */
	assert_true(complain_now(&c, 3000, &swallowed));
	assert_true(swallowed == 0);
	assert_true(c.interval_ns == NS_PER_S);
}

static void test_long_quiet_starts_over(void **state)
{
	struct complain c = {0};
	uint64_t swallowed;
	uint64_t t = NS_PER_S;
	(void)state;
	for (int i = 0; i < 12; i++, t = c.next_ns)
		assert_true(complain_now(&c, t, &swallowed));
	assert_true(c.interval_ns == 600 * NS_PER_S);
	assert_true(complain_now(&c, c.next_ns + 1201 * NS_PER_S, &swallowed));
	assert_true(c.interval_ns == NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backs_off), cmocka_unit_test(test_recovery),
		cmocka_unit_test(test_long_quiet_starts_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
