/*
 * bench_decode.c -- ns a flow of decoding, alone and with packing, from memory on one core. `bench_decode [ROUNDS [TRAFFIC]]`
 *
 * `decode`: to struct flow. `long way`: to struct flow, then packed, as where a filter looks at it. `packed`: as a collector
 * does it, straight from the wire where that is possible (collector/fuse.h).
 * The IPFIX and v9 layouts are those of docs/performance.md: 19 fields, 16 records a datagram. `varlen` adds an
 * interface name and an application name of variable length; `wide` has 100 fields; `one` one record a datagram;
 * `100` and `10000` come from as many exporters in turn. Each figure is the best round: others use the machine too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/decode.h"
#include "common/clock.h"
#include "proto/flow.h"
#include "proto/pack.h"

enum { DATAGRAMS = 256, DATAGRAM_MAX = 9000, FIELDS_MAX = 128 };

struct layout {
	uint16_t id, len;
};

static const struct layout usual[] = {{8, 4}, {12, 4}, {7, 2}, {11, 2}, {4, 1}, {6, 1}, {5, 1}, {10, 4}, {14, 4}, {1, 8},
	{2, 8}, {152, 8}, {153, 8}, {16, 4}, {17, 4}, {15, 4}, {9, 1}, {13, 1}, {58, 2}};
static const struct layout usual9[] = {{8, 4}, {12, 4}, {7, 2}, {11, 2}, {4, 1}, {6, 1}, {5, 1}, {10, 4}, {14, 4}, {1, 8},
	{2, 8}, {22, 4}, {21, 4}, {16, 4}, {17, 4}, {15, 4}, {9, 1}, {13, 1}, {58, 2}};
static const struct layout varlen[] = {{8, 4}, {12, 4}, {7, 2}, {11, 2}, {4, 1}, {6, 1}, {5, 1}, {10, 4}, {14, 4}, {82, 65535},
	{1, 8}, {2, 8}, {152, 8}, {153, 8}, {96, 65535}, {16, 4}, {17, 4}, {15, 4}, {9, 1}, {13, 1}, {58, 2}};
static const struct layout few[] = {{8, 4}, {12, 4}, {1, 8}, {2, 8}, {4, 1}};

static const struct traffic {
	const char *name;
	int version;
	const struct layout *fields;
	int n_fields, pad_fields, records, exporters;
} traffics[] = {
	{"v5", 5, NULL, 0, 0, 30, 1},
	{"v9", 9, usual9, 19, 0, 16, 1},
	{"ipfix", 10, usual, 19, 0, 16, 1},
	{"varlen", 10, varlen, 21, 0, 16, 1},
	{"few", 10, few, 5, 0, 16, 1},
	{"wide", 10, usual, 19, 81, 4, 1},
	{"one", 10, usual, 19, 0, 1, 1},
	{"100", 10, usual, 19, 0, 16, 100},
	{"10000", 10, usual, 19, 0, 16, 10000},
};

static uint8_t data[DATAGRAMS][DATAGRAM_MAX];
static size_t lens[DATAGRAMS];
static uint8_t *at;
static uint32_t seed = 12345;

static uint32_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static void put(uint64_t v, unsigned len)
{
	while (len-- > 0)
		*at++ = (uint8_t)(v >> (8 * len));
}

static void put_field(const struct layout *f)
{
	static const char name[] = "GigabitEthernet0/0/1";
	uint64_t now_ms = 1700000000000ull;

	if (f->len == 65535) {
		unsigned len = 4 + rnd() % 16;
		put(len, 1);
		memcpy(at, name, len);
		at += len;
	} else if (f->id == 152 || f->id == 153) {
		put(now_ms + rnd() % 1000, 8);
	} else if (f->id == 21 || f->id == 22) {
		put(99000 + rnd() % 1000, 4);
	} else if (f->id == 4) {
		put(6, 1);
	} else if (f->len == 4 && (f->id == 10 || f->id == 14)) {
		put(rnd() % 500, 4);
	} else if (f->len == 4 && (f->id == 16 || f->id == 17)) {
		put(rnd() % 65536, 4);
	} else if (f->len == 4) {
		put(0x0a000000 | (rnd() & 0xffff), 4);
	} else {
		put(f->len == 8 ? rnd() % 100000 : rnd(), f->len);
	}
}

static int fields_of(const struct traffic *t, struct layout *out)
{
	int n = 0;

	for (int i = 0; i < t->n_fields; i++)
		out[n++] = t->fields[i];
	for (int i = 0; i < t->pad_fields; i++)
		out[n++] = (struct layout){(uint16_t)(400 + i), 4};
	return n;
}

static size_t v5_datagram(uint8_t *out, const struct traffic *t)
{
	at = out;
	put(5, 2), put((unsigned)t->records, 2), put(100000, 4), put(1700000000, 4), put(0, 4), put(0, 4), put(0, 4);
	for (int i = 0; i < t->records; i++) {
		put(0x0a000000 | (rnd() & 0xffff), 4), put(0x0a000000 | (rnd() & 0xffff), 4), put(0, 4), put(1, 2), put(2, 2);
		put(rnd() % 1000, 4), put(rnd() % 100000, 4), put(99000, 4), put(99500, 4), put(rnd(), 2), put(443, 2);
		put(0, 1), put(24, 1), put(6, 1), put(0, 1), put(100, 2), put(200, 2), put(24, 1), put(24, 1), put(0, 2);
	}
	return (size_t)(at - out);
}

static void header(const struct traffic *t)
{
	put((unsigned)t->version, 2), put(0, 2);
	if (t->version == 9)
		put(100000, 4);
	put(1700000000, 4), put(0, 4), put(1, 4);
}

/* What the set's or message's length is, once it is known. */
static void patch(uint8_t *where, const uint8_t *from)
{
	size_t len = (size_t)(at - from);
	where[0] = (uint8_t)(len >> 8);
	where[1] = (uint8_t)len;
}

static size_t template_datagram(uint8_t *out, const struct traffic *t)
{
	struct layout f[FIELDS_MAX];
	int n = fields_of(t, f);

	at = out;
	header(t);
	uint8_t *set = at;
	put(t->version == 9 ? 0 : 2, 2), put(0, 2), put(256, 2), put((unsigned)n, 2);
	for (int i = 0; i < n; i++)
		put(f[i].id, 2), put(f[i].len, 2);
	patch(set + 2, set);
	if (t->version == 10)
		patch(out + 2, out);
	return (size_t)(at - out);
}

static size_t data_datagram(uint8_t *out, const struct traffic *t)
{
	struct layout f[FIELDS_MAX];
	int n = fields_of(t, f);

	if (t->version == 5)
		return v5_datagram(out, t);
	at = out;
	header(t);
	uint8_t *set = at;
	put(256, 2), put(0, 2);
	for (int r = 0; r < t->records; r++)
		for (int i = 0; i < n; i++)
			put_field(&f[i]);
	patch(set + 2, set);
	if (t->version == 10)
		patch(out + 2, out);
	return (size_t)(at - out);
}

static uint64_t flows;
enum { BATCH = 128 << 10 };
static uint8_t batch[BATCH + FLOW_PACK_MAX];
static size_t batch_len;

static void count(void *arg, struct flow *f)
{
	(void)arg;
	flows += f->packets != 0;
}

static void pack(void *arg, struct flow *f)
{
	(void)arg;
	flows++;
	if (batch_len > BATCH)
		batch_len = 0;
	batch_len += flow_pack(f, batch + batch_len);
}

static bool window(void *arg, struct decode_window *ret_window)
{
	(void)arg;
	if (batch_len > BATCH)
		batch_len = 0;
	*ret_window = (struct decode_window){.at = batch + batch_len, .end = batch + sizeof(batch), .flows = UINT32_MAX};
	return true;
}

static void packed(void *arg, size_t len, uint32_t n)
{
	(void)arg;
	batch_len += len;
	flows += n;
}

static struct datagram from(int exporter, const uint8_t *bytes, size_t len)
{
	uint8_t addr[4] = {10, (uint8_t)(exporter >> 16), (uint8_t)(exporter >> 8), (uint8_t)exporter};
	return (struct datagram){.data = bytes, .len = len, .source = ip_v4(addr), .source_port = 2055,
		.received_ns = 1700000000 * NS_PER_S};
}

static double run(const struct traffic *t, const struct decode_options *options, int rounds)
{
	struct decoder *d;
	struct decode_result res;
	uint8_t bytes[DATAGRAM_MAX];
	int exporter = 0;

	if (decoder_new(options, &d))
		abort();
	size_t len = t->version == 5 ? 0 : template_datagram(bytes, t);
	for (int i = 0; len && i < t->exporters; i++) {
		struct datagram dg = from(i, bytes, len);
		decoder_datagram(d, DECODE_NETFLOW, &dg, &res);
	}
	for (int i = 0; i < DATAGRAMS; i++)
		lens[i] = data_datagram(data[i], t);
	uint64_t best = UINT64_MAX;
	for (int r = 0; r < rounds; r++) {
		uint64_t start = clock_monotonic_ns();
		for (int i = 0; i < DATAGRAMS; i++) {
			struct datagram dg = from(exporter, data[i], lens[i]);
			exporter = exporter + 1 < t->exporters ? exporter + 1 : 0;
			decoder_datagram(d, DECODE_NETFLOW, &dg, &res);
		}
		uint64_t ns = clock_monotonic_ns() - start;
		best = ns < best ? ns : best;
	}
	decoder_free(d);
	return (double)best / DATAGRAMS / t->records;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 200;

	static const struct decode_options decode_only = {.emit = count}, long_way = {.emit = pack},
		straight = {.emit = pack, .window = window, .packed = packed};

	printf("%-8s %10s %12s %10s %16s %14s\n", "traffic", "decode ns", "long way ns", "packed ns", "million flows/s", "bytes a flow");
	for (size_t i = 0; i < sizeof(traffics) / sizeof(traffics[0]); i++) {
		const struct traffic *t = &traffics[i];
		if (argc > 2 && strcmp(t->name, argv[2]))
			continue;
		double decode = run(t, &decode_only, rounds);
		double both = run(t, &long_way, rounds);
		double ns = run(t, &straight, rounds);
		printf("%-8s %10.1f %12.1f %10.1f %16.2f %14.1f\n", t->name, decode, both, ns, 1e3 / ns, (double)lens[0] / t->records);
	}
	return flows == 0;
}
