/*
 * test_times.c -- every form in which flow times come, and what stands in where they do not.
 */
#include "tests/unit/netflow_build.h"

static void one(const struct field *f, size_t n)
{
	template_set(256, f, n);
	set(256);
}

static void done(void)
{
	end_set();
	send_all();
	assert_int_equal(res.skipped, 0);
}

static void assert_times(size_t i, uint64_t start, uint64_t end)
{
	assert_int_equal(flows[i].time_flow_start_ns, start);
	assert_int_equal(flows[i].time_flow_end_ns, end);
}

static void seconds_to_nanoseconds(void **state)
{
	(void)state;
	uint64_t ntp = ((uint64_t)NOW_S + 2208988800u) << 32;

	ipfix(1);
	template_set(256, FIELDS(F(150, 4), F(151, 4)));
	set(256), put(NOW_S - 9, 4), put(NOW_S - 3, 4), end_set();
	template_set(257, FIELDS(F(152, 8), F(153, 8)));
	set(257), put(NOW_S * 1000ull - 9001, 8), put(NOW_S * 1000ull - 3, 8), end_set();
	/* RFC 7011 6.1.9, 6.1.10: both are NTP's; goflow2 404 */
	template_set(258, FIELDS(F(154, 8), F(155, 8)));
	set(258), put(ntp - (9ull << 32), 8), put(ntp + 0x80000000, 8), end_set();
	template_set(259, FIELDS(F(156, 8), F(157, 8)));
	set(259), put(ntp - (8ull << 32), 8), put(ntp + 0x40000000, 8);
	done();
	assert_times(0, NOW - 9 * NS_PER_S, NOW - 3 * NS_PER_S);
	assert_times(1, NOW - 9001 * NS_PER_MS, NOW - 3 * NS_PER_MS);
	assert_times(2, NOW - 9 * NS_PER_S, NOW + 500 * NS_PER_MS);
	assert_times(3, NOW - 8 * NS_PER_S, NOW + 250 * NS_PER_MS);
}

/* RFC 7011 6.1.9: the lowest 11 bits of microseconds must be ignored. What comes out is what the exporter's clock said. */
static void ntp_fractions_are_binary(void **state)
{
	(void)state;
	uint64_t ntp = ((uint64_t)NOW_S + 2208988800u) << 32;
	uint64_t us = (123457ull << 32) / 1000000;
	uint64_t ns = (123456789ull << 32) / 1000000000;

	ipfix(1);
	template_set(258, FIELDS(F(154, 8), F(155, 8)));
	set(258), put(ntp + (us & ~0x7ffull), 8), put(ntp + (us | 0x7ff), 8), end_set();
	template_set(259, FIELDS(F(156, 8), F(157, 8)));
	set(259), put(ntp + ns, 8), put(ntp + 0xffffffff, 8);
	done();
	assert_times(0, NOW + 123457 * NS_PER_US, NOW + 123457 * NS_PER_US);
	assert_times(1, NOW + 123456789, NOW + NS_PER_S);
}

static void ntp_after_2036(void **state)
{
	(void)state;
	ipfix(1);
	one(FIELDS(F(156, 8), F(157, 8)));
	put(1ull << 32, 8), put(2ull << 32, 8);
	done();
	/* 2036-02-07T06:28:16Z is second 0 of era 1 */
	assert_times(0, 2085978497 * NS_PER_S, 2085978498 * NS_PER_S);
}

/* Seconds have 32 bits, and no sign: until 2106. */
static void after_2038(void **state)
{
	static const uint32_t then[] = {0x7fffffff, 0x80000000, 2240543999u, 0xffffffff - 100};
	(void)state;
	for (size_t i = 0; i < sizeof(then) / sizeof(then[0]); i++) {
		uint64_t t = then[i] * NS_PER_S;
		now_ns = t; /* the header's too */
		v9(1);
		one(FIELDS(F(22, 4), F(21, 4)));
		put(UPTIME_MS - 1000, 4), put(UPTIME_MS - 500, 4);
		done();
		assert_times(n_flows - 1, t - NS_PER_S, t - 500 * NS_PER_MS);
		assert_int_equal(flows[n_flows - 1].time_received_ns, t);
		ipfix(1);
		template_set(257, FIELDS(F(150, 4), F(151, 4)));
		set(257), put(then[i] - 9, 4), put(then[i] - 3, 4);
		done();
		assert_times(n_flows - 1, t - 9 * NS_PER_S, t - 3 * NS_PER_S);
	}
}

static void the_finest_wins_and_zero_does_not(void **state)
{
	(void)state;
	ipfix(1);
	one(FIELDS(F(150, 4), F(151, 4), F(152, 8), F(153, 8)));
	put(NOW_S - 9, 4), put(NOW_S - 3, 4), put(NOW_S * 1000ull - 8500, 8), put(NOW_S * 1000ull - 2500, 8);
	put(NOW_S - 9, 4), put(NOW_S - 3, 4), put(0, 8), put(0, 8);
	done();
	assert_times(0, NOW - 8500 * NS_PER_MS, NOW - 2500 * NS_PER_MS);
	assert_times(1, NOW - 9 * NS_PER_S, NOW - 3 * NS_PER_S);
}

/* goflow2 431: 49.7 days in the future when the 32 bits of the uptime have wrapped. */
static void v9_uptime_wrap(void **state)
{
	(void)state;
	v9(1);
	one(FIELDS(F(22, 4), F(21, 4)));
	put(0xffffffff - 999, 4), put(500, 4);
	done();
	/* uptime is 1,000,000 ms: the flow began 1,000 ms before the wrap */
	assert_times(0, NOW - (UPTIME_MS + 1000) * NS_PER_MS, NOW - (UPTIME_MS - 500) * NS_PER_MS);
}

static void v9_times_slightly_ahead_of_the_header(void **state)
{
	(void)state;
	v9(1);
	one(FIELDS(F(22, 4), F(21, 4)));
	put(UPTIME_MS, 4), put(UPTIME_MS + 1500, 4);
	done();
	assert_times(0, NOW, NOW + 1500 * NS_PER_MS);
}

/* goflow2 6.2 15: 21 and 22 in IPFIX need systemInitTimeMilliseconds. */
static void ipfix_uptime_with_init_time_in_the_record(void **state)
{
	(void)state;
	ipfix(1);
	one(FIELDS(F(22, 4), F(21, 4), F(160, 8)));
	put(1000, 4), put(3000, 4), put(NOW_S * 1000ull - 60000, 8);
	done();
	assert_times(0, NOW - 59 * NS_PER_S, NOW - 57 * NS_PER_S);
}

static void ipfix_uptime_with_init_time_in_options(void **state)
{
	(void)state;
	ipfix(1);
	options_template_set(300, 1, FIELDS(F(149, 4), F(160, 8)));
	set(300), put(1, 4), put(NOW_S * 1000ull - 60000, 8), end_set();
	one(FIELDS(F(22, 4), F(21, 4)));
	put(1000, 4), put(3000, 4);
	done();
	assert_times(0, NOW - 59 * NS_PER_S, NOW - 57 * NS_PER_S);
}

/* Two exporters behind one NAT, started at different times, and a port that nobody knows: what was said last. */
static void init_times_of_two_ports(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++, now_ns += NS_PER_S) {
		ipfix(1);
		options_template_set(300, 1, FIELDS(F(149, 4), F(160, 8)));
		set(300), put(1, 4), put(NOW_S * 1000ull - (i ? 600000 : 60000), 8), end_set();
		send_from("192.0.2.1", (uint16_t)(5001 + i));
	}
	for (unsigned i = 0; i < 3; i++) {
		ipfix(1);
		one(FIELDS(F(22, 4), F(21, 4)));
		put(1000, 4), put(3000, 4);
		end_set();
		send_from("192.0.2.1", (uint16_t)(5001 + i));
	}
	assert_times(0, NOW - 59 * NS_PER_S, NOW - 57 * NS_PER_S);
	assert_times(1, NOW - 599 * NS_PER_S, NOW - 597 * NS_PER_S);
	assert_times(2, NOW - 599 * NS_PER_S, NOW - 597 * NS_PER_S);
}

/* 32 bits of milliseconds wrap after 49.7 days; the exporter has been up for 100. */
static void ipfix_uptime_wraps_too(void **state)
{
	uint64_t up = 100ull * 86400 * 1000;

	(void)state;
	ipfix(1);
	one(FIELDS(F(22, 4), F(21, 4), F(160, 8)));
	put((uint32_t)(up - 5000), 4), put((uint32_t)(up - 2000), 4), put(NOW_S * 1000ull - up, 8);
	done();
	assert_times(0, NOW - 5 * NS_PER_S, NOW - 2 * NS_PER_S);
}

static void ipfix_uptime_without_init_time_keeps_the_duration(void **state)
{
	(void)state;
	ipfix(1);
	one(FIELDS(F(22, 4), F(21, 4)));
	put(1000, 4), put(3000, 4);
	done();
	assert_times(0, NOW - 2 * NS_PER_S, NOW);
}

static void delta_microseconds(void **state)
{
	(void)state;
	ipfix(1);
	one(FIELDS(F(158, 4), F(159, 4)));
	put(2500000, 4), put(1000, 4);
	done();
	assert_times(0, NOW - 2500000 * NS_PER_US, NOW - 1000 * NS_PER_US);
}

static void durations(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(152, 8), F(161, 4)));
	set(256), put(NOW_S * 1000ull - 9000, 8), put(4000, 4), end_set();
	template_set(257, FIELDS(F(153, 8), F(162, 4)));
	set(257), put(NOW_S * 1000ull - 1000, 8), put(4000, 4);
	done();
	assert_times(0, NOW - 9 * NS_PER_S, NOW - 5 * NS_PER_S);
	assert_times(1, NOW - NS_PER_S - 4 * NS_PER_MS, NOW - NS_PER_S);
}

static void observation_times(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(322, 4)));
	set(256), put(NOW_S - 9, 4), end_set();
	template_set(257, FIELDS(F(323, 8)));
	set(257), put(NOW_S * 1000ull - 3, 8), end_set();
	template_set(258, FIELDS(F(325, 8)));
	set(258), put(((uint64_t)NOW_S + 2208988800u) << 32, 8), end_set();
	/* NSEL: the flow began at 152, the event is of 323 */
	template_set(259, FIELDS(F(152, 8), F(323, 8)));
	set(259), put(NOW_S * 1000ull - 9000, 8), put(NOW_S * 1000ull - 3, 8);
	done();
	assert_times(0, NOW - 9 * NS_PER_S, NOW - 9 * NS_PER_S);
	assert_times(1, NOW - 3 * NS_PER_MS, NOW - 3 * NS_PER_MS);
	assert_times(2, NOW, NOW);
	assert_times(3, NOW - 9 * NS_PER_S, NOW - 3 * NS_PER_MS);
}

static void without_times_it_is_the_datagrams(void **state)
{
	(void)state;
	ipfix(1);
	one(FIELDS(F(8, 4)));
	put(1, 4);
	done();
	now_ns += 5 * NS_PER_S;
	v9(1);
	one(FIELDS(F(8, 4), F(153, 8)));
	put(1, 4), put(NOW_S * 1000ull - 3, 8);
	done();
	assert_times(0, NOW, NOW);
	assert_times(1, NOW - 3 * NS_PER_MS, NOW - 3 * NS_PER_MS);
}

/* An exporter whose clock was never set: no time in the year 2554. */
static void a_clock_that_was_never_set(void **state)
{
	(void)state;
	now_ns = 5 * NS_PER_S;
	v9(1);
	template_set(256, FIELDS(F(22, 4), F(21, 4)));
	set(256), put(1000, 4), put(UPTIME_MS, 4), end_set();
	send_all();
	ipfix(1);
	one(FIELDS(F(158, 4), F(159, 4)));
	put(60000000, 4), put(0, 4);
	done();
	for (size_t i = 0; i < n_flows; i++) {
		assert_true(flows[i].time_flow_start_ns <= 5 * NS_PER_S);
		assert_true(flows[i].time_flow_end_ns <= 5 * NS_PER_S);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(seconds_to_nanoseconds), T(ntp_fractions_are_binary), T(ntp_after_2036), T(after_2038),
		T(the_finest_wins_and_zero_does_not), T(v9_uptime_wrap),
		T(v9_times_slightly_ahead_of_the_header), T(ipfix_uptime_with_init_time_in_the_record),
		T(ipfix_uptime_with_init_time_in_options), T(init_times_of_two_ports), T(ipfix_uptime_wraps_too),
		T(ipfix_uptime_without_init_time_keeps_the_duration), T(delta_microseconds), T(durations), T(observation_times),
		T(without_times_it_is_the_datagrams), T(a_clock_that_was_never_set),
	};
	return RUN(tests);
}
