/*
 * batch.c -- see batch.h.
 *
 * The checksum is made of the bytes while they are still in the first-level cache, a datagram at a time, so that an
 * open batch can be judged after a crash as well as a closed one. It is four 64-bit lanes, each word xored in and
 * multiplied by an odd constant: every step is a bijection, so no single damaged word can go unnoticed, and four
 * lanes hide the multiplier's latency (about 2 ns a flow). It finds what a torn write leaves; it is no cryptography.
 *
 * A commit is written twice in turn into the journal's record (commits[0], commits[1]): a crash in the middle of one
 * leaves the other.
 */
#include "collector/batch.h"

#include <errno.h>
#include <string.h>

#include "collector/journal.h"
#include "common/err.h"
#include "proto/flow.h"
#include "proto/json.h"
#include "proto/pack.h"
#include "proto/text.h"

static const struct {
	const char *name;
	size_t max;
} formats[BATCH_FORMATS] = {
	[BATCH_BIN] = {"bin", FLOW_PACK_MAX},
	[BATCH_JSON] = {"json", FLOW_JSON_MAX},
	[BATCH_TEXT] = {"text", FLOW_TEXT_MAX},
};

int batch_format_parse(const char *word, enum batch_format *ret_format)
{
	for (unsigned i = 0; i < BATCH_FORMATS; i++) {
		if (strcmp(word, formats[i].name) == 0) {
			*ret_format = (enum batch_format)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *batch_format_name(enum batch_format format)
{
	return formats[format].name;
}

struct batch_encoding batch_encoding_of(enum batch_format format, const char *separator)
{
	struct batch_encoding e = {.format = format, .separator = separator};
	e.separator_len = separator ? strlen(separator) : 0;
	e.room = formats[format].max + e.separator_len;
	return e;
}

static const uint64_t lane_prime = 0x9e3779b97f4a7c15;
static const uint64_t lane_start[4] = {0x243f6a8885a308d3, 0x13198a2e03707345, 0xa4093822299f31d1, 0x082efa98ec4e6c89};

void batch_reset(struct batch *b)
{
	b->len = 0;
	b->committed = 0;
	b->flows = 0;
	b->committed_flows = 0;
	b->opened_ns = 0;
	b->summed = 0;
	b->tried = false;
	b->done = 0;
	memcpy(b->lanes, lane_start, sizeof(b->lanes));
}

static size_t json_line(const struct flow *f, uint8_t *out)
{
	return flow_json(f, (char *)out);
}

static size_t text_line(const struct flow *f, uint8_t *out)
{
	return flow_text(f, (char *)out);
}

void batch_add(struct batch *b, const struct batch_encoding *e, const struct flow *f)
{
	uint8_t *out = b->data + b->len;
	size_t n;
	if (e->format == BATCH_BIN)
		n = flow_pack(f, out);
	else
		n = e->format == BATCH_JSON ? json_line(f, out) : text_line(f, out);
	if (e->separator) {
		if (e->format != BATCH_BIN)
			n--; /* instead of the line end */
		memcpy(out + n, e->separator, e->separator_len);
		n += e->separator_len;
	}
	b->len += n;
	b->flows++;
}

static inline uint64_t lane_step(uint64_t lane, const uint8_t *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof(word));
	return (lane ^ word) * lane_prime;
}

/* Whole blocks of 32 bytes from FROM on; gives where it stopped. */
static size_t lanes_add(uint64_t lanes[4], const uint8_t *data, size_t from, size_t to)
{
	uint64_t l0 = lanes[0], l1 = lanes[1], l2 = lanes[2], l3 = lanes[3];
	while (to - from >= 32) {
		l0 = lane_step(l0, data + from);
		l1 = lane_step(l1, data + from + 8);
		l2 = lane_step(l2, data + from + 16);
		l3 = lane_step(l3, data + from + 24);
		from += 32;
	}
	lanes[0] = l0;
	lanes[1] = l1;
	lanes[2] = l2;
	lanes[3] = l3;
	return from;
}

/* What is left (fewer than 32 bytes, padded with zeros), the length and the number of flows; LANES stay. */
static uint64_t lanes_finish(const uint64_t lanes[4], const uint8_t *tail, size_t tail_len, size_t len, uint32_t flows)
{
	uint64_t last[4];
	uint8_t block[32] = {0};
	memcpy(last, lanes, sizeof(last));
	memcpy(block, tail, tail_len);
	(void)lanes_add(last, block, 0, sizeof(block));
	uint64_t sum = len ^ (uint64_t)flows << 40;
	for (int i = 0; i < 4; i++) {
		sum = (sum ^ last[i]) * lane_prime;
		sum ^= sum >> 29;
	}
	return sum;
}

uint64_t batch_checksum(const void *data, size_t len, uint32_t flows)
{
	uint64_t lanes[4];
	memcpy(lanes, lane_start, sizeof(lanes));
	size_t done = lanes_add(lanes, data, 0, len);
	return lanes_finish(lanes, (const uint8_t *)data + done, len - done, len, flows);
}

void batch_commit(struct batch *b, uint64_t now_ns)
{
	if (b->len == b->committed)
		return;
	if (b->record) {
		b->summed = lanes_add(b->lanes, b->data, b->summed, b->len);
		uint64_t sum = lanes_finish(b->lanes, b->data + b->summed, b->len - b->summed, b->len, b->flows);
		journal_record_commit(b->record, (uint32_t)b->len, b->flows, sum);
	}
	if (!b->opened_ns)
		b->opened_ns = now_ns;
	b->committed = b->len;
	b->committed_flows = b->flows;
}

int batch_record(enum batch_format format, const uint8_t *p, const uint8_t *end, size_t *ret_len)
{
	if (format != BATCH_BIN) {
		const uint8_t *newline = memchr(p, '\n', (size_t)(end - p));
		if (!newline)
			return -ERR_TRUNCATED;
		*ret_len = (size_t)(newline - p) + 1;
		return 0;
	}
	uint64_t len = 0;
	for (unsigned shift = 0; shift < 35; shift += 7) {
		if ((size_t)(end - p) <= shift / 7)
			return -ERR_TRUNCATED;
		uint8_t byte = p[shift / 7];
		len |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			len += shift / 7 + 1;
			if (len > (size_t)(end - p))
				return -ERR_TRUNCATED;
			*ret_len = (size_t)len;
			return 0;
		}
	}
	return -ERR_TRUNCATED;
}
