/*
 * test_template.c -- templates: what is kept, refused, replaced, withdrawn, expired; the traps of other collectors by name.
 */
#include "tests/unit/netflow_build.h"

static void template_and_data_in_one_datagram(void **state)
{
	(void)state;
	v9(1);
	template_set(256, SMALL);
	small_set(256, 2);
	send_all();
	assert_int_equal(res.reason, 0);
	assert_int_equal(n_flows, 2);
	assert_addr(&flows[0].src_addr, "198.51.100.0");
	assert_addr(&flows[1].src_addr, "198.51.100.1");
	assert_int_equal(flows[1].bytes, 101);
	assert_int_equal(stats()->templates_added, 1);
}

/* goflow2 6.2 11, peers 4.2: a template of no fields, then data: its reader never ends. 36 bytes. */
static void zero_field_template_does_not_hang(void **state)
{
	(void)state;
	for (int v = 9; v <= 10; v++) {
		v == 9 ? v9(1) : ipfix(1);
		template_set(256, NULL, 0);
		set(256);
		put(0, 4);
		end_set();
		send_all();
		assert_int_equal(n_flows, 0);
	}
	assert_int_equal(stats()->templates, 0);
	assert_int_equal(stats()->sets_skipped[ERR_BAD_TEMPLATE], 2);
}

/* The same with fields, all of them empty. */
static void zero_length_template_does_not_hang(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(8, 0), F(12, 0)));
	set(256);
	put(0, 8);
	end_set();
	send_all();
	assert_int_equal(n_flows, 0);
	assert_int_equal(stats()->sets_skipped[ERR_BAD_TEMPLATE], 1);
}

static void some_zero_length_fields_are_harmless(void **state)
{
	(void)state;
	v9(1);
	template_set(256, FIELDS(F(8, 4), F(12, 4), F(7, 0), F(1, 4)));
	set(256);
	put_ip("198.51.100.1"), put_ip("203.0.113.1"), put(77, 4);
	end_set();
	send_all();
	assert_int_equal(n_flows, 1);
	assert_int_equal(flows[0].bytes, 77);
	assert_int_equal(flows[0].src_port, 0);
}

/* goflow2 6.2 6: one unknown template voids the datagram. */
static void one_unknown_set_skips_that_set_alone(void **state)
{
	(void)state;
	v9(1);
	template_set(256, SMALL);
	small_set(300, 1);
	small_set(256, 2);
	send_all();
	assert_int_equal(n_flows, 2);
	assert_int_equal(res.skipped, 1);
	assert_int_equal(stats()->partial, 1);
	assert_int_equal(stats()->sets_held, 1);
}

/* goflow2 6.2 8: keyed by address and port, an exporter that restarts is unknown. */
static void a_new_source_port_knows_the_templates(void **state)
{
	(void)state;
	v9(1);
	template_set(256, SMALL);
	send_from("192.0.2.1", 5000);
	v9(1);
	small_set(256, 1);
	send_from("192.0.2.1", 5001);
	assert_int_equal(n_flows, 1);
}

/* vflow 94: the same id means another thing in another domain. */
static void domains_have_templates_of_their_own(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, SMALL);
	send_all();
	ipfix(2);
	template_set(256, FIELDS(F(1, 4), F(12, 4), F(8, 4)));
	send_all();
	ipfix(1);
	small_set(256, 1);
	send_all();
	ipfix(2);
	set(256);
	put(55, 4), put_ip("203.0.113.9"), put_ip("198.51.100.9");
	end_set();
	send_all();
	assert_int_equal(n_flows, 2);
	assert_int_equal(flows[0].bytes, 100);
	assert_int_equal(flows[1].bytes, 55);
	assert_addr(&flows[1].src_addr, "198.51.100.9");
}

static void versions_and_exporters_have_templates_of_their_own(void **state)
{
	(void)state;
	v9(1);
	template_set(256, SMALL);
	send_all();
	ipfix(1);
	small_set(256, 1);
	send_all();
	v9(1);
	small_set(256, 1);
	send_from("192.0.2.2", 5000);
	assert_int_equal(n_flows, 0);
	assert_int_equal(stats()->sets_held, 2);
}

static void a_changed_template_is_counted_and_used(void **state)
{
	(void)state;
	v9(1);
	template_set(256, SMALL);
	small_set(256, 1);
	template_set(256, FIELDS(F(12, 4), F(8, 4)));
	set(256);
	put_ip("203.0.113.5"), put_ip("198.51.100.5");
	end_set();
	send_all();
	assert_int_equal(n_flows, 2);
	assert_addr(&flows[1].src_addr, "198.51.100.5");
	assert_int_equal(flows[1].bytes, 0);
	assert_int_equal(stats()->templates_changed, 1);
	assert_int_equal(stats()->templates, 1);
	v9(1);
	template_set(256, FIELDS(F(12, 4), F(8, 4)));
	send_all();
	assert_int_equal(stats()->templates_refreshed, 1);
}

/* Two exporters behind one address (NAT): from then on the port decides, for this id. */
static void contradicting_ports_are_kept_apart(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, SMALL);
	send_from("192.0.2.1", 1111);
	ipfix(1);
	template_set(256, FIELDS(F(12, 4), F(8, 4)));
	send_from("192.0.2.1", 2222);
	ipfix(1);
	small_set(256, 1);
	send_from("192.0.2.1", 1111);
	ipfix(1);
	set(256);
	put_ip("203.0.113.7"), put_ip("198.51.100.7");
	end_set();
	send_from("192.0.2.1", 2222);
	assert_int_equal(n_flows, 2);
	assert_int_equal(flows[0].bytes, 100);
	assert_addr(&flows[1].src_addr, "198.51.100.7");
	/* A port that never sent a template: the newest is the best guess. */
	now_ns += NS_PER_S;
	ipfix(1);
	template_set(256, FIELDS(F(12, 4), F(8, 4)));
	send_from("192.0.2.1", 2222);
	ipfix(1);
	set(256);
	put_ip("203.0.113.8"), put_ip("198.51.100.8");
	end_set();
	send_from("192.0.2.1", 3333);
	assert_int_equal(n_flows, 3);
	assert_addr(&flows[2].src_addr, "198.51.100.8");
}

static void variants_are_bounded(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 100; i++) {
		ipfix(1);
		template_set(256, FIELDS(F(8, 4), F((uint16_t)(100 + i), 4)));
		send_from("192.0.2.1", (uint16_t)(1000 + i));
		now_ns += NS_PER_S;
	}
	assert_int_equal(stats()->templates, 8);
}

/* RFC 7011 8.1: by id, and all of a kind by the set's own id. */
static void withdrawal_over_tcp(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, SMALL);
	template_set(257, SMALL);
	options_template_set(258, 1, FIELDS(F(149, 4), F(34, 4)));
	send_session(7);
	assert_int_equal(stats()->templates, 3);
	ipfix(1);
	template_set(256, NULL, 0);
	send_session(7);
	assert_int_equal(res.skipped, 0);
	assert_int_equal(stats()->templates, 2);
	ipfix(1);
	template_set(2, NULL, 0);
	send_session(7);
	assert_int_equal(stats()->templates, 1);
	ipfix(1);
	set(3), put(3, 2), put(0, 2), end_set();
	send_session(7);
	assert_int_equal(stats()->templates, 0);
	assert_int_equal(stats()->templates_withdrawn, 3);
}

/* Each alone, so many that they stand in each other's way in the table. */
static void withdrawal_of_many(void **state)
{
	enum { MANY = 300 };
	(void)state;
	for (uint16_t id = 256; id < 256 + MANY; id++) {
		ipfix(1);
		template_set(id, SMALL);
		send_session(7);
	}
	assert_int_equal(stats()->templates, MANY);
	for (uint16_t id = 256; id < 256 + MANY; id++) {
		ipfix(1);
		template_set(id, NULL, 0);
		send_session(7);
		assert_int_equal(stats()->templates, 256 + MANY - 1 - id);
	}
	assert_int_equal(stats()->templates_withdrawn, MANY);
}

/* RFC 7011 8.4: there are none over UDP. A forged one must not stop an exporter. */
static void withdrawal_over_udp_is_refused(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, SMALL);
	send_all();
	ipfix(1);
	template_set(256, NULL, 0);
	send_all();
	ipfix(1);
	small_set(256, 1);
	send_all();
	assert_int_equal(n_flows, 1);
	assert_int_equal(stats()->templates_withdrawn, 0);
	assert_int_equal(stats()->sets_skipped[ERR_BAD_TEMPLATE], 1);
}

/* RFC 7011 8: a session's templates are unknown to others, and end with it. */
static void sessions_are_apart(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, SMALL);
	send_session(7);
	ipfix(1);
	small_set(256, 1);
	send_session(8);
	send_all();
	assert_int_equal(n_flows, 0);
	send_session(7);
	assert_int_equal(n_flows, 1);
	decoder_session_end(decoder, 7);
	ipfix(1);
	small_set(256, 1);
	send_session(7);
	assert_int_equal(n_flows, 1);
	assert_int_equal(stats()->templates, 0);
}

/* RFC 3954 5.1 needs datagrams: v9's header has no length. */
static void v9_over_tcp_is_refused(void **state)
{
	(void)state;
	v9(1);
	template_set(256, SMALL);
	send_session(7);
	assert_int_equal(res.reason, ERR_UNSUPPORTED);
}

static void templates_expire(void **state)
{
	(void)state;
	decoder_free(decoder);
	begin_with((struct decode_options){.template_timeout_ns = 1800 * NS_PER_S});
	ipfix(1);
	template_set(256, SMALL);
	send_all();
	now_ns += 1799 * NS_PER_S;
	ipfix(1);
	small_set(256, 1);
	send_all();
	assert_int_equal(n_flows, 1);
	now_ns += 2 * NS_PER_S;
	ipfix(1);
	small_set(256, 1);
	send_all();
	assert_int_equal(n_flows, 1);
	assert_int_equal(stats()->sets_skipped[ERR_NO_TEMPLATE], 1);
	decoder_tick(decoder, now_ns);
	assert_int_equal(stats()->templates, 0);
	assert_int_equal(stats()->templates_expired, 1);
}

static void templates_are_bounded(void **state)
{
	(void)state;
	decoder_free(decoder);
	begin_with((struct decode_options){.max_templates = 20});
	for (uint16_t id = 256; id < 256 + 21; id++) {
		ipfix(1);
		template_set(id, SMALL);
		send_all();
	}
	assert_int_equal(stats()->templates, 20);
	assert_int_equal(stats()->sets_skipped[ERR_TEMPLATE_LIMIT], 1);
	ipfix(1);
	small_set(275, 1);
	send_all();
	assert_int_equal(n_flows, 1);
}

/* Field limit: the template goes, the next one in the set is still read. */
static void fields_are_bounded(void **state)
{
	static struct field many[1025];

	(void)state;
	for (size_t i = 0; i < 1025; i++)
		many[i] = (struct field)F(8, 4);
	ipfix(1);
	set(2);
	put_template(256, many, 1025);
	put_template(257, SMALL);
	end_set();
	small_set(257, 1);
	send_all();
	assert_int_equal(stats()->sets_skipped[ERR_FIELD_LIMIT], 1);
	assert_int_equal(stats()->templates, 1);
	assert_int_equal(n_flows, 1);
	ipfix(1);
	template_set(258, many, 1024);
	send_all();
	assert_int_equal(res.skipped, 0);
}

static void reserved_sets_are_counted(void **state)
{
	(void)state;
	for (unsigned id = 4; id < 256; id += 50) {
		ipfix(1);
		set((uint16_t)id);
		put(1, 4);
		end_set();
		send_all();
	}
	ipfix(1);
	set(0), put(1, 4), end_set();
	send_all();
	v9(1);
	set(2), put(1, 4), end_set();
	send_all();
	assert_int_equal(stats()->sets_skipped[ERR_RESERVED_SET], 8);
}

static void a_template_cut_short_is_refused(void **state)
{
	(void)state;
	ipfix(1);
	set(2);
	put(256, 2), put(5, 2), put(8, 2), put(4, 2);
	end_set();
	send_all();
	assert_int_equal(stats()->sets_skipped[ERR_BAD_TEMPLATE], 1);
	v9(1);
	set(0);
	put(256, 2), put(5, 2), put(8, 2), put(4, 2);
	end_set();
	template_set(257, SMALL);
	small_set(257, 1);
	send_all();
	assert_int_equal(stats()->sets_skipped[ERR_BAD_TEMPLATE], 2);
	assert_int_equal(n_flows, 1);
}

static void a_template_id_below_256_is_refused(void **state)
{
	(void)state;
	ipfix(1);
	template_set(255, SMALL);
	send_all();
	v9(1);
	template_set(255, SMALL);
	send_all();
	assert_int_equal(stats()->sets_skipped[ERR_BAD_TEMPLATE], 2);
	assert_int_equal(stats()->templates, 0);
}

static void padding_behind_templates(void **state)
{
	(void)state;
	for (int v = 9; v <= 10; v++) {
		v == 9 ? v9(1) : ipfix(1);
		set(v == 9 ? 0 : 2);
		put_template(256, SMALL);
		put_template(257, SMALL);
		put(0, 3);
		end_set();
		set(v == 9 ? 0 : 2);
		put_template(258, SMALL);
		put(0, 4);
		end_set();
		send_all();
		assert_int_equal(res.skipped, 0);
	}
	assert_int_equal(stats()->templates, 6);
}

static void a_set_longer_than_the_datagram(void **state)
{
	(void)state;
	v9(1);
	template_set(256, SMALL);
	small_set(256, 1);
	set(256);
	put_small(9, 9);
	end_set();
	patch16(set_at + 2, 500);
	send_all();
	assert_int_equal(n_flows, 1);
	assert_int_equal(stats()->sets_skipped[ERR_BAD_LENGTH], 1);
	assert_int_equal(stats()->partial, 1);
}

static void a_set_shorter_than_its_header(void **state)
{
	(void)state;
	for (unsigned len = 0; len < 4; len++) {
		ipfix(1);
		set(300);
		put(1, 4);
		end_set();
		patch16(set_at + 2, len);
		send_all();
		assert_int_equal(n_flows, 0);
	}
	assert_int_equal(stats()->sets_skipped[ERR_BAD_LENGTH], 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(template_and_data_in_one_datagram), T(zero_field_template_does_not_hang),
		T(zero_length_template_does_not_hang), T(some_zero_length_fields_are_harmless),
		T(one_unknown_set_skips_that_set_alone), T(a_new_source_port_knows_the_templates),
		T(domains_have_templates_of_their_own), T(versions_and_exporters_have_templates_of_their_own),
		T(a_changed_template_is_counted_and_used), T(contradicting_ports_are_kept_apart), T(variants_are_bounded),
		T(withdrawal_over_tcp), T(withdrawal_of_many), T(withdrawal_over_udp_is_refused), T(sessions_are_apart), T(v9_over_tcp_is_refused),
		T(templates_expire), T(templates_are_bounded), T(fields_are_bounded), T(reserved_sets_are_counted),
		T(a_template_cut_short_is_refused), T(a_template_id_below_256_is_refused), T(padding_behind_templates),
		T(a_set_longer_than_the_datagram), T(a_set_shorter_than_its_header),
	};
	return RUN(tests);
}
