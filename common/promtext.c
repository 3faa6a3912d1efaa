/*
 * promtext.c -- Prometheus text format: comments, then `name{label="value"} number` a line.
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats/: in a label value the backslash, the quotation mark and
 * the line feed are escaped; in HELP the backslash and the line feed. Whatever comes from an exporter goes
 * through that, and bytes that are not UTF-8 are replaced, for a scrape with one bad byte is lost as a whole.
 */
#include "common/promtext.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/counter.h"
#include "common/utf8.h"

enum { LINE = 1024 };

static void add_escaped(struct buf *b, const char *text, bool quotes)
{
	size_t left = strlen(text);
	for (const char *p = text; left;) {
		size_t n = utf8_char_len(p, left);
		if (*p == '\n')
			buf_puts(b, "\\n");
		else if (*p == '\\')
			buf_puts(b, "\\\\");
		else if (*p == '"' && quotes)
			buf_puts(b, "\\\"");
		else if (n == 0)
			buf_puts(b, "\xef\xbf\xbd"); /* U+FFFD */
		else
			buf_add(b, p, n);
		p += n ? n : 1;
		left -= n ? n : 1;
	}
}

void prom_head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s ", name);
	add_escaped(b, help, false);
	buf_printf(b, "\n# TYPE %s %s\n", name, type);
}

static void add_labels(struct buf *b, const char *name, va_list args)
{
	const char *open = "{";
	const char *label;
	buf_puts(b, name);
	while ((label = va_arg(args, const char *))) {
		const char *value = va_arg(args, const char *);
		buf_printf(b, "%s%s=\"", open, label);
		add_escaped(b, value ? value : "", true);
		buf_puts(b, "\"");
		open = ",";
	}
	buf_puts(b, *open == ',' ? "} " : " ");
}

void prom_u64(struct buf *b, const char *name, uint64_t value, ...)
{
	va_list args;
	va_start(args, value);
	add_labels(b, name, args);
	va_end(args);
	buf_printf(b, "%" PRIu64 "\n", value);
}

void prom_double(struct buf *b, const char *name, double value, ...)
{
	va_list args;
	va_start(args, value);
	add_labels(b, name, args);
	va_end(args);
	if (isnan(value))
		buf_puts(b, "NaN\n");
	else if (isinf(value))
		buf_puts(b, value < 0 ? "-Inf\n" : "+Inf\n");
	else
		buf_printf(b, "%.15g\n", value);
}

/* The first line of a file of /proc, "" when it cannot be read. */
static void first_line(const char *path, char *line, int len)
{
	FILE *f = fopen(path, "re");
	line[0] = '\0';
	if (!f)
		return;
	if (!fgets(line, len, f))
		line[0] = '\0';
	(void)fclose(f);
}

/* /proc/self/statm: sizes in pages; the second is what is resident. */
static uint64_t resident_bytes(void)
{
	char line[LINE];
	char *second;
	first_line("/proc/self/statm", line, LINE);
	(void)strtoull(line, &second, 10);
	return strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t open_fds(void)
{
	uint64_t n = 0;
	DIR *dir = opendir("/proc/self/fd");
	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n > 3 ? n - 3 : 0; /* ".", "..", and the directory itself */
}

/* Field 22 of /proc/self/stat is the start in ticks since boot; field 2, the name, may hold anything, spaces and
 * parentheses too, so fields are counted from the last ')'. */
static double start_time(void)
{
	char line[LINE];
	first_line("/proc/self/stat", line, LINE);
	const char *p = strrchr(line, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	double ticks = p ? strtod(p, NULL) : 0;
	first_line("/proc/uptime", line, LINE);
	return (double)clock_wall_ns() / 1e9 - strtod(line, NULL) + ticks / (double)sysconf(_SC_CLK_TCK);
}

static double cpu_seconds(void)
{
	struct rusage u;
	(void)getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
	       ((double)u.ru_utime.tv_usec + (double)u.ru_stime.tv_usec) / 1e6;
}

void prom_process(struct buf *b, const char *program)
{
	prom_head(b, "process_cpu_seconds_total", "counter", "CPU time used, user and system.");
	prom_double(b, "process_cpu_seconds_total", cpu_seconds(), NULL);
	prom_head(b, "process_resident_memory_bytes", "gauge", "Memory that is resident.");
	prom_u64(b, "process_resident_memory_bytes", resident_bytes(), NULL);
	prom_head(b, "process_open_fds", "gauge", "Open file descriptors.");
	prom_u64(b, "process_open_fds", open_fds(), NULL);
	prom_head(b, "process_start_time_seconds", "gauge", "Start of the process, seconds since 1970.");
	prom_double(b, "process_start_time_seconds", start_time(), NULL);
	prom_head(b, "weir_build_info", "gauge", "Which program and version this is; the value is 1.");
	prom_u64(b, "weir_build_info", 1, "program", program, "version", WEIR_VERSION, NULL);
}

void prom_rows(struct buf *b, const struct prom_row *rows, size_t n, const void *base)
{
	for (size_t i = 0; i < n; i++) {
		const void *at = (const char *)base + rows[i].offset;
		prom_head(b, rows[i].name, rows[i].type, rows[i].help);
		prom_u64(b, rows[i].name, counter_get(at), NULL);
	}
}
