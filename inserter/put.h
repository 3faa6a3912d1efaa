/*
 * put.h -- text in columns, written by hand into a buffer that is large enough. Numbers are proto/digits.h's, which
 * may write DIGITS_OVERRUN bytes past their end. Every function gives the place behind what it wrote.
 */
#ifndef WEIR_INSERTER_PUT_H
#define WEIR_INSERTER_PUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/ip.h"
#include "proto/digits.h"

static inline char *put_text(char *out, const char *text, size_t len)
{
	if (len) /* TEXT may be NULL then */
		memcpy(out, text, len);
	return out + len;
}

#define put_literal(out, text) put_text(out, text, sizeof(text) - 1)

static inline char *put_spaces(char *out, size_t n)
{
	memset(out, ' ', n);
	return out + n;
}

/* V with WIDTH digits, zeros in front: parts of times. */
static inline char *put_fixed(char *out, uint64_t v, size_t width)
{
	for (size_t i = width; i-- > 0; v /= 10)
		out[i] = (char)('0' + v % 10);
	return out + width;
}

/* Moves what was written since START to the right end of WIDTH columns. */
static inline char *put_right(char *start, char *out, size_t width)
{
	size_t len = (size_t)(out - start);
	if (len >= width)
		return out;
	memmove(start + (width - len), start, len);
	memset(start, ' ', width - len);
	return start + width;
}

/* Fills up what was written since START to WIDTH columns. */
static inline char *put_left(const char *start, char *out, size_t width)
{
	size_t len = (size_t)(out - start);
	return len >= width ? out : put_spaces(out, width - len);
}

static inline char *put_ip(char *out, const struct ip_addr *a)
{
	return out + ip_format(a, out);
}

#endif
