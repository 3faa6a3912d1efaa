/*
 * test_hold.c -- data that comes before its template: kept, decoded when it comes, given up when it does not.
 */
#include "tests/unit/netflow_build.h"

/* goflow2 6.2 7, GF2#42: parked until the template comes, with the time of its own datagram. */
static void data_before_its_template(void **state)
{
	(void)state;
	v9(1);
	small_set(256, 2);
	send_all();
	assert_int_equal(n_flows, 0);
	assert_int_equal(stats()->sets_held, 1);
	assert_true(stats()->held_bytes > 0);
	conserve();
	now_ns += 30 * NS_PER_S;
	v9(1);
	template_set(256, SMALL);
	send_all();
	assert_int_equal(n_flows, 2);
	assert_int_equal(res.flows, 2);
	assert_int_equal(flows[0].time_received_ns, NOW);
	assert_int_equal(flows[0].time_flow_start_ns, NOW);
	assert_int_equal(flows[0].sequence_num, 1);
	assert_int_equal(stats()->sets_held, 0);
	assert_int_equal(stats()->held_bytes, 0);
	assert_int_equal(stats()->sets_released, 1);
}

static void the_template_comes_later_in_the_same_datagram(void **state)
{
	(void)state;
	ipfix(1);
	small_set(256, 2);
	template_set(256, SMALL);
	small_set(256, 1);
	send_all();
	assert_int_equal(n_flows, 3);
	assert_addr(&flows[0].src_addr, "198.51.100.0");
	assert_addr(&flows[1].src_addr, "198.51.100.1");
}

static void options_data_waits_too(void **state)
{
	(void)state;
	ipfix(1);
	set(300), put(1, 4), put(64, 4), end_set();
	send_all();
	ipfix(1);
	options_template_set(300, 1, FIELDS(F(149, 4), F(34, 4)));
	template_set(256, SMALL);
	small_set(256, 1);
	send_all();
	assert_int_equal(flows[0].sampling_rate, 64);
}

static void only_what_waits_for_it_goes(void **state)
{
	(void)state;
	ipfix(1);
	small_set(256, 1);
	small_set(257, 1);
	send_all();
	ipfix(2);
	small_set(256, 1);
	send_all();
	ipfix(1);
	small_set(256, 1);
	send_from("192.0.2.2", 1);
	assert_int_equal(stats()->sets_held, 4);
	ipfix(1);
	template_set(256, SMALL);
	send_all();
	assert_int_equal(n_flows, 1);
	assert_int_equal(stats()->sets_held, 3);
}

/* So many wait that they stand behind each other; the last to come go first. */
static void many_wait(void **state)
{
	enum { MANY = 500, FIRST = 256 };
	(void)state;
	for (uint16_t id = FIRST; id < FIRST + MANY; id++) {
		ipfix(1);
		small_set(id, 1);
		send_all();
	}
	assert_int_equal(stats()->sets_held, MANY);
	for (uint16_t id = FIRST + MANY - 1; id >= FIRST; id--) {
		ipfix(1);
		template_set(id, SMALL);
		send_all();
		assert_int_equal(res.flows, 1);
		assert_int_equal(stats()->sets_held, id - FIRST);
	}
	assert_int_equal(stats()->held_bytes, 0);
}

static void it_is_given_up_after_a_while(void **state)
{
	(void)state;
	v9(1);
	small_set(256, 1);
	send_all();
	decoder_tick(decoder, now_ns + 60 * NS_PER_S);
	assert_int_equal(stats()->sets_held, 1);
	decoder_tick(decoder, now_ns + 61 * NS_PER_S);
	assert_int_equal(stats()->sets_held, 0);
	assert_int_equal(stats()->sets_skipped[ERR_HOLD_EXPIRED], 1);
	v9(1);
	template_set(256, SMALL);
	send_all();
	assert_int_equal(n_flows, 0);
}

/* One exporter's unknown sets leave room for the others'. */
static void the_bytes_are_bounded(void **state)
{
	(void)state;
	for (int i = 0; i < 2000; i++) {
		v9(1);
		set(256);
		put(0, 8);
		for (int k = 0; k < 100; k++)
			put(0, 8);
		end_set();
		send_all();
	}
	assert_true(stats()->held_bytes <= (1 << 20) / 8);
	assert_true(stats()->sets_skipped[ERR_HOLD_FULL] > 1000);
	v9(1);
	small_set(256, 1);
	send_from("192.0.2.77", 1);
	v9(1);
	template_set(256, SMALL);
	send_from("192.0.2.77", 1);
	assert_int_equal(n_flows, 1);
	/* and its share is free again afterwards */
	decoder_tick(decoder, now_ns + 61 * NS_PER_S);
	assert_int_equal(stats()->held_bytes, 0);
	now_ns += 61 * NS_PER_S;
	v9(1);
	small_set(256, 1);
	send_all();
	assert_int_equal(stats()->sets_held, 1);
}

static void without_room_it_is_skipped(void **state)
{
	(void)state;
	decoder_free(decoder);
	begin_with((struct decode_options){.hold_bytes = 0});
	v9(1);
	small_set(256, 1);
	send_all();
	assert_int_equal(stats()->sets_skipped[ERR_NO_TEMPLATE], 1);
	assert_int_equal(res.skipped, 1);
}

static void held_data_that_does_not_fit_the_template(void **state)
{
	(void)state;
	v9(1);
	set(256), put(1, 4), end_set();
	send_all();
	v9(1);
	template_set(256, SMALL);
	send_all();
	assert_int_equal(n_flows, 0);
	assert_int_equal(stats()->sets_skipped[ERR_BAD_RECORD], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(data_before_its_template), T(the_template_comes_later_in_the_same_datagram), T(options_data_waits_too),
		T(only_what_waits_for_it_goes), T(many_wait), T(it_is_given_up_after_a_while), T(the_bytes_are_bounded),
		T(without_room_it_is_skipped), T(held_data_that_does_not_fit_the_template),
	};
	return RUN(tests);
}
