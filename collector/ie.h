/*
 * ie.h -- information elements: what the IANA registry says of them (ie.def), and where their values go (ie_map.def).
 */
#ifndef WEIR_COLLECTOR_IE_H
#define WEIR_COLLECTOR_IE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 7012 3.1, RFC 6313 4.5.1, RFC 9740 for U256; the number that RFC 5610 3.1 gives each on the wire is ie_type_of_wire()'s. */
enum ie_type {
	IE_TYPE_UNKNOWN,
	IE_TYPE_OCTETS, IE_TYPE_U8, IE_TYPE_U16, IE_TYPE_U32, IE_TYPE_U64, IE_TYPE_U256,
	IE_TYPE_S8, IE_TYPE_S16, IE_TYPE_S32, IE_TYPE_S64, IE_TYPE_F32, IE_TYPE_F64, IE_TYPE_BOOL,
	IE_TYPE_MAC, IE_TYPE_STR, IE_TYPE_TIME_S, IE_TYPE_TIME_MS, IE_TYPE_TIME_US, IE_TYPE_TIME_NS,
	IE_TYPE_IPV4, IE_TYPE_IPV6, IE_TYPE_BASIC_LIST, IE_TYPE_SUB_LIST, IE_TYPE_MULTI_LIST
};

enum ie_number {
#define IE(number, name, type) IE_##name = number,
#include "collector/ie.def"
#undef IE
};

/* Numbers that have a meaning of their own. */
enum {
	IE_PEN_REVERSE = 29305, /* RFC 5103 6.1 */
};

struct ie {
	uint16_t number;
	uint8_t type; /* enum ie_type */
	const char *name;
};

enum ie_op {
	IE_OP_UINT, IE_OP_VLAN, IE_OP_LABEL, IE_OP_ADDR, IE_OP_TEXT, IE_OP_SEC, IE_OP_MS, IE_OP_NTP, IE_OP_NTP_US, IE_OP_ICMP_TYPE,
	IE_OP_ICMP_CODE,
	IE_OP_IP_VERSION, IE_OP_DSCP, IE_OP_FRAGMENT, IE_OP_MPLS, IE_OP_NUMBER, IE_OP_ADDRESS, IE_OP_SEGMENT, IE_OP_JUNIPER,
	IE_OP_VMWARE_TUNNEL,
	IE_OP_FLOAT,
	IE_OP_CALL,   /* by a function, see enum ie_call */
	IE_OP_MAPPED  /* a user's field, appended to flow.mapped */
};

/* How many of its low bits an unsigned number of the operation OP has, 0: all. */
static inline unsigned ie_op_bits(unsigned op)
{
	return op == IE_OP_VLAN ? 12 /* IEEE 802.1Q 9.6: VID */ : op == IE_OP_LABEL ? 20 /* RFC 8200 3 */ : 0;
}

enum ie_call {
	IE_CALL_FRAME, IE_CALL_IP_PACKET, IE_CALL_LABELS, IE_CALL_BASIC_LIST, IE_CALL_SUB_LIST, IE_CALL_MULTI_LIST,
	IE_CALL_AS_PATH,
	IE_CALLS
};

enum ie_width { IE_WIDTH_32, IE_WIDTH_64, IE_WIDTH_ADDR, IE_WIDTH_ARRAY };

/* A row of ie_map.def. */
struct ie_map {
	uint32_t pen;
	uint16_t element;
	uint8_t op;        /* enum ie_op */
	uint8_t rank;
	uint8_t width;     /* enum ie_width of the target */
	uint16_t target;   /* offset in struct record; of the count, for arrays and text; of CALL rows the enum ie_call */
	uint16_t array;    /* offset of the storage of arrays and text */
};

/* NULL when IANA has assigned nothing to NUMBER. */
const struct ie *ie_find(uint32_t number);
const struct ie *ie_by_name(const char *name);
const char *ie_type_name(enum ie_type type); /* "unsigned64" */
enum ie_type ie_type_by_name(const char *name);
/* RFC 5610 3.1: informationElementDataType -> type. */
enum ie_type ie_type_of_wire(uint64_t value);

/* The rows of ie_map.def in its order; the count goes to *ret_count. */
const struct ie_map *ie_map_rows(size_t *ret_count);

#endif
