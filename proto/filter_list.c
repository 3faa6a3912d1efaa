/*
 * filter_list.c -- the lists of a filter, `[ ... ]`: ranges, sorted and merged once, searched by halving. A list of ten
 * thousand networks costs fourteen comparisons a flow.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/wire.h"
#include "proto/filter_ast.h"

int filter_list_grow(void **items, size_t *cap, size_t count, size_t size)
{
	enum { FIRST = 16 };
	if (count < *cap)
		return 0;
	size_t more = *cap ? *cap * 2 : FIRST;
	void *grown = realloc(*items, more * size);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	*cap = more;
	return 0;
}

int filter_list_add(struct filter_list *list, filter_wide lo, filter_wide hi)
{
	void *items = list->items;
	int err = filter_list_grow(&items, &list->cap, list->count, sizeof(*list->items));
	if (err)
		return err;
	list->items = items;
	list->items[list->count++] = (struct filter_range){lo, hi};
	return 0;
}

static int by_lo(const void *a, const void *b)
{
	const struct filter_range *x = a, *y = b;
	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

void filter_list_done(struct filter_list *list)
{
	if (!list->count)
		return;
	qsort(list->items, list->count, sizeof(*list->items), by_lo);
	size_t kept = 0;
	for (size_t i = 1; i < list->count; i++) {
		struct filter_range *last = &list->items[kept];
		const struct filter_range *next = &list->items[i];
		if (next->lo > last->hi)
			list->items[++kept] = *next;
		else if (next->hi > last->hi)
			last->hi = next->hi;
	}
	list->count = kept + 1;
}

bool filter_list_has(const struct filter_list *list, filter_wide value)
{
	size_t begin = 0, end = list->count;
	while (begin < end) {
		size_t middle = (begin + end) / 2;
		if (value < list->items[middle].lo)
			end = middle;
		else if (value > list->items[middle].hi)
			begin = middle + 1;
		else
			return true;
	}
	return false;
}

/* An address as a number; those of 4 bytes are below 2^32. */
filter_wide filter_list_address(const struct ip_addr *a)
{
	if (a->len == 4)
		return wire_load32(a->bytes);
	return (filter_wide)wire_load64(a->bytes) << 64 | wire_load64(a->bytes + 8);
}
