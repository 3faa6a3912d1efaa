/*
 * frame.h -- the headers of one packet -> struct flow. Used for sFlow's sampled headers, IPFIX packet sections
 * (RFC 7133) and the flow meter.
 */
#ifndef WEIR_PACKET_FRAME_H
#define WEIR_PACKET_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct flow;

enum frame_start { FRAME_ETHERNET, FRAME_IPV4, FRAME_IPV6, FRAME_IP /* by the version nibble */, FRAME_MPLS };

enum frame_inner {
	FRAME_INNER_BESIDE,  /* the inner packet fills the inner_* fields */
	FRAME_INNER_INSTEAD  /* the innermost packet takes the place of the outer one in src_addr, proto, ports ... */
};

/* What has no field of its own. */
struct frame_info {
	uint32_t ip_len; /* octets of the IP packet whose addresses went into src_addr, header included; 0: no IP */
	uint32_t cut;    /* values that did not fit into FLOW_ARRAY_MAX elements */
};

/* Reads what is there of the packet at DATA (it may be cut short) into F: addresses, ports, MACs, VLANs, MPLS,
 * layer_stack ... F's other members stay. 0, or -ERR_BAD_HEADER when not even the first header could be read. */
int frame_decode(const uint8_t *data, size_t len, enum frame_start start, enum frame_inner inner, struct flow *f);

/* The same for what is of ethertype ETYPE, 0 for an Ethernet frame. RET_INFO may be NULL. */
int frame_decode_etype(const uint8_t *data, size_t len, uint16_t etype, enum frame_inner inner, struct flow *f,
                       struct frame_info *ret_info);

#endif
