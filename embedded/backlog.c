/*
 * backlog.c -- a growing ring of (offset, size), one a partition; see broker.c for what it is good for.
 */
#include "embedded/backlog.h"

#include <errno.h>
#include <stdlib.h>

static int grow(struct backlog *b)
{
	uint32_t cap = b->cap ? b->cap * 2 : 256;
	struct backlog_entry *ring = calloc(cap, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->count; i++)
		ring[i] = b->ring[(b->head + i) & (b->cap - 1)];
	free(b->ring);
	b->ring = ring;
	b->cap = cap;
	b->head = 0;
	return 0;
}

int backlog_add(struct backlog *b, int64_t offset, uint32_t size)
{
	if (offset < b->committed)
		return 0;
	if (b->count == b->cap) {
		int r = grow(b);
		if (r)
			return r;
	}
	b->ring[(b->head + b->count++) & (b->cap - 1)] = (struct backlog_entry){offset, size};
	b->bytes += size;
	return 0;
}

static void drop_before(struct backlog *b, int64_t offset)
{
	while (b->count && b->ring[b->head].offset < offset) {
		b->bytes -= b->ring[b->head].size;
		b->head = (b->head + 1) & (b->cap - 1);
		b->count--;
	}
}

void backlog_committed(struct backlog *b, int64_t offset)
{
	if (offset <= b->committed)
		return;
	b->committed = offset;
	drop_before(b, offset);
}

void backlog_forgotten(struct backlog *b, int64_t offset)
{
	if (offset <= b->committed)
		return;
	b->gap += (uint64_t)(offset - b->committed);
	b->committed = offset;
	drop_before(b, offset);
}

void backlog_free(struct backlog *b)
{
	free(b->ring);
	*b = (struct backlog){0};
}
