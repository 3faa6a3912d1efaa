/*
 * sorted.c -- see sorted.h. A flow is kept as the record it came as: some hundred bytes, where struct flow has thousands.
 */
#include "inserter/sorted.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "proto/flow.h"
#include "proto/pack.h"
#include "proto/unpack.h"

struct row {
	uint64_t rank, number; /* flows of one rank stay in their order */
	size_t at, len;        /* in records */
};

struct sorted {
	enum group_order order;
	size_t max, count, cap;
	uint64_t number, dropped;
	struct row *rows;
	struct buf records;
};

int sorted_new(enum group_order order, size_t max, struct sorted **ret_sorted)
{
	struct sorted *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->order = order;
	s->max = max;
	*ret_sorted = s;
	return 0;
}

static int by_rank(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

static int by_place(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	return x->at < y->at ? -1 : 1;
}

void sorted_finish(struct sorted *s)
{
	if (s->count)
		qsort(s->rows, s->count, sizeof(*s->rows), by_rank);
}

static void drop_lower_half(struct sorted *s)
{
	size_t used = 0;
	sorted_finish(s);
	s->dropped += s->count - s->count / 2;
	s->count /= 2;
	qsort(s->rows, s->count, sizeof(*s->rows), by_place);
	for (size_t i = 0; i < s->count; i++) {
		memmove(s->records.data + used, s->records.data + s->rows[i].at, s->rows[i].len);
		s->rows[i].at = used;
		used += s->rows[i].len;
	}
	s->records.len = used;
}

static int make_room(struct sorted *s)
{
	if (s->count == s->max)
		drop_lower_half(s);
	if (s->count < s->cap)
		return 0;
	size_t cap = s->cap ? s->cap * 2 : 1024;
	struct row *grown = reallocarray(s->rows, cap, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->rows = grown;
	s->cap = cap;
	return 0;
}

void sorted_add(struct sorted *s, const struct flow *f)
{
	char *to = make_room(s) ? NULL : buf_reserve(&s->records, FLOW_PACK_MAX);
	if (!to) {
		s->records.failed = false;
		s->dropped++;
		return;
	}
	size_t len = flow_pack(f, (uint8_t *)to);
	s->rows[s->count++] = (struct row){
		.rank = group_rank(f, s->order), .number = s->number++, .at = s->records.len, .len = len};
	s->records.len += len;
}

size_t sorted_count(const struct sorted *s)
{
	return s->count;
}

void sorted_flow(const struct sorted *s, size_t i, struct flow *ret_flow)
{
	struct flow_iter it;
	flow_iter_init(&it, s->records.data + s->rows[i].at, s->rows[i].len);
	if (flow_iter_next(&it, ret_flow) != 1)
		flow_clear(ret_flow); /* cannot be: it was packed here */
}

uint64_t sorted_dropped(const struct sorted *s)
{
	return s->dropped;
}

void sorted_clear(struct sorted *s)
{
	s->count = 0;
	s->number = s->dropped = 0;
	buf_reset(&s->records);
}

void sorted_free(struct sorted *s)
{
	if (!s)
		return;
	free(s->rows);
	buf_free(&s->records);
	free(s);
}
