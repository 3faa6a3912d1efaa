/*
 * defrag.h -- puts IP fragments together again (RFC 791 3.2, RFC 8200 4.5), with bounds.
 */
#ifndef WEIR_PACKET_DEFRAG_H
#define WEIR_PACKET_DEFRAG_H

#include <stddef.h>
#include <stdint.h>

#include "common/ip.h"

struct defrag;

enum { DEFRAG_SLOTS = 64 }; /* datagrams under way at once; each has 64 KiB */

struct defrag_piece {
	struct ip_addr src, dst;
	uint32_t id;
	uint8_t proto;
	uint16_t offset; /* in units of 8 octets */
	uint8_t more;    /* further fragments follow */
	const uint8_t *data;
	size_t len;
};

struct defrag_stats {
	uint64_t done;    /* datagrams put together */
	uint64_t expired; /* given up after 30 s of packet time */
	uint64_t evicted; /* given up for a newer one: the table was full */
	uint64_t bad;     /* given up: fragments that overlap, or lengths that contradict */
};

struct defrag *defrag_new(void); /* NULL: no memory */
void defrag_free(struct defrag *d);
/* Adds a fragment. Gives the whole payload, valid until the next call, when this was the last missing piece, and its
 * length; else NULL. */
const uint8_t *defrag_add(struct defrag *d, const struct defrag_piece *piece, uint64_t now_ns, size_t *ret_len);
const struct defrag_stats *defrag_stats(const struct defrag *d);

#endif
