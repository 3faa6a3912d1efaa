/*
 * columns_internal.h -- what columns.c (the codes) and columns_format.c (the formats) share.
 */
#ifndef WEIR_INSERTER_COLUMNS_INTERNAL_H
#define WEIR_INSERTER_COLUMNS_INTERNAL_H

#include "inserter/columns.h"
#include "proto/flow.h"

struct cell;

/* Writes one column of F at OUT, at most COLUMNS_CELL_MAX bytes. */
typedef char *cell_fn(struct columns *c, const struct cell *cell, const struct flow *f, char *out);

enum { COLUMNS_CELL_MAX = 2048, COLUMNS_CELLS_MAX = 128, COLUMNS_WIDE = 1024 };

struct cell {
	cell_fn *put;         /* NULL: only the literal */
	const char *name;     /* the code */
	const char *heading;
	size_t width;
	size_t offset, size;  /* of the member in struct flow */
	size_t array_offset;
	uint32_t place;       /* of an MPLS label, from 0 on */
	char *literal;        /* what stands behind it, allocated */
	size_t literal_len;
};

struct columns {
	struct cell cells[COLUMNS_CELLS_MAX];
	size_t n_cells;
	bool plain;           /* csv */
	bool plain_numbers;
	bool long_ipv6;
	uint64_t number;      /* of the line being written */
	uint64_t minute;      /* what minute_text shows, since 1970 */
	char minute_text[17]; /* "2026-11-21 12:00:" */
};

/* Each function once or oftener: C does not mind. */
#define COLUMN(code, text, how, member) cell_fn columns_##how;
#define ARRAY_COLUMN COLUMN
#define LABEL_COLUMN(place)
#define ODD_COLUMN(code, heading, width, how, member) cell_fn columns_##how;
#define NO_COLUMN(code, why)
#include "inserter/columns.def"
#undef COLUMN
#undef ARRAY_COLUMN
#undef LABEL_COLUMN
#undef ODD_COLUMN
#undef NO_COLUMN
cell_fn columns_mpls_place, columns_field_addr, columns_field_numbers, columns_field_addrs;

#endif
