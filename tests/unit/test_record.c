/*
 * test_record.c -- records: which element fills which field, in what order of preference, in every length and form.
 */
#include "tests/unit/netflow_build.h"

/* One record of one template; VALUES follow with put(). */
static void open_record(const struct field *f, size_t n)
{
	template_set(256, f, n);
	set(256);
}

static void close_record(void)
{
	end_set();
	send_all();
	assert_int_equal(res.reason, 0);
	assert_int_equal(res.skipped, 0);
}

static void all_the_usual_fields(void **state)
{
	(void)state;
	v9(99);
	open_record(FIELDS(F(8, 4), F(12, 4), F(7, 2), F(11, 2), F(4, 1), F(6, 1), F(5, 1), F(10, 4), F(14, 4), F(1, 8),
		F(2, 8), F(22, 4), F(21, 4), F(16, 4), F(17, 4), F(15, 4), F(9, 1), F(13, 1), F(58, 2), F(61, 1), F(89, 1),
		F(52, 1), F(53, 1), F(18, 4), F(136, 1)));
	put_ip("198.51.100.1"), put_ip("203.0.113.2"), put(1234, 2), put(443, 2), put(6, 1), put(0x1b, 1), put(0x20, 1);
	put(7, 4), put(8, 4), put(4000000000u, 8), put(5, 8), put(UPTIME_MS - 5000, 4), put(UPTIME_MS - 1000, 4);
	put(4200000001u, 4), put(64500, 4), put_ip("192.0.2.254"), put(24, 1), put(22, 1), put(100, 2), put(1, 1), put(64, 1);
	put(60, 1), put(64, 1), put_ip("192.0.2.253"), put(3, 1);
	close_record();
	const struct flow *f = &flows[0];
	assert_int_equal(f->type, FLOW_TYPE_NETFLOW_V9);
	assert_addr(&f->sampler_address, "192.0.2.1");
	assert_int_equal(f->observation_domain_id, 99);
	assert_int_equal(f->sequence_num, 1);
	assert_int_equal(f->time_received_ns, NOW);
	assert_addr(&f->src_addr, "198.51.100.1");
	assert_addr(&f->dst_addr, "203.0.113.2");
	assert_int_equal(f->src_port, 1234);
	assert_int_equal(f->dst_port, 443);
	assert_int_equal(f->proto, 6);
	assert_int_equal(f->etype, 0x800);
	assert_int_equal(f->tcp_flags, 0x1b);
	assert_int_equal(f->ip_tos, 0x20);
	assert_int_equal(f->in_if, 7);
	assert_int_equal(f->out_if, 8);
	assert_int_equal(f->bytes, 4000000000u);
	assert_int_equal(f->packets, 5);
	assert_int_equal(f->time_flow_start_ns, NOW - 5 * NS_PER_S);
	assert_int_equal(f->time_flow_end_ns, NOW - 1 * NS_PER_S);
	assert_int_equal(f->src_as, 4200000001u);
	assert_int_equal(f->dst_as, 64500);
	assert_addr(&f->next_hop, "192.0.2.254");
	assert_addr(&f->bgp_next_hop, "192.0.2.253");
	assert_int_equal(f->src_net, 24);
	assert_int_equal(f->dst_net, 22);
	assert_int_equal(f->vlan_id, 100);
	assert_int_equal(f->src_vlan, 100);
	assert_int_equal(f->flow_direction, 1);
	assert_int_equal(f->forwarding_status, 64);
	assert_int_equal(f->ip_ttl, 60);
	assert_int_equal(f->max_ttl, 64);
	assert_int_equal(f->flow_end_reason, 3);
}

/* goflow2 6.2 14: OUT_BYTES=0 after IN_BYTES=1000 gives 0. */
static void out_bytes_of_zero_do_not_overwrite_in_bytes(void **state)
{
	(void)state;
	v9(1);
	open_record(FIELDS(F(1, 4), F(2, 4), F(23, 4), F(24, 4)));
	put(1000, 4), put(10, 4), put(0, 4), put(0, 4);
	put(0, 4), put(0, 4), put(700, 4), put(7, 4);
	put(1000, 4), put(10, 4), put(900, 4), put(9, 4);
	close_record();
	assert_int_equal(flows[0].bytes, 1000);
	assert_int_equal(flows[0].packets, 10);
	assert_int_equal(flows[1].bytes, 700);
	assert_int_equal(flows[1].packets, 7);
	assert_int_equal(flows[1].post_bytes, 0);
	assert_int_equal(flows[2].bytes, 1000);
	assert_int_equal(flows[2].post_bytes, 900);
	assert_int_equal(flows[2].post_packets, 9);
}

/* goflow2 6.2 14: totals, and what ASA sends, give 0. */
static void total_and_initiator_counts(void **state)
{
	static const struct { uint16_t octets, packets; } pairs[] = {{85, 86}, {231, 298}, {352, 2}, {23, 24}, {171, 172}};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		n_flows = 0;
		ipfix((uint32_t)i);
		open_record(FIELDS(F(pairs[i].octets, 8), F(pairs[i].packets, 8)));
		put(1234, 8), put(5, 8);
		end_set();
		send_all();
		assert_int_equal(flows[0].bytes, 1234);
		assert_int_equal(flows[0].packets, 5);
	}
	n_flows = 5;
}

static void responder_counts_stand_beside(void **state)
{
	(void)state;
	v9(1);
	open_record(FIELDS(F(231, 4), F(232, 4), F(298, 4), F(299, 4), F(233, 1), F(33002, 2)));
	put(100, 4), put(9000, 4), put(2, 4), put(8, 4), put(2, 1), put(2015, 2);
	close_record();
	assert_int_equal(n_flows, 1);
	assert_int_equal(flows[0].bytes, 100);
	assert_int_equal(flows[0].packets, 2);
	assert_int_equal(flows[0].reverse_bytes, 9000);
	assert_int_equal(flows[0].reverse_packets, 8);
	assert_int_equal(flows[0].firewall_event, 2);
	assert_int_equal(flows[0].firewall_ext_event, 2015);
}

/* goflow2 GF2#105: both families in the template, the unused one zero. */
static void the_zero_address_does_not_overwrite(void **state)
{
	static const struct field four_first[] = {F(8, 4), F(12, 4), F(27, 16), F(28, 16), F(15, 4), F(62, 16)};
	static const struct field six_first[] = {F(27, 16), F(28, 16), F(8, 4), F(12, 4), F(62, 16), F(15, 4)};

	(void)state;
	ipfix(1);
	template_set(256, four_first, 6);
	set(256);
	put_ip("198.51.100.1"), put_ip("203.0.113.1"), put(0, 8), put(0, 8), put(0, 8), put(0, 8), put_ip("192.0.2.9"), put(0, 8),
		put(0, 8);
	put(0, 4), put(0, 4), put_ip("2001:db8::1"), put_ip("2001:db8::2"), put(0, 4), put_ip("2001:db8::9");
	end_set();
	template_set(257, six_first, 6);
	set(257);
	put(0, 8), put(0, 8), put(0, 8), put(0, 8), put_ip("198.51.100.1"), put_ip("203.0.113.1"), put(0, 8), put(0, 8),
		put_ip("192.0.2.9");
	put_ip("2001:db8::1"), put_ip("2001:db8::2"), put(0, 4), put(0, 4), put_ip("2001:db8::9"), put(0, 4);
	close_record();
	assert_int_equal(n_flows, 4);
	for (int i = 0; i < 4; i += 2) {
		assert_addr(&flows[i].src_addr, "198.51.100.1");
		assert_addr(&flows[i].dst_addr, "203.0.113.1");
		assert_addr(&flows[i].next_hop, "192.0.2.9");
		assert_int_equal(flows[i].etype, 0x800);
		assert_addr(&flows[i + 1].src_addr, "2001:db8::1");
		assert_addr(&flows[i + 1].dst_addr, "2001:db8::2");
		assert_addr(&flows[i + 1].next_hop, "2001:db8::9");
		assert_int_equal(flows[i + 1].etype, 0x86dd);
	}
}

static void a_zero_address_alone_is_present(void **state)
{
	(void)state;
	ipfix(1);
	open_record(FIELDS(F(8, 4), F(12, 4)));
	put(0, 4), put_ip("203.0.113.1");
	close_record();
	assert_addr(&flows[0].src_addr, "0.0.0.0");
	assert_int_equal(flows[0].src_addr.len, 4);
}

/* goflow2 6.2 14: OUT MACs overwrite IN MACs. */
static void macs_in_before_out(void **state)
{
	(void)state;
	v9(1);
	template_set(256, FIELDS(F(56, 6), F(80, 6), F(81, 6), F(57, 6)));
	set(256);
	put(0x020000000001, 6), put(0x020000000002, 6), put(0x020000000003, 6), put(0x020000000004, 6);
	put(0x020000000001, 6), put(0x020000000002, 6), put(0, 6), put(0, 6);
	end_set();
	template_set(257, FIELDS(F(56, 6), F(57, 6)));
	set(257);
	put(0x020000000005, 6), put(0x020000000006, 6);
	close_record();
	assert_int_equal(flows[0].src_mac, 0x020000000001);
	assert_int_equal(flows[0].dst_mac, 0x020000000002);
	assert_int_equal(flows[0].post_src_mac, 0x020000000003);
	assert_int_equal(flows[0].post_dst_mac, 0x020000000004);
	assert_int_equal(flows[1].src_mac, 0x020000000001);
	assert_int_equal(flows[2].src_mac, 0x020000000005);
	assert_int_equal(flows[2].dst_mac, 0x020000000006);
	assert_int_equal(flows[2].post_dst_mac, 0);
}

/* RFC 7011 6.2: any length up to the type's own. */
static void reduced_size_encoding(void **state)
{
	(void)state;
	ipfix(1);
	open_record(FIELDS(F(1, 1), F(2, 2), F(85, 3), F(10, 1), F(14, 3), F(16, 2), F(148, 5), F(6, 2), F(89, 4)));
	put(200, 1), put(50000, 2), put(7, 3), put(9, 1), put(100000, 3), put(65000, 2), put(0x0102030405, 5), put(0x1ff, 2),
		put(0x80, 4);
	close_record();
	const struct flow *f = &flows[0];
	assert_int_equal(f->bytes, 200);
	assert_int_equal(f->packets, 50000);
	assert_int_equal(f->in_if, 9);
	assert_int_equal(f->out_if, 100000);
	assert_int_equal(f->src_as, 65000);
	assert_int_equal(f->flow_id, 0x0102030405);
	assert_int_equal(f->tcp_flags, 0x1ff);
	assert_int_equal(f->forwarding_status, 0x80);
}

/* Of octets where a number is expected, the low 64 bits; addresses of odd lengths are left alone. */
static void odd_lengths(void **state)
{
	(void)state;
	ipfix(1);
	open_record(FIELDS(F(1, 10), F(8, 3), F(12, 5), F(4, 1)));
	put(0xffff, 2), put(42, 8), put(1, 3), put(2, 5), put(17, 1);
	close_record();
	assert_int_equal(flows[0].bytes, 42);
	assert_int_equal(flows[0].src_addr.len, 0);
	assert_int_equal(flows[0].dst_addr.len, 0);
	assert_int_equal(flows[0].proto, 17);
}

/* goflow2 6.2 16 for NetFlow: the whole tag where the id is asked for. */
static void vlans(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(58, 2), F(59, 2), F(245, 2)));
	set(256);
	put(0xa064, 2), put(200, 2), put(0x2005, 2);
	end_set();
	template_set(257, FIELDS(F(243, 2), F(254, 2)));
	set(257);
	put(300, 2), put(400, 2);
	close_record();
	assert_int_equal(flows[0].vlan_id, 100);
	assert_int_equal(flows[0].src_vlan, 100);
	assert_int_equal(flows[0].dst_vlan, 200);
	assert_int_equal(flows[0].customer_vlan_id, 5);
	assert_int_equal(flows[1].vlan_id, 300);
	assert_int_equal(flows[1].src_vlan, 300);
	assert_int_equal(flows[1].dst_vlan, 400);
}

static void mpls_labels(void **state)
{
	(void)state;
	ipfix(1);
	open_record(FIELDS(F(72, 3), F(70, 3), F(71, 3), F(73, 3), F(47, 4), F(140, 16), F(200, 1)));
	put(24003 << 4 | 1, 3), put(24001 << 4, 3), put(24002 << 4 | 6, 3), put(0, 3), put_ip("192.0.2.7"), put(0, 8), put(0, 8),
		put(63, 1);
	close_record();
	const struct flow *f = &flows[0];
	assert_int_equal(f->n_mpls_label, 3);
	assert_int_equal(f->mpls_label[0], 24001);
	assert_int_equal(f->mpls_label[1], 24002);
	assert_int_equal(f->mpls_label[2], 24003);
	assert_int_equal(f->n_mpls_ip, 1);
	assert_addr(&f->mpls_ip[0], "192.0.2.7");
	assert_int_equal(f->n_mpls_ttl, 1);
	assert_int_equal(f->mpls_ttl[0], 63);
}

/* Array counts and texts never leak into the next record. */
static void nothing_leaks_between_records(void **state)
{
	(void)state;
	ipfix(1);
	open_record(FIELDS(F(70, 3), F(71, 3), F(236, 8), F(8, 4)));
	put(100 << 4, 3), put(200 << 4, 3), put_text("customer"), put(1, 4);
	put(0, 3), put(0, 3), put(0, 8), put(2, 4);
	close_record();
	assert_int_equal(flows[0].n_mpls_label, 2);
	assert_text(&flows[0], vrf_name, "customer");
	assert_int_equal(flows[1].n_mpls_label, 0);
	assert_int_equal(flows[1].n_vrf_name, 0);
	ipfix(1);
	template_set(300, FIELDS(F(12, 4)));
	set(300), put(3, 4);
	close_record();
	assert_int_equal(flows[2].n_mpls_label, 0);
	assert_int_equal(flows[2].src_addr.len, 0);
}

static void icmp_in_every_form(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(4, 1), F(32, 2)));
	set(256), put(1, 1), put(0x0301, 2), end_set();
	template_set(257, FIELDS(F(4, 1), F(139, 2)));
	set(257), put(58, 1), put(0x8000, 2), end_set();
	template_set(258, FIELDS(F(4, 1), F(176, 1), F(177, 1)));
	set(258), put(1, 1), put(11, 1), put(1, 1), end_set();
	template_set(259, FIELDS(F(4, 1), F(178, 1), F(179, 1)));
	set(259), put(58, 1), put(135, 1), put(0, 1), end_set();
	/* Cisco's habit: in the destination port. */
	template_set(260, FIELDS(F(4, 1), F(7, 2), F(11, 2)));
	set(260), put(1, 1), put(0, 2), put(0x0303, 2), end_set();
	/* Ports of a TCP flow stay ports. */
	set(260), put(6, 1), put(0, 2), put(0x0303, 2);
	close_record();
	static const struct { unsigned type, code; } want[] = {{3, 1}, {128, 0}, {11, 1}, {135, 0}, {3, 3}, {0, 0}};
	for (int i = 0; i < 6; i++) {
		assert_int_equal(flows[i].icmp_type, want[i].type);
		assert_int_equal(flows[i].icmp_code, want[i].code);
	}
}

static void nat_and_port_blocks(void **state)
{
	(void)state;
	ipfix(1);
	open_record(FIELDS(F(225, 4), F(226, 4), F(227, 2), F(228, 2), F(230, 1), F(234, 4), F(235, 4), F(361, 2), F(362, 2),
		F(363, 2), F(364, 2), F(283, 4)));
	put_ip("203.0.113.5"), put_ip("203.0.113.6"), put(1024, 2), put(80, 2), put(4, 1), put(11, 4), put(12, 4);
	put(2048, 2), put(4095, 2), put(1, 2), put(2048, 2), put(9, 4);
	close_record();
	const struct flow *f = &flows[0];
	assert_addr(&f->post_nat_src_addr, "203.0.113.5");
	assert_addr(&f->post_nat_dst_addr, "203.0.113.6");
	assert_int_equal(f->post_nat_src_port, 1024);
	assert_int_equal(f->post_nat_dst_port, 80);
	assert_int_equal(f->nat_event, 4);
	assert_int_equal(f->in_vrf_id, 11);
	assert_int_equal(f->out_vrf_id, 12);
	assert_int_equal(f->port_range_start, 2048);
	assert_int_equal(f->port_range_end, 4095);
	assert_int_equal(f->port_range_step, 1);
	assert_int_equal(f->port_range_size, 2048);
	assert_int_equal(f->nat_pool_id, 9);
}

/* ASA before 8.4(5) had numbers of its own. */
static void asa_of_old(void **state)
{
	(void)state;
	v9(1);
	open_record(FIELDS(F(8, 4), F(40001, 4), F(40002, 4), F(40003, 2), F(40004, 2), F(40005, 1), F(40000, 20), F(85, 4)));
	put(1, 4), put_ip("203.0.113.5"), put_ip("203.0.113.6"), put(1, 2), put(2, 2), put(3, 1), put_text("alice"), put(0, 8),
		put(0, 7), put(99, 4);
	close_record();
	const struct flow *f = &flows[0];
	assert_addr(&f->post_nat_src_addr, "203.0.113.5");
	assert_addr(&f->post_nat_dst_addr, "203.0.113.6");
	assert_int_equal(f->post_nat_src_port, 1);
	assert_int_equal(f->post_nat_dst_port, 2);
	assert_int_equal(f->firewall_event, 3);
	assert_text(f, user_name, "alice");
	assert_int_equal(f->bytes, 99);
}

/* Open vSwitch: two interfaces, each with its type, name and description behind it. */
/* A device that meters below IP has no ingressInterface to tell. */
static void physical_interfaces_alone(void **state)
{
	(void)state;
	ipfix(1);
	open_record(FIELDS(F(8, 4), F(252, 4), F(253, 4)));
	put(1, 4), put(11, 4), put(12, 4);
	close_record();
	const struct flow *f = &flows[0];
	assert_int_equal(f->in_if, 11);
	assert_int_equal(f->out_if, 12);
	assert_int_equal(f->in_phys_if, 11);
	assert_int_equal(f->out_phys_if, 12);

	ipfix(1);
	open_record(FIELDS(F(252, 4), F(10, 4), F(253, 4), F(14, 4)));
	put(11, 4), put(1, 4), put(12, 4), put(2, 4);
	close_record();
	f = &flows[n_flows - 1];
	assert_int_equal(f->in_if, 1);
	assert_int_equal(f->out_if, 2);
	assert_int_equal(f->in_phys_if, 11);
	assert_int_equal(f->out_phys_if, 12);
}

static void the_second_interface_name_is_the_egress_one(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(10, 4), F(368, 4), F(82, VAR), F(83, VAR), F(14, 4), F(369, 4), F(82, VAR), F(83, VAR), F(1, 4)));
	set(256);
	put(2, 4), put(6, 4), put(3, 1), put_text("in0"), put(0, 1), put(7, 4), put(6, 4), put(4, 1), put_text("out1"), put(0, 1);
	put(100, 4);
	end_set();
	send_all();
	assert_int_equal(n_flows, 1);
	assert_text(&flows[0], in_if_name, "in0");
	assert_text(&flows[0], out_if_name, "out1");
	assert_int_equal(flows[0].out_if, 7);
}

/* Open vSwitch and VMware: kind and key of the tunnel that the packet is in. */
static void the_tunnel_of_a_virtual_switch(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(8, 4), E(6876, 891, 1), E(6876, 892, VAR), F(1, 4)));
	set(256);
	put_ip("10.0.0.1"), put(1, 1), put(3, 1), put(5001, 3), put(100, 4);
	put_ip("10.0.0.2"), put(2, 1), put(4, 1), put(0xfffffff0, 4), put(100, 4);
	put_ip("10.0.0.3"), put(7, 1), put(3, 1), put(7, 3), put(100, 4);
	put_ip("10.0.0.4"), put(3, 1), put(0, 1), put(100, 4);
	end_set();
	send_all();
	assert_int_equal(n_flows, 4);
	assert_int_equal(flows[0].tunnel_type, FLOW_TUNNEL_VXLAN);
	assert_int_equal(flows[0].tunnel_id, 5001);
	assert_int_equal(flows[1].tunnel_type, FLOW_TUNNEL_GRE);
	assert_int_equal(flows[1].tunnel_id, 0xfffffff0);
	assert_int_equal(flows[2].tunnel_type, FLOW_TUNNEL_GENEVE);
	assert_int_equal(flows[3].tunnel_type, 0);
}

/* Repeated elements: the outer header first, then the inner one. */
static void repeated_elements_are_the_inner_header(void **state)
{
	(void)state;
	ipfix(1);
	open_record(FIELDS(F(8, 4), F(12, 4), F(4, 1), F(8, 4), F(12, 4), F(4, 1), F(8, 4)));
	put_ip("192.0.2.10"), put_ip("192.0.2.11"), put(4, 1), put_ip("10.0.0.1"), put_ip("10.0.0.2"), put(6, 1),
		put_ip("10.9.9.9");
	close_record();
	assert_addr(&flows[0].src_addr, "192.0.2.10");
	assert_int_equal(flows[0].proto, 4);
	assert_addr(&flows[0].inner_src_addr, "10.0.0.1");
	assert_addr(&flows[0].inner_dst_addr, "10.0.0.2");
	assert_int_equal(flows[0].inner_proto, 6);
}

static void text_is_clean(void **state)
{
	(void)state;
	ipfix(1);
	open_record(FIELDS(F(96, 12), F(371, VAR)));
	put_text("http  "), put(0, 6);
	put(5, 1), put_text("a\xff" "bc\n");
	close_record();
	assert_text(&flows[0], application_name, "http");
	assert_text(&flows[0], user_name, "a?bc\n");
}

static void long_text_is_cut_between_characters(void **state)
{
	(void)state;
	ipfix(1);
	open_record(FIELDS(F(371, VAR)));
	put(255, 1), put(300, 2);
	put_text("x");
	for (int i = 0; i < 149; i++)
		put_text("\xc3\xa9"); /* 2 bytes each, so that one stands across byte 128 */
	put_text("y");
	close_record();
	assert_int_equal(flows[0].n_user_name, 127);
	assert_memory_equal(flows[0].user_name + 125, "\xc3\xa9", 2);
}

static void enterprise_elements(void **state)
{
	(void)state;
	ipfix(1);
	open_record(FIELDS(E(25461, 23933, 8), E(9999, 1, 4), F(1, 4), E(35632, 180, VAR), E(6876, 881, 4),
		E(6876, 886, 2)));
	put_text("web-chat"), put(77, 4), put(5, 4), put(6, 1), put_text("/index"), put_ip("10.1.1.1"), put(4789, 2);
	close_record();
	assert_int_equal(flows[0].bytes, 5);
	assert_text(&flows[0], application_name, "web-chat");
	assert_text(&flows[0], url, "/index");
	assert_addr(&flows[0].inner_src_addr, "10.1.1.1");
	assert_int_equal(flows[0].inner_src_port, 4789);
}

/* Juniper's common properties: several of one element in a template. */
static void juniper_drop_reason(void **state)
{
	(void)state;
	ipfix(1);
	open_record(FIELDS(E(2636, 137, 4), E(2636, 137, 2), E(2636, 137, 4), F(1, 4)));
	put(0x04000001, 4), put(0x0805, 2), put(0x0c000001, 4), put(1, 4);
	put(0x04000001, 4), put(0x0800, 2), put(0x0c000001, 4), put(1, 4);
	close_record();
	assert_int_equal(flows[0].forwarding_status, 128);
	assert_int_equal(flows[1].forwarding_status, 64);
}

static void ip_version_and_ethertype(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, FIELDS(F(60, 1)));
	set(256), put(6, 1), put(4, 1), end_set();
	template_set(257, FIELDS(F(256, 2), F(60, 1)));
	set(257), put(0x0806, 2), put(0, 1);
	close_record();
	assert_int_equal(flows[0].etype, 0x86dd);
	assert_int_equal(flows[1].etype, 0x0800);
	assert_int_equal(flows[2].etype, 0x0806);
}

static void fragment_flags_are_those_of_the_header(void **state)
{
	(void)state;
	ipfix(1);
	open_record(FIELDS(F(197, 1), F(54, 4), F(88, 2), F(31, 4)));
	put(0x40, 1), put(0x1234, 4), put(185, 2), put(0xabcde, 4);
	close_record();
	assert_int_equal(flows[0].ip_flags, 2);
	assert_int_equal(flows[0].fragment_id, 0x1234);
	assert_int_equal(flows[0].fragment_offset, 185);
	assert_int_equal(flows[0].ipv6_flow_label, 0xabcde);
}

/* RFC 8200 3: 20 bits; an exporter sends three bytes of the header's word, or all four. */
static void a_flow_label_has_20_bits(void **state)
{
	(void)state;
	ipfix(1);
	open_record(FIELDS(F(31, 4)));
	put(0x6b8abcde, 4);
	close_record();
	ipfix(1);
	open_record(FIELDS(F(31, 3), F(2, 1)));
	put(0x8abcde, 3), put(1, 1);
	close_record();
	assert_int_equal(flows[0].ipv6_flow_label, 0xabcde);
	assert_int_equal(flows[1].ipv6_flow_label, 0xabcde);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(all_the_usual_fields), T(out_bytes_of_zero_do_not_overwrite_in_bytes), T(total_and_initiator_counts),
		T(responder_counts_stand_beside), T(the_zero_address_does_not_overwrite), T(a_zero_address_alone_is_present),
		T(macs_in_before_out), T(reduced_size_encoding), T(odd_lengths), T(vlans), T(mpls_labels),
		T(nothing_leaks_between_records), T(icmp_in_every_form), T(nat_and_port_blocks), T(asa_of_old),
		T(physical_interfaces_alone), T(the_second_interface_name_is_the_egress_one), T(the_tunnel_of_a_virtual_switch),
		T(repeated_elements_are_the_inner_header), T(text_is_clean), T(long_text_is_cut_between_characters),
		T(enterprise_elements), T(juniper_drop_reason), T(ip_version_and_ethertype),
		T(fragment_flags_are_those_of_the_header), T(a_flow_label_has_20_bits),
	};
	return RUN(tests);
}
