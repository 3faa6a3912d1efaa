/*
 * gzip.h -- a gzip file in one go: gzip.c is the one file that knows zlib.
 */
#ifndef WEIR_OUTPUT_GZIP_H
#define WEIR_OUTPUT_GZIP_H

#include <stddef.h>

#include "common/buf.h"

/* DATA, compressed, into OUT, which is emptied first. 0 or -ENOMEM (also for more than 1 GiB). */
int gzip_pack(const void *data, size_t len, struct buf *out);

#endif
