/*
 * structured.c -- what stands inside a field: packets (RFC 7133, RFC 5477 8.5) and lists (RFC 6313).
 *
 * A record says one thing about one flow, so what a list within it says belongs to that flow: it fills what the
 * record's own fields left open, the first element winning where there is room for one. Only where the record names
 * no ends itself and the records of a list do, each of these is a flow of its own, with what the outer record says
 * of all of them.
 */
#include "collector/record.h"

#include <string.h>

#include "collector/decoder.h"
#include "collector/ie.h"
#include "collector/mapping.h"
#include "collector/template.h"
#include "common/wire.h"
#include "packet/frame.h"

enum {
	DEPTH_MAX = 4,             /* of lists within lists */
	SHORT_FLOWS = 4,           /* of a list, shorter than eight bytes; see record_budget() */
	ENTERPRISE_BIT = 0x8000
};

/* Octets of the packet whose beginning is at P: what its IP header says, with what stands before that. A section may be
 * shorter than its packet, or longer (a field of fixed size, filled up). */
static size_t packet_length(const struct flow *f, const uint8_t *p, size_t len)
{
	struct wire w = wire_of(p, len);
	uint32_t before = 0, i = 0;

	while (i < f->n_layer_stack && f->layer_stack[i] != FLOW_LAYER_IPV4 && f->layer_stack[i] != FLOW_LAYER_IPV6)
		before += f->layer_size[i++];
	if (i == f->n_layer_stack)
		return len;
	wire_skip(&w, before);
	bool six = f->layer_stack[i] == FLOW_LAYER_IPV6;
	wire_skip(&w, six ? 4 : 2);
	uint16_t said = wire_u16(&w);
	/* 0: segmentation was left to the network card, or a jumbogram (RFC 2675). */
	if (wire_failed(&w) || said == 0)
		return len;
	return before + said + (six ? 40 : 0);
}

enum { FRAME_TYPE_ETHERNET = 1 };

/* What the record says of its section (RFC 7133 4): a frame of another kind than Ethernet, or one whose first octets are
 * left out, has no headers that could be read. A field of fixed size may be filled up behind what was exported. */
static bool has_headers(const struct record_run *run, const struct record *r, enum frame_start start, size_t *len)
{
	const struct record_extra *x = &r->extra;

	if (!run->t->extra)
		return true; /* it says nothing */
	if (x->section_octets && x->section_octets < *len)
		*len = x->section_octets;
	return !x->section_offset && (start != FRAME_ETHERNET || x->frame_type <= FRAME_TYPE_ETHERNET);
}

/* A packet was observed: it is one packet, of the length that the record gives, or else the packet itself. */
static void packet(const struct record_run *run, const uint8_t *p, size_t len, enum frame_start start, struct record *r)
{
	struct flow *f = &r->flow;
	bool instead = run->d->options.inner_instead;

	if (!has_headers(run, r, start, &len))
		return;
	if (len == 0 || frame_decode(p, len, start, instead ? FRAME_INNER_INSTEAD : FRAME_INNER_BESIDE, f))
		return;
	if (!f->packets)
		f->packets = 1;
	if (!f->bytes)
		f->bytes = packet_length(f, p, len);
}

static void frame(const struct record_run *run, const uint8_t *p, size_t len, struct record *r)
{
	packet(run, p, len, FRAME_ETHERNET, r);
}

static void ip_packet(const struct record_run *run, const uint8_t *p, size_t len, struct record *r)
{
	packet(run, p, len, FRAME_IP, r);
}

static void labels(const struct record_run *run, const uint8_t *p, size_t len, struct record *r)
{
	packet(run, p, len, FRAME_MPLS, r);
}

/* TO's open places take what FROM has. */
static void fill_open(struct flow *to, const struct flow *from)
{
#define FILL_U32(name) if (!to->name) to->name = from->name;
#define FILL_U64(name) if (!to->name) to->name = from->name;
#define FILL_ADDR(name) if (!to->name.len) to->name = from->name;
#define FILL_ARRAY(name) \
	if (!to->n_##name && from->n_##name) { \
		memcpy(to->name, from->name, sizeof(to->name)); \
		to->n_##name = from->n_##name; \
	}
#define FILL_U32S(name) FILL_ARRAY(name)
#define FILL_ADDRS(name) FILL_ARRAY(name)
#define FILL_STR(name) FILL_ARRAY(name)
#define FIELD(number, name, kind, render, what) FILL_##kind(name)
#include "proto/fields.def"
#undef FIELD
	if (!to->n_mapped && from->n_mapped) {
		memcpy(to->mapped, from->mapped, from->n_mapped);
		to->n_mapped = from->n_mapped;
	}
}

static bool has_ends(const struct flow *f)
{
	return f->src_addr.len || f->dst_addr.len;
}

static void clear(struct record *r, const struct record_run *run)
{
	flow_clear(&r->flow);
	memset(&r->extra, 0, sizeof(r->extra));
	r->sub_records = r->cut = 0;
	r->mapping = run->d->mapping;
}

/* A record of a list that names its own ends, in an outer record that does not. */
static void emit_sub(const struct record_run *run, struct record *sub, struct record *outer)
{
	fill_open(&sub->flow, &outer->flow);
	finish_record(run, sub);
	outer->sub_records++;
}

/* One record of a list whose records are flows; its length, or a reason. */
static long sub_flow(const struct record_run *inner, const uint8_t *p, size_t len, struct record *outer)
{
	struct record sub;

	clear(&sub, inner);
	long n = record_fill(inner, p, len, &sub);
	if (n < 0)
		return n;
	outer->cut += sub.cut;
	outer->sub_records += sub.sub_records;
	if (sub.sub_records == 0)
		emit_sub(inner, &sub, outer);
	return n;
}

/* Data records of template ID, one after the other. RFC 6313 4.5.2: no padding between or behind them. */
static void sub_records(const struct record_run *run, uint16_t id, struct wire *w, struct record *r)
{
	struct record_run inner = *run;

	inner.t = template_find(run->d, run->dom, id, run->src->port);
	inner.depth = run->depth + 1;
	if (!inner.t || inner.t->options || inner.depth > DEPTH_MAX) {
		counter_inc(&run->d->stats.lists_skipped);
		return;
	}
	bool flows = inner.t->ends && !has_ends(&r->flow);
	/* A datagram may hold many lists, each with what a set is granted. */
	size_t budget = flows ? SHORT_FLOWS + wire_left(w) / 8 : record_budget(wire_left(w));
	size_t n = 0;
	for (; wire_left(w) >= inner.t->min_len && n < budget; n++) {
		long len = flows ? sub_flow(&inner, w->p, wire_left(w), r) : record_fill_open(&inner, w->p, wire_left(w), r);
		if (len < 0)
			break;
		wire_skip(w, (size_t)len);
	}
	if (flows && n == budget && wire_left(w) >= inner.t->min_len)
		counter_inc(&run->d->stats.cut_arrays);
}

/* RFC 6313 4.5.2: semantic, template id, records. */
static void sub_list(const struct record_run *run, const uint8_t *p, size_t len, struct record *r)
{
	struct wire w = wire_of(p, len);

	wire_skip(&w, 1);
	uint16_t id = wire_u16(&w);
	if (!wire_failed(&w) && wire_left(&w) > 0)
		sub_records(run, id, &w, r);
}

/* RFC 6313 4.5.3: semantic; then template id, length (with these four bytes), records; again and again. */
static void multi_list(const struct record_run *run, const uint8_t *p, size_t len, struct record *r)
{
	struct wire w = wire_of(p, len);

	wire_skip(&w, 1);
	while (wire_left(&w) >= 4) {
		uint16_t id = wire_u16(&w);
		uint16_t part = wire_u16(&w);
		struct wire records = wire_sub(&w, part < 4 ? SIZE_MAX : part - 4u);
		if (wire_failed(&records))
			return;
		if (wire_left(&records) > 0)
			sub_records(run, id, &records, r);
	}
}

/* RFC 6313 4.5.1: semantic, element, its length, its enterprise number when the first bit says so; then values. */
struct basic_list {
	uint32_t pen;
	uint16_t element, len;
};

static struct basic_list read_basic_list(struct wire *w)
{
	struct basic_list list = {0};

	wire_skip(w, 1);
	uint16_t id = wire_u16(w);
	list.element = id & (ENTERPRISE_BIT - 1);
	list.len = wire_u16(w);
	if (id & ENTERPRISE_BIT)
		list.pen = wire_u32(w);
	return list;
}

/* The next value of LIST, NULL at the end. */
static const uint8_t *next_value(const struct basic_list *list, struct wire *w, size_t *ret_len)
{
	if (wire_left(w) == 0 || list->len == 0)
		return NULL;
	*ret_len = list->len;
	if (list->len == TEMPLATE_VARIABLE) {
		*ret_len = wire_u8(w);
		if (*ret_len == 255)
			*ret_len = wire_u16(w);
	}
	return wire_bytes(w, *ret_len);
}

static void basic_list(const struct record_run *run, const uint8_t *p, size_t len, struct record *r)
{
	struct wire w = wire_of(p, len);
	struct basic_list list = read_basic_list(&w);
	const struct mapping_row *row = wire_failed(&w) ? NULL : mapping_first(run->d->mapping, list.pen, list.element);
	struct record_run inner = *run;

	if (!row || ++inner.depth > DEPTH_MAX)
		return;
	struct step s = {.op = STEP_SLOW, .ie_op = row->map.op, .width = row->map.width, .if_zero = true,
		.target = row->map.target, .array = row->map.array};
	while ((p = next_value(&list, &w, &len))) {
		if (len == 0)
			continue;
		if (row->map.op == IE_OP_CALL)
			structured_call(&inner, row->map.target, p, len, r);
		else if (template_value_fits(&row->map, len))
			record_value(&s, p, len, r);
	}
}

/* Lists of AS numbers, whatever element they are made of, become the path. */
static void as_path(const struct record_run *run, const uint8_t *p, size_t len, struct record *r)
{
	struct wire w = wire_of(p, len);
	struct basic_list list = read_basic_list(&w);
	struct flow *f = &r->flow;

	(void)run;
	while (!wire_failed(&w) && list.len <= 4 && (p = next_value(&list, &w, &len))) {
		if (f->n_as_path < FLOW_ARRAY_MAX)
			f->as_path[f->n_as_path++] = (uint32_t)wire_load_uint(p, len);
		else
			r->cut++;
	}
}

typedef void call_fn(const struct record_run *run, const uint8_t *p, size_t len, struct record *r);

static call_fn *const calls[IE_CALLS] = {
	[IE_CALL_FRAME] = frame, [IE_CALL_IP_PACKET] = ip_packet, [IE_CALL_LABELS] = labels,
	[IE_CALL_BASIC_LIST] = basic_list, [IE_CALL_SUB_LIST] = sub_list, [IE_CALL_MULTI_LIST] = multi_list,
	[IE_CALL_AS_PATH] = as_path,
};

void structured_call(const struct record_run *run, unsigned call, const uint8_t *p, size_t len, struct record *r)
{
	calls[call](run, p, len, r);
}
