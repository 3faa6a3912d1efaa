/*
 * test_ie.c -- the table of information elements and the rows that send them to fields.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/ie.h"
#include "collector/mapping.h"
#include "collector/record.h"

static const struct {
	uint32_t number;
	const char *name;
} rows[] = {
#define IE(number, name, type) {number, #name},
#include "collector/ie.def"
#undef IE
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* ie_find() looks with a binary search. */
static void numbers_ascend(void **state)
{
	(void)state;
	for (size_t i = 1; i < ROWS; i++)
		assert_true(rows[i - 1].number < rows[i].number);
}

static void every_row_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		const struct ie *ie = ie_find(rows[i].number);
		assert_non_null(ie);
		assert_string_equal(ie->name, rows[i].name);
		assert_ptr_equal(ie_by_name(rows[i].name), ie);
		assert_int_not_equal(ie->type, IE_TYPE_UNKNOWN);
	}
	assert_null(ie_find(0));
	assert_null(ie_find(65));
	assert_null(ie_find(65535));
	assert_null(ie_by_name("octetdeltacount"));
}

/* The names of the registry; a few known ones by number, against a slip of a row. */
static void well_known_numbers(void **state)
{
	static const struct { uint32_t number; const char *name; enum ie_type type; } known[] = {
		{1, "octetDeltaCount", IE_TYPE_U64}, {8, "sourceIPv4Address", IE_TYPE_IPV4}, {27, "sourceIPv6Address", IE_TYPE_IPV6},
		{56, "sourceMacAddress", IE_TYPE_MAC}, {96, "applicationName", IE_TYPE_STR}, {150, "flowStartSeconds", IE_TYPE_TIME_S},
		{152, "flowStartMilliseconds", IE_TYPE_TIME_MS}, {154, "flowStartMicroseconds", IE_TYPE_TIME_US},
		{156, "flowStartNanoseconds", IE_TYPE_TIME_NS}, {276, "dataRecordsReliability", IE_TYPE_BOOL},
		{291, "basicList", IE_TYPE_BASIC_LIST}, {311, "samplingProbability", IE_TYPE_F64},
		{346, "privateEnterpriseNumber", IE_TYPE_U32}, {434, "mibObjectValueInteger", IE_TYPE_S32},
		{498, "srhSegmentsIPv6Left", IE_TYPE_U8},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_string_equal(ie_find(known[i].number)->name, known[i].name);
		assert_int_equal(ie_find(known[i].number)->type, known[i].type);
	}
}

static void types_have_names(void **state)
{
	(void)state;
	for (enum ie_type t = IE_TYPE_UNKNOWN; t <= IE_TYPE_MULTI_LIST; t++)
		assert_int_equal(ie_type_by_name(ie_type_name(t)), t);
	/* RFC 5610 3.1 */
	assert_int_equal(ie_type_of_wire(0), IE_TYPE_OCTETS);
	assert_int_equal(ie_type_of_wire(4), IE_TYPE_U64);
	assert_int_equal(ie_type_of_wire(13), IE_TYPE_STR);
	assert_int_equal(ie_type_of_wire(19), IE_TYPE_IPV6);
	assert_int_equal(ie_type_of_wire(22), IE_TYPE_MULTI_LIST);
	assert_int_equal(ie_type_of_wire(200), IE_TYPE_UNKNOWN);
}

/* Each built-in row can be looked up, and two rows of one field never have the same rank, but for the two families of
 * an address, where zero decides. */
static void the_map_is_unambiguous(void **state)
{
	size_t n;
	const struct ie_map *map = ie_map_rows(&n);
	struct mapping *m;

	(void)state;
	assert_int_equal(mapping_new(&m), 0);
	for (size_t i = 0; i < n; i++) {
		const struct mapping_row *row = mapping_first(m, map[i].pen, map[i].element);
		while (row && (row->map.target != map[i].target || row->map.op != map[i].op))
			row = mapping_next(row);
		assert_non_null(row);
		for (size_t k = 0; k < i; k++)
			if (map[k].target == map[i].target && map[k].op != IE_OP_CALL && map[i].op != IE_OP_CALL)
				assert_false(map[k].pen == map[i].pen && map[k].element == map[i].element);
	}
	mapping_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_ascend), cmocka_unit_test(every_row_is_found), cmocka_unit_test(well_known_numbers),
		cmocka_unit_test(types_have_names), cmocka_unit_test(the_map_is_unambiguous),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
