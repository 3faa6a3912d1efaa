/*
 * buf.c -- the growing buffer.
 *
 * Growth doubles, so n additions cost n. A failure is sticky: the caller adds everything and looks at
 * FAILED once, as with the wire reader. One byte past LEN always holds a NUL.
 */
#include "common/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

enum { FIRST_CAP = 256 };

char *buf_reserve(struct buf *b, size_t len)
{
	if (b->failed)
		return NULL;
	if (len >= SIZE_MAX / 2 - b->len) {
		b->failed = true;
		return NULL;
	}
	size_t need = b->len + len + 1;
	if (need > b->cap) {
		size_t cap = b->cap ? b->cap : FIRST_CAP;
		while (cap < need)
			cap *= 2;
		char *data = realloc(b->data, cap);
		if (!data) {
			b->failed = true;
			return NULL;
		}
		b->data = data;
		b->cap = cap;
	}
	return b->data + b->len;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	char *to = buf_reserve(b, len);
	if (!to)
		return;
	if (len)
		memcpy(to, data, len);
	to[len] = '\0';
	b->len += len;
}

void buf_puts(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *to = buf_reserve(b, 64);
	if (to) {
		va_list again;
		va_copy(again, args);
		size_t room = b->cap - b->len;
		int n = vsnprintf(to, room, format, args);
		if (n >= 0 && (size_t)n >= room) {
			to = buf_reserve(b, (size_t)n);
			if (to)
				n = vsnprintf(to, (size_t)n + 1, format, again);
		}
		va_end(again);
		if (n < 0)
			b->failed = true;
		else if (to)
			b->len += (size_t)n;
	}
	va_end(args);
}

void buf_json_string(struct buf *b, const char *text, size_t len)
{
	char *to = buf_reserve(b, len * UTF8_ESCAPE_GROWTH + 2);
	if (!to)
		return;
	*to = '"';
	char *end = utf8_escape(to + 1, text, len);
	*end++ = '"';
	*end = '\0';
	b->len += (size_t)(end - to);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

void buf_free(struct buf *b)
{
	if (!b)
		return;
	free(b->data);
	*b = (struct buf){0};
}
