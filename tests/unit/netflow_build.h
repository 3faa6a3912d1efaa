/*
 * netflow_build.h -- export datagrams for tests, written field by field, and a decoder that keeps the flows it gives.
 *
 * A test builds a datagram (v9(), ipfix(), v5(); sets and templates in it), sends it from an address and looks at
 * flows[] and res. After each test finish() adds the counters up: they must conserve (decode_stats.h).
 */
#ifndef WEIR_TESTS_NETFLOW_BUILD_H
#define WEIR_TESTS_NETFLOW_BUILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/decode.h"
#include "collector/decode_stats.h"
#include "common/clock.h"
#include "common/ip.h"
#include "proto/flow.h"

enum { FLOWS_MAX = 64, NB_MAX = 65535 };

/* 2026-01-01T00:00:00Z */
#define NOW_S 1767225600u
#define NOW (NOW_S * NS_PER_S)
#define UPTIME_MS 1000000u

struct field {
	uint32_t pen;
	uint16_t id, len;
};

#define F(id_, len_) {0, id_, len_}
#define E(pen_, id_, len_) {pen_, id_, len_}
#define FIELDS(...) (const struct field[]){__VA_ARGS__}, sizeof((const struct field[]){__VA_ARGS__}) / sizeof(struct field)
#define VAR 65535

static struct decoder *decoder;
static struct decode_result res;
static struct flow flows[FLOWS_MAX];
static size_t n_flows;
static uint64_t now_ns = NOW;
static uint32_t sequence = 1;

static uint8_t bytes[NB_MAX];
static size_t n_bytes, set_at, version;

static inline void keep(void *arg, struct flow *f)
{
	(void)arg;
	if (n_flows < FLOWS_MAX)
		flows[n_flows] = *f;
	n_flows++;
	/* A callee may change what it is given: nothing of it may be seen in the next flow. */
	memset(f, 0xee, sizeof(*f));
}

static inline void begin_with(struct decode_options options)
{
	options.emit = keep;
	n_flows = 0;
	now_ns = NOW;
	sequence = 1;
	assert_int_equal(decoder_new(&options, &decoder), 0);
}

static inline int begin(void **state)
{
	(void)state;
	begin_with((struct decode_options){.hold_bytes = 1 << 20, .hold_ns = 60 * NS_PER_S});
	return 0;
}

static inline const struct decode_stats *stats(void)
{
	return decoder_stats(decoder);
}

static inline void conserve(void)
{
	const struct decode_stats *s = stats();
	uint64_t dropped = 0, skipped = 0, versions = 0, given = 0;

	for (int i = 0; i < ERR_COUNT; i++) {
		dropped += s->dropped[i];
		skipped += s->sets_skipped[i];
	}
	for (int i = 0; i < DECODE_VERSIONS; i++) {
		versions += s->by_version[i];
		given += s->flows[i];
	}
	assert_int_equal(s->datagrams, s->decoded + s->partial + dropped);
	assert_int_equal(s->datagrams, versions);
	assert_int_equal(s->sets, s->sets_decoded + s->sets_held + skipped);
	assert_int_equal(given, n_flows);
}

static inline int finish(void **state)
{
	(void)state;
	conserve();
	decoder_free(decoder);
	decoder = NULL;
	return 0;
}

static inline void put(uint64_t v, unsigned len)
{
	while (len-- > 0)
		bytes[n_bytes++] = (uint8_t)(len < 8 ? v >> (8 * len) : 0);
}

static inline void put_ip(const char *text)
{
	struct ip_addr a;
	assert_int_equal(ip_parse(text, &a), 0);
	memcpy(bytes + n_bytes, a.bytes, a.len);
	n_bytes += a.len;
}

static inline void put_text(const char *text)
{
	memcpy(bytes + n_bytes, text, strlen(text));
	n_bytes += strlen(text);
}

static inline void patch16(size_t at, size_t v)
{
	bytes[at] = (uint8_t)(v >> 8);
	bytes[at + 1] = (uint8_t)v;
}

/* Headers. */
static inline void v9(uint32_t domain)
{
	n_bytes = 0;
	version = 9;
	put(9, 2), put(0, 2), put(UPTIME_MS, 4), put(now_ns / NS_PER_S, 4), put(sequence++, 4), put(domain, 4);
}

static inline void ipfix(uint32_t domain)
{
	n_bytes = 0;
	version = 10;
	put(10, 2), put(0, 2), put(now_ns / NS_PER_S, 4), put(sequence, 4), put(domain, 4);
}

/* Sets. */
static inline void set(uint16_t id)
{
	set_at = n_bytes;
	put(id, 2), put(0, 2);
}

static inline void end_set(void)
{
	patch16(set_at + 2, n_bytes - set_at);
}

static inline void put_fields(const struct field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		put(f[i].id | (f[i].pen ? 0x8000u : 0), 2), put(f[i].len, 2);
		if (f[i].pen)
			put(f[i].pen, 4);
	}
}

/* A template record in the set at hand. */
static inline void put_template(uint16_t id, const struct field *f, size_t n)
{
	put(id, 2), put(n, 2);
	put_fields(f, n);
}

static inline void template_set(uint16_t id, const struct field *f, size_t n)
{
	set(version == 9 ? 0 : 2);
	put_template(id, f, n);
	end_set();
}

static inline void options_template_set(uint16_t id, size_t n_scope, const struct field *f, size_t n)
{
	set(version == 9 ? 1 : 3);
	put(id, 2);
	if (version == 9)
		put(n_scope * 4, 2), put((n - n_scope) * 4, 2);
	else
		put(n, 2), put(n_scope, 2);
	put_fields(f, n);
	end_set();
}

/* What was built is datagram DG. */
static inline struct datagram datagram_from(const char *address, uint16_t port)
{
	struct datagram dg = {.data = bytes, .source_port = port, .received_ns = now_ns};

	if (version == 10)
		patch16(2, n_bytes);
	dg.len = n_bytes;
	assert_int_equal(ip_parse(address, &dg.source), 0);
	return dg;
}

static inline void send_from(const char *address, uint16_t port)
{
	struct datagram dg = datagram_from(address, port);
	decoder_datagram(decoder, DECODE_NETFLOW, &dg, &res);
}

static inline void send_all(void)
{
	send_from("192.0.2.1", 5000);
}

static inline void send_session(uint64_t session)
{
	struct datagram dg = datagram_from("192.0.2.1", 5000);
	dg.session = session;
	decoder_datagram(decoder, DECODE_NETFLOW, &dg, &res);
}

static inline void assert_addr(const struct ip_addr *a, const char *text)
{
	char out[IP_TEXT_MAX];
	ip_format(a, out);
	assert_string_equal(out, text);
}

#define assert_text(f, name, text) \
	do { \
		assert_int_equal((f)->n_##name, strlen(text)); \
		assert_memory_equal((f)->name, text, strlen(text)); \
	} while (0)

/* A small template that many tests use: addresses, protocol, octets, packets. */
#define SMALL FIELDS(F(8, 4), F(12, 4), F(4, 1), F(1, 4), F(2, 4))

static inline void put_small(unsigned last, uint32_t octets)
{
	put(0xc6336400 + last, 4), put(0xcb007101, 4), put(6, 1), put(octets, 4), put(1, 4);
}

static inline void small_set(uint16_t id, unsigned records)
{
	set(id);
	for (unsigned i = 0; i < records; i++)
		put_small(i, 100 + i);
	end_set();
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, finish)
#define RUN(tests) cmocka_run_group_tests(tests, NULL, NULL)

#endif
