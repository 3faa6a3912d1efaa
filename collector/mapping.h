/*
 * mapping.h -- the index from (PEN, element) to rows of ie_map.def, and a user's own rows in front of them.
 *
 * A user's row sends an element to a member of struct flow or to a number of its own (>= 10000) in the record; that
 * is what goflow2's mapping.yaml does (docs/mapping.md has both side by side). A line a row:
 *
 *     [pen/]element = field
 *     [pen/]element = number name type        type: varint, string, bytes
 *
 * where element is a number or an IANA name.
 */
#ifndef WEIR_COLLECTOR_MAPPING_H
#define WEIR_COLLECTOR_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/ie.h"

enum { MAPPING_ROWS_MAX = 256, MAPPING_BUCKETS = 512, MAPPING_NUMBER_MIN = 10000, MAPPING_NUMBER_MAX = 536870911 };

enum mapping_wire { MAPPING_VARINT, MAPPING_STRING, MAPPING_BYTES };

/* A field of the user's own. */
struct mapping_own {
	uint32_t number;
	char name[64];
	enum mapping_wire wire;
};

struct mapping_row {
	struct ie_map map;
	struct mapping_row *next; /* of the bucket, in order */
};

struct mapping {
	struct mapping_row *rows;
	size_t n_rows;
	struct mapping_row *buckets[MAPPING_BUCKETS];
	struct mapping_own own[MAPPING_ROWS_MAX];
	size_t n_own;
};

/* The built-in rows alone; 0 or -ENOMEM. */
int mapping_new(struct mapping **ret_mapping);
/* The built-in rows and those of TEXT (a file's content, NAME for messages): 0, or -EINVAL or -ENOMEM with ERR. */
int mapping_parse(const char *text, const char *name, struct mapping **ret_mapping, char *err, size_t err_len);
/* The same of a file: 0, -EINVAL (a line in ERR), or another negative errno (so, too). */
int mapping_read(const char *path, struct mapping **ret_mapping, char *err, size_t err_len);
void mapping_free(struct mapping *m); /* NULL is fine */

/* The first row of (PEN, ELEMENT), NULL; go on with ->next and mapping_is(). */
const struct mapping_row *mapping_first(const struct mapping *m, uint32_t pen, uint16_t element);
const struct mapping_row *mapping_next(const struct mapping_row *row);

/* A value of a user's own field: appends it to r->flow.mapped as protobuf. */
struct record;
struct step;
void mapping_value(const struct step *s, const uint8_t *p, size_t len, struct record *r);

#endif
