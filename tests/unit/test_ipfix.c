/*
 * test_ipfix.c -- what IPFIX has and NetFlow v9 has not (or seldom): variable length, message length, enterprise bits,
 * biflows (RFC 5103).
 */
#include "tests/unit/netflow_build.h"

static void variable_length_of_one_and_three_bytes(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(8, 4), F(82, VAR), F(1, 4), F(96, VAR), F(2, 4)));
	set(256);
	put(1, 4), put(4, 1), put_text("eth0"), put(100, 4), put(255, 1), put(5, 2), put_text("https"), put(1, 4);
	put(2, 4), put(0, 1), put(200, 4), put(3, 1), put_text("dns"), put(2, 4);
	end_set();
	send_all();
	assert_int_equal(res.skipped, 0);
	assert_int_equal(n_flows, 2);
	assert_text(&flows[0], in_if_name, "eth0");
	assert_text(&flows[0], application_name, "https");
	assert_int_equal(flows[0].bytes, 100);
	assert_int_equal(flows[0].packets, 1);
	assert_int_equal(flows[1].n_in_if_name, 0);
	assert_text(&flows[1], application_name, "dns");
	assert_int_equal(flows[1].bytes, 200);
	assert_int_equal(flows[1].packets, 2);
}

/* goflow2 77: H3C sends them in NetFlow v9 as well. */
static void variable_length_in_v9(void **state)
{
	(void)state;
	v9(1);
	template_set(256, FIELDS(F(82, VAR), F(1, 4)));
	set(256);
	put(4, 1), put_text("eth0"), put(100, 4);
	end_set();
	send_all();
	assert_int_equal(n_flows, 1);
	assert_int_equal(flows[0].bytes, 100);
}

/* goflow2 6.2 17: the set's end taken for an error. */
static void a_template_of_variable_fields_only(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(96, VAR), F(371, VAR)));
	set(256);
	put(1, 1), put_text("a"), put(1, 1), put_text("b");
	put(2, 1), put_text("cc"), put(1, 1), put_text("d");
	end_set();
	send_all();
	assert_int_equal(res.skipped, 0);
	assert_int_equal(n_flows, 2);
	assert_text(&flows[1], application_name, "cc");
	assert_text(&flows[1], user_name, "d");
}

/* RFC 7011 3.3.1: padding must be shorter than any record, which with these fields is two bytes. */
static void padding_behind_variable_records(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(8, 4), F(96, VAR)));
	set(256);
	put(1, 4), put(1, 1), put_text("a");
	put(0, 3);
	end_set();
	send_all();
	assert_int_equal(res.skipped, 0);
	assert_int_equal(n_flows, 1);
}

static void a_variable_length_that_leaves_its_set(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(8, 4), F(96, VAR)));
	set(256);
	put(1, 4), put(1, 1), put_text("a");
	put(2, 4), put(200, 1), put_text("b");
	end_set();
	template_set(257, SMALL);
	small_set(257, 1);
	send_all();
	assert_int_equal(n_flows, 2);
	assert_int_equal(stats()->sets_skipped[ERR_BAD_RECORD], 1);
	assert_int_equal(flows[1].bytes, 100);
}

static void a_message_length_that_lies(void **state)
{
	struct datagram dg;

	(void)state;
	for (int by = -2; by <= 2; by += 4) {
		ipfix(1);
		template_set(256, SMALL);
		small_set(256, 2);
		dg = datagram_from("192.0.2.1", 5000);
		patch16(2, (size_t)((int)n_bytes + by));
		decoder_datagram(decoder, DECODE_NETFLOW, &dg, &res);
		assert_int_equal(res.flows, 2);
		assert_int_equal(res.reason, 0);
	}
	assert_int_equal(stats()->partial, 2);
	dg = datagram_from("192.0.2.1", 5000);
	patch16(2, 15);
	decoder_datagram(decoder, DECODE_NETFLOW, &dg, &res);
	assert_int_equal(res.reason, ERR_BAD_LENGTH);
	assert_int_equal(n_flows, 4);
}

static void records_shorter_than_the_set_leave_padding(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, SMALL);
	set(256);
	put_small(1, 1), put_small(2, 2), put(0, 2);
	end_set();
	send_all();
	assert_int_equal(n_flows, 2);
	assert_int_equal(res.skipped, 0);
}

static void a_set_shorter_than_its_record(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, SMALL);
	set(256);
	put(1, 8);
	end_set();
	send_all();
	assert_int_equal(n_flows, 0);
	assert_int_equal(stats()->sets_skipped[ERR_BAD_RECORD], 1);
}

/* A byte on the wire must not become a flow of a hundred bytes behind it. */
static void records_of_a_few_octets_are_bounded(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(4, 1)));
	template_set(257, FIELDS(F(371, VAR)));
	set(256), put(0x0606060606060606, 8), put(0, 992), end_set();
	send_all();
	assert_int_equal(n_flows, 16 + 1000 / 8);
	assert_int_equal(stats()->sets_skipped[ERR_RECORD_LIMIT], 1);
	ipfix(1);
	set(257), put(0, 1000), end_set();
	send_all();
	assert_int_equal(res.flows, 16 + 1000 / 8);
	assert_int_equal(stats()->sets_skipped[ERR_RECORD_LIMIT], 2);
	ipfix(1);
	set(256), put(0x0606060606060606, 8), end_set();
	send_all();
	assert_int_equal(res.flows, 8);
	assert_int_equal(res.skipped, 0);
}

#define REVERSE 29305
#define BIFLOW FIELDS(F(8, 4), F(12, 4), F(7, 2), F(11, 2), F(4, 1), F(10, 4), F(14, 4), F(1, 8), F(2, 8), F(6, 1), \
	E(REVERSE, 1, 8), E(REVERSE, 2, 8), E(REVERSE, 6, 1), F(152, 8), E(REVERSE, 152, 8), F(15, 4))

static void put_biflow(uint64_t back)
{
	put_ip("198.51.100.1"), put_ip("203.0.113.1"), put(1234, 2), put(80, 2), put(6, 1), put(10, 4), put(20, 4);
	put(500, 8), put(5, 8), put(0x02, 1), put(back, 8), put(back ? 4 : 0, 8), put(back ? 0x12 : 0, 1);
	put(NOW_S * 1000ull - 9000, 8), put(back ? NOW_S * 1000ull - 8000 : 0, 8), put_ip("192.0.2.254");
}

static void a_biflow_is_two_flows(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, BIFLOW);
	set(256);
	put_biflow(9000), put_biflow(0);
	end_set();
	send_all();
	assert_int_equal(n_flows, 3);
	const struct flow *f = &flows[0];
	assert_addr(&f->src_addr, "198.51.100.1");
	assert_int_equal(f->bytes, 500);
	assert_int_equal(f->tcp_flags, 0x02);
	assert_int_equal(f->reverse_bytes, 0);
	f = &flows[1];
	assert_addr(&f->src_addr, "203.0.113.1");
	assert_addr(&f->dst_addr, "198.51.100.1");
	assert_int_equal(f->src_port, 80);
	assert_int_equal(f->dst_port, 1234);
	assert_int_equal(f->in_if, 20);
	assert_int_equal(f->out_if, 10);
	assert_int_equal(f->bytes, 9000);
	assert_int_equal(f->packets, 4);
	assert_int_equal(f->tcp_flags, 0x12);
	assert_int_equal(f->proto, 6);
	assert_int_equal(f->next_hop.len, 0);
	assert_int_equal(f->time_flow_start_ns, NOW - 8 * NS_PER_S);
	/* nobody answered: one flow */
	assert_int_equal(flows[2].bytes, 500);
}

/* softflowd: only what came back was seen. That is one flow, the other way round. */
static void a_biflow_of_answers_only(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, BIFLOW);
	set(256);
	put_ip("198.51.100.1"), put_ip("203.0.113.1"), put(1234, 2), put(80, 2), put(6, 1), put(10, 4), put(20, 4);
	put(0, 8), put(0, 8), put(0, 1), put(9000, 8), put(4, 8), put(0x12, 1);
	put(0, 8), put(NOW_S * 1000ull - 8000, 8), put_ip("192.0.2.254");
	end_set();
	send_all();
	assert_int_equal(n_flows, 1);
	assert_addr(&flows[0].src_addr, "203.0.113.1");
	assert_int_equal(flows[0].src_port, 80);
	assert_int_equal(flows[0].bytes, 9000);
	assert_int_equal(flows[0].time_flow_start_ns, NOW - 8 * NS_PER_S);
}

static void a_biflow_in_one_flow(void **state)
{
	(void)state;
	decoder_free(decoder);
	begin_with((struct decode_options){.biflow_one = true});
	ipfix(1);
	template_set(256, BIFLOW);
	set(256);
	put_biflow(9000);
	end_set();
	send_all();
	assert_int_equal(n_flows, 1);
	assert_int_equal(flows[0].bytes, 500);
	assert_int_equal(flows[0].reverse_bytes, 9000);
	assert_int_equal(flows[0].reverse_packets, 4);
}

/* The enterprise bit is no part of the number, in options templates either (goflow2 6.2 17). */
static void enterprise_bit_in_options_templates(void **state)
{
	(void)state;
	ipfix(1);
	options_template_set(256, 1, FIELDS(F(149, 4), E(9, 100, 4), F(34, 4)));
	template_set(257, SMALL);
	set(256), put(1, 4), put(0, 4), put(64, 4), end_set();
	small_set(257, 1);
	send_all();
	assert_int_equal(flows[0].sampling_rate, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(variable_length_of_one_and_three_bytes), T(variable_length_in_v9), T(a_template_of_variable_fields_only),
		T(padding_behind_variable_records), T(a_variable_length_that_leaves_its_set), T(a_message_length_that_lies),
		T(records_shorter_than_the_set_leave_padding), T(a_set_shorter_than_its_record),
		T(records_of_a_few_octets_are_bounded), T(a_biflow_is_two_flows),
		T(a_biflow_of_answers_only), T(a_biflow_in_one_flow), T(enterprise_bit_in_options_templates),
	};
	return RUN(tests);
}
