/*
 * rotate.c -- see rotate.h. Bytes go through a buffer (and through zstd, when wanted) and stay in it when the disk does
 * not take them, so that an error costs nothing but time.
 */
#include "output/rotate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "output/zstd.h"

enum { BUFFER = 64 * 1024, NAME_LEN = 256, SAME_NAME_MAX = 10000 };

struct rotate {
	struct rotate_options o;
	char *dir, *prefix, *suffix;
	int dir_fd;
	int fd;            /* -1: no file is open */
	uint64_t slot_ns;
	uint64_t size;     /* taken for this file, before compression */
	char name[NAME_LEN];
	struct buf out;    /* to be written to fd */
	struct zstd_writer *zstd;
	int error;         /* of the last attempt to write, as errno */
};

static int make_dirs(const char *path)
{
	char part[4096];
	int r = 0;
	for (const char *p = path + 1; !r; p++) {
		if (*p && *p != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		if (mkdir(part, 0777) && errno != EEXIST)
			r = -errno;
		if (!*p)
			break;
	}
	return r;
}

/* Renames FROM.part to FROM, or FROM.1, FROM.2 ... when that is taken; NAME gets what it is. */
static int complete(struct rotate *r, const char *from, char name[NAME_LEN])
{
	char part[NAME_LEN + 8];
	snprintf(part, sizeof(part), "%s.part", from);
	snprintf(name, NAME_LEN, "%s", from);
	for (int i = 1; i < SAME_NAME_MAX; i++) {
		/* link() does not overwrite, rename() would. */
		if (linkat(r->dir_fd, part, r->dir_fd, name, 0) == 0)
			return unlinkat(r->dir_fd, part, 0) ? -errno : 0;
		if (errno != EEXIST)
			return -errno;
		snprintf(name, NAME_LEN, "%.200s.%d", from, i);
	}
	return -EEXIST;
}

static void done(struct rotate *r, const char *name)
{
	if (r->o.done)
		r->o.done(r->o.arg, r->dir, name, r->slot_ns);
}

/* A file that somebody writes is locked. */
static bool is_in_use(const struct rotate *r, const char *name)
{
	int fd = openat(r->dir_fd, name, O_RDONLY | O_CLOEXEC);
	bool in_use = fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0;
	if (fd >= 0)
		close(fd);
	return in_use;
}

/* Completes what a crash left. */
static void pick_up(struct rotate *r)
{
	DIR *dir = opendir(r->dir);
	size_t prefix = strlen(r->prefix);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		size_t len = strlen(e->d_name);
		char from[NAME_LEN], name[NAME_LEN];
		if (len < prefix + 6 || len >= NAME_LEN || strncmp(e->d_name, r->prefix, prefix) != 0 || e->d_name[prefix] != '.' ||
		    strcmp(e->d_name + len - 5, ".part") != 0 || is_in_use(r, e->d_name))
			continue;
		snprintf(from, sizeof(from), "%.*s", (int)(len - 5), e->d_name);
		if (complete(r, from, name) == 0)
			done(r, name);
	}
	if (dir)
		closedir(dir);
}

int rotate_open(const struct rotate_options *options, struct rotate **ret_rotate, char *err, size_t err_len)
{
	struct rotate *r = calloc(1, sizeof(*r));
	int status = -ENOMEM;
	if (!r)
		goto fail;
	r->o = *options;
	r->fd = r->dir_fd = -1;
	r->dir = strdup(options->dir);
	r->prefix = strdup(options->prefix);
	r->suffix = strdup(options->suffix);
	if (!r->dir || !r->prefix || !r->suffix)
		goto fail;
	status = make_dirs(r->dir);
	if (status)
		goto fail;
	r->dir_fd = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	status = r->dir_fd < 0 || faccessat(r->dir_fd, ".", W_OK | X_OK, AT_EACCESS) ? -errno : 0;
	if (status)
		goto fail;
	if (options->zstd_level)
		status = zstd_writer_new(options->zstd_level, &r->zstd);
	if (status)
		goto fail;
	pick_up(r);
	*ret_rotate = r;
	return 0;
fail:
	snprintf(err, err_len, "%s: %s", options->dir, strerror(-status));
	if (r)
		(void)rotate_close(r);
	return status;
}

static void set_name(struct rotate *r, uint64_t now_ns)
{
	char stamp[32];
	struct tm tm;
	r->slot_ns = r->o.every_ns ? now_ns - now_ns % r->o.every_ns : now_ns;
	time_t t = (time_t)(r->slot_ns / NS_PER_S);
	localtime_r(&t, &tm);
	/* Seconds only where minutes would not tell two slots apart. */
	bool whole_minutes = r->o.every_ns && r->o.every_ns % (60 * NS_PER_S) == 0;
	strftime(stamp, sizeof(stamp), whole_minutes ? "%Y%m%d%H%M" : "%Y%m%d%H%M%S", &tm);
	snprintf(r->name, sizeof(r->name), "%.100s.%s%.20s", r->prefix, stamp, r->suffix);
}

static int begin_file(struct rotate *r, uint64_t now_ns)
{
	char part[NAME_LEN + 8];
	set_name(r, now_ns);
	snprintf(part, sizeof(part), "%s.part", r->name);
	r->fd = openat(r->dir_fd, part, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	r->size = 0;
	if (r->fd >= 0 && flock(r->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	int status = -errno;
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	return status;
}

static int drain(struct rotate *r)
{
	size_t at = 0;
	int status = 0;
	while (at < r->out.len && !status) {
		ssize_t n = write(r->fd, r->out.data + at, r->out.len - at);
		if (n >= 0)
			at += (size_t)n;
		else if (errno != EINTR)
			status = -errno;
	}
	memmove(r->out.data, r->out.data + at, r->out.len - at);
	r->out.len -= at;
	return status;
}

static int push(struct rotate *r, enum zstd_until until)
{
	int status = r->zstd ? zstd_write(r->zstd, NULL, 0, until, &r->out) : 0;
	return status || r->out.len == 0 ? status : drain(r);
}

/* Completes the open file; when that fails it stays open, to be tried again. */
static int end_file(struct rotate *r)
{
	char name[NAME_LEN];
	int status = push(r, ZSTD_FINISH);
	if (!status && fdatasync(r->fd))
		status = -errno;
	if (!status)
		status = complete(r, r->name, name);
	if (status)
		return status;
	close(r->fd);
	r->fd = -1;
	(void)fsync(r->dir_fd);
	done(r, name);
	return 0;
}

static bool is_over(const struct rotate *r, size_t more, uint64_t now_ns)
{
	if (r->fd < 0)
		return false;
	if (r->o.every_ns && now_ns >= r->slot_ns + r->o.every_ns)
		return true;
	return r->o.max_bytes && r->size && r->size + more > r->o.max_bytes;
}

void rotate_write(struct rotate *r, const void *data, size_t len, uint64_t now_ns)
{
	int status = 0;
	if (is_over(r, len, now_ns))
		status = end_file(r);
	if (!status && r->fd < 0)
		status = begin_file(r, now_ns);
	if (r->zstd)
		status = zstd_write(r->zstd, data, len, ZSTD_GO_ON, &r->out) ? -ENOMEM : status;
	else
		buf_add(&r->out, data, len);
	r->size += len;
	if (!status && r->out.len >= BUFFER)
		status = drain(r);
	if (r->out.failed)
		status = -ENOMEM;
	r->error = -status;
}

void rotate_tick(struct rotate *r, uint64_t now_ns)
{
	if (is_over(r, 0, now_ns))
		r->error = -end_file(r);
}

int rotate_sync(struct rotate *r)
{
	int status = 0;
	if (r->fd < 0 && r->out.len)
		status = begin_file(r, r->slot_ns);
	if (!status && r->fd >= 0)
		status = push(r, ZSTD_FLUSH);
	if (!status && r->fd >= 0 && fdatasync(r->fd))
		status = -errno;
	r->error = -status;
	return status;
}

size_t rotate_waiting(const struct rotate *r)
{
	return r->error ? r->out.len : 0;
}

int rotate_close(struct rotate *r)
{
	if (!r)
		return 0;
	int status = r->fd >= 0 ? end_file(r) : 0;
	if (r->fd >= 0)
		close(r->fd);
	if (r->dir_fd >= 0)
		close(r->dir_fd);
	zstd_writer_free(r->zstd);
	buf_free(&r->out);
	free(r->dir);
	free(r->prefix);
	free(r->suffix);
	free(r);
	return status;
}
