/*
 * frame_hex.h -- for the tests of packet/frame.c: frames written in hex, and what to expect of them.
 *
 * A total length of 0000 (IPv4) or a payload length of 0000 (IPv6) stands for "to the end of the frame"; where lengths
 * matter they are given.
 */
#ifndef WEIR_TESTS_FRAME_HEX_H
#define WEIR_TESTS_FRAME_HEX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "packet/frame.h"
#include "proto/flow.h"

#define MACS "020000000002 020000000001 "
#define MACS_IN "0a0000000002 0a0000000001 "
/* tos 0x10, id 0x1234, DF, ttl 64, 192.0.2.1 -> 192.0.2.2 */
#define IP4(proto) "45 10 0000 1234 4000 40 " proto " 0000 c0000201 c0000202 "
/* class 0x2e, label 0xabcde, hop limit 63, 2001:db8::1 -> 2001:db8::2 */
#define IP6(next) \
	"62eabcde 0000 " next " 3f 20010db8000000000000000000000001 20010db8000000000000000000000002 "
/* an inner IPv4: tos 4, ttl 9, 10.0.0.1 -> 10.0.0.2 */
#define IP4_IN(proto) "45 04 0000 0001 0000 09 " proto " 0000 0a000001 0a000002 "
#define IP6_IN(next) "60000000 0000 " next " 08 fd000000000000000000000000000001 fd000000000000000000000000000002 "
/* 12345 -> 443, SYN ACK, no options */
#define TCP "3039 01bb 00000001 00000002 50 12 ffff 0000 0000 "
#define UDP(port) "c000 " port " 0000 0000 "
#define ICMP "08 00 0000 0001 0002 "
/* a segment list */
#define SEGMENTS "20010db8000000000000000000000a01 20010db8000000000000000000000a02 "

static uint8_t *bytes; /* as long as the frame, so that a sanitizer sees a read past its end */
static size_t n_bytes;
static struct flow f;

static void load(const char *hex)
{
	free(bytes);
	uint8_t tmp[2048];
	n_bytes = 0;
	for (int high = -1; *hex; hex++) {
		if (*hex == ' ')
			continue;
		int digit = *hex <= '9' ? *hex - '0' : (*hex | 0x20) - 'a' + 10;
		assert_true(digit >= 0 && digit < 16);
		if (high < 0) {
			high = digit;
			continue;
		}
		tmp[n_bytes++] = (uint8_t)(high << 4 | digit);
		high = -1;
	}
	bytes = malloc(n_bytes ? n_bytes : 1);
	memcpy(bytes, tmp, n_bytes);
}

static int decode_as(const char *hex, enum frame_start start, enum frame_inner inner)
{
	load(hex);
	flow_clear(&f);
	return frame_decode(bytes, n_bytes, start, inner, &f);
}

__attribute__((unused)) static void decode(const char *hex)
{
	assert_int_equal(decode_as(hex, FRAME_ETHERNET, FRAME_INNER_BESIDE), 0);
}

__attribute__((unused)) static void decode_inner(const char *hex)
{
	assert_int_equal(decode_as(hex, FRAME_ETHERNET, FRAME_INNER_INSTEAD), 0);
}

__attribute__((unused)) static void assert_addr(const struct ip_addr *a, const char *text)
{
	char got[IP_TEXT_MAX];
	ip_format(a, got);
	assert_string_equal(got, text);
}

/* "Ethernet:14 IPv4:20 TCP:20" */
__attribute__((unused)) static void assert_layers(const char *want)
{
	char got[512] = "";
	size_t n = 0;
	static const char *const names[] = {"Ethernet", "IPv4", "IPv6", "TCP",  "UDP",  "MPLS",   "Dot1Q",
	                                    "ICMP",     "ICMPv6", "GRE", "Routing", "Fragment", "Geneve", "Teredo"};
	assert_int_equal(f.n_layer_stack, f.n_layer_size);
	for (uint32_t i = 0; i < f.n_layer_stack; i++) {
		uint32_t layer = f.layer_stack[i];
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s:%u", i ? " " : "", layer < 14 ? names[layer] : "Custom",
		                      f.layer_size[i]);
	}
	assert_string_equal(got, want);
}

__attribute__((unused)) static void assert_outer4(void)
{
	assert_addr(&f.src_addr, "192.0.2.1");
	assert_addr(&f.dst_addr, "192.0.2.2");
	assert_int_equal(f.etype, 0x0800);
	assert_int_equal(f.ip_tos, 0x10);
	assert_int_equal(f.ip_ttl, 64);
	assert_int_equal(f.fragment_id, 0x1234);
	assert_int_equal(f.ip_flags, 2);
}

__attribute__((unused)) static void assert_outer6(void)
{
	assert_addr(&f.src_addr, "2001:db8::1");
	assert_addr(&f.dst_addr, "2001:db8::2");
	assert_int_equal(f.etype, 0x86dd);
	assert_int_equal(f.ip_tos, 0x2e);
	assert_int_equal(f.ip_ttl, 63);
	assert_int_equal(f.ipv6_flow_label, 0xabcde);
}

__attribute__((unused)) static void assert_tcp(void)
{
	assert_int_equal(f.proto, 6);
	assert_int_equal(f.src_port, 12345);
	assert_int_equal(f.dst_port, 443);
	assert_int_equal(f.tcp_flags, 0x12);
}

__attribute__((unused)) static void assert_inner_tcp4(void)
{
	assert_addr(&f.inner_src_addr, "10.0.0.1");
	assert_addr(&f.inner_dst_addr, "10.0.0.2");
	assert_int_equal(f.inner_etype, 0x0800);
	assert_int_equal(f.inner_proto, 6);
	assert_int_equal(f.inner_src_port, 12345);
	assert_int_equal(f.inner_dst_port, 443);
	assert_int_equal(f.inner_tcp_flags, 0x12);
	assert_int_equal(f.inner_ip_tos, 4);
	assert_int_equal(f.inner_ip_ttl, 9);
}

__attribute__((unused)) static void assert_inner_macs(void)
{
	assert_int_equal(f.inner_src_mac, 0x0a0000000001);
	assert_int_equal(f.inner_dst_mac, 0x0a0000000002);
}

__attribute__((unused)) static void assert_macs(void)
{
	assert_int_equal(f.src_mac, 0x020000000001);
	assert_int_equal(f.dst_mac, 0x020000000002);
}

__attribute__((unused)) static int free_bytes(void **state)
{
	(void)state;
	free(bytes);
	return 0;
}

#endif
