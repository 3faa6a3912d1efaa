/*
 * test_mapping.c -- a user's own rows: to fields that exist and to numbers of their own; what is wrong in the file.
 */
#include <errno.h>
#include <stdio.h>

#include "collector/mapping.h"
#include "tests/unit/netflow_build.h"

static struct mapping *mapping;
static char err[256];

static void with(const char *text)
{
	assert_int_equal(mapping_parse(text, "map.conf", &mapping, err, sizeof(err)), 0);
	decoder_free(decoder);
	begin_with((struct decode_options){.mapping = mapping});
}

static int done(void **state)
{
	finish(state);
	mapping_free(mapping);
	mapping = NULL;
	return 0;
}

static void to_a_field_that_exists(void **state)
{
	(void)state;
	/* goflow2's own example, which its collector ignores: 34 to sampling_rate */
	with("# comment\n\n34 = sampling_rate\n35632/118 = application_id\nselectorName = url\r\n160 = time_flow_start_ns\n"
	     "8 = next_hop\n");
	ipfix(1);
	template_set(256, FIELDS(F(34, 4), E(35632, 118, 2), F(335, VAR), F(160, 8), F(8, 4)));
	set(256), put(100, 4), put(7, 2), put(3, 1), put_text("abc"), put(NOW_S * 1000ull, 8), put_ip("192.0.2.5"), end_set();
	send_all();
	assert_int_equal(flows[0].sampling_rate, 100);
	assert_int_equal(flows[0].application_id, 7);
	assert_text(&flows[0], url, "abc");
	assert_int_equal(flows[0].time_flow_start_ns, NOW);
	assert_addr(&flows[0].next_hop, "192.0.2.5");
	assert_addr(&flows[0].src_addr, "192.0.2.5"); /* the built-in row holds as well */
}

static void to_numbers_of_its_own(void **state)
{
	(void)state;
	with("410 = 20000 third varint\n9999/5 = 10001 first string\n9999/6 = 10002 second bytes\n");
	ipfix(1);
	template_set(256, FIELDS(F(410, 2), E(9999, 6, 2), E(9999, 5, VAR), F(1, 4)));
	set(256);
	put(300, 2), put(0x01ff, 2), put(2, 1), put_text("hi"), put(5, 4);
	put(0, 2), put(0x0000, 2), put(0, 1), put(6, 4);
	end_set();
	send_all();
	/* tags: 10001 << 3 | 2, 10002 << 3 | 2, 20000 << 3 | 0, ascending */
	static const uint8_t want[] = {0x8a, 0xf1, 0x04, 2, 'h', 'i', 0x92, 0xf1, 0x04, 2, 0x01, 0xff, 0x80, 0xe2, 0x09, 0xac, 2};
	assert_int_equal(flows[0].n_mapped, sizeof(want));
	assert_memory_equal(flows[0].mapped, want, sizeof(want));
	assert_int_equal(flows[0].bytes, 5);
	assert_int_equal(flows[1].n_mapped, 6); /* bytes are bytes, be they zero; the number and the text are absent */
}

static void a_users_row_comes_first(void **state)
{
	(void)state;
	with("23 = bytes\n");
	ipfix(1);
	template_set(256, FIELDS(F(1, 4), F(23, 4)));
	set(256), put(100, 4), put(90, 4), put(100, 4), put(0, 4), end_set();
	send_all();
	assert_int_equal(flows[0].bytes, 90);
	assert_int_equal(flows[1].bytes, 100);
}

/* Times to members for times, in each unit that elements have. */
static void times_keep_their_unit(void **state)
{
	(void)state;
	with("322 = time_flow_start_ns\n323 = time_flow_end_ns\n324 = time_received_ns\n325 = time_flow_start_ns\n"
	     "326 = time_flow_end_ns\n9999/1 = time_received_ns\n1 = time_flow_end_ns\n");
	ipfix(1);
	template_set(256, FIELDS(F(322, 4), F(323, 8)));
	template_set(257, FIELDS(F(325, 8), F(324, 8)));
	template_set(258, FIELDS(F(1, 4), E(9999, 1, 8)));
	set(256), put(NOW_S, 4), put(NOW_S * 1000ull + 5, 8), end_set();
	set(257), put((uint64_t)(NOW_S + 2208988800u) << 32, 8), put((uint64_t)(NOW_S + 2208988800u) << 32, 8), end_set();
	set(258), put(17, 4), put(18, 8), end_set();
	send_all();
	assert_int_equal(n_flows, 3);
	assert_int_equal(flows[0].time_flow_start_ns, NOW);
	assert_int_equal(flows[0].time_flow_end_ns, NOW + 5000000);
	assert_int_equal(flows[1].time_flow_start_ns, NOW);
	assert_int_equal(flows[2].time_flow_end_ns, 17); /* no time: the number as it is */
}

/* Empty ones are left out, and so is what finds no room. */
static void own_fields_are_cut(void **state)
{
	(void)state;
	with("82 = 10001 a bytes\n460 = 10002 b bytes\n459 = 10003 c bytes\n461 = 10004 d bytes\n371 = 10005 e string\n");
	ipfix(1);
	template_set(256, FIELDS(F(82, VAR), F(460, VAR), F(459, VAR), F(461, VAR), F(371, VAR), F(1, 4)));
	set(256), put(0, 5), put(5, 4);
	for (int i = 0; i < 5; i++) {
		put(250, 1);
		for (int k = 0; k < 50; k++)
			put_text("abcde");
	}
	put(6, 4), end_set();
	send_all();
	assert_int_equal(flows[0].n_mapped, 0);
	assert_true(flows[1].n_mapped > 0 && flows[1].n_mapped <= FLOW_MAPPED_MAX);
	assert_true(stats()->cut_arrays > 0);
}

/* A user's own field within a list goes with each flow that the list makes. */
static void own_fields_in_lists(void **state)
{
	(void)state;
	with("82 = 10001 name string\n");
	ipfix(1);
	template_set(256, FIELDS(F(8, 4), F(82, 4)));
	template_set(257, FIELDS(F(12, 4), F(292, VAR)));
	template_set(258, FIELDS(F(8, 4), F(12, 4)));
	template_set(259, FIELDS(F(82, 4), F(292, VAR)));
	set(257), put_ip("192.0.2.7"), put(3 + 8, 1), put(255, 1), put(256, 2), put_ip("192.0.2.8"), put_text("eth0"), end_set();
	set(259), put_text("eth1"), put(3 + 8, 1), put(255, 1), put(258, 2), put_ip("192.0.2.8"), put_ip("192.0.2.9"), end_set();
	send_all();
	assert_int_equal(n_flows, 2);
	for (char i = 0; i < 2; i++) {
		const struct flow *f = &flows[(int)i];
		assert_true(f->n_mapped > 4);
		assert_memory_equal(f->mapped + f->n_mapped - 4, ((const char[]){'e', 't', 'h', (char)('0' + i)}), 4);
	}
}

static void another_mapping_while_running(void **state)
{
	(void)state;
	with("410 = url\n");
	ipfix(1);
	template_set(256, FIELDS(F(410, 4), F(1, 4)));
	set(256), put_text("text"), put(1, 4), end_set();
	send_all();
	assert_text(&flows[0], url, "text");
	assert_int_equal(decoder_set_mapping(decoder, NULL), 0);
	ipfix(1);
	set(256), put_text("text"), put(2, 4), end_set();
	send_all();
	assert_int_equal(flows[1].n_url, 0);
	assert_int_equal(flows[1].bytes, 2);
}

static void mistakes(void **state)
{
	static const struct { const char *text, *says; } cases[] = {
		{"34 = nothing", "map.conf:1: 'nothing' is no field"},
		{"\n34 sampling_rate", "map.conf:2: a row is"},
		{"34 = 9999 name varint", "'9999' is no field number"},
		{"34 = 10000 bytes varint", "'bytes' is a field that exists"},
		{"34 = 10000 name float", "'float' is no type"},
		{"34 = 10000 Name varint", "'Name' is no name"},
		{"noSuchElement = bytes", "'noSuchElement' is neither"},
		{"65536 = bytes", "'65536' is neither"},
		{"x/1 = bytes", "'x' is no enterprise number"},
		{"29305/1 = bytes", "PEN 29305"},
		{"1 = 2 3 4 5 6 7", "more than a row holds"},
		{"34 = 10000 a23456789_123456789_123456789_123456789_123456789_123456789_1234 varint", "63 at most"},
	};
	struct mapping *m;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(mapping_parse(cases[i].text, "map.conf", &m, err, sizeof(err)), -22);
		assert_non_null(strstr(err, cases[i].says));
	}
	assert_int_equal(mapping_read("/proc/self", &m, err, sizeof(err)), -EISDIR);
	assert_non_null(strstr(err, "/proc/self: Is a directory"));
	static char long_line[2000];
	memset(long_line, 'x', sizeof(long_line) - 1);
	assert_int_equal(mapping_parse(long_line, "map.conf", &m, err, sizeof(err)), -22);
	static char many[30 * 300];
	for (int i = 0; i < 257; i++)
		snprintf(many + strlen(many), 30, "%d = bytes\n", i + 1);
	assert_int_equal(mapping_parse(many, "map.conf", &m, err, sizeof(err)), -22);
	assert_non_null(strstr(err, "map.conf:257: more than 256 rows"));
}

#define M(name) cmocka_unit_test_setup_teardown(name, begin, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		M(to_a_field_that_exists), M(to_numbers_of_its_own), M(a_users_row_comes_first), M(another_mapping_while_running),
		M(mistakes),
		M(times_keep_their_unit), M(own_fields_are_cut), M(own_fields_in_lists),
	};
	return RUN(tests);
}
