/*
 * summary.h -- what nfdump says below its lines: sums, averages and the window of time of all flows that were shown.
 */
#ifndef WEIR_INSERTER_SUMMARY_H
#define WEIR_INSERTER_SUMMARY_H

#include <stddef.h>

#include "inserter/columns.h"

struct buf;
struct flow;
struct summary;

/* 0, -EINVAL or -ENOMEM, with a line in ERR. */
int summary_new(const struct columns_style *style, struct summary **ret_summary, char *err, size_t err_len);
void summary_add(struct summary *s, const struct flow *f);
/* All of them as one flow; flow_count says how many. */
const struct flow *summary_total(const struct summary *s);
void summary_write(struct summary *s, struct buf *out);
void summary_clear(struct summary *s);
void summary_free(struct summary *s);

/* F in C's only column, in OUT; blanks in front stay when PADDED. */
const char *summary_piece(struct columns *c, const struct flow *f, bool padded, char out[COLUMNS_LINE_MAX]);

#endif
