/*
 * line.c -- the rare part of a line: weir's own fields (where not zero) and a user's mapped ones, in either style.
 */
#include "proto/line.h"

#include "proto/varint.h"

static char *put_key(char *o, const char *name, enum line_style style)
{
	*o++ = style == LINE_JSON ? ',' : ' ';
	o = line_quote(o, style);
	o = line_put(o, name);
	o = line_quote(o, style);
	*o++ = style == LINE_JSON ? ':' : '=';
	return o;
}

static bool is_set(const struct flow *f, const struct flow_field_info *row)
{
	if (row->kind == FLOW_KIND_ADDR)
		return ((const struct ip_addr *)(const void *)((const char *)f + row->offset))->len != 0;
	return line_scalar(f, row) != 0;
}

/* Bytes as text where they are text, else as hexadecimal digits. */
static char *put_bytes(char *o, const struct wire *bytes, enum line_style style)
{
	size_t len = wire_left(bytes);
	o = line_quote(o, style);
	if (utf8_valid((const char *)bytes->p, len))
		o = utf8_escape(o, (const char *)bytes->p, len);
	else
		for (size_t i = 0; i < len; i++)
			o = digits_hex2(o, bytes->p[i]);
	return line_quote(o, style);
}

static char *put_mapped_value(char *o, struct wire *w, uint64_t wire_type, enum line_style style)
{
	struct wire bytes;
	switch (wire_type) {
	case WIRE_VARINT:
		return digits_u64(o, varint_read(w));
	case WIRE_FIXED64:
		return digits_u64(o, __builtin_bswap64(wire_u64(w))); /* protobuf has them little endian */
	case WIRE_FIXED32:
		return digits_u64(o, __builtin_bswap32(wire_u32(w)));
	default:
		bytes = varint_bytes(w);
		return put_bytes(o, &bytes, style);
	}
}

/* Is the field behind the value at W another one of the same number? */
static bool is_followed(struct wire w, uint64_t tag)
{
	varint_skip(&w, tag & 7);
	return wire_left(&w) && varint_read(&w) >> 3 == tag >> 3;
}

/* flow.mapped was written or checked by us (unpack.c, the mapping): tags and values are whole. A number that comes
 * several times in a row is an array, so that no key stands twice in an object. */
static char *put_mapped(char *o, const struct flow *f, enum line_style style)
{
	struct wire w = wire_of(f->mapped, f->n_mapped);
	bool in_array = false;
	while (wire_left(&w)) {
		uint64_t tag = varint_read(&w);
		bool more = is_followed(w, tag);
		if (!in_array) {
			char name[32] = "field_";
			*digits_u64(name + strlen(name), tag >> 3) = '\0';
			o = put_key(o, name, style);
			if (more)
				*o++ = '[';
		}
		o = put_mapped_value(o, &w, tag & 7, style);
		if (more)
			*o++ = ',';
		else if (in_array)
			*o++ = ']';
		in_array = more;
	}
	return o;
}

static char *put_rows(char *o, const struct flow *f, enum line_style style, int begin, int end)
{
	for (int i = begin; i < end; i++) {
		const struct flow_field_info *row = &flow_fields[i];
		if (!is_set(f, row))
			continue;
		o = put_key(o, row->name, style);
		o = line_value(o, f, row, style);
	}
	return o;
}

char *line_own(char *o, const struct flow *f, enum line_style style)
{
#define GROUP(lo, hi) \
	if (rows_any(f, lo, hi)) \
		o = put_rows(o, f, style, rows_before(lo), rows_before((hi) + 1));
	ROWS_OWN(GROUP)
#undef GROUP
	return f->n_mapped ? put_mapped(o, f, style) : o;
}
