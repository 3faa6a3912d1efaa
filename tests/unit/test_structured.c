/*
 * test_structured.c -- lists within records (RFC 6313) and packets within records (RFC 7133).
 */
#include "tests/unit/netflow_build.h"

static size_t list_at;

/* A variable-length field of three length bytes, closed by end_list(). */
static void list(void)
{
	put(255, 1);
	list_at = n_bytes;
	put(0, 2);
}

static void end_list(void)
{
	patch16(list_at, n_bytes - list_at - 2);
}

static void done(void)
{
	end_set();
	send_all();
	assert_int_equal(res.reason, 0);
	assert_int_equal(res.skipped, 0);
}

static void basic_list_of_communities(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(8, 4), F(485, VAR), F(1, 4)));
	set(256);
	put(1, 4);
	list();
	put(3, 1), put(483, 2), put(4, 2), put(0xfc000001, 4), put(0xfc000002, 4);
	end_list();
	put(77, 4);
	done();
	assert_int_equal(flows[0].n_bgp_communities, 2);
	assert_int_equal(flows[0].bgp_communities[1], 0xfc000002);
	assert_int_equal(flows[0].bytes, 77);
}

static void as_path_and_segments(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(512, VAR), F(496, VAR), F(497, 32), F(498, 1)));
	set(256);
	list();
	put(4, 1), put(17, 2), put(4, 2), put(64500, 4), put(4200000000u, 4);
	end_list();
	list();
	put(4, 1), put(494, 2), put(16, 2), put_ip("2001:db8::1");
	end_list();
	put_ip("2001:db8::2"), put_ip("2001:db8::3"), put(1, 1);
	done();
	const struct flow *f = &flows[0];
	assert_int_equal(f->n_as_path, 2);
	assert_int_equal(f->as_path[1], 4200000000u);
	assert_int_equal(f->n_ipv6_routing_header_addresses, 3);
	assert_int_equal(f->ipv6_routing_header_seg_left, 1);
}

static void arrays_are_cut_and_counted(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(485, VAR)));
	set(256);
	list();
	put(3, 1), put(483, 2), put(4, 2);
	for (uint32_t i = 0; i < FLOW_ARRAY_MAX + 5; i++)
		put(i, 4);
	end_list();
	done();
	assert_int_equal(flows[0].n_bgp_communities, FLOW_ARRAY_MAX);
	assert_int_equal(stats()->cut_arrays, 5);
}

static void paths_and_repeated_elements_are_cut(void **state)
{
	struct field repeated[FLOW_ARRAY_MAX + 3];
	(void)state;
	for (size_t i = 0; i < FLOW_ARRAY_MAX + 3; i++)
		repeated[i] = (struct field)F(483, 4);
	ipfix(1);
	template_set(256, FIELDS(F(512, VAR)));
	template_set(257, repeated, FLOW_ARRAY_MAX + 3);
	template_set(258, FIELDS(F(497, 16 * (FLOW_ARRAY_MAX + 2))));
	set(256);
	list();
	put(4, 1), put(17, 2), put(2, 2);
	for (uint32_t i = 0; i < FLOW_ARRAY_MAX + 2; i++)
		put(i + 1, 2);
	end_list();
	end_set();
	set(257);
	for (uint32_t i = 0; i < FLOW_ARRAY_MAX + 3; i++)
		put(i + 1, 4);
	end_set();
	set(258);
	for (int i = 0; i < FLOW_ARRAY_MAX + 2; i++)
		put_ip("2001:db8::1");
	done();
	assert_int_equal(flows[0].n_as_path, FLOW_ARRAY_MAX);
	assert_int_equal(flows[1].n_bgp_communities, FLOW_ARRAY_MAX);
	assert_int_equal(stats()->cut_arrays, 2 + 3 + 2);
}

/* Values of a list with lengths of one and of three octets; a list of options; a list of lists of lists. */
static void lists_of_odd_contents(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(8, 4), F(291, VAR)));
	options_template_set(300, 1, FIELDS(F(10, 4), F(34, 4)));
	template_set(257, FIELDS(F(12, 4), F(292, VAR)));
	set(256);
	put(1, 4);
	list();
	put(3, 1), put(82, 2), put(VAR, 2), put(4, 1), put_text("eth0"), put(255, 1), put(5, 2), put_text("eth10");
	end_list();
	put(2, 4);
	put(255, 1), put(8 * 6, 2); /* eight basic lists of basic lists */
	for (int depth = 7; depth >= 0; depth--)
		put(3, 1), put(291, 2), put(VAR, 2), put((uint64_t)depth * 6, 1);
	end_set();
	set(257);
	put(3, 4);
	list();
	put(3, 1), put(300, 2), put(1, 4), put(5, 4);
	end_list();
	done();
	assert_int_equal(n_flows, 3);
	assert_int_equal(stats()->lists_skipped, 1);
}

static void a_list_of_empty_elements_ends(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(291, VAR), F(1, 4)));
	set(256);
	list();
	put(3, 1), put(483, 2), put(0, 2), put(0, 8);
	end_list();
	put(1, 4);
	list();
	put(3, 1), put(371, 2), put(VAR, 2), put(0, 1), put(2, 1), put_text("me");
	end_list();
	put(2, 4);
	done();
	assert_int_equal(n_flows, 2);
	assert_text(&flows[1], user_name, "me");
}

static void the_enterprise_number_of_a_basic_list(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(291, VAR)));
	set(256);
	list();
	put(3, 1), put(0x8000 | 180, 2), put(VAR, 2), put(35632, 4), put(4, 1), put_text("/abc");
	end_list();
	done();
	assert_text(&flows[0], url, "/abc");
}

/* yaf: what belongs to the flow stands in a list of one record; the record's own fields stay. */
static void a_sub_template_list_fills_what_is_open(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(8, 4), F(12, 4), F(292, VAR), F(1, 4)));
	template_set(257, FIELDS(F(6, 1), F(56, 6), F(1, 4), F(8, 4)));
	set(256);
	put_ip("198.51.100.1"), put_ip("203.0.113.1");
	list();
	put(255, 1), put(257, 2), put(0x12, 1), put(0x020000000001, 6), put(9999, 4), put_ip("10.9.9.9");
	end_list();
	put(500, 4);
	done();
	assert_int_equal(n_flows, 1);
	assert_addr(&flows[0].src_addr, "198.51.100.1");
	assert_int_equal(flows[0].tcp_flags, 0x12);
	assert_int_equal(flows[0].src_mac, 0x020000000001);
	assert_int_equal(flows[0].bytes, 500);
}

static void a_multi_list_of_two_templates(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(8, 4), F(293, VAR)));
	template_set(257, FIELDS(F(6, 1)));
	template_set(258, FIELDS(F(96, VAR)));
	set(256);
	put_ip("198.51.100.1");
	list();
	put(255, 1);
	put(257, 2), put(5, 2), put(0x02, 1);
	put(258, 2), put(8, 2), put(3, 1), put_text("dns");
	put(999, 2), put(6, 2), put(1, 2);
	end_list();
	done();
	assert_int_equal(flows[0].tcp_flags, 2);
	assert_text(&flows[0], application_name, "dns");
	assert_int_equal(stats()->lists_skipped, 1);
}

/* The outer record is of no flow: each inner one is one. */
static void flows_in_a_list(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(10, 4), F(292, VAR)));
	template_set(257, SMALL);
	set(256);
	put(7, 4);
	list();
	put(3, 1), put(257, 2);
	put_small(1, 100), put_small(2, 200);
	end_list();
	done();
	assert_int_equal(n_flows, 2);
	assert_int_equal(flows[0].in_if, 7);
	assert_int_equal(flows[1].in_if, 7);
	assert_int_equal(flows[1].bytes, 200);
	assert_addr(&flows[1].src_addr, "198.51.100.2");
	assert_int_equal(flows[1].type, FLOW_TYPE_IPFIX);
	assert_addr(&flows[1].sampler_address, "192.0.2.1");
}

/* A template whose list is of itself, as deep as it goes. */
/* A flow that says four octets costs what another one does: of such there are no more than room for longer ones, and four. */
static void short_flows_in_a_list_are_bounded(void **state)
{
	enum { THERE = 50, TAKEN = 4 + THERE * 4 / 8 };
	(void)state;
	ipfix(1);
	template_set(257, FIELDS(F(8, 4)));
	template_set(256, FIELDS(F(292, VAR)));
	set(256);
	list();
	put(3, 1), put(257, 2);
	for (uint32_t i = 0; i < THERE; i++)
		put(0x0a000001 + i, 4);
	end_list();
	done();
	assert_int_equal(n_flows, TAKEN);
	assert_int_equal(stats()->cut_arrays, 1);
}

static void lists_within_lists_end(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(292, VAR)));
	set(256);
	for (size_t depth = 30; depth > 0; depth--) {
		put(255, 1), put(depth * 6 - 3, 2), put(255, 1), put(256, 2);
	}
	done();
	assert_int_equal(stats()->lists_skipped, 1);
	assert_true(n_flows <= 1);
}

static void lists_that_lie(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(8, 4), F(293, VAR), F(292, VAR), F(291, VAR)));
	template_set(257, SMALL);
	set(256);
	put(1, 4);
	put(5, 1), put(3, 1), put(257, 2), put(500, 2);   /* longer than its field */
	put(5, 1), put(3, 1), put(257, 2), put(1, 2);     /* shorter than a record */
	put(4, 1), put(3, 1), put(8, 2), put(0, 1);       /* cut in its header */
	put(2, 4);
	put(5, 1), put(3, 1), put(257, 2), put(3, 2);     /* shorter than its own header */
	put(0, 1), put(0, 1);
	done();
	assert_int_equal(n_flows, 2);
}

/* Ethernet, IPv4, UDP. */
static void put_frame(void)
{
	put(0x020000000002, 6), put(0x020000000001, 6), put(0x0800, 2);
	put(0x45, 1), put(0, 1), put(46, 2), put(0, 4), put(64, 1), put(17, 1), put(0, 2), put_ip("51.51.51.51"),
		put_ip("52.52.52.52");
	put(55501, 2), put(11777, 2), put(26, 2), put(0, 2);
}

/* goflow2 1.6, akvorado: RFC 7133 4.2, one sampled packet a record. */
static void a_data_link_frame_section(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(10, 4), F(312, 2), F(315, VAR)));
	set(256);
	put(582, 4), put(110, 2);
	put(42, 1), put_frame();
	done();
	const struct flow *f = &flows[0];
	assert_addr(&f->src_addr, "51.51.51.51");
	assert_addr(&f->dst_addr, "52.52.52.52");
	assert_int_equal(f->src_port, 55501);
	assert_int_equal(f->proto, 17);
	assert_int_equal(f->src_mac, 0x020000000001);
	assert_int_equal(f->bytes, 110);
	assert_int_equal(f->packets, 1);
	assert_int_equal(f->in_if, 582);
}

static void an_ip_header_section(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(313, 28), F(2, 4)));
	set(256);
	put_frame();
	memmove(bytes + n_bytes - 42, bytes + n_bytes - 28, 28);
	n_bytes -= 14;
	put(9, 4);
	done();
	assert_addr(&flows[0].src_addr, "51.51.51.51");
	assert_int_equal(flows[0].packets, 9);
	assert_int_equal(flows[0].dst_port, 11777);
}

/* RFC 7133 4.1.2, 4.1.3, 4.2: a section that begins further in, one filled up to its field's size, a frame that is not
 * Ethernet's (2: IEEE 802.11), and what is behind an MPLS stack. */
static void sections_as_the_record_describes_them(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(409, 2), F(315, VAR), F(1, 4)));
	set(256), put(14, 2), put(42, 1), put_frame(), put(700, 4);
	put(0, 2), put(42, 1), put_frame(), put(700, 4), end_set();
	template_set(257, FIELDS(F(410, 2), F(313, 28)));
	set(257), put(20, 2);
	put_frame();
	memmove(bytes + n_bytes - 42, bytes + n_bytes - 28, 28);
	n_bytes -= 14;
	end_set();
	template_set(258, FIELDS(F(408, 2), F(315, VAR), F(1, 4)));
	set(258), put(2, 2), put(42, 1), put_frame(), put(700, 4);
	put(1, 2), put(42, 1), put_frame(), put(700, 4), end_set();
	template_set(259, FIELDS(F(70, 3), F(317, 28)));
	set(259), put(100 << 4 | 1, 3);
	put_frame();
	memmove(bytes + n_bytes - 42, bytes + n_bytes - 28, 28);
	n_bytes -= 14;
	done();
	assert_int_equal(n_flows, 6);
	assert_int_equal(flows[0].src_addr.len, 0);
	assert_int_equal(flows[0].bytes, 700);
	assert_addr(&flows[1].src_addr, "51.51.51.51");
	assert_addr(&flows[2].dst_addr, "52.52.52.52");
	assert_int_equal(flows[2].dst_port, 0); /* behind the 20 octets that were exported */
	assert_int_equal(flows[3].src_addr.len, 0);
	assert_int_equal(flows[4].dst_port, 11777);
	assert_addr(&flows[5].src_addr, "51.51.51.51");
	assert_int_equal(flows[5].mpls_label[0], 100);
}

static void a_section_that_is_no_packet(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(315, VAR), F(1, 4)));
	set(256);
	put(3, 1), put(1, 3), put(5, 4);
	put(0, 1), put(6, 4);
	done();
	assert_int_equal(n_flows, 2);
	assert_int_equal(flows[0].bytes, 5);
	assert_int_equal(flows[0].packets, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(basic_list_of_communities), T(as_path_and_segments), T(arrays_are_cut_and_counted),
		T(a_list_of_empty_elements_ends), T(the_enterprise_number_of_a_basic_list),
		T(a_sub_template_list_fills_what_is_open), T(a_multi_list_of_two_templates), T(flows_in_a_list),
		T(lists_within_lists_end), T(short_flows_in_a_list_are_bounded), T(lists_that_lie),
		T(paths_and_repeated_elements_are_cut), T(lists_of_odd_contents), T(a_data_link_frame_section), T(an_ip_header_section),
		T(sections_as_the_record_describes_them), T(a_section_that_is_no_packet),
	};
	return RUN(tests);
}
