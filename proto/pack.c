/*
 * pack.c -- struct flow -> length-prefixed protobuf record, byte for byte what protobuf-c would write.
 *
 * Straight-line code made from fields.def: for each field a test and a store whose tag is a constant. What makes it fast:
 *   - fields in groups (below): a group of rare fields that is all zero costs a few vector loads, not a test a field;
 *   - a varint is spread to bytes by shifts and masks and stored as one word, whatever its length, so that the
 *     length of a value, which is random, is never a branch;
 *   - tag and value of a 32-bit field are one 8-byte store (3 + 5 bytes at most);
 *   - stores may run over the end of what is meant, never over FLOW_PACK_MAX.
 *
 * protobuf encoding: https://protobuf.dev/programming-guides/encoding/
 */
#include "proto/pack.h"

#include <string.h>

#include "proto/rows.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are stored as they stand");

enum { VARINT = 0, BYTES = 2 };

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* How many bytes the varint of V takes, 1 to 10: bits * 9/64 rounded up is bits/7 rounded up, for 1 to 64 bits. */
ROWS_INLINE size_t varint_len(uint64_t v)
{
	unsigned bits = 64 - (unsigned)__builtin_clzll(v | 1);
	return (bits * 9 + 64) / 64;
}

/* The varint of V < 2^56 as a word of LEN bytes, first byte lowest: 56 bits are pulled apart to 8 groups of 7 in
 * three halvings, then every byte but the last gets its continuation bit. */
ROWS_INLINE uint64_t varint_word(uint64_t v, size_t len)
{
	v = (v & 0x000000000fffffff) | (v & 0x00fffffff0000000) << 4;
	v = (v & 0x00003fff00003fff) | (v & 0x0fffc0000fffc000) << 2;
	v = (v & 0x007f007f007f007f) | (v & 0x3f803f803f803f80) << 1;
	return v | (0x8080808080808080 & ((1ULL << (8 * (len - 1))) - 1));
}

ROWS_INLINE void store64(uint8_t *o, uint64_t v)
{
	memcpy(o, &v, sizeof(v));
}

ROWS_INLINE uint8_t *put_varint(uint8_t *o, uint64_t v)
{
	if (LIKELY(v < 1ULL << 56)) {
		size_t len = varint_len(v);
		store64(o, varint_word(v, len));
		return o + len;
	}
	/* 9 or 10 bytes: what a time in ns takes. */
	store64(o, varint_word(v & ((1ULL << 56) - 1), 8) | 1ULL << 63);
	o[8] = (uint8_t)(v >> 56);
	o[9] = 1;
	return o + 9 + (v >> 63);
}

/* A tag is a constant: 1 byte up to number 15, 2 up to 2047, 3 up to 262143. */
ROWS_INLINE size_t tag_len(uint32_t number)
{
	return number < 16 ? 1 : number < 2048 ? 2 : 3;
}

ROWS_INLINE uint64_t tag_word(uint32_t number, uint32_t wire_type)
{
	return varint_word(number << 3 | wire_type, tag_len(number));
}

ROWS_INLINE uint8_t *put_tag(uint8_t *o, uint32_t number, uint32_t wire_type)
{
	uint32_t word = (uint32_t)tag_word(number, wire_type);
	memcpy(o, &word, sizeof(word));
	return o + tag_len(number);
}

ROWS_INLINE uint8_t *put_u32(uint8_t *o, uint32_t number, uint32_t v)
{
	size_t len = varint_len(v);
	store64(o, tag_word(number, VARINT) | varint_word(v, len) << (8 * tag_len(number)));
	return o + tag_len(number) + len;
}

ROWS_INLINE uint8_t *put_addr(uint8_t *o, uint32_t number, const struct ip_addr *a)
{
	uint32_t word = (uint32_t)(tag_word(number, BYTES) | (uint64_t)a->len << (8 * tag_len(number)));
	memcpy(o, &word, sizeof(word));
	o += tag_len(number) + 1;
	memcpy(o, a->bytes, sizeof(a->bytes));
	return o + a->len;
}

static uint8_t *put_u32s(uint8_t *o, uint32_t number, const uint32_t *values, uint32_t n)
{
	size_t len = 0;
	for (uint32_t i = 0; i < n; i++)
		len += varint_len(values[i]);
	o = put_tag(o, number, BYTES);
	o = put_varint(o, len);
	for (uint32_t i = 0; i < n; i++)
		o = put_varint(o, values[i]);
	return o;
}

static uint8_t *put_addrs(uint8_t *o, uint32_t number, const struct ip_addr *addrs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		o = put_addr(o, number, &addrs[i]);
	return o;
}

static uint8_t *put_str(uint8_t *o, uint32_t number, const char *text, uint32_t n)
{
	o = put_tag(o, number, BYTES);
	o = put_varint(o, n);
	memcpy(o, text, n);
	return o + n;
}

#define PACK_U32(number, name) \
	if (f->name) \
		o = put_u32(o, number, f->name);
#define PACK_U64(number, name) \
	if (f->name) { \
		o = put_tag(o, number, VARINT); \
		o = put_varint(o, f->name); \
	}
#define PACK_ADDR(number, name) \
	if (f->name.len) \
		o = put_addr(o, number, &f->name);
#define PACK_U32S(number, name) \
	if (UNLIKELY(f->n_##name)) \
		o = put_u32s(o, number, f->name, f->n_##name);
#define PACK_ADDRS(number, name) \
	if (UNLIKELY(f->n_##name)) \
		o = put_addrs(o, number, f->name, f->n_##name);
#define PACK_STR(number, name) \
	if (UNLIKELY(f->n_##name)) \
		o = put_str(o, number, f->name, f->n_##name);

/* The fields with numbers LO..HI; LO and HI are constants, so only their lines of code remain. */
ROWS_INLINE uint8_t *pack_rows(const struct flow *f, uint8_t *o, uint32_t lo, uint32_t hi)
{
#define FIELD(number, name, kind, render, what) \
	if ((number) >= lo && (number) <= hi) { \
		PACK_##kind(number, name) \
	}
#include "proto/fields.def"
#undef FIELD
	return o;
}

#define GROUPS(ALWAYS, RARE) \
	ALWAYS(1, 26)        /* what every exporter sends */ \
	RARE(27, 29)         /* MACs, VLAN */ \
	ALWAYS(30, 30)       /* ethertype */ \
	RARE(31, 38)         /* ICMP, VLANs, fragments: packet samples */ \
	RARE(70, 71)         /* observation domain and point */ \
	RARE(80, 106)        /* arrays */ \
	ALWAYS(110, 112)     /* times */ \
	RARE(1000, 2011)     /* countries, NAT, firewall, direction */ \
	RARE(2012, 2033)     /* ids and names, the other side's counters */ \
	RARE(2034, 2039)     /* engine, neighbours, physical interfaces */ \
	RARE(2040, LAST)     /* inside a tunnel, users, networks */

enum { LAST = 9999 };

size_t flow_pack(const struct flow *f, uint8_t *out)
{
	uint8_t *const body = out + 2;
	uint8_t *o = body;

#define ALWAYS(lo, hi) o = pack_rows(f, o, lo, hi);
#define RARE(lo, hi) \
	if (rows_any(f, lo, hi)) \
		o = pack_rows(f, o, lo, hi);
	GROUPS(ALWAYS, RARE)
#undef ALWAYS
#undef RARE
	if (UNLIKELY(f->n_mapped)) {
		memcpy(o, f->mapped, f->n_mapped);
		o += f->n_mapped;
	}

	size_t len = (size_t)(o - body);
	if (len < 128) {
		out[0] = (uint8_t)len;
		memmove(out + 1, body, len);
		return len + 1;
	}
	out[0] = (uint8_t)(len | 128);
	out[1] = (uint8_t)(len >> 7);
	return len + 2;
}
