/*
 * test_frame.c -- packets made by hand, a comment a field, and what frame_decode() must find in them: link layer, IP
 * and transports. Tunnels are in test_frame_tunnel.c.
 */
#include "tests/unit/frame_hex.h"

static void ethernet_ipv4_tcp(void **state)
{
	(void)state;
	decode(MACS "0800 " IP4("06") TCP);
	assert_macs();
	assert_outer4();
	assert_tcp();
	assert_layers("Ethernet:14 IPv4:20 TCP:20");
	assert_int_equal(f.tunnel_type, 0);
}

static void ethernet_ipv6_udp(void **state)
{
	(void)state;
	decode(MACS "86dd " IP6("11") UDP("0035"));
	assert_outer6();
	assert_int_equal(f.proto, 17);
	assert_int_equal(f.src_port, 0xc000);
	assert_int_equal(f.dst_port, 53);
	assert_layers("Ethernet:14 IPv6:40 UDP:8");
}

static void starts_other_than_ethernet(void **state)
{
	(void)state;
	assert_int_equal(decode_as(IP4("06") TCP, FRAME_IPV4, FRAME_INNER_BESIDE), 0);
	assert_outer4();
	assert_tcp();
	assert_layers("IPv4:20 TCP:20");
	assert_int_equal(decode_as(IP6("06") TCP, FRAME_IPV6, FRAME_INNER_BESIDE), 0);
	assert_outer6();
	assert_tcp();
	assert_int_equal(decode_as(IP4("06") TCP, FRAME_IP, FRAME_INNER_BESIDE), 0);
	assert_outer4();
	assert_int_equal(decode_as(IP6("06") TCP, FRAME_IP, FRAME_INNER_BESIDE), 0);
	assert_outer6();
	assert_int_equal(decode_as("00064 1 3f " IP4("06") TCP, FRAME_MPLS, FRAME_INNER_BESIDE), 0);
	assert_outer4();
	assert_layers("MPLS:4 IPv4:20 TCP:20");
	load("8100 0005 0800 " IP4("06") TCP);
	flow_clear(&f);
	assert_int_equal(frame_decode_etype(bytes + 2, n_bytes - 2, 0x8100, FRAME_INNER_BESIDE, &f, NULL), 0);
	assert_int_equal(f.vlan_id, 5);
	assert_outer4();
}

/* goflow 6.2(16): the TCI was stored where the VLAN id belongs: priority 5, VLAN 100 gave 41060. */
static void trap_vlan_id_without_priority(void **state)
{
	(void)state;
	decode(MACS "8100 a064 0800 " IP4("06") TCP);
	assert_int_equal(f.vlan_id, 100);
	assert_int_equal(f.customer_vlan_id, 0);
	assert_outer4();
	assert_layers("Ethernet:14 Dot1Q:4 IPv4:20 TCP:20");
}

/* goflow 6.2(16): the inner tag overwrote the outer one. */
static void trap_qinq_keeps_both_vlans(void **state)
{
	(void)state;
	decode(MACS "8100 0064 8100 00c8 0800 " IP4("06") TCP);
	assert_int_equal(f.vlan_id, 100);
	assert_int_equal(f.customer_vlan_id, 200);
	assert_tcp();
}

/* goflow 6.2(16): 0x88a8 was not known, so there was no IP behind it. */
static void trap_service_tag_is_walked_through(void **state)
{
	(void)state;
	static const char *const tpids[] = {"88a8", "9100"};
	for (size_t i = 0; i < 2; i++) {
		char hex[512];
		snprintf(hex, sizeof(hex), MACS "%s 6064 8100 e0c8 86dd " IP6("06") TCP, tpids[i]);
		decode(hex);
		assert_int_equal(f.vlan_id, 100);
		assert_int_equal(f.customer_vlan_id, 200);
		assert_int_equal(f.etype, 0x86dd);
		assert_tcp();
		assert_layers("Ethernet:14 Dot1Q:4 Dot1Q:4 IPv6:40 TCP:20");
	}
}

static void llc_snap(void **state)
{
	(void)state;
	decode(MACS "0030 aaaa03 000000 0800 " IP4("06") TCP);
	assert_outer4();
	assert_tcp();
	assert_layers("Ethernet:14 Custom:8 IPv4:20 TCP:20");
	/* spanning tree: LLC without SNAP, nothing to read behind it, and a length is no ethertype */
	decode(MACS "0026 424203 0000 00 00 00");
	assert_int_equal(f.etype, 0);
	assert_layers("Ethernet:14");
}

static void arp_has_only_a_link_layer(void **state)
{
	(void)state;
	decode(MACS "0806 0001 0800 06 04 0001 020000000001 c0000201 000000000000 c0000202");
	assert_macs();
	assert_int_equal(f.etype, 0x0806);
	assert_int_equal(f.src_addr.len, 0);
	assert_layers("Ethernet:14");
}

/* goflow 6.2(16): IHL was ignored, so options were read as ports. */
static void trap_ipv4_options_shift_ports(void **state)
{
	(void)state;
	decode(MACS "0800 46 00 0000 0001 0000 40 06 0000 c0000201 c0000202 94040000 " TCP);
	assert_tcp();
	assert_layers("Ethernet:14 IPv4:24 TCP:20");
}

static void ipv4_header_that_contradicts_itself(void **state)
{
	(void)state;
	decode(MACS "0800 44 00 0000 0001 0000 40 06 0000 c0000201 c0000202 " TCP); /* IHL 4 */
	assert_int_equal(f.src_addr.len, 0);
	assert_int_equal(f.src_port, 0);
	assert_layers("Ethernet:14");
	decode(MACS "0800 45 00 0013 0001 0000 40 06 0000 c0000201 c0000202 " TCP); /* total length 19 */
	assert_int_equal(f.src_addr.len, 0);
	decode(MACS "0800 65 00 0000 0001 0000 40 06 0000 c0000201 c0000202 " TCP); /* version 6 behind 0x0800 */
	assert_int_equal(f.src_addr.len, 0);
}

/* The total length ends the packet: what follows is the frame's padding. */
static void padding_is_not_payload(void **state)
{
	(void)state;
	decode(MACS "0800 45 00 0014 0001 0000 40 06 0000 c0000201 c0000202 " TCP);
	assert_int_equal(f.proto, 6);
	assert_int_equal(f.src_port, 0);
	assert_layers("Ethernet:14 IPv4:20");
}

/* goflow 6.2(16): ports were read from fragments that have none. */
static void trap_ports_of_the_first_fragment_only(void **state)
{
	(void)state;
	decode(MACS "0800 45 00 0000 1234 2000 40 06 0000 c0000201 c0000202 " TCP); /* more fragments, offset 0 */
	assert_int_equal(f.src_port, 12345);
	assert_int_equal(f.ip_flags, 1);
	assert_int_equal(f.fragment_offset, 0);
	decode(MACS "0800 45 00 0000 1234 20b9 40 06 0000 c0000201 c0000202 " TCP); /* offset 185 */
	assert_int_equal(f.proto, 6);
	assert_int_equal(f.src_port, 0);
	assert_int_equal(f.dst_port, 0);
	assert_int_equal(f.tcp_flags, 0);
	assert_int_equal(f.fragment_id, 0x1234);
	assert_int_equal(f.fragment_offset, 185);
	assert_layers("Ethernet:14 IPv4:20");
}

static void ipv6_fragments(void **state)
{
	(void)state;
	decode(MACS "86dd " IP6("2c") "06 00 0001 11223344 " TCP); /* offset 0, M */
	assert_tcp();
	assert_int_equal(f.fragment_id, 0x11223344);
	assert_int_equal(f.ip_flags, 1);
	assert_layers("Ethernet:14 IPv6:40 Fragment:8 TCP:20");
	decode(MACS "86dd " IP6("2c") "06 00 05c8 11223344 " TCP); /* offset 185 */
	assert_int_equal(f.proto, 6);
	assert_int_equal(f.fragment_offset, 185);
	assert_int_equal(f.src_port, 0);
	assert_layers("Ethernet:14 IPv6:40 Fragment:8");
}

static void ipv6_extension_headers(void **state)
{
	(void)state;
	decode(MACS "86dd " IP6("00")
	       "3c 00 0502 0000 0100 "                               /* hop-by-hop: router alert, next 60 */
	       "33 01 0104 00000000 0108 00000000 0000 "             /* destination options, 16 octets, next 51 */
	       "06 04 0000 00000001 00000002 aabbccdd aabbccdd aabbccdd " /* authentication header, 24 octets, next 6 */
	       TCP);
	assert_outer6();
	assert_tcp();
	assert_layers("Ethernet:14 IPv6:40 Custom:8 Custom:16 Custom:24 TCP:20");
	decode(MACS "86dd " IP6("32") "00000001 00000002 " TCP); /* ESP: the rest is encrypted */
	assert_int_equal(f.proto, 50);
	assert_int_equal(f.src_port, 0);
	decode(MACS "86dd " IP6("3b") TCP); /* no next header */
	assert_int_equal(f.proto, 59);
	assert_int_equal(f.src_port, 0);
}

static void ipv4_authentication_header(void **state)
{
	(void)state;
	decode(MACS "0800 " IP4("33") "06 04 0000 00000001 00000002 aabbccdd aabbccdd aabbccdd " TCP);
	assert_tcp();
}

/* In IPv4 these numbers are no extension headers. */
static void ipv4_has_no_extension_headers(void **state)
{
	(void)state;
	decode(MACS "0800 " IP4("2b") "06 00 04 00 00 00 0000 " TCP);
	assert_int_equal(f.proto, 43);
	assert_int_equal(f.src_port, 0);
	assert_layers("Ethernet:14 IPv4:20");
}

static void srv6_segment_list(void **state)
{
	(void)state;
	decode(MACS "86dd " IP6("2b") "06 04 04 01 01 00 0000 " SEGMENTS TCP); /* 2 segments, 1 left, then TCP */
	assert_tcp();
	assert_int_equal(f.ipv6_routing_header_seg_left, 1);
	assert_int_equal(f.n_ipv6_routing_header_addresses, 2);
	assert_addr(&f.ipv6_routing_header_addresses[0], "2001:db8::a01");
	assert_addr(&f.ipv6_routing_header_addresses[1], "2001:db8::a02");
	assert_layers("Ethernet:14 IPv6:40 Routing:40 TCP:20");
}

/* goflow 6.2(16): the TCP header's length was read from the flags. */
static void trap_tcp_header_length(void **state)
{
	(void)state;
	decode(MACS "0800 " IP4("06") "3039 01bb 00000001 00000002 80 18 ffff 0000 0000 0101080a 00000001 00000002");
	assert_int_equal(f.tcp_flags, 0x18);
	assert_layers("Ethernet:14 IPv4:20 TCP:32");
}

static void other_transports(void **state)
{
	(void)state;
	decode(MACS "0800 " IP4("84") "0e0c 0e0d 00000001 00000000"); /* SCTP */
	assert_int_equal(f.proto, 132);
	assert_int_equal(f.src_port, 3596);
	assert_int_equal(f.dst_port, 3597);
	decode(MACS "0800 " IP4("21") "0e0c 0e0d 00000001 00000000"); /* DCCP */
	assert_int_equal(f.dst_port, 3597);
	decode(MACS "0800 " IP4("88") UDP("12b5")); /* UDP-Lite to 4789 is no VXLAN */
	assert_int_equal(f.dst_port, 4789);
	assert_int_equal(f.tunnel_type, 0);
	decode(MACS "0800 " IP4("02") "16 00 0000 e0000001"); /* IGMPv2 report */
	assert_int_equal(f.igmp_type, 0x16);
	assert_int_equal(f.src_port, 0);
}

static void icmp(void **state)
{
	(void)state;
	decode(MACS "0800 " IP4("01") "03 01 0000 00000000 " IP4_IN("06") TCP); /* host unreachable, with what it is about */
	assert_int_equal(f.icmp_type, 3);
	assert_int_equal(f.icmp_code, 1);
	assert_int_equal(f.src_port, 0);
	assert_int_equal(f.inner_src_addr.len, 0);
	assert_layers("Ethernet:14 IPv4:20 ICMP:8");
	decode(MACS "86dd " IP6("3a") "87 00 0000 00000000");
	assert_int_equal(f.icmp_type, 135);
	assert_int_equal(f.proto, 58);
	assert_layers("Ethernet:14 IPv6:40 ICMPv6:8");
}

static void mpls(void **state)
{
	(void)state;
	decode(MACS "8847 00064 0 40 000c8 1 3f " IP4("06") TCP);
	assert_int_equal(f.n_mpls_label, 2);
	assert_int_equal(f.n_mpls_ttl, 2);
	assert_int_equal(f.mpls_label[0], 100);
	assert_int_equal(f.mpls_label[1], 200);
	assert_int_equal(f.mpls_ttl[0], 64);
	assert_int_equal(f.mpls_ttl[1], 63);
	assert_outer4();
	assert_tcp();
	assert_layers("Ethernet:14 MPLS:8 IPv4:20 TCP:20");
	decode(MACS "8848 00002 1 3f " IP6("06") TCP); /* multicast; explicit null for IPv6 */
	assert_outer6();
	assert_tcp();
}

static void vlan_mpls_ipv6(void **state)
{
	(void)state;
	decode(MACS "8100 0064 8847 00064 1 40 " IP6("3a") "80 00 0000 00000000");
	assert_int_equal(f.vlan_id, 100);
	assert_int_equal(f.icmp_type, 128);
	assert_layers("Ethernet:14 Dot1Q:4 MPLS:4 IPv6:40 ICMPv6:8");
}

static void mpls_stack_without_a_bottom(void **state)
{
	(void)state;
	char hex[1024] = MACS "8847 ";
	for (int i = 0; i < 40; i++)
		strcat(hex, "00064 0 40 ");
	load(hex);
	flow_clear(&f);
	struct frame_info info;
	assert_int_equal(frame_decode_etype(bytes, n_bytes, 0, FRAME_INNER_BESIDE, &f, &info), 0);
	assert_int_equal(f.n_mpls_label, FLOW_ARRAY_MAX);
	assert_int_equal(info.cut, 40 - FLOW_ARRAY_MAX);
	assert_int_equal(f.layer_size[1], 160);
}

/* NetFlow and IPFIX have an element for the top label's TTL, and a record may have that, as often as it likes, beside a packet. */
static void mpls_ttl_that_was_there_before(void **state)
{
	(void)state;
	char hex[1024] = MACS "8847 ";
	for (int i = 0; i < 40; i++)
		strcat(hex, "00064 0 40 ");
	load(hex);
	for (uint32_t before = 1; before <= FLOW_ARRAY_MAX; before += FLOW_ARRAY_MAX - 1) {
		flow_clear(&f);
		f.n_mpls_ttl = before;
		struct frame_info info;
		assert_int_equal(frame_decode_etype(bytes, n_bytes, 0, FRAME_INNER_BESIDE, &f, &info), 0);
		assert_int_equal(f.n_mpls_label, FLOW_ARRAY_MAX);
		assert_int_equal(f.n_mpls_ttl, FLOW_ARRAY_MAX);
		assert_int_equal(f.mpls_ttl[0], 64);
	}
}

static void pppoe(void **state)
{
	(void)state;
	decode(MACS "8864 11 00 0abc 002a 0021 45 10 0028 1234 4000 40 06 0000 c0000201 c0000202 " TCP);
	assert_outer4();
	assert_tcp();
	assert_int_equal(f.tunnel_type, FLOW_TUNNEL_PPPOE);
	assert_int_equal(f.tunnel_id, 0xabc);
	assert_layers("Ethernet:14 Custom:6 IPv4:20 TCP:20");
	decode(MACS "8864 11 00 0abc 0042 0057 " IP6("06") TCP);
	assert_outer6();
	assert_tcp();
	decode(MACS "8864 11 00 0abc 0041 57 " IP6("06") TCP); /* the protocol field compressed */
	assert_outer6();
	assert_tcp();
	decode(MACS "8863 11 09 0000 0000"); /* discovery */
	assert_int_equal(f.tunnel_type, 0);
}

static void the_ip_length(void **state)
{
	(void)state;
	static const struct {
		const char *hex;
		uint32_t beside, instead;
	} cases[] = {
		{MACS "0800 45 00 05dc 0001 0000 40 06 0000 c0000201 c0000202 " TCP, 1500, 1500},
		{MACS "86dd 60000000 0578 06 40 20010db8000000000000000000000001 20010db8000000000000000000000002 " TCP, 1440, 1440},
		{MACS "0800 45 00 05dc 0001 0000 40 2f 0000 c0000201 c0000202 0000 0800 "
		      "45 00 05c4 0001 0000 40 06 0000 0a000001 0a000002 " TCP, 1500, 1476},
		{MACS "0806 0001", 0, 0},
	};
	for (size_t i = 0; i < 4; i++) {
		struct frame_info info;
		load(cases[i].hex);
		flow_clear(&f);
		assert_int_equal(frame_decode_etype(bytes, n_bytes, 0, FRAME_INNER_BESIDE, &f, &info), 0);
		assert_int_equal(info.ip_len, cases[i].beside);
		assert_int_equal(frame_decode_etype(bytes, n_bytes, 0, FRAME_INNER_INSTEAD, &f, &info), 0);
		assert_int_equal(info.ip_len, cases[i].instead);
	}
}

static void other_members_stay(void **state)
{
	(void)state;
	load(MACS "0800 " IP4("06") TCP);
	flow_clear(&f);
	f.bytes = 5;
	f.src_vlan = 6;
	f.n_as_path = 1;
	assert_int_equal(frame_decode(bytes, n_bytes, FRAME_ETHERNET, FRAME_INNER_BESIDE, &f), 0);
	assert_int_equal(f.bytes, 5);
	assert_int_equal(f.src_vlan, 6);
	assert_int_equal(f.n_as_path, 1);
	assert_int_equal(frame_decode(bytes, 13, FRAME_ETHERNET, FRAME_INNER_BESIDE, &f), -ERR_BAD_HEADER);
	assert_int_equal(frame_decode(bytes, 0, FRAME_IP, FRAME_INNER_BESIDE, &f), -ERR_BAD_HEADER);
	assert_int_equal(f.bytes, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ethernet_ipv4_tcp),
		cmocka_unit_test(ethernet_ipv6_udp),
		cmocka_unit_test(starts_other_than_ethernet),
		cmocka_unit_test(trap_vlan_id_without_priority),
		cmocka_unit_test(trap_qinq_keeps_both_vlans),
		cmocka_unit_test(trap_service_tag_is_walked_through),
		cmocka_unit_test(llc_snap),
		cmocka_unit_test(arp_has_only_a_link_layer),
		cmocka_unit_test(trap_ipv4_options_shift_ports),
		cmocka_unit_test(ipv4_header_that_contradicts_itself),
		cmocka_unit_test(padding_is_not_payload),
		cmocka_unit_test(trap_ports_of_the_first_fragment_only),
		cmocka_unit_test(ipv6_fragments),
		cmocka_unit_test(ipv6_extension_headers),
		cmocka_unit_test(ipv4_authentication_header),
		cmocka_unit_test(ipv4_has_no_extension_headers),
		cmocka_unit_test(srv6_segment_list),
		cmocka_unit_test(trap_tcp_header_length),
		cmocka_unit_test(other_transports),
		cmocka_unit_test(icmp),
		cmocka_unit_test(mpls),
		cmocka_unit_test(vlan_mpls_ipv6),
		cmocka_unit_test(mpls_stack_without_a_bottom), cmocka_unit_test(mpls_ttl_that_was_there_before),
		cmocka_unit_test(pppoe),
		cmocka_unit_test(the_ip_length),
		cmocka_unit_test(other_members_stay),
	};
	return cmocka_run_group_tests(tests, NULL, free_bytes);
}
