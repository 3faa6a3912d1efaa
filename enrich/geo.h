/*
 * geo.h -- country and AS of an address from MaxMind databases: geo.c is the one file that knows libmaxminddb.
 */
#ifndef WEIR_ENRICH_GEO_H
#define WEIR_ENRICH_GEO_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct geo;
struct ip_addr;

int geo_open(const char *path, struct geo **ret_geo, char *err, size_t err_len) MUST_CHECK; /* 0 or -EINVAL, with a line in ERR */
void geo_close(struct geo *g);

/* ISO 3166-1 alpha-2 into OUT (no NUL); its length, 0 when the database does not know. Of the country, else of where it is
 * registered. */
size_t geo_country(const struct geo *g, const struct ip_addr *a, char out[2]);
uint32_t geo_as(const struct geo *g, const struct ip_addr *a); /* 0: not known */

#endif
