/*
 * test_sflow_damage.c -- sFlow 5 that no agent sends: each record at each length, a version that is none.
 */
#include "collector/decoder.h"
#include "common/err.h"
#include "tests/unit/sflow_build.h"

/* Each record that is known, of each length and of a few contents: the packet beside it is a flow all the same, or the sample is bad. */
static void every_record_at_every_length(void **state)
{
	static const uint32_t formats[] = {1, 2, 3, 4, 1001, 1002, 1003, 1004, 1006, 1007, 1011, 1012, 1020, 1023, 1024, 1025, 1026, 1029,
					   1030, 1034, 1035, 1043, 2100, 2101, 2206};
	static const uint32_t fills[] = {0, 1, 2, 47, UINT32_MAX};
	(void)state;
	for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++)
		for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++)
			for (uint32_t words = 0; words < 24; words++) {
				uint64_t before = decoder_stats(decoder)->records_ignored;
				datagram(words + 1, 1);
				size_t at = flow_sample(words + 1, 3, 4, 2);
				header_record(1, 1518, frame4, sizeof(frame4));
				size_t r = begin(formats[f]);
				for (uint32_t n = 0; n < words; n++)
					u32(fills[i]);
				end(r);
				end(at);
				decode();
				assert_int_equal(res.reason, ERR_NONE);
				assert_int_equal(n_flows + res.skipped, 1);
				assert_true(words > 0 || res.skipped || decoder_stats(decoder)->records_ignored > before ||
					    formats[f] == 1043 || formats[f] <= 4);
			}
}

/* What decode.c does not let through. */
static void a_version_that_is_none(void **state)
{
	static const uint8_t seven[] = {0, 0, 0, 7, 0, 0, 0, 1};
	struct datagram dg = {.data = seven, .len = sizeof(seven)};
	struct decode_result none = {0};
	(void)state;
	sflow_decode(decoder, &dg, &none);
	assert_int_equal(none.reason, ERR_VERSION);
	dg.len = 3;
	sflow_decode(decoder, &dg, &none);
	assert_int_equal(none.reason, ERR_TRUNCATED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_record_at_every_length),
		cmocka_unit_test(a_version_that_is_none),
	};
	return cmocka_run_group_tests(tests, new_decoder, free_decoder);
}
