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
	struct gen *one = make("v1,v5,v6,v7,v9,ipfix,sflow"), *two = make("v1,v5,v6,v7,v9,ipfix,sflow");
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
	assert_true(six < s->by_protocol[4].flows); /* v9's row */
	gen_free(g);
}

static void add_flow(void *arg, struct flow *f)
{
	struct summary_sum *sum = arg;
	sum->flows++;
	sum->bytes += f->bytes;
	sum->packets += f->packets;
	assert_int_equal(f->sampling_rate, f->type == FLOW_TYPE_NETFLOW_V1 || f->type == FLOW_TYPE_NETFLOW_V6 ||
						   f->type == FLOW_TYPE_NETFLOW_V7 ? 0 : 16);
	assert_true(f->time_flow_end_ns < NOW + NS_PER_S && f->time_flow_end_ns > NOW - 60 * NS_PER_S);
	assert_true(f->time_flow_start_ns <= f->time_flow_end_ns && f->time_flow_start_ns > NOW - 60 * NS_PER_S);
	if (f->type == FLOW_TYPE_NETFLOW_V9 || f->type == FLOW_TYPE_IPFIX)
		assert_true(f->src_mac && f->dst_mac && f->src_as && f->dst_as);
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
	static const char *const protocols[] = {"v1", "v5", "v6", "v7", "v9", "ipfix", "sflow"};
	static uint8_t out[MAKE_DATAGRAM_MAX];
	for (size_t k = 0; k < sizeof(protocols) / sizeof(protocols[0]); k++) {
		struct gen *g = make(protocols[k]);
		struct summary_sum found = {0};
		struct decoder *d;
		const struct decode_options options = {
			.emit = strcmp(protocols[k], "sflow") == 0 ? add_sample : add_flow, .emit_arg = &found};
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
		cmocka_unit_test(test_decoder_agrees), cmocka_unit_test(test_bad_protocol), cmocka_unit_test(test_pace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
