/*
 * test_frame_tunnel.c -- packets inside packets, in all the ways that packet/frame_tunnel.c knows, and frames that
 * were cut and damaged.
 */
#include "tests/unit/frame_hex.h"

static void mpls_pseudowires(void **state)
{
	(void)state;
	static const char *const frames[] = {
		MACS "8847 00064 0 40 000c8 1 3f 00000000 " MACS_IN "0800 " IP4_IN("06") TCP, /* with a control word */
		MACS "8847 00064 0 40 000c8 1 3f " MACS_IN "0800 " IP4_IN("06") TCP,          /* without */
	};
	for (size_t i = 0; i < 2; i++) {
		decode(frames[i]);
		assert_macs();
		assert_int_equal(f.etype, 0x0800); /* no IP header outside: the first inside */
		assert_addr(&f.src_addr, "10.0.0.1");
		assert_tcp();
		assert_int_equal(f.tunnel_type, FLOW_TUNNEL_MPLS);
		assert_int_equal(f.tunnel_id, 200);
		assert_inner_macs();
		assert_inner_tcp4();
		assert_int_equal(f.n_mpls_label, 2);
		decode_inner(frames[i]);
		assert_addr(&f.src_addr, "10.0.0.1");
		assert_int_equal(f.src_mac, 0x0a0000000001);
		assert_tcp();
	}
	/* A tunnel within it: the first IP header is the outer one, still in the frame that travelled. */
	decode(MACS "8847 00064 1 40 " MACS_IN "0800 " IP4("04") IP4_IN("06") TCP);
	assert_macs();
	assert_outer4();
	assert_inner_tcp4();
	decode(MACS "8847 00064 1 40 10000021 0000 0000 0000 0000 0000 0000"); /* an OAM channel is no frame */
	assert_int_equal(f.tunnel_type, 0);
	assert_layers("Ethernet:14 MPLS:4");
}

/* goflow 6.2(16): optional fields of GRE were not skipped. */
static void trap_gre_optional_fields(void **state)
{
	(void)state;
	decode(MACS "0800 " IP4("2f") "0000 0800 " IP4_IN("06") TCP);
	assert_outer4();
	assert_int_equal(f.proto, 47);
	assert_int_equal(f.src_port, 0);
	assert_inner_tcp4();
	assert_int_equal(f.tunnel_type, FLOW_TUNNEL_GRE);
	assert_layers("Ethernet:14 IPv4:20 GRE:4 IPv4:20 TCP:20");
	decode(MACS "0800 " IP4("2f") "b000 0800 12340000 00abcdef 00000005 " IP4_IN("06") TCP); /* checksum, key, sequence */
	assert_inner_tcp4();
	assert_int_equal(f.tunnel_id, 0xabcdef);
	assert_layers("Ethernet:14 IPv4:20 GRE:16 IPv4:20 TCP:20");
	decode(MACS "0800 " IP4("2f") "4000 0800 " IP4_IN("06") TCP); /* source routes: no further */
	assert_int_equal(f.tunnel_type, 0);
}

static void gre_kinds(void **state)
{
	(void)state;
	decode(MACS "86dd " IP6("2f") "0000 86dd " IP6_IN("3a") "80 00 0000 00000000"); /* GRE over IPv6 */
	assert_outer6();
	assert_int_equal(f.proto, 47);
	assert_addr(&f.inner_dst_addr, "fd00::2");
	assert_int_equal(f.inner_icmp_type, 128);
	assert_int_equal(f.icmp_type, 0);
	decode(MACS "0800 " IP4("2f") "2000 6558 00000007 " MACS_IN "0800 " IP4_IN("06") TCP); /* a bridged frame */
	assert_inner_macs();
	assert_inner_tcp4();
	decode(MACS "0800 " IP4("2f") "0000 8847 00064 1 40 " IP4_IN("06") TCP); /* MPLS in GRE */
	assert_inner_tcp4();
	assert_int_equal(f.mpls_label[0], 100);
	/* PPTP: version 1, key (length, call 9), sequence, acknowledgement, PPP with its address octets */
	decode(MACS "0800 " IP4("2f") "3081 880b 0028 0009 00000001 00000002 ff03 0021 " IP4_IN("06") TCP);
	assert_inner_tcp4();
	assert_int_equal(f.tunnel_id, 9);
}

static void erspan(void **state)
{
	(void)state;
	decode(MACS "0800 " IP4("2f") "1000 88be 00000001 1005 0064 00000000 " MACS_IN "0800 " IP4_IN("06") TCP); /* II */
	assert_inner_macs();
	assert_inner_tcp4();
	assert_int_equal(f.tunnel_id, 0x64);
	assert_layers("Ethernet:14 IPv4:20 GRE:8 Custom:8 Ethernet:14 IPv4:20 TCP:20");
	decode(MACS "0800 " IP4("2f") "0000 88be " MACS_IN "0800 " IP4_IN("06") TCP); /* I */
	assert_inner_tcp4();
	decode(MACS "0800 " IP4("2f") "1000 22eb 00000001 2005 0065 00000000 0000 0001 0000000000000000 " /* III, O bit */
	       MACS_IN "0800 " IP4_IN("06") TCP);
	assert_inner_tcp4();
	assert_int_equal(f.tunnel_id, 0x65);
}

static void ip_in_ip(void **state)
{
	(void)state;
	decode(MACS "0800 " IP4("04") IP4_IN("06") TCP);
	assert_outer4();
	assert_int_equal(f.proto, 4);
	assert_int_equal(f.tunnel_type, FLOW_TUNNEL_IPIP);
	assert_inner_tcp4();
	decode(MACS "0800 " IP4("29") IP6_IN("11") UDP("0035")); /* 6in4 */
	assert_addr(&f.inner_src_addr, "fd00::1");
	assert_int_equal(f.inner_etype, 0x86dd);
	assert_int_equal(f.inner_dst_port, 53);
	decode(MACS "86dd " IP6("04") IP4_IN("06") TCP); /* 4in6 */
	assert_outer6();
	assert_int_equal(f.tunnel_type, FLOW_TUNNEL_IPIP);
	assert_inner_tcp4();
	decode(MACS "0800 " IP4("89") "00064 1 40 " IP4_IN("06") TCP); /* MPLS in IP */
	assert_inner_tcp4();
}

static void vxlan(void **state)
{
	(void)state;
	static const char *const ports[] = {"12b5", "2118"};
	for (size_t i = 0; i < 2; i++) {
		char hex[1024];
		snprintf(hex, sizeof(hex), MACS "0800 " IP4("11") "c000 %s 0000 0000 08000000 00a0b0 00 "
		         MACS_IN "8100 6007 0800 " IP4_IN("06") TCP, ports[i]);
		decode(hex);
		assert_outer4();
		assert_int_equal(f.proto, 17);
		assert_int_equal(f.src_port, 0xc000);
		assert_int_equal(f.tunnel_type, FLOW_TUNNEL_VXLAN);
		assert_int_equal(f.tunnel_id, 0xa0b0);
		assert_inner_macs();
		assert_int_equal(f.inner_vlan_id, 7);
		assert_inner_tcp4();
		decode_inner(hex);
		assert_addr(&f.dst_addr, "10.0.0.2");
		assert_int_equal(f.src_mac, 0x0a0000000001);
		assert_int_equal(f.vlan_id, 7);
		assert_tcp();
		assert_int_equal(f.tunnel_id, 0xa0b0);
	}
	decode(MACS "0800 " IP4("11") UDP("12b5") "00000000 00a0b0 00 " MACS_IN "0800 " IP4_IN("06") TCP); /* no I flag */
	assert_int_equal(f.tunnel_type, 0);
	decode(MACS "0800 " IP4("11") UDP("12b6") "0c000001 00a0b0 00 " IP4_IN("06") TCP); /* GPE, IPv4 next */
	assert_inner_tcp4();
}

static void geneve(void **state)
{
	(void)state;
	decode(MACS "0800 " IP4("11") UDP("17c1") "02 00 6558 00a0b0 00 0102 80 01 deadbeef " MACS_IN "0800 " IP4_IN("01") ICMP);
	assert_int_equal(f.tunnel_type, FLOW_TUNNEL_GENEVE);
	assert_int_equal(f.tunnel_id, 0xa0b0);
	assert_inner_macs();
	assert_int_equal(f.inner_proto, 1);
	assert_int_equal(f.inner_icmp_type, 8);
	assert_layers("Ethernet:14 IPv4:20 UDP:8 Geneve:16 Ethernet:14 IPv4:20 ICMP:8");
	decode(MACS "0800 " IP4("11") UDP("17c1") "00 00 0800 00a0b0 00 " IP4_IN("06") TCP);
	assert_inner_tcp4();
}

static void gtpu(void **state)
{
	(void)state;
	decode(MACS "0800 " IP4("11") UDP("0868") "30 ff 0028 00000abc " IP4_IN("06") TCP);
	assert_int_equal(f.tunnel_type, FLOW_TUNNEL_GTPU);
	assert_int_equal(f.tunnel_id, 0xabc);
	assert_inner_tcp4();
	/* sequence number and a PDU session container (5G) */
	decode(MACS "0800 " IP4("11") UDP("0868") "36 ff 0030 00000abc 0001 00 85 01 00 09 00 " IP4_IN("06") TCP);
	assert_inner_tcp4();
	assert_layers("Ethernet:14 IPv4:20 UDP:8 Custom:16 IPv4:20 TCP:20");
	decode(MACS "0800 " IP4("11") UDP("0868") "32 01 0004 00000000 00010000"); /* echo request */
	assert_int_equal(f.tunnel_type, 0);
	decode(MACS "0800 " IP4("11") UDP("0868") "36 ff 0030 00000abc 0001 00 85 00 00 09 00 "); /* extension of no length */
	assert_int_equal(f.tunnel_type, 0);
}

static void teredo(void **state)
{
	(void)state;
	decode(MACS "0800 " IP4("11") UDP("0dd8") IP6_IN("06") TCP);
	assert_int_equal(f.tunnel_type, FLOW_TUNNEL_TEREDO);
	assert_addr(&f.inner_src_addr, "fd00::1");
	assert_int_equal(f.inner_dst_port, 443);
	/* authentication without key, origin indication */
	decode(MACS "0800 " IP4("11") "0dd8 c000 0000 0000 0001 00 00 0102030405060708 00 0000 aaaa bbbbbbbb " IP6_IN("06") TCP);
	assert_addr(&f.inner_src_addr, "fd00::1");
	assert_layers("Ethernet:14 IPv4:20 UDP:8 Teredo:21 IPv6:40 TCP:20");
}

static void srv6_encapsulation(void **state)
{
	(void)state;
#define SRV6(next) MACS "86dd " IP6("2b") next " 04 04 01 01 00 0000 " SEGMENTS
	decode(SRV6("04") IP4_IN("06") TCP);
	assert_outer6();
	assert_int_equal(f.proto, 4);
	assert_int_equal(f.tunnel_type, FLOW_TUNNEL_SRV6);
	assert_inner_tcp4();
	decode_inner(SRV6("04") IP4_IN("06") TCP);
	assert_addr(&f.src_addr, "10.0.0.1");
	assert_int_equal(f.etype, 0x0800);
	assert_tcp();
	assert_macs();
	assert_int_equal(f.n_ipv6_routing_header_addresses, 2);
	assert_int_equal(f.inner_proto, 0);
	decode(SRV6("29") IP6_IN("06") TCP);
	assert_addr(&f.inner_src_addr, "fd00::1");
	assert_int_equal(f.inner_src_port, 12345);
	decode(SRV6("8f") MACS_IN "8100 0007 0800 " IP4_IN("06") TCP); /* 143: a frame */
	assert_inner_tcp4();
	assert_inner_macs();
	assert_int_equal(f.inner_vlan_id, 7);
}

static void tunnels_in_tunnels_give_the_innermost(void **state)
{
	(void)state;
	decode(MACS "0800 " IP4("11") UDP("12b5") "08000000 000001 00 " MACS_IN "86dd " IP6_IN("2f") "2000 0800 00000009 "
	       IP4_IN("06") TCP);
	assert_outer4();
	assert_inner_tcp4();
	assert_int_equal(f.tunnel_type, FLOW_TUNNEL_GRE);
	assert_int_equal(f.tunnel_id, 9);
}

static void an_inner_packet_that_is_cut_off_leaves_the_outer(void **state)
{
	(void)state;
	decode_inner(MACS "0800 " IP4("11") UDP("12b5") "08000000 000001 00 " MACS_IN "0800 4504");
	assert_outer4();
	assert_int_equal(f.dst_port, 4789);
	decode_inner(MACS "0800 " IP4("11") UDP("12b5") "08000000 000001 00 " MACS_IN "0806 0001");
	assert_int_equal(f.etype, 0x0806);
	assert_int_equal(f.src_mac, 0x0a0000000001);
	assert_int_equal(f.src_addr.len, 0);
}

static void a_chain_of_tunnels_has_an_end(void **state)
{
	(void)state;
	char hex[4096] = MACS "0800 ";
	for (int i = 0; i < 45; i++)
		strcat(hex, "45 00 0000 0001 0000 40 04 0000 c0000201 c0000202 ");
	decode(hex);
	assert_int_equal(f.n_layer_stack, 1 + 20); /* 45 headers were there */
	assert_addr(&f.src_addr, "192.0.2.1");
	assert_addr(&f.inner_src_addr, "192.0.2.1");
}

/* Every frame of this file's kinds cut at every octet and with every octet flipped: no read past the end (the
 * sanitizers see to that), no endless walk, and a cut frame says nothing that the whole one does not. */
static void hostile_frames(void **state)
{
	(void)state;
	static const char *const frames[] = {
		MACS "88a8 6064 8100 e0c8 86dd " IP6("2b") "04 04 04 01 01 00 0000 " SEGMENTS IP4_IN("06") TCP,
		MACS "8847 00064 0 40 000c8 1 3f 00000000 " MACS_IN "0800 " IP4_IN("06") TCP,
		MACS "8864 11 00 0abc 002a 0021 " IP4("06") TCP,
		MACS "0030 aaaa03 000000 0800 " IP4("06") TCP,
		MACS "86dd " IP6("00") "3c 00 0502 0000 0100 33 01 0104 00000000 0108 00000000 0000 "
			"2c 04 0000 00000001 00000002 aabbccdd aabbccdd aabbccdd 06 00 0001 11223344 " TCP,
		MACS "0800 " IP4("2f") "b000 0800 12340000 00abcdef 00000005 " IP4_IN("06") TCP,
		MACS "0800 " IP4("2f") "1000 22eb 00000001 2005 0065 00000000 0000 0001 0000000000000000 " MACS_IN "0800 "
			IP4_IN("06") TCP,
		MACS "0800 " IP4("2f") "3081 880b 0028 0009 00000001 00000002 ff03 0021 " IP4_IN("06") TCP,
		MACS "0800 " IP4("11") UDP("12b5") "08000000 00a0b0 00 " MACS_IN "8100 6007 0800 " IP4_IN("06") TCP,
		MACS "0800 " IP4("11") UDP("12b6") "0c000001 00a0b0 00 " IP4_IN("06") TCP,
		MACS "0800 " IP4("11") UDP("17c1") "02 00 6558 00a0b0 00 0102 80 01 deadbeef " MACS_IN "0800 " IP4_IN("01") ICMP,
		MACS "0800 " IP4("11") UDP("0868") "36 ff 0030 00000abc 0001 00 85 01 00 09 00 " IP4_IN("06") TCP,
		MACS "0800 " IP4("11") "0dd8 c000 0000 0000 0001 00 00 0102030405060708 00 0000 aaaa bbbbbbbb " IP6_IN("06") TCP,
	};
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		for (int inner = FRAME_INNER_BESIDE; inner <= FRAME_INNER_INSTEAD; inner++) {
			decode(frames[i]);
			uint32_t layers = f.n_layer_stack;
			size_t len = n_bytes;
			uint8_t *whole = bytes;
			for (size_t n = 0; n < len; n++) {
				uint8_t *copy = malloc(n ? n : 1);
				memcpy(copy, whole, n);
				flow_clear(&f);
				frame_decode(copy, n, FRAME_ETHERNET, (enum frame_inner)inner, &f);
				assert_true(f.n_layer_stack <= layers);
				free(copy);
			}
			for (size_t n = 0; n < len; n++) {
				for (unsigned flip = 1; flip < 0x1ff; flip <<= 1) {
					uint8_t mask = (uint8_t)(flip == 0x100 ? 0xff : flip);
					whole[n] ^= mask;
					flow_clear(&f);
					frame_decode(whole, len, FRAME_ETHERNET, (enum frame_inner)inner, &f);
					assert_true(f.n_layer_stack <= FLOW_ARRAY_MAX);
					whole[n] ^= mask;
				}
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mpls_pseudowires),
		cmocka_unit_test(trap_gre_optional_fields),
		cmocka_unit_test(gre_kinds),
		cmocka_unit_test(erspan),
		cmocka_unit_test(ip_in_ip),
		cmocka_unit_test(vxlan),
		cmocka_unit_test(geneve),
		cmocka_unit_test(gtpu),
		cmocka_unit_test(teredo),
		cmocka_unit_test(srv6_encapsulation),
		cmocka_unit_test(tunnels_in_tunnels_give_the_innermost),
		cmocka_unit_test(an_inner_packet_that_is_cut_off_leaves_the_outer),
		cmocka_unit_test(a_chain_of_tunnels_has_an_end),
		cmocka_unit_test(hostile_frames),
	};
	return cmocka_run_group_tests(tests, NULL, free_bytes);
}
