/*
 * pg_batch.h -- what waits to be stored in PostgreSQL: messages, and their flows as rows of COPY's binary format.
 *
 * Rows are made when flows come, so that storing is copying memory; which messages are stored is decided later, in
 * the transaction.
 */
#ifndef WEIR_INSERTER_PG_BATCH_H
#define WEIR_INSERTER_PG_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "kafka/header.h"

struct flow;
struct kafka_message;
struct tally;

/* The columns that rows have, for COPY. */
#define PG_BATCH_COLUMNS \
	"time_flow, type, sampling_rate, src_as, dst_as, src_ip, dst_ip, bytes, packets, etype, proto, src_port, dst_port"

struct pg_message {
	int32_t part;
	int64_t offset;
	bool has_header;
	bool keep;               /* decided in the transaction */
	struct kafka_header header;
	size_t row_at, row_end;  /* its bytes in rows */
	size_t sum_at, sum_end;  /* its entries in sums */
};

/* What the rollup needs of a flow. */
struct pg_sum {
	int64_t timeslot; /* us since 2000, UTC */
	int64_t src_as, dst_as;
	int32_t etype;
	uint64_t bytes, packets;
};

struct pg_batch {
	struct buf rows;
	struct pg_message *messages;
	size_t n_messages, cap_messages;
	struct pg_sum *sums;
	size_t n_sums, cap_sums;
};

int pg_batch_message(struct pg_batch *b, const struct kafka_message *m); /* 0 or -ENOMEM */
int pg_batch_flow(struct pg_batch *b, const struct flow *f);             /* of the last message; 0 or -ENOMEM */
void pg_batch_clear(struct pg_batch *b);
void pg_batch_free(struct pg_batch *b);

struct pg_sum_key {
	int64_t timeslot, src_as, dst_as, etype;
};

struct pg_sum_value {
	uint64_t bytes, packets, count;
};

/* The sums of all messages that are kept: struct pg_sum_key -> struct pg_sum_value. 0 or -ENOMEM. */
int pg_batch_sums(const struct pg_batch *b, struct tally **ret_sums);

#endif
