/*
 * varint.h -- reading the pieces of a protobuf record from a bounded window. Private to proto/.
 *
 * protobuf encoding: https://protobuf.dev/programming-guides/encoding/
 */
#ifndef WEIR_PROTO_VARINT_H
#define WEIR_PROTO_VARINT_H

#include "common/wire.h"

enum varint_wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

enum { VARINT_MAX = 10 }; /* bytes */

/* Byte by byte, and inlined wherever it is used: the processor foresees how long each field's varint is and goes on
 * behind it before it has read it. Taking eight bytes at once is less work, but makes each field wait for the one
 * before it: a flow took 1.7 times as long. */
static inline uint64_t varint_read(struct wire *w)
{
	if (w->p < w->end && !(*w->p & 0x80))
		return *w->p++;
	uint64_t v = 0;
	for (unsigned i = 0; i < VARINT_MAX; i++) {
		uint8_t byte = wire_u8(w);
		v |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80))
			return v;
	}
	wire_fail(w);
	return 0;
}

/* The window of a length-delimited value. */
static inline struct wire varint_bytes(struct wire *w)
{
	uint64_t len = varint_read(w);
	return wire_sub(w, len);
}

/* Groups (3 and 4) went out of use before flow.proto was written: they fail, as do 6 and 7. */
static inline void varint_skip(struct wire *w, uint64_t wire_type)
{
	switch (wire_type) {
	case WIRE_VARINT: (void)varint_read(w); break;
	case WIRE_FIXED64: wire_skip(w, 8); break;
	case WIRE_BYTES: (void)varint_bytes(w); break;
	case WIRE_FIXED32: wire_skip(w, 4); break;
	default: wire_fail(w);
	}
}

#endif
