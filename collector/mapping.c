/*
 * mapping.c -- see mapping.h.
 */
#include "collector/mapping.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/flow.h"

static size_t bucket_of(uint32_t pen, uint16_t element)
{
	uint32_t h = (pen * 2654435761u) ^ (element * 40503u);
	return (h >> 7 ^ h) % MAPPING_BUCKETS;
}

/* Rows of one element stay in the order in which they were added. */
static void add_row(struct mapping *m, const struct ie_map *map, uint8_t rank)
{
	struct mapping_row *row = &m->rows[m->n_rows++];
	struct mapping_row **at = &m->buckets[bucket_of(map->pen, map->element)];

	row->map = *map;
	row->map.rank = rank;
	row->next = NULL;
	while (*at)
		at = &(*at)->next;
	*at = row;
}

static int mapping_start(struct mapping **ret_mapping)
{
	size_t n;
	const struct ie_map *rows = ie_map_rows(&n);
	struct mapping *m = calloc(1, sizeof(*m));

	(void)rows;
	if (!m)
		return -ENOMEM;
	m->rows = calloc(n + MAPPING_ROWS_MAX, sizeof(*m->rows));
	if (!m->rows) {
		free(m);
		return -ENOMEM;
	}
	*ret_mapping = m;
	return 0;
}

/* A user's rows have rank 0, so the built-in ones come after them. */
static void add_built_in(struct mapping *m)
{
	size_t n;
	const struct ie_map *rows = ie_map_rows(&n);

	for (size_t i = 0; i < n; i++)
		add_row(m, &rows[i], (uint8_t)(rows[i].rank + 1));
}

int mapping_new(struct mapping **ret_mapping)
{
	struct mapping *m;
	int r = mapping_start(&m);

	if (r)
		return r;
	add_built_in(m);
	*ret_mapping = m;
	return 0;
}

void mapping_free(struct mapping *m)
{
	if (!m)
		return;
	free(m->rows);
	free(m);
}

static const struct mapping_row *match(const struct mapping_row *row, uint32_t pen, uint16_t element)
{
	while (row && (row->map.pen != pen || row->map.element != element))
		row = row->next;
	return row;
}

const struct mapping_row *mapping_first(const struct mapping *m, uint32_t pen, uint16_t element)
{
	return match(m->buckets[bucket_of(pen, element)], pen, element);
}

const struct mapping_row *mapping_next(const struct mapping_row *row)
{
	return match(row->next, row->map.pen, row->map.element);
}
