/*
 * make_legacy.c -- NetFlow v1, v5, v6, v7 and v8: fixed records, IPv4 only, 16-bit AS numbers and interfaces.
 *
 * Layouts: Cisco's "NetFlow Services Solutions Guide" (v1, v5, v7), "NetFlow Export Datagram Format" (v6, and v8's
 * router-based aggregations). All records but v8's begin alike; what follows the ports differs. Times of a flow are
 * milliseconds of the exporter's uptime, 32 bits that wrap after 49.7 days.
 */
#include "common/clock.h"
#include "mocker/make.h"
#include "mocker/put.h"
#include "proto/flow.h"

static uint32_t uptime_ms(const struct make_exporter *x, uint64_t at_ns)
{
	return (uint32_t)((at_ns - x->boot_ns) / NS_PER_MS);
}

static struct put start(uint8_t *out, unsigned version, const struct make_exporter *x, uint64_t now_ns, unsigned n)
{
	struct put w = put_to(out, MAKE_DATAGRAM_MAX);
	/* Uptime has milliseconds: let the clock have no more, or the sum of both is off by what was cut. */
	now_ns -= (now_ns - x->boot_ns) % NS_PER_MS;
	put_u16(&w, version);
	put_u16(&w, n);
	put_u32(&w, uptime_ms(x, now_ns));
	put_u32(&w, now_ns / NS_PER_S);
	put_u32(&w, now_ns % NS_PER_S);
	return w;
}

/* The 36 octets that all versions share. */
static void put_common(struct put *w, const struct make_exporter *x, const struct flow *f)
{
	put_bytes(w, f->src_addr.bytes, 4);
	put_bytes(w, f->dst_addr.bytes, 4);
	put_bytes(w, f->next_hop.bytes, 4);
	put_u16(w, f->in_if);
	put_u16(w, f->out_if);
	put_u32(w, f->packets);
	put_u32(w, f->bytes);
	put_u32(w, uptime_ms(x, f->time_flow_start_ns));
	put_u32(w, uptime_ms(x, f->time_flow_end_ns));
	put_u16(w, f->src_port);
	/* ICMP has no ports: type and code stand where the destination's would. */
	put_u16(w, f->proto == 1 ? f->icmp_type << 8 | f->icmp_code : f->dst_port);
}

/* What v5, v6 and v7 have in common behind it: 10 octets. */
static void put_routing(struct put *w, const struct flow *f)
{
	put_u8(w, 0);
	put_u8(w, f->tcp_flags);
	put_u8(w, f->proto);
	put_u8(w, f->ip_tos);
	put_u16(w, f->src_as);
	put_u16(w, f->dst_as);
	put_u8(w, f->src_net);
	put_u8(w, f->dst_net);
}

size_t make_legacy_v1(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out)
{
	struct put w = start(out, 1, x, now_ns, n);
	for (unsigned i = 0; i < n; i++) {
		put_common(&w, x, &flows[i]);
		put_u16(&w, 0);
		put_u8(&w, flows[i].proto);
		put_u8(&w, flows[i].ip_tos);
		put_u8(&w, flows[i].tcp_flags);
		put_zeros(&w, 3 + 4);
	}
	return put_len(&w);
}

size_t make_legacy_v5(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out)
{
	struct put w = start(out, 5, x, now_ns, n);
	put_u32(&w, x->sequence);
	put_u8(&w, 0);
	put_u8(&w, x->domain);
	/* Two bits of mode (1: every nth packet), fourteen of interval. */
	put_u16(&w, x->sampling_rate ? 1u << 14 | (x->sampling_rate & 0x3fff) : 0);
	for (unsigned i = 0; i < n; i++) {
		put_common(&w, x, &flows[i]);
		put_routing(&w, &flows[i]);
		put_u16(&w, 0);
	}
	x->sequence += n;
	return put_len(&w);
}

size_t make_legacy_v6(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out)
{
	struct put w = start(out, 6, x, now_ns, n);
	put_u32(&w, x->sequence);
	put_zeros(&w, 4);
	for (unsigned i = 0; i < n; i++) {
		put_common(&w, x, &flows[i]);
		put_routing(&w, &flows[i]);
		put_u16(&w, 0);                          /* encapsulation in and out */
		put_bytes(&w, flows[i].next_hop.bytes, 4); /* peer's next hop */
	}
	x->sequence += n;
	return put_len(&w);
}

size_t make_legacy_v7(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out)
{
	struct put w = start(out, 7, x, now_ns, n);
	put_u32(&w, x->sequence);
	put_zeros(&w, 4);
	for (unsigned i = 0; i < n; i++) {
		put_common(&w, x, &flows[i]);
		put_routing(&w, &flows[i]);
		put_u16(&w, 0);                          /* which fields are invalid: none */
		put_bytes(&w, flows[i].next_hop.bytes, 4); /* router that was bypassed */
	}
	x->sequence += n;
	return put_len(&w);
}

/* --- v8: a record is a sum, and each of the 14 aggregations keeps other keys ------------------------------------------- */

static uint64_t prefix_of(const struct ip_addr *a, uint32_t bits)
{
	uint64_t v = (uint64_t)a->bytes[0] << 24 | (uint64_t)a->bytes[1] << 16 | (uint64_t)a->bytes[2] << 8 | a->bytes[3];
	return bits >= 32 ? v : v & ~(UINT32_MAX >> bits);
}

/* One letter a field, in the order of the wire. */
static void put_aggregated(struct put *w, const struct make_exporter *x, const struct flow *f, char field)
{
	switch (field) {
	case 'f': put_u32(w, 1); break; /* flows in the sum */
	case 'k': put_u32(w, f->packets); break;
	case 'b': put_u32(w, f->bytes); break;
	case 's': put_u32(w, uptime_ms(x, f->time_flow_start_ns)); break;
	case 'e': put_u32(w, uptime_ms(x, f->time_flow_end_ns)); break;
	case 'a': put_bytes(w, f->src_addr.bytes, 4); break;
	case 'd': put_bytes(w, f->dst_addr.bytes, 4); break;
	case 'A': put_u32(w, prefix_of(&f->src_addr, f->src_net)); break;
	case 'B': put_u32(w, prefix_of(&f->dst_addr, f->dst_net)); break;
	case 'm': put_u8(w, f->src_net); break;
	case 'n': put_u8(w, f->dst_net); break;
	case 'S': put_u16(w, f->src_as); break;
	case 'D': put_u16(w, f->dst_as); break;
	case 'i': put_u16(w, f->in_if); break;
	case 'o': put_u16(w, f->out_if); break;
	case 'x': put_u16(w, f->src_port); break;
	case 'y': put_u16(w, f->dst_port); break;
	case 'p': put_u8(w, f->proto); break;
	case 't': put_u8(w, f->ip_tos); break;
	default: put_u8(w, 0);
	}
}

size_t make_legacy_v8(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out)
{
	static const char *const aggregations[] = {
		"fkbseSDio",             /* 1: AS */
		"fkbsep000xy",           /* 2: protocol and ports */
		"fkbseAm0Si00",          /* 3: source prefix */
		"fkbseBn0Do00",          /* 4: destination prefix */
		"fkbseABmn00SDio",       /* 5: prefixes */
		"dkbseott00000000",      /* 6 to 8: of Catalyst switches: destination, both ends, full flow */
		"dakbseoitt0000000000",
		"dayxkbseoitpt000000000",
		"fkbseSDiot000",         /* 9 to 14: 1 to 5 with TOS, and prefixes with ports */
		"fkbsept00xyio",
		"fkbseAmtSi00",
		"fkbseBntDo00",
		"fkbseABmnt0SDio",
		"fkbseABmntpxyio",
	};
	const unsigned which = x->samples++ % (sizeof(aggregations) / sizeof(aggregations[0]));
	struct put w = start(out, 8, x, now_ns, n);
	put_u32(&w, x->sequence);
	put_u8(&w, 0);
	put_u8(&w, x->domain);
	put_u8(&w, which + 1);
	put_u8(&w, 2); /* version of the aggregation's layout */
	put_zeros(&w, 4);
	for (unsigned i = 0; i < n; i++)
		for (const char *field = aggregations[which]; *field; field++)
			put_aggregated(&w, x, &flows[i], *field);
	x->sequence += n;
	return put_len(&w);
}
