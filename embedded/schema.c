/*
 * schema.c -- the numbered files of sql/clickhouse, the very ones a ClickHouse server gets from scripts/clickhouse-apply, run here.
 *
 * A file is several statements; the engine takes them in one go and stops at the first that fails. What differs from
 * one place to the next (broker, topic, how long to keep) is written in the files as ${NAME:-default}.
 */
#include "embedded/schema.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "embedded/engine.h"

static const char *value_of(const char *name, size_t len, const struct schema_var *vars, size_t n_vars)
{
	for (size_t i = 0; i < n_vars; i++) {
		if (strlen(vars[i].name) == len && memcmp(vars[i].name, name, len) == 0)
			return vars[i].value;
	}
	return NULL;
}

int schema_expand(const char *text, const struct schema_var *vars, size_t n_vars, struct buf *out)
{
	for (;;) {
		const char *open = strstr(text, "${");
		if (!open) {
			buf_puts(out, text);
			return out->failed ? -ENOMEM : 0;
		}
		buf_add(out, text, (size_t)(open - text));
		const char *name = open + 2;
		const char *close = strchr(name, '}');
		size_t name_len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
		const char *otherwise = name + name_len + 2;
		if (!close || strncmp(name + name_len, ":-", 2) != 0 || otherwise > close)
			return -EINVAL;
		const char *value = value_of(name, name_len, vars, n_vars);
		if (value && strpbrk(value, "'\\"))
			return -EINVAL;
		if (value)
			buf_puts(out, value);
		else
			buf_add(out, otherwise, (size_t)(close - otherwise));
		text = close + 1;
	}
}

static int read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return -errno;
	char block[8192];
	size_t n;
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(out, block, n);
	int r = ferror(f) ? -EIO : out->failed ? -ENOMEM : 0;
	fclose(f);
	return r;
}

static int apply_file(struct engine *e, const char *path, const struct schema_var *vars, size_t n_vars,
		      char *err, size_t err_len)
{
	struct buf text = {0}, sql = {0};
	char reason[1024] = "";
	int r = read_file(path, &text);
	if (r) {
		snprintf(err, err_len, "%s: %s", path, strerror(-r));
		goto out;
	}
	r = schema_expand(text.data ? text.data : "", vars, n_vars, &sql);
	if (r) {
		snprintf(err, err_len, "%s: a ${NAME:-default} in it is malformed, or its value holds a quote", path);
		goto out;
	}
	r = engine_run(e, sql.data, reason, sizeof(reason));
	if (r)
		snprintf(err, err_len, "%s: %s", path, reason);
out:
	buf_free(&text);
	buf_free(&sql);
	return r;
}

int schema_apply(struct engine *e, const char *dir, const struct schema_var *vars, size_t n_vars, char *err, size_t err_len)
{
	char pattern[4096];
	glob_t found;
	snprintf(pattern, sizeof(pattern), "%s/[0-9]*.sql", dir);
	if (glob(pattern, 0, NULL, &found)) {
		snprintf(err, err_len, "%s: no numbered .sql files there; --sql names the folder that has them (sql/clickhouse)", dir);
		return -ENOENT;
	}
	int r = 0;
	for (size_t i = 0; i < found.gl_pathc && !r; i++)
		r = apply_file(e, found.gl_pathv[i], vars, n_vars, err, err_len);
	globfree(&found);
	return r;
}
