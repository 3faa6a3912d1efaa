/*
 * ie.c -- the tables ie.def and ie_map.def as arrays.
 */
#include "collector/ie.h"

#include <string.h>

#include "collector/record.h"
#include "proto/flow.h"

static const struct ie elements[] = {
#define IE(number, name, type) {number, IE_TYPE_##type, #name},
#include "collector/ie.def"
#undef IE
};

enum { ELEMENTS = sizeof(elements) / sizeof(elements[0]) };

static const char *const type_names[] = {
	[IE_TYPE_UNKNOWN] = "unknown", [IE_TYPE_OCTETS] = "octetArray", [IE_TYPE_U8] = "unsigned8",
	[IE_TYPE_U16] = "unsigned16", [IE_TYPE_U32] = "unsigned32", [IE_TYPE_U64] = "unsigned64",
	[IE_TYPE_U256] = "unsigned256", [IE_TYPE_S8] = "signed8", [IE_TYPE_S16] = "signed16", [IE_TYPE_S32] = "signed32",
	[IE_TYPE_S64] = "signed64", [IE_TYPE_F32] = "float32", [IE_TYPE_F64] = "float64", [IE_TYPE_BOOL] = "boolean",
	[IE_TYPE_MAC] = "macAddress", [IE_TYPE_STR] = "string", [IE_TYPE_TIME_S] = "dateTimeSeconds",
	[IE_TYPE_TIME_MS] = "dateTimeMilliseconds", [IE_TYPE_TIME_US] = "dateTimeMicroseconds",
	[IE_TYPE_TIME_NS] = "dateTimeNanoseconds", [IE_TYPE_IPV4] = "ipv4Address", [IE_TYPE_IPV6] = "ipv6Address",
	[IE_TYPE_BASIC_LIST] = "basicList", [IE_TYPE_SUB_LIST] = "subTemplateList",
	[IE_TYPE_MULTI_LIST] = "subTemplateMultiList",
};

enum { TYPES = sizeof(type_names) / sizeof(type_names[0]) };

/* RFC 5610 3.1 and the IANA list that goes on from it. */
static const uint8_t wire_types[] = {
	IE_TYPE_OCTETS, IE_TYPE_U8, IE_TYPE_U16, IE_TYPE_U32, IE_TYPE_U64, IE_TYPE_S8, IE_TYPE_S16, IE_TYPE_S32, IE_TYPE_S64,
	IE_TYPE_F32, IE_TYPE_F64, IE_TYPE_BOOL, IE_TYPE_MAC, IE_TYPE_STR, IE_TYPE_TIME_S, IE_TYPE_TIME_MS, IE_TYPE_TIME_US,
	IE_TYPE_TIME_NS, IE_TYPE_IPV4, IE_TYPE_IPV6, IE_TYPE_BASIC_LIST, IE_TYPE_SUB_LIST, IE_TYPE_MULTI_LIST, IE_TYPE_U256,
};

/* Width and storage of a member of struct flow, from its row in fields.def. */
enum {
#define WIDTH_U32 IE_WIDTH_32
#define WIDTH_U64 IE_WIDTH_64
#define WIDTH_ADDR IE_WIDTH_ADDR
#define WIDTH_U32S IE_WIDTH_ARRAY
#define WIDTH_ADDRS IE_WIDTH_ARRAY
#define WIDTH_STR IE_WIDTH_ARRAY
#define AT_U32(name) offsetof(struct flow, name)
#define AT_U64(name) offsetof(struct flow, name)
#define AT_ADDR(name) offsetof(struct flow, name)
#define AT_U32S(name) offsetof(struct flow, n_##name)
#define AT_ADDRS(name) offsetof(struct flow, n_##name)
#define AT_STR(name) offsetof(struct flow, n_##name)
#define FIELD(number, name, kind, render, what) \
	width_of_##name = WIDTH_##kind, at_##name = AT_##kind(name), array_at_##name = offsetof(struct flow, name),
#include "proto/fields.def"
#undef FIELD
};

static const struct ie_map map[] = {
#define MAP(pen_, element_, op_, field, rank_) \
	{.pen = pen_, .element = element_, .op = IE_OP_##op_, .rank = rank_, .width = width_of_##field, \
	 .target = at_##field, .array = array_at_##field},
#define HINT(pen_, element_, op_, member) \
	{.pen = pen_, .element = element_, .op = IE_OP_##op_, .width = IE_WIDTH_64, \
	 .target = offsetof(struct record, extra.member)},
#define CALL(pen_, element_, function) \
	{.pen = pen_, .element = element_, .op = IE_OP_CALL, .target = IE_CALL_##function},
#include "collector/ie_map.def"
#undef MAP
};

const struct ie *ie_find(uint32_t number)
{
	size_t low = 0;
	size_t high = ELEMENTS;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (elements[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low < ELEMENTS && elements[low].number == number ? &elements[low] : NULL;
}

const struct ie *ie_by_name(const char *name)
{
	for (size_t i = 0; i < ELEMENTS; i++)
		if (strcmp(elements[i].name, name) == 0)
			return &elements[i];
	return NULL;
}

const char *ie_type_name(enum ie_type type)
{
	return (size_t)type < TYPES ? type_names[type] : type_names[IE_TYPE_UNKNOWN];
}

enum ie_type ie_type_by_name(const char *name)
{
	for (size_t i = 0; i < TYPES; i++)
		if (strcmp(type_names[i], name) == 0)
			return (enum ie_type)i;
	return IE_TYPE_UNKNOWN;
}

enum ie_type ie_type_of_wire(uint64_t value)
{
	return value < sizeof(wire_types) ? (enum ie_type)wire_types[value] : IE_TYPE_UNKNOWN;
}

const struct ie_map *ie_map_rows(size_t *ret_count)
{
	*ret_count = sizeof(map) / sizeof(map[0]);
	return map;
}
