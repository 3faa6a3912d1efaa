/*
 * What weir-enricher does to a message: names appended, everything else as it was, damage passed over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "enrich/enrich.h"
#include "enricher/append.h"
#include "proto/flow.h"
#include "proto/pack.h"
#include "proto/unpack.h"

static struct enrich *enrich;
static char path[] = "/tmp/weir-test-append-XXXXXX";

static int up(void **state)
{
	static struct enrich_options o;
	static const char text[] = "192.0.2.0/24,office,Example\n";
	char err[256];
	(void)state;
	int fd = mkstemp(path);
	if (fd < 0 || write(fd, text, sizeof(text) - 1) < 0)
		return -1;
	close(fd);
	o.networks = path;
	return enrich_new(&o, &enrich, err, sizeof(err));
}

static int down(void **state)
{
	(void)state;
	enrich_free(enrich);
	return unlink(path);
}

static size_t pack(uint8_t last, uint8_t *out)
{
	struct flow f;
	flow_clear(&f);
	f.src_addr = ip_v4((const uint8_t[]){192, 0, 2, last});
	f.dst_addr = ip_v4((const uint8_t[]){203, 0, 113, 1});
	f.src_as = 65001;
	f.bytes = 1000;
	return flow_pack(&f, out);
}

static void test_names_are_appended(void **state)
{
	uint8_t data[2 * FLOW_PACK_MAX];
	struct buf out = {0};
	struct append_stats stats = {0};
	struct flow_iter it;
	struct flow f;
	(void)state;
	size_t len = pack(1, data);
	len += pack(2, data + len);
	assert_int_equal(append_message(enrich, data, len, &out, &stats), 0);
	assert_int_equal(stats.flows, 2);
	flow_iter_init(&it, out.data, out.len);
	for (uint8_t i = 1; i <= 2; i++) {
		assert_int_equal(flow_iter_next(&it, &f), 1);
		assert_int_equal(f.src_addr.bytes[3], i);
		assert_int_equal(f.bytes, 1000);
		assert_int_equal(f.src_as, 65001);
		assert_int_equal(f.n_src_network, 6);
		assert_memory_equal(f.src_network, "office", 6);
		assert_int_equal(f.n_src_customer, 7);
		assert_int_equal(f.n_dst_network, 0);
	}
	assert_int_equal(flow_iter_next(&it, &f), 0);
	buf_free(&out);
}

static void test_fields_of_a_newer_schema_stay(void **state)
{
	/* field 9 (bytes) = 5, then field 3000, a text, that nobody here knows */
	static const uint8_t data[] = {9, 0x48, 5, 0xc2, 0xbb, 0x01, 3, 'n', 'e', 'w'};
	struct buf out = {0};
	struct append_stats stats = {0};
	(void)state;
	assert_int_equal(append_message(enrich, data, sizeof(data), &out, &stats), 0);
	assert_int_equal(out.len, sizeof(data));
	assert_memory_equal(out.data, data, sizeof(data)); /* nothing was found: byte for byte the same */
	buf_free(&out);
}

static void test_damage_is_passed_over(void **state)
{
	uint8_t data[3 * FLOW_PACK_MAX];
	struct buf out = {0};
	struct append_stats stats = {0};
	struct flow_iter it;
	struct flow f;
	(void)state;
	size_t len = pack(1, data);
	memcpy(data + len, "\x03\x0a\x7f\x01", 4); /* a field that goes past its record */
	len += 4;
	len += pack(2, data + len);
	len += pack(3, data + len) - 4; /* cut */
	assert_int_equal(append_message(enrich, data, len, &out, &stats), 0);
	assert_int_equal(stats.flows, 2);
	assert_int_equal(stats.bad_records, 1);
	assert_int_equal(stats.truncated, 1);
	flow_iter_init(&it, out.data, out.len);
	assert_int_equal(flow_iter_next(&it, &f), 1);
	assert_int_equal(flow_iter_next(&it, &f), 1);
	assert_int_equal(f.src_addr.bytes[3], 2);
	assert_int_equal(flow_iter_next(&it, &f), 0);
	buf_free(&out);
}

/* A record without its length (GoFlow's) goes out with one. */
static void test_a_bare_record_gets_its_length(void **state)
{
	uint8_t data[FLOW_PACK_MAX];
	struct buf out = {0};
	struct append_stats stats = {0};
	struct flow_iter it;
	struct flow f;
	(void)state;
	flow_clear(&f);
	f.type = 3;
	f.src_addr = ip_v4((const uint8_t[]){192, 0, 2, 7});
	f.bytes = 1000;
	size_t len = flow_pack(&f, data);
	assert_true(data[0] < 128);
	assert_int_equal(append_message(enrich, data + 1, len - 1, &out, &stats), 0);
	assert_int_equal(stats.flows, 1);
	flow_iter_init(&it, out.data, out.len);
	assert_int_equal(flow_iter_next(&it, &f), 1);
	assert_int_equal(f.bytes, 1000);
	assert_int_equal(f.n_src_network, 6);
	assert_memory_equal(f.src_network, "office", 6);
	assert_int_equal(flow_iter_next(&it, &f), 0);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_appended), cmocka_unit_test(test_fields_of_a_newer_schema_stay),
		cmocka_unit_test(test_damage_is_passed_over), cmocka_unit_test(test_a_bare_record_gets_its_length),
	};
	return cmocka_run_group_tests(tests, up, down);
}
