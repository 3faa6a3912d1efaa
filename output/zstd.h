/*
 * zstd.h -- compressed streams: zstd.c is the one file that knows libzstd.
 */
#ifndef WEIR_OUTPUT_ZSTD_H
#define WEIR_OUTPUT_ZSTD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

struct zstd_writer;
struct zstd_reader;

enum zstd_until {
	ZSTD_GO_ON,  /* it may keep some back */
	ZSTD_FLUSH,  /* what was given so far can be read */
	ZSTD_FINISH  /* and the frame ends; the next data begin a new one */
};

int zstd_writer_new(int level, struct zstd_writer **ret_writer); /* 0 or -ENOMEM */
/* Appends the compressed form of DATA to OUT. 0 or -ENOMEM. */
int zstd_write(struct zstd_writer *w, const void *data, size_t len, enum zstd_until until, struct buf *out);
void zstd_writer_free(struct zstd_writer *w);

bool zstd_is_frame(const void *data, size_t len); /* by its magic number */
int zstd_reader_new(struct zstd_reader **ret_reader); /* 0 or -ENOMEM */
/* Takes from *DATA and *LEN (moved on) and fills OUT with at most MAX bytes. The number, or -EBADMSG. */
long zstd_read(struct zstd_reader *r, const void **data, size_t *len, void *out, size_t max);
void zstd_reader_free(struct zstd_reader *r);

#endif
