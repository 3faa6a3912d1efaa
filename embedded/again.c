/*
 * again.c -- another try in a fresh image of this process, under the same pid.
 *
 * Now and then libchdb fails to load a table that is whole ("recursive_mutex lock failed", a race of its own), and once
 * it has failed it refuses every further try ("Shutdown was called") for as long as the process lives. A fresh image is
 * free of that; the pid stays, so that a service manager sees one start. The count of tries travels in the environment.
 */
#include "embedded/again.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <linux/close_range.h>

#include "common/clock.h"

#define TRIES_VARIABLE "WEIR_EMBEDDED_TRIES"

enum { MOST_TRIES = 2 };

int again_tries(void)
{
	const char *text = getenv(TRIES_VARIABLE);
	long n = text ? strtol(text, NULL, 10) : 0;
	return n < 0 || n > MOST_TRIES ? MOST_TRIES : (int)n;
}

int again_exec(char **argv)
{
	int tries = again_tries();
	if (tries >= MOST_TRIES)
		return -ELOOP;
	char text[16];
	snprintf(text, sizeof(text), "%d", tries + 1);
	if (setenv(TRIES_VARIABLE, text, 1) || close_range(3, ~0U, CLOSE_RANGE_CLOEXEC))
		return -errno;
	clock_sleep_ns((1ULL << tries) * NS_PER_S);
	execv("/proc/self/exe", argv);
	return -errno;
}
