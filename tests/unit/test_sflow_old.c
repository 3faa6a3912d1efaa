/*
 * test_sflow_old.c -- sFlow versions 2 and 4 (RFC 3176), and datagrams of all versions cut and damaged.
 */
#include "tests/unit/sflow_build.h"

#include "collector/sflow.h"
#include "common/buf.h"
#include "common/err.h"

static void old_datagram(uint32_t version, uint32_t samples)
{
	x.len = 0;
	u32(version);
	v4(0xc6336402);
	U32S(N(55), N(1000), N(samples)); /* sequence number, uptime */
}

static void old_flow(uint32_t records)
{
	U32S(N(1), N(9), N(3), N(400), N(4000), N(0), N(7), N(0x80000002)); /* flow sample ... out: two interfaces */
	U32S(N(1), N(1), N(1518)); /* a header, Ethernet */
	opaque(frame4, sizeof(frame4));
	u32(records);
}

static void all_extended_records(uint32_t version)
{
	u32(1);
	U32S(N(10), N(0), N(20), N(0));
	u32(2);
	v4(0x0a0000fe);
	U32S(N(24), N(16));
	u32(3);
	U32S(N(64500), N(64499), N(64498));
	if (version == 2)
		U32S(N(2), N(64502), N(64503));
	else
		U32S(N(1), N(2), N(2), N(64502), N(64503), N(1), N(77), N(120)); /* segment, communities, preference */
	u32(4);
	string("bob");
	string("eve");
	u32(5);
	u32(1);
	string("/x");
}

static void versions_2_and_4(void **state)
{
	(void)state;
	for (uint32_t version = 2; version <= 4; version += 2) {
		old_datagram(version, 2);
		old_flow(5);
		all_extended_records(version);
		U32S(N(1), N(10), N(3), N(400), N(4000), N(0), N(7), N(8)); /* a second one: sampled IPv4, nothing more */
		U32S(N(2), N(1480), N(17), N(0x0a000001), N(0x0a000002), N(1000), N(53), N(0), N(4), N(0));
		decode();
		assert_int_equal(res.reason, 0);
		assert_int_equal(res.version, 0x100 | version);
		assert_int_equal(res.skipped, 0);
		assert_int_equal(n_flows, 2);
		const struct flow *f = &flows[0];
		assert_int_equal(f->type, version == 2 ? FLOW_TYPE_SFLOW_2 : FLOW_TYPE_SFLOW_4);
		assert_addr(&f->sampler_address, "198.51.100.2");
		assert_int_equal(f->sequence_num, 55);
		assert_int_equal(f->sampling_rate, 400);
		assert_int_equal(f->in_if, 7);
		assert_int_equal(f->out_if, 0);
		assert_int_equal(f->bytes, 1518);
		assert_int_equal(f->dst_port, 443);
		assert_int_equal(f->dst_vlan, 20);
		assert_addr(&f->next_hop, "10.0.0.254");
		assert_int_equal(f->src_as, 64499);
		assert_int_equal(f->dst_as, 64503);
		assert_int_equal(f->n_as_path, 2);
		assert_int_equal(f->local_pref, version == 4 ? 120 : 0);
		assert_memory_equal(f->user_name, "bob", 3);
		assert_memory_equal(f->url, "/x", 2);
		assert_int_equal(flows[1].dst_port, 53);
		assert_int_equal(flows[1].bytes, 1480);
		assert_int_equal(flows[1].out_if, 8);
	}
}

static void old_counters(void **state)
{
	(void)state;
	old_datagram(4, 2);
	U32S(N(2), N(5), N(3), N(30), N(2)); /* counters, sequence, source, interval, Ethernet */
	for (uint32_t i = 0; i < 22; i++)
		u32(i);
	for (uint32_t i = 0; i < 13; i++)
		u32(100 + i);
	old_flow(0);
	decode();
	assert_int_equal(res.skipped, 0);
	assert_int_equal(n_flows, 1); /* what follows the counters was found */
	struct buf out = {0};
	sflow_counters_json(&decoder, 1, &out);
	assert_non_null(strstr(out.data, "\"agent\":\"198.51.100.2\",\"sub_agent\":0,"));
	assert_non_null(strstr(out.data, "\"ethernet_symbol_errors\":112}"));
	buf_free(&out);
}

static void an_unknown_type_ends_the_datagram(void **state)
{
	(void)state;
	old_datagram(4, 3);
	old_flow(0);
	U32S(N(9), N(1), N(2));
	old_flow(0);
	decode();
	assert_int_equal(n_flows, 1);
	assert_int_equal(res.skipped, 1);
	old_datagram(4, 1);
	old_flow(1);
	U32S(N(6), N(1)); /* extended data of type 6 */
	decode();
	assert_int_equal(n_flows, 0);
	assert_int_equal(res.skipped, 1);
	old_datagram(4, 1);
	U32S(N(2), N(5), N(3), N(30), N(0), N(0));
	decode();
	assert_int_equal(res.skipped, 1);
}

/* Cut at every octet: never a flow that the whole does not have. Every octet flipped, all bits and one by one: no
 * crash, no endless loop, and the counters add up. */
static void torture(void)
{
	size_t len = x.len;
	decode();
	size_t whole = n_flows;
	assert_true(whole > 0);
	for (size_t n = 0; n < len; n++) {
		decode_len(n);
		assert_true(n_flows < whole || (n_flows == whole && res.skipped));
	}
	for (size_t n = 0; n < len; n++) {
		for (unsigned flip = 1; flip < 0x200; flip <<= 1) {
			uint8_t mask = (uint8_t)(flip == 0x100 ? 0xff : flip);
			x.bytes[n] ^= mask;
			decode();
			assert_true(n_flows <= whole + 8); /* a counter sample may become something else, but not many */
			x.bytes[n] ^= mask;
		}
	}
	const struct decode_stats *s = decoder_stats(decoder);
	uint64_t skipped = 0;
	for (size_t i = 0; i < ERR_COUNT; i++)
		skipped += s->sets_skipped[i];
	assert_int_equal(s->sets, s->sets_decoded + skipped);
}

static void hostile_version_5(void **state)
{
	(void)state;
	datagram(1, 4);
	simple_flow_sample(1);
	size_t at = begin(3);
	U32S(N(1), N(0), N(7), N(256), N(0), N(0), N(0), N(7), N(0), N(8), N(4));
	header_record(1, 64, frame4, sizeof(frame4));
	size_t r = begin(1003);
	v6(9);
	U32S(N(64500), N(0), N(64501), N(2), N(2), N(2), N(64502), N(64503), N(1), N(1), N(64510), N(1), N(7), N(150));
	end(r);
	r = begin(1004);
	u32(106);
	string("alice");
	u32(106);
	string("bob");
	end(r);
	r = begin(1006);
	v4(0x0a0000fd);
	U32S(N(1), N(100u << 12), N(0));
	end(r);
	end(at);
	at = begin(2);
	U32S(N(5), N(3), N(1));
	r = begin(2);
	U32S(N(1), N(2), N(3), N(4), N(5), N(6), N(7), N(8), N(9), N(10), N(11), N(12), N(13));
	end(r);
	end(at);
	at = begin(5);
	U32S(N(1), N(0), N(3), N(0), N(3), N(0), N(258), N(1));
	header_record(1, 1518, frame4, sizeof(frame4));
	end(at);
	torture();
}

static void hostile_version_4(void **state)
{
	(void)state;
	old_datagram(4, 2);
	old_flow(5);
	all_extended_records(4);
	old_flow(0);
	torture();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_2_and_4),
		cmocka_unit_test(old_counters),
		cmocka_unit_test(an_unknown_type_ends_the_datagram),
		cmocka_unit_test(hostile_version_5),
		cmocka_unit_test(hostile_version_4),
	};
	return cmocka_run_group_tests(tests, new_decoder, free_decoder);
}
