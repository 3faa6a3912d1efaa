/*
 * record.c -- data records -> flows: runs a template's steps (template.h) over the records of a set.
 *
 * A set of fixed-length records is checked once, as a whole; its records are then read without checks. A record with
 * variable-length fields is walked once, field by variable field (RFC 7011 7), which is where its checks are; the steps
 * then read without checks as well.
 *
 * Each record starts as a copy of a base flow that holds what all records of the set share, so nothing of one record
 * is seen in the next.
 */
#include "collector/record.h"

#include <string.h>

#include "collector/decoder.h"
#include "collector/fuse.h"
#include "collector/step.h"
#include "collector/template.h"
#include "common/wire.h"

static inline void run_fixed(const struct step *s, const struct step *end, const uint8_t *p, struct record *r)
{
	for (; s < end; s++)
		step_run(s, p + s->offset, s->len, r);
}

static void run_segments(const struct step *s, const struct step *end, const struct segments *g, struct record *r)
{
	for (; s < end; s++)
		step_run_in(s, g, r);
}

/* Finds the segments of the record that begins at W; false when it is cut short. */
static bool walk(const struct template *t, struct wire *w, struct segments *ret_segments)
{
	for (size_t i = 0;; i++) {
		ret_segments->run[i] = wire_bytes(w, t->runs[i]);
		if (i == t->n_vars)
			break;
		/* RFC 7011 7: one length byte, or 255 and two. */
		uint16_t len = wire_u8(w);
		if (len == 255)
			len = wire_u16(w);
		ret_segments->len[i] = len;
		ret_segments->var[i] = wire_bytes(w, len);
	}
	return !wire_failed(w);
}

/* Lists and packets inside the record. */
static void run_calls(const struct record_run *run, const struct segments *g, const uint8_t *p, struct record *r)
{
	const struct template *t = run->t;

	for (const struct step *s = t->steps; s < t->steps + t->n_steps; s++) {
		if (s->op != STEP_CALL)
			continue;
		if (!g)
			structured_call(run, s->target, p + s->offset, s->len, r);
		else if (s->var)
			structured_call(run, s->target, g->var[s->seg], g->len[s->seg], r);
		else
			structured_call(run, s->target, g->run[s->seg] + s->offset, s->len, r);
	}
}

static inline void start(const struct record_run *run, struct record *r)
{
	/* A size that the compiler knows becomes `rep movs`, which takes three times as long as the library's copy. */
	size_t size = FLOW_CLEARED;
	__asm__("" : "+r"(size));
	memcpy(&r->flow, run->base, size);
	/* Fields of fixed length are written by every record; one of variable length may be empty. */
	if (run->t->extra && run->t->n_vars)
		memset(&r->extra, 0, sizeof(r->extra));
	r->sub_records = 0;
	r->cut = 0;
}

/* RFC 5103 6: the other direction has the forward flow's key, its ends exchanged, and values of its own. */
static void both_directions(const struct record_run *run, const struct segments *g, const uint8_t *p)
{
	const struct step *steps = run->t->steps + run->t->n_steps;
	struct record *forward = run->d->record;
	struct record *reverse = run->d->reverse;

	finish_settle(run, forward);
	finish_reverse_start(forward, reverse);
	if (g)
		run_segments(steps, steps + run->t->n_reverse, g, reverse);
	else
		run_fixed(steps, steps + run->t->n_reverse, p, reverse);
	finish_emit_both(run, forward, reverse);
}

static inline void one_record(const struct record_run *run, const struct segments *g, const uint8_t *p)
{
	const struct template *t = run->t;
	struct record *r = run->d->record;

	start(run, r);
	if (g)
		run_segments(t->steps, t->steps + t->n_steps, g, r);
	else
		run_fixed(t->steps, t->steps + t->n_steps, p, r);
	if (__builtin_expect(t->lists, 0))
		run_calls(run, g, p, r);
	if (r->sub_records)
		return;
	if (__builtin_expect(t->n_reverse > 0, 0))
		both_directions(run, g, p);
	else
		finish_record(run, r);
}

/* Straight to protobuf where that is possible; X: NULL when it is for no record of the set. */
static inline void one_record_fused(const struct record_run *run, struct fuse_run *x, const struct segments *g, const uint8_t *p)
{
	if (x && fuse_record(run, x, g))
		return;
	if (x)
		fuse_end(run, x);
	one_record(run, run->t->n_vars ? g : NULL, p);
	if (x)
		fuse_resume(run, x);
}

static int fixed_set(const struct record_run *run, struct fuse_run *x, const uint8_t *p, size_t len, uint32_t *ret_records)
{
	size_t step = run->t->min_len;
	size_t there = len / step;
	size_t budget = record_budget(len);
	size_t n = there < budget ? there : budget;
	struct segments g;

	if (run->t->extra)
		memset(&run->d->record->extra, 0, sizeof(run->d->record->extra));
	/* What is left behind the last record is padding (RFC 7011 3.3.1, RFC 3954 5.3). */
	for (size_t i = 0; i < n; i++, p += step) {
		g.run[0] = p;
		one_record_fused(run, x, &g, p);
	}
	*ret_records = (uint32_t)n;
	if (n < there)
		return -ERR_RECORD_LIMIT;
	return n > 0 || len == 0 ? 0 : -ERR_BAD_RECORD;
}

/* RFC 7011 3.3.1: padding is zeros; a record of variable length may be as short as it. */
static bool all_zero(const uint8_t *p, size_t len)
{
	while (len > 0 && *p == 0) {
		p++;
		len--;
	}
	return len == 0;
}

static int variable_set(const struct record_run *run, struct fuse_run *x, const uint8_t *p, size_t len, uint32_t *ret_records)
{
	struct wire w = wire_of(p, len);
	struct segments g;

	*ret_records = 0;
	/* RFC 7011 3.3.1: padding is shorter than any record, and no longer than 7 bytes. */
	while (wire_left(&w) >= run->t->min_len) {
		const uint8_t *rest = w.p;
		size_t left = wire_left(&w);
		if (*ret_records >= record_budget(len))
			return -ERR_RECORD_LIMIT;
		if (!walk(run->t, &w, &g))
			return *ret_records > 0 && all_zero(rest, left) ? 0 : -ERR_BAD_RECORD;
		one_record_fused(run, x, &g, rest);
		++*ret_records;
	}
	return *ret_records > 0 || len == 0 ? 0 : -ERR_BAD_RECORD;
}

int record_set(struct decoder *d, struct domain *dom, const struct record_source *src, const struct template *t,
	const uint8_t *data, size_t len, uint32_t *ret_records, struct decode_result *res)
{
	struct flow base;
	struct record_run run = {.d = d, .dom = dom, .src = src, .t = t, .base = &base, .res = res};

	struct fuse_run fused;

	finish_base(&run, &base);
	struct fuse_run *x = fuse_begin(&run, &base, &fused) ? &fused : NULL;
	int r = (t->n_vars == 0 ? fixed_set : variable_set)(&run, x, data, len, ret_records);
	if (x)
		fuse_end(&run, x);
	return r;
}

/* Steps that only fill what is open still, and leave struct record_extra, which is the outer record's, alone. */
static void run_gently(const struct template *t, const struct segments *g, struct record *r)
{
	for (const struct step *s = t->steps; s < t->steps + t->n_steps; s++) {
		struct step gentle = *s;
		const uint8_t *p = s->var ? g->var[s->seg] : g->run[s->seg] + s->offset;
		size_t len = s->var ? g->len[s->seg] : s->len;
		gentle.if_zero = true;
		if (len > 0 && s->op != STEP_CALL && s->target < offsetof(struct record, extra))
			record_value(&gentle, p, len, r);
	}
}

long record_fill_open(const struct record_run *run, const uint8_t *data, size_t len, struct record *r)
{
	struct wire w = wire_of(data, len);
	struct segments g;

	if (!walk(run->t, &w, &g))
		return -ERR_BAD_RECORD;
	run_gently(run->t, &g, r);
	if (run->t->lists)
		run_calls(run, &g, data, r);
	return w.p - data;
}

long record_fill(const struct record_run *run, const uint8_t *data, size_t len, struct record *r)
{
	const struct template *t = run->t;
	struct wire w = wire_of(data, len);
	struct segments g;

	if (!walk(t, &w, &g))
		return -ERR_BAD_RECORD;
	run_segments(t->steps, t->steps + t->n_steps, &g, r);
	if (t->lists)
		run_calls(run, &g, data, r);
	return w.p - data;
}
