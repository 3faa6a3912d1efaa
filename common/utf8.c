/*
 * utf8.c -- one table-free step of UTF-8, and what is built on it.
 */
#include "common/utf8.h"

#include <stdint.h>
#include <string.h>

/* RFC 3629 4: no surrogates, nothing overlong, nothing above U+10FFFF. */
size_t utf8_char_len(const char *text, size_t left)
{
	const uint8_t *p = (const uint8_t *)text;
	if (!left)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	size_t len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (len > left)
		return 0;
	uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	uint8_t high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool utf8_valid(const char *text, size_t len)
{
	while (len) {
		size_t n = utf8_char_len(text, len);
		if (!n)
			return false;
		text += n;
		len -= n;
	}
	return true;
}

static char *escape_ascii(char *out, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	static const char short_form[32] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
	if (c >= ' ' && c != '"' && c != '\\' && c != 0x7f) {
		*out++ = (char)c;
		return out;
	}
	*out++ = '\\';
	if (c == '"' || c == '\\') {
		*out++ = (char)c;
	} else if (c < ' ' && short_form[c]) {
		*out++ = short_form[c];
	} else {
		memcpy(out, "u00", 3);
		out[3] = hex[c >> 4];
		out[4] = hex[c & 15];
		out += 5;
	}
	return out;
}

char *utf8_escape(char *out, const char *text, size_t len)
{
	while (len) {
		size_t n = utf8_char_len(text, len);
		if (n == 1) {
			out = escape_ascii(out, (uint8_t)*text);
		} else if (n) {
			memcpy(out, text, n);
			out += n;
		} else {
			memcpy(out, "\xef\xbf\xbd", 3);
			out += 3;
			n = 1;
		}
		text += n;
		len -= n;
	}
	return out;
}
