/*
 * test_pack.c -- flow_pack against protobuf-c, byte for byte: edges of every field, all fields, thousands of random flows.
 */
#include "proto/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/flow_pb.h"
#include "tests/unit/flow_random.h"

static struct flow flow;
static struct flow_pb pb;
static uint8_t ours[FLOW_PACK_MAX];
static uint8_t theirs[FLOW_PACK_MAX];

/* The minimal varint of LEN. */
static size_t prefix(uint8_t *out, size_t len)
{
	size_t n = 0;
	for (; len > 127; len >>= 7)
		out[n++] = (uint8_t)(len | 128);
	out[n++] = (uint8_t)len;
	return n;
}

static void check(void)
{
	memset(ours, 0xee, sizeof(ours));
	flow_to_pb(&flow, &pb);
	size_t packed_size = flowpb__flow_message__get_packed_size(&pb.m);
	assert_true(packed_size + 3 < FLOW_PACK_MAX);
	size_t at = prefix(theirs, packed_size);
	size_t want = at + flowpb__flow_message__pack(&pb.m, theirs + at);
	size_t got = flow_pack(&flow, ours);
	assert_int_equal(got, want);
	assert_memory_equal(ours, theirs, want);
	memset(ours, 0xee, sizeof(ours));
	assert_int_equal(flow_pack_portable(&flow, ours), want);
	assert_memory_equal(ours, theirs, want);
}

static void empty_flow_is_an_empty_record(void **state)
{
	(void)state;
	flow_clear(&flow);
	assert_int_equal(flow_pack(&flow, ours), 1);
	assert_int_equal(ours[0], 0);
	check();
}

/* protobuf has enums signed; struct flow has them unsigned and below 2^31. */
static bool is_enum(uint32_t number)
{
	return number == 1 || number == 2054;
}

#define EDGES_INT(number, name, bits) \
	for (unsigned i = 0; i < (bits) - is_enum(number); i++) { \
		f->name = (typeof(f->name))1 << i; \
		check(); \
		f->name--; \
		check(); \
	} \
	if (!is_enum(number)) { \
		f->name = (typeof(f->name))~(typeof(f->name))0; \
		check(); \
	}
#define EDGES_U32(number, name) EDGES_INT(number, name, 32U)
#define EDGES_U64(number, name) EDGES_INT(number, name, 64U)
#define EDGES_ADDR(number, name) \
	f->name = (struct ip_addr){.len = 4}; \
	check(); \
	f->name = (struct ip_addr){.len = 16}; \
	check();
#define EDGES_U32S(number, name) \
	for (uint32_t n = 1; n <= FLOW_ARRAY_MAX; n++) { \
		f->n_##name = n; \
		f->name[n - 1] = (n << (n % 31)) & INT32_MAX; \
		check(); \
	}
#define EDGES_ADDRS(number, name) \
	for (uint32_t n = 1; n <= FLOW_ARRAY_MAX; n++) { \
		f->n_##name = n; \
		f->name[n - 1] = (struct ip_addr){.len = n % 3 == 0 ? 0 : n % 3 == 1 ? 4 : 16}; \
		check(); \
	}
#define EDGES_STR(number, name) \
	memset(f->name, 'x', sizeof(f->name)); \
	for (uint32_t n = 1; n <= FLOW_STR_MAX; n++) { \
		f->n_##name = n; \
		check(); \
	}

static void every_field_alone_at_its_edges(void **state)
{
	(void)state;
	struct flow *f = &flow;
#define FIELD(number, name, kind, render, what) \
	flow_clear(f); \
	EDGES_##kind(number, name)
#include "proto/fields.def"
#undef FIELD
}

/* Around 127/128 bytes the length prefix grows. */
static void every_record_length_around_two_byte_prefixes(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= FLOW_STR_MAX; n++) {
		flow_clear(&flow);
		memset(flow.url, 'u', sizeof(flow.url));
		flow.n_url = n;
		check();
		flow.src_addr.len = 16;
		check();
	}
}

static void everything_at_its_largest_fits(void **state)
{
	(void)state;
	struct flow *f = &flow;
	memset(f, 0x7f, sizeof(*f));
#define FULL_U32(name)   f->name = UINT32_MAX;
#define FULL_U64(name)   f->name = UINT64_MAX;
#define FULL_ADDR(name)  f->name.len = 16;
#define FULL_U32S(name)  f->n_##name = FLOW_ARRAY_MAX;
#define FULL_ADDRS(name) \
	f->n_##name = FLOW_ARRAY_MAX; \
	for (int i = 0; i < FLOW_ARRAY_MAX; i++) \
		f->name[i].len = 16;
#define FULL_STR(name) f->n_##name = FLOW_STR_MAX;
#define FIELD(number, name, kind, render, what) FULL_##kind(name)
#include "proto/fields.def"
#undef FIELD
	f->type = f->tunnel_type = INT32_MAX;
	f->n_mapped = 0;
	check();
	/* Stores run over by less than 16 bytes. */
	assert_true(flow_pack(f, ours) + FLOW_MAPPED_MAX + 16 < FLOW_PACK_MAX);
}

static void mapped_bytes_come_last(void **state)
{
	(void)state;
	static const uint8_t mapped[] = {0x80, 0xf1, 0x04, 0x2a, /* 10000: 42 */
					 0x8a, 0xf1, 0x04, 3, 'a', 'b', 'c'}; /* 10001: "abc" */
	struct flow_random r = {7};
	for (uint32_t i = 0; i < 500; i++) {
		random_flow(&r, i % 100, &flow);
		memcpy(flow.mapped, mapped, sizeof(mapped));
		flow.n_mapped = sizeof(mapped);
		check();
		size_t len = flow_pack(&flow, ours);
		assert_memory_equal(ours + len - sizeof(mapped), mapped, sizeof(mapped));
	}
}

static void random_flows(void **state)
{
	(void)state;
	struct flow_random r = {20261121};
	for (uint32_t i = 0; i < 20000; i++) {
		random_flow(&r, i % 101, &flow);
		check();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_flow_is_an_empty_record),
		cmocka_unit_test(every_field_alone_at_its_edges),
		cmocka_unit_test(every_record_length_around_two_byte_prefixes),
		cmocka_unit_test(everything_at_its_largest_fits),
		cmocka_unit_test(mapped_bytes_come_last),
		cmocka_unit_test(random_flows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
