/*
 * places.h -- where the files are that the engine needs, and the folder that its tables live in.
 */
#ifndef WEIR_EMBEDDED_PLACES_H
#define WEIR_EMBEDDED_PLACES_H

#include <stdbool.h>
#include <stddef.h>

struct places {
	char *sql;
	char *proto;
	char *web;           /* NULL: there is none */
	char *lib;           /* libchdb.so */
	char *data;
	char *engine_config; /* inside data */
	bool data_is_ours;   /* made here, to be removed */
};

/* What the options said. */
struct places_given {
	const char *sql, *proto, *web, *lib, *data;
};

/* What is NULL in GIVEN is looked for: in the source tree around the program, then where `install` puts it; the data
 * folder is then a temporary one. 0 or a negative errno, with ERR naming option and file. All are absolute. */
int places_find(const struct places_given *given, struct places *ret_places, char *err, size_t err_len);
void places_free(struct places *p); /* removes the data folder when it is ours */
void places_remove(const char *data);

#endif
