/*
 * test_wire.c -- the bounded reader: values, the sticky error, windows inside windows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/wire.h"

static const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c,
				0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18};

static void test_values(void **state)
{
	struct wire w = wire_of(bytes, sizeof(bytes));
	(void)state;
	assert_int_equal(wire_u8(&w), 0x01);
	assert_int_equal(wire_u16(&w), 0x0203);
	assert_int_equal(wire_u24(&w), 0x040506);
	assert_int_equal(wire_u32(&w), 0x0708090a);
	assert_true(wire_u64(&w) == 0x0b0c0d0e0f101112ull);
	assert_int_equal(wire_left(&w), 6);
	wire_skip(&w, 2);
	const uint8_t *p = wire_bytes(&w, 4);
	assert_ptr_equal(p, bytes + 20);
	assert_int_equal(wire_left(&w), 0);
	assert_false(wire_failed(&w));
	assert_non_null(wire_bytes(&w, 0));
	assert_false(wire_failed(&w));
}

static void test_reduced_sizes(void **state)
{
	(void)state;
	for (size_t len = 0; len <= 8; len++) {
		struct wire w = wire_of(bytes, sizeof(bytes));
		uint64_t want = 0;
		for (size_t i = 0; i < len; i++)
			want = want << 8 | bytes[i];
		uint64_t got = wire_uint(&w, len);
		assert_true(got == want);
		assert_int_equal(wire_left(&w), sizeof(bytes) - len);
	}
	/* Of a longer one the low 64 bits. */
	assert_true(wire_load_uint(bytes, 10) == 0x030405060708090aull);
}

static void test_sticky_error(void **state)
{
	struct wire w = wire_of(bytes, 3);
	(void)state;
	assert_int_equal(wire_u32(&w), 0);
	assert_true(wire_failed(&w));
	assert_int_equal(wire_left(&w), 0);
	/* The bytes that were left are not read after all. */
	assert_int_equal(wire_u8(&w), 0);
	assert_int_equal(wire_u16(&w), 0);
	assert_true(wire_u64(&w) == 0);
	assert_null(wire_bytes(&w, 1));
	assert_true(wire_failed(&w));
}

static void test_huge_length(void **state)
{
	struct wire w = wire_of(bytes, sizeof(bytes));
	(void)state;
	assert_null(wire_bytes(&w, SIZE_MAX));
	assert_true(wire_failed(&w));
	w = wire_of(bytes, sizeof(bytes));
	wire_skip(&w, SIZE_MAX - 1);
	assert_true(wire_failed(&w));
}

static void test_windows(void **state)
{
	struct wire w = wire_of(bytes, 8);
	(void)state;
	struct wire sub = wire_sub(&w, 3);
	assert_int_equal(wire_left(&w), 5);
	assert_int_equal(wire_left(&sub), 3);
	/* What goes wrong inside stays inside. */
	assert_int_equal(wire_u32(&sub), 0);
	assert_true(wire_failed(&sub));
	assert_false(wire_failed(&w));
	assert_int_equal(wire_u8(&w), 0x04);

	sub = wire_sub(&w, 5);
	assert_true(wire_failed(&sub));
	assert_true(wire_failed(&w));
	assert_int_equal(wire_left(&sub), 0);

	w = wire_of(bytes, 0);
	sub = wire_sub(&w, 0);
	assert_false(wire_failed(&sub));
	assert_int_equal(wire_left(&sub), 0);
}

/* Every length of input, read by every sequence of sizes: no read past the end (the sanitizers watch an exact
 * copy), zeros and an error exactly when there was not enough. */
static void test_every_length(void **state)
{
	static const size_t sizes[] = {1, 2, 3, 4, 8};
	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		for (size_t k = 0; k < 5 * 5 * 5; k++) {
			uint8_t *copy = malloc(len ? len : 1);
			struct wire w = wire_of(copy, len);
			size_t used = 0;
			assert_non_null(copy);
			memcpy(copy, bytes, len);
			for (size_t step = 0, n = k; step < 3; step++, n /= 5) {
				size_t size = sizes[n % 5];
				uint64_t v = wire_uint(&w, size);
				used += size;
				assert_int_equal(wire_failed(&w), used > len);
				if (used > len)
					assert_true(v == 0);
			}
			free(copy);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),      cmocka_unit_test(test_reduced_sizes), cmocka_unit_test(test_sticky_error),
		cmocka_unit_test(test_huge_length), cmocka_unit_test(test_windows),       cmocka_unit_test(test_every_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
