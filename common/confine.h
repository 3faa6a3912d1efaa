/*
 * confine.h -- a program that reads what strangers send gives up what it does not need, once its sockets are open: the user it
 * was started as (--user), new privileges, writing outside its own directories (Landlock), and the system calls that
 * only a break-in would want (seccomp).
 *
 * It is a second line: what it takes away, systemd's units take away too, but not everybody starts weir with those. To be called
 * before the first thread is started: Landlock holds for the calling thread and those that it starts.
 */
#ifndef WEIR_COMMON_CONFINE_H
#define WEIR_COMMON_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

enum { CONFINE_PATHS_MAX = 16, CONFINE_SAID_MAX = 1024 };

/* Rows for a program's options: --user and --confine. */
#define CONFINE_USER_HELP \
	"Become this user (a name or a number), and its groups, once the sockets are open. Needs root. Files that are read again " \
	"at SIGHUP must be readable for it."
#define CONFINE_CHOICES "auto|require|off"
#define CONFINE_MODE_HELP \
	"Give up what is not needed: gaining privileges, starting programs, writing outside the directories that options name " \
	"(Landlock), rare system calls (seccomp). auto: as far as the kernel goes; require: end when it does not go all the way; off."

struct confine_options {
	const char *mode;      /* CONFINE_CHOICES */
	const char *user;      /* NULL or empty: as it is */
	/* Directories that may be written below (made, and given to the user, when they are not there), and files. */
	const char *writable[CONFINE_PATHS_MAX];
	size_t n_writable;
	const char *removes_in;  /* an empty directory in here may go, for one's own temporary one; NULL: none */
	bool makes_links;        /* symbolic ones too, below its directories */
	bool starts_programs;  /* then only privileges go: what it starts inherits all else */
	bool starts_itself;    /* its own image once more in this process, by execve(), and nothing else */
};

/* 0 with what was done as one line in SAID, or a negative errno with one line in ERR. */
int confine_apply(const struct confine_options *options, char *said, size_t said_len, char *err, size_t err_len) MUST_CHECK;

/* PATH, or what holds it, to options->writable: a directory is taken as it is, of a file (there or not) the directory, so that it
 * can be made anew. ROOM keeps the text. NULL and "" and "-" add nothing. */
struct confine_path { char text[4096]; };
void confine_directory(struct confine_options *options, const char *path);
void confine_file(struct confine_options *options, const char *path, struct confine_path *room);

/* confine_files.c, confine_calls.c: 0, or a negative errno; -ENOSYS, -EOPNOTSUPP: the kernel does not have it. */
int confine_files(const struct confine_options *options, const char *const *writable, size_t n) MUST_CHECK;
int confine_calls(bool starts_itself) MUST_CHECK;

#endif
