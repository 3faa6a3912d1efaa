/*
 * body.h -- bytes of a request or an answer that the engine, or the client, takes in another form.
 */
#ifndef WEIR_EMBEDDED_BODY_H
#define WEIR_EMBEDDED_BODY_H

#include <stddef.h>

#include "common/buf.h"

struct engine;

enum { BODY_PATH_MAX = 64 };

/* DATA as a file in memory: its descriptor and its path, for the engine to read. -errno when there is none. */
int body_file(const void *data, size_t len, char path[static BODY_PATH_MAX]);
/* Undoes a Content-Encoding, MAX octets at most. 0, -ENOTSUP (unknown), -EFBIG, or -EBADMSG. */
int body_unpack(struct engine *e, const char *encoding, const void *data, size_t len, size_t max, struct buf *out);
/* Compresses as an Accept-Encoding allows: the name of what was done, NULL when nothing was. */
const char *body_pack(const char *accept, const void *data, size_t len, struct buf *out);

#endif
