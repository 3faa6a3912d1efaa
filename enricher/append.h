/*
 * append.h -- what enrichment found, added to the records of a message.
 */
#ifndef WEIR_ENRICHER_APPEND_H
#define WEIR_ENRICHER_APPEND_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct enrich;

struct append_stats {
	uint64_t flows, bad_records, truncated;
};

/* Copies the records of DATA to OUT, each with what E knows of its addresses. 0 or -ENOMEM; records that cannot be
 * read are left out and counted. */
int append_message(struct enrich *e, const uint8_t *data, size_t len, struct buf *out, struct append_stats *stats);

#endif
