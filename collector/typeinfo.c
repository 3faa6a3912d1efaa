/*
 * typeinfo.c -- see typeinfo.h.
 */
#include "collector/typeinfo.h"

#include <stdlib.h>
#include <string.h>

#include "collector/decoder.h"

static uint64_t key_of(uint32_t pen, uint16_t id)
{
	return (uint64_t)pen << 16 | id;
}

/* Index of the first item that is not before (PEN, ID). */
static size_t lower(const struct typeinfos *t, uint32_t pen, uint16_t id)
{
	size_t low = 0;
	size_t high = t->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (key_of(t->items[mid].pen, t->items[mid].id) < key_of(pen, id))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct typeinfo *typeinfo_find(const struct decoder *d, uint32_t pen, uint16_t id)
{
	const struct typeinfos *t = &d->types;
	size_t i = lower(t, pen, id);

	return i < t->count && t->items[i].pen == pen && t->items[i].id == id ? &t->items[i] : NULL;
}

static bool room(struct typeinfos *t)
{
	if (t->count < t->cap)
		return true;
	size_t cap = t->cap ? t->cap * 2 : 16;
	if (cap > TYPEINFO_MAX)
		return false;
	struct typeinfo *items = realloc(t->items, cap * sizeof(*items));
	if (!items)
		return false;
	t->items = items;
	t->cap = cap;
	return true;
}

void typeinfo_learn(struct decoder *d, const struct typeinfo *info)
{
	struct typeinfos *t = &d->types;
	size_t i = lower(t, info->pen, info->id);

	if (i < t->count && t->items[i].pen == info->pen && t->items[i].id == info->id) {
		t->items[i] = *info;
		return;
	}
	if (!room(t)) {
		counter_inc(&d->stats.metadata_refused);
		return;
	}
	memmove(&t->items[i + 1], &t->items[i], (t->count - i) * sizeof(*t->items));
	t->items[i] = *info;
	t->count++;
}

void typeinfo_free(struct decoder *d)
{
	free(d->types.items);
	d->types = (struct typeinfos){0};
}
