/*
 * test_batch.c -- packing into a batch, its checksum, and finding its records again.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/batch.h"
#include "collector/journal.h"
#include "collector/plain.h"
#include "proto/flow.h"
#include "proto/unpack.h"

static struct flow a_flow(uint32_t n)
{
	struct flow f;
	flow_clear(&f);
	f.type = FLOW_TYPE_IPFIX;
	f.bytes = n;
	f.packets = 1;
	f.src_addr = ip_v4((const uint8_t[]){192, 0, 2, 1});
	return f;
}

static void add(struct batch *b, const struct batch_encoding *e, uint32_t n)
{
	struct flow f = a_flow(n);
	assert_true(batch_has_room(b, e));
	batch_add(b, e, &f);
}

static void bin_records_are_found_again(void **state)
{
	struct batch_encoding e = batch_encoding_of(BATCH_BIN, NULL);
	struct batch *b = plain_batch_new(65536);
	struct flow f;
	size_t at = 0, len;
	(void)state;
	for (uint32_t i = 1; i <= 300; i++)
		add(b, &e, i * 1000);
	assert_int_equal(b->flows, 300);
	for (uint32_t i = 1; i <= 300; i++) {
		struct flow_iter it;
		assert_int_equal(batch_record(BATCH_BIN, b->data + at, b->data + b->len, &len), 0);
		flow_iter_init(&it, b->data + at, len);
		assert_int_equal(flow_iter_next(&it, &f), 1);
		assert_int_equal(f.bytes, i * 1000);
		assert_int_equal(flow_iter_next(&it, &f), 0);
		at += len;
	}
	assert_int_equal(at, b->len);
	/* Cut anywhere, the last record is not whole. */
	for (size_t cut = 0; cut < len; cut++)
		assert_true(batch_record(BATCH_BIN, b->data + b->len - len, b->data + b->len - len + cut, &at) < 0);
	plain_batch_free(b);
}

static void lines_and_separators(void **state)
{
	static const struct {
		enum batch_format format;
		const char *separator, *between;
	} rows[] = {
		{BATCH_JSON, NULL, "}\n{"}, {BATCH_JSON, ";;", "};;{"}, {BATCH_JSON, "", "}{"}, {BATCH_TEXT, NULL, "\ntype="},
		{BATCH_BIN, "XYZ", "XYZ"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct batch_encoding e = batch_encoding_of(rows[i].format, rows[i].separator);
		struct batch *b = plain_batch_new(e.room + 8192);
		add(b, &e, 1);
		add(b, &e, 2);
		assert_non_null(memmem(b->data, b->len, rows[i].between, strlen(rows[i].between)));
		if (rows[i].format != BATCH_BIN && !rows[i].separator) {
			size_t first, second;
			assert_int_equal(batch_record(rows[i].format, b->data, b->data + b->len, &first), 0);
			assert_int_equal(batch_record(rows[i].format, b->data + first, b->data + b->len, &second), 0);
			assert_int_equal(first + second, b->len);
		}
		plain_batch_free(b);
	}
}

static void room_is_for_the_longest_record(void **state)
{
	struct batch_encoding e = batch_encoding_of(BATCH_BIN, "12345");
	struct batch *b = plain_batch_new(e.room + 1);
	(void)state;
	assert_true(batch_has_room(b, &e));
	add(b, &e, 1);
	assert_false(batch_has_room(b, &e));
	batch_reset(b);
	assert_true(batch_has_room(b, &e));
	plain_batch_free(b);
}

/* The running checksum of many commits equals that of the whole at once; one changed bit anywhere shows. */
static void checksum_by_commits(void **state)
{
	struct batch_encoding e = batch_encoding_of(BATCH_BIN, NULL);
	struct journal_record record = {0};
	struct batch *b = plain_batch_new(65536);
	(void)state;
	b->record = &record;
	for (uint32_t i = 0; i < 50; i++) {
		for (uint32_t k = 0; k <= i % 5; k++)
			add(b, &e, i << k);
		batch_commit(b, 7);
		const struct journal_commit *c = &record.commits[(record.n_commits - 1) & 1];
		assert_int_equal(c->len, b->len);
		assert_int_equal(c->flows, b->flows);
		assert_true(c->checksum == batch_checksum(b->data, b->len, b->flows));
	}
	assert_int_equal(record.n_commits, 50);
	assert_int_equal(b->opened_ns, 7);
	batch_commit(b, 8); /* nothing new */
	assert_int_equal(record.n_commits, 50);
	uint64_t good = batch_checksum(b->data, b->len, b->flows);
	for (size_t bit = 0; bit < b->len * 8; bit++) {
		b->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(batch_checksum(b->data, b->len, b->flows) != good);
		b->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(batch_checksum(b->data, b->len, b->flows + 1) != good);
	assert_true(batch_checksum(b->data, b->len - 1, b->flows) != good);
	plain_batch_free(b);
}

static void format_words(void **state)
{
	enum batch_format format;
	(void)state;
	assert_int_equal(batch_format_parse("text", &format), 0);
	assert_int_equal(format, BATCH_TEXT);
	assert_string_equal(batch_format_name(BATCH_JSON), "json");
	assert_int_equal(batch_format_parse("protobuf", &format), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bin_records_are_found_again),
		cmocka_unit_test(lines_and_separators),
		cmocka_unit_test(room_is_for_the_longest_record),
		cmocka_unit_test(checksum_by_commits),
		cmocka_unit_test(format_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
