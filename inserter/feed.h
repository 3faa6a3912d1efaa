/*
 * feed.h -- one reader of the topic (or of files) and the sinks it feeds, in a thread of its own.
 *
 * Sinks without a group share a feed, so that a flow is unpacked once for all of them; each group has its own.
 */
#ifndef WEIR_INSERTER_FEED_H
#define WEIR_INSERTER_FEED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inserter/sink.h"

struct buf;
struct enrich;
struct feed;
struct filter;
struct kafka_options;

enum { FEED_SINKS_MAX = 16 };

struct feed_setup {
	const struct kafka_options *kafka;
	const char *group;         /* NULL: none */
	const char *from;
	const char *dead_letters;  /* topic for messages that cannot be read, NULL: none */
	const char *read, *range, *dirs; /* --read: files instead of the topic */
	const struct filter *filter; /* until feed_set_filter(); NULL: every flow */
	struct enrich *enrich;       /* the feed's own from now on; NULL: none */
	uint64_t flush_ns;         /* at least so often, sinks are made safe and offsets committed */
	const atomic_bool *stop;   /* set by anybody: end */
	void (*ended)(void);       /* called once by the feed's thread when it has ended by itself */
};

int feed_new(const struct feed_setup *setup, struct feed **ret_feed, char *err, size_t err_len);
const char *feed_group(const struct feed *f);
bool feed_empty(const struct feed *f);
bool feed_keeps_offsets(const struct feed *f); /* one of its sinks knows where to begin */
/* Opens KIND with OPTIONS and adds it. 0, -EINVAL (usage) or another negative errno, with a line in ERR. */
int feed_add(struct feed *f, const struct sink_kind *kind, const void *options, const struct sink_env *env, char *err,
	     size_t err_len);
int feed_start(struct feed *f, char *err, size_t err_len);
/* Waits for the thread, closes the sinks; 0 or a negative errno when something was not written or read. */
int feed_join(struct feed *f);
void feed_free(struct feed *f);
/* Takes FILTER, which is in force within a moment; NULL: every flow. Any thread. */
void feed_set_filter(struct feed *f, struct filter *filter);

bool feed_ready(const struct feed *f);
bool feed_ended(const struct feed *f);
bool *feed_pulse(struct feed *f); /* for notify_watchdog_feed(); one that has ended needs no watch */
/* Counters of all feeds together, then what their sinks have to say. */
void feed_metrics(struct feed *const feeds[], size_t n, struct buf *b);
void feed_log_summary(const struct feed *f);

#endif
