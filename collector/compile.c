/*
 * compile.c -- a template's fields -> the steps that turn its records into flows (template.h).
 *
 * Each field is looked up in the mapping; every row found is a candidate for one member of struct record. Candidates
 * for the same member are ranked: the first overwrites, the others only fill in where it gave zero. That order is
 * settled here, once a template, so that a record's steps need no decisions.
 */
#include "collector/template.h"

#include <stdlib.h>
#include <string.h>

#include "collector/ie.h"
#include "collector/mapping.h"
#include "collector/record.h"
#include "proto/flow.h"

struct candidate {
	struct step step;
	const struct ie_map *row;
	bool reverse;
	bool later;       /* another one of lower rank fills the same target */
	uint8_t rank;
};

/* Where a field goes when its element comes a second time: RFC 7011 8 leaves the order to the metering process, and exporters
 * of tunnels put the outer header first. */
static const struct {
	uint16_t outer, inner;
	uint16_t array; /* of text */
} inner_of[] = {
#define INNER(outer, inner) {offsetof(struct flow, outer), offsetof(struct flow, inner), 0}
	INNER(src_addr, inner_src_addr), INNER(dst_addr, inner_dst_addr), INNER(proto, inner_proto),
	INNER(src_port, inner_src_port), INNER(dst_port, inner_dst_port), INNER(etype, inner_etype),
	INNER(tcp_flags, inner_tcp_flags), INNER(ip_tos, inner_ip_tos), INNER(ip_ttl, inner_ip_ttl),
	INNER(src_mac, inner_src_mac), INNER(dst_mac, inner_dst_mac), INNER(vlan_id, inner_vlan_id),
	INNER(icmp_type, inner_icmp_type), INNER(icmp_code, inner_icmp_code),
#undef INNER
	/* Open vSwitch: after the ingress interface its name, after the egress interface its. */
	{offsetof(struct flow, n_in_if_name), offsetof(struct flow, n_out_if_name), offsetof(struct flow, out_if_name)},
};

/* True when the fields make records of at least one byte that fit a datagram. Fills lengths and runs. */
static bool measure(const struct template_spec *spec, uint32_t *ret_min, uint16_t *ret_vars)
{
	uint32_t len = 0;
	uint16_t vars = 0;

	for (uint16_t i = 0; i < spec->n_fields; i++) {
		/* A variable-length field has at least its one length byte (RFC 7011 7). */
		bool var = spec->fields[i].len == TEMPLATE_VARIABLE;
		len += var ? 1 : spec->fields[i].len;
		vars = (uint16_t)(vars + var);
	}
	*ret_min = len;
	*ret_vars = vars;
	return len > 0 && len <= UINT16_MAX && vars <= TEMPLATE_VARS_MAX;
}

static enum step_op fast_op(const struct ie_map *row, uint16_t len)
{
	bool wide = row->width == IE_WIDTH_64;

	if (row->op == IE_OP_ADDR)
		return len == 4 ? STEP_V4 : len == 16 ? STEP_V6 : STEP_SLOW;
	if (row->op == IE_OP_MS)
		return len == 8 ? STEP_MS : STEP_SLOW;
	if (row->op != IE_OP_UINT || len > 8)
		return STEP_SLOW;
	switch (len) {
	case 1: return wide ? STEP_64_N : STEP_32_1;
	case 2: return wide ? STEP_64_N : STEP_32_2;
	case 4: return wide ? STEP_64_4 : STEP_32_4;
	case 6: return wide ? STEP_64_6 : STEP_32_N;
	case 8: return wide ? STEP_64_8 : STEP_32_N;
	}
	return wide ? STEP_64_N : STEP_32_N;
}

bool template_value_fits(const struct ie_map *row, size_t len)
{
	if (len == 0)
		return false;
	switch (row->op) {
	case IE_OP_ADDR: return len == 4 || len == 16;
	case IE_OP_ADDRESS: return len % 16 == 0 || len == 4;
	case IE_OP_MPLS: return len == 3 || len == 4;
	case IE_OP_FLOAT: return len == 4 || len == 8;
	case IE_OP_NTP:
	case IE_OP_NTP_US: return len == 8;
	case IE_OP_SEC: return len <= 8;
	case IE_OP_MS: return len <= 8;
	}
	return true;
}

static bool to_inner(struct step *s)
{
	for (size_t i = 0; i < sizeof(inner_of) / sizeof(inner_of[0]); i++)
		if (s->target == inner_of[i].outer) {
			s->target = inner_of[i].inner;
			if (inner_of[i].array)
				s->array = inner_of[i].array;
			return true;
		}
	return false;
}

/* Any number of them may stand in a template: each adds something. */
static bool appends(const struct ie_map *row)
{
	static const bool yes[IE_OP_MAPPED + 1] = {[IE_OP_MPLS] = true, [IE_OP_NUMBER] = true, [IE_OP_ADDRESS] = true,
		[IE_OP_MAPPED] = true, [IE_OP_CALL] = true};
	return yes[row->op]; /* NOLINT(clang-analyzer-core.NullDereference): every candidate has its row */
}

/*
 * Sorting: each candidate's place in the order is a number, its index in the lowest bits; the numbers are sorted, then the
 * candidates moved once. Templates come from strangers, and comparing candidates through pointers took most of the
 * time of a wide one.
 */
enum { INDEX_BITS = 13, FIELD_BITS = 10 };

_Static_assert(TEMPLATE_FIELDS_MAX <= 1 << FIELD_BITS && sizeof(struct record) < 1 << 15, "they fit the order's bits");

static uint64_t by_target(const struct candidate *c)
{
	uint64_t key = c->reverse;

	key = key << 1 | appends(c->row); /* their targets are of another kind */
	key = key << 15 | c->step.target;
	key = key << 8 | c->rank;
	return key << FIELD_BITS | c->step.field;
}

/* Forward before reverse; fast before slow before calls; slow ones in rank, the fast in the record's order. */
static uint64_t by_turn(const struct candidate *c)
{
	uint64_t key = c->reverse;
	bool slow = c->step.op == STEP_SLOW;

	key = key << 2 | (slow ? 1 : c->step.op == STEP_CALL ? 2 : 0);
	key = key << 1 | (slow && c->later);
	key = key << 8 | (slow ? c->rank : 0);
	/* flow.mapped is in ascending order of numbers, which is that of the targets */
	key = key << 9 | (c->row->op == IE_OP_MAPPED ? c->step.target + 1u : 0);
	return key << FIELD_BITS | c->step.field;
}

static void merge(const uint64_t *from, uint64_t *to, size_t low, size_t mid, size_t high)
{
	size_t a = low;
	size_t b = mid;

	for (size_t i = low; i < high; i++)
		to[i] = b == high || (a < mid && from[a] <= from[b]) ? from[a++] : from[b++];
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The candidates at work, and as much room again. */
struct work {
	struct candidate *c, *spare;
	uint64_t *keys, *spare_keys;
	size_t n;
};

static void sort(struct work *w, uint64_t (*key_of)(const struct candidate *c))
{
	for (size_t i = 0; i < w->n; i++)
		w->keys[i] = key_of(&w->c[i]) << INDEX_BITS | i;
	for (size_t run = 1; run < w->n; run *= 2) {
		for (size_t low = 0; low < w->n; low += 2 * run)
			merge(w->keys, w->spare_keys, low, min(low + run, w->n), min(low + 2 * run, w->n));
		uint64_t *x = w->keys;
		w->keys = w->spare_keys;
		w->spare_keys = x;
	}
	for (size_t i = 0; i < w->n; i++)
		w->spare[i] = w->c[w->keys[i] & ((1u << INDEX_BITS) - 1)];
	struct candidate *x = w->c;
	w->c = w->spare;
	w->spare = x;
}

/* Adds what row M does with field FIELD; gives the number of candidates then. */
static size_t add_candidate(struct candidate *c, size_t n, const struct ie_map *m, const struct template_spec *spec,
	uint16_t field, const struct step *where)
{
	bool reverse = spec->fields[field].pen == IE_PEN_REVERSE;
	struct candidate *one = &c[n];

	if (!where->var && !template_value_fits(m, where->len))
		return n;
	*one = (struct candidate){.step = *where, .row = m, .reverse = reverse, .rank = m->rank};
	one->step.ie_op = m->op;
	one->step.width = m->width;
	one->step.target = m->target;
	one->step.array = m->array;
	if (m->op == IE_OP_CALL)
		one->step.op = STEP_CALL;
	else
		one->step.op = (uint8_t)(where->var ? STEP_SLOW : fast_op(m, where->len));
	return n + 1;
}

enum { ROWS_A_FIELD = 4 };

static size_t gather(const struct template_spec *spec, const struct mapping *m, struct candidate *c)
{
	struct step where = {0};
	uint32_t offset = 0;
	size_t n = 0;

	for (uint16_t i = 0; i < spec->n_fields; i++) {
		const struct template_field *f = &spec->fields[i];
		const struct mapping_row *row = mapping_first(m, f->pen == IE_PEN_REVERSE ? 0 : f->pen, f->id);
		where.field = i;
		where.var = f->len == TEMPLATE_VARIABLE;
		where.offset = (uint16_t)offset;
		where.len = f->len;
		for (int k = 0; row && k < ROWS_A_FIELD; k++, row = mapping_next(row))
			n = add_candidate(c, n, &row->map, spec, i, &where);
		if (where.var) {
			where.seg++;
			offset = 0;
		} else {
			offset += f->len;
		}
	}
	return n;
}

/* An element's second occurrence goes inside, further ones nowhere. The candidates are sorted by target. */
static bool settle_repeats(struct work *w)
{
	size_t kept = 0;
	uint16_t repeat = 0;
	const struct ie_map *row = NULL;
	bool reverse = false;
	bool moved = false;

	for (size_t i = 0; i < w->n; i++) {
		struct candidate *c = &w->c[i];
		bool again = c->row == row && c->reverse == reverse;
		row = c->row;
		reverse = c->reverse;
		repeat = (uint16_t)(again ? repeat + 1 : 0);
		/* Juniper's element comes several times, each with another meaning. */
		bool keep = repeat == 0 || appends(c->row) || c->row->op == IE_OP_JUNIPER;
		if (!keep && repeat == 1)
			moved |= keep = to_inner(&c->step);
		if (keep)
			w->c[kept++] = *c;
	}
	w->n = kept;
	return moved;
}

static void rank(struct work *w)
{
	sort(w, by_target);
	if (settle_repeats(w))
		sort(w, by_target);
	for (size_t i = 1; i < w->n; i++) {
		struct candidate *c = &w->c[i];
		if (appends(c->row) || c->step.target != c[-1].step.target || c->reverse != c[-1].reverse)
			continue;
		c->later = true;
		c->step.op = STEP_SLOW;
		c->step.if_zero = true;
	}
	sort(w, by_turn);
}

static void fill_runs(const struct template_spec *spec, uint16_t *runs)
{
	size_t run = 0;

	for (uint16_t i = 0; i < spec->n_fields; i++) {
		if (spec->fields[i].len == TEMPLATE_VARIABLE)
			runs[++run] = 0;
		else
			runs[run] = (uint16_t)(runs[run] + spec->fields[i].len);
	}
}

/* What finish.c has to settle when a step fills this. */
static const struct {
	uint16_t target;
	uint8_t relative;
	bool post, icmp, ends;
} settles[] = {
	{.target = offsetof(struct record, extra.start_uptime), .relative = TEMPLATE_START_UPTIME},
	{.target = offsetof(struct record, extra.end_uptime), .relative = TEMPLATE_END_UPTIME},
	{.target = offsetof(struct record, extra.start_ago_us), .relative = TEMPLATE_START_AGO},
	{.target = offsetof(struct record, extra.end_ago_us), .relative = TEMPLATE_END_AGO},
	{.target = offsetof(struct record, extra.duration_ms), .relative = TEMPLATE_DURATION},
	{.target = offsetof(struct record, extra.duration_us), .relative = TEMPLATE_DURATION},
	{.target = offsetof(struct flow, post_bytes), .post = true},
	{.target = offsetof(struct flow, post_packets), .post = true},
	{.target = offsetof(struct flow, post_src_mac), .post = true},
	{.target = offsetof(struct flow, post_dst_mac), .post = true},
	{.target = offsetof(struct flow, icmp_type), .icmp = true},
	{.target = offsetof(struct flow, src_addr), .ends = true},
	{.target = offsetof(struct flow, dst_addr), .ends = true},
};

static void note_flags(struct template *t, const struct step *s)
{
	if (s->op == STEP_CALL) {
		t->lists = true;
		return;
	}
	if (s->ie_op == IE_OP_MAPPED)
		return; /* its target is no offset */
	t->extra |= s->target >= offsetof(struct record, extra);
	t->sampling |= s->target >= offsetof(struct record, extra.sampling);
	for (size_t i = 0; i < sizeof(settles) / sizeof(settles[0]); i++)
		if (settles[i].target == s->target) {
			t->relative |= settles[i].relative;
			t->post |= settles[i].post;
			t->icmp |= settles[i].icmp;
			t->ends |= settles[i].ends;
		}
}

static struct template *build(const struct template_spec *spec, const struct candidate *c, size_t n, uint32_t min_len,
	uint16_t vars)
{
	size_t fields_size = spec->n_fields * sizeof(struct template_field);
	size_t size = sizeof(struct template) + fields_size + n * sizeof(struct step) + (vars + 1u) * sizeof(uint16_t);
	struct template *t = calloc(1, size);

	if (!t)
		return NULL;
	t->size = (uint32_t)size;
	t->min_len = min_len;
	t->id = spec->id;
	t->options = spec->options;
	t->n_fields = spec->n_fields;
	t->n_scope = spec->n_scope;
	t->n_vars = vars;
	memcpy(t->fields, spec->fields, fields_size);
	t->steps = (struct step *)(void *)((char *)(t + 1) + fields_size);
	t->runs = (uint16_t *)(t->steps + n);
	fill_runs(spec, t->runs);
	for (size_t i = 0; i < n; i++) {
		t->steps[i] = c[i].step;
		note_flags(t, &c[i].step);
		if (c[i].reverse)
			t->n_reverse++;
		else
			t->n_steps++;
	}
	return t;
}

int template_compile(const struct template_spec *spec, const struct mapping *m, struct template **ret_template)
{
	uint32_t min_len;
	uint16_t vars;

	if (!measure(spec, &min_len, &vars))
		return -ERR_BAD_TEMPLATE;
	/* Options records are not flows; metadata.c reads their fields one by one. */
	struct work w = {0};
	size_t cap = spec->options ? 1 : (size_t)spec->n_fields * ROWS_A_FIELD;
	char *block = calloc(cap, 2 * sizeof(struct candidate) + 2 * sizeof(uint64_t));
	if (!block)
		return -ERR_MEMORY;
	w.c = (struct candidate *)(void *)block;
	w.spare = w.c + cap;
	w.keys = (uint64_t *)(void *)(w.spare + cap);
	w.spare_keys = w.keys + cap;
	if (!spec->options)
		w.n = gather(spec, m, w.c);
	rank(&w);
	struct template *t = build(spec, w.c, w.n, min_len, vars);
	free(block);
	if (!t)
		return -ERR_MEMORY;
	*ret_template = t;
	return 0;
}

void template_free(struct template *t)
{
	if (!t)
		return;
	free(t->fuse);
	free(t);
}
