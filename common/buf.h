/*
 * buf.h -- a growing text or byte buffer with a sticky failure, for output that is not on the packet path.
 * Zero it to start, buf_free() at the end. DATA always ends in a NUL once something was added.
 */
#ifndef WEIR_COMMON_BUF_H
#define WEIR_COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;
	size_t len;
	size_t cap;
	bool failed; /* memory ran out; what was added since is missing */
};

void buf_add(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for LEN more bytes at data + len, or NULL; add to b->len what was written. */
char *buf_reserve(struct buf *b, size_t len);
void buf_json_string(struct buf *b, const char *text, size_t len); /* quoted and escaped, RFC 8259 7 */
void buf_reset(struct buf *b);
void buf_free(struct buf *b);

#endif
