/*
 * flow_pb.h -- struct flow <-> protobuf-c's message of flow.proto: the judge of pack and unpack.
 */
#ifndef WEIR_TESTS_FLOW_PB_H
#define WEIR_TESTS_FLOW_PB_H

#include "common/wire.h"
#include "proto/flow.h"
#include "proto/flow.pb-c.h"

enum { PB_MAPPED_MAX = 64 };

/* A message and what its pointers point at. */
struct flow_pb {
	Flowpb__FlowMessage m;
	ProtobufCMessageUnknownField unknown[PB_MAPPED_MAX];
	struct flow copy;
#define PB_STORE_U32(name)
#define PB_STORE_U64(name)
#define PB_STORE_ADDR(name)
#define PB_STORE_U32S(name)
#define PB_STORE_ADDRS(name) ProtobufCBinaryData name[FLOW_ARRAY_MAX];
#define PB_STORE_STR(name)   char name[FLOW_STR_MAX + 1];
#define FIELD(number, name, kind, render, what) PB_STORE_##kind(name)
#include "proto/fields.def"
#undef FIELD
};

/* Splits mapped bytes into protobuf-c's list of unknown fields. */
static inline void flow_pb_mapped(struct flow_pb *pb)
{
	struct wire w = wire_of(pb->copy.mapped, pb->copy.n_mapped);
	pb->m.base.unknown_fields = pb->unknown;
	while (wire_left(&w)) {
		uint64_t v[2] = {0, 0};
		const uint8_t *value = w.p;
		for (int part = 0; part < 2; part++) {
			unsigned shift = 0;
			uint8_t byte;
			do {
				byte = wire_u8(&w);
				v[part] |= (uint64_t)(byte & 127) << shift;
				shift += 7;
			} while (byte & 128);
			if (part == 0)
				value = w.p;
		}
		if ((v[0] & 7) == 2)
			wire_skip(&w, v[1]);
		pb->unknown[pb->m.base.n_unknown_fields++] = (ProtobufCMessageUnknownField){
			.tag = (uint32_t)(v[0] >> 3),
			.wire_type = (ProtobufCWireType)(v[0] & 7),
			.len = (size_t)(w.p - value),
			.data = pb->copy.mapped + (value - pb->copy.mapped),
		};
	}
}

#define TO_PB_U32(name)  m->name = (typeof(m->name))c->name;
#define TO_PB_U64(name)  m->name = c->name;
#define TO_PB_ADDR(name) m->name = (ProtobufCBinaryData){.len = c->name.len, .data = c->name.bytes};
#define TO_PB_U32S(name) \
	m->n_##name = c->n_##name; \
	m->name = (void *)c->name;
#define TO_PB_ADDRS(name) \
	m->n_##name = c->n_##name; \
	m->name = pb->name; \
	for (uint32_t i = 0; i < c->n_##name; i++) \
		pb->name[i] = (ProtobufCBinaryData){.len = c->name[i].len, .data = c->name[i].bytes};
#define TO_PB_STR(name) \
	memcpy(pb->name, c->name, c->n_##name); \
	pb->name[c->n_##name] = '\0'; \
	m->name = pb->name;

static inline void flow_to_pb(const struct flow *f, struct flow_pb *pb)
{
	pb->copy = *f;
	struct flow *c = &pb->copy;
	Flowpb__FlowMessage *m = &pb->m;
	flowpb__flow_message__init(m);
#define FIELD(number, name, kind, render, what) TO_PB_##kind(name)
#include "proto/fields.def"
#undef FIELD
	flow_pb_mapped(pb);
}

static inline bool pb_addr_equal(const struct ip_addr *a, const ProtobufCBinaryData *b)
{
	return a->len == b->len && (b->len == 0 || memcmp(a->bytes, b->data, b->len) == 0);
}

static inline bool pb_addrs_equal(const struct ip_addr *a, const ProtobufCBinaryData *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!pb_addr_equal(&a[i], &b[i]))
			return false;
	return true;
}

#define PB_SAME_U32(name)   (f->name == (uint32_t)m->name)
#define PB_SAME_U64(name)   (f->name == m->name)
#define PB_SAME_ADDR(name)  pb_addr_equal(&f->name, &m->name)
#define PB_SAME_U32S(name)  (f->n_##name == m->n_##name && (!m->name || !memcmp(f->name, m->name, 4 * m->n_##name)))
#define PB_SAME_ADDRS(name) (f->n_##name == m->n_##name && pb_addrs_equal(f->name, m->name, m->n_##name))
#define PB_SAME_STR(name)   (f->n_##name == strlen(m->name) && !memcmp(f->name, m->name, f->n_##name))

/* The name of the first field that differs, or NULL when F and M say the same. */
static inline const char *flow_pb_differs(const struct flow *f, const Flowpb__FlowMessage *m)
{
#define FIELD(number, name, kind, render, what) \
	if (!PB_SAME_##kind(name)) \
		return #name;
#include "proto/fields.def"
#undef FIELD
	return NULL;
}

#define SAME_U32(name)   (a->name == b->name)
#define SAME_U64(name)   (a->name == b->name)
#define SAME_ADDR(name)  ip_equal(&a->name, &b->name)
#define SAME_U32S(name)  (a->n_##name == b->n_##name && !memcmp(a->name, b->name, sizeof(a->name[0]) * a->n_##name))
#define SAME_ADDRS(name) SAME_U32S(name)
#define SAME_STR(name)   SAME_U32S(name)

/* The name of the first field in which two flows differ, or NULL. */
static inline const char *flow_differs(const struct flow *a, const struct flow *b)
{
#define FIELD(number, name, kind, render, what) \
	if (!SAME_##kind(name)) \
		return #name;
#include "proto/fields.def"
#undef FIELD
	return SAME_U32S(mapped) ? NULL : "mapped";
}

#endif
