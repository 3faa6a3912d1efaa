/*
 * frame_tunnel.c -- packets inside packets: IP in IP (RFC 2003, 2473, 4213), SRv6 (RFC 8986), GRE (RFC 2784, 2890,
 * 2637), ERSPAN, VXLAN (RFC 7348) and VXLAN-GPE, Geneve (RFC 8926), GTP-U (3GPP TS 29.281), Teredo (RFC 4380), MPLS
 * in IP and UDP (RFC 4023, 7510), GRE in UDP (RFC 8086).
 *
 * A tunnel over UDP is known by its port alone, and anybody may use that port for something else: each reader looks
 * for the bits that its protocol fixes and goes no further when they are not there.
 */
#include "packet/etype.h"
#include "packet/frame_walk.h"
#include "packet/iphdr.h"

enum { GRE_CHECKSUM = 0x8000, GRE_ROUTING = 0x4000, GRE_KEY = 0x2000, GRE_SEQUENCE = 0x1000, GRE_ACK = 0x0080 };

static struct frame_next enter_ip(struct frame *fr, uint16_t etype)
{
	frame_enter(fr, fr->srv6 ? FLOW_TUNNEL_SRV6 : FLOW_TUNNEL_IPIP, 0);
	return frame_l2_etype(fr, etype);
}

struct frame_next frame_tunnel_ip4(struct frame *fr)
{
	return enter_ip(fr, ETYPE_IPV4);
}

struct frame_next frame_tunnel_ip6(struct frame *fr)
{
	return enter_ip(fr, ETYPE_IPV6);
}

/* RFC 8986 4.9: protocol 143 is an Ethernet frame, behind a segment routing header or, when that was reduced away,
 * behind IPv6 itself. RFC 3378's EtherIP is 97, another. */
struct frame_next frame_tunnel_ethernet(struct frame *fr)
{
	frame_enter(fr, FLOW_TUNNEL_SRV6, 0);
	return (struct frame_next){frame_l2_ethernet};
}

struct frame_next frame_tunnel_mpls(struct frame *fr)
{
	frame_enter(fr, FLOW_TUNNEL_MPLS, 0);
	return frame_l2_etype(fr, ETYPE_MPLS);
}

/* ERSPAN (draft-foschiano-erspan): type II has 8 octets, type III 12 or, with its O bit, 20; type I, known by a GRE
 * header without sequence number, has none. */
static struct frame_next enter_erspan(struct frame *fr, uint16_t etype, bool sequence)
{
	uint64_t session = 0;
	if (etype == ETYPE_ERSPAN3 || sequence) {
		size_t size = etype == ETYPE_ERSPAN3 ? 12 : 8;
		const uint8_t *p = wire_bytes(&fr->w, size);
		if (!p)
			return FRAME_END;
		session = wire_load16(p + 2) & 0x3ff;
		if (size == 12 && p[11] & 1) {
			wire_skip(&fr->w, 8);
			size += 8;
		}
		if (wire_failed(&fr->w))
			return FRAME_END;
		frame_layer(fr, FLOW_LAYER_CUSTOM, size);
	}
	frame_enter(fr, FLOW_TUNNEL_GRE, session);
	return (struct frame_next){frame_l2_ethernet};
}

struct frame_next frame_tunnel_gre(struct frame *fr)
{
	size_t before = wire_left(&fr->w);
	uint16_t flags = wire_u16(&fr->w);
	uint16_t etype = wire_u16(&fr->w);
	/* RFC 2784 2: source routes of RFC 1701 are no longer; a packet with one ends here. */
	bool unreadable = flags & GRE_ROUTING || (flags & 7) > 1;
	if (flags & GRE_CHECKSUM)
		wire_skip(&fr->w, 4);
	uint32_t key = flags & GRE_KEY ? wire_u32(&fr->w) : 0;
	if (flags & GRE_SEQUENCE)
		wire_skip(&fr->w, 4);
	if ((flags & 7) == 1) { /* RFC 2637 4.1: version 1 has PPP and, in the key's low half, the call */
		key &= 0xffff;
		if (flags & GRE_ACK)
			wire_skip(&fr->w, 4);
	}
	if (wire_failed(&fr->w))
		return FRAME_END;
	frame_layer(fr, FLOW_LAYER_GRE, before - wire_left(&fr->w));
	if (unreadable)
		return FRAME_END;
	if (etype == ETYPE_ERSPAN2 || etype == ETYPE_ERSPAN3)
		return enter_erspan(fr, etype, flags & GRE_SEQUENCE);
	frame_enter(fr, FLOW_TUNNEL_GRE, key);
	return frame_l2_etype(fr, etype);
}

static struct frame_next read_vxlan(struct frame *fr)
{
	const uint8_t *p = wire_bytes(&fr->w, 8);
	if (!p || !(p[0] & 0x08)) /* RFC 7348 5: the I flag must be set */
		return FRAME_END;
	frame_layer(fr, FLOW_LAYER_CUSTOM, 8);
	frame_enter(fr, FLOW_TUNNEL_VXLAN, wire_load32(p + 4) >> 8);
	return (struct frame_next){frame_l2_ethernet};
}

/* draft-ietf-nvo3-vxlan-gpe 3: with the P flag the last octet before the VNI says what is inside. */
static struct frame_next read_vxlan_gpe(struct frame *fr)
{
	const uint8_t *p = wire_bytes(&fr->w, 8);
	if (!p || !(p[0] & 0x08))
		return FRAME_END;
	frame_layer(fr, FLOW_LAYER_CUSTOM, 8);
	frame_enter(fr, FLOW_TUNNEL_VXLAN, wire_load32(p + 4) >> 8);
	switch (p[0] & 0x04 ? p[3] : 3) {
	case 1: return frame_l2_etype(fr, ETYPE_IPV4);
	case 2: return frame_l2_etype(fr, ETYPE_IPV6);
	case 3: return (struct frame_next){frame_l2_ethernet};
	case 5: return frame_l2_etype(fr, ETYPE_MPLS);
	}
	return FRAME_END;
}

static struct frame_next read_geneve(struct frame *fr)
{
	const uint8_t *p = wire_bytes(&fr->w, 8);
	if (!p || p[0] >> 6) /* RFC 8926 3.4: version 0 */
		return FRAME_END;
	size_t options = (p[0] & 0x3fu) * 4u;
	wire_skip(&fr->w, options);
	if (wire_failed(&fr->w))
		return FRAME_END;
	frame_layer(fr, FLOW_LAYER_GENEVE, 8 + options);
	uint16_t etype = wire_load16(p + 2);
	frame_enter(fr, FLOW_TUNNEL_GENEVE, wire_load32(p + 4) >> 8);
	return frame_l2_etype(fr, etype);
}

/* 3GPP TS 29.281 5.1. Only a G-PDU (255) of version 1 carries a user's packet. */
static struct frame_next read_gtpu(struct frame *fr)
{
	size_t before = wire_left(&fr->w);
	const uint8_t *p = wire_bytes(&fr->w, 8);
	if (!p || (p[0] & 0xf0) != 0x30 || p[1] != 255)
		return FRAME_END;
	if (p[0] & 0x07) { /* any of E, S, PN: four octets more, the last the type of the next extension */
		wire_skip(&fr->w, 3);
		uint8_t extension = wire_u8(&fr->w);
		while (p[0] & 0x04 && extension) { /* 5.2: length in 4 octets, the next type at its end */
			uint8_t words = wire_u8(&fr->w);
			if (!words)
				return FRAME_END;
			wire_skip(&fr->w, (size_t)words * 4 - 2);
			extension = wire_u8(&fr->w);
		}
	}
	if (wire_failed(&fr->w) || !wire_left(&fr->w))
		return FRAME_END;
	frame_layer(fr, FLOW_LAYER_CUSTOM, before - wire_left(&fr->w));
	frame_enter(fr, FLOW_TUNNEL_GTPU, wire_load32(p + 4));
	switch (*fr->w.p >> 4) {
	case 4: return frame_l2_etype(fr, ETYPE_IPV4);
	case 6: return frame_l2_etype(fr, ETYPE_IPV6);
	}
	return FRAME_END;
}

/* RFC 4380 5.1.1: IPv6, before it perhaps an authentication and an origin indication. */
static struct frame_next read_teredo(struct frame *fr)
{
	size_t before = wire_left(&fr->w);
	if (before >= 4 && wire_load16(fr->w.p) == 1) {
		const uint8_t *p = wire_bytes(&fr->w, 4);
		wire_skip(&fr->w, (size_t)p[2] + p[3] + 9);
	}
	if (wire_left(&fr->w) >= 8 && wire_load16(fr->w.p) == 0)
		wire_skip(&fr->w, 8);
	if (!wire_left(&fr->w) || *fr->w.p >> 4 != 6)
		return FRAME_END;
	frame_layer(fr, FLOW_LAYER_TEREDO, before - wire_left(&fr->w));
	frame_enter(fr, FLOW_TUNNEL_TEREDO, 0);
	return frame_l2_etype(fr, ETYPE_IPV6);
}

/* Tunnels by their UDP port; REPLIES: the port may also be the source's. */
static const struct {
	uint16_t port;
	bool replies;
	struct frame_next next;
} ports[] = {
	{4789, false, {read_vxlan}}, {8472, false, {read_vxlan}}, {4790, false, {read_vxlan_gpe}},
	{6081, false, {read_geneve}}, {2152, true, {read_gtpu}},  {3544, true, {read_teredo}},
	{6635, false, {frame_tunnel_mpls}}, {4754, false, {frame_tunnel_gre}},
};

struct frame_next frame_tunnel_udp(uint32_t src_port, uint32_t dst_port)
{
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		if (ports[i].port == dst_port || (ports[i].replies && ports[i].port == src_port))
			return ports[i].next;
	}
	return FRAME_END;
}
