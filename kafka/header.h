/*
 * header.h -- the message header "weir": who made this batch, so that a second copy of it can be told from a new one.
 *
 * A batch that may have reached the broker is sent again after a crash, with the same header, to the same partition
 * (sequence modulo partitions). A consumer that has seen (collector, epoch, sequence) drops it. 32 bytes, little
 * endian, because ClickHouse's reinterpretAsUInt64() is: docs/kafka.md has the layout as a table.
 */
#ifndef WEIR_KAFKA_HEADER_H
#define WEIR_KAFKA_HEADER_H

#include <stdint.h>

#include "common/err.h"

enum { KAFKA_HEADER_LEN = 32, KAFKA_HEADER_VERSION = 1 };

struct kafka_header {
	uint8_t format;      /* 0 protobuf records, 1 JSON lines, 2 text lines */
	uint32_t flows;      /* in this message */
	uint64_t collector;  /* FNV-1a (64 bits) of --collector-id */
	uint64_t epoch;      /* ns since 1970, when that collector was started */
	uint64_t sequence;   /* of the batch, from 0 in each epoch; gaps are batches that were dropped or empty */
};

/* A piece of a batch has a sequence of its own: which flow of the batch is its first, from 0, plus 1, above the batch's. So a
 * consumer that compares sequences as they are knows second copies of pieces, too; the lower bits give the partition. */
enum { KAFKA_HEADER_PIECE_SHIFT = 40 };

static inline uint64_t kafka_header_piece(uint64_t sequence, uint32_t first_flow)
{
	return sequence | (uint64_t)(first_flow + 1) << KAFKA_HEADER_PIECE_SHIFT;
}

void kafka_header_write(const struct kafka_header *h, uint8_t out[KAFKA_HEADER_LEN]);
/* 0; -ERR_TRUNCATED: shorter; -ERR_VERSION: of another version. */
int kafka_header_read(const void *data, uint64_t len, struct kafka_header *ret_header) MUST_CHECK;

#endif
