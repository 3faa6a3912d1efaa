/*
 * hook.c -- see hook.h. A few commands at a time, others wait in a short queue: files that are complete faster than their
 * commands end must not fill the process table. Names that are put into the command line come from us: prefix, digits,
 * addresses; they need no quoting, and what would need it is left out.
 */
#include "output/hook.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/counter.h"

enum { RUNNING_MAX = 4, WAITING_MAX = 256 };

struct hook {
	char *command;
	pid_t running[RUNNING_MAX]; /* 0: free */
	char *waiting[WAITING_MAX];
	size_t n_waiting;
	struct hook_stats stats;
};

int hook_new(const char *command, struct hook **ret_hook)
{
	struct hook *h = calloc(1, sizeof(*h));
	if (h)
		h->command = strdup(command);
	if (!h || !h->command) {
		free(h);
		return -ENOMEM;
	}
	*ret_hook = h;
	return 0;
}

static void add_word(struct buf *b, const char *word)
{
	for (; *word; word++)
		if (isalnum((unsigned char)*word) || strchr("/._-:+=@,", *word))
			buf_add(b, word, 1);
}

static void add_time(struct buf *b, uint64_t slot_ns)
{
	char stamp[32];
	struct tm tm;
	time_t t = (time_t)(slot_ns / NS_PER_S);
	localtime_r(&t, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d%H%M", &tm);
	buf_puts(b, stamp);
}

static char *expand(const char *command, const char *dir, const char *file, uint64_t slot_ns)
{
	struct buf b = {0};
	const char *last = strrchr(dir, '/');
	for (const char *p = command; *p; p++) {
		if (*p != '%' || !p[1]) {
			buf_add(&b, p, 1);
			continue;
		}
		switch (*++p) {
		case 'd': add_word(&b, dir); break;
		case 'f': add_word(&b, file); break;
		case 'i': add_word(&b, last ? last + 1 : dir); break;
		case 't': add_time(&b, slot_ns); break;
		case 'u': buf_printf(&b, "%llu", (unsigned long long)(slot_ns / NS_PER_S)); break;
		case '%': buf_puts(&b, "%"); break;
		default: buf_printf(&b, "%%%c", *p); break;
		}
	}
	if (b.failed)
		buf_free(&b);
	return b.data;
}

/* Our threads block signals (common/signals.h) and ignore SIGPIPE; a command must not inherit that. */
static bool start(struct hook *h, pid_t *slot, const char *line)
{
	char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)(uintptr_t)line, NULL};
	posix_spawnattr_t attr;
	sigset_t none, pipe;
	sigemptyset(&none);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &pipe);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	int r = posix_spawn(slot, "/bin/sh", NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	counter_inc(&h->stats.started);
	if (r) {
		*slot = 0;
		counter_inc(&h->stats.failed);
	}
	return r == 0;
}

static void reap(struct hook *h, int how)
{
	for (size_t i = 0; i < RUNNING_MAX; i++) {
		int status;
		if (!h->running[i] || waitpid(h->running[i], &status, how) != h->running[i])
			continue;
		h->running[i] = 0;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			counter_inc(&h->stats.failed);
	}
}

void hook_tick(struct hook *h)
{
	reap(h, WNOHANG);
	size_t taken = 0;
	for (size_t i = 0; i < RUNNING_MAX && taken < h->n_waiting; i++) {
		if (h->running[i])
			continue;
		(void)start(h, &h->running[i], h->waiting[taken]);
		free(h->waiting[taken++]);
	}
	h->n_waiting -= taken;
	memmove(h->waiting, h->waiting + taken, h->n_waiting * sizeof(h->waiting[0]));
}

void hook_run(struct hook *h, const char *dir, const char *file, uint64_t slot_ns)
{
	char *line = h->n_waiting < WAITING_MAX ? expand(h->command, dir, file, slot_ns) : NULL;
	if (line)
		h->waiting[h->n_waiting++] = line;
	else
		counter_inc(&h->stats.dropped);
	hook_tick(h);
}

void hook_stats(const struct hook *h, struct hook_stats *ret_stats)
{
	ret_stats->started = counter_get(&h->stats.started);
	ret_stats->failed = counter_get(&h->stats.failed);
	ret_stats->dropped = counter_get(&h->stats.dropped);
}

void hook_free(struct hook *h)
{
	if (!h)
		return;
	while (h->n_waiting) {
		hook_tick(h);
		reap(h, 0);
	}
	reap(h, 0);
	free(h->command);
	free(h);
}
