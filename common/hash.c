/*
 * hash.c -- SipHash-1-3: one round a word, three to finish (Aumasson and Bernstein, "SipHash: a fast short-input
 * PRF", with the reduced rounds that Rust and Python use for their tables).
 *
 * Whoever can choose the keys of a table (addresses, template ids) could otherwise choose them to collide. The
 * key is drawn from the kernel at start and never leaves the process.
 */
#include "common/hash.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

struct hash_key hash_key_random(void)
{
	struct hash_key key;
	/* Up to 256 bytes come whole or not at all; without randomness a table can be filled by design: stop. */
	if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		abort();
	return key;
}

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t len)
{
	struct sip s = {
		.v0 = key->k[0] ^ 0x736f6d6570736575ull,
		.v1 = key->k[1] ^ 0x646f72616e646f6dull,
		.v2 = key->k[0] ^ 0x6c7967656e657261ull,
		.v3 = key->k[1] ^ 0x7465646279746573ull,
	};
	const uint8_t *p = data;
	size_t left = len;
	for (; left >= 8; left -= 8, p += 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		sip_word(&s, word);
	}
	uint64_t last = 0;
	if (left)
		memcpy(&last, p, left);
	sip_word(&s, last | (uint64_t)len << 56);
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
