/*
 * frame_l2.c -- below IP: Ethernet (IEEE 802.3, LLC/SNAP of RFC 1042), VLAN tags (802.1Q, 802.1ad), MPLS stacks
 * (RFC 3032) with IP or a pseudowire (RFC 4448) inside, PPPoE (RFC 2516).
 *
 * Of two VLAN tags the outer one is the packet's vlan_id, the inner one the customer's. MPLS says nowhere what it
 * carries: the first nibble behind the stack tells, as RFC 4928 has it, and an Ethernet pseudowire is believed only
 * when a known ethertype stands where one belongs.
 */
#include "packet/etype.h"
#include "packet/frame_walk.h"

static struct frame_next read_vlan(struct frame *fr);
static struct frame_next read_ppp(struct frame *fr);
static struct frame_next read_pppoe(struct frame *fr);

/* Ethertypes that something reads, the frequent ones first. */
static const struct {
	uint16_t etype;
	struct frame_next next;
} etypes[] = {
	{ETYPE_IPV4, {frame_ip_v4}},
	{ETYPE_IPV6, {frame_ip_v6}},
	{ETYPE_VLAN, {read_vlan}},
	{ETYPE_MPLS, {frame_l2_mpls}},
	{ETYPE_SERVICE_VLAN, {read_vlan}},
	{ETYPE_OLD_QINQ, {read_vlan}},
	{ETYPE_PPPOE, {read_pppoe}},
	{ETYPE_MPLS_MULTICAST, {frame_l2_mpls}},
	{ETYPE_TEB, {frame_l2_ethernet}},
	{ETYPE_PPP, {read_ppp}},
};

static struct frame_next find_etype(uint16_t etype)
{
	for (size_t i = 0; i < sizeof(etypes) / sizeof(etypes[0]); i++) {
		if (etypes[i].etype == etype)
			return etypes[i].next;
	}
	return FRAME_END;
}

struct frame_next frame_l2_etype(struct frame *fr, uint16_t etype)
{
	fr->now.etype = etype;
	return find_etype(etype);
}

/* Behind a length instead of an ethertype: LLC, perhaps with SNAP, which has the ethertype (RFC 1042). */
static struct frame_next read_llc(struct frame *fr, uint16_t len)
{
	struct wire llc = wire_sub(&fr->w, len < wire_left(&fr->w) ? len : wire_left(&fr->w));
	const uint8_t *p = wire_bytes(&llc, 8);
	if (!p || p[0] != 0xaa || p[1] != 0xaa || p[2] != 3)
		return FRAME_END;
	frame_layer(fr, FLOW_LAYER_CUSTOM, 8);
	fr->w = llc;
	return frame_l2_etype(fr, wire_load16(p + 6));
}

struct frame_next frame_l2_ethernet(struct frame *fr)
{
	const uint8_t *p = wire_bytes(&fr->w, 14);
	if (!p)
		return FRAME_END;
	frame_layer(fr, FLOW_LAYER_ETHERNET, 14);
	fr->now.dst_mac = wire_load_uint(p, 6);
	fr->now.src_mac = wire_load_uint(p + 6, 6);
	fr->now.has_mac = true;
	uint16_t etype = wire_load16(p + 12);
	if (etype <= ETYPE_LENGTH_MAX)
		return read_llc(fr, etype);
	return frame_l2_etype(fr, etype);
}

static struct frame_next read_vlan(struct frame *fr)
{
	const uint8_t *p = wire_bytes(&fr->w, 4);
	if (!p)
		return FRAME_END;
	frame_layer(fr, FLOW_LAYER_DOT1Q, 4);
	uint32_t vid = wire_load16(p) & 0x0fffu; /* the other four bits are priority and drop eligibility */
	if (!fr->now.vlan)
		fr->now.vlan = vid;
	else if (!fr->now.customer_vlan)
		fr->now.customer_vlan = vid;
	uint16_t etype = wire_load16(p + 2);
	if (etype <= ETYPE_LENGTH_MAX)
		return read_llc(fr, etype);
	return frame_l2_etype(fr, etype);
}

/* Does an Ethernet frame with an ethertype one would expect begin SKIP octets into W? */
static bool looks_ethernet(struct wire w, size_t skip)
{
	wire_skip(&w, skip + 12);
	uint16_t etype = wire_u16(&w);
	return !wire_failed(&w) && (find_etype(etype).read || etype == ETYPE_ARP);
}

/* What follows the bottom of the stack, whose label is LABEL. */
static struct frame_next after_stack(struct frame *fr, uint32_t label)
{
	const struct wire *w = &fr->w;
	if (!wire_left(w))
		return FRAME_END;
	uint8_t first = *w->p;
	if (first >> 4 == 4 && (first & 15) >= 5)
		return frame_l2_etype(fr, ETYPE_IPV4);
	if (first >> 4 == 6)
		return frame_l2_etype(fr, ETYPE_IPV6);
	/* RFC 4385 3: a control word begins with 0000. */
	bool control_word = first >> 4 == 0 && looks_ethernet(*w, 4);
	if (!control_word && !looks_ethernet(*w, 0))
		return FRAME_END;
	if (control_word) {
		frame_layer(fr, FLOW_LAYER_CUSTOM, 4);
		wire_skip(&fr->w, 4);
	}
	frame_enter(fr, FLOW_TUNNEL_MPLS, label);
	return (struct frame_next){frame_l2_ethernet};
}

struct frame_next frame_l2_mpls(struct frame *fr)
{
	struct flow *f = fr->f;
	bool first_stack = !f->n_mpls_label;
	size_t size = 0;
	uint32_t entry = 0;
	if (first_stack)
		f->n_mpls_ttl = 0; /* a record may have had the TTL of the top label, and no labels */
	while (wire_left(&fr->w) >= 4) {
		entry = wire_u32(&fr->w);
		size += 4;
		if (first_stack && f->n_mpls_label < FLOW_ARRAY_MAX) {
			f->mpls_label[f->n_mpls_label++] = entry >> 12;
			f->mpls_ttl[f->n_mpls_ttl++] = entry & 0xff;
		} else {
			fr->cut += first_stack;
		}
		if (entry & 0x100) /* RFC 3032 2.1: bottom of stack */
			break;
	}
	if (!size)
		return FRAME_END;
	frame_layer(fr, FLOW_LAYER_MPLS, size);
	return entry & 0x100 ? after_stack(fr, entry >> 12) : FRAME_END;
}

static struct frame_next read_ppp(struct frame *fr)
{
	/* RFC 1662 3.1: the address and control octets, which may have been left out. */
	if (wire_left(&fr->w) >= 2 && fr->w.p[0] == 0xff && fr->w.p[1] == 3)
		wire_skip(&fr->w, 2);
	if (!fr->f->n_layer_stack)
		frame_layer(fr, FLOW_LAYER_CUSTOM, 2);
	/* RFC 1661 2: the protocol field, the last octet of which is odd, the others even; 6.5: a first octet 0 may be left out. */
	uint16_t protocol = wire_u8(&fr->w);
	if (!(protocol & 1))
		protocol = (uint16_t)(protocol << 8 | wire_u8(&fr->w));
	switch (protocol) {
	case 0x0021: return frame_l2_etype(fr, ETYPE_IPV4);
	case 0x0057: return frame_l2_etype(fr, ETYPE_IPV6);
	case 0x0281: return frame_l2_etype(fr, ETYPE_MPLS);
	}
	return FRAME_END;
}

static struct frame_next read_pppoe(struct frame *fr)
{
	const uint8_t *p = wire_bytes(&fr->w, 6);
	if (!p || p[0] != 0x11 || p[1] != 0) /* RFC 2516 4: version 1, type 1, code 0 in a session */
		return FRAME_END;
	frame_layer(fr, FLOW_LAYER_CUSTOM, 6);
	fr->f->tunnel_type = FLOW_TUNNEL_PPPOE;
	fr->f->tunnel_id = wire_load16(p + 2);
	size_t len = wire_load16(p + 4);
	fr->w = wire_sub(&fr->w, len < wire_left(&fr->w) ? len : wire_left(&fr->w));
	return read_ppp(fr);
}
