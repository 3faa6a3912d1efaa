/*
 * mapping.c -- see mapping.h.
 */
#include "collector/mapping.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/record.h"
#include "collector/template.h"
#include "common/wire.h"
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

static size_t put_varint(uint8_t *out, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		out[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	out[n++] = (uint8_t)v;
	return n;
}

enum { WIRE_VARINT = 0, WIRE_BYTES = 2, HEAD_MAX = 20 };

/* protobuf: tag, then the number, or length and bytes. Zero and empty are left out, as proto3 does. */
void mapping_value(const struct step *s, const uint8_t *p, size_t len, struct record *r)
{
	const struct mapping_own *own = &r->mapping->own[s->target];
	char text[FLOW_STR_MAX];
	uint8_t head[HEAD_MAX];
	size_t n;

	if (own->wire == MAPPING_VARINT) {
		uint64_t v = wire_load_uint(p, len);
		if (v == 0)
			return;
		n = put_varint(head, (uint64_t)own->number << 3 | WIRE_VARINT);
		n += put_varint(head + n, v);
		len = 0;
	} else {
		if (own->wire == MAPPING_STRING) {
			len = record_text(text, sizeof(text), p, len);
			p = (const uint8_t *)text;
		}
		if (len == 0)
			return;
		n = put_varint(head, (uint64_t)own->number << 3 | WIRE_BYTES);
		n += put_varint(head + n, len);
	}
	if (r->flow.n_mapped + n + len > FLOW_MAPPED_MAX) {
		r->cut++;
		return;
	}
	memcpy(r->flow.mapped + r->flow.n_mapped, head, n);
	memcpy(r->flow.mapped + r->flow.n_mapped + n, p, len);
	r->flow.n_mapped += (uint32_t)(n + len);
}
