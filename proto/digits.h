/*
 * digits.h -- numbers as decimal and hexadecimal digits, fast: a JSON line has 40 of them. No NUL; each gives the end.
 *
 * Eight decimal digits are made at once in a 64-bit word (split in halves three times, by multiplication instead of
 * division); leading zeros are shifted out, so that the length of a number is never a branch. Stores are 8 bytes wide
 * and may run over the end of the number by 7 bytes.
 */
#ifndef WEIR_PROTO_DIGITS_H
#define WEIR_PROTO_DIGITS_H

#include <stdint.h>
#include <string.h>

enum { DIGITS_OVERRUN = 8 };

/* V < 10^8 as eight bytes 0..9, the first digit lowest. */
static inline uint64_t digits_word(uint32_t v)
{
	uint64_t x = v / 10000 | (uint64_t)(v % 10000) << 32;
	uint64_t hundreds = (x * 10486 >> 20) & 0x0000007f0000007f;
	x = hundreds | (x - 100 * hundreds) << 16;
	uint64_t tens = (x * 103 >> 10) & 0x000f000f000f000f;
	return tens | (x - 10 * tens) << 8;
}

static inline char *digits_all8(char *o, uint32_t v)
{
	uint64_t word = digits_word(v) | 0x3030303030303030;
	memcpy(o, &word, sizeof(word));
	return o + 8;
}

static inline char *digits_small(char *o, uint32_t v)
{
	uint64_t word = digits_word(v);
	unsigned zeros = (unsigned)__builtin_ctzll(word | 1ULL << 56) & ~7U;
	word = (word | 0x3030303030303030) >> zeros;
	memcpy(o, &word, sizeof(word));
	return o + 8 - zeros / 8;
}

static inline char *digits_u64(char *o, uint64_t v)
{
	enum { E8 = 100000000 };
	if (v < 10) {
		*o = (char)('0' + v);
		return o + 1;
	}
	if (v < E8)
		return digits_small(o, (uint32_t)v);
	uint64_t high = v / E8;
	if (high < E8)
		o = digits_small(o, (uint32_t)high);
	else
		o = digits_all8(digits_small(o, (uint32_t)(high / E8)), (uint32_t)(high % E8));
	return digits_all8(o, (uint32_t)(v % E8));
}

/* Lower-case. */
static inline char *digits_hex2(char *o, uint8_t v)
{
	static const char hex[] = "0123456789abcdef";
	o[0] = hex[v >> 4];
	o[1] = hex[v & 15];
	return o + 2;
}

/* The low 48 bits as aa:bb:cc:dd:ee:ff. */
static inline char *digits_mac(char *o, uint64_t mac)
{
	for (int shift = 40; shift >= 0; shift -= 8) {
		o = digits_hex2(o, (uint8_t)(mac >> shift));
		*o++ = ':';
	}
	return o - 1;
}

#endif
