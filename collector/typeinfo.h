/*
 * typeinfo.h -- RFC 5610: an exporter says name and type of its enterprise elements in options data. They show up in
 * /templates, and a mapping can name them.
 */
#ifndef WEIR_COLLECTOR_TYPEINFO_H
#define WEIR_COLLECTOR_TYPEINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decoder;

enum { TYPEINFO_MAX = 4096, TYPEINFO_NAME_MAX = 64 };

struct typeinfo {
	uint32_t pen;
	uint16_t id;
	bool has_id;
	uint8_t type; /* enum ie_type */
	uint8_t name_len;
	char name[TYPEINFO_NAME_MAX];
};

struct typeinfos {
	struct typeinfo *items; /* sorted by (pen, id) */
	size_t count, cap;
};

void typeinfo_learn(struct decoder *d, const struct typeinfo *info);
/* NULL when nobody has said anything of (PEN, ID). */
const struct typeinfo *typeinfo_find(const struct decoder *d, uint32_t pen, uint16_t id);
void typeinfo_free(struct decoder *d);

#endif
