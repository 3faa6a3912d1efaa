/*
 * replay.c -- see replay.h. A file is read through a window: records are taken from it until one is not whole, then what
 * is left moves to the front and more is read. A file that is still being written, or was cut by a crash, is read as
 * far as it goes, and that is counted.
 */
#include "inserter/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "output/zstd.h"
#include "proto/flow.h"
#include "proto/unpack.h"

enum { INPUT = 256 * 1024, WINDOW = 2 * 1024 * 1024, MAGIC = 4, FILES_MAX = 1000000 };

struct names {
	char **items;
	size_t count, cap;
};

struct reader {
	const struct replay *replay;
	struct replay_stats *stats;
	int fd;
	struct zstd_reader *zstd;     /* NULL: plain */
	uint8_t *input;               /* compressed bytes */
	const void *input_at;
	size_t input_len;
	uint8_t *window;
	size_t len;                   /* bytes in window */
	bool enough;
};

/* -- which files -- */

static int add_name(struct names *n, const char *path)
{
	if (n->count == FILES_MAX)
		return -E2BIG;
	if (n->count == n->cap) {
		size_t cap = n->cap ? n->cap * 2 : 64;
		char **grown = reallocarray(n->items, cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		n->items = grown;
		n->cap = cap;
	}
	n->items[n->count] = strdup(path);
	return n->items[n->count++] ? 0 : -ENOMEM;
}

static bool in_range(const char *name, const char *range)
{
	const char *colon = range ? strchr(range, ':') : NULL;
	if (!range)
		return true;
	if (!colon)
		return strcmp(name, range) >= 0;
	size_t first = (size_t)(colon - range);
	if (first && strncmp(name, range, first) < 0)
		return false;
	/* "weir.202611211220" as the last one takes in weir.202611211220.zst too. */
	return !colon[1] || strncmp(name, colon + 1, strlen(colon + 1)) <= 0;
}

static bool is_part(const char *name)
{
	size_t len = strlen(name);
	return len >= 5 && strcmp(name + len - 5, ".part") == 0;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int list(const struct replay *replay, const char *path, struct names *names)
{
	char *const paths[] = {(char *)(uintptr_t)path, NULL};
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	int r = fts ? 0 : -errno;
	for (FTSENT *e; !r && (e = fts_read(fts));) {
		bool named = e->fts_level == FTS_ROOTLEVEL;
		if (e->fts_info == FTS_NS || e->fts_info == FTS_ERR || e->fts_info == FTS_DNR)
			r = -e->fts_errno;
		else if (e->fts_info == FTS_D && !named && e->fts_name[0] == '.')
			fts_set(fts, e, FTS_SKIP);
		else if ((e->fts_info == FTS_F || e->fts_info == FTS_DEFAULT) &&
			 (named || (!is_part(e->fts_name) && e->fts_name[0] != '.' && in_range(e->fts_name, replay->range))))
			r = add_name(names, e->fts_path);
	}
	if (fts)
		fts_close(fts);
	return r;
}

/* A directory after the other. */
static int list_dirs(const struct replay *replay, struct names *names)
{
	const char *slash = memrchr(replay->dirs, '/', strcspn(replay->dirs, ":"));
	size_t parent = slash ? (size_t)(slash - replay->dirs) + 1 : 0;
	int r = 0;
	for (const char *dir = replay->dirs; dir && !r;) {
		char path[4096];
		size_t len = strcspn(dir, ":");
		bool beside = dir != replay->dirs && *dir != '/';
		int n = snprintf(path, sizeof(path), "%.*s%.*s%s%s", beside ? (int)parent : 0, replay->dirs, (int)len, dir,
				 *replay->path ? "/" : "", replay->path);
		r = n < (int)sizeof(path) ? list(replay, path, names) : -ENAMETOOLONG;
		dir = dir[len] ? dir + len + 1 : NULL;
	}
	return r;
}

/* -- one file -- */

static long fill_input(struct reader *rd)
{
	ssize_t n;
	do
		n = read(rd->fd, rd->input, INPUT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	rd->input_at = rd->input;
	rd->input_len = (size_t)n;
	return n;
}

/* More bytes into the window; their number, 0 at the end, negative errno. */
static long fill_window(struct reader *rd)
{
	for (;;) {
		if (rd->input_len == 0) {
			long n = fill_input(rd);
			if (n <= 0)
				return n;
		}
		if (rd->zstd) {
			long n = zstd_read(rd->zstd, &rd->input_at, &rd->input_len, rd->window + rd->len, WINDOW - rd->len);
			if (n == 0)
				continue;
			rd->len += n > 0 ? (size_t)n : 0;
			return n;
		}
		size_t n = rd->input_len < WINDOW - rd->len ? rd->input_len : WINDOW - rd->len;
		memcpy(rd->window + rd->len, rd->input_at, n);
		rd->input_at = (const uint8_t *)rd->input_at + n;
		rd->input_len -= n;
		rd->len += n;
		return (long)n;
	}
}

/* Takes the whole records out of the window. */
static void take(struct reader *rd)
{
	struct flow_iter it;
	struct flow f;
	int r;
	flow_iter_init(&it, rd->window, rd->len);
	for (;;) {
		const uint8_t *before = it.p;
		r = flow_iter_next(&it, &f);
		if (r == 0 || r == -ERR_TRUNCATED) {
			rd->len = r ? (size_t)(rd->window + rd->len - before) : 0;
			memmove(rd->window, before, rd->len);
			return;
		}
		if (r < 0) {
			rd->stats->bad_records++;
			continue;
		}
		rd->stats->flows++;
		rd->enough = !rd->replay->flow(rd->replay->arg, &f) || *rd->replay->stop;
		if (rd->enough)
			return;
	}
}

/* Looks at the first bytes. 0, or -EBADMSG with a line in ERR. */
static int recognise(struct reader *rd, const char *path, char *err, size_t err_len)
{
	const uint8_t *p = rd->input;
	if (rd->input_len < MAGIC)
		return 0;
	if ((p[0] == 0x0c && p[1] == 0xa5) || (p[0] == 0xa5 && p[1] == 0x0c)) {
		snprintf(err, err_len, "%s: an nfcapd file; send it to weir-collector: nfreplay -r %s -v 9 -H 127.0.0.1 -p 2055",
			 path, path);
		return -EBADMSG;
	}
	/* Not '{' alone, which is also the length of a record of 123 octets; no record begins with the key '"' (a text in field 4). */
	if (p[0] == '{' && p[1] == '"') {
		snprintf(err, err_len, "%s: JSON lines; only files of --file.format bin can be read back", path);
		return -EBADMSG;
	}
	if (zstd_is_frame(p, rd->input_len))
		return zstd_reader_new(&rd->zstd);
	return 0;
}

static int read_file(struct reader *rd, const char *path, char *err, size_t err_len)
{
	bool is_stdin = strcmp(path, "-") == 0;
	rd->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	rd->len = rd->input_len = 0;
	long n = rd->fd < 0 ? -errno : fill_input(rd);
	int r = n < 0 ? (int)n : recognise(rd, path, err, err_len);
	while (!r && !rd->enough && n > 0) {
		n = fill_window(rd);
		if (n == -EBADMSG)
			snprintf(err, err_len, "%s: damaged, or not one of weir's files", path);
		r = n < 0 ? (int)n : 0;
		if (!r)
			take(rd);
		if (!r && rd->len == WINDOW) {
			snprintf(err, err_len, "%s: not one of weir's files", path);
			r = -EBADMSG;
		}
	}
	if (r && !*err)
		snprintf(err, err_len, "%s: %s", path, strerror(-r));
	rd->stats->files++;
	rd->stats->cut += !r && !rd->enough && rd->len > 0;
	zstd_reader_free(rd->zstd);
	rd->zstd = NULL;
	if (rd->fd >= 0 && !is_stdin)
		close(rd->fd);
	return r;
}

int replay_run(const struct replay *replay, struct replay_stats *ret_stats, char *err, size_t err_len)
{
	struct names names = {0};
	struct reader rd = {.replay = replay, .stats = ret_stats, .input = malloc(INPUT), .window = malloc(WINDOW)};
	int r = rd.input && rd.window ? 0 : -ENOMEM;
	*err = '\0';
	*ret_stats = (struct replay_stats){0};
	if (!r)
		r = strcmp(replay->path, "-") == 0 ? add_name(&names, "-")
		    : replay->dirs		   ? list_dirs(replay, &names)
						   : list(replay, replay->path, &names);
	if (!r && names.count == 0) {
		snprintf(err, err_len, "%s: no files%s%s", replay->dirs ? replay->dirs : replay->path,
			 replay->range ? " in the range " : "",
			 replay->range ? replay->range : "");
		r = -ENOENT;
	}
	if (r && !*err)
		snprintf(err, err_len, "%s: %s", replay->dirs ? replay->dirs : replay->path, strerror(-r));
	ret_stats->of_files = names.count;
	for (size_t i = 0; i < names.count && !r && !rd.enough; i++)
		r = read_file(&rd, names.items[i], err, err_len);
	for (size_t i = 0; i < names.count; i++)
		free(names.items[i]);
	free(names.items);
	free(rd.input);
	free(rd.window);
	return r;
}
