/*
 * rows.h -- constants that pack, unpack and the line writers make from fields.def. Private to proto/.
 *
 * The rows of fields.def and the members of struct flow have the same order, so the fields with numbers LO..HI are
 * one stretch of memory: "is anything in it set" is a few vector loads instead of a question a field. All arguments
 * are constants and everything is inlined; what remains are the loads.
 */
#ifndef WEIR_PROTO_ROWS_H
#define WEIR_PROTO_ROWS_H

#include "proto/flow.h"

#define ROWS_INLINE static inline __attribute__((always_inline))

/* The cleared part's member of a field: the value itself, or the count of an array. */
#define ROW_MEMBER_U32(name)   name
#define ROW_MEMBER_U64(name)   name
#define ROW_MEMBER_ADDR(name)  name
#define ROW_MEMBER_U32S(name)  n_##name
#define ROW_MEMBER_ADDRS(name) n_##name
#define ROW_MEMBER_STR(name)   n_##name

/* Where the storage of an array or text is; 0 for scalars. */
#define ROW_ARRAY_U32(name)   0
#define ROW_ARRAY_U64(name)   0
#define ROW_ARRAY_ADDR(name)  0
#define ROW_ARRAY_U32S(name)  offsetof(struct flow, name)
#define ROW_ARRAY_ADDRS(name) offsetof(struct flow, name)
#define ROW_ARRAY_STR(name)   offsetof(struct flow, name)

/* The row of a field as a struct flow_field_info. */
#define ROW_INFO(number, name, kind, render, what) \
	{number, #name, FLOW_KIND_##kind, FLOW_RENDER_##render, \
	 offsetof(struct flow, ROW_MEMBER_##kind(name)), ROW_ARRAY_##kind(name), what}

/* Is one of the fields with numbers LO..HI set? Never false when one is; may be true for nothing. */
ROWS_INLINE bool rows_any(const struct flow *f, uint32_t lo, uint32_t hi)
{
	typedef uint64_t pair __attribute__((vector_size(16)));
	size_t begin = FLOW_CLEARED;
	size_t end = 0;
#define FIELD(number, name, kind, render, what) \
	if ((number) >= lo && (number) <= hi) { \
		if (begin == FLOW_CLEARED) \
			begin = offsetof(struct flow, ROW_MEMBER_##kind(name)); \
		end = offsetof(struct flow, ROW_MEMBER_##kind(name)) + sizeof(f->ROW_MEMBER_##kind(name)); \
	}
#include "proto/fields.def"
#undef FIELD
	const uint8_t *p = (const uint8_t *)f;
	pair sum = {0, 0};
	for (; begin + sizeof(pair) <= end; begin += sizeof(pair)) {
		pair v;
		memcpy(&v, p + begin, sizeof(v));
		sum |= v;
	}
	uint64_t any = sum[0] | sum[1];
	for (; begin + sizeof(uint64_t) <= end; begin += sizeof(uint64_t)) {
		uint64_t v;
		memcpy(&v, p + begin, sizeof(v));
		any |= v;
	}
	for (; begin + sizeof(uint32_t) <= end; begin += sizeof(uint32_t)) {
		uint32_t v;
		memcpy(&v, p + begin, sizeof(v));
		any |= v;
	}
	return any != 0;
}

/* The index of the first row whose number is not below LIMIT. */
ROWS_INLINE int rows_before(uint32_t limit)
{
	int n = 0;
#define FIELD(number, name, kind, render, what) n += (number) < limit;
#include "proto/fields.def"
#undef FIELD
	return n;
}

enum { ROWS_OWN_FIRST = 1000, ROWS_LAST = 9999 };

/* The fields beyond goflow2's 50 in groups that an exporter sends or does not. */
#define ROWS_OWN(GROUP) \
	GROUP(ROWS_OWN_FIRST, 2011) /* countries, NAT, firewall, direction */ \
	GROUP(2012, 2033)           /* ids and names, the other side's counters */ \
	GROUP(2034, 2039)           /* engine, neighbours, physical interfaces */ \
	GROUP(2040, ROWS_LAST)      /* inside a tunnel, users, networks */

#endif
