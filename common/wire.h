/*
 * wire.h -- the one bounded reader of bytes that came from a stranger.
 *
 * A struct wire is a window [p, end) with a sticky error. A read past the end sets the error, moves to
 * the end and gives zeros; every later read gives zeros too. A parser therefore reads a whole header and
 * looks at wire_failed() once. A nested length opens a window of its own with wire_sub(): what parses the
 * inside cannot see past it.
 *
 * Rules: one read a statement (C leaves the order of evaluation inside an expression open), and
 * wire_failed() is looked at before anything is emitted.
 *
 * The wire_load* functions read without a check; they are for places where a whole record was checked
 * once (collector/record.c). All multi-byte values are big endian on the wire, host order when returned.
 */
#ifndef WEIR_COMMON_WIRE_H
#define WEIR_COMMON_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wire {
	const uint8_t *p;   /* next byte to read */
	const uint8_t *end; /* one past the last */
	bool failed;        /* a read went past the end; sticky */
};

static inline struct wire wire_of(const void *data, size_t len)
{
	const uint8_t *p = data;
	return (struct wire){.p = p, .end = p + len, .failed = false};
}

static inline size_t wire_left(const struct wire *w)
{
	return (size_t)(w->end - w->p);
}

static inline bool wire_failed(const struct wire *w)
{
	return w->failed;
}

static inline void wire_fail(struct wire *w)
{
	w->failed = true;
	w->p = w->end;
}

static inline uint16_t wire_load16(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return __builtin_bswap16(v);
}

static inline uint32_t wire_load32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static inline uint64_t wire_load64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

/* An unsigned integer of LEN bytes, 0..8; of a longer one the low 64 bits (RFC 7011 6.2 reduced size). */
static inline uint64_t wire_load_uint(const uint8_t *p, size_t len)
{
	switch (len) {
	case 1: return p[0];
	case 2: return wire_load16(p);
	case 4: return wire_load32(p);
	case 8: return wire_load64(p);
	}
	uint64_t v = 0;
	for (size_t i = 0; i < len; i++)
		v = v << 8 | p[i];
	return v;
}

/* LEN bytes as they stand, or NULL (and the error set) when fewer are left. */
static inline const uint8_t *wire_bytes(struct wire *w, size_t len)
{
	if (__builtin_expect(wire_left(w) < len, 0)) {
		wire_fail(w);
		return NULL;
	}
	const uint8_t *p = w->p;
	w->p += len;
	return p;
}

static inline void wire_skip(struct wire *w, size_t len)
{
	(void)wire_bytes(w, len);
}

static inline uint8_t wire_u8(struct wire *w)
{
	const uint8_t *p = wire_bytes(w, 1);
	return p ? *p : 0;
}

static inline uint16_t wire_u16(struct wire *w)
{
	const uint8_t *p = wire_bytes(w, 2);
	return p ? wire_load16(p) : 0;
}

static inline uint32_t wire_u24(struct wire *w)
{
	const uint8_t *p = wire_bytes(w, 3);
	return p ? (uint32_t)wire_load_uint(p, 3) : 0;
}

static inline uint32_t wire_u32(struct wire *w)
{
	const uint8_t *p = wire_bytes(w, 4);
	return p ? wire_load32(p) : 0;
}

static inline uint64_t wire_u64(struct wire *w)
{
	const uint8_t *p = wire_bytes(w, 8);
	return p ? wire_load64(p) : 0;
}

static inline uint64_t wire_uint(struct wire *w, size_t len)
{
	const uint8_t *p = wire_bytes(w, len);
	return p ? wire_load_uint(p, len) : 0;
}

/* A window of the next LEN bytes, which W then has behind it. When fewer are left, W fails and the window
 * that comes back is empty and failed. */
static inline struct wire wire_sub(struct wire *w, size_t len)
{
	const uint8_t *p = wire_bytes(w, len);
	if (!p)
		return (struct wire){.p = w->end, .end = w->end, .failed = true};
	return (struct wire){.p = p, .end = p + len, .failed = false};
}

#endif
