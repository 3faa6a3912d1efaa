/*
 * geo_check.h -- whether a MaxMind database's metadata can be given to libmaxminddb.
 */
#ifndef WEIR_ENRICH_GEO_CHECK_H
#define WEIR_ENRICH_GEO_CHECK_H

#include <stdbool.h>

/* True also when it cannot be read at all: MMDB_open() says why. */
bool geo_check(const char *path);

#endif
