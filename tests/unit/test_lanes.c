/* What each partition may have under way (collector/lanes.h), and the sequence of pieces (kafka/header.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/lanes.h"
#include "common/clock.h"
#include "kafka/header.h"

enum { WINDOW = 64 };

static void test_share(void **state)
{
	struct lanes l = {0};
	(void)state;
	for (int i = 0; i < 16; i++) {
		assert_true(lanes_may(&l, 2, 4, WINDOW, 1));
		lanes_begin(&l, 2, 1);
	}
	assert_false(lanes_may(&l, 2, 4, WINDOW, 1));
	assert_true(lanes_may(&l, 3, 4, WINDOW, 1));
	lanes_taken(&l, 2, 2);
	lanes_end(&l, 2);
	assert_true(lanes_may(&l, 2, 4, WINDOW, 2));
	/* With more partitions than the window has places, each still has some. */
	assert_true(lanes_may(&l, 7, 1000, WINDOW, 1));
	lanes_begin(&l, 7, 1);
	assert_true(lanes_may(&l, 7, 1000, WINDOW, 1));
	lanes_begin(&l, 7, 1);
	assert_false(lanes_may(&l, 7, 1000, WINDOW, 1));
}

static void test_pause(void **state)
{
	struct lanes l = {0};
	uint64_t now = NS_PER_S;
	(void)state;
	lanes_begin(&l, 0, now);
	lanes_failed(&l, 0, now);
	lanes_failed(&l, 0, now + 1); /* of the same failure: no longer pause */
	assert_false(lanes_may(&l, 0, 4, WINDOW, now + 99 * NS_PER_MS));
	assert_true(lanes_may(&l, 0, 4, WINDOW, now + 100 * NS_PER_MS));
	assert_true(lanes_may(&l, 1, 4, WINDOW, now));
	now += 100 * NS_PER_MS;
	lanes_failed(&l, 0, now);
	assert_false(lanes_may(&l, 0, 4, WINDOW, now + 199 * NS_PER_MS));
	for (int i = 0; i < 40; i++) {
		now += 2 * NS_PER_S;
		lanes_failed(&l, 0, now);
	}
	assert_false(lanes_may(&l, 0, 4, WINDOW, now + 2 * NS_PER_S - 1));
	assert_true(lanes_may(&l, 0, 4, WINDOW, now + 2 * NS_PER_S));
	lanes_taken(&l, 0, now);
	assert_true(lanes_may(&l, 0, 4, WINDOW, now));
}

static void test_stuck(void **state)
{
	struct lanes l = {0};
	uint32_t one = 99;
	(void)state;
	assert_int_equal(lanes_stuck(&l, 100 * NS_PER_S, NS_PER_S, &one), 0); /* idle is not stuck */
	lanes_begin(&l, 5, NS_PER_S);
	lanes_begin(&l, 6, NS_PER_S);
	assert_int_equal(lanes_stuck(&l, 10 * NS_PER_S, 10 * NS_PER_S, &one), 0);
	lanes_taken(&l, 6, 9 * NS_PER_S);
	assert_int_equal(lanes_stuck(&l, 11 * NS_PER_S, 10 * NS_PER_S, &one), 1);
	assert_int_equal(one, 5);
	lanes_end(&l, 6);
	assert_int_equal(lanes_stuck(&l, 100 * NS_PER_S, 10 * NS_PER_S, &one), 1);
	/* Refused again and again: between the attempts nothing is under way, and yet it is stuck. */
	lanes_failed(&l, 5, 11 * NS_PER_S);
	lanes_end(&l, 5);
	assert_int_equal(lanes_stuck(&l, 12 * NS_PER_S, 10 * NS_PER_S, &one), 1);
	lanes_begin(&l, 5, 13 * NS_PER_S);
	lanes_taken(&l, 5, 13 * NS_PER_S);
	lanes_end(&l, 5);
	assert_int_equal(lanes_stuck(&l, 100 * NS_PER_S, 10 * NS_PER_S, &one), 0);
}

static void test_pieces(void **state)
{
	(void)state;
	assert_true(kafka_header_piece(7, 0) == (7 | 1ull << 40));
	assert_true(kafka_header_piece(7, 41) == (7 | 42ull << 40));
	/* PostgreSQL's bigint is signed: the most flows that a batch can hold leave it positive. */
	assert_true((int64_t)kafka_header_piece((1ull << 40) - 1, 800000) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
