/*
 * sflow_build.h -- for the tests of sFlow: datagrams put together piece by piece, and a decoder that keeps its flows.
 */
#ifndef WEIR_TESTS_SFLOW_BUILD_H
#define WEIR_TESTS_SFLOW_BUILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "collector/decode.h"
#include "collector/decode_stats.h"
#include "common/clock.h"
#include "proto/flow.h"

#define NOW (1700000000 * NS_PER_S + 5)

struct xdr {
	uint8_t bytes[8192];
	size_t len;
};

static struct xdr x;
static struct decoder *decoder;
static struct decode_result res;
static struct flow flows[64];
static size_t n_flows;

static void put(const void *data, size_t len)
{
	assert_true(x.len + len <= sizeof(x.bytes));
	memcpy(x.bytes + x.len, data, len);
	x.len += len;
}

static void u32(uint32_t v)
{
	uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
	put(b, 4);
}

__attribute__((unused)) static void u64(uint64_t v)
{
	u32((uint32_t)(v >> 32));
	u32((uint32_t)v);
}

/* Several numbers of 32 bits, ended by END. */
#define END 0xfffffffeull
__attribute__((unused)) static void u32s(uint64_t first, ...)
{
	va_list ap;
	va_start(ap, first);
	for (uint64_t v = first; v != END; v = va_arg(ap, uint64_t))
		u32((uint32_t)v);
	va_end(ap);
}
#define U32S(...) u32s(__VA_ARGS__, END)
#define N(v)      ((uint64_t)(v))

/* Opaque data with its length in front and padding behind. */
__attribute__((unused)) static void opaque(const void *data, size_t len)
{
	u32((uint32_t)len);
	put(data, len);
	static const uint8_t zero[4];
	put(zero, -len & 3u);
}

__attribute__((unused)) static void string(const char *text)
{
	opaque(text, strlen(text));
}

static void v4(uint32_t addr)
{
	u32(1);
	u32(addr);
}

__attribute__((unused)) static void v6(uint8_t last)
{
	uint8_t a[16] = {0x20, 1, 0xd, 0xb8, [15] = last};
	u32(2);
	put(a, 16);
}

/* A length to be filled in: begin() gives its place. */
static size_t begin(uint32_t format)
{
	u32(format);
	u32(0);
	return x.len;
}

static void end(size_t at)
{
	uint32_t len = (uint32_t)(x.len - at);
	uint8_t b[4] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};
	memcpy(x.bytes + at - 4, b, 4);
}

/* Version 5, agent 198.51.100.1, sub agent 7. */
static void datagram(uint32_t sequence, uint32_t samples)
{
	x.len = 0;
	u32(5);
	v4(0xc6336401);
	u32(7);
	u32(sequence);
	u32(123456); /* uptime */
	u32(samples);
}

/* Up to its records: sampling 1 of 512, in 3, out 4, source ifIndex 3. */
static size_t flow_sample(uint32_t sequence, uint32_t input, uint32_t output, uint32_t records)
{
	size_t at = begin(1);
	u32(sequence);
	u32(3);
	u32(512);
	u32(51200); /* pool */
	u32(2);     /* drops */
	u32(input);
	u32(output);
	u32(records);
	return at;
}

/* Ethernet, IPv4 192.0.2.1 -> 192.0.2.2, TCP 12345 -> 443, SYN; 54 octets. */
static const uint8_t frame4[] = {
	2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
	0x45, 0, 0x05, 0xdc, 0, 1, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
	0x30, 0x39, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0,
};

static void header_record(uint32_t protocol, uint32_t frame_length, const void *header, size_t len)
{
	size_t at = begin(1);
	u32(protocol);
	u32(frame_length);
	u32(4); /* stripped */
	opaque(header, len);
	end(at);
}

__attribute__((unused)) static void simple_flow_sample(uint32_t sequence)
{
	size_t at = flow_sample(sequence, 3, 4, 1);
	header_record(1, 1518, frame4, sizeof(frame4));
	end(at);
}

static void keep(void *arg, struct flow *f)
{
	(void)arg;
	if (n_flows < sizeof(flows) / sizeof(flows[0]))
		flows[n_flows] = *f;
	n_flows++;
}

/* Decodes X as it is at the moment, from memory of just its length. */
static void decode_len(size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	memcpy(copy, x.bytes, len);
	struct datagram dg = {.data = copy, .len = len, .source_port = 6343, .received_ns = NOW};
	ip_parse("203.0.113.9", &dg.source);
	n_flows = 0;
	decoder_datagram(decoder, DECODE_SFLOW, &dg, &res);
	free(copy);
}

static void decode(void)
{
	decode_len(x.len);
}

static int new_decoder(void **state)
{
	(void)state;
	struct decode_options options = {.emit = keep};
	return decoder_new(&options, &decoder);
}

static int free_decoder(void **state)
{
	(void)state;
	decoder_free(decoder);
	decoder = NULL;
	return 0;
}

__attribute__((unused)) static void assert_addr(const struct ip_addr *a, const char *text)
{
	char got[IP_TEXT_MAX];
	ip_format(a, got);
	assert_string_equal(got, text);
}

#endif
