/*
 * test_sflow_counters.c -- counter samples of sFlow: kept, shown, bounded.
 */
#include "tests/unit/sflow_build.h"

#include <stdio.h>

#include "collector/sflow.h"
#include "common/buf.h"

static void interface_counters(uint32_t index)
{
	size_t r = begin(1);
	U32S(N(index), N(6));
	u64(1000000000);
	U32S(N(1), N(3));
	u64(0x100000001ull); /* in octets */
	U32S(N(11), N(12), N(13), N(14), N(0xffffffff), N(16)); /* errors: not counted */
	u64(2000);
	U32S(N(21), N(22), N(23), N(24), N(25), N(0));
	end(r);
}

static const char *prom(void)
{
	static struct buf out;
	buf_reset(&out);
	sflow_counters_prom(&decoder, 1, &out);
	return out.data ? out.data : "";
}

static const char *json(void)
{
	static struct buf out;
	buf_reset(&out);
	sflow_counters_json(&decoder, 1, &out);
	return out.data;
}

static void nothing_yet(void **state)
{
	(void)state;
	assert_string_equal(prom(), "");
	assert_string_equal(json(), "[]\n");
}

static void interface_and_ethernet(void **state)
{
	(void)state;
	datagram(1, 1);
	size_t at = begin(2);
	U32S(N(5), N(3), N(3)); /* sequence, source, records */
	interface_counters(3);
	size_t r = begin(2);
	U32S(N(1), N(2), N(3), N(4), N(5), N(6), N(7), N(8), N(9), N(10), N(11), N(12), N(13));
	end(r);
	r = begin(1005);
	string("xe-0/0/3 \"core\"");
	end(r);
	end(at);
	decode();
	assert_int_equal(res.reason, 0);
	assert_int_equal(res.skipped, 0);
	assert_int_equal(n_flows, 0);
	assert_int_equal(decoder_stats(decoder)->counter_samples, 1);
	static const char *const want[] = {
		"# TYPE weir_sflow_if_in_octets_total counter\nweir_sflow_if_in_octets_total{agent=\"198.51.100.1\",sub_agent=\"7\","
		"source=\"0:3\",name=\"xe-0/0/3 \\\"core\\\"\"} 4294967297\n",
		"# TYPE weir_sflow_if_speed gauge\n",
		"weir_sflow_if_out_unicast_packets_total{agent=\"198.51.100.1\",sub_agent=\"7\",source=\"0:3\",",
		"weir_sflow_ethernet_symbol_errors_total{agent=\"198.51.100.1\"",
	};
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_non_null(strstr(prom(), want[i]));
	assert_null(strstr(prom(), "weir_sflow_if_in_errors")); /* all ones: the agent does not count it */
	assert_null(strstr(prom(), "host_cpu"));
	assert_non_null(strstr(json(), "\"agent\":\"198.51.100.1\",\"sub_agent\":7,\"source_type\":0,\"source_index\":3,"
	                               "\"name\":\"xe-0/0/3 \\\"core\\\"\",\"if_index\":3,\"if_type\":6,"));
	assert_non_null(strstr(json(), "\"ethernet_fcs_errors\":2,"));
}

static void the_latest_value_stands(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		datagram(2 + i, 1);
		size_t at = begin(4); /* expanded */
		U32S(N(6), N(0), N(3), N(1));
		size_t r = begin(5);
		U32S(N(77));
		u64(500 + i);
		U32S(N(1), N(2), N(3), N(4));
		end(r);
		end(at);
		decode();
	}
	assert_non_null(strstr(json(), "\"vlan_octets\":501,"));
	assert_null(strstr(json(), "\"vlan_octets\":500,"));
}

static void host_records_old_and_new(void **state)
{
	(void)state;
	for (uint32_t extra = 0; extra <= 3; extra += 3) {
		datagram(10 + extra, 1);
		size_t at = begin(4);
		U32S(N(6), N(2), N(1), N(2));
		size_t r = begin(2003);
		U32S(N(0x3fc00000), N(0x7fc00000), N(0x40000000)); /* 1.5, not a number, 2 */
		for (uint32_t i = 0; i < 14 + extra; i++)
			u32(100 + i);
		end(r);
		r = begin(2006);
		u64(1);
		U32S(N(2), N(3), N(4));
		u64(5);
		U32S(N(6), N(7), N(8));
		end(r);
		end(at);
		decode();
		assert_int_equal(res.skipped, 0);
		assert_non_null(strstr(json(), "\"host_cpu_load_1m\":1.50,\"host_cpu_load_5m\":0.00,\"host_cpu_load_15m\":2.00,"));
		assert_non_null(strstr(json(), "\"host_net_out_drops\":8"));
		assert_int_equal(strstr(json(), "host_cpu_steal_ms") != NULL, extra == 3);
	}
}

static void records_that_do_not_fit(void **state)
{
	(void)state;
	uint64_t ignored = decoder_stats(decoder)->records_ignored;
	datagram(20, 2);
	size_t at = begin(2);
	U32S(N(5), N(99), N(2));
	size_t r = begin(1); /* interface counters of 8 octets */
	U32S(N(1), N(2));
	end(r);
	interface_counters(99);
	end(at);
	at = begin(2);
	U32S(N(5), N(98), N(1000), N(1), N(88)); /* a record that is not there */
	end(at);
	decode();
	assert_int_equal(decoder_stats(decoder)->records_ignored - ignored, 1);
	assert_int_equal(res.skipped, 1);
	assert_non_null(strstr(json(), "\"source_index\":99,\"name\":\"\",\"if_index\":99,"));
	assert_null(strstr(json(), "\"source_index\":98"));
}

/* SECURITY: more data sources than there is room for, and one more. */
static void sources_are_bounded(void **state)
{
	(void)state;
	uint64_t evicted = decoder_stats(decoder)->sources_evicted;
	for (uint32_t i = 0; i < 8192 + 1; i++) {
		datagram(i, 1);
		size_t at = begin(4);
		U32S(N(6), N(0), N(1000 + i), N(1));
		interface_counters(1000 + i);
		end(at);
		decode();
	}
	assert_true(decoder_stats(decoder)->sources_evicted > evicted);
	size_t sources = 0;
	for (const char *p = json(); (p = strstr(p, "\"agent\"")); p++)
		sources++;
	assert_true(sources <= 8192);
	assert_non_null(strstr(json(), "\"source_index\":9192,")); /* the last one is there */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_yet),
		cmocka_unit_test(interface_and_ethernet),
		cmocka_unit_test(the_latest_value_stands),
		cmocka_unit_test(host_records_old_and_new),
		cmocka_unit_test(records_that_do_not_fit),
		cmocka_unit_test(sources_are_bounded),
	};
	return cmocka_run_group_tests(tests, new_decoder, free_decoder);
}
