/*
 * filter_value.c -- numbers with units, times, MAC addresses, networks, TCP flags, as a filter writes them.
 */
#include "proto/filter_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { WORD_MAX = 80 }; /* no value is longer */

static const uint64_t NS_S = 1000000000;

struct unit {
	const char *name;
	uint64_t factor;
};

/* nfdump's, powers of 1000 */
static const struct unit scales[] = {{"k", 1000}, {"m", 1000000}, {"g", 1000000000}, {"t", 1000000000000}, {0}};
static const struct unit durations[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"k", 1000}, {0}};

/* T's text with a NUL behind it; false when it is too long for a value. */
static bool copy_word(const struct filter_token *t, char out[WORD_MAX])
{
	if ((t->type != TOKEN_WORD && t->type != TOKEN_STRING) || t->len >= WORD_MAX)
		return false;
	memcpy(out, t->text, t->len);
	out[t->len] = '\0';
	return true;
}

/* Digits, decimal or 0x..., then one of UNITS. Gives where it stopped, NULL when there is no number that fits. */
static const char *read_number(const char *p, const struct unit *units, uint64_t *ret_v)
{
	if (!isdigit((unsigned char)*p))
		return NULL;
	char *end;
	errno = 0;
	uint64_t v = strtoull(p, &end, p[0] == '0' && (p[1] | ' ') == 'x' ? 16 : 10);
	if (errno)
		return NULL;
	for (const struct unit *u = units; u->name; u++) {
		size_t len = strlen(u->name);
		if (strncasecmp(end, u->name, len) == 0 && !isalnum((unsigned char)end[len])) {
			if (__builtin_mul_overflow(v, u->factor, &v))
				return NULL;
			end += len;
			break;
		}
	}
	*ret_v = v;
	return end;
}

/* 10, 1k, 0x1f, 10-20 */
static int add_number(const char *word, const struct unit *units, struct filter_list *list)
{
	uint64_t lo, hi;
	const char *end = read_number(word, units, &lo);
	if (!end)
		return 0;
	hi = lo;
	if (*end == '-')
		end = read_number(end + 1, units, &hi);
	if (!end || *end || hi < lo)
		return 0;
	int err = filter_list_add(list, lo, hi);
	return err ? err : 1;
}

/* Seconds since 1970, or YYYY-MM-DD[Thh:mm[:ss]][Z], UTC: the day, minute or second that is named. */
static int add_time(const char *word, struct filter_list *list)
{
	struct tm tm = {.tm_mday = 1};
	uint64_t seconds;
	uint64_t span = 1;
	const char *end = read_number(word, &scales[4], &seconds);
	if (!end || *end) {
		end = strptime(word, "%Y-%m-%d", &tm);
		span = 86400;
		if (end && (*end == 'T' || *end == ' ')) {
			end = strptime(end + 1, "%H:%M", &tm);
			span = 60;
		}
		if (end && *end == ':') {
			end = strptime(end + 1, "%S", &tm);
			span = 1;
		}
		if (end && *end == 'Z')
			end++;
		int day = tm.tm_mday;
		time_t t = timegm(&tm);
		if (!end || *end || t < 0 || tm.tm_mday != day)
			return 0;
		seconds = (uint64_t)t;
	}
	if (seconds > UINT64_MAX / NS_S - span)
		return 0;
	int err = filter_list_add(list, seconds * NS_S, (seconds + span) * NS_S - 1);
	return err ? err : 1;
}

static int add_mac(const char *word, struct filter_list *list)
{
	uint64_t mac = 0;
	for (int i = 0; i < 6; i++) {
		size_t digits = 0;
		for (; digits < 2 && isxdigit((unsigned char)*word); digits++, word++) {
			int c = tolower((unsigned char)*word);
			mac = mac << 4 | (uint64_t)(isdigit(c) ? c - '0' : c - 'a' + 10);
		}
		if (digits == 1)
			mac = mac >> 4 << 8 | (mac & 15);
		if (!digits || *word != (i < 5 ? ':' : '\0'))
			return 0;
		word++;
	}
	int err = filter_list_add(list, mac, mac);
	return err ? err : 1;
}

int filter_value_number(enum filter_value_type type, const struct filter_token *t, struct filter_list *list)
{
	char word[WORD_MAX];
	int found = filter_words_value(type, t, list);
	if (found || !copy_word(t, word))
		return found;
	switch (type) {
	case VALUE_TIME: return add_time(word, list);
	case VALUE_DURATION: return add_number(word, durations, list);
	case VALUE_MAC: return add_mac(word, list);
	default: return add_number(word, scales, list);
	}
}

/* "10/8" and "192.168/16": what is missing of an IPv4 network is zero. */
static bool parse_short(const char *word, struct ip_prefix *ret_prefix)
{
	char full[WORD_MAX + 8];
	size_t len = strspn(word, "0123456789.");
	if (!len || word[len] != '/')
		return false;
	int dots = 0;
	for (size_t i = 0; i < len; i++)
		dots += word[i] == '.';
	if (dots > 2)
		return false;
	snprintf(full, sizeof(full), "%.*s%s%s", (int)len, word, &".0.0.0"[2 * dots], word + len);
	return ip_prefix_parse(full, ret_prefix) == 0;
}

/* An IPv4 netmask as a number of bits; false when T is none. */
static bool parse_mask(const struct filter_token *t, uint32_t *ret_bits)
{
	char word[WORD_MAX];
	struct ip_addr mask;
	if (!copy_word(t, word) || ip_parse(word, &mask) < 0 || mask.len != 4)
		return false;
	uint32_t bits = (uint32_t)filter_list_address(&mask);
	uint32_t ones = bits == UINT32_MAX ? 32 : (uint32_t)__builtin_clz(~bits);
	*ret_bits = ones;
	return ones == 32 || bits << ones == 0;
}

size_t filter_value_prefix(const struct filter_token *t, bool net, struct ip_prefix *ret_prefix)
{
	char word[WORD_MAX];
	uint32_t bits;
	if (!copy_word(t, word))
		return 0;
	if (ip_prefix_parse(word, ret_prefix) < 0 && !parse_short(word, ret_prefix))
		return 0;
	if (net && ret_prefix->addr.len == 4 && !strchr(word, '/') && parse_mask(t + 1, &bits)) {
		*ret_prefix = (struct ip_prefix){.addr = ip_mask(&ret_prefix->addr, bits), .bits = bits};
		return 2;
	}
	return 1;
}

bool filter_value_flags(const struct filter_token *t, uint64_t *ret_mask)
{
	static const struct { char letter; uint8_t mask; } letters[] = {
		{'F', 1}, {'S', 2}, {'R', 4}, {'P', 8}, {'A', 16}, {'U', 32}, {'E', 64}, {'C', 128}, {'X', 63}};
	uint64_t mask = 0;
	for (uint32_t i = 0; i < t->len; i++) {
		uint64_t bit = 0;
		for (size_t k = 0; k < sizeof(letters) / sizeof(letters[0]); k++)
			if (toupper((unsigned char)t->text[i]) == letters[k].letter)
				bit = letters[k].mask;
		if (!bit)
			return false;
		mask |= bit;
	}
	*ret_mask = mask;
	return t->type == TOKEN_WORD && mask;
}
