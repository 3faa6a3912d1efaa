/*
 * iphdr.h -- one IPv4 or IPv6 header, read and bounded: what frames and captures both need of it.
 *
 * The window of the payload ends where the header says the packet ends, or where the captured bytes end, whichever
 * comes first: link-layer padding is never taken for payload, and a cut packet is marked as such.
 */
#ifndef WEIR_PACKET_IPHDR_H
#define WEIR_PACKET_IPHDR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/wire.h"

/* IP protocol numbers that weir looks behind. */
enum {
	IPHDR_HOPOPT = 0, IPHDR_ICMP = 1, IPHDR_IGMP = 2, IPHDR_IPIP = 4, IPHDR_TCP = 6, IPHDR_UDP = 17, IPHDR_DCCP = 33,
	IPHDR_IPV6 = 41, IPHDR_ROUTING = 43, IPHDR_FRAGMENT = 44, IPHDR_GRE = 47, IPHDR_ESP = 50, IPHDR_AH = 51,
	IPHDR_ICMPV6 = 58, IPHDR_NONE = 59, IPHDR_DSTOPTS = 60, IPHDR_L2TP = 115, IPHDR_SCTP = 132, IPHDR_MOBILITY = 135,
	IPHDR_UDPLITE = 136, IPHDR_MPLS = 137, IPHDR_HIP = 139, IPHDR_SHIM6 = 140, IPHDR_ETHERNET = 143
};

struct iphdr_frag {
	uint32_t id;
	uint16_t offset; /* in units of 8 octets */
	uint8_t flags;   /* IPv4: the three flags; IPv6: reserved bits and M */
	bool more;
};

struct iphdr {
	uint8_t version;        /* 4 or 6 */
	uint8_t proto;          /* IPv6: the next header, an extension header perhaps */
	uint8_t tos;
	uint8_t ttl;
	uint32_t flow_label;
	struct iphdr_frag frag; /* IPv6: zero, its fragment header is an extension */
	const uint8_t *src;     /* 4 or 16 bytes */
	const uint8_t *dst;
	uint32_t header_len;    /* IPv4: options included */
	uint32_t total_len;     /* header and payload, as the header says */
	bool cut;               /* fewer bytes came than the header announces */
	struct wire payload;
};

/* Reads a header at W; false, with nothing set, when it is cut short or is none. */
bool iphdr_read4(struct wire w, struct iphdr *ret_hdr);
bool iphdr_read6(struct wire w, struct iphdr *ret_hdr);
/* By the version nibble. */
bool iphdr_read(struct wire w, struct iphdr *ret_hdr);

/* Is PROTO an IPv6 extension header of the common form (next header, length in 8 octets)? */
bool iphdr_is_option(uint8_t proto);
/* Takes the IPv6 fragment header (RFC 8200 4.5) off W; gives its next header. Look at wire_failed(W) after. */
uint8_t iphdr_fragment6(struct wire *w, struct iphdr_frag *ret_frag);

#endif
