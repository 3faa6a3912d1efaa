/*
 * zstd.c -- see zstd.h. The window is kept at zstd's default for the level; a reader refuses windows above 128 MiB, as
 * the zstd program does.
 */
#include "output/zstd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

struct zstd_writer {
	ZSTD_CCtx *ctx;
};

struct zstd_reader {
	ZSTD_DCtx *ctx;
};

int zstd_writer_new(int level, struct zstd_writer **ret_writer)
{
	struct zstd_writer *w = calloc(1, sizeof(*w));
	if (w)
		w->ctx = ZSTD_createCCtx();
	if (!w || !w->ctx) {
		free(w);
		return -ENOMEM;
	}
	ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(w->ctx, ZSTD_c_checksumFlag, 1);
	*ret_writer = w;
	return 0;
}

int zstd_write(struct zstd_writer *w, const void *data, size_t len, enum zstd_until until, struct buf *out)
{
	static const ZSTD_EndDirective how[] = {
		[ZSTD_GO_ON] = ZSTD_e_continue, [ZSTD_FLUSH] = ZSTD_e_flush, [ZSTD_FINISH] = ZSTD_e_end};
	ZSTD_inBuffer in = {.src = data, .size = len};
	size_t left;
	do {
		size_t room = ZSTD_CStreamOutSize();
		char *at = buf_reserve(out, room);
		if (!at)
			return -ENOMEM;
		ZSTD_outBuffer to = {.dst = at, .size = room};
		left = ZSTD_compressStream2(w->ctx, &to, &in, how[until]);
		if (ZSTD_isError(left))
			return -ENOMEM;
		out->len += to.pos;
	} while (until == ZSTD_GO_ON ? in.pos < in.size : left > 0);
	return 0;
}

void zstd_writer_free(struct zstd_writer *w)
{
	if (!w)
		return;
	ZSTD_freeCCtx(w->ctx);
	free(w);
}

bool zstd_is_frame(const void *data, size_t len)
{
	static const unsigned char magic[] = {0x28, 0xb5, 0x2f, 0xfd};
	return len >= sizeof(magic) && memcmp(data, magic, sizeof(magic)) == 0;
}

int zstd_reader_new(struct zstd_reader **ret_reader)
{
	struct zstd_reader *r = calloc(1, sizeof(*r));
	if (r)
		r->ctx = ZSTD_createDCtx();
	if (!r || !r->ctx) {
		free(r);
		return -ENOMEM;
	}
	*ret_reader = r;
	return 0;
}

long zstd_read(struct zstd_reader *r, const void **data, size_t *len, void *out, size_t max)
{
	ZSTD_inBuffer in = {.src = *data, .size = *len};
	ZSTD_outBuffer to = {.dst = out, .size = max};
	size_t code = ZSTD_decompressStream(r->ctx, &to, &in);
	if (ZSTD_isError(code))
		return -EBADMSG;
	*data = (const char *)*data + in.pos;
	*len -= in.pos;
	return (long)to.pos;
}

void zstd_reader_free(struct zstd_reader *r)
{
	if (!r)
		return;
	ZSTD_freeDCtx(r->ctx);
	free(r);
}
