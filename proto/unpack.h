/*
 * unpack.h -- what a Kafka message holds -> flows, one after the other.
 *
 * A message is 1..N records, each behind its varint length (weir's packed ones and goflow2's one-per-message alike), or one
 * record without it, as GoFlow without -proto.fixedlen and goflow2's first version write them. Unknown fields below 10000 are
 * skipped; those from 10000 on are kept in flow.mapped.
 */
#ifndef WEIR_PROTO_UNPACK_H
#define WEIR_PROTO_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow;

struct flow_iter {
	const uint8_t *p;
	const uint8_t *end;
	bool bare; /* the rest is one record without its length */
};

static inline void flow_iter_init(struct flow_iter *it, const void *data, size_t len)
{
	it->p = data;
	it->end = it->p + len;
	it->bare = false;
}

/* The same for a message that was not written by us: it may be one record without its length. */
void flow_iter_message(struct flow_iter *it, const void *data, size_t len);

/* 1: *ret_flow is the next flow; 0: the end; -ERR_TRUNCATED, -ERR_BAD_RECORD: damaged. After -ERR_BAD_RECORD the
 * iterator stands behind the damaged record and may go on; after -ERR_TRUNCATED there is nothing more. */
int flow_iter_next(struct flow_iter *it, struct flow *ret_flow);

/* One record without its length prefix; 0 or -ERR_BAD_RECORD. */
int flow_unpack(const void *data, size_t len, struct flow *ret_flow);

#endif
