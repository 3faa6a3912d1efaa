/*
 * gzip.c -- see gzip.h. Bodies of requests and answers are whole in memory, so one call does.
 */
#include "output/gzip.h"

#include <errno.h>
#include <stdint.h>
#include <zlib.h>

enum { GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 8, GZIP_MAX = 1 << 30 };

int gzip_pack(const void *data, size_t len, struct buf *out)
{
	z_stream z = {0};
	if (len > GZIP_MAX ||
	    deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	buf_reset(out);
	size_t bound = deflateBound(&z, len);
	char *room = buf_reserve(out, bound);
	int r = -ENOMEM;
	if (room) {
		z.next_in = (Bytef *)(uintptr_t)data;
		z.avail_in = (uInt)len;
		z.next_out = (Bytef *)room;
		z.avail_out = (uInt)bound;
		r = deflate(&z, Z_FINISH) == Z_STREAM_END ? 0 : -ENOMEM;
		out->len = (size_t)z.total_out;
	}
	deflateEnd(&z);
	return r;
}
