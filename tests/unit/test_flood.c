/*
 * test_flood.c -- a million made-up sources with templates, templates that change with every datagram, data that never get a
 * template: memory stays under its limit, and an exporter that behaves loses nothing.
 */
#include <malloc.h>

#include "tests/unit/netflow_build.h"

enum { FLOOD = 1000000, FLAPS = 200000, EVERY = 500, STATE_MAX = 64 << 20 };

static uint64_t seed;

static uint32_t any(void)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(seed >> 32);
}

static int begin_flood(void **state)
{
	(void)state;
	seed = 10;
	begin_with((struct decode_options){.max_state_bytes = STATE_MAX, .hold_bytes = 1 << 20, .hold_ns = 60 * NS_PER_S,
					   .template_timeout_ns = 3600 * NS_PER_S});
	return 0;
}

static size_t memory_in_use(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

/* The exporter that behaves: its template once, then data alone. Every record must come out. */
static void behave(bool first)
{
	v9(1);
	if (first)
		template_set(256, SMALL);
	small_set(256, 2);
	size_t before = n_flows;
	send_from("192.0.2.1", 5000);
	assert_int_equal(res.reason, 0);
	assert_int_equal(n_flows, before + 2);
}

/* From any address of both families; a template of any id, domain and length, and mostly data for it. */
static void flood_once(void)
{
	struct datagram dg;
	uint8_t a[16];
	size_t fields = 1 + any() % 40;
	uint16_t id = (uint16_t)(256 + any() % 60000);
	for (int i = 0; i < 4; i++) {
		uint32_t word = any();
		memcpy(a + 4 * i, &word, 4);
	}
	ipfix(any() % 8);
	set(2);
	put(id, 2), put(fields, 2);
	for (size_t i = 0; i < fields; i++)
		put(1 + any() % 400, 2), put(1 + any() % 8, 2);
	end_set();
	set(any() % 8 ? id : (uint16_t)(id + 1));
	put(0, 320);
	end_set();
	dg = datagram_from("192.0.2.2", (uint16_t)any());
	dg.source = any() % 2 ? ip_v4(a) : ip_v6(a);
	decoder_datagram(decoder, DECODE_NETFLOW, &dg, &res);
}

static void a_million_sources(void **state)
{
	size_t before = memory_in_use();
	(void)state;
	for (int i = 0; i < 10; i++)
		behave(i == 0);
	for (int i = 0; i < FLOOD; i++) {
		flood_once();
		now_ns += 100000; /* 10,000 a second */
		if (i % EVERY == 0) {
			behave(false);
			decoder_tick(decoder, now_ns);
			assert_true(memory_in_use() - before < STATE_MAX + (32u << 20)); /* and the tables */
			assert_true(stats()->exporters <= 16384);
			assert_true(stats()->held_bytes <= 1 << 20);
		}
	}
	assert_true(stats()->exporters_evicted > FLOOD / 2);
}

static void flap(uint16_t id, uint16_t port)
{
	ipfix(1);
	set(2);
	size_t fields = 1 + any() % 30;
	put(id, 2), put(fields, 2);
	for (size_t i = 0; i < fields; i++)
		put(1 + any() % 400, 2), put(1 + any() % 8, 2);
	end_set();
	small_set(id, 2);
	send_from("192.0.2.66", port);
}

static void templates_that_change_with_every_datagram(void **state)
{
	size_t most = 0;
	(void)state;
	behave(true);
	for (int i = 0; i < FLAPS; i++) {
		flap(256, (uint16_t)(1 + i % 20));
		if (i % EVERY == 0) {
			behave(false);
			size_t now = memory_in_use();
			if (i > FLAPS / 10 && now > most + (1 << 20))
				assert_int_equal(most, 0); /* it has levelled off */
			most = now > most ? now : most;
			assert_true(stats()->templates <= 1 + 8); /* TEMPLATE_VARIANTS_MAX */
		}
	}
	assert_true(stats()->templates_changed + stats()->templates_added > FLAPS / 2);
}

static void data_without_template_of_a_million_sources(void **state)
{
	size_t before = memory_in_use();
	(void)state;
	behave(true);
	for (int i = 0; i < FLOOD / 4; i++) {
		uint32_t word = any();
		v9(1);
		set((uint16_t)(256 + any() % 1000));
		put(0, 400);
		end_set();
		struct datagram dg = datagram_from("192.0.2.2", 5000);
		dg.source = ip_v4((const uint8_t *)&word);
		decoder_datagram(decoder, DECODE_NETFLOW, &dg, &res);
		now_ns += 100000;
		if (i % EVERY == 0) {
			behave(false);
			decoder_tick(decoder, now_ns);
			assert_true(stats()->held_bytes <= 1 << 20);
			assert_true(memory_in_use() - before < STATE_MAX + (32u << 20));
		}
	}
	assert_true(stats()->sets_skipped[ERR_HOLD_FULL] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_million_sources, begin_flood, finish),
		cmocka_unit_test_setup_teardown(templates_that_change_with_every_datagram, begin_flood, finish),
		cmocka_unit_test_setup_teardown(data_without_template_of_a_million_sources, begin_flood, finish),
	};
	return RUN(tests);
}
