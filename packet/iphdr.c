/*
 * iphdr.c -- IPv4 (RFC 791) and IPv6 (RFC 8200) headers.
 *
 * A header that contradicts itself (IHL below 5, a total length shorter than the header) is no header: nothing of it
 * is believed. A total length of 0 is what a host sees of packets that its network card cuts up later (segmentation
 * offload); then the frame's end is the packet's.
 */
#include "packet/iphdr.h"

#include <string.h>

/* The window of LEN octets of payload, or of as many as came. */
static struct wire take(struct wire *w, size_t len, bool *ret_cut)
{
	*ret_cut = len > wire_left(w);
	return wire_sub(w, *ret_cut ? wire_left(w) : len);
}

bool iphdr_read4(struct wire w, struct iphdr *ret_hdr)
{
	const uint8_t *p = wire_bytes(&w, 20);
	if (!p || p[0] >> 4 != 4)
		return false;
	uint32_t header_len = (p[0] & 15u) * 4u; /* RFC 791 3.1: IHL, in 32 bit words */
	uint32_t total = wire_load16(p + 2);
	if (header_len < 20 || (total && total < header_len))
		return false;
	if (!total)
		total = header_len + (uint32_t)wire_left(&w) - (header_len - 20);
	uint16_t fragment = wire_load16(p + 6);
	struct iphdr h = {
		.version = 4, .proto = p[9], .tos = p[1], .ttl = p[8], .src = p + 12, .dst = p + 16,
		.header_len = header_len, .total_len = total,
		.frag = {.id = wire_load16(p + 4), .offset = fragment & 0x1fff, .flags = (uint8_t)(fragment >> 13),
		         .more = fragment & 0x2000},
	};
	if (wire_left(&w) < header_len - 20) {
		/* Cut inside the options: the addresses are good, there is no payload. */
		h.cut = true;
		wire_skip(&w, wire_left(&w));
		h.payload = w;
	} else {
		wire_skip(&w, header_len - 20);
		h.payload = take(&w, total - header_len, &h.cut);
	}
	*ret_hdr = h;
	return true;
}

bool iphdr_read6(struct wire w, struct iphdr *ret_hdr)
{
	const uint8_t *p = wire_bytes(&w, 40);
	if (!p || p[0] >> 4 != 6)
		return false;
	uint32_t first = wire_load32(p);
	uint16_t len = wire_load16(p + 4);
	struct iphdr h = {
		.version = 6, .proto = p[6], .tos = (uint8_t)(first >> 20), .ttl = p[7], .flow_label = first & 0xfffff,
		.src = p + 8, .dst = p + 24, .header_len = 40,
	};
	/* RFC 2675 3: 0 stands for a jumbo payload, whose length is an option; the frame's end will do. */
	h.payload = take(&w, len ? len : wire_left(&w), &h.cut);
	h.total_len = 40 + (len ? len : (uint32_t)wire_left(&h.payload));
	*ret_hdr = h;
	return true;
}

bool iphdr_read(struct wire w, struct iphdr *ret_hdr)
{
	if (!wire_left(&w))
		return false;
	return *w.p >> 4 == 6 ? iphdr_read6(w, ret_hdr) : iphdr_read4(w, ret_hdr);
}

bool iphdr_is_option(uint8_t proto)
{
	switch (proto) {
	case IPHDR_HOPOPT:
	case IPHDR_ROUTING:
	case IPHDR_DSTOPTS:
	case IPHDR_MOBILITY:
	case IPHDR_HIP:
	case IPHDR_SHIM6:
		return true;
	}
	return false;
}

uint8_t iphdr_fragment6(struct wire *w, struct iphdr_frag *ret_frag)
{
	const uint8_t *p = wire_bytes(w, 8);
	if (!p)
		return IPHDR_NONE;
	uint16_t offset = wire_load16(p + 2);
	*ret_frag = (struct iphdr_frag){
		.id = wire_load32(p + 4), .offset = offset >> 3, .flags = offset & 7, .more = offset & 1,
	};
	return p[0];
}
