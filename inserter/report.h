/*
 * report.h -- nfdump's -a, -A, -b, -s and -O: flows summed up, ranked, sorted, printed when the input ends or a window is over.
 */
#ifndef WEIR_INSERTER_REPORT_H
#define WEIR_INSERTER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/opt.h"
#include "inserter/columns.h"

struct buf;
struct flow;
struct report;

struct report_options {
	bool connection;         /* -a */
	bool both_ways, guess;   /* -b, -B */
	char *by;                /* -A */
	struct opt_list stats;   /* -s */
	char *order;             /* -O */
	int64_t top;             /* -n; -1: 10 for -s, all for -a */
	int64_t max_groups;
	uint64_t window_ns;
};

enum { REPORT_OPTIONS = 9 };

extern const struct opt report_option_rows[REPORT_OPTIONS]; /* offsets into struct report_options */

/* How a group becomes a line of the caller's. NULL: columns that fit the groups. */
typedef size_t report_line_fn(void *arg, const struct flow *f, char *out);

/* *RET_REPORT is NULL when no option asks for one. 0, -EINVAL with a line in ERR, or -ENOMEM. */
int report_new(const struct report_options *options, const struct columns_style *style, bool quiet, struct report **ret_report,
	       char *err, size_t err_len);
void report_add(struct report *r, const struct flow *f);
/* Writes everything and starts anew. LINE is for all but the tables of -s, its HEADING may be NULL. */
void report_write(struct report *r, report_line_fn *line, void *arg, const char *heading, struct buf *out);
/* Lines are flows as they came, in another order: they need a LINE. */
bool report_sorts(const struct report *r);
/* True once a window has passed since the last report. */
bool report_due(struct report *r, uint64_t now_ns);
void report_free(struct report *r);

#endif
