/*
 * test_mocker.c -- the generator: the same seed gives the same datagrams, what is in the datagrams adds up to what the
 * summary says, templates come first and again, and the pace is never above what was asked.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/decode.h"
#include "common/clock.h"
#include "common/wire.h"
#include "mocker/gen.h"
#include "mocker/make.h"
#include "mocker/pace.h"

static const uint64_t NOW = 1795262400ull * NS_PER_S;

static struct gen *make(const char *protocols)
{
	struct gen *g = NULL;
	char err[200];
	const struct gen_setup setup = {
		.protocols = protocols, .profile = "home", .seed = 7, .flows = 20, .sources = 2, .clients = 8, .ipv6_percent = 40,
		.sampling_rate = 16, .templates_every = 3, .domain = 9, .now_ns = NOW,
	};
	assert_int_equal(gen_new(&setup, &g, err, sizeof(err)), 0);
	return g;
}

static void test_same_seed_same_octets(void **state)
{
	(void)state;
	static uint8_t a[MAKE_DATAGRAM_MAX], b[MAKE_DATAGRAM_MAX];
	struct gen *one = make("v1,v5,v6,v7,v8,v9,ipfix,sflow,sflow2,sflow4"), *two = make("v1,v5,v6,v7,v8,v9,ipfix,sflow,sflow2,sflow4");
	for (unsigned i = 0; i < 100; i++) {
		unsigned source_a, source_b;
		bool template_a, template_b;
		const size_t len = gen_next(one, NOW + i, a, &source_a, &template_a);
		assert_true(len > 0 && len <= MAKE_DATAGRAM_MAX);
		assert_int_equal(gen_next(two, NOW + i, b, &source_b, &template_b), len);
		assert_memory_equal(a, b, len);
		assert_int_equal(source_a, source_b);
	}
	gen_free(one);
	gen_free(two);
}

static void test_v5_adds_up(void **state)
{
	(void)state;
	static uint8_t out[MAKE_DATAGRAM_MAX];
	struct gen *g = make("v5");
	uint64_t flows = 0, bytes = 0, packets = 0;
	for (unsigned i = 0; i < 50; i++) {
		unsigned source;
		bool is_template;
		struct wire w = wire_of(out, gen_next(g, NOW, out, &source, &is_template));
		assert_false(is_template);
		assert_int_equal(wire_u16(&w), 5);
		const unsigned n = wire_u16(&w);
		wire_skip(&w, 12);
		assert_int_equal(wire_u32(&w), i / 2 * n); /* two exporters take turns; v5 counts flows */
		wire_skip(&w, 2);
		assert_int_equal(wire_u16(&w), 1u << 14 | 16);
		for (unsigned k = 0; k < n; k++) {
			wire_skip(&w, 16);
			packets += wire_u32(&w);
			bytes += wire_u32(&w);
			wire_skip(&w, 24);
		}
		flows += n;
		assert_false(wire_failed(&w));
		assert_int_equal(wire_left(&w), 0);
	}
	const struct summary *s = gen_summary(g);
	assert_int_equal(s->total.flows, flows);
	assert_int_equal(s->total.bytes, bytes);
	assert_int_equal(s->total.packets, packets);
	assert_int_equal(s->datagrams, 50);
	gen_free(g);
}

static void test_templates_first_and_again(void **state)
{
	(void)state;
	static uint8_t out[MAKE_DATAGRAM_MAX];
	struct gen *g = make("ipfix");
	unsigned since[2] = {3, 3}; /* as if overdue: the first datagram has to be templates */
	for (unsigned i = 0; i < 40; i++) {
		unsigned source;
		bool is_template;
		const size_t len = gen_next(g, NOW, out, &source, &is_template);
		assert_true(source < 2);
		assert_int_equal(is_template, since[source] == 3);
		since[source] = is_template ? 0 : since[source] + 1;
		assert_int_equal(wire_load16(out + 2), len); /* RFC 7011 3.1: the message's length */
		assert_int_equal(wire_load16(out + 16), is_template ? 2 : 256);
	}
	gen_free(g);
}

static void test_v5_has_no_ipv6(void **state)
{
	(void)state;
	static uint8_t out[MAKE_DATAGRAM_MAX];
	struct gen *g = make("v5,v9");
	for (unsigned i = 0; i < 100; i++) {
		unsigned source;
		bool is_template;
		gen_next(g, NOW, out, &source, &is_template);
	}
	const struct summary *s = gen_summary(g);
	uint64_t six = 0;
	for (unsigned i = 0; i < HOME_CLIENTS_MAX; i++)
		six += s->clients[i][1][0].flows + s->clients[i][1][1].flows;
	assert_true(six > 0);
	assert_true(six < s->by_protocol[make_protocol_by_name("v9", 2) - make_protocols].flows);
	gen_free(g);
}

static void add_flow(void *arg, struct flow *f)
{
	struct summary_sum *sum = arg;
	sum->flows++;
	sum->bytes += f->bytes;
	sum->packets += f->packets;
	assert_int_equal(f->sampling_rate, f->type == FLOW_TYPE_NETFLOW_V1 || f->type == FLOW_TYPE_NETFLOW_V6 ||
						   f->type == FLOW_TYPE_NETFLOW_V7 || f->type == FLOW_TYPE_NETFLOW_V8 ? 0 : 16);
	assert_true(f->time_flow_end_ns < NOW + NS_PER_S && f->time_flow_end_ns > NOW - 60 * NS_PER_S);
	assert_true(f->time_flow_start_ns <= f->time_flow_end_ns && f->time_flow_start_ns > NOW - 60 * NS_PER_S);
	if (f->type == FLOW_TYPE_NETFLOW_V9 || f->type == FLOW_TYPE_IPFIX)
		assert_true(f->src_mac && f->dst_mac && f->src_as && f->dst_as);
}

static void keep_flow(void *arg, struct flow *f)
{
	*(struct flow *)arg = *f;
}

static void add_sample(void *arg, struct flow *f)
{
	struct summary_sum *sum = arg;
	sum->flows++;
	sum->bytes += f->bytes;
	sum->packets += f->packets;
	assert_int_equal(f->sampling_rate, 16);
}

/* weir's own decoder finds in the datagrams what the summary says. */
static void test_decoder_agrees(void **state)
{
	(void)state;
	static const char *const protocols[] = {"v1", "v5", "v6", "v7", "v8", "v9", "ipfix", "sflow", "sflow2", "sflow4"};
	static uint8_t out[MAKE_DATAGRAM_MAX];
	for (size_t k = 0; k < sizeof(protocols) / sizeof(protocols[0]); k++) {
		struct gen *g = make(protocols[k]);
		struct summary_sum found = {0};
		struct decoder *d;
		const struct decode_options options = {
			.emit = strncmp(protocols[k], "sflow", 5) == 0 ? add_sample : add_flow, .emit_arg = &found};
		assert_int_equal(decoder_new(&options, &d), 0);
		for (unsigned i = 0; i < 100; i++) {
			unsigned source;
			bool is_template;
			struct decode_result result;
			struct datagram dg = {.data = out, .received_ns = NOW};
			dg.len = gen_next(g, NOW, out, &source, &is_template);
			dg.source = gen_source_address(source);
			decoder_datagram(d, DECODE_ANY, &dg, &result);
			assert_int_equal(result.reason, 0);
			assert_int_equal(result.skipped, 0);
		}
		const struct summary *s = gen_summary(g);
		assert_int_equal(found.flows, s->total.flows);
		assert_int_equal(found.bytes, s->total.bytes);
		assert_int_equal(found.packets, s->total.packets);
		decoder_free(d);
		gen_free(g);
	}
}

/* The 14 aggregations of v8, in turn: what each keeps is there. */
static void test_v8_aggregations(void **state)
{
	(void)state;
	static uint8_t out[MAKE_DATAGRAM_MAX];
	struct make_exporter x = {.boot_ns = NOW - 3600 * NS_PER_S};
	static const uint8_t a[4] = {192, 168, 1, 51}, b[4] = {203, 0, 113, 80};
	struct flow f = {.src_addr = ip_v4(a), .dst_addr = ip_v4(b), .src_net = 24, .dst_net = 16, .proto = 6, .src_port = 1024,
		.dst_port = 443, .src_as = 65001, .dst_as = 65002, .bytes = 1000, .packets = 3, .in_if = 7, .out_if = 8};
	f.time_flow_start_ns = f.time_flow_end_ns = NOW - NS_PER_S;
	for (unsigned i = 1; i <= 14; i++) {
		struct flow got = {0};
		struct decoder *d;
		struct decode_result result;
		const struct decode_options options = {.emit = keep_flow, .emit_arg = &got};
		assert_int_equal(decoder_new(&options, &d), 0);
		struct datagram dg = {.data = out, .received_ns = NOW, .source = ip_v4(a)};
		dg.len = make_legacy_v8(&x, NOW, &f, 1, out);
		assert_int_equal(out[22], i);
		decoder_datagram(d, DECODE_ANY, &dg, &result);
		assert_int_equal(result.flows, 1);
		assert_int_equal(result.skipped, 0);
		assert_int_equal(got.bytes, 1000);
		assert_int_equal(got.packets, 3);
		assert_int_equal(got.time_flow_end_ns, NOW - NS_PER_S);
		const bool as = i == 1 || i == 5 || i == 9 || i == 13;
		assert_int_equal(got.src_as, as || i == 3 || i == 11 ? 65001 : 0);
		assert_int_equal(got.dst_as, as || i == 4 || i == 12 ? 65002 : 0);
		assert_int_equal(got.dst_port, i == 2 || i == 8 || i == 10 || i == 14 ? 443 : 0);
		assert_int_equal(got.src_net, i == 3 || i == 5 || i == 11 || i >= 13 ? 24 : 0);
		assert_int_equal(got.out_if, i == 2 || i == 3 || i == 11 ? 0 : 8);
		decoder_free(d);
	}
}

static void test_bad_protocol(void **state)
{
	(void)state;
	struct gen *g = NULL;
	char err[200] = "";
	const struct gen_setup setup = {.protocols = "v5,v10", .profile = "home", .flows = 1, .sources = 1, .clients = 1};
	assert_int_equal(gen_new(&setup, &g, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "\"v10\""));
	assert_null(g);
}

static void test_pace(void **state)
{
	(void)state;
	struct pace p = {.rate = 1000, .since_ns = 0};
	assert_int_equal(pace_due(&p, 0, 32), 1);
	p.done = 1;
	assert_int_equal(pace_due(&p, 0, 32), 0);
	assert_int_equal(pace_wait_ns(&p, 0), NS_PER_MS);
	assert_int_equal(pace_due(&p, 10 * NS_PER_MS, 32), 10);
	/* After a stall of a second there is no burst of a thousand. */
	assert_int_equal(pace_due(&p, NS_PER_S, 5000), 1);
	p = (struct pace){.rate = 0};
	assert_int_equal(pace_due(&p, 0, 32), 32);
	assert_int_equal(pace_wait_ns(&p, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_seed_same_octets), cmocka_unit_test(test_v5_adds_up),
		cmocka_unit_test(test_templates_first_and_again), cmocka_unit_test(test_v5_has_no_ipv6),
		cmocka_unit_test(test_decoder_agrees), cmocka_unit_test(test_v8_aggregations),
		cmocka_unit_test(test_bad_protocol), cmocka_unit_test(test_pace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
