/*
 * test_legacy.c -- NetFlow v1, v5, v6, v7, v8: layouts, headers, and counts that lie.
 */
#include "collector/decoder.h"
#include "collector/legacy.h"
#include "collector/template.h"
#include "tests/unit/netflow_build.h"

static void header(unsigned v, unsigned count)
{
	n_bytes = 0;
	version = v;
	put(v, 2), put(count, 2), put(UPTIME_MS, 4), put(NOW_S, 4), put(500 * NS_PER_MS, 4);
}

static void v5(unsigned count, uint32_t seq, unsigned engine, unsigned sampling)
{
	header(5, count);
	put(seq, 4), put(engine, 2), put(sampling, 2);
}

static void ends_to_ports(void)
{
	put_ip("198.51.100.1"), put_ip("203.0.113.1"), put_ip("192.0.2.254"), put(7, 2), put(8, 2);
	put(10, 4), put(1500, 4), put(UPTIME_MS - 2000, 4), put(UPTIME_MS - 1000, 4), put(1234, 2), put(443, 2);
}

static void v5_record(void)
{
	ends_to_ports();
	put(0, 1), put(0x18, 1), put(6, 1), put(0x20, 1), put(65001, 2), put(65002, 2), put(24, 1), put(22, 1), put(0, 2);
}

static void assert_common(const struct flow *f)
{
	assert_addr(&f->src_addr, "198.51.100.1");
	assert_addr(&f->dst_addr, "203.0.113.1");
	assert_addr(&f->next_hop, "192.0.2.254");
	assert_int_equal(f->etype, 0x800);
	assert_int_equal(f->in_if, 7);
	assert_int_equal(f->out_if, 8);
	assert_int_equal(f->packets, 10);
	assert_int_equal(f->bytes, 1500);
	assert_int_equal(f->src_port, 1234);
	assert_int_equal(f->dst_port, 443);
	assert_int_equal(f->proto, 6);
	assert_int_equal(f->tcp_flags, 0x18);
	assert_int_equal(f->ip_tos, 0x20);
	/* the header's nanoseconds count */
	assert_int_equal(f->time_flow_start_ns, NOW + 500 * NS_PER_MS - 2 * NS_PER_S);
	assert_int_equal(f->time_flow_end_ns, NOW + 500 * NS_PER_MS - 1 * NS_PER_S);
}

static void v5_every_field(void **state)
{
	(void)state;
	v5(1, 77, 0x0102, 0);
	v5_record();
	send_all();
	const struct flow *f = &flows[0];
	assert_int_equal(res.version, 5);
	assert_int_equal(f->type, FLOW_TYPE_NETFLOW_V5);
	assert_common(f);
	assert_int_equal(f->sequence_num, 77);
	assert_int_equal(f->src_as, 65001);
	assert_int_equal(f->dst_as, 65002);
	assert_int_equal(f->src_net, 24);
	assert_int_equal(f->dst_net, 22);
	assert_int_equal(f->engine_type, 1);
	assert_int_equal(f->engine_id, 2);
	assert_int_equal(f->sampling_rate, 0);
}

/* goflow2 167: the two bits above the interval are the mode. */
static void v5_sampling_without_its_mode(void **state)
{
	(void)state;
	v5(1, 1, 0, 0x4000 | 1000);
	v5_record();
	send_all();
	assert_int_equal(flows[0].sampling_rate, 1000);
}

/* goflow2 6.2 18: count 30, two records: 30 messages, 28 of them empty. */
static void v5_count_of_30_with_2_records(void **state)
{
	(void)state;
	v5(30, 1, 0, 0);
	v5_record(), v5_record();
	send_all();
	assert_int_equal(n_flows, 2);
	assert_int_equal(res.announced, 30);
	assert_int_equal(stats()->partial, 1);
	assert_int_equal(stats()->sets_skipped[ERR_BAD_LENGTH], 1);
}

static void v5_count_of_65535(void **state)
{
	(void)state;
	v5(65535, 1, 0, 0);
	v5_record();
	send_all();
	assert_int_equal(n_flows, 1);
}

static void v5_more_records_than_counted(void **state)
{
	(void)state;
	v5(1, 1, 0, 0);
	v5_record(), v5_record();
	send_all();
	assert_int_equal(n_flows, 1);
	assert_int_equal(stats()->partial, 1);
}

static void v5_cut_within_the_first_record(void **state)
{
	(void)state;
	v5(1, 1, 0, 0);
	v5_record();
	n_bytes -= 1;
	send_all();
	assert_int_equal(res.reason, ERR_TRUNCATED);
	n_bytes = 23;
	send_all();
	assert_int_equal(res.reason, ERR_TRUNCATED);
	assert_int_equal(n_flows, 0);
}

static void v5_of_no_records(void **state)
{
	(void)state;
	v5(0, 1, 0, 0);
	send_all();
	assert_int_equal(res.reason, 0);
	assert_int_equal(res.flows, 0);
	assert_int_equal(stats()->decoded, 1);
}

/* softflowd and others: `first` is 2^32-1, just before the uptime's wrap. */
static void v5_uptime_wrap(void **state)
{
	(void)state;
	v5(1, 1, 0, 0);
	ends_to_ports();
	put(0, 12);
	patch16(24 + 24, 0xffff), patch16(24 + 26, 0xffff);
	send_all();
	assert_int_equal(flows[0].time_flow_start_ns, NOW + 500 * NS_PER_MS - (UPTIME_MS + 1) * NS_PER_MS);
}

static void v1_both_lengths(void **state)
{
	(void)state;
	for (unsigned spare = 7; spare <= 11; spare += 4) {
		header(1, 2);
		for (int i = 0; i < 2; i++) {
			ends_to_ports();
			put(0, 2), put(6, 1), put(0x20, 1), put(0x18, 1);
			put(0, 4), put(0, spare - 4);
		}
		send_all();
		assert_int_equal(res.reason, 0);
		assert_int_equal(res.skipped, 0);
		assert_int_equal(res.flows, 2);
		assert_common(&flows[n_flows - 1]);
	}
	assert_int_equal(flows[0].type, FLOW_TYPE_NETFLOW_V1);
}

static void v6_and_v7(void **state)
{
	(void)state;
	header(6, 1);
	put(9, 4), put(0, 2), put(0x4000 | 50, 2);
	v5_record();
	n_bytes -= 2;
	put(1, 1), put(2, 1), put_ip("192.0.2.99");
	send_all();
	assert_common(&flows[0]);
	assert_int_equal(flows[0].type, FLOW_TYPE_NETFLOW_V6);
	assert_int_equal(flows[0].sampling_rate, 50);
	assert_addr(&flows[0].bgp_next_hop, "192.0.2.99");
	header(7, 1);
	put(9, 4), put(0xffffffff, 4);
	v5_record();
	put_ip("192.0.2.98");
	send_all();
	assert_common(&flows[1]);
	assert_int_equal(flows[1].type, FLOW_TYPE_NETFLOW_V7);
	assert_int_equal(flows[1].sampling_rate, 0);
	assert_int_equal(flows[1].engine_id, 0);
	assert_int_equal(flows[1].src_as, 65001);
}

/* v8: lengths as Cisco has them; a layout's own sum must be that. */
static void v8_lengths(void **state)
{
	static const unsigned lens[] = {0, 28, 28, 32, 32, 40, 32, 40, 44, 32, 32, 32, 32, 40, 40};

	(void)state;
	for (unsigned a = 1; a <= 14; a++)
		assert_int_equal(legacy_layout(decoder, 8, a, 0)->min_len, lens[a]);
	assert_int_equal(legacy_layout(decoder, 5, 0, 0)->min_len, 48);
	assert_int_equal(legacy_layout(decoder, 6, 0, 0)->min_len, 52);
	assert_int_equal(legacy_layout(decoder, 7, 0, 0)->min_len, 52);
	assert_null(legacy_layout(decoder, 8, 15, 0));
}

static void v8_header(unsigned count, unsigned aggregation)
{
	header(8, count);
	put(55, 4), put(0, 1), put(3, 1), put(aggregation, 1), put(2, 1), put(0, 4);
}

static void aggregate(void)
{
	put(4, 4), put(10, 4), put(1500, 4), put(UPTIME_MS - 2000, 4), put(UPTIME_MS - 1000, 4);
}

static void v8_as_aggregation(void **state)
{
	(void)state;
	v8_header(1, 1);
	aggregate();
	put(65001, 2), put(65002, 2), put(7, 2), put(8, 2);
	send_all();
	const struct flow *f = &flows[0];
	assert_int_equal(f->type, FLOW_TYPE_NETFLOW_V8);
	assert_int_equal(f->flow_count, 4);
	assert_int_equal(f->packets, 10);
	assert_int_equal(f->bytes, 1500);
	assert_int_equal(f->src_as, 65001);
	assert_int_equal(f->dst_as, 65002);
	assert_int_equal(f->in_if, 7);
	assert_int_equal(f->out_if, 8);
	assert_int_equal(f->src_addr.len, 0);
	assert_int_equal(f->etype, 0);
	assert_int_equal(f->engine_id, 3);
}

static void v8_prefix_port_aggregation(void **state)
{
	(void)state;
	v8_header(1, 14);
	aggregate();
	put_ip("198.51.100.0"), put_ip("203.0.113.0"), put(24, 1), put(25, 1), put(0x20, 1), put(6, 1), put(1234, 2),
		put(443, 2), put(7, 2), put(8, 2);
	send_all();
	const struct flow *f = &flows[0];
	assert_addr(&f->src_addr, "198.51.100.0");
	assert_addr(&f->dst_addr, "203.0.113.0");
	assert_int_equal(f->src_net, 24);
	assert_int_equal(f->dst_net, 25);
	assert_int_equal(f->ip_tos, 0x20);
	assert_int_equal(f->proto, 6);
	assert_int_equal(f->dst_port, 443);
	assert_int_equal(f->out_if, 8);
}

static void v8_full_flow_of_a_switch(void **state)
{
	(void)state;
	v8_header(1, 8);
	put_ip("203.0.113.1"), put_ip("198.51.100.1"), put(443, 2), put(1234, 2), put(10, 4), put(1500, 4),
		put(UPTIME_MS - 2000, 4), put(UPTIME_MS - 1000, 4), put(8, 2), put(7, 2), put(0x20, 1), put(6, 1), put(0x40, 1),
		put(0, 1), put(0, 4), put(0, 4);
	send_all();
	const struct flow *f = &flows[0];
	assert_addr(&f->src_addr, "198.51.100.1");
	assert_int_equal(f->src_port, 1234);
	assert_int_equal(f->in_if, 7);
	assert_int_equal(f->post_ip_tos, 0x40);
	assert_int_equal(f->proto, 6);
}

static void v8_of_an_unknown_aggregation(void **state)
{
	(void)state;
	v8_header(1, 15);
	put(0, 40);
	send_all();
	assert_int_equal(res.reason, ERR_UNSUPPORTED);
}

static void unknown_versions(void **state)
{
	(void)state;
	for (unsigned v = 0; v < 20; v++) {
		header(v, 0);
		put(0, 8);
		send_all();
		bool known = v == 1 || (v >= 5 && v <= 10);
		assert_int_equal(res.reason == ERR_VERSION, !known);
	}
	n_bytes = 1;
	send_all();
	assert_int_equal(res.reason, ERR_TRUNCATED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(v5_every_field), T(v5_sampling_without_its_mode), T(v5_count_of_30_with_2_records), T(v5_count_of_65535),
		T(v5_more_records_than_counted), T(v5_cut_within_the_first_record), T(v5_of_no_records), T(v5_uptime_wrap),
		T(v1_both_lengths), T(v6_and_v7), T(v8_lengths), T(v8_as_aggregation), T(v8_prefix_port_aggregation),
		T(v8_full_flow_of_a_switch), T(v8_of_an_unknown_aggregation), T(unknown_versions),
	};
	return RUN(tests);
}
