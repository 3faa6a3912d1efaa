/*
 * utf8.h -- UTF-8 that came from a stranger: is it well-formed (RFC 3629), and as a JSON string (RFC 8259 7).
 */
#ifndef WEIR_COMMON_UTF8_H
#define WEIR_COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* One byte of text becomes at most so many: a control character as \u001f. */
enum { UTF8_ESCAPE_GROWTH = 6 };

/* Length of the well-formed character that TEXT begins with, LEFT bytes being there; 0 when there is none. */
size_t utf8_char_len(const char *text, size_t left);
bool utf8_valid(const char *text, size_t len);
/* Writes TEXT at OUT (LEN * UTF8_ESCAPE_GROWTH bytes of room) as it stands between the quotes of a JSON string: quote,
 * backslash and controls escaped, what is no UTF-8 replaced by U+FFFD. Gives the end; no NUL. */
char *utf8_escape(char *out, const char *text, size_t len);

#endif
