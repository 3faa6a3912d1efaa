/*
 * test_unpack.c -- flow_unpack with protobuf-c as the judge: what either packs both read alike; what is damaged both
 * refuse; what is legal but unusual (overlong varints, unpacked arrays, values given twice) both accept. And what goflow2
 * itself wrote, with the length in front of a record and without.
 */
#include "proto/unpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/err.h"
#include "proto/json.h"
#include "proto/pack.h"
#include "tests/unit/flow_pb.h"
#include "tests/unit/flow_random.h"

static struct flow in, out;
static struct flow_pb pb;
static uint8_t record[FLOW_PACK_MAX];

static void assert_same(const char *differs, uint32_t i)
{
	if (differs)
		fail_msg("flow %u: %s differs", i, differs);
}

static void ours_read_by_both(void **state)
{
	(void)state;
	struct flow_random r = {1};
	for (uint32_t i = 0; i < 10000; i++) {
		random_flow(&r, i % 101, &in);
		size_t len = flow_pack(&in, record);
		struct flow_iter it;
		flow_iter_init(&it, record, len);
		memset(&out, 0x5a, sizeof(out));
		assert_int_equal(flow_iter_next(&it, &out), 1);
		assert_same(flow_differs(&in, &out), i);
		assert_int_equal(flow_iter_next(&it, &out), 0);

		size_t prefix = record[0] < 128 ? 1 : 2;
		Flowpb__FlowMessage *m = flowpb__flow_message__unpack(NULL, len - prefix, record + prefix);
		assert_non_null(m);
		assert_same(flow_pb_differs(&in, m), i);
		flowpb__flow_message__free_unpacked(m, NULL);
	}
}

static void protobuf_c_read_by_us(void **state)
{
	(void)state;
	struct flow_random r = {2};
	for (uint32_t i = 0; i < 10000; i++) {
		random_flow(&r, i % 101, &in);
		memcpy(in.mapped, "\x80\xf1\x04\x05\x8a\xf1\x04\x02hi", 10);
		in.n_mapped = i % 2 ? 10 : 0;
		flow_to_pb(&in, &pb);
		size_t len = flowpb__flow_message__pack(&pb.m, record);
		assert_int_equal(flow_unpack(record, len, &out), 0);
		assert_same(flow_differs(&in, &out), i);
	}
}

/* Does struct flow have room for all of M? Where it has not, ours is cut and not to be compared. */
static bool fits(const Flowpb__FlowMessage *m)
{
#define FITS_U32(name)
#define FITS_U64(name)
#define FITS_ADDR(name) \
	if (m->name.len != 0 && m->name.len != 4 && m->name.len != 16) \
		return false;
#define FITS_U32S(name) \
	if (m->n_##name > FLOW_ARRAY_MAX) \
		return false;
#define FITS_ADDRS(name) \
	FITS_U32S(name) \
	for (size_t i = 0; i < m->n_##name; i++) \
		if (m->name[i].len != 0 && m->name[i].len != 4 && m->name[i].len != 16) \
			return false;
#define FITS_STR(name) \
	if (strlen(m->name) > FLOW_STR_MAX) \
		return false;
#define FIELD(number, name, kind, render, what) FITS_##kind(name)
#include "proto/fields.def"
#undef FIELD
	return true;
}

/* Both judge LEN bytes alike. The copy ends where its memory ends, so that a sanitizer sees a read too far. */
static bool judge(const uint8_t *data, size_t len, uint32_t i)
{
	uint8_t *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, data, len);
	int err = flow_unpack(copy, len, &out);
	Flowpb__FlowMessage *m = flowpb__flow_message__unpack(NULL, len, copy);
	free(copy);
	if ((err == 0) != (m != NULL))
		fail_msg("case %u, %zu bytes: we say %d, protobuf-c %s", i, len, err, m ? "reads it" : "refuses");
	assert_true(err == 0 || err == -ERR_BAD_RECORD);
	if (m && fits(m))
		assert_same(flow_pb_differs(&out, m), i);
	if (m)
		flowpb__flow_message__free_unpacked(m, NULL);
	return err == 0;
}

static void cut_at_every_byte(void **state)
{
	(void)state;
	struct flow_random r = {3};
	uint32_t accepted = 0, refused = 0;
	for (uint32_t i = 0; i < 60; i++) {
		random_flow(&r, i, &in);
		flow_to_pb(&in, &pb);
		size_t len = flowpb__flow_message__pack(&pb.m, record);
		for (size_t cut = 0; cut <= len; cut++)
			*(judge(record, cut, i) ? &accepted : &refused) += 1;
	}
	assert_true(accepted > 60 && refused > 1000);
}

static void damaged_records(void **state)
{
	(void)state;
	struct flow_random r = {54};
	uint32_t accepted = 0, refused = 0;
	for (uint32_t i = 0; i < 60000; i++) {
		random_flow(&r, i % 20, &in);
		flow_to_pb(&in, &pb);
		size_t len = flowpb__flow_message__pack(&pb.m, record);
		for (uint32_t n = random_below(&r, 3) + 1; n && len; n--)
			record[random_below(&r, (uint32_t)len)] = (uint8_t)(random_below(&r, 2) ? random_u64(&r) : 0xff);
		*(judge(record, len, i) ? &accepted : &refused) += 1;
	}
	assert_true(accepted > 1000 && refused > 1000);
}

static void noise(void **state)
{
	(void)state;
	struct flow_random r = {55};
	for (uint32_t i = 0; i < 50000; i++) {
		size_t len = random_below(&r, 24);
		for (size_t k = 0; k < len; k++)
			record[k] = (uint8_t)(random_u64(&r) & (i & 1 ? 0xff : 0x7f));
		judge(record, len, i);
	}
}

#define BYTES(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})

static void wrong_wire_types(void **state)
{
	(void)state;
	for (uint32_t number = 1; number < 2100; number++) {
		for (uint32_t type = 0; type < 8; type++) {
			uint32_t tag = number << 3 | type;
			size_t n = 0;
			for (; tag > 127; tag >>= 7)
				record[n++] = (uint8_t)(tag | 128);
			record[n++] = (uint8_t)tag;
			memset(record + n, 0, 8);
			size_t value = type == 1 ? 8 : type == 5 ? 4 : 1;
			judge(record, n + value, number * 8 + type);
		}
	}
}

static void unusual_but_legal(void **state)
{
	(void)state;
	/* bytes = 5 as a varint of ten bytes */
	assert_true(judge(BYTES(9 << 3, 0x85, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00), 0));
	assert_int_equal(out.bytes, 5);
	assert_false(judge(BYTES(9 << 3, 0x85, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00), 1));
	/* the last value wins */
	assert_true(judge(BYTES(9 << 3, 1, 9 << 3, 2), 2));
	assert_int_equal(out.bytes, 2);
	assert_true(judge(BYTES(6 << 3 | 2, 4, 1, 2, 3, 4, 6 << 3 | 2, 0), 3));
	assert_int_equal(out.src_addr.len, 0);
	/* as_path: unpacked, packed, and both in one record */
	assert_true(judge(BYTES(0xb0, 6, 7, 0xb0, 6, 8, 0xb2, 6, 2, 9, 10), 4));
	assert_int_equal(out.n_as_path, 4);
	assert_memory_equal(out.as_path, ((uint32_t[]){7, 8, 9, 10}), 16);
	assert_true(judge(BYTES(0xb2, 6, 0), 5));
	assert_int_equal(out.n_as_path, 0);
	assert_false(judge(BYTES(0xb2, 6, 2, 9, 0x80), 6));
	/* a value wider than 32 bits is cut as protobuf says */
	assert_true(judge(BYTES(4 << 3, 0xff, 0xff, 0xff, 0xff, 0x1f), 7));
	assert_int_equal(out.sequence_num, UINT32_MAX);
	/* an unknown field of each wire type is skipped */
	assert_true(judge(BYTES(2 << 3, 1, 2 << 3 | 1, 1, 2, 3, 4, 5, 6, 7, 8, 2 << 3 | 2, 1, 0, 2 << 3 | 5, 1, 2, 3, 4,
				9 << 3, 3), 8));
	assert_int_equal(out.bytes, 3);
	assert_int_equal(out.n_mapped, 0);
}

static void what_does_not_fit_is_cut(void **state)
{
	(void)state;
	struct flow_random r = {6};
	random_flow(&r, 0, &in);
	flow_to_pb(&in, &pb);
	uint32_t path[100];
	for (uint32_t i = 0; i < 100; i++)
		path[i] = i;
	pb.m.as_path = path;
	pb.m.n_as_path = 100;
	char text[300];
	memset(text, 'a', sizeof(text));
	memcpy(text + FLOW_STR_MAX - 1, "\xc3\xa9", 2); /* lies across the end */
	text[sizeof(text) - 1] = '\0';
	pb.m.url = text;
	uint8_t address[8] = {1};
	pb.m.src_addr = (ProtobufCBinaryData){.data = address, .len = 8};
	size_t len = flowpb__flow_message__pack(&pb.m, record);
	assert_int_equal(flow_unpack(record, len, &out), 0);
	assert_int_equal(out.n_as_path, FLOW_ARRAY_MAX);
	assert_memory_equal(out.as_path, path, sizeof(out.as_path));
	assert_int_equal(out.n_url, FLOW_STR_MAX - 1);
	assert_int_equal(out.src_addr.len, 0);
}

static void mapped_fields_are_kept_while_there_is_room(void **state)
{
	(void)state;
	size_t len = 0;
	while (len + 8 < FLOW_MAPPED_MAX + 64) {
		memcpy(record + len, "\x8a\xf1\x04\x04" "abcd", 8);
		len += 8;
	}
	assert_int_equal(flow_unpack(record, len, &out), 0);
	assert_int_equal(out.n_mapped, FLOW_MAPPED_MAX);
	assert_memory_equal(out.mapped, record, FLOW_MAPPED_MAX);
	/* 9999 is not a mapped one */
	assert_int_equal(flow_unpack("\xf8\xf0\x04\x01", 4, &out), 0);
	assert_int_equal(out.n_mapped, 0);
}

static void iterates_and_goes_on_behind_damage(void **state)
{
	(void)state;
	static const uint8_t message[] = {
		2, 9 << 3, 1,           /* bytes = 1 */
		0,                      /* an empty flow */
		2, 9 << 3 | 1, 1,       /* a wrong wire type */
		3, 9 << 3, 0x82, 0x00,  /* bytes = 2 */
		9, 9 << 3, 1            /* longer than what is there */
	};
	uint8_t *copy = malloc(sizeof(message));
	assert_non_null(copy);
	memcpy(copy, message, sizeof(message));
	struct flow_iter it;
	flow_iter_init(&it, copy, sizeof(message));
	assert_int_equal(flow_iter_next(&it, &out), 1);
	assert_int_equal(out.bytes, 1);
	assert_int_equal(flow_iter_next(&it, &out), 1);
	assert_int_equal(out.bytes, 0);
	assert_int_equal(flow_iter_next(&it, &out), -ERR_BAD_RECORD);
	assert_int_equal(flow_iter_next(&it, &out), 1);
	assert_int_equal(out.bytes, 2);
	assert_int_equal(flow_iter_next(&it, &out), -ERR_TRUNCATED);
	assert_int_equal(flow_iter_next(&it, &out), 0);
	/* a length without an end */
	memset(copy, 0xff, sizeof(message));
	flow_iter_init(&it, copy, sizeof(message));
	assert_int_equal(flow_iter_next(&it, &out), -ERR_TRUNCATED);
	assert_int_equal(flow_iter_next(&it, &out), 0);
	flow_iter_init(&it, copy, 0);
	assert_int_equal(flow_iter_next(&it, &out), 0);
	free(copy);
}

static size_t read_whole(const char *path, void *to, size_t max)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	size_t n = fread(to, 1, max, f);
	assert_in_range(n, 1, max - 1);
	fclose(f);
	return n;
}

static void expect_alone(const void *data, size_t len, const char *json)
{
	static char line[FLOW_JSON_MAX + 1];
	struct flow_iter it;
	flow_iter_message(&it, data, len);
	assert_int_equal(flow_iter_next(&it, &out), 1);
	/* Two runs made the records and the lines: these times are a run's own. */
	out.time_received_ns = 0;
	if (out.type == FLOW_TYPE_SFLOW_5)
		out.time_flow_start_ns = out.time_flow_end_ns = 0;
	size_t n = flow_json(&out, line);
	line[n] = '\0';
	assert_string_equal(line, json);
	assert_int_equal(flow_iter_next(&it, &out), 0);
}

/* goflow2 2.2.6, -format bin and -format json, fed with captures of this directory: NetFlow v5 and v9, IPFIX, sFlow. Each of
 * its records is one message, and JSON of what we read from it is the line that goflow2 printed. */
static void goflow2s_own_records(void **state)
{
	static uint8_t records[64 * 1024];
	static char lines[256 * 1024];
	(void)state;
	size_t len = read_whole(TEST_DATA "/golden/goflow2/flows.bin", records, sizeof(records)), count = 0;
	lines[read_whole(TEST_DATA "/golden/goflow2/flows.json", lines, sizeof(lines))] = '\0';
	const char *json = lines;
	for (size_t at = 0; at < len; count++) {
		const size_t prefix = records[at] < 128 ? 1 : 2;
		const size_t body = prefix == 1 ? records[at] : (records[at] & 0x7fu) | (size_t)records[at + 1] << 7;
		char want[FLOW_JSON_MAX];
		const size_t line = strcspn(json, "\n") + 1;
		assert_true(line < sizeof(want));
		memcpy(want, json, line);
		want[line] = '\0';
		expect_alone(records + at, prefix + body, want);
		expect_alone(records + at + prefix, body, want);
		at += prefix + body;
		json += line;
	}
	assert_int_equal(count, 66);
	assert_int_equal(*json, '\0');
}

/* Records with a length are never taken for one without, nor the other way round: a record begins with its type. */
static void a_missing_length_is_seen(void **state)
{
	(void)state;
	struct flow_random r = {3};
	struct flow_iter it;
	for (uint32_t i = 0; i < 10000; i++) {
		random_flow(&r, i % 101, &in);
		in.type = 1 + i % 5;
		size_t len = flow_pack(&in, record);
		size_t prefix = record[0] < 128 ? 1 : 2;
		flow_iter_message(&it, record, len);
		assert_false(it.bare);
		flow_iter_message(&it, record + prefix, len - prefix);
		assert_int_equal(flow_iter_next(&it, &out), 1);
		assert_same(flow_differs(&in, &out), i);
		assert_int_equal(flow_iter_next(&it, &out), 0);
	}
	flow_iter_message(&it, "\xff\xff", 2); /* neither: bad, as with lengths */
	assert_false(it.bare);
	assert_int_equal(flow_iter_next(&it, &out), -ERR_TRUNCATED);
	flow_iter_message(&it, "", 0);
	assert_int_equal(flow_iter_next(&it, &out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours_read_by_both),
		cmocka_unit_test(protobuf_c_read_by_us),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(damaged_records),
		cmocka_unit_test(noise),
		cmocka_unit_test(wrong_wire_types),
		cmocka_unit_test(unusual_but_legal),
		cmocka_unit_test(what_does_not_fit_is_cut),
		cmocka_unit_test(mapped_fields_are_kept_while_there_is_room),
		cmocka_unit_test(iterates_and_goes_on_behind_damage),
		cmocka_unit_test(goflow2s_own_records),
		cmocka_unit_test(a_missing_length_is_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
