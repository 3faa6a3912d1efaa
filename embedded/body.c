/*
 * body.c -- see body.h. The engine knows every compression that ClickHouse's clients use, and reads files: so a body becomes a
 * file in memory, and the engine unpacks it, within the memory that such a query gets. Answers go out as zstd or gzip.
 */
#include "embedded/body.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "embedded/engine.h"
#include "output/gzip.h"
#include "output/zstd.h"

enum { PACK_MIN = 512, ZSTD_LEVEL = 1 };

int body_file(const void *data, size_t len, char path[static BODY_PATH_MAX])
{
	int fd = memfd_create("weir-body", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const char *)data + done, len - done);
		if (n < 0 && errno != EINTR) {
			int e = errno;
			close(fd);
			return -e;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	snprintf(path, BODY_PATH_MAX, "/proc/self/fd/%d", fd);
	return fd;
}

int body_unpack(struct engine *e, const char *encoding, const void *data, size_t len, size_t max, struct buf *out)
{
	static const char *const known[] = {"gzip", "deflate", "zstd", "lz4", "br", "xz"};
	char path[BODY_PATH_MAX], sql[256], limits[160];
	bool usual = false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		usual = usual || strcasecmp(encoding, known[i]) == 0;
	if (!usual)
		return -ENOTSUP;
	int fd = body_file(data, len, path);
	if (fd < 0)
		return fd;
	snprintf(limits, sizeof(limits), "SET max_memory_usage = %zu, max_execution_time = 60", 8 * max);
	snprintf(sql, sizeof(sql), "SELECT * FROM file('%s', 'RawBLOB', 'b String', '%s')", path, encoding);
	struct engine_result *r = engine_query(e, limits, sql, strlen(sql), "RawBLOB");
	close(fd);
	size_t unpacked_len = 0;
	const char *unpacked = r && !engine_error(r) ? engine_data(r, &unpacked_len) : NULL;
	int rc = !r || engine_error(r) ? -EBADMSG : unpacked_len > max ? -EFBIG : 0;
	if (!rc && unpacked)
		buf_add(out, unpacked, unpacked_len);
	engine_result_free(r);
	return rc;
}

static int pack_zstd(const void *data, size_t len, struct buf *out)
{
	struct zstd_writer *w;
	int r = zstd_writer_new(ZSTD_LEVEL, &w);
	if (r)
		return r;
	r = zstd_write(w, data, len, ZSTD_FINISH, out);
	zstd_writer_free(w);
	return r;
}

const char *body_pack(const char *accept, const void *data, size_t len, struct buf *out)
{
	if (!accept || len < PACK_MIN)
		return NULL;
	/* A name with q=0 behind it is rare enough to be taken at its word, and then nothing is packed. */
	if (strstr(accept, "q=0,") || strcmp(accept + strlen(accept) - (strlen(accept) > 3 ? 3 : 0), "q=0") == 0)
		return NULL;
	if (strstr(accept, "zstd"))
		return pack_zstd(data, len, out) ? NULL : "zstd";
	if (strstr(accept, "gzip"))
		return gzip_pack(data, len, out) ? NULL : "gzip";
	return NULL;
}
