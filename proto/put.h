/*
 * put.h -- the pieces of a protobuf record, written straight into memory. Private to pack.c and to what goes from the wire to
 * protobuf without struct flow between (collector/fuse.c).
 *
 * A varint is spread to bytes in a register and stored as one word, whatever its length, so that the length of a value,
 * which is random, is never a branch. How it is spread is told to every function as the constant FAST: with the
 * instruction that was made for it (BMI2's PDEP), or with shifts and masks on processors that have none or a slow one.
 * Stores may run over the end of what is meant, by 16 bytes at most. Where a tag is a constant, so is all that hangs on it.
 *
 * protobuf encoding: https://protobuf.dev/programming-guides/encoding/
 */
#ifndef WEIR_PROTO_PUT_H
#define WEIR_PROTO_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/ip.h"
#include "proto/rows.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are stored as they stand");

enum put_wire_type { PUT_VARINT = 0, PUT_BYTES = 2 };

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* The 56 bits of V, 7 to a byte. */
ROWS_INLINE uint64_t put_spread(uint64_t v, bool fast)
{
#if defined(__x86_64__)
	if (fast) {
		__asm__("pdep %2, %1, %0" : "=r"(v) : "r"(v), "rm"(0x7f7f7f7f7f7f7f7f));
		return v;
	}
#endif
	(void)fast;
	v = (v & 0x000000000fffffff) | (v & 0x00fffffff0000000) << 4;
	v = (v & 0x00003fff00003fff) | (v & 0x0fffc0000fffc000) << 2;
	return (v & 0x007f007f007f007f) | (v & 0x3f803f803f803f80) << 1;
}

/* 8 times the number of bytes before the last one of a spread value. */
ROWS_INLINE unsigned put_last(uint64_t word)
{
	return (63 - (unsigned)__builtin_clzll(word | 1)) & 56;
}

/* Gives every byte before the one at LAST its continuation bit. */
ROWS_INLINE uint64_t put_continued(uint64_t word, unsigned last)
{
	return word | (0x8080808080808080 & ((1ULL << last) - 1));
}

ROWS_INLINE void put_word(uint8_t *o, uint64_t v)
{
	memcpy(o, &v, sizeof(v));
}

ROWS_INLINE uint8_t *put_varint(uint8_t *o, uint64_t v, bool fast)
{
	if (LIKELY(v < 1ULL << 56)) {
		uint64_t word = put_spread(v, fast);
		unsigned last = put_last(word);
		put_word(o, put_continued(word, last));
		return o + last / 8 + 1;
	}
	/* 9 or 10 bytes: what a time in ns takes. */
	put_word(o, put_spread(v & ((1ULL << 56) - 1), fast) | 0x8080808080808080);
	o[8] = (uint8_t)(v >> 56);
	o[9] = 1;
	return o + 9 + (v >> 63);
}

/* A field's number and wire type as they go before its value. */
struct put_tag {
	uint32_t word;
	uint8_t len; /* 1 up to number 15, 2 up to 2047, 3 up to 262143 */
};

ROWS_INLINE struct put_tag put_tag_of(uint32_t number, enum put_wire_type type)
{
	uint64_t word = put_spread(number << 3 | type, false);
	return (struct put_tag){
		.word = (uint32_t)put_continued(word, put_last(word)),
		.len = number < 16 ? 1 : number < 2048 ? 2 : 3,
	};
}

ROWS_INLINE uint8_t *put_tag(uint8_t *o, struct put_tag tag)
{
	memcpy(o, &tag.word, sizeof(tag.word));
	return o + tag.len;
}

/* Tag and value of a 32-bit field are one store of 3 + 5 bytes at most. */
ROWS_INLINE uint8_t *put_u32(uint8_t *o, struct put_tag tag, uint32_t v, bool fast)
{
	uint64_t word = put_spread(v, fast);
	unsigned last = put_last(word);
	put_word(o, tag.word | put_continued(word, last) << (8 * tag.len));
	return o + tag.len + 1 + last / 8;
}

ROWS_INLINE uint8_t *put_u64(uint8_t *o, struct put_tag tag, uint64_t v, bool fast)
{
	return put_varint(put_tag(o, tag), v, fast);
}

ROWS_INLINE uint8_t *put_addr(uint8_t *o, struct put_tag tag, const struct ip_addr *a)
{
	uint32_t word = tag.word | (uint32_t)a->len << (8 * tag.len);
	memcpy(o, &word, sizeof(word));
	o += tag.len + 1;
	memcpy(o, a->bytes, sizeof(a->bytes));
	return o + a->len;
}

enum { PUT_PREFIX = 2 }; /* bytes that a record's length takes at most: no record is longer than FLOW_PACK_MAX */

ROWS_INLINE size_t put_length_len(size_t len)
{
	return len < 128 ? 1 : PUT_PREFIX;
}

/* LEN at OUT; gives where the record that is right behind it ends. */
ROWS_INLINE uint8_t *put_length(uint8_t *out, size_t len)
{
	if (len < 128) {
		out[0] = (uint8_t)len;
		return out + 1 + len;
	}
	out[0] = (uint8_t)(len | 128);
	out[1] = (uint8_t)(len >> 7);
	return out + PUT_PREFIX + len;
}

/* Whether this processor has a fast PDEP. */
bool put_fast_here(void);

#endif
