/*
 * batch.h -- many records in one piece of memory: what a worker fills, and what goes out as one Kafka message or one
 * write().
 *
 * The memory is a slot of the journal (collector/journal.h) or, where nothing can be kept waiting (files), plain
 * memory. A worker packs flows straight into it; nothing is copied on the way to the network card. After each datagram
 * it commits: only what was committed is ever sent or found again after a crash, so a datagram comes out whole or is
 * not yet "decoded".
 */
#ifndef WEIR_COLLECTOR_BATCH_H
#define WEIR_COLLECTOR_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow;
struct journal_record;

enum batch_format { BATCH_BIN, BATCH_JSON, BATCH_TEXT, BATCH_FORMATS };

/* How a flow is written. */
struct batch_encoding {
	enum batch_format format;
	const char *separator; /* instead of the line end (JSON, text); after each record (bin); NULL: as usual */
	size_t separator_len;
	size_t room;           /* no record is longer, its separator included */
};

struct batch {
	uint8_t *data;
	size_t cap;          /* bytes at data */
	size_t len;          /* of these, written */
	size_t committed;    /* of these, committed */
	uint32_t flows;      /* written */
	uint32_t committed_flows;
	uint64_t opened_ns;  /* monotonic, of the first commit; 0: none yet */
	uint64_t lanes[4];   /* the checksum so far, see batch.c */
	size_t summed;
	struct journal_record *record; /* NULL: plain memory */
	/* The sender's (transport_kafka.c). */
	uint32_t parts;      /* how it is sent: enum parts (pieces.h); stays so until some of it is refused */
	bool tried;          /* in this run: then NEXT_PARTS says how the next time */
	uint32_t next_parts;
	uint64_t done;       /* pieces of it that the broker has: see pieces.c */
	size_t sent;         /* bytes handed over ... */
	uint32_t sent_flows; /* ... flows in them ... */
	size_t piece_end;    /* ... and where the piece they end in ends */
	uint32_t pending;    /* messages of it that were not answered yet, and one while it is being handed over */
	uint32_t refused;    /* flows in messages that were refused for good ... */
	uint32_t why;        /* ... for this reason (enum err) */
	uint32_t again;      /* some message must be sent again */
};

/* 0 or -EINVAL. "bin", "json", "text". */
int batch_format_parse(const char *word, enum batch_format *ret_format);
const char *batch_format_name(enum batch_format format);
struct batch_encoding batch_encoding_of(enum batch_format format, const char *separator);

/* Forgets what is in it. */
void batch_reset(struct batch *b);
/* Room for one more record? */
static inline bool batch_has_room(const struct batch *b, const struct batch_encoding *e)
{
	return b->cap - b->len >= e->room;
}
/* Appends F; batch_has_room() was true. */
void batch_add(struct batch *b, const struct batch_encoding *e, const struct flow *f);
/* All that was added is whole. NOW_NS is monotonic. */
void batch_commit(struct batch *b, uint64_t now_ns);
/* The checksum of LEN bytes, as batch_commit() writes it into the journal record. */
uint64_t batch_checksum(const void *data, size_t len, uint32_t flows);

/* The record at P of a batch of FORMAT, its length to *ret_len; 0, or -ERR_TRUNCATED when it is not whole. */
int batch_record(enum batch_format format, const uint8_t *p, const uint8_t *end, size_t *ret_len);

#endif
