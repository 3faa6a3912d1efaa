/*
 * pack.c -- struct flow -> length-prefixed protobuf record, byte for byte what protobuf-c would write.
 *
 * Straight-line code made from fields.def: for each field a test and a store whose tag is a constant. What makes it fast,
 * each measured with bench/bench_pack (a flow of 22 fields, 3.6 GHz: 56 ns at first, 36 now; protobuf-c about 500):
 *   - fields in groups (below): a group of rare fields that is all zero costs a few vector loads, not a test a field;
 *   - a varint's length is never a branch (put.h), and with BMI2 spreading it is one instruction (20 ns a flow less);
 *   - tag and value of a 32-bit field are one 8-byte store (3 + 5 bytes at most).
 * Tried and left: comparing instead of counting leading zeros, and leaving the shift of short records away (2 ns, but a
 * length prefix that is not minimal).
 *
 * protobuf encoding: https://protobuf.dev/programming-guides/encoding/
 */
#include "proto/pack.h"

#include "proto/put.h"
#include "proto/put_many.h"
#include "proto/rows.h"

#define VARINT_TAG(number) put_tag_of(number, PUT_VARINT)
#define BYTES_TAG(number)  put_tag_of(number, PUT_BYTES)

#define PACK_U32(number, name) \
	if (LIKELY(f->name)) \
		o = put_u32(o, VARINT_TAG(number), f->name, fast);
#define PACK_U64(number, name) \
	if (LIKELY(f->name)) \
		o = put_u64(o, VARINT_TAG(number), f->name, fast);
#define PACK_ADDR(number, name) \
	if (LIKELY(f->name.len)) \
		o = put_addr(o, BYTES_TAG(number), &f->name);
#define PACK_U32S(number, name) \
	if (UNLIKELY(f->n_##name)) \
		o = put_u32s(o, BYTES_TAG(number), f->name, f->n_##name, fast);
#define PACK_ADDRS(number, name) \
	if (UNLIKELY(f->n_##name)) \
		o = put_addrs(o, BYTES_TAG(number), f->name, f->n_##name);
#define PACK_STR(number, name) \
	if (UNLIKELY(f->n_##name)) \
		o = put_str(o, BYTES_TAG(number), f->name, f->n_##name);

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
	uint8_t *o = out + PUT_PREFIX;

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
	size_t len = (size_t)(o - out - PUT_PREFIX);
	if (len < 128)
		memmove(out + 1, out + PUT_PREFIX, len);
	return (size_t)(put_length(out, len) - out);
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

static bool fast_here;

/* AMD before Zen 3 has PDEP, but in microcode: a hundred times slower. */
__attribute__((constructor)) static void look(void)
{
	__builtin_cpu_init();
	fast_here = __builtin_cpu_supports("bmi2") && !__builtin_cpu_is("amdfam15h") && !__builtin_cpu_is("amdfam17h");
}

bool put_fast_here(void)
{
	return fast_here;
}

size_t flow_pack(const struct flow *f, uint8_t *out)
{
	return fast_here ? pack_bmi2(f, out) : flow_pack_portable(f, out);
}
#else
bool put_fast_here(void)
{
	return false;
}

size_t flow_pack(const struct flow *f, uint8_t *out)
{
	return flow_pack_portable(f, out);
}
#endif
