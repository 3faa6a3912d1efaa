/*
 * replay.h -- flows from files instead of the topic: what weir-inserter file wrote, plain or compressed.
 */
#ifndef WEIR_INSERTER_REPLAY_H
#define WEIR_INSERTER_REPLAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow;

struct replay_stats {
	uint64_t files, of_files; /* files read to their end, and how many there are */
	uint64_t flows, bad_records, cut /* files that end in the middle of a record */;
};

struct replay {
	const char *path;            /* a file, a directory (its files in order of their names), "-": standard input */
	const char *dirs;            /* "DIR:DIR:...": PATH in each of these, those behind the first lie beside it. NULL: just PATH */
	const char *range;           /* "FIRST:LAST", names of files; NULL: all */
	const atomic_bool *stop;
	bool (*flow)(void *arg, struct flow *f); /* false: enough */
	void *arg;
};

/* 0 or a negative errno with one line in ERR: no such file, an nfcapd file (and how to bring it in) ... RET_STATS counts from
 * the beginning, so that flow() can look at it. */
int replay_run(const struct replay *replay, struct replay_stats *ret_stats, char *err, size_t err_len);

#endif
