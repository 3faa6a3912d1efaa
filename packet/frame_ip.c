/*
 * frame_ip.c -- IPv4, IPv6 with its extension headers (RFC 8200 4, RFC 8754), and the transports.
 *
 * The packet's proto is that of the upper layer: extension headers and an authentication header (RFC 4302) are
 * walked through, as every filter on `proto tcp` expects. Only a first fragment has ports; the others end at IP.
 */
#include "packet/frame_walk.h"
#include "packet/iphdr.h"

static struct frame_next read_options(struct frame *fr);
static struct frame_next read_routing(struct frame *fr);
static struct frame_next read_fragment(struct frame *fr);
static struct frame_next read_auth(struct frame *fr);
static struct frame_next read_esp(struct frame *fr);
static struct frame_next read_tcp(struct frame *fr);
static struct frame_next read_udp(struct frame *fr);
static struct frame_next read_ports(struct frame *fr);
static struct frame_next read_icmp(struct frame *fr);
static struct frame_next read_icmp6(struct frame *fr);
static struct frame_next read_igmp(struct frame *fr);

/* By IP protocol; what is not here ends the walk. */
static const struct frame_next protos[256] = {
	[IPHDR_TCP] = {read_tcp},
	[IPHDR_UDP] = {read_udp},
	[IPHDR_ICMP] = {read_icmp},
	[IPHDR_ICMPV6] = {read_icmp6},
	[IPHDR_IGMP] = {read_igmp},
	[IPHDR_SCTP] = {read_ports},
	[IPHDR_DCCP] = {read_ports},
	[IPHDR_UDPLITE] = {read_ports},
	[IPHDR_HOPOPT] = {read_options},
	[IPHDR_DSTOPTS] = {read_options},
	[IPHDR_MOBILITY] = {read_options},
	[IPHDR_HIP] = {read_options},
	[IPHDR_SHIM6] = {read_options},
	[IPHDR_ROUTING] = {read_routing},
	[IPHDR_FRAGMENT] = {read_fragment},
	[IPHDR_AH] = {read_auth},
	[IPHDR_ESP] = {read_esp},
	[IPHDR_GRE] = {frame_tunnel_gre},
	[IPHDR_IPIP] = {frame_tunnel_ip4},
	[IPHDR_IPV6] = {frame_tunnel_ip6},
	[IPHDR_ETHERNET] = {frame_tunnel_ethernet},
	[IPHDR_MPLS] = {frame_tunnel_mpls},
};

static struct frame_next next_proto(struct frame *fr, uint8_t proto)
{
	fr->now.proto = proto;
	return protos[proto];
}

static void set_fragment(struct frame_packet *p, const struct iphdr_frag *frag)
{
	p->fragment_id = frag->id;
	p->fragment_offset = frag->offset;
	p->ip_flags = frag->flags;
}

static struct frame_next take_header(struct frame *fr, const struct iphdr *h, enum flow_layer layer)
{
	frame_layer(fr, layer, h->header_len);
	struct frame_packet *p = &fr->now;
	p->src = h->src;
	p->dst = h->dst;
	p->addr_len = h->version == 4 ? 4 : 16;
	p->ip_len = h->total_len;
	p->tos = h->tos;
	p->ttl = h->ttl;
	p->flow_label = h->flow_label;
	fr->w = h->payload;
	struct frame_next next = next_proto(fr, h->proto);
	return h->frag.offset ? FRAME_END : next;
}

struct frame_next frame_ip_v4(struct frame *fr)
{
	struct iphdr h;
	if (!iphdr_read4(fr->w, &h))
		return FRAME_END;
	set_fragment(&fr->now, &h.frag);
	struct frame_next next = take_header(fr, &h, FLOW_LAYER_IPV4);
	/* These are extension headers of IPv6 only; in IPv4 the numbers stand for nothing that could be read. */
	return iphdr_is_option(h.proto) || h.proto == IPHDR_FRAGMENT ? FRAME_END : next;
}

struct frame_next frame_ip_v6(struct frame *fr)
{
	struct iphdr h;
	return iphdr_read6(fr->w, &h) ? take_header(fr, &h, FLOW_LAYER_IPV6) : FRAME_END;
}

/* Hop-by-hop and destination options, and others of the common form: RFC 8200 4.3, RFC 6564 4. */
static struct frame_next read_options(struct frame *fr)
{
	const uint8_t *p = wire_bytes(&fr->w, 2);
	if (!p)
		return FRAME_END;
	size_t size = 8 + (size_t)p[1] * 8;
	frame_layer(fr, FLOW_LAYER_CUSTOM, size);
	fr->now.proto = p[0]; /* also when the rest of the header is missing */
	wire_skip(&fr->w, size - 2);
	return wire_failed(&fr->w) ? FRAME_END : protos[p[0]];
}

/* RFC 8754 2: the segments, the last one first. A list that is cut gives the segments that are there. */
static void take_segments(struct frame *fr, struct wire segments, uint32_t count)
{
	struct flow *f = fr->f;
	if (f->n_ipv6_routing_header_addresses)
		return;
	while (count-- && wire_left(&segments) >= 16) {
		const uint8_t *segment = wire_bytes(&segments, 16);
		if (f->n_ipv6_routing_header_addresses == FLOW_ARRAY_MAX)
			fr->cut++;
		else
			f->ipv6_routing_header_addresses[f->n_ipv6_routing_header_addresses++] = ip_v6(segment);
	}
}

static struct frame_next read_routing(struct frame *fr)
{
	const uint8_t *p = wire_bytes(&fr->w, 8);
	if (!p)
		return FRAME_END;
	size_t size = 8 + (size_t)p[1] * 8;
	frame_layer(fr, FLOW_LAYER_IPV6_ROUTING, size);
	bool whole = wire_left(&fr->w) >= size - 8;
	struct wire rest = wire_sub(&fr->w, whole ? size - 8 : wire_left(&fr->w));
	if (!fr->level)
		fr->f->ipv6_routing_header_seg_left = p[3];
	if (p[2] == 4) { /* segment routing */
		fr->srv6 = true;
		take_segments(fr, rest, p[4] + 1u);
	}
	fr->now.proto = p[0];
	return whole ? protos[p[0]] : FRAME_END;
}

static struct frame_next read_fragment(struct frame *fr)
{
	struct iphdr_frag frag;
	uint8_t proto = iphdr_fragment6(&fr->w, &frag);
	if (wire_failed(&fr->w))
		return FRAME_END;
	frame_layer(fr, FLOW_LAYER_IPV6_FRAGMENT, 8);
	set_fragment(&fr->now, &frag);
	struct frame_next next = next_proto(fr, proto);
	return frag.offset ? FRAME_END : next;
}

/* RFC 4302 2.2: the length is in 4 octets and leaves out two of them. */
static struct frame_next read_auth(struct frame *fr)
{
	const uint8_t *p = wire_bytes(&fr->w, 8);
	if (!p)
		return FRAME_END;
	size_t size = ((size_t)p[1] + 2) * 4;
	if (size < 12)
		return FRAME_END;
	frame_layer(fr, FLOW_LAYER_CUSTOM, size);
	fr->now.proto = p[0];
	wire_skip(&fr->w, size - 8);
	return wire_failed(&fr->w) ? FRAME_END : protos[p[0]];
}

/* RFC 4303 2: what follows is encrypted. */
static struct frame_next read_esp(struct frame *fr)
{
	if (wire_left(&fr->w) >= 8)
		frame_layer(fr, FLOW_LAYER_CUSTOM, 8);
	return FRAME_END;
}

static bool take_ports(struct frame *fr, const uint8_t *p)
{
	if (!p)
		return false;
	fr->now.src_port = wire_load16(p);
	fr->now.dst_port = wire_load16(p + 2);
	return true;
}

/* Ports are all that a cut header may still have, so they are read before the rest is asked for. */
static struct frame_next read_tcp(struct frame *fr)
{
	if (!take_ports(fr, wire_bytes(&fr->w, 4)))
		return FRAME_END;
	const uint8_t *rest = wire_bytes(&fr->w, 10);
	size_t size = 20;
	if (rest) {
		size = (size_t)(rest[8] >> 4) * 4; /* RFC 9293 3.1: data offset */
		fr->now.tcp_flags = rest[9];
	}
	frame_layer(fr, FLOW_LAYER_TCP, size);
	return FRAME_END;
}

static struct frame_next read_udp(struct frame *fr)
{
	if (!take_ports(fr, wire_bytes(&fr->w, 4)))
		return FRAME_END;
	frame_layer(fr, FLOW_LAYER_UDP, 8);
	wire_skip(&fr->w, 4);
	return wire_failed(&fr->w) ? FRAME_END : frame_tunnel_udp(fr->now.src_port, fr->now.dst_port);
}

/* SCTP (RFC 9260 3.1), DCCP (RFC 4340 5.1), UDP-Lite (RFC 3828 3.1): the ports come first. */
static struct frame_next read_ports(struct frame *fr)
{
	if (take_ports(fr, wire_bytes(&fr->w, 4)))
		frame_layer(fr, FLOW_LAYER_CUSTOM, fr->now.proto == IPHDR_UDPLITE ? 8 : 12);
	return FRAME_END;
}

static struct frame_next take_icmp(struct frame *fr, enum flow_layer layer)
{
	const uint8_t *p = wire_bytes(&fr->w, 2);
	if (!p)
		return FRAME_END;
	frame_layer(fr, layer, 8);
	fr->now.icmp_type = p[0];
	fr->now.icmp_code = p[1];
	return FRAME_END;
}

static struct frame_next read_icmp(struct frame *fr)
{
	return take_icmp(fr, FLOW_LAYER_ICMP);
}

static struct frame_next read_icmp6(struct frame *fr)
{
	return take_icmp(fr, FLOW_LAYER_ICMPV6);
}

static struct frame_next read_igmp(struct frame *fr)
{
	const uint8_t *p = wire_bytes(&fr->w, 1);
	if (!p)
		return FRAME_END;
	frame_layer(fr, FLOW_LAYER_CUSTOM, 8);
	fr->now.igmp_type = p[0];
	return FRAME_END;
}
