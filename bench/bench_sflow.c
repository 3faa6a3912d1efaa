/*
 * bench_sflow.c -- ns a flow of decoding sFlow 5 datagrams, with and without packing. `bench_sflow [ROUNDS]`
 *
 * Datagrams as switches send them: 128 octets of header a sample, as many samples as fit 1,400 octets. "plain" is
 * Ethernet, IPv4 or IPv6, TCP or UDP; "vlan" adds a tag and the switch record; "router" has the router and gateway
 * records too; "vxlan" is a tunnel. Addresses, ports and lengths are random, so that branches are not foreseen.
 */
#include "bench/bench_flows.h"
#include "collector/decode.h"
#include "collector/decode_stats.h"
#include "proto/pack.h"

enum { DATAGRAMS = 256, DATAGRAM_MAX = 1400, HEADER = 128 };

enum { WITH_VLAN = 1, WITH_ROUTER = 2, WITH_VXLAN = 4 };

struct datagrams {
	uint8_t bytes[DATAGRAMS][DATAGRAM_MAX + 512];
	size_t len[DATAGRAMS];
	size_t flows;
};

struct sink {
	bool pack;
	size_t at;
	uint8_t out[1 << 16];
};

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, 4);
	return p + 4;
}

static uint8_t *put16(uint8_t *p, uint32_t v)
{
	*p++ = (uint8_t)(v >> 8);
	*p++ = (uint8_t)v;
	return p;
}

static uint8_t *put_random(uint8_t *p, int n)
{
	while (n--)
		*p++ = (uint8_t)bench_below(256);
	return p;
}

static uint8_t *put_ip(uint8_t *p, bool v6, uint8_t proto)
{
	if (v6) {
		static const uint8_t head[4] = {0x60, 0, 0, 0};
		memcpy(p, head, 4);
		p = put16(p + 4, 1400);
		*p++ = proto;
		*p++ = 64;
		return put_random(p, 32);
	}
	p = put32(p, 0x45000000 | (60 + bench_below(1400)));
	p = put16(p, bench_below(65536));
	p = put16(p, 0x4000);
	*p++ = 64;
	*p++ = proto;
	p = put16(p, 0);
	return put_random(p, 8);
}

/* A frame of 128 octets at P. */
static void put_frame(uint8_t *p, unsigned kind)
{
	const uint8_t *end = p + HEADER;
	bool v6 = !(kind & WITH_VXLAN) && bench_below(4) == 0;
	uint8_t proto = kind & WITH_VXLAN || bench_below(4) == 0 ? 17 : 6;
	p = put_random(p, 12);
	if (kind & WITH_VLAN)
		p = put32(p, 0x81000000 | (1 + bench_below(4000)));
	p = put16(p, v6 ? 0x86dd : 0x0800);
	p = put_ip(p, v6, proto);
	p = put16(p, 1024 + bench_below(60000));
	p = put16(p, kind & WITH_VXLAN ? 4789 : bench_below(2) ? 443 : 5000 + bench_below(50000));
	if (kind & WITH_VXLAN) {
		p = put32(p, 0);
		p = put32(p, 0x08000000);
		p = put32(p, bench_below(1 << 24) << 8);
		p = put_random(p, 12);
		p = put16(p, 0x0800);
		p = put_ip(p, false, 6);
		p = put16(p, 1024 + bench_below(60000));
		p = put16(p, 443);
	}
	p = put_random(p, 8);
	*p++ = 0x50;
	*p++ = (uint8_t)bench_below(32);
	put_random(p, (int)(end - p));
}

static uint8_t *put_gateway(uint8_t *p)
{
	static const uint32_t router[] = {1002, 16, 1, 0x0a000001, 24, 16};
	static const uint32_t gateway[] = {1003, 56, 1, 0x0a000002, 64500, 0, 0, 1, 2, 3, 64501, 64502, 64503, 1, 0xfbf40001, 100};
	for (size_t i = 0; i < sizeof(router) / 4; i++)
		p = put32(p, router[i]);
	for (size_t i = 0; i < sizeof(gateway) / 4; i++)
		p = put32(p, gateway[i]);
	return p;
}

static uint8_t *put_sample(uint8_t *p, unsigned kind, uint32_t sequence)
{
	uint8_t *start = put32(p, 1);
	p = start + 4;
	uint32_t records = 1u + (kind & WITH_VLAN ? 1 : 0) + (kind & WITH_ROUTER ? 2 : 0);
	const uint32_t head[] = {sequence, 1 + bench_below(48), 1024, 1 << 20, 0, 1 + bench_below(48), 1 + bench_below(48),
	                         records};
	for (size_t i = 0; i < sizeof(head) / 4; i++)
		p = put32(p, head[i]);
	const uint32_t record[] = {1, 16 + HEADER, 1, 64 + bench_below(1450), 4, HEADER};
	for (size_t i = 0; i < sizeof(record) / 4; i++)
		p = put32(p, record[i]);
	put_frame(p, kind);
	p += HEADER;
	if (kind & WITH_VLAN) {
		const uint32_t vlan[] = {1001, 16, 10, 0, 20, 0};
		for (size_t i = 0; i < sizeof(vlan) / 4; i++)
			p = put32(p, vlan[i]);
	}
	if (kind & WITH_ROUTER)
		p = put_gateway(p);
	put32(start, (uint32_t)(p - start) - 4);
	return p;
}

static void make(struct datagrams *d, unsigned kind)
{
	uint32_t sequence = 1;
	d->flows = 0;
	for (uint32_t i = 0; i < DATAGRAMS; i++) {
		uint8_t *start = d->bytes[i];
		uint8_t *p = start;
		const uint32_t head[] = {5, 1, 0x0a000001, 0, i, 1000000, 0};
		for (size_t k = 0; k < sizeof(head) / 4; k++)
			p = put32(p, head[k]);
		uint32_t n = 0;
		do {
			p = put_sample(p, kind, sequence++);
			n++;
		} while (p - start + (p - start - 28) / n <= DATAGRAM_MAX);
		put32(start + 24, n);
		d->len[i] = (size_t)(p - start);
		d->flows += n;
	}
}

static void take(void *arg, struct flow *f)
{
	struct sink *s = arg;
	if (s->pack)
		s->at = (s->at + flow_pack(f, s->out + s->at)) & 0x7fff;
	else
		BENCH_USED(*f);
}

static void feed(struct decoder *decoder, const struct datagrams *d, size_t i)
{
	struct decode_result res;
	struct datagram dg = {.data = d->bytes[i], .len = d->len[i], .received_ns = 1763726400000000000, .source_port = 6343};
	dg.source = ip_v4((const uint8_t[]){10, 0, 0, 1});
	decoder_datagram(decoder, DECODE_SFLOW, &dg, &res);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		unsigned kind;
	} shapes[] = {{"plain", 0}, {"vlan", WITH_VLAN}, {"router", WITH_VLAN | WITH_ROUTER}, {"vxlan", WITH_VXLAN}};
	int rounds = bench_rounds(argc, argv, 400);
	struct datagrams *d = malloc(sizeof(*d));
	static struct sink sink;
	printf("%-8s %8s %8s %8s %12s\n", "shape", "flows", "decode", "+ pack", "flows/s");
	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		struct decode_options options = {.emit = take, .emit_arg = &sink};
		struct decoder *decoder;
		if (!d || decoder_new(&options, &decoder) < 0)
			return 1;
		make(d, shapes[s].kind);
		double per = (double)DATAGRAMS / (double)d->flows; /* BENCH_NS is of a datagram */
		sink.pack = false;
		double decode = BENCH_NS(rounds, feed(decoder, d, (size_t)i)) * per;
		sink.pack = true;
		double both = BENCH_NS(rounds, feed(decoder, d, (size_t)i)) * per;
		const struct decode_stats *stats = decoder_stats(decoder);
		if (stats->decoded != stats->datagrams) {
			fprintf(stderr, "bench_sflow: %s: a datagram was not decoded\n", shapes[s].name);
			return 1;
		}
		printf("%-8s %8.1f %8.1f %8.1f %12.0f\n", shapes[s].name, 1 / per, decode, both, 1e9 / both);
		decoder_free(decoder);
	}
	free(d);
	return 0;
}
