/*
 * filter_sql.h -- a filter as the WHERE of a query on ClickHouse's flows_raw (sql/clickhouse/020_flows_raw.sql).
 *
 * Safe by construction: what comes out is made of our own words, names of columns, numbers, addresses that we
 * formatted, and texts of which every byte but letters and digits is escaped. Nothing of the user's text is copied.
 */
#ifndef WEIR_PROTO_FILTER_SQL_H
#define WEIR_PROTO_FILTER_SQL_H

#include <stddef.h>

#include "common/err.h"

struct buf;

/* Adds the condition, without WHERE, to OUT ("1" for an empty filter); 0, -EINVAL with ERR as filter_compile() has
 * it, or -ENOMEM. @include is refused: the text may come from a browser. */
int filter_sql(const char *text, struct buf *out, char *err, size_t err_len) MUST_CHECK;

enum { FILTER_SQL_COLUMN_MAX = 64 };
/* The column of flows_raw for a field: src_addr -> SrcAddr, next_hop_as -> NextHopAS, etype -> EType. */
void filter_sql_column(const char *field, char out[FILTER_SQL_COLUMN_MAX]);

#endif
