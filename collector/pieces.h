/*
 * pieces.h -- where a batch is cut that the broker does not take as a whole.
 *
 * The same way each time, also by the next run after a kill: a piece is known by the number of its first flow (kafka/header.h),
 * and a consumer that has seen it knows its second copy. What the broker has taken is not sent again.
 */
#ifndef WEIR_COLLECTOR_PIECES_H
#define WEIR_COLLECTOR_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch;

enum { PIECE_BYTES = 32 * 1024 };

/* What a message holds: the whole batch; a piece of it; a record. */
enum parts { PARTS_WHOLE, PARTS_PIECES, PARTS_RECORDS };

/* The next message of B, from b->sent on: so many bytes, with so many flows. False: all of it was handed over. */
bool pieces_next(struct batch *b, size_t *ret_len, uint32_t *ret_flows);
/* The broker has the message of B that begins at DATA. */
void pieces_taken(struct batch *b, const uint8_t *data);

#endif
