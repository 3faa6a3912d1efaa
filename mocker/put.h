/*
 * put.h -- the writing counterpart of common/wire.h: big endian, bounded, with a sticky failure.
 */
#ifndef WEIR_MOCKER_PUT_H
#define WEIR_MOCKER_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct put {
	uint8_t *start;
	uint8_t *p;
	uint8_t *end;
	bool failed; /* something did not fit; what was written since is missing */
};

static inline struct put put_to(void *out, size_t room)
{
	uint8_t *p = out;
	return (struct put){.start = p, .p = p, .end = p + room, .failed = false};
}

static inline size_t put_len(const struct put *w)
{
	return (size_t)(w->p - w->start);
}

static inline void put_bytes(struct put *w, const void *data, size_t len)
{
	if ((size_t)(w->end - w->p) < len) {
		w->failed = true;
		return;
	}
	memcpy(w->p, data, len);
	w->p += len;
}

/* The low LEN octets of V. */
static inline void put_uint(struct put *w, uint64_t v, size_t len)
{
	uint8_t b[8];
	for (size_t i = 0; i < len && i < sizeof(b); i++)
		b[i] = (uint8_t)(v >> (8 * (len - 1 - i)));
	put_bytes(w, b, len);
}

static inline void put_u8(struct put *w, uint64_t v)
{
	put_uint(w, v, 1);
}

static inline void put_u16(struct put *w, uint64_t v)
{
	put_uint(w, v, 2);
}

static inline void put_u32(struct put *w, uint64_t v)
{
	put_uint(w, v, 4);
}

static inline void put_u64(struct put *w, uint64_t v)
{
	put_uint(w, v, 8);
}

static inline void put_zeros(struct put *w, size_t len)
{
	while (len--)
		put_u8(w, 0);
}

/* Writes V over the two octets at offset AT, which were put before. */
static inline void put_patch16(struct put *w, size_t at, uint64_t v)
{
	if (w->failed)
		return;
	w->start[at] = (uint8_t)(v >> 8);
	w->start[at + 1] = (uint8_t)v;
}

#endif
