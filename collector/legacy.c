/*
 * legacy.c -- compiles the layouts of legacy.def once, when a decoder is made.
 */
#include "collector/legacy.h"

#include <stdlib.h>
#include <string.h>

#include "collector/decoder.h"
#include "collector/fuse.h"
#include "collector/ie.h"
#include "collector/template.h"

#define F(element, bytes) {.id = IE_##element, .len = bytes}
#define SKIP(bytes) {.len = bytes}
#define LAYOUT(version_, aggregation_, ...) \
	{.version = version_, .aggregation = aggregation_, .fields = {__VA_ARGS__}},

enum { FIELDS_MAX = 24 };

static const struct {
	uint8_t version, aggregation;
	struct template_field fields[FIELDS_MAX];
} layouts[] = {
#include "collector/legacy.def"
};

enum { LAYOUTS = sizeof(layouts) / sizeof(layouts[0]) };

struct legacy {
	struct template *templates[LAYOUTS];
};

static int compile_layouts(struct decoder *d)
{
	for (size_t i = 0; i < LAYOUTS; i++) {
		uint16_t n = 0;
		while (n < FIELDS_MAX && layouts[i].fields[n].len)
			n++;
		*d->spec = (struct template_spec){.n_fields = n};
		memcpy(d->spec->fields, layouts[i].fields, n * sizeof(d->spec->fields[0]));
		int r = template_compile(d->spec, d->mapping, &d->legacy->templates[i]);
		if (r)
			return r;
		size_t size;
		r = fuse_compile(d->legacy->templates[i], &d->legacy->templates[i]->fuse, &size);
		if (r)
			return r;
	}
	return 0;
}

int legacy_new(struct decoder *d)
{
	d->legacy = calloc(1, sizeof(*d->legacy));
	int r = d->legacy ? compile_layouts(d) : -ERR_MEMORY;
	if (r)
		legacy_free(d);
	return r;
}

void legacy_free(struct decoder *d)
{
	for (size_t i = 0; d->legacy && i < LAYOUTS; i++)
		template_free(d->legacy->templates[i]);
	free(d->legacy);
	d->legacy = NULL;
}

const struct template *legacy_layout(const struct decoder *d, unsigned version, unsigned aggregation, unsigned len)
{
	for (size_t i = 0; i < LAYOUTS; i++)
		if (layouts[i].version == version && layouts[i].aggregation == aggregation &&
		    (len == 0 || d->legacy->templates[i]->min_len == len))
			return d->legacy->templates[i];
	return NULL;
}
