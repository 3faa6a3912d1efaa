/*
 * columns.h -- flows in columns: nfdump's `-o line|long|extended|csv|fmt:...|csv:...`, compiled once.
 */
#ifndef WEIR_INSERTER_COLUMNS_H
#define WEIR_INSERTER_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct columns;
struct flow;

enum { COLUMNS_LINE_MAX = 16384 }; /* no line is longer, its newline included */

struct columns_style {
	bool plain_numbers; /* 150123456, not 150.1 M */
	bool long_ipv6;     /* room for whole IPv6 addresses */
};

/* FORMAT is a name (line, long, extended, biline, csv), or "fmt:" or "csv:" and codes. 0, -EINVAL with a line in ERR
 * that names the code, or -ENOMEM. */
int columns_new(const char *format, const struct columns_style *style, struct columns **ret_columns, char *err, size_t err_len);
/* csv: for programs to read. */
bool columns_are_plain(const struct columns *c);
size_t columns_heading(const struct columns *c, char *out);
/* F as line NUMBER; a flow that stands for several has their number in flow_count. */
size_t columns_line(struct columns *c, const struct flow *f, uint64_t number, char *out);
void columns_free(struct columns *c);

#endif
