/*
 * flow_random.h -- random flows for tests, from a seed: any mix of fields set, lengths and values at the edges
 * more often than chance would have them.
 */
#ifndef WEIR_TESTS_FLOW_RANDOM_H
#define WEIR_TESTS_FLOW_RANDOM_H

#include "proto/flow.h"

struct flow_random {
	uint64_t state;
};

static inline uint64_t random_u64(struct flow_random *r)
{
	/* splitmix64 */
	uint64_t z = r->state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static inline uint32_t random_below(struct flow_random *r, uint32_t n)
{
	return (uint32_t)(random_u64(r) >> 32) % n;
}

/* A value of a random number of bits, often right at the edge of a varint's length. */
static inline uint64_t random_value(struct flow_random *r, uint32_t max_bits)
{
	uint32_t bits = random_below(r, max_bits) + 1;
	uint64_t top = bits == 64 ? UINT64_MAX : (1ULL << bits) - 1;
	switch (random_below(r, 4)) {
	case 0: return top;
	case 1: return 1ULL << (bits - 1);
	default: return random_u64(r) & top;
	}
}

static inline struct ip_addr random_addr(struct flow_random *r)
{
	uint8_t bytes[16] = {0};
	uint64_t high = random_u64(r);
	uint64_t low = random_u64(r);
	if (random_below(r, 8)) {
		memcpy(bytes, &high, sizeof(high));
		memcpy(bytes + 8, &low, sizeof(low));
	}
	return random_below(r, 2) ? ip_v4(bytes) : ip_v6(bytes);
}

static inline uint32_t random_text(struct flow_random *r, char *text)
{
	static const char *const pieces[] = {"a", "Z", " ", "\"", "\\", "/", "\n", "\x01", "\xc3\xa9", "\xe2\x82\xac",
					     "\xf0\x9f\x98\x80", "0"};
	uint32_t n = 0;
	uint32_t want = random_below(r, FLOW_STR_MAX + 1);
	for (;;) {
		const char *piece = pieces[random_below(r, sizeof(pieces) / sizeof(pieces[0]))];
		uint32_t len = (uint32_t)strlen(piece);
		if (n + len > want)
			return n;
		memcpy(text + n, piece, len);
		n += len;
	}
}

#define RANDOM_U32(name)  f->name = (uint32_t)random_value(r, 32);
#define RANDOM_U64(name)  f->name = random_value(r, 64);
#define RANDOM_ADDR(name) f->name = random_addr(r);
#define RANDOM_U32S(name) \
	f->n_##name = random_below(r, FLOW_ARRAY_MAX + 1); \
	for (uint32_t i = 0; i < f->n_##name; i++) \
		f->name[i] = random_below(r, 4) ? (uint32_t)random_value(r, 31) : 0;
#define RANDOM_ADDRS(name) \
	f->n_##name = random_below(r, FLOW_ARRAY_MAX + 1); \
	for (uint32_t i = 0; i < f->n_##name; i++) \
		f->name[i] = random_addr(r);
#define RANDOM_STR(name) f->n_##name = random_text(r, f->name);

/* Each field is set with a chance of PERCENT. Enums stay below 2^31, as protobuf has them signed. */
static inline void random_flow(struct flow_random *r, uint32_t percent, struct flow *f)
{
	memset(f, 0xa5, sizeof(*f)); /* what is not cleared may hold anything */
	flow_clear(f);
#define FIELD(number, name, kind, render, what) \
	if (random_below(r, 100) < percent) { \
		RANDOM_##kind(name) \
	}
#include "proto/fields.def"
#undef FIELD
	f->type &= INT32_MAX;
	f->tunnel_type &= INT32_MAX;
}

#endif
