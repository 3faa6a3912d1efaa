/*
 * bench_worst.c -- ns a byte of datagrams built to cost as much as possible, against ordinary ones. `bench_worst [ROUNDS]`
 *
 * A collector listens to anybody: what counts is not only how fast ordinary traffic goes, but how slow an attacker
 * can make a byte. SECURITY.md has the bound that is held.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/decode.h"
#include "common/clock.h"
#include "proto/flow.h"

enum { DATAGRAM_MAX = 9000, PAIR = 2 };

static uint8_t data[PAIR][DATAGRAM_MAX];
static size_t lens[PAIR];
static uint8_t *at, *set_at;

static void put(uint64_t v, unsigned len)
{
	while (len-- > 0)
		*at++ = (uint8_t)(len < 8 ? v >> (8 * len) : 0);
}

static void begin(int which)
{
	at = data[which];
	put(10, 2), put(0, 2), put(1700000000, 4), put(0, 4), put(1, 4);
}

static void end(int which)
{
	lens[which] = (size_t)(at - data[which]);
	if (data[which][1] != 10)
		return; /* sFlow, which does not tell its length */
	data[which][2] = (uint8_t)(lens[which] >> 8);
	data[which][3] = (uint8_t)lens[which];
}

static void set(unsigned id)
{
	set_at = at;
	put(id, 2), put(0, 2);
}

static void end_set(void)
{
	size_t len = (size_t)(at - set_at);
	set_at[2] = (uint8_t)(len >> 8);
	set_at[3] = (uint8_t)len;
}

static size_t room(int which)
{
	return 1400 - (size_t)(at - data[which]);
}

static void ordinary(int which)
{
	static const uint8_t fields[][2] = {{8, 4}, {12, 4}, {7, 2}, {11, 2}, {4, 1}, {6, 1}, {5, 1}, {10, 4}, {14, 4}, {1, 8},
		{2, 8}, {152, 8}, {153, 8}, {16, 4}, {17, 4}, {15, 4}, {9, 1}, {13, 1}, {58, 2}};
	set(2), put(256, 2), put(19, 2);
	for (int i = 0; i < 19; i++)
		put(fields[i][0], 2), put(fields[i][1], 2);
	end_set();
	set(256);
	while (room(which) > 71)
		put(0x0a000001, 71);
	end_set();
}

static void tiny_records(int which)
{
	set(2), put(256, 2), put(1, 2), put(4, 2), put(1, 2), end_set();
	set(256);
	while (room(which) > 0)
		put(6, 1);
	end_set();
}

static void tiny_variable_records(int which)
{
	set(2), put(256, 2), put(1, 2), put(371, 2), put(65535, 2), end_set();
	set(256);
	while (room(which) > 2)
		put(0x0141, 2);
	end_set();
}

static void small_templates_that_change(int which)
{
	set(2);
	for (unsigned id = 256; room(which) > 8; id++)
		put(id, 2), put(1, 2), put(which ? 8 : 12, 2), put(4, 2);
	end_set();
}

static void a_wide_template_that_changes(int which)
{
	set(2), put(256, 2), put(300, 2);
	for (unsigned i = 0; i < 300; i++)
		put(i % 90 + 1 + (unsigned)which, 2), put(4, 2);
	end_set();
}

static void a_template_for_each_record(int which)
{
	for (unsigned i = 0; room(which) > 40; i++) {
		set(2), put(256, 2), put(1, 2), put(i % 2 ? 8 : 12, 2), put(4, 2), end_set();
		set(256), put(1, 4), end_set();
	}
}

static void unknown_sets(int which)
{
	for (unsigned id = 300; room(which) > 5; id++)
		set(id), put(1, 1), end_set();
}

static void lists(int which)
{
	set(2), put(256, 2), put(1, 2), put(292, 2), put(65535, 2), end_set();
	set(2), put(257, 2), put(1, 2), put(4, 2), put(1, 2), end_set();
	set(256);
	while (room(which) > 210) {
		put(203, 1), put(3, 1), put(257, 2);
		put(6, 200);
	}
	end_set();
}

static void lists_of_flows(int which)
{
	set(2), put(256, 2), put(1, 2), put(292, 2), put(65535, 2), end_set();
	set(2), put(257, 2), put(1, 2), put(8, 2), put(4, 2), end_set();
	set(256);
	while (room(which) > 210) {
		put(203, 1), put(3, 1), put(257, 2);
		put(6, 200);
	}
	end_set();
}

static void short_lists(int which)
{
	set(2), put(256, 2), put(1, 2), put(292, 2), put(65535, 2), end_set();
	set(2), put(257, 2), put(1, 2), put(4, 2), put(1, 2), end_set();
	set(256);
	while (room(which) > 6)
		put(4, 1), put(3, 1), put(257, 2), put(6, 1);
	end_set();
}

static void samplers(int which)
{
	set(3), put(256, 2), put(2, 2), put(1, 2), put(302, 2), put(4, 2), put(34, 2), put(4, 2), end_set();
	set(2), put(257, 2), put(2, 2), put(302, 2), put(4, 2), put(1, 2), put(4, 2), end_set();
	set(256);
	static unsigned n;
	for (int i = 0; i < 80; i++)
		put(++n, 4), put(1000 + n, 4);
	end_set();
	set(257);
	while (room(which) > 8)
		put(0xffffffff, 4), put(1, 4);
	end_set();
}

static void names(int which)
{
	set(3), put(256, 2), put(2, 2), put(1, 2), put(10, 2), put(2, 2), put(82, 2), put(1, 2), end_set();
	set(256);
	for (unsigned n = 1; room(which) > 3; n++)
		put(n, 2), put('a' + (unsigned)which, 1);
	end_set();
}

static uint8_t *samples_at;

/* An sFlow datagram instead of what begin() began; SAMPLES_AT is where their number goes. */
static void begin_sflow(int which)
{
	at = data[which];
	put(5, 4), put(1, 4), put(0x0a000001, 4), put(0, 4), put(1, 4), put(1000, 4);
	samples_at = at;
	put(0, 4);
}

/* A flow sample with one sampled header of LEN octets, zeros until somebody writes there: where it is. */
static uint8_t *sample(uint32_t protocol, unsigned len)
{
	samples_at[3]++;
	put(1, 4), put(32 + 8 + 16 + len, 4), put(1, 4), put(1, 4), put(100, 4), put(0, 4), put(0, 4), put(1, 4), put(2, 4), put(1, 4);
	put(1, 4), put(16 + len, 4), put(protocol, 4), put(1500, 4), put(4, 4), put(len, 4);
	uint8_t *header = at;
	put(0, len);
	return header;
}

static void sampled_headers(int which)
{
	static const uint8_t ethernet[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 1, 0, 0, 0, 0, 0, 64, 6};
	begin_sflow(which);
	while (room(which) > 200)
		memcpy(sample(1, 64), ethernet, sizeof(ethernet));
}

/* IPv4 in IPv4 in IPv4 ... */
static void sampled_tunnels(int which)
{
	begin_sflow(which);
	while (room(which) > 400)
		for (uint8_t *p = sample(11, 320), *end = p + 320; p < end; p += 20)
			p[0] = 0x45, p[2] = 1, p[9] = 4;
}

/* IPv6 with as many extension headers as fit. */
static void sampled_extensions(int which)
{
	begin_sflow(which);
	while (room(which) > 400) {
		uint8_t *p = sample(12, 320);
		p[0] = 0x60, p[4] = 1, p[6] = 60;
		for (uint8_t *e = p + 40; e < p + 320; e += 8)
			e[0] = 60;
	}
}

static void sampled_labels(int which)
{
	begin_sflow(which);
	while (room(which) > 400) {
		uint8_t *p = sample(1, 320);
		for (uint8_t *tag = p + 12; tag < p + 316; tag += 4)
			tag[0] = 0x81, tag[3] = 1;
	}
}

static void empty_samples(int which)
{
	begin_sflow(which);
	while (room(which) > 40 && samples_at[3] < 255) {
		samples_at[3]++;
		put(1, 4), put(32, 4), put(1, 4), put(1, 4), put(100, 4), put(0, 4), put(0, 4), put(1, 4), put(2, 4), put(0, 4);
	}
}

static void unknown_samples(int which)
{
	begin_sflow(which);
	while (room(which) > 8 && samples_at[3] < 255)
		samples_at[3]++, put(999, 4), put(0, 4);
}

/* Interface counters, each of another interface. */
static void counter_samples(int which)
{
	static uint32_t n;
	begin_sflow(which);
	while (room(which) > 130 && samples_at[3] < 255) {
		samples_at[3]++;
		put(2, 4), put(12 + 8 + 88, 4), put(1, 4), put(++n % 0xffffff, 4), put(1, 4), put(1, 4), put(88, 4), put(n, 4), put(0, 84);
	}
}

static const struct {
	const char *name;
	void (*make)(int which);
} kinds[] = {
	{"ordinary", ordinary}, {"tiny records", tiny_records}, {"tiny variable records", tiny_variable_records},
	{"small templates that change", small_templates_that_change}, {"a wide template that changes", a_wide_template_that_changes},
	{"a template for each record", a_template_for_each_record}, {"unknown sets", unknown_sets}, {"lists", lists},
	{"lists of flows", lists_of_flows}, {"short lists", short_lists}, {"samplers", samplers}, {"names", names},
	{"sFlow: sampled headers", sampled_headers}, {"sFlow: tunnels", sampled_tunnels}, {"sFlow: IPv6 extensions", sampled_extensions},
	{"sFlow: VLAN tags", sampled_labels}, {"sFlow: empty samples", empty_samples}, {"sFlow: unknown samples", unknown_samples},
	{"sFlow: counters", counter_samples},
};

static void ignore(void *arg, struct flow *f)
{
	uint64_t *n = arg;
	*n += f->packets;
}

static double run(void (*make)(int which), int rounds)
{
	uint64_t flows = 0;
	struct decode_options options = {.emit = ignore, .emit_arg = &flows, .hold_bytes = 4 << 20, .hold_ns = NS_PER_S};
	struct decoder *d;
	struct decode_result res;
	uint64_t best = UINT64_MAX;

	if (decoder_new(&options, &d))
		abort();
	for (int r = 0; r < rounds; r++) {
		for (int which = 0; which < PAIR; which++) {
			begin(which);
			make(which);
			end(which);
		}
		uint64_t start = clock_monotonic_ns();
		for (int i = 0; i < 100; i++) {
			struct datagram dg = {.data = data[i % PAIR], .len = lens[i % PAIR], .source = ip_v4((const uint8_t[]){10, 0, 0, 1}),
				.received_ns = 1700000000 * NS_PER_S};
			decoder_datagram(d, DECODE_ANY, &dg, &res);
		}
		uint64_t ns = clock_monotonic_ns() - start;
		best = ns < best ? ns : best;
	}
	decoder_free(d);
	return (double)best / 50.0 / (double)(lens[0] + lens[1]);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 50;
	double usual = run(ordinary, rounds);

	printf("%-30s %10s %8s\n", "datagrams", "ns a byte", "times");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		double ns = run(kinds[i].make, rounds);
		printf("%-30s %10.2f %8.1f\n", kinds[i].name, ns, ns / usual);
	}
	return 0;
}
