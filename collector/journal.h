/*
 * journal.h -- batch memory that outlives the process: a ring of recycled, preallocated, file-mapped segments.
 *
 * A worker takes a slot, fills it, puts it; the sender takes the oldest, sends it from where it lies, and says done.
 * Nothing is written: what is in the mapping is in the page cache, and is found there after kill -9. A slot's magic
 * is written last when it opens and cleared when the broker has acknowledged it. Without a directory the same segments are
 * anonymous memory. When all segments are in use another is taken, up to a cap; past the cap the oldest batch goes.
 * File format: docs/reliability.md.
 */
#ifndef WEIR_COLLECTOR_JOURNAL_H
#define WEIR_COLLECTOR_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/batch.h"
#include "common/err.h"

#define JOURNAL_SEGMENT_MAGIC 0x4c4e524a52494557ull /* "WEIRJRNL" */
#define JOURNAL_RECORD_MAGIC  0x3148435441425257ull /* "WRBATCH1" */
enum { JOURNAL_VERSION = 1, JOURNAL_SEGMENT_HEADER = 4096, JOURNAL_RECORD_HEADER = 128 };

struct journal;

/* At the start of a segment file; all integers in the machine's order (the journal never leaves the machine). */
struct journal_segment_header {
	uint64_t magic;
	uint32_t version;
	uint32_t slots;
	uint64_t slot_bytes;
	uint64_t checksum; /* batch_checksum() of the above */
};

struct journal_commit {
	uint32_t len;
	uint32_t flows;
	uint64_t checksum; /* batch_checksum() of that many bytes */
};

/* At the start of a slot; the payload begins JOURNAL_RECORD_HEADER bytes on. */
struct journal_record {
	uint64_t magic; /* JOURNAL_RECORD_MAGIC: holds something that was not acknowledged */
	uint64_t epoch;
	uint64_t sequence;
	uint32_t format;
	uint32_t partitions; /* the topic had when it was first sent, 0: never sent; keeps its second copy in the same one */
	uint32_t n_commits;
	uint32_t reserved;
	struct journal_commit commits[2];
};

struct journal_options {
	const char *path;     /* directory; NULL: anonymous memory */
	uint64_t max_bytes;
	size_t payload_bytes; /* of a batch */
	unsigned keep_free;   /* slots that journal_tend() keeps ready */
	uint64_t epoch;       /* the wall clock's ns at the start; becomes later than all that is found in PATH */
	enum batch_format format;
};

struct journal_stats {
	uint64_t put_flows, put_batches;
	uint64_t recovered_flows, recovered_batches;
	uint64_t acknowledged_flows, acknowledged_batches;
	uint64_t dropped_flows[ERR_COUNT];
	uint64_t damaged_batches; /* found at the start with no commit whose checksum holds */
	uint64_t waiting_flows;   /* put or recovered, neither acknowledged nor dropped */
	uint64_t waiting_batches;
	uint64_t in_flight_batches;
	uint64_t bytes;           /* of all segments now */
	uint64_t memory_bytes;    /* of these, in no file: gone with the process */
	uint64_t max_bytes;
	uint64_t used_slots;      /* open, waiting, in flight */
	uint64_t max_slots;       /* as many as the cap allows */
	uint64_t oldest_sequence; /* of the waiting ones, when there are any */
	bool on_disk;             /* a directory was given and new segments are files in it */
};

/* Written by batch_commit(): the two take turns, so that a crash between two stores leaves one whole. */
static inline void journal_record_commit(struct journal_record *r, uint32_t len, uint32_t flows, uint64_t checksum)
{
	struct journal_commit *c = &r->commits[r->n_commits & 1];
	c->len = len;
	c->flows = flows;
	c->checksum = checksum;
	r->n_commits++;
}

/* Opens and recovers. 0 (NOTE, when not empty, says what an operator should know: directory unusable, files left
 * alone); -EBUSY: another collector has the directory, -ENOMEM; both with a line in NOTE. */
int journal_open(const struct journal_options *options, struct journal **ret_journal, char *note, size_t note_len) MUST_CHECK;
/* What was not acknowledged stays in the files. */
void journal_close(struct journal *j);

/* An empty batch. Past the cap the oldest waiting one gives its place. NULL only when all slots are open or in flight. */
struct batch *journal_take(struct journal *j);
/* Filled: waits to be sent. An empty one is free again. */
void journal_put(struct journal *j, struct batch *b);
/* The oldest waiting batch, now in flight; NULL: none. */
struct batch *journal_next(struct journal *j);
/* The oldest one that WANTED says yes to; called under the journal's lock. */
typedef bool journal_wanted_fn(void *arg, const struct journal_record *r);
struct batch *journal_next_of(struct journal *j, journal_wanted_fn *wanted, void *arg);
/* In flight -> acknowledged, but for LOST flows, which are counted as dropped for REASON. */
void journal_done(struct journal *j, struct batch *b, uint32_t lost, enum err reason);
/* In flight -> waiting again, at its place in the order. */
void journal_retry(struct journal *j, struct batch *b);
/* Off the packet path, a few times a second: keeps slots ready, gives back segments that are not needed any more. */
void journal_tend(struct journal *j);
/* The last trouble with the directory since the last call ("" = none), for the log. */
bool journal_trouble(struct journal *j, char *text, size_t text_len);
/* Flows of waiting batches that lie in no file: they end with the process. Walks through all that wait. */
uint64_t journal_memory_flows(struct journal *j);
void journal_stats(struct journal *j, struct journal_stats *ret_stats);

#endif
