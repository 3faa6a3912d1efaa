/*
 * test_tap.c -- the live tap at its bound: so many readers and no more, and one that does not read costs its own flows, not memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>
#include <string.h>

#include "collector/tap.h"
#include "proto/flow.h"

static size_t in_use(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

static void readers_are_bounded(void **state)
{
	struct tap_reader *readers[TAP_READERS_MAX];
	struct tap *t = tap_new();
	(void)state;
	assert_non_null(t);
	for (int i = 0; i < TAP_READERS_MAX; i++)
		assert_non_null(readers[i] = tap_reader_new(t, 0));
	assert_null(tap_reader_new(t, 0));
	tap_reader_free(readers[3]);
	assert_non_null(readers[3] = tap_reader_new(t, 0)); /* its place is free again */
	assert_null(tap_reader_new(t, 0));
	for (int i = 0; i < TAP_READERS_MAX; i++)
		tap_reader_free(readers[i]);
	tap_free(t);
}

static void one_that_does_not_read_holds_nobody_up(void **state)
{
	static struct flow flow;
	static char out[16384];
	struct tap *t = tap_new();
	(void)state;
	assert_non_null(t);
	struct tap_reader *lazy = tap_reader_new(t, 0);
	size_t before = in_use(), got = 0, pieces = 0;
	assert_non_null(lazy);
	flow_clear(&flow);
	for (int i = 0; i < 20000; i++)
		tap_show(t, &flow);
	assert_true(in_use() <= before + 4096);
	tap_stop(t); /* so that reading ends where the ring does */
	for (long n; (n = tap_reader_read(lazy, out, sizeof(out))) > 0; pieces++) {
		got += (size_t)n;
		if (pieces == 0)
			assert_int_equal(out[0], '{');
	}
	assert_true(got > 200000 && got <= 256 * 1024);
	tap_reader_free(lazy);
	tap_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_are_bounded),
		cmocka_unit_test(one_that_does_not_read_holds_nobody_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
