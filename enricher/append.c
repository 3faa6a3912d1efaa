/*
 * append.c -- see append.h.
 *
 * A record is not taken apart and put together again: its bytes are copied as they are, and what was found is appended
 * as further fields. In protobuf the last value of a field counts, so an appended AS number takes the place of a 0; and fields
 * of a newer schema, which this program does not know, go through untouched.
 */
#include "enricher/append.h"

#include <errno.h>

#include "common/buf.h"
#include "common/counter.h"
#include "common/err.h"
#include "enrich/enrich.h"
#include "proto/flow.h"
#include "proto/pack.h"
#include "proto/unpack.h"

/* Where the record at P begins behind its length. */
static const uint8_t *body(const uint8_t *p)
{
	while (*p & 0x80)
		p++;
	return p + 1;
}

static size_t put_varint(uint8_t *out, size_t v)
{
	size_t n = 0;
	for (; v >= 0x80; v >>= 7)
		out[n++] = (uint8_t)(v | 0x80);
	out[n++] = (uint8_t)v;
	return n;
}

/* Packs only what E adds to F: a flow with nothing else in it. */
static size_t pack_found(struct enrich *e, const struct flow *f, uint8_t *out)
{
	struct flow found;
	flow_clear(&found);
	found.src_addr = f->src_addr;
	found.dst_addr = f->dst_addr;
	found.src_as = f->src_as;
	found.dst_as = f->dst_as;
	enrich_flow(e, &found);
	found.src_addr = found.dst_addr = (struct ip_addr){0};
	if (found.src_as == f->src_as)
		found.src_as = 0;
	if (found.dst_as == f->dst_as)
		found.dst_as = 0;
	return flow_pack(&found, out);
}

static int copy_record(struct enrich *e, const struct flow *f, const uint8_t *record, size_t len, struct buf *out)
{
	uint8_t found[FLOW_PACK_MAX];
	size_t packed = pack_found(e, f, found);
	const uint8_t *more = body(found);
	size_t more_len = packed - (size_t)(more - found);
	uint8_t *to = (uint8_t *)buf_reserve(out, 10 + len + more_len);
	if (!to)
		return -ENOMEM;
	out->len += put_varint(to, len + more_len);
	buf_add(out, record, len);
	buf_add(out, more, more_len);
	return out->failed ? -ENOMEM : 0;
}

int append_message(struct enrich *e, const uint8_t *data, size_t len, struct buf *out, struct append_stats *stats)
{
	struct flow_iter it;
	struct flow f;
	int r, status = 0;
	flow_iter_message(&it, data, len);
	for (const uint8_t *at = it.p; !status && (r = flow_iter_next(&it, &f)) != 0; at = it.p) {
		if (r < 0) {
			counter_inc(r == -ERR_TRUNCATED ? &stats->truncated : &stats->bad_records);
			continue;
		}
		const uint8_t *record = it.bare ? at : body(at); /* out it goes with its length */
		status = copy_record(e, &f, record, (size_t)(it.p - record), out);
		counter_inc(&stats->flows);
	}
	return status;
}
