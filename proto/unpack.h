/*
 * unpack.h -- what a Kafka message holds -> flows, one after the other.
 *
 * A message is 1..N records, each behind its varint length (weir's packed ones and goflow2's one-per-message
 * alike). Unknown fields below 10000 are skipped; those from 10000 on are kept in flow.mapped.
 */
#ifndef WEIR_PROTO_UNPACK_H
#define WEIR_PROTO_UNPACK_H

#include <stddef.h>
#include <stdint.h>

struct flow;

struct flow_iter {
	const uint8_t *p;
	const uint8_t *end;
};

static inline void flow_iter_init(struct flow_iter *it, const void *data, size_t len)
{
	it->p = data;
	it->end = it->p + len;
}

/* 1: *ret_flow is the next flow; 0: the end; -ERR_TRUNCATED, -ERR_BAD_RECORD: damaged. After -ERR_BAD_RECORD the
 * iterator stands behind the damaged record and may go on; after -ERR_TRUNCATED there is nothing more. */
int flow_iter_next(struct flow_iter *it, struct flow *ret_flow);

/* One record without its length prefix; 0 or -ERR_BAD_RECORD. */
int flow_unpack(const void *data, size_t len, struct flow *ret_flow);

#endif
