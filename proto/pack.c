/*
 * pack.c -- struct flow -> length-prefixed protobuf record, byte for byte what protobuf-c would write.
 *
 * Straight-line code made from fields.def: for each field a test and a store whose tag is a constant. What makes it fast,
 * each measured with bench/bench_pack (a flow of 22 fields, 3.6 GHz: 56 ns at first, 36 now; protobuf-c about 500):
 *   - fields in groups (below): a group of rare fields that is all zero costs a few vector loads, not a test a field;
 *   - a varint is spread to bytes in a register and stored as one word, whatever its length, so that the length of a
 *     value, which is random, is never a branch; with BMI2 the spreading is one instruction (20 ns a flow less);
 *   - tag and value of a 32-bit field are one 8-byte store (3 + 5 bytes at most);
 *   - stores may run over the end of what is meant, never over FLOW_PACK_MAX.
 * Tried and left: comparing instead of counting leading zeros, and leaving the shift of short records away (2 ns, but a
 * length prefix that is not minimal).
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

/* How a varint is spread to bytes is told to every function below as the constant FAST: with the instruction that was
 * made for it (BMI2's PDEP), or with shifts and masks on processors that have none or a slow one. */

/* The 56 bits of V, 7 to a byte. */
ROWS_INLINE uint64_t spread(uint64_t v, bool fast)
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
ROWS_INLINE unsigned last_byte(uint64_t word)
{
	return (63 - (unsigned)__builtin_clzll(word | 1)) & 56;
}

/* Gives every byte before the one at LAST its continuation bit. */
ROWS_INLINE uint64_t continued(uint64_t word, unsigned last)
{
	return word | (0x8080808080808080 & ((1ULL << last) - 1));
}

ROWS_INLINE void store64(uint8_t *o, uint64_t v)
{
	memcpy(o, &v, sizeof(v));
}

ROWS_INLINE uint8_t *put_varint(uint8_t *o, uint64_t v, bool fast)
{
	if (LIKELY(v < 1ULL << 56)) {
		uint64_t word = spread(v, fast);
		unsigned last = last_byte(word);
		store64(o, continued(word, last));
		return o + last / 8 + 1;
	}
	/* 9 or 10 bytes: what a time in ns takes. */
	store64(o, spread(v & ((1ULL << 56) - 1), fast) | 0x8080808080808080);
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
	uint64_t word = spread(number << 3 | wire_type, false);
	return continued(word, last_byte(word));
}

ROWS_INLINE uint8_t *put_tag(uint8_t *o, uint32_t number, uint32_t wire_type)
{
	uint32_t word = (uint32_t)tag_word(number, wire_type);
	memcpy(o, &word, sizeof(word));
	return o + tag_len(number);
}

ROWS_INLINE uint8_t *put_u32(uint8_t *o, uint32_t number, uint32_t v, bool fast)
{
	uint64_t word = spread(v, fast);
	unsigned last = last_byte(word);
	store64(o, tag_word(number, VARINT) | continued(word, last) << (8 * tag_len(number)));
	return o + tag_len(number) + 1 + last / 8;
}

ROWS_INLINE uint8_t *put_addr(uint8_t *o, uint32_t number, const struct ip_addr *a)
{
	uint32_t word = (uint32_t)(tag_word(number, BYTES) | (uint64_t)a->len << (8 * tag_len(number)));
	memcpy(o, &word, sizeof(word));
	o += tag_len(number) + 1;
	memcpy(o, a->bytes, sizeof(a->bytes));
	return o + a->len;
}

/* Most arrays are shorter than 128 bytes: the length gets one byte and, should that not do, the values move up. */
ROWS_INLINE uint8_t *put_u32s(uint8_t *o, uint32_t number, const uint32_t *values, uint32_t n, bool fast)
{
	uint8_t *const begin = put_tag(o, number, BYTES);
	o = begin + 1;
	for (uint32_t i = 0; i < n; i++) {
		*o = (uint8_t)values[i];
		o = values[i] < 128 ? o + 1 : put_varint(o, values[i], fast);
	}
	size_t len = (size_t)(o - begin - 1);
	*begin = (uint8_t)len;
	if (UNLIKELY(len >= 128)) {
		memmove(begin + 2, begin + 1, len);
		begin[0] = (uint8_t)(len | 128);
		begin[1] = (uint8_t)(len >> 7);
		o++;
	}
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
	o = put_varint(o, n, false);
	memcpy(o, text, n);
	return o + n;
}

#define PACK_U32(number, name) \
	if (LIKELY(f->name)) \
		o = put_u32(o, number, f->name, fast);
#define PACK_U64(number, name) \
	if (LIKELY(f->name)) { \
		o = put_tag(o, number, VARINT); \
		o = put_varint(o, f->name, fast); \
	}
#define PACK_ADDR(number, name) \
	if (LIKELY(f->name.len)) \
		o = put_addr(o, number, &f->name);
#define PACK_U32S(number, name) \
	if (UNLIKELY(f->n_##name)) \
		o = put_u32s(o, number, f->name, f->n_##name, fast);
#define PACK_ADDRS(number, name) \
	if (UNLIKELY(f->n_##name)) \
		o = put_addrs(o, number, f->name, f->n_##name);
#define PACK_STR(number, name) \
	if (UNLIKELY(f->n_##name)) \
		o = put_str(o, number, f->name, f->n_##name);

/* The fields with numbers LO..HI; LO and HI are constants, so only their lines of code remain. */
ROWS_INLINE uint8_t *pack_rows(const struct flow *f, uint8_t *o, uint32_t lo, uint32_t hi, bool fast)
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
	ROWS_OWN(RARE)

ROWS_INLINE size_t pack(const struct flow *f, uint8_t *out, bool fast)
{
	uint8_t *const body = out + 2;
	uint8_t *o = body;

#define ALWAYS(lo, hi) o = pack_rows(f, o, lo, hi, fast);
#define RARE(lo, hi) \
	if (rows_any(f, lo, hi)) \
		o = pack_rows(f, o, lo, hi, fast);
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

size_t flow_pack_portable(const struct flow *f, uint8_t *out)
{
	return pack(f, out, false);
}

#if defined(__x86_64__)
__attribute__((target("lzcnt,bmi,bmi2"))) static size_t pack_bmi2(const struct flow *f, uint8_t *out)
{
	return pack(f, out, true);
}

static size_t (*pack_here)(const struct flow *, uint8_t *) = flow_pack_portable;

/* AMD before Zen 3 has PDEP, but in microcode: a hundred times slower. */
__attribute__((constructor)) static void choose(void)
{
	__builtin_cpu_init();
	if (__builtin_cpu_supports("bmi2") && !__builtin_cpu_is("amdfam15h") && !__builtin_cpu_is("amdfam17h"))
		pack_here = pack_bmi2;
}

size_t flow_pack(const struct flow *f, uint8_t *out)
{
	return pack_here(f, out);
}
#else
size_t flow_pack(const struct flow *f, uint8_t *out)
{
	return flow_pack_portable(f, out);
}
#endif
