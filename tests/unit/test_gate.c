/*
 * test_gate.c -- who may send, which flows are kept, and the cap of an exporter.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/config.h"
#include "collector/gate.h"
#include "collector/senders.h"
#include "common/clock.h"
#include "proto/flow.h"

static struct config config;
static char err[300];

static struct gate gate_of(struct gate_rules **ret_rules)
{
	struct gate g;
	assert_int_equal(gate_rules_new(&config, ret_rules, err, sizeof(err)), 0);
	assert_int_equal(gate_init(&g, *ret_rules), 0);
	return g;
}

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;
	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static bool datagram(struct gate *g, const char *from, uint16_t port)
{
	struct ip_addr a = ip(from);
	return gate_datagram(g, &a, port, 5 * NS_PER_S);
}

static void allowed_prefixes(void **state)
{
	struct gate_rules *rules;
	(void)state;
	config = (struct config){0};
	struct gate g = gate_of(&rules);
	assert_true(datagram(&g, "192.0.2.1", 1)); /* no list: everybody */
	assert_false(gate_asks_flows(&g));
	gate_rules_free(rules);
	assert_int_equal(opt_list_add(&config.allow, "10.0.0.0/8,2001:db8::/32"), 0);
	assert_int_equal(opt_list_add(&config.allow, "192.0.2.7"), 0);
	g = gate_of(&rules);
	assert_true(datagram(&g, "10.255.0.1", 1));
	assert_true(datagram(&g, "2001:db8::1", 1));
	assert_true(datagram(&g, "192.0.2.7", 1));
	assert_false(datagram(&g, "192.0.2.8", 1));
	assert_false(datagram(&g, "2001:db9::1", 1));
	gate_free(&g);
	gate_rules_free(rules);
	assert_int_equal(opt_list_add(&config.allow, "10.0.0.0/33"), 0);
	assert_int_equal(gate_rules_new(&config, &rules, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "--allow"));
	opt_list_free(&config.allow);
}

static void add(struct senders *s, const char *text, const char *network)
{
	struct sender *sender;
	struct ip_prefix p;
	assert_int_equal(senders_add(s, text, &sender), 0);
	if (network) {
		assert_int_equal(ip_prefix_parse(network, &p), 0);
		assert_int_equal(ip_set_add(&sender->networks, &p), 0);
	}
}

/* The very lines of netflow.io's manual: sadd senders 10.0.0.1/1337, networks 192.168.0.0/8 and 2001:db8::/32. */
static void netflow_io(void **state)
{
	struct gate_rules *rules;
	struct senders *s = senders_new();
	struct flow f;
	enum err reason = ERR_NONE;
	(void)state;
	config = (struct config){.redis = (char[]){"localhost:6379"}};
	struct gate g = gate_of(&rules);
	assert_false(datagram(&g, "10.0.0.1", 1337)); /* nothing known yet: nobody */
	add(s, "10.0.0.1/1337", "192.168.0.0/8");
	add(s, "10.0.0.2/0", NULL);
	add(s, "10.0.0.2/53", "0.0.0.0/0");
	add(s, "2001:db8::1/0", "2001:db8::/32");
	senders_sort(s);
	g.senders = s;
	assert_true(gate_asks_flows(&g));
	assert_true(datagram(&g, "10.0.0.1", 1337));
	flow_clear(&f);
	f.src_addr = ip("192.1.1.1"); /* 192.168.0.0/8 is 192.0.0.0/8 */
	f.dst_addr = ip("8.8.8.8");
	assert_true(gate_flow(&g, &f, &reason));
	f.src_addr = ip("8.8.4.4");
	assert_false(gate_flow(&g, &f, &reason));
	assert_int_equal(reason, ERR_NETWORK);
	f.dst_addr = ip("192.255.0.1");
	assert_true(gate_flow(&g, &f, &reason));
	assert_false(datagram(&g, "10.0.0.1", 1338));
	assert_false(datagram(&g, "10.0.0.3", 1337));
	assert_true(datagram(&g, "10.0.0.2", 53)); /* the very port goes before "any" */
	assert_true(gate_flow(&g, &f, &reason));
	assert_true(datagram(&g, "10.0.0.2", 54));
	assert_false(gate_flow(&g, &f, &reason)); /* no networks: nothing is kept */
	assert_true(datagram(&g, "2001:db8::1", 9));
	f.src_addr = ip("2001:db8:ffff::1");
	assert_true(gate_flow(&g, &f, &reason));
	gate_free(&g);
	gate_rules_free(rules);
	senders_free(s);
}

static void bad_senders(void **state)
{
	static const char *const bad[] = {"", "10.0.0.1", "10.0.0.1/", "10.0.0.1/x", "10.0.0.1/70000", "/5", "10.0.0/5", "10.0.0.1:53",
					  "10.0.0.1/53/", "0123456789012345678901234567890123456789012345678901234567890123/1"};
	struct senders *s = senders_new();
	struct sender *sender;
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(senders_add(s, bad[i], &sender), -EINVAL);
	for (int i = 0; i < SENDERS_MAX; i++)
		assert_int_equal(senders_add(s, "10.0.0.1/1", &sender), 0);
	assert_int_equal(senders_add(s, "10.0.0.1/1", &sender), -E2BIG);
	senders_free(s);
	senders_free(NULL);
}

/* 20 seconds of 100,000 flows each of one exporter under a cap of 1,000, beside one of 500 flows a second. */
static void cap(void **state)
{
	struct gate_rules *rules;
	struct flow f;
	enum err reason = ERR_NONE;
	uint64_t kept = 0, scaled = 0, settled = 0;
	struct ip_addr loud = ip("10.0.0.1"), quiet = ip("10.0.0.2");
	(void)state;
	config = (struct config){.rate_cap = 1000};
	struct gate g = gate_of(&rules);
	for (uint64_t second = 1; second <= 20; second++) {
		assert_true(gate_datagram(&g, &loud, 1, second * NS_PER_S));
		for (int i = 0; i < 100000; i++) {
			flow_clear(&f);
			f.sampling_rate = 10;
			if (!gate_flow(&g, &f, &reason)) {
				assert_int_equal(reason, ERR_RATE_LIMITED);
				continue;
			}
			kept++;
			settled += second == 20;
			scaled += f.sampling_rate;
		}
		assert_true(gate_datagram(&g, &quiet, 1, second * NS_PER_S));
		for (int i = 0; i < 500; i++) {
			flow_clear(&f);
			assert_true(gate_flow(&g, &f, &reason));
			assert_int_equal(f.sampling_rate, 0); /* unknown stays unknown where nothing was dropped */
		}
	}
	assert_true(settled <= 1000);
	assert_true(kept < 30000);
	/* What is kept, multiplied, is what came: within a tenth. */
	assert_true(scaled > 18000000 && scaled < 22000000);
	gate_free(&g);
	gate_rules_free(rules);
}

/* More exporters than buckets: those that find none share one, and nobody is let through uncounted. */
static void more_than_buckets(void **state)
{
	struct gate_rules *rules;
	struct flow f;
	enum err reason;
	uint64_t kept = 0;
	(void)state;
	config = (struct config){.rate_cap = 1};
	struct gate g = gate_of(&rules);
	for (uint32_t i = 0; i < 20000; i++) {
		struct ip_addr a = ip_v4((const uint8_t[]){10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i});
		assert_true(gate_datagram(&g, &a, 1, 100 * NS_PER_S));
		flow_clear(&f);
		kept += gate_flow(&g, &f, &reason);
	}
	assert_true(kept > 2000 && kept < GATE_CAPPED_MAX + 100);
	gate_free(&g);
	gate_rules_free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allowed_prefixes), cmocka_unit_test(netflow_io), cmocka_unit_test(bad_senders),
		cmocka_unit_test(cap),              cmocka_unit_test(more_than_buckets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
