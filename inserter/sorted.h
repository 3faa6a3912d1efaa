/*
 * sorted.h -- flows kept until the end and put in order (nfdump's -O without -a): bounded, and honest about it.
 */
#ifndef WEIR_INSERTER_SORTED_H
#define WEIR_INSERTER_SORTED_H

#include <stddef.h>
#include <stdint.h>

#include "inserter/group.h"

struct sorted;

/* MAX flows are kept; beyond it the lower half goes. 0 or -ENOMEM. */
int sorted_new(enum group_order order, size_t max, struct sorted **ret_sorted);
void sorted_add(struct sorted *s, const struct flow *f);
/* Puts them in order; then 0 is the first. */
void sorted_finish(struct sorted *s);
size_t sorted_count(const struct sorted *s);
void sorted_flow(const struct sorted *s, size_t i, struct flow *ret_flow);
uint64_t sorted_dropped(const struct sorted *s);
void sorted_clear(struct sorted *s);
void sorted_free(struct sorted *s);

#endif
