/*
 * sink.h -- what a subcommand of weir-inserter is: somewhere that flows go.
 *
 * A sink is a file with a struct sink_kind; adding one is that file and a row in sinks.c. Its options are rows whose
 * offsets lie in a struct of its own. All calls for one sink come from one thread, except metrics().
 *
 * What "safe" means is the sink's: offsets are committed only after flush() has given 0, and then for everything that
 * flow() got before. A sink without flush() makes no promise (a terminal) and never holds offsets back.
 */
#ifndef WEIR_INSERTER_SINK_H
#define WEIR_INSERTER_SINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/opt.h"

struct buf;
struct confine_options;
struct flow;
struct ip_set;
struct kafka_message;
struct replay_stats;

enum sink_answer {
	SINK_MORE = 0,
	SINK_DONE = 1, /* enough: --count is reached */
	SINK_FULL = 2  /* flush() before the next flow */
};

/* What a sink may know of the program around it. */
struct sink_env {
	const struct ip_set *local; /* --local */
	const char *group;          /* the consumer group it is read with, NULL: none */
	const char *topic;
	const atomic_bool *stop;   /* the program is to end: do not wait any longer */
	bool check;                /* --check: it will be closed without having got anything */
};

struct sink_kind {
	const char *name;        /* the subcommand */
	const char *summary;     /* one line */
	const struct opt *rows;  /* its options */
	size_t n_rows;
	const struct opt_group *more; /* further options; their base lies in the same struct */
	size_t n_more;
	size_t options_size;     /* of the struct that the rows fill */
	const char *group;       /* default consumer group; NULL: none, it sees every flow from now on */
	bool serves;             /* it is there to be asked over HTTP */

	/* Where it writes files, and whether it starts programs. Optional: neither. */
	void (*confine)(const void *options, struct confine_options *ret_confine);
	/* 0, -EINVAL (usage: exit 2) or another negative errno (exit 1), with a line in ERR. */
	int (*open)(const void *options, const struct sink_env *env, void **ret_self, char *err, size_t err_len);
	/* Asked before the first message is read, until it gives 0: what the sink needs is there. Optional. */
	int (*ready)(void *self);
	/* Where the sink itself knows that PARTITION goes on, -1: it does not. Optional. */
	int64_t (*begin)(void *self, int32_t partition);
	/* A Kafka message begins; its flows follow. Optional. SINK_MORE or SINK_FULL. */
	enum sink_answer (*message)(void *self, const struct kafka_message *m);
	enum sink_answer (*flow)(void *self, const struct flow *f);
	/* Nothing more to read just now: show what is there. Optional. */
	void (*idle)(void *self);
	/* Make safe. 0, or a negative errno: not possible now, ask again. Optional. */
	int (*flush)(void *self);
	/* About once a second; NOW is the wall clock. Optional. */
	void (*tick)(void *self, uint64_t now_ns);
	/* As tick(), while files are read: how far that is. Optional. */
	void (*progress)(void *self, const struct replay_stats *so_far);
	/* Writes its metrics; from another thread. Optional. */
	void (*metrics)(void *self, struct buf *b);
	/* SELF is gone afterwards. 0, or a negative errno when something could not be written. */
	int (*close)(void *self);
};

extern const struct sink_kind *const sink_kinds[];
extern const size_t sink_kinds_count;

const struct sink_kind *sink_by_name(const char *name); /* NULL: no such */

#endif
