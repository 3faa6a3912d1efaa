/*
 * enrich.h -- what flows do not say themselves: countries, AS numbers, names of networks and customers.
 *
 * The same in weir-enricher and in every sink of weir-inserter (--enrich.*). Files that change are read again.
 */
#ifndef WEIR_ENRICH_ENRICH_H
#define WEIR_ENRICH_ENRICH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/opt.h"

struct enrich;
struct flow;

struct enrich_options {
	char *country;   /* --enrich.country: an mmdb */
	char *as;        /* --enrich.as: an mmdb */
	char *networks;  /* --enrich.networks: CSV */
	bool as_always;  /* also where the exporter gave an AS */
};

enum { ENRICH_OPTIONS = 4 };

extern const struct opt enrich_option_rows[ENRICH_OPTIONS]; /* offsets into struct enrich_options */

struct enrich_stats {
	uint64_t flows, countries, as_numbers, names; /* flows in which at least one was filled in */
	uint64_t reloads, reload_errors;
};

/* *RET_ENRICH is NULL when no option asks for anything. 0, or -EINVAL with a line in ERR. */
int enrich_new(const struct enrich_options *options, struct enrich **ret_enrich, char *err, size_t err_len) MUST_CHECK;
void enrich_free(struct enrich *e);

/* One thread. E may be NULL: then nothing happens. */
void enrich_flow(struct enrich *e, struct flow *f);
/* Reads again what has changed; call about once a second. 0, or -EINVAL with a line in ERR: the old one stays. */
int enrich_tick(struct enrich *e, char *err, size_t err_len);
void enrich_stats(const struct enrich *e, struct enrich_stats *ret_stats);

#endif
