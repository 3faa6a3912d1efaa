/*
 * frame_walk.h -- the inside of the frame decoder.
 *
 * A packet is a chain of headers. Each reader takes its header off the window and says who reads on; frame.c runs the
 * chain, so nothing recurses and the number of steps is bounded. What is read goes into a struct frame_packet; a
 * tunnel closes that one and opens the next, and only at the end is it decided which of them fills which fields.
 */
#ifndef WEIR_PACKET_FRAME_WALK_H
#define WEIR_PACKET_FRAME_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/wire.h"
#include "packet/frame.h"
#include "proto/flow.h"

struct frame;

/* Who reads on; NULL ends the walk. A struct, for a function type cannot name itself. */
struct frame_next {
	struct frame_next (*read)(struct frame *fr);
};

#define FRAME_END ((struct frame_next){0})

struct frame_packet {
	const uint8_t *src, *dst; /* NULL: no IP header (yet) */
	uint64_t src_mac, dst_mac;
	uint32_t ip_len;
	uint32_t etype, vlan, customer_vlan;
	uint32_t proto, tos, ttl, flow_label;
	uint32_t fragment_id, fragment_offset, ip_flags;
	uint32_t src_port, dst_port, tcp_flags;
	uint32_t icmp_type, icmp_code, igmp_type;
	uint8_t addr_len;
	bool has_mac;
};

struct frame {
	struct wire w;             /* what is left */
	struct flow *f;
	struct frame_packet now;   /* the packet at hand */
	struct frame_packet outer; /* the outermost, once NOW is an inner one */
	struct frame_packet best;  /* the innermost before NOW that had an IP header */
	uint32_t level;            /* tunnels entered */
	uint32_t cut;              /* array elements that did not fit */
	bool srv6;                 /* NOW has a segment routing header */
};

/* frame.c */

/* Notes a header of SIZE octets in layer_stack and layer_size. */
static inline void frame_layer(struct frame *fr, enum flow_layer layer, size_t size)
{
	struct flow *f = fr->f;
	if (f->n_layer_stack == FLOW_ARRAY_MAX) {
		fr->cut++;
		return;
	}
	f->layer_stack[f->n_layer_stack++] = layer;
	f->layer_size[f->n_layer_size++] = (uint32_t)size;
}

/* What follows is a packet inside the one at hand. */
void frame_enter(struct frame *fr, enum flow_tunnel tunnel, uint64_t id);

/* frame_l2.c */
struct frame_next frame_l2_ethernet(struct frame *fr);
struct frame_next frame_l2_mpls(struct frame *fr);
/* The reader of an ethertype; notes the type as the packet's. */
struct frame_next frame_l2_etype(struct frame *fr, uint16_t etype);

/* frame_ip.c */
struct frame_next frame_ip_v4(struct frame *fr);
struct frame_next frame_ip_v6(struct frame *fr);

/* frame_tunnel.c */
struct frame_next frame_tunnel_ip4(struct frame *fr);
struct frame_next frame_tunnel_ip6(struct frame *fr);
struct frame_next frame_tunnel_ethernet(struct frame *fr);
struct frame_next frame_tunnel_mpls(struct frame *fr);
struct frame_next frame_tunnel_gre(struct frame *fr);
/* The reader of what is carried over UDP between these ports, if that is a tunnel. */
struct frame_next frame_tunnel_udp(uint32_t src_port, uint32_t dst_port);

#endif
