/*
 * fuse_compile.c -- a template's steps -> the lanes and slots of fuse.h.
 *
 * A field that one step copies from the record, whole, is read from there when it is written. All others are filled
 * into struct record by their steps and settled as always (finish.c), then written from it. What no step fills is in
 * no record, but for what the datagram gives all of them (finish_shares()).
 */
#include <stdlib.h>
#include <string.h>

#include "collector/fuse.h"
#include "collector/ie.h"
#include "collector/record.h"
#include "collector/template.h"
#include "proto/flow.h"

/* The steps that fill a field: how many, and the last of them. */
struct filler {
	uint16_t n, step;
	bool slow;
};

struct work {
	const struct template *t;
	struct filler fillers[FLOW_F_COUNT];
	struct fuse_group groups[FUSE_GROUPS_MAX];
	uint8_t lanes[FUSE_GROUPS_MAX]; /* taken */
	struct fuse_slot slots[FLOW_F_COUNT + FUSE_SHARED_MAX], shared[FUSE_SHARED_MAX];
	uint8_t settled[FUSE_STEPS_MAX], reset[FLOW_F_COUNT];
	bool absolute;                  /* both times are milliseconds since 1970 */
	struct fuse f;
};

/* The index of the field whose member is at OFFSET; fields and members have the same order. */
static size_t field_at(uint16_t offset)
{
	size_t low = 0;

	for (size_t high = FLOW_F_COUNT; low + 1 < high;) {
		size_t mid = (low + high) / 2;
		if (flow_fields[mid].offset <= offset)
			low = mid;
		else
			high = mid;
	}
	return low;
}

static bool may_be_fused(const struct template *t)
{
	if (t->options || t->lists || t->post || t->sampling || t->n_reverse || t->n_steps > FUSE_STEPS_MAX)
		return false;
	for (const struct step *s = t->steps; s < t->steps + t->n_steps; s++)
		if (s->ie_op == IE_OP_MAPPED)
			return false;
	return true;
}

static void note_fillers(struct work *w)
{
	for (uint16_t i = 0; i < w->t->n_steps; i++) {
		const struct step *s = &w->t->steps[i];
		if (s->target >= FLOW_CLEARED)
			continue; /* struct record_extra */
		struct filler *f = &w->fillers[field_at(s->target)];
		f->n++;
		f->step = i;
		f->slow |= s->op == STEP_SLOW;
	}
}

/* The step that alone fills FIELD with a copy of what is in the record, or NULL. */
static const struct step *only_step(const struct work *w, size_t field)
{
	const struct filler *f = &w->fillers[field];
	const struct step *s = f->n == 1 ? &w->t->steps[f->step] : NULL;

	return s && !s->var && !s->if_zero ? s : NULL;
}

/* What is the same for all records of this template, or can be seen without settling. */
static void look_ahead(struct work *w)
{
	const struct step *source = only_step(w, FLOW_F_src_addr);
	const struct step *start = only_step(w, FLOW_F_time_flow_start_ns);
	const struct step *end = only_step(w, FLOW_F_time_flow_end_ns);

	if (w->fillers[FLOW_F_etype].n == 0 && source && (source->op == STEP_V4 || source->op == STEP_V6))
		w->f.etype = finish_etype(source->len);
	w->absolute = !w->t->relative && start && end && start->op == STEP_MS && end->op == STEP_MS;
	w->f.settles = !w->f.etype || !w->absolute;
}

/* The times hang on each other, and the ethertype on the family of the source (finish.c). */
static bool settles(const struct work *w, size_t field)
{
	if (field == FLOW_F_time_flow_start_ns || field == FLOW_F_time_flow_end_ns)
		return !w->absolute;
	return (field == FLOW_F_src_addr || field == FLOW_F_etype) && !w->f.etype;
}

static uint64_t low_bits(size_t n)
{
	return n >= 64 ? UINT64_MAX : (1ull << n) - 1;
}

/* The group that the LEN bytes at S->offset can be taken by, with a free lane; FUSE_GROUPS_MAX: none. */
static size_t group_for(struct work *w, const struct step *s, size_t len)
{
	size_t at = s->offset + len <= (size_t)FUSE_GROUP_BYTES ? 0 : s->offset / 64u * 64u;
	size_t i = 0;

	while (i < w->f.n_groups && (w->groups[i].seg != s->seg || w->groups[i].at != at || w->lanes[i] == FUSE_LANES))
		i++;
	if (i == w->f.n_groups && i < FUSE_GROUPS_MAX) {
		size_t have = w->t->runs[s->seg] - at;
		w->groups[i] = (struct fuse_group){.seg = s->seg, .at = (uint16_t)at,
			.have = {low_bits(have), have > 64 ? low_bits(have - 64) : 0}};
		w->f.n_groups++;
	}
	return i;
}

/* How many bytes of S's are its value, the lowest ones; 0: it is not a plain number. */
static size_t number_bytes(const struct step *s)
{
	size_t most = s->width == IE_WIDTH_32 ? 4 : 8;

	if (ie_op_bits(s->ie_op) && s->len <= most)
		return s->len;
	if (s->op >= STEP_V4)
		return 0;
	return s->len < most ? s->len : most;
}

/* Makes SLOT a lane if S's value is a small one; false when it is not. */
static bool lane(struct work *w, const struct step *s, struct fuse_slot *slot)
{
	bool raw = s->op == STEP_V4;
	size_t bytes = raw ? 4 : number_bytes(s);

	/* Counters have eight bytes, of which the upper ones are zero. Two bytes of tag and MAC addresses are too much. */
	if (bytes == 0 || (bytes > 4 && slot->tag.len > 1))
		return false;
	size_t i = group_for(w, s, s->len);
	if (i == FUSE_GROUPS_MAX)
		return false;
	struct fuse_group *g = &w->groups[i];
	size_t k = w->lanes[i]++;
	size_t last = (size_t)s->offset + s->len - 1 - g->at;
	for (size_t b = 0; b < bytes; b++)
		g->index[k][b] = (uint8_t)(raw ? last - 3 + b : last - b);
	g->mask[k] = low_bits(ie_op_bits(s->ie_op) ? ie_op_bits(s->ie_op) : 8 * bytes) & low_bits(8 * bytes);
	g->tag[k] = slot->tag.word | (raw ? 4ull << (8 * slot->tag.len) : 0);
	g->tag_bits[k] = (uint8_t)(8 * (slot->tag.len + raw));
	g->raw |= (uint8_t)(raw << k);
	slot->op = FUSE_LANE;
	slot->at = (uint16_t)(i * FUSE_LANES + k);
	slot->count = 1;
	return true;
}

/* Makes SLOT one that reads what S reads; false when none can. */
static bool wire_slot(struct work *w, const struct step *s, struct fuse_slot *slot)
{
	static const uint8_t ops[STEP_CALL + 1] = {
		[STEP_64_6] = FUSE_WIRE_6, [STEP_64_8] = FUSE_WIRE_8, [STEP_MS] = FUSE_WIRE_MS, [STEP_V6] = FUSE_WIRE_V6,
	};

	if (lane(w, s, slot))
		return true;
	if (!ops[s->op])
		return false;
	slot->op = ops[s->op];
	slot->seg = s->seg;
	slot->at = s->offset;
	if (s->op == STEP_V6)
		slot->tag.word |= 16u << (8 * slot->tag.len), slot->tag.len++;
	return true;
}

static struct fuse_slot member_slot(size_t field)
{
	const struct flow_field_info *info = &flow_fields[field];
	bool number = info->kind == FLOW_KIND_U32 || info->kind == FLOW_KIND_U64;

	return (struct fuse_slot){
		.op = (uint8_t)(FUSE_U32 + info->kind),
		.at = (uint16_t)info->offset,
		.array = (uint16_t)info->array_offset,
		.tag = put_tag_of(info->number, number ? PUT_VARINT : PUT_BYTES),
	};
}

/* Lanes that follow each other are one slot, and so are shared fields. */
static void add_slot(struct work *w, const struct fuse_slot *slot)
{
	struct fuse_slot *last = w->f.n_slots ? &w->slots[w->f.n_slots - 1] : NULL;

	if (last && slot->op <= FUSE_SHARED && last->op == slot->op && last->at + last->count == slot->at)
		last->count++;
	else
		w->slots[w->f.n_slots++] = *slot;
}

static void add_shared(struct work *w, size_t field)
{
	const struct fuse_slot slot = {.op = FUSE_SHARED, .at = w->f.n_shared, .count = 1};

	w->shared[w->f.n_shared++] = member_slot(field);
	add_slot(w, &slot);
}

static void add_settled(struct work *w, size_t field)
{
	const struct fuse_slot slot = member_slot(field);
	/* A step of fixed length that overwrites needs no reset, but some are settled in place. */
	if (w->fillers[field].slow || settles(w, field))
		w->reset[w->f.n_reset++] = (uint8_t)w->f.n_slots;
	add_slot(w, &slot);
}

static void add_field(struct work *w, size_t field)
{
	const struct step *s = only_step(w, field);
	struct fuse_slot slot = member_slot(field);

	if (s && !settles(w, field) && wire_slot(w, s, &slot))
		add_slot(w, &slot);
	else if (w->fillers[field].n > 0 || settles(w, field))
		add_settled(w, field);
	else if (finish_shares(field) || field == FLOW_F_etype)
		add_shared(w, field);
}

/* Where to see that a record is ICMP's. */
static void note_proto(struct work *w)
{
	const struct step *s = only_step(w, FLOW_F_proto);

	w->f.may_be_icmp = w->fillers[FLOW_F_proto].n > 0 && !w->t->icmp;
	w->f.proto_settled = !s || s->op != STEP_32_1;
	if (!w->f.proto_settled) {
		w->f.proto_seg = s->seg;
		w->f.proto_at = s->offset;
	}
}

/* Steps whose values are not read from the record when they are written. */
static void note_settled(struct work *w)
{
	for (uint16_t i = 0; i < w->t->n_steps; i++) {
		const struct step *s = &w->t->steps[i];
		bool wanted = s->target >= FLOW_CLEARED;
		wanted |= s->target == flow_fields[FLOW_F_proto].offset && w->f.may_be_icmp && w->f.proto_settled;
		for (size_t k = 0; !wanted && k < w->f.n_slots; k++)
			wanted = w->slots[k].op >= FUSE_U32 && w->slots[k].at == s->target;
		if (wanted)
			w->settled[w->f.n_settled++] = (uint8_t)i;
	}
}

static struct fuse *build(const struct work *w, size_t *ret_size)
{
	size_t groups = w->f.n_groups * sizeof(w->groups[0]);
	size_t slots = w->f.n_slots * sizeof(w->slots[0]);
	size_t shared = w->f.n_shared * sizeof(w->shared[0]);
	size_t size = sizeof(struct fuse) + groups + slots + shared + w->f.n_settled + w->f.n_reset;
	struct fuse *f = malloc(size);

	if (!f)
		return NULL;
	*f = w->f;
	memcpy(f->groups, w->groups, groups);
	f->slots = (struct fuse_slot *)(void *)(f->groups + f->n_groups);
	memcpy(f->slots, w->slots, slots);
	memcpy(f->slots + f->n_slots, w->shared, shared);
	f->settled = (uint8_t *)(f->slots + f->n_slots + f->n_shared);
	memcpy(f->settled, w->settled, w->f.n_settled);
	f->reset = f->settled + f->n_settled;
	memcpy(f->reset, w->reset, w->f.n_reset);
	*ret_size = size;
	return f;
}

int fuse_compile(const struct template *t, struct fuse **ret_fuse, size_t *ret_size)
{
	struct work w = {.t = t};

	*ret_fuse = NULL;
	*ret_size = 0;
	if (!fuse_here() || !may_be_fused(t))
		return 0;
	note_fillers(&w);
	look_ahead(&w);
	for (size_t i = 0; i < FLOW_F_COUNT; i++)
		add_field(&w, i);
	note_proto(&w);
	note_settled(&w);
	*ret_fuse = build(&w, ret_size);
	return *ret_fuse ? 0 : -ERR_MEMORY;
}
