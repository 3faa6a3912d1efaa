/*
 * log.c -- log lines on stderr, for people or (json) for a machine that collects them.
 *
 * A line is put together in memory and written with one write(2), so lines of several threads never mix, and
 * bytes below a space are shown escaped, so nothing that came from the network can forge a line or steer a
 * terminal. Time comes from the clock here: a line is about now.
 */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"

enum { TEXT_MAX = 2000 };

static const char *const level_words[] = {
	[LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
static const char *const level_colours[] = {
	[LOG_ERROR] = "\033[31m", [LOG_WARN] = "\033[33m", [LOG_INFO] = "", [LOG_DEBUG] = "\033[2m"};
static const char *const culprit_words[] = {
	[LOG_OURS] = "weir", [LOG_REMOTE] = "exporter", [LOG_BROKER] = "broker", [LOG_DB] = "database"};

static const char *log_program = "weir";
static atomic_int log_level = LOG_INFO;
static bool log_json;
static bool log_colour;

int log_set_level(const char *level)
{
	if (strcasecmp(level, "warning") == 0)
		level = "warn";
	for (int i = LOG_ERROR; i <= LOG_DEBUG; i++) {
		if (strcasecmp(level, level_words[i]) == 0) {
			atomic_store(&log_level, i);
			return 0;
		}
	}
	return -EINVAL;
}

/* https://no-color.org */
bool log_wants_colour(int fd)
{
	const char *no = getenv("NO_COLOR");
	return isatty(fd) && (!no || !*no);
}

int log_init(const char *program, const char *level, const char *format)
{
	if (strcmp(format, "normal") != 0 && strcmp(format, "json") != 0)
		return -EINVAL;
	log_program = program;
	log_json = strcmp(format, "json") == 0;
	log_colour = !log_json && log_wants_colour(STDERR_FILENO);
	return log_set_level(level);
}

bool log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

static void add_visible(struct buf *b, const char *text)
{
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (c < ' ' || c == 0x7f)
			buf_printf(b, "\\x%02x", c);
		else
			buf_add(b, p, 1);
	}
}

static void add_json_member(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, ",\"%s\":", name);
	buf_json_string(b, value, strlen(value));
}

void log_write(enum log_level level, enum log_culprit culprit, const char *format, ...)
{
	if (!log_enabled(level))
		return;
	int saved_errno = errno;
	char text[TEXT_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	time_t now = (time_t)(clock_wall_ns() / NS_PER_S);
	struct tm tm;
	char when[40];
	gmtime_r(&now, &tm);
	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);

	struct buf line = {0};
	if (log_json) {
		buf_printf(&line, "{\"time\":\"%s\"", when);
		add_json_member(&line, "level", level_words[level]);
		add_json_member(&line, "program", log_program);
		add_json_member(&line, "culprit", culprit_words[culprit]);
		add_json_member(&line, "text", text);
		buf_puts(&line, "}\n");
	} else {
		const char *colour = log_colour ? level_colours[level] : "";
		buf_printf(&line, "%s %s%-5s%s ", when, colour, level_words[level], *colour ? "\033[0m" : "");
		if (culprit != LOG_OURS)
			buf_printf(&line, "%s: ", culprit_words[culprit]);
		add_visible(&line, text);
		buf_puts(&line, "\n");
	}
	if (!line.failed && write(STDERR_FILENO, line.data, line.len) < 0)
		errno = 0; /* there is nobody left to tell */
	buf_free(&line);
	errno = saved_errno;
}
