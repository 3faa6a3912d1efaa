/*
 * expire.c -- see expire.h. Folders are walked with fts(3), which neither follows symbolic links nor leaves the file
 * system, so that nothing outside is ever removed.
 */
#include "output/expire.h"

#include <errno.h>
#include <fts.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"

struct old {
	char *path;
	uint64_t written_ns;
	uint64_t size;
};

struct found {
	struct old *items;
	size_t count, cap;
};

static bool is_ours(const char *name, const char *prefix)
{
	size_t len = strlen(name), prefix_len = strlen(prefix);
	if (len <= prefix_len || strncmp(name, prefix, prefix_len) != 0 || name[prefix_len] != '.')
		return false;
	return len < 5 || strcmp(name + len - 5, ".part") != 0;
}

static int add(struct found *f, const FTSENT *e)
{
	if (f->count == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 256;
		struct old *grown = reallocarray(f->items, cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		f->items = grown;
		f->cap = cap;
	}
	char *path = strdup(e->fts_path);
	if (!path)
		return -ENOMEM;
	f->items[f->count++] = (struct old){
		.path = path,
		.written_ns = (uint64_t)e->fts_statp->st_mtim.tv_sec * NS_PER_S + (uint64_t)e->fts_statp->st_mtim.tv_nsec,
		.size = (uint64_t)e->fts_statp->st_size,
	};
	return 0;
}

static int walk(const char *dir, const char *prefix, struct found *f)
{
	char *const paths[] = {(char *)(uintptr_t)dir, NULL};
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	int r = fts ? 0 : -errno;
	for (FTSENT *e; !r && (e = fts_read(fts));)
		if (e->fts_info == FTS_F && is_ours(e->fts_name, prefix))
			r = add(f, e);
	if (fts)
		fts_close(fts);
	return r;
}

static int by_age(const void *a, const void *b)
{
	const struct old *x = a, *y = b;
	if (x->written_ns != y->written_ns)
		return x->written_ns < y->written_ns ? -1 : 1;
	return strcmp(x->path, y->path);
}

int expire_files(const char *dir, const char *prefix, const struct expire_limits *limits, uint64_t now_ns,
		 struct expire_result *ret_result)
{
	struct found f = {0};
	struct expire_result result = {0};
	int r = walk(dir, prefix, &f);
	if (f.count)
		qsort(f.items, f.count, sizeof(f.items[0]), by_age);
	for (size_t i = 0; i < f.count; i++)
		result.kept_bytes += f.items[i].size;
	result.kept = f.count;
	for (size_t i = 0; i < f.count && !r; i++) {
		const struct old *o = &f.items[i];
		bool old = limits->max_age_ns && o->written_ns + limits->max_age_ns < now_ns;
		bool over = limits->max_bytes && result.kept_bytes > limits->max_bytes;
		if (!old && !over)
			break;
		if (unlink(o->path) && errno != ENOENT)
			r = -errno;
		result.kept_bytes -= o->size;
		result.kept--;
		result.removed++;
	}
	for (size_t i = 0; i < f.count; i++)
		free(f.items[i].path);
	free(f.items);
	if (!r)
		*ret_result = result;
	return r;
}
