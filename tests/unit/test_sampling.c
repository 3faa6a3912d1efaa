/*
 * test_sampling.c -- rates from headers, options data, records and configuration; which one a flow takes.
 */
#include "collector/sampling.h"
#include "tests/unit/netflow_build.h"

/* Data template 400: source, input interface, sampler, octets. */
static void data_template(uint16_t selector)
{
	template_set(400, FIELDS(F(8, 4), F(10, 4), F(selector, 4), F(1, 4)));
}

static void put_flow(uint32_t in_if, uint32_t selector)
{
	put(1, 4), put(in_if, 4), put(selector, 4), put(100, 4);
}

static void done(void)
{
	end_set();
	send_all();
	assert_int_equal(res.skipped, 0);
}

static void unknown_is_0_and_counted(void **state)
{
	(void)state;
	v9(1);
	template_set(256, SMALL);
	small_set(256, 3);
	send_all();
	assert_int_equal(n_flows, 3);
	assert_int_equal(flows[0].sampling_rate, 0);
	assert_int_equal(stats()->flows_without_sampling, 3);
}

/* akvorado 997, nfdump 187; goflow2 6.2 13: several samplers on one box, the flow names its own. */
static void several_rates_on_one_box(void **state)
{
	(void)state;
	v9(1);
	options_template_set(300, 1, FIELDS(F(1, 4), F(48, 1), F(49, 1), F(50, 4)));
	set(300);
	put(1, 4), put(1, 1), put(2, 1), put(2000, 4);
	put(1, 4), put(2, 1), put(2, 1), put(4000, 4);
	end_set();
	data_template(48);
	set(400);
	put_flow(1, 2), put_flow(1, 1), put_flow(1, 3), put_flow(1, 0);
	done();
	assert_int_equal(flows[0].sampling_rate, 4000);
	assert_int_equal(flows[0].selector_id, 2);
	assert_int_equal(flows[1].sampling_rate, 2000);
	assert_int_equal(flows[2].sampling_rate, 0); /* a sampler that nobody described */
	assert_int_equal(flows[3].sampling_rate, 0); /* none named, two known */
}

static void one_rate_is_for_all(void **state)
{
	(void)state;
	ipfix(1);
	options_template_set(300, 1, FIELDS(F(149, 4), F(302, 4), F(34, 4)));
	set(300), put(1, 4), put(5, 4), put(512, 4), end_set();
	template_set(256, SMALL);
	small_set(256, 1);
	data_template(302);
	set(400), put_flow(1, 5);
	done();
	assert_int_equal(flows[0].sampling_rate, 512);
	assert_int_equal(flows[1].sampling_rate, 512);
}

/* goflow2 440 (Nokia): interval 1, space 999 is one of a thousand, not 1. */
static void packet_interval_and_space(void **state)
{
	(void)state;
	ipfix(1);
	options_template_set(300, 1, FIELDS(F(302, 4), F(304, 2), F(305, 4), F(306, 4)));
	set(300), put(1, 4), put(1, 2), put(1, 4), put(999, 4), end_set();
	template_set(256, SMALL);
	small_set(256, 1);
	send_all();
	assert_int_equal(flows[0].sampling_rate, 1000);
}

static void size_of_population_and_probability(void **state)
{
	uint64_t bits;
	uint32_t bits4;
	double half_percent = 0.005;
	float quarter = 0.25f;

	(void)state;
	memcpy(&bits, &half_percent, 8);
	memcpy(&bits4, &quarter, 4);
	ipfix(1);
	options_template_set(300, 1, FIELDS(F(302, 4), F(309, 4), F(310, 4)));
	options_template_set(301, 1, FIELDS(F(302, 4), F(311, 8)));
	set(300), put(1, 4), put(10, 4), put(1000, 4), end_set();
	set(301), put(2, 4), put(bits, 8), end_set();
	/* RFC 7011 6.2: a float64 in four octets */
	options_template_set(302, 1, FIELDS(F(302, 4), F(311, 4)));
	set(302), put(3, 4), put(bits4, 4), end_set();
	data_template(302);
	set(400);
	put_flow(1, 1), put_flow(1, 2), put_flow(1, 3);
	done();
	assert_int_equal(flows[0].sampling_rate, 100);
	assert_int_equal(flows[1].sampling_rate, 200);
	assert_int_equal(flows[2].sampling_rate, 4);
}

/* A Cisco NCS: an interval of 1 that its algorithm, n out of N, does not use. */
static void parameters_of_another_algorithm(void **state)
{
	(void)state;
	ipfix(1);
	options_template_set(300, 1, FIELDS(F(302, 4), F(305, 4), F(304, 2), F(309, 4), F(310, 4)));
	set(300), put(1, 4), put(1, 4), put(3, 2), put(1, 4), put(256, 4), end_set();
	template_set(256, SMALL);
	small_set(256, 1);
	send_all();
	assert_int_equal(flows[0].sampling_rate, 256);
}

/* goflow2 6.2 13: a rate of two bytes fails the datagram, one of eight gives its upper half. */
static void rates_of_any_length(void **state)
{
	static const uint16_t lens[] = {1, 2, 3, 4, 8};

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		ipfix(i);
		options_template_set(300, 1, FIELDS(F(149, 4), F(305, lens[i])));
		set(300), put(i, 4), put(100 + i, lens[i]), end_set();
		template_set(256, SMALL);
		small_set(256, 1);
		send_all();
		assert_int_equal(flows[i].sampling_rate, 100 + i);
	}
}

/* akvorado 841 (Huawei): in the data record. */
static void a_rate_in_the_record(void **state)
{
	(void)state;
	ipfix(1);
	options_template_set(300, 1, FIELDS(F(149, 4), F(34, 4)));
	set(300), put(1, 4), put(64, 4), end_set();
	template_set(256, FIELDS(F(8, 4), F(34, 4)));
	set(256);
	put(1, 4), put(1000, 4);
	put(2, 4), put(0, 4);
	end_set();
	template_set(257, FIELDS(F(8, 4), F(305, 4), F(306, 4)));
	set(257), put(1, 4), put(2, 4), put(98, 4);
	done();
	assert_int_equal(flows[0].sampling_rate, 1000);
	assert_int_equal(flows[1].sampling_rate, 64);
	assert_int_equal(flows[2].sampling_rate, 50);
}

/* Of interface 7 one in 100, of 8 one in 200. */
static void v9_with_rates_of_7_and_8(void)
{
	v9(1);
	options_template_set(300, 1, FIELDS(F(2, 4), F(34, 4), F(35, 1)));
	set(300);
	put(7, 4), put(100, 4), put(2, 1);
	put(8, 4), put(200, 4), put(2, 1);
	end_set();
}

static void by_interface(void **state)
{
	(void)state;
	v9_with_rates_of_7_and_8();
	data_template(48);
	set(400);
	put_flow(8, 0), put_flow(7, 0), put_flow(9, 0);
	done();
	assert_int_equal(flows[0].sampling_rate, 200);
	assert_int_equal(flows[1].sampling_rate, 100);
	assert_int_equal(flows[2].sampling_rate, 0);
}

/* RFC 7012, flowDirection: what was observed leaving is sampled as its egress interface is. */
static void by_the_interface_it_left_by(void **state)
{
	(void)state;
	v9_with_rates_of_7_and_8();
	template_set(400, FIELDS(F(8, 4), F(10, 4), F(14, 4), F(61, 1)));
	set(400);
	put(1, 4), put(7, 4), put(8, 4), put(0, 1);
	put(1, 4), put(7, 4), put(8, 4), put(1, 1);
	put(1, 4), put(9, 4), put(8, 4), put(1, 1);
	put(1, 4), put(7, 4), put(9, 4), put(1, 1);
	put(1, 4), put(7, 4), put(0, 4), put(1, 1);
	done();
	assert_int_equal(flows[0].sampling_rate, 100);
	assert_int_equal(flows[1].sampling_rate, 200);
	assert_int_equal(flows[2].sampling_rate, 200);
	assert_int_equal(flows[3].sampling_rate, 100); /* nothing is known of 9 */
	assert_int_equal(flows[4].sampling_rate, 100);
}

/* goflow GF2#207: options data from another source port than the flows. */
static void options_from_another_port(void **state)
{
	(void)state;
	ipfix(1);
	options_template_set(300, 1, FIELDS(F(149, 4), F(34, 4)));
	set(300), put(1, 4), put(64, 4), end_set();
	send_from("192.0.2.1", 1111);
	ipfix(1);
	template_set(256, SMALL);
	small_set(256, 1);
	send_from("192.0.2.1", 2222);
	assert_int_equal(flows[0].sampling_rate, 64);
}

/* akvorado 89: rate and flows in one datagram; and the rate may change. */
static void a_rate_that_changes(void **state)
{
	(void)state;
	for (uint32_t rate = 100; rate <= 200; rate += 100) {
		v9(1);
		options_template_set(300, 1, FIELDS(F(1, 4), F(34, 4)));
		set(300), put(1, 4), put(rate, 4), end_set();
		template_set(256, SMALL);
		small_set(256, 1);
		send_all();
		assert_int_equal(flows[rate / 100 - 1].sampling_rate, rate);
	}
}

/* Twenty exporters behind one NAT, each with a rate of its own for sampler 1: the last eight are known. */
static void rates_of_many_ports_are_bounded(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 20; i++, now_ns += NS_PER_S) {
		ipfix(1);
		options_template_set(300, 1, FIELDS(F(302, 4), F(34, 4)));
		set(300), put(1, 4), put(100u + i, 4), end_set();
		send_from("192.0.2.1", (uint16_t)(6000 + i));
	}
	static const uint16_t ports[] = {6019, 6012, 6000};
	for (size_t i = 0; i < 3; i++) {
		ipfix(1);
		data_template(302);
		set(400);
		put_flow(1, 1);
		end_set();
		send_from("192.0.2.1", ports[i]);
	}
	assert_int_equal(n_flows, 3);
	assert_int_equal(flows[0].sampling_rate, 119);
	assert_int_equal(flows[1].sampling_rate, 112);
	assert_int_equal(flows[2].sampling_rate, 119); /* forgotten: what was said last */
}

static void samplers_are_bounded(void **state)
{
	(void)state;
	for (uint32_t i = 0; i <= SAMPLERS_MAX; i++) {
		ipfix(1);
		options_template_set(300, 1, FIELDS(F(302, 4), F(34, 4)));
		set(300), put(i, 4), put(i + 1, 4), end_set();
		send_all();
	}
	assert_int_equal(stats()->metadata_refused, 1);
}

static void configured_rates(void **state)
{
	struct sampling_overrides o;
	char err[100];

	(void)state;
	assert_int_equal(sampling_overrides_parse("192.0.2.0/24=10, 192.0.2.128/25=20,2001:db8::/32=30", &o, err, 100), 0);
	decoder_free(decoder);
	begin_with((struct decode_options){.overrides = &o, .default_sampling_rate = 7});
	static const struct { const char *from; uint64_t rate; } cases[] = {
		{"192.0.2.1", 10}, {"192.0.2.200", 20}, {"2001:db8::1", 30}, {"198.51.100.1", 500}, {"198.51.100.2", 7}};
	for (int i = 0; i < 5; i++) {
		v9(1);
		if (i != 4) {
			options_template_set(300, 1, FIELDS(F(1, 4), F(34, 4)));
			set(300), put(1, 4), put(500, 4), end_set();
		}
		template_set(256, SMALL);
		small_set(256, 1);
		send_from(cases[i].from, 1);
		assert_int_equal(flows[i].sampling_rate, cases[i].rate);
	}
	assert_int_equal(stats()->flows_without_sampling, 0);
	finish(NULL);
	sampling_overrides_free(&o);
	begin(NULL);
	assert_int_equal(sampling_overrides_parse("192.0.2.0/24", &o, err, 100), -22);
	assert_non_null(strstr(err, "192.0.2.0/24"));
	assert_int_equal(sampling_overrides_parse("192.0.2.0/24=0", &o, err, 100), -22);
	assert_int_equal(sampling_overrides_parse("192.0.2.0/33=1", &o, err, 100), -22);
	assert_int_equal(sampling_overrides_parse("192.0.2.0/24=1x", &o, err, 100), -22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(unknown_is_0_and_counted), T(several_rates_on_one_box), T(one_rate_is_for_all), T(packet_interval_and_space),
		T(size_of_population_and_probability),
		T(parameters_of_another_algorithm), T(rates_of_any_length), T(a_rate_in_the_record), T(by_interface), T(by_the_interface_it_left_by),
		T(options_from_another_port), T(a_rate_that_changes), T(rates_of_many_ports_are_bounded),
		T(samplers_are_bounded), T(configured_rates),
	};
	return RUN(tests);
}
