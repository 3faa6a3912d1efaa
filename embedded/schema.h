/*
 * schema.h -- runs the numbered files of sql/clickhouse/ in order, ${NAME:-default} in them replaced.
 */
#ifndef WEIR_EMBEDDED_SCHEMA_H
#define WEIR_EMBEDDED_SCHEMA_H

#include <stddef.h>

struct buf;
struct engine;

struct schema_var {
	const char *name;
	const char *value;
};

/* Adds TEXT to OUT with ${NAME:-default} replaced by the value of NAME in VARS, or by the default. 0, or -EINVAL for a
 * ${ that is not closed, has no default, or whose value holds a quote or a backslash: values stand inside SQL strings. */
int schema_expand(const char *text, const struct schema_var *vars, size_t n_vars, struct buf *out);

/* 0, -ENOENT (no such folder, no files), -EINVAL, -EIO; ERR names the file. */
int schema_apply(struct engine *e, const char *dir, const struct schema_var *vars, size_t n_vars, char *err, size_t err_len);

#endif
