/*
 * labels.h -- counters of bytes, packets and flows by labels that the user chooses (--metrics.by).
 */
#ifndef WEIR_INSERTER_LABELS_H
#define WEIR_INSERTER_LABELS_H

#include <stddef.h>
#include <stdint.h>

#include "inserter/sides.h"

struct buf;
struct flow;
struct labels;

/* SPEC is "NAME=label,label...": metrics weir_NAME_bytes_total, _packets_total and _flows_total. MAX: sets of values that
 * get a counter, the rest is counted with "other" for each label. 0, -EINVAL with a line in ERR, or -ENOMEM. */
int labels_new(const char *spec, size_t max, struct labels **ret_labels, char *err, size_t err_len);
void labels_free(struct labels *l);
/* Counts F, times its sampling rate. */
void labels_add(struct labels *l, const struct flow *f, enum side side, uint64_t now_ns);
/* Drops what was last counted before OLDEST_NS. */
void labels_expire(struct labels *l, uint64_t oldest_ns);
void labels_write(const struct labels *l, struct buf *b);

#endif
