/*
 * pieces.c -- see pieces.h.
 *
 * Pieces are cut between records, at most PIECE_BYTES each, but for a record that is longer by itself. Where a batch goes record by
 * record, the pieces before were tried first: their borders stay, and what came through as a piece is left out.
 */
#include "collector/pieces.h"

#include "collector/batch.h"
#include "collector/journal.h"

/* Where a piece begins tells which one it is: but for its last record it fills PIECE_BYTES, and records are much smaller. */
static uint64_t bit_of(const struct batch *b, const uint8_t *data)
{
	size_t at = (size_t)(data - b->data) / (PIECE_BYTES / 2);
	return at < 64 ? 1ull << at : 0;
}

/* Of the rest of B: as many records as fit into LIMIT, one at least; how many to *ret_flows. */
static size_t part_of(const struct batch *b, size_t limit, uint32_t *ret_flows)
{
	const uint8_t *start = b->data + b->sent, *end = b->data + b->len, *p = start;
	uint32_t flows = 0;
	while (p < end) {
		size_t len;
		if (batch_record((enum batch_format)b->record->format, p, end, &len) < 0) {
			p = end; /* a record that cannot be told goes with all behind it */
			flows = b->flows - b->sent_flows;
			break;
		}
		if (p > start && (size_t)(p - start) + len > limit)
			break;
		p += len;
		flows++;
	}
	*ret_flows = flows;
	return (size_t)(p - start);
}

/* Steps over pieces that the broker has; where one begins that it has not, that becomes the one at hand. */
static void skip_taken(struct batch *b)
{
	while (b->sent < b->len && b->sent == b->piece_end) {
		uint32_t flows;
		size_t piece = part_of(b, PIECE_BYTES, &flows);
		b->piece_end += piece;
		if (!(__atomic_load_n(&b->done, __ATOMIC_RELAXED) & bit_of(b, b->data + b->sent)))
			return;
		b->sent += piece;
		b->sent_flows += flows;
	}
}

bool pieces_next(struct batch *b, size_t *ret_len, uint32_t *ret_flows)
{
	if (b->parts == PARTS_WHOLE) {
		*ret_len = b->len - b->sent;
		*ret_flows = b->flows;
		return *ret_len > 0;
	}
	skip_taken(b);
	if (b->sent == b->len)
		return false;
	*ret_len = part_of(b, b->parts == PARTS_PIECES ? PIECE_BYTES : 1, ret_flows);
	return true;
}

void pieces_taken(struct batch *b, const uint8_t *data)
{
	if (b->parts == PARTS_PIECES)
		__atomic_fetch_or(&b->done, bit_of(b, data), __ATOMIC_RELAXED);
}
