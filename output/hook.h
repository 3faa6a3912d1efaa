/*
 * hook.h -- a command for each file that is complete, as nfcapd's -x.
 */
#ifndef WEIR_OUTPUT_HOOK_H
#define WEIR_OUTPUT_HOOK_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct hook;

struct hook_stats {
	uint64_t started, failed /* ended with another status than 0 */, dropped /* too many were waiting */;
};

/* COMMAND goes to /bin/sh; in it %d is the directory, %f the file's name, %t the time in its name as
 * YYYYMMDDhhmm, %u the same in seconds since 1970, %i the last part of the directory, %% a percent sign. 0 or -ENOMEM. */
int hook_new(const char *command, struct hook **ret_hook) MUST_CHECK;
void hook_run(struct hook *h, const char *dir, const char *file, uint64_t slot_ns);
/* Looks after commands that have ended and starts those that wait; call about once a second. */
void hook_tick(struct hook *h);
void hook_stats(const struct hook *h, struct hook_stats *ret_stats);
/* Starts what waits still and waits for all to end. */
void hook_free(struct hook *h);

#endif
