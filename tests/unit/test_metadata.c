/*
 * test_metadata.c -- options data: names of interfaces, VRFs, applications; types of enterprise elements; odd templates.
 */
#include "collector/metadata.h"
#include "collector/typeinfo.h"
#include "common/buf.h"
#include "tests/unit/netflow_build.h"

static void done(void)
{
	end_set();
	send_all();
	assert_int_equal(res.reason, 0);
	assert_int_equal(res.skipped, 0);
}

static void interface_names(void **state)
{
	(void)state;
	v9(1);
	/* Cisco: scope system, index as a field; others: scope interface */
	options_template_set(300, 1, FIELDS(F(1, 4), F(10, 4), F(82, 32), F(83, 64)));
	options_template_set(301, 1, FIELDS(F(2, 4), F(83, 16)));
	set(300), put(0, 4), put(7, 4), put_text("Gi0/1"), memset(bytes + n_bytes, 0, 27), n_bytes += 27;
	put_text("uplink"), memset(bytes + n_bytes, 0, 58), n_bytes += 58;
	end_set();
	set(301), put(8, 4), put_text("to the customer "), end_set();
	template_set(256, FIELDS(F(10, 4), F(14, 4)));
	set(256);
	put(7, 4), put(8, 4);
	put(9, 4), put(7, 4);
	done();
	assert_text(&flows[0], in_if_name, "Gi0/1");
	assert_text(&flows[0], out_if_name, "to the customer");
	assert_int_equal(flows[1].n_in_if_name, 0);
	assert_text(&flows[1], out_if_name, "Gi0/1");
	assert_int_equal(stats()->options_records, 2);
}

static void names_in_the_record_come_first(void **state)
{
	(void)state;
	ipfix(1);
	options_template_set(300, 1, FIELDS(F(10, 4), F(82, VAR)));
	set(300), put(7, 4), put(3, 1), put_text("abc"), end_set();
	template_set(256, FIELDS(F(10, 4), F(82, VAR)));
	set(256);
	put(7, 4), put(4, 1), put_text("mine");
	put(7, 4), put(0, 1);
	done();
	assert_text(&flows[0], in_if_name, "mine");
	assert_text(&flows[1], in_if_name, "abc");
}

static void vrf_and_application_names(void **state)
{
	(void)state;
	v9(1);
	options_template_set(300, 1, FIELDS(F(1, 4), F(234, 4), F(236, 8)));
	options_template_set(301, 1, FIELDS(F(1, 4), F(95, 4), F(96, 8), F(94, 8)));
	set(300), put(0, 4), put(5, 4), put_text("red"), put(0, 5), end_set();
	set(301), put(0, 4), put(0x03000050, 4), put_text("http"), put(0, 4), put_text("the web"), put(0, 1), end_set();
	template_set(256, FIELDS(F(234, 4), F(95, 4)));
	set(256), put(5, 4), put(0x03000050, 4);
	done();
	assert_text(&flows[0], vrf_name, "red");
	assert_text(&flows[0], application_name, "http");
	assert_int_equal(flows[0].application_id, 0x03000050);
}

static void names_are_of_their_domain(void **state)
{
	(void)state;
	for (uint32_t dom = 1; dom <= 3; dom++) {
		ipfix(dom);
		options_template_set(300, 1, FIELDS(F(10, 4), F(82, VAR)));
		if (dom < 3) {
			set(300), put(7, 4), put(1, 1), put('0' + dom, 1);
			end_set();
		}
		template_set(256, FIELDS(F(10, 4)));
		set(256), put(7, 4);
		done();
	}
	assert_text(&flows[0], in_if_name, "1");
	assert_text(&flows[1], in_if_name, "2");
	assert_int_equal(flows[2].n_in_if_name, 0);
}

static void names_are_bounded(void **state)
{
	(void)state;
	for (uint32_t i = 0; i <= METADATA_NAMES_MAX; i += 100) {
		ipfix(1);
		options_template_set(300, 1, FIELDS(F(10, 4), F(82, 4)));
		set(300);
		for (uint32_t k = i; k < i + 100; k++)
			put(k + 1, 4), put_text("name");
		done();
	}
	assert_int_equal(stats()->metadata_refused, 4100 - METADATA_NAMES_MAX);
}

/* The same of names: interface 5 is called differently at each of twenty ports. */
static void names_of_many_ports_are_bounded(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 20; i++, now_ns += NS_PER_S) {
		char name[] = {'e', 't', 'h', (char)('a' + i), '\0'};
		ipfix(1);
		options_template_set(300, 1, FIELDS(F(10, 4), F(82, 4)));
		set(300), put(5, 4), put_text(name), end_set();
		send_from("192.0.2.1", (uint16_t)(6000 + i));
	}
	static const uint16_t ports[] = {6019, 6012, 6000};
	for (size_t i = 0; i < 3; i++) {
		ipfix(1);
		template_set(256, FIELDS(F(10, 4), F(1, 4)));
		set(256), put(5, 4), put(100, 4), end_set();
		send_from("192.0.2.1", ports[i]);
	}
	assert_int_equal(n_flows, 3);
	assert_text(&flows[0], in_if_name, "etht");
	assert_text(&flows[1], in_if_name, "ethm");
	assert_text(&flows[2], in_if_name, "etht"); /* forgotten: what was said last */
}

/* RFC 5610: the exporter explains its own elements. */
static void types_of_enterprise_elements(void **state)
{
	struct buf out = {0};

	(void)state;
	ipfix(1);
	options_template_set(300, 2, FIELDS(F(346, 4), F(303, 2), F(339, 1), F(341, VAR)));
	set(300), put(6871, 4), put(21, 2), put(3, 1), put(14, 1), put_text("flowAttributes"), end_set();
	template_set(256, FIELDS(E(6871, 21, 4), F(1, 4)));
	set(256), put(1, 4), put(2, 4);
	done();
	decoder_templates_json(decoder, NULL, 0, &out);
	assert_non_null(strstr(out.data, "\"name\":\"flowAttributes\",\"type\":\"unsigned32\""));
	assert_non_null(strstr(out.data, "\"name\":\"octetDeltaCount\",\"type\":\"unsigned64\""));
	buf_free(&out);
}

static void types_are_bounded(void **state)
{
	(void)state;
	for (unsigned id = 0; id <= TYPEINFO_MAX; id++) {
		ipfix(1);
		options_template_set(300, 2, FIELDS(F(346, 4), F(303, 2)));
		set(300), put(6871, 4), put(id, 2);
		done();
	}
	assert_true(stats()->metadata_refused > 0);
}

/* Options templates as they come: no scope, scope longer than all, lengths that are no multiple of a field's. */
static void odd_options_templates(void **state)
{
	(void)state;
	v9(1);
	set(1), put(300, 2), put(0, 2), put(4, 2), put(34, 2), put(4, 2), end_set();
	set(300), put(100, 4), end_set();
	template_set(256, SMALL);
	small_set(256, 1);
	send_all();
	assert_int_equal(res.skipped, 0);
	assert_int_equal(flows[0].sampling_rate, 100);
	v9(1);
	set(1), put(301, 2), put(3, 2), put(5, 2), put(34, 2), put(4, 2), put(0, 4), end_set();
	send_all();
	assert_int_equal(stats()->sets_skipped[ERR_BAD_TEMPLATE], 1);
	v9(1);
	set(1), put(302, 2), put(400, 2), put(4, 2), put(34, 2), put(4, 2), end_set();
	send_all();
	assert_int_equal(stats()->sets_skipped[ERR_BAD_TEMPLATE], 2);
	ipfix(1);
	set(3), put(303, 2), put(1, 2), put(2, 2), put(34, 2), put(4, 2), end_set();
	send_all();
	assert_int_equal(stats()->sets_skipped[ERR_BAD_TEMPLATE], 3);
}

/* libnetflow9 and others: several options templates and templates, all in one datagram. */
static void many_sets_of_both_kinds(void **state)
{
	(void)state;
	v9(1);
	set(1);
	for (unsigned id = 300; id < 304; id++)
		put(id, 2), put(4, 2), put(4, 2), put(1, 2), put(4, 2), put(34, 2), put(4, 2);
	put(0, 2);
	end_set();
	template_set(256, SMALL);
	options_template_set(304, 1, FIELDS(F(1, 4), F(34, 4)));
	template_set(257, SMALL);
	small_set(257, 1);
	small_set(256, 1);
	set(303), put(1, 4), put(100, 4), end_set();
	send_all();
	assert_int_equal(res.skipped, 0);
	assert_int_equal(stats()->templates, 7);
	assert_int_equal(n_flows, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(interface_names), T(names_in_the_record_come_first), T(vrf_and_application_names), T(names_are_of_their_domain),
		T(names_are_bounded),
		T(names_of_many_ports_are_bounded), T(types_of_enterprise_elements), T(types_are_bounded), T(odd_options_templates),
		T(many_sets_of_both_kinds),
	};
	return RUN(tests);
}
