/*
 * opt_file.c -- the configuration file: `name = value` a line, and [sections] that are handed on.
 *
 *     kafka.brokers = localhost:9092
 *     listen = netflow://:2055
 *     listen = sflow://:6343
 *     [kafka]
 *     compression.type = zstd
 *
 * A line that starts with '#' or ';' is a comment; there are no comments behind a value, because a password may
 * hold any character. Quotation marks around a whole value are taken off, so that it can end in a space. It is
 * read here rather than by an ini library because errors name the line, lines may be of any length, and a value
 * stays as it was written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/opt_internal.h"

enum { WHERE_MAX = 300 };

static char *trim(char *text)
{
	text += strspn(text, " \t\r\n");
	size_t len = strlen(text);
	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

static char *unquote(char *text)
{
	size_t len = strlen(text);
	if (len < 2 || text[0] != '"' || text[len - 1] != '"')
		return text;
	text[len - 1] = '\0';
	return text + 1;
}

static struct opt_entry *find_section(struct opt_run *run, const char *name)
{
	for (size_t i = 0; i < run->count; i++)
		if (run->entries[i].row->section && strcmp(run->entries[i].row->section, name) == 0)
			return &run->entries[i];
	return NULL;
}

static int open_section(struct opt_run *run, char *line, const char *where, struct opt_entry **ret_section)
{
	size_t len = strlen(line);
	if (line[len - 1] != ']')
		return opt_fail(run, "%s: '%s' lacks its ']'", where, line);
	line[len - 1] = '\0';
	struct opt_entry *e = find_section(run, trim(line + 1));
	if (e) {
		*ret_section = e;
		return 0;
	}
	char known[200] = "";
	for (size_t i = 0, at = 0; i < run->count && at < sizeof(known); i++) {
		const char *section = run->entries[i].row->section;
		if (section)
			at += (size_t)snprintf(known + at, sizeof(known) - at, " [%s]", section);
	}
	return opt_fail(run, "%s: no section [%s] is known here%s%s; other options stand above the first section",
			where, trim(line + 1), *known ? ", only" : "", known);
}

static int set_named(struct opt_run *run, const char *where, const char *name, const char *value)
{
	struct opt_entry *e = opt_find(run, name, strlen(name));
	if (!e || e->group == &opt_builtin_group) {
		const char *near = opt_nearest(run, name, strlen(name));
		return opt_fail(run, "%s: unknown option '%s'%s%s%s", where, name, near ? "; did you mean '" : "",
				near ? near : "", near ? "'?" : "");
	}
	return opt_assign(run, e, OPT_FROM_FILE, where, value);
}

static int read_line(struct opt_run *run, char *line, const char *where, struct opt_entry **section)
{
	line = trim(line);
	if (!*line || *line == '#' || *line == ';')
		return 0;
	if (*line == '[')
		return open_section(run, line, where, section);
	char *equals = strchr(line, '=');
	if (!equals)
		return opt_fail(run, "%s: '%s' is no 'name = value'", where, line);
	*equals = '\0';
	const char *name = trim(line);
	char *value = trim(equals + 1);
	if (!*section)
		return set_named(run, where, name, unquote(value));

	size_t len = strlen(name) + strlen(value) + 2;
	char *pair = malloc(len);
	if (!pair)
		return -ENOMEM;
	(void)snprintf(pair, len, "%s=%s", name, value);
	int r = opt_assign(run, *section, OPT_FROM_FILE, where, pair);
	free(pair);
	return r;
}

int opt_file_read(struct opt_run *run, const char *path)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return opt_fail(run, "--config %s: %s", path, strerror(errno));
	struct opt_entry *section = NULL;
	char *line = NULL;
	size_t cap = 0;
	int r = 0;
	errno = 0;
	for (unsigned number = 1; r == 0 && getline(&line, &cap, f) >= 0; number++) {
		char where[WHERE_MAX];
		(void)snprintf(where, sizeof(where), "%s:%u", path, number);
		r = read_line(run, line, where, &section);
		errno = 0;
	}
	if (r == 0 && ferror(f))
		r = opt_fail(run, "--config %s: %s", path, strerror(errno ? errno : EIO));
	free(line);
	(void)fclose(f);
	return r;
}
