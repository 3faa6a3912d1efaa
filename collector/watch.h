/*
 * watch.h -- keeps the list of senders as Redis has it: a thread that asks every few seconds and publishes a new list when
 * it has changed. When Redis goes away the last list stays in force.
 */
#ifndef WEIR_COLLECTOR_WATCH_H
#define WEIR_COLLECTOR_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct senders;
struct watch;

/* Called in the watch's thread: NEW is in force from the moment it returns, the one before may be freed then. */
typedef void watch_publish_fn(void *arg, struct senders *new);

struct watch_stats {
	uint64_t senders;  /* of the list in force */
	uint64_t failures; /* times Redis could not be asked */
	bool connected;
};

/* 0, or negative with one line in ERR. */
int watch_start(const char *address, const char *password, uint64_t interval_ns, watch_publish_fn *publish, void *arg,
		struct watch **ret_watch, char *err, size_t err_len) MUST_CHECK;
void watch_stats(const struct watch *w, struct watch_stats *ret_stats);
void watch_stop(struct watch *w); /* no more asking; NULL is fine */
void watch_free(struct watch *w); /* stopped; frees the list in force; NULL is fine */

#endif
