/*
 * test_exporter.c -- the tables of exporters and domains at their bounds, and sequence numbers.
 */
#include "tests/unit/netflow_build.h"

static const char *address(unsigned i)
{
	static char text[IP_TEXT_MAX];
	struct ip_addr a = ip_v4((const uint8_t[]){10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i});
	ip_format(&a, text);
	return text;
}

static void work(unsigned i)
{
	v9(1);
	template_set(256, SMALL);
	small_set(256, 1);
	send_from(address(i), 1);
}

static void small_tables(void)
{
	decoder_free(decoder);
	begin_with((struct decode_options){.max_exporters = 10, .max_domains = 4});
}

/* A flood of made-up addresses, with templates, does not push out one that works. */
static void spoofed_exporters_do_not_push_out_a_working_one(void **state)
{
	(void)state;
	small_tables();
	for (int k = 0; k < 5; k++)
		work(0);
	for (unsigned i = 1; i < 5000; i++)
		work(i);
	assert_int_equal(stats()->exporters, 10);
	assert_true(stats()->exporters_evicted >= 4980);
	size_t before = n_flows;
	v9(1);
	small_set(256, 1);
	send_from(address(0), 1);
	assert_int_equal(n_flows, before + 1);
}

static void a_full_table_of_working_exporters_refuses(void **state)
{
	(void)state;
	small_tables();
	for (unsigned i = 0; i < 10; i++)
		for (int k = 0; k < 3; k++)
			work(i);
	work(99);
	assert_int_equal(res.reason, ERR_EXPORTER_LIMIT);
	assert_int_equal(stats()->dropped[ERR_EXPORTER_LIMIT], 1);
	/* v5 needs no state: its flows are decoded all the same */
	n_bytes = 0;
	version = 5;
	put(5, 2), put(1, 2), put(0, 20), put(0, 48);
	size_t before = n_flows;
	send_from(address(98), 1);
	assert_int_equal(res.reason, 0);
	assert_int_equal(n_flows, before + 1);
	/* one that was silent for a minute makes room */
	now_ns += 61 * NS_PER_S;
	for (unsigned i = 1; i < 10; i++)
		work(i);
	work(99);
	assert_int_equal(res.reason, 0);
	assert_int_equal(stats()->exporters, 10);
}

static void domains_are_bounded(void **state)
{
	(void)state;
	small_tables();
	for (uint32_t dom = 0; dom < 5; dom++) {
		ipfix(dom);
		template_set(256, SMALL);
		send_all();
	}
	assert_int_equal(res.reason, ERR_DOMAIN_LIMIT);
	assert_int_equal(stats()->domains, 4);
	assert_int_equal(stats()->templates, 4);
}

/* Memory, whatever it is spent on: made-up exporters with many domains and templates. */
static void the_state_of_all_is_bounded(void **state)
{
	(void)state;
	decoder_free(decoder);
	begin_with((struct decode_options){.max_state_bytes = 100000});
	for (int k = 0; k < 5; k++)
		work(0);
	for (unsigned i = 1; i < 200; i++)
		for (uint32_t dom = 0; dom < 10; dom++) {
			ipfix(dom);
			template_set(256, SMALL);
			send_from(address(i), 1);
		}
	assert_true(stats()->exporters < 50);
	assert_true(stats()->domains < 500);
	assert_true(stats()->templates < 500);
	/* the one that works is still known, and may have more */
	size_t before = n_flows;
	v9(1);
	small_set(256, 1);
	template_set(257, SMALL);
	small_set(257, 1);
	send_from(address(0), 1);
	assert_int_equal(n_flows, before + 2);
	/* a single one cannot have it all */
	for (uint16_t id = 300; id < 1300; id++) {
		v9(1);
		template_set(id, SMALL);
		send_from(address(0), 1);
	}
	assert_true(stats()->sets_skipped[ERR_TEMPLATE_LIMIT] > 500);
	assert_int_equal(stats()->exporters, 1);
}

static void silent_exporters_are_forgotten(void **state)
{
	(void)state;
	decoder_free(decoder);
	begin_with((struct decode_options){.template_timeout_ns = NS_PER_S});
	for (unsigned i = 0; i < 100; i++)
		work(i);
	assert_int_equal(stats()->exporters, 100);
	assert_int_equal(stats()->templates, 100);
	decoder_tick(decoder, now_ns + 25 * 3600 * NS_PER_S);
	assert_int_equal(stats()->exporters, 0);
	assert_int_equal(stats()->domains, 0);
	assert_int_equal(stats()->templates, 0);
}

static void ten_thousand_exporters(void **state)
{
	(void)state;
	for (int k = 0; k < 2; k++)
		for (unsigned i = 0; i < 10000; i++)
			work(i);
	assert_int_equal(stats()->exporters, 10000);
	assert_int_equal(stats()->templates_added, 10000);
	assert_int_equal(n_flows, 20000);
}

static void send_v9_numbered(uint32_t n)
{
	sequence = n;
	v9(1);
	send_all();
}

static void assert_sequence(uint64_t lost, uint64_t reordered, uint64_t restarts)
{
	assert_int_equal(stats()->sequence_lost, lost);
	assert_int_equal(stats()->sequence_reordered, reordered);
	assert_int_equal(stats()->sequence_restarts, restarts);
}

/* v9 counts datagrams (RFC 3954 5.1). */
static void v9_sequence(void **state)
{
	(void)state;
	for (uint32_t n = 100; n < 110; n++)
		send_v9_numbered(n);
	assert_sequence(0, 0, 0);
	send_v9_numbered(113); /* 110, 111, 112 missing */
	assert_sequence(3, 0, 0);
	send_v9_numbered(111); /* late */
	assert_sequence(3, 1, 0);
	send_v9_numbered(114);
	assert_sequence(3, 1, 0);
}

/* Twenty rows of numbers at one address, by turns: eight are followed, the others begin anew each time, and none of them
 * is taken for another's loss. */
static void rows_of_many_ports_are_bounded(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 3; n++)
		for (uint16_t i = 0; i < 20; i++) {
			sequence = (uint32_t)i << 27 | n;
			v9(1);
			send_from("192.0.2.1", (uint16_t)(6000 + i));
		}
	assert_int_equal(stats()->sequence_lost, 0);
	assert_int_equal(stats()->sequence_reordered, 0);
	assert_int_equal(stats()->exporters, 1);
	assert_int_equal(stats()->domains, 1);
}

static void a_restart_is_no_loss(void **state)
{
	(void)state;
	send_v9_numbered(4000000000u);
	send_v9_numbered(1);
	send_v9_numbered(2);
	assert_sequence(0, 0, 1);
	/* soon after another start the numbers are near, but go on from there */
	for (uint32_t n = 3; n < 20; n++)
		send_v9_numbered(n);
	send_v9_numbered(0);
	send_v9_numbered(1);
	send_v9_numbered(2);
	assert_sequence(1, 1, 2); /* the first was taken for a late one: lost - reordered is nothing */
}

static void sequence_wrap(void **state)
{
	(void)state;
	send_v9_numbered(0xffffffff);
	send_v9_numbered(0);
	send_v9_numbered(1);
	assert_sequence(0, 0, 0);
}

/* IPFIX counts data records (RFC 7011 3.1), those of options too; templates are none. */
static void ipfix_sequence(void **state)
{
	(void)state;
	sequence = 0;
	ipfix(1);
	template_set(256, SMALL);
	options_template_set(300, 1, FIELDS(F(149, 4), F(34, 4)));
	small_set(256, 5);
	set(300), put(1, 4), put(64, 4), end_set();
	send_all();
	sequence = 6;
	ipfix(1);
	small_set(256, 2);
	send_all();
	assert_sequence(0, 0, 0);
	sequence = 18;
	ipfix(1);
	small_set(256, 1);
	send_all();
	assert_sequence(10, 0, 0);
	/* a set without its template hides its number: no guess */
	sequence = 19;
	ipfix(1);
	small_set(999, 4);
	send_all();
	sequence = 23;
	ipfix(1);
	small_set(256, 1);
	send_all();
	assert_sequence(10, 0, 0);
}

/* v5 counts flows, per engine. */
static void v5_sequence(void **state)
{
	(void)state;
	static const struct { uint32_t seq, count; unsigned engine; } sent[] = {
		{0, 2, 0}, {2, 2, 0}, {1000, 1, 1}, {10, 1, 0}, {1001, 1, 1}};
	for (int i = 0; i < 5; i++) {
		n_bytes = 0;
		version = 5;
		put(5, 2), put(sent[i].count, 2), put(0, 12), put(sent[i].seq, 4), put(sent[i].engine, 2), put(0, 2);
		for (uint32_t k = 0; k < sent[i].count; k++)
			put(0, 48);
		send_all();
	}
	assert_sequence(6, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(spoofed_exporters_do_not_push_out_a_working_one), T(a_full_table_of_working_exporters_refuses),
		T(domains_are_bounded), T(the_state_of_all_is_bounded), T(silent_exporters_are_forgotten), T(ten_thousand_exporters), T(v9_sequence),
		T(rows_of_many_ports_are_bounded), T(a_restart_is_no_loss), T(sequence_wrap), T(ipfix_sequence), T(v5_sequence),
	};
	return RUN(tests);
}
