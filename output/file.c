/*
 * file.c -- see file.h.
 *
 * Opened with O_APPEND: two writers on one file, or a file that logrotate truncates (copytruncate), leave no holes.
 * A partial write is continued; where that fails the reader may see a cut line, and the caller is told.
 */
#include "output/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct file_writer {
	char *path; /* NULL: standard output */
	int fd;
};

static int open_path(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : fd;
}

int file_open(const char *path, struct file_writer **ret_writer, char *err, size_t err_len)
{
	struct file_writer *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->fd = STDOUT_FILENO;
	if (path && *path && strcmp(path, "-") != 0) {
		int fd = open_path(path);
		w->path = strdup(path);
		if (fd < 0 || !w->path) {
			int rc = fd < 0 ? fd : -ENOMEM;
			snprintf(err, err_len, "%s: cannot write there: %s", path, strerror(-rc));
			if (fd >= 0)
				close(fd);
			free(w->path);
			free(w);
			return rc;
		}
		w->fd = fd;
	}
	*ret_writer = w;
	return 0;
}

int file_write(struct file_writer *w, const void *data, size_t len)
{
	const char *p = data;
	while (len > 0) {
		ssize_t n = write(w->fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			/* Standard output may be somebody's non-blocking pipe. */
			struct pollfd pfd = {.fd = w->fd, .events = POLLOUT};
			(void)poll(&pfd, 1, 1000);
			continue;
		}
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_reopen(struct file_writer *w)
{
	if (!w->path)
		return 0;
	int fd = open_path(w->path);
	if (fd < 0)
		return fd;
	close(w->fd);
	w->fd = fd;
	return 0;
}

bool file_is_terminal(const struct file_writer *w)
{
	return isatty(w->fd) == 1;
}

bool file_is_stdout(const struct file_writer *w)
{
	return !w->path;
}

const char *file_name(const struct file_writer *w)
{
	return w->path ? w->path : "standard output";
}

void file_close(struct file_writer *w)
{
	if (!w)
		return;
	if (w->path)
		close(w->fd);
	free(w->path);
	free(w);
}
