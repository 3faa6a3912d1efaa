/*
 * keep.c -- see keep.h. A file is written beside its old one and renamed over it, so that a crash leaves the one or
 * the other, whole. Not being able to write is said once and costs nothing else: templates are learnt again.
 */
#include "collector/keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/collector.h"
#include "collector/config.h"
#include "collector/decode.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/complain.h"
#include "common/log.h"

#define SUFFIX ".state"

enum { FILE_MAX = 256 << 20 };

static void take_state(void *arg, struct worker *w, struct decoder *d)
{
	struct buf *out = arg;
	(void)w;
	if (decoder_save(d, clock_wall_ns(), out) < 0)
		out->failed = true;
}

static int write_all(int fd, const struct buf *b)
{
	for (size_t at = 0; at < b->len;) {
		ssize_t n = write(fd, b->data + at, b->len - at);
		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int write_file(const char *dir, const char *name, const struct buf *b)
{
	char path[4096], fresh[4100];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int rc = write_all(fd, b);
	close(fd);
	if (rc == 0 && rename(fresh, path) < 0)
		rc = -errno;
	if (rc < 0)
		(void)unlink(fresh);
	return rc;
}

void keep_save(struct collector *c)
{
	static struct complain complain;
	uint64_t swallowed;
	for (size_t i = 0; c->config->state_path && i < c->n_workers; i++) {
		struct buf b = {0};
		char name[64];
		const struct listen_spec *spec = worker_listen(c->workers[i]);
		if (spec->kind != LISTEN_UDP)
			continue; /* what a session taught goes with it */
		snprintf(name, sizeof(name), "%s-%u-%u" SUFFIX, listen_scheme_name(spec), spec->port, worker_number(c->workers[i]));
		worker_ask_or_do(c->workers[i], take_state, &b);
		int rc = b.failed ? -ENOMEM : write_file(c->config->state_path, name, &b);
		if (rc < 0 && complain_now(&complain, clock_monotonic_ns(), &swallowed))
			log_warn(LOG_OURS, "--state.path %s: %s: %s; templates will be learnt again after a restart", c->config->state_path,
				 name, strerror(-rc));
		buf_free(&b);
	}
}

struct load {
	const struct buf *data;
	int rc;
};

static void give_state(void *arg, struct worker *w, struct decoder *d)
{
	struct load *load = arg;
	(void)w;
	load->rc = decoder_load(d, load->data->data, load->data->len);
}

/* 0 or -errno. */
static int read_file(const char *dir, const char *name, struct buf *out)
{
	char path[4096];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size > FILE_MAX) {
		int rc = fd < 0 ? -errno : -EFBIG;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	char *room = buf_reserve(out, (size_t)st.st_size + 1);
	ssize_t n = room ? read(fd, room, (size_t)st.st_size) : -1;
	close(fd);
	if (n < 0)
		return room ? -errno : -ENOMEM;
	out->len += (size_t)n;
	return 0;
}

static void load_file(struct collector *c, const char *name)
{
	struct buf data = {0};
	struct load load = {.data = &data};
	int rc = read_file(c->config->state_path, name, &data);
	if (rc < 0)
		log_warn(LOG_OURS, "--state.path: %s: %s", name, strerror(-rc));
	for (size_t i = 0; rc == 0 && i < c->n_workers && load.rc == 0; i++)
		worker_ask_or_do(c->workers[i], give_state, &load);
	if (load.rc < 0)
		log_warn(LOG_OURS, "--state.path: %s is left out: %s", name, err_text((enum err)-load.rc));
	buf_free(&data);
}

void keep_load(struct collector *c)
{
	DIR *dir = c->config->state_path ? opendir(c->config->state_path) : NULL;
	struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);
		if (len > sizeof(SUFFIX) && strcmp(entry->d_name + len - (sizeof(SUFFIX) - 1), SUFFIX) == 0)
			load_file(c, entry->d_name);
	}
	if (dir)
		closedir(dir);
}
