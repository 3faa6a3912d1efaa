/*
 * line.h -- a flow as a line: the walk over keys and values that json.c and text.c share. Private to proto/.
 *
 * Everything is inlined with the style and the rows as constants: what the compiler makes of it is a store of the key
 * and the code of one renderer, key after key. Own fields are rare; for them the same code runs over flow_fields.
 */
#ifndef WEIR_PROTO_LINE_H
#define WEIR_PROTO_LINE_H

#include "common/utf8.h"
#include "proto/digits.h"
#include "proto/rows.h"

enum line_style { LINE_JSON, LINE_TEXT };

/* flow_fields where the compiler can see it: every access has a constant index and becomes a constant. */
static const struct flow_field_info line_rows[FLOW_F_COUNT] = {
#define FIELD(number, name, kind, render, what) ROW_INFO(number, name, kind, render, what),
#include "proto/fields.def"
#undef FIELD
};

ROWS_INLINE char *line_put(char *o, const char *text)
{
	size_t len = strlen(text);
	memcpy(o, text, len);
	return o + len;
}

ROWS_INLINE char *line_quote(char *o, enum line_style style)
{
	if (style == LINE_JSON)
		*o++ = '"';
	return o;
}

/* NAME, or VALUE as digits where it has none (as goflow2 does for enums). */
ROWS_INLINE char *line_name(char *o, const char *name, uint32_t value)
{
	return name ? line_put(o, name) : digits_u64(o, value);
}

ROWS_INLINE char *line_net(char *o, const struct ip_addr *addr, uint32_t bits)
{
	if (!addr->len || bits > addr->len * 8)
		return line_put(o, "invalid Prefix");
	struct ip_addr net = ip_mask(addr, bits);
	o += ip_format(&net, o);
	*o++ = '/';
	return digits_u64(o, bits);
}

ROWS_INLINE char *line_etype(char *o, uint32_t etype)
{
	switch (etype) {
	case 0x0800: return line_put(o, "IPv4");
	case 0x86dd: return line_put(o, "IPv6");
	case 0x0806: return line_put(o, "ARP");
	default: return o;
	}
}

ROWS_INLINE char *line_array(char *o, const struct flow *f, const struct flow_field_info *row, enum line_style style,
			     uint32_t n)
{
	const uint32_t *numbers = (const void *)((const char *)f + row->array_offset);
	const struct ip_addr *addrs = (const void *)((const char *)f + row->array_offset);
	*o++ = '[';
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			*o++ = ',';
		if (row->render == FLOW_RENDER_NUMS) {
			o = digits_u64(o, numbers[i]);
			continue;
		}
		o = line_quote(o, style);
		if (row->render == FLOW_RENDER_IPS)
			o += ip_format(&addrs[i], o);
		else
			o = line_name(o, flow_layer_name(numbers[i]), numbers[i]);
		o = line_quote(o, style);
	}
	*o++ = ']';
	return o;
}

/* What stands between the quotes. */
ROWS_INLINE char *line_word(char *o, const struct flow *f, const struct flow_field_info *row, uint64_t v)
{
	const char *name;
	switch (row->render) {
	case FLOW_RENDER_TYPE:
		return line_name(o, flow_type_name((uint32_t)v), (uint32_t)v);
	case FLOW_RENDER_TUNNEL:
		return line_name(o, flow_tunnel_name((uint32_t)v), (uint32_t)v);
	case FLOW_RENDER_PROTO:
		name = flow_proto_name((uint32_t)v);
		return line_put(o, name ? name : "unknown");
	case FLOW_RENDER_ETYPE:
		return line_etype(o, (uint32_t)v);
	case FLOW_RENDER_MAC:
		return digits_mac(o, v);
	case FLOW_RENDER_NET:
		return line_net(o, row->offset == offsetof(struct flow, src_net) ? &f->src_addr : &f->dst_addr, (uint32_t)v);
	case FLOW_RENDER_IP:
		return o + ip_format((const void *)((const char *)f + row->offset), o);
	default: /* FLOW_RENDER_STRING */
		return utf8_escape(o, (const char *)f + row->array_offset, (size_t)v);
	}
}

/* A scalar, or the count of an array or text. */
ROWS_INLINE uint64_t line_scalar(const struct flow *f, const struct flow_field_info *row)
{
	const char *at = (const char *)f + row->offset;
	return row->kind == FLOW_KIND_U64 ? *(const uint64_t *)(const void *)at : *(const uint32_t *)(const void *)at;
}

ROWS_INLINE char *line_value(char *o, const struct flow *f, const struct flow_field_info *row, enum line_style style)
{
	uint64_t v = line_scalar(f, row);
	switch (row->render) {
	case FLOW_RENDER_NUM:
		return digits_u64(o, v);
	case FLOW_RENDER_NUMS: case FLOW_RENDER_IPS: case FLOW_RENDER_STACK:
		return line_array(o, f, row, style, (uint32_t)v);
	default:
		o = line_quote(o, style);
		o = line_word(o, f, row, v);
		return line_quote(o, style);
	}
}

/* The fields that are not among the 50 keys, each behind its separator (line.c). */
char *line_own(char *o, const struct flow *f, enum line_style style);

#endif
