/*
 * unpack.c -- a protobuf record -> struct flow, by hand from fields.def; protobuf-c is the judge (tests/unit/test_unpack.c).
 *
 * protobuf-c allocates for each message and each bytes field and takes three to four times as long. What it accepts and
 * refuses is the same here: scalars given twice keep the last value, repeated numbers come packed or one by one,
 * varints may be longer than they need be (up to 10 bytes), a known field with another wire type, a group, or
 * anything that runs past its end makes the record a bad one.
 *
 * What differs from it follows from the fixed size of struct flow: what does not fit is cut (arrays at FLOW_ARRAY_MAX,
 * texts at FLOW_STR_MAX without splitting a character), and an address that is neither 4 nor 16 bytes is absent.
 */
#include "proto/unpack.h"

#include <string.h>

#include "common/err.h"
#include "proto/flow.h"
#include "proto/varint.h"

enum { MAPPED_FIRST = 10000, TAG_MAX = 5 };

static void read_addr(struct wire *w, struct ip_addr *ret_addr)
{
	struct wire value = varint_bytes(w);
	size_t len = wire_left(&value);
	*ret_addr = (struct ip_addr){.len = 0};
	if (len == 4)
		*ret_addr = ip_v4(value.p);
	else if (len == 16)
		*ret_addr = ip_v6(value.p);
}

static void read_u32s(struct wire *w, uint32_t wire_type, uint32_t *values, uint32_t *n)
{
	struct wire packed;
	struct wire *from = w;
	if (wire_type == WIRE_BYTES) {
		packed = varint_bytes(w);
		from = &packed;
	} else if (wire_type != WIRE_VARINT) {
		wire_fail(w);
		return;
	}
	do {
		if (from == &packed && !wire_left(from))
			break;
		uint32_t v = (uint32_t)varint_read(from);
		if (*n < FLOW_ARRAY_MAX && !wire_failed(from))
			values[(*n)++] = v;
	} while (from == &packed);
	if (wire_failed(from))
		wire_fail(w);
}

static void read_addrs(struct wire *w, struct ip_addr *addrs, uint32_t *n)
{
	struct ip_addr a;
	read_addr(w, &a);
	if (*n < FLOW_ARRAY_MAX)
		addrs[(*n)++] = a;
}

static void read_str(struct wire *w, char *text, uint32_t *n)
{
	struct wire value = varint_bytes(w);
	size_t len = wire_left(&value);
	if (len > FLOW_STR_MAX) {
		len = FLOW_STR_MAX;
		while (len && (value.p[len] & 0xc0) == 0x80)
			len--;
	}
	/* A NUL ends it: struct flow's texts have none, and protobuf-c's readers would stop there too. */
	*n = (uint32_t)strnlen((const char *)value.p, len);
	memcpy(text, value.p, *n);
}

/* A field that fields.def does not know: kept as it stands when it is a user's mapped one, else skipped. */
static void read_unknown(struct wire *w, const uint8_t *tag, uint32_t number, uint32_t wire_type, struct flow *f)
{
	varint_skip(w, wire_type);
	if (wire_failed(w) || number < MAPPED_FIRST)
		return;
	size_t len = (size_t)(w->p - tag);
	if (len > FLOW_MAPPED_MAX - f->n_mapped)
		return;
	memcpy(f->mapped + f->n_mapped, tag, len);
	f->n_mapped += (uint32_t)len;
}

#define WANT(type) \
	if (wire_type != (type)) { \
		wire_fail(w); \
		break; \
	}
#define UNPACK_U32(name) \
	WANT(WIRE_VARINT) \
	f->name = (uint32_t)varint_read(w);
#define UNPACK_U64(name) \
	WANT(WIRE_VARINT) \
	f->name = varint_read(w);
#define UNPACK_ADDR(name) \
	WANT(WIRE_BYTES) \
	read_addr(w, &f->name);
#define UNPACK_U32S(name) read_u32s(w, wire_type, f->name, &f->n_##name);
#define UNPACK_ADDRS(name) \
	WANT(WIRE_BYTES) \
	read_addrs(w, f->name, &f->n_##name);
#define UNPACK_STR(name) \
	WANT(WIRE_BYTES) \
	read_str(w, f->name, &f->n_##name);

static void unpack_fields(struct wire *w, struct flow *f)
{
	while (wire_left(w)) {
		const uint8_t *start = w->p;
		/* At most 5 bytes, and never field 0: as protobuf-c has it. */
		uint64_t tag = varint_read(w);
		uint32_t wire_type = tag & 7;
		uint32_t number = (uint32_t)(tag >> 3);
		if (w->p - start > TAG_MAX || *start < 1 << 3)
			wire_fail(w);
		switch (number) {
#define FIELD(number, name, kind, render, what) \
		case number: \
			UNPACK_##kind(name) \
			break;
#include "proto/fields.def"
#undef FIELD
		default:
			read_unknown(w, start, number, wire_type, f);
		}
	}
}

int flow_unpack(const void *data, size_t len, struct flow *ret_flow)
{
	struct wire w = wire_of(data, len);
	flow_clear(ret_flow);
	unpack_fields(&w, ret_flow);
	return wire_failed(&w) ? -ERR_BAD_RECORD : 0;
}

/* Do lengths lead from record to record and to the end? The first octet of a record is a tag, and no field has number 0: where
 * a record without length is taken for one with, its type (08 03) would be length and tag. */
static bool has_lengths(const uint8_t *data, size_t len)
{
	struct wire w = wire_of(data, len);
	while (wire_left(&w)) {
		struct wire record = varint_bytes(&w);
		if (wire_failed(&w) || (wire_left(&record) && *record.p < 1 << 3))
			return false;
	}
	return true;
}

void flow_iter_message(struct flow_iter *it, const void *data, size_t len)
{
	static _Thread_local struct flow unused;
	flow_iter_init(it, data, len);
	it->bare = len && !has_lengths(data, len) && flow_unpack(data, len, &unused) == 0;
}

int flow_iter_next(struct flow_iter *it, struct flow *ret_flow)
{
	if (it->p == it->end)
		return 0;
	if (it->bare) {
		const uint8_t *record = it->p;
		it->p = it->end;
		int err = flow_unpack(record, (size_t)(it->end - record), ret_flow);
		return err ? err : 1;
	}
	struct wire w = wire_of(it->p, (size_t)(it->end - it->p));
	struct wire record = varint_bytes(&w);
	if (wire_failed(&w)) {
		it->p = it->end;
		return -ERR_TRUNCATED;
	}
	it->p = w.p;
	int err = flow_unpack(record.p, wire_left(&record), ret_flow);
	return err ? err : 1;
}
