/*
 * flow.h -- struct flow: one flow record, whatever protocol it came in. Fixed size, no pointers.
 *
 * Members and their meaning are the rows of fields.def. Two parts: first all scalars, addresses and counts
 * (n_<name>), which flow_clear() zeroes; then the storage of arrays and strings, of which only the first
 * n_<name> elements mean anything, so that it is never cleared.
 *
 * 0 means absent, as in proto3; an address is absent when its len is 0.
 */
#ifndef WEIR_PROTO_FLOW_H
#define WEIR_PROTO_FLOW_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/ip.h"

enum {
	FLOW_ARRAY_MAX = 32,   /* elements of a repeated field; what comes after is cut and counted by the decoder */
	FLOW_STR_MAX = 128,    /* bytes of a text field */
	FLOW_MAPPED_MAX = 1024 /* bytes of a user's mapped fields, already as protobuf */
};

struct flow {
#define FLOW_SCALAR_U32(name)   uint32_t name;
#define FLOW_SCALAR_U64(name)   uint64_t name;
#define FLOW_SCALAR_ADDR(name)  struct ip_addr name;
#define FLOW_SCALAR_U32S(name)  uint32_t n_##name;
#define FLOW_SCALAR_ADDRS(name) uint32_t n_##name;
#define FLOW_SCALAR_STR(name)   uint32_t n_##name;
#define FIELD(number, name, kind, render, what) FLOW_SCALAR_##kind(name)
#include "proto/fields.def"
#undef FIELD
	uint32_t n_mapped; /* bytes in mapped */

	/* Not cleared from here on. */
#define FLOW_ARRAY_U32(name)
#define FLOW_ARRAY_U64(name)
#define FLOW_ARRAY_ADDR(name)
#define FLOW_ARRAY_U32S(name)  uint32_t name[FLOW_ARRAY_MAX];
#define FLOW_ARRAY_ADDRS(name) struct ip_addr name[FLOW_ARRAY_MAX];
#define FLOW_ARRAY_STR(name)   char name[FLOW_STR_MAX];
#define FIELD(number, name, kind, render, what) FLOW_ARRAY_##kind(name)
#include "proto/fields.def"
#undef FIELD
	uint8_t mapped[FLOW_MAPPED_MAX]; /* fields >= 10000 as protobuf tag and value, ascending numbers */
};

/* Fields by index, in the order of fields.def. */
enum flow_field {
#define FIELD(number, name, kind, render, what) FLOW_F_##name,
#include "proto/fields.def"
#undef FIELD
	FLOW_F_COUNT
};

enum flow_type {
	FLOW_TYPE_UNKNOWN = 0,
	FLOW_TYPE_SFLOW_5 = 1,
	FLOW_TYPE_NETFLOW_V5 = 2,
	FLOW_TYPE_NETFLOW_V9 = 3,
	FLOW_TYPE_IPFIX = 4,
	/* weir's own */
	FLOW_TYPE_NETFLOW_V1 = 2000,
	FLOW_TYPE_NETFLOW_V6 = 2001,
	FLOW_TYPE_NETFLOW_V7 = 2002,
	FLOW_TYPE_NETFLOW_V8 = 2003,
	FLOW_TYPE_SFLOW_2 = 2004,
	FLOW_TYPE_SFLOW_4 = 2005,
	FLOW_TYPE_PACKET = 2006 /* metered here, from packets */
};

enum flow_layer {
	FLOW_LAYER_ETHERNET = 0,
	FLOW_LAYER_IPV4 = 1,
	FLOW_LAYER_IPV6 = 2,
	FLOW_LAYER_TCP = 3,
	FLOW_LAYER_UDP = 4,
	FLOW_LAYER_MPLS = 5,
	FLOW_LAYER_DOT1Q = 6,
	FLOW_LAYER_ICMP = 7,
	FLOW_LAYER_ICMPV6 = 8,
	FLOW_LAYER_GRE = 9,
	FLOW_LAYER_IPV6_ROUTING = 10,
	FLOW_LAYER_IPV6_FRAGMENT = 11,
	FLOW_LAYER_GENEVE = 12,
	FLOW_LAYER_TEREDO = 13,
	FLOW_LAYER_CUSTOM = 99
};

enum flow_tunnel {
	FLOW_TUNNEL_NONE = 0,
	FLOW_TUNNEL_GRE = 1,
	FLOW_TUNNEL_IPIP = 2,
	FLOW_TUNNEL_VXLAN = 3,
	FLOW_TUNNEL_GENEVE = 4,
	FLOW_TUNNEL_GTPU = 5,
	FLOW_TUNNEL_TEREDO = 6,
	FLOW_TUNNEL_SRV6 = 7,
	FLOW_TUNNEL_PPPOE = 8,
	FLOW_TUNNEL_MPLS = 9 /* Ethernet over MPLS */
};

/* Where the part that is cleared ends. */
#define FLOW_CLEARED (offsetof(struct flow, n_mapped) + sizeof(uint32_t))

static inline void flow_clear(struct flow *f)
{
	/* The compiler is not to know the length: it would write `rep stos`, twice as slow as the library's loop. */
	size_t len = FLOW_CLEARED;
	__asm__("" : "+r"(len));
	memset(f, 0, len);
}

/* sampling_rate, or 1 where it is unknown: what to multiply by. */
static inline uint64_t flow_scale(const struct flow *f)
{
	return f->sampling_rate ? f->sampling_rate : 1;
}

/* A row of fields.def at run time, for what works field by field (filter, mapping, tests). */
enum flow_kind { FLOW_KIND_U32, FLOW_KIND_U64, FLOW_KIND_ADDR, FLOW_KIND_U32S, FLOW_KIND_ADDRS, FLOW_KIND_STR };
enum flow_render {
	FLOW_RENDER_NUM, FLOW_RENDER_TYPE, FLOW_RENDER_IP, FLOW_RENDER_MAC, FLOW_RENDER_ETYPE, FLOW_RENDER_PROTO,
	FLOW_RENDER_NET, FLOW_RENDER_STACK, FLOW_RENDER_NUMS, FLOW_RENDER_IPS, FLOW_RENDER_STRING, FLOW_RENDER_TUNNEL
};

struct flow_field_info {
	uint32_t number;
	const char *name;
	enum flow_kind kind;
	enum flow_render render;
	size_t offset;       /* of the scalar, or of n_<name> */
	size_t array_offset; /* of the array's storage; 0 for scalars */
	const char *what;
};

extern const struct flow_field_info flow_fields[FLOW_F_COUNT];
/* -1 when no field has that name. */
int flow_field_by_name(const char *name);

/* Names of enum values; NULL when there is none. */
const char *flow_type_name(uint32_t type);   /* "NETFLOW_V9" */
const char *flow_layer_name(uint32_t layer); /* "Ethernet" */
const char *flow_tunnel_name(uint32_t tunnel);
const char *flow_proto_name(uint32_t proto); /* IANA keyword, as reference JSON has it: "HOPOPT", "TCP", "IPv6-ICMP" */

#endif
