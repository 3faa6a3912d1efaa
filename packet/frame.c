/*
 * frame.c -- runs the chain of header readers over one packet and puts what they found into struct flow.
 *
 * By default the outermost packet fills the fields that goflow2 fills and the innermost one the inner_* fields; where the
 * frame that travelled has no IP header of its own (a pseudowire) the first packet that has one is the outermost.
 * FRAME_INNER_INSTEAD puts the innermost in the outer's place, for those who want to see what their tunnels carry.
 * MPLS labels, segment lists and layers are the same either way: they tell how the packet travelled.
 */
#include "packet/frame.h"

#include <string.h>

#include "common/err.h"
#include "packet/etype.h"
#include "packet/frame_walk.h"

/* Headers of one packet. Real ones have fewer than ten; a crafted chain of tiny headers must not cost more than this. */
enum { STEPS_MAX = 40 };

/* The first IP packet, in the frame that travelled, once there are more than one. */
static void settle_outer(struct frame *fr)
{
	if (fr->outer.src || !fr->now.src)
		return;
	const struct frame_packet link = fr->outer;
	fr->outer = fr->now;
	fr->outer.src_mac = link.src_mac;
	fr->outer.dst_mac = link.dst_mac;
	fr->outer.vlan = link.vlan;
	fr->outer.customer_vlan = link.customer_vlan;
}

void frame_enter(struct frame *fr, enum flow_tunnel tunnel, uint64_t id)
{
	if (!fr->level++)
		fr->outer = fr->now;
	else
		settle_outer(fr);
	if (fr->now.src)
		fr->best = fr->now;
	fr->now = (struct frame_packet){0};
	fr->srv6 = false;
	fr->f->tunnel_type = tunnel;
	fr->f->tunnel_id = id;
}

static void set_addr(struct ip_addr *a, const uint8_t *bytes, uint8_t len)
{
	if (len == 4)
		*a = ip_v4(bytes);
	else
		*a = ip_v6(bytes);
}

static void put_link(const struct frame_packet *p, struct flow *f)
{
	f->src_mac = p->src_mac;
	f->dst_mac = p->dst_mac;
	f->vlan_id = p->vlan;
	f->customer_vlan_id = p->customer_vlan;
}

static void put_base(const struct frame_packet *p, struct flow *f)
{
	if (p->src) {
		set_addr(&f->src_addr, p->src, p->addr_len);
		set_addr(&f->dst_addr, p->dst, p->addr_len);
	}
	f->etype = p->etype;
	f->proto = p->proto;
	f->ip_tos = p->tos;
	f->ip_ttl = p->ttl;
	f->ipv6_flow_label = p->flow_label;
	f->fragment_id = p->fragment_id;
	f->fragment_offset = p->fragment_offset;
	f->ip_flags = p->ip_flags;
	f->src_port = p->src_port;
	f->dst_port = p->dst_port;
	f->tcp_flags = p->tcp_flags;
	f->icmp_type = p->icmp_type;
	f->icmp_code = p->icmp_code;
	f->igmp_type = p->igmp_type;
}

static void put_inner(const struct frame_packet *p, struct flow *f)
{
	if (p->src) {
		set_addr(&f->inner_src_addr, p->src, p->addr_len);
		set_addr(&f->inner_dst_addr, p->dst, p->addr_len);
	}
	f->inner_etype = p->etype;
	f->inner_proto = p->proto;
	f->inner_ip_tos = p->tos;
	f->inner_ip_ttl = p->ttl;
	f->inner_src_port = p->src_port;
	f->inner_dst_port = p->dst_port;
	f->inner_tcp_flags = p->tcp_flags;
	f->inner_icmp_type = p->icmp_type;
	f->inner_icmp_code = p->icmp_code;
	f->inner_src_mac = p->src_mac;
	f->inner_dst_mac = p->dst_mac;
	f->inner_vlan_id = p->vlan;
}

/* The innermost packet that is there: one of which an IP header was read, or a frame that carries something else. */
static const struct frame_packet *innermost(const struct frame *fr)
{
	const struct frame_packet *now = &fr->now;
	bool other = now->has_mac && now->etype != ETYPE_IPV4 && now->etype != ETYPE_IPV6;
	return now->src || other || !fr->best.src ? now : &fr->best;
}

static uint32_t put_packets(struct frame *fr, enum frame_inner inner)
{
	if (!fr->level) {
		put_link(&fr->now, fr->f);
		put_base(&fr->now, fr->f);
		return fr->now.ip_len;
	}
	const struct frame_packet *in = innermost(fr);
	if (inner == FRAME_INNER_INSTEAD) {
		/* Without a link layer of its own it travels in the outer one's frame. */
		put_link(in->has_mac ? in : &fr->outer, fr->f);
		put_base(in, fr->f);
		return in->ip_len;
	}
	settle_outer(fr);
	put_link(&fr->outer, fr->f);
	put_base(&fr->outer, fr->f);
	/* A tunnel whose inside was cut off leaves nothing to tell. */
	if (fr->now.src || fr->now.has_mac)
		put_inner(&fr->now, fr->f);
	else if (in->src && in->src != fr->outer.src)
		put_inner(in, fr->f);
	return fr->outer.ip_len;
}

static int walk(struct frame *fr, struct frame_next next, enum frame_inner inner, struct frame_info *ret_info)
{
	struct flow *f = fr->f;
	f->n_layer_stack = f->n_layer_size = 0;
	for (int i = 0; next.read && i < STEPS_MAX; i++)
		next = next.read(fr);
	if (!f->n_layer_stack)
		return -ERR_BAD_HEADER;
	uint32_t ip_len = put_packets(fr, inner);
	if (ret_info)
		*ret_info = (struct frame_info){.ip_len = ip_len, .cut = fr->cut};
	return 0;
}

int frame_decode_etype(const uint8_t *data, size_t len, uint16_t etype, enum frame_inner inner, struct flow *f,
                       struct frame_info *ret_info)
{
	struct frame fr;
	/* OUTER is set when the first tunnel is entered, BEST is asked for nothing but SRC before that. */
	memset(&fr.now, 0, sizeof(fr.now));
	fr.best.src = NULL;
	fr.level = fr.cut = 0;
	fr.srv6 = false;
	fr.w = wire_of(data, len);
	fr.f = f;
	struct frame_next next = etype ? frame_l2_etype(&fr, etype) : (struct frame_next){frame_l2_ethernet};
	return walk(&fr, next, inner, ret_info);
}

int frame_decode(const uint8_t *data, size_t len, enum frame_start start, enum frame_inner inner, struct flow *f)
{
	static const uint16_t etypes[] = {
		[FRAME_ETHERNET] = 0, [FRAME_IPV4] = ETYPE_IPV4, [FRAME_IPV6] = ETYPE_IPV6, [FRAME_MPLS] = ETYPE_MPLS,
	};
	uint16_t etype = etypes[start];
	if (start == FRAME_IP)
		etype = len && data[0] >> 4 == 6 ? ETYPE_IPV6 : ETYPE_IPV4;
	return frame_decode_etype(data, len, etype, inner, f, NULL);
}
