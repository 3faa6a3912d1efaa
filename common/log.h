/*
 * log.h -- lines for people, on stderr. Libraries never log; programs do.
 *
 * A line names who is to blame: LOG_REMOTE (an exporter sent nonsense), LOG_OURS, LOG_BROKER, LOG_DB.
 * Format "normal": `2026-11-21T12:00:00Z warn  broker: text` (coloured on a terminal); "json": an object a line.
 */
#ifndef WEIR_COMMON_LOG_H
#define WEIR_COMMON_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_culprit { LOG_OURS, LOG_REMOTE, LOG_BROKER, LOG_DB };

/* LEVEL: error, warn (warning), info, debug; FORMAT: normal or json. 0 or -EINVAL. */
int log_init(const char *program, const char *level, const char *format);
int log_set_level(const char *level);
bool log_wants_colour(int fd); /* a terminal, and the user has not said NO_COLOR */
bool log_enabled(enum log_level level);
void log_write(enum log_level level, enum log_culprit culprit, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(culprit, ...) log_write(LOG_ERROR, culprit, __VA_ARGS__)
#define log_warn(culprit, ...)  log_write(LOG_WARN, culprit, __VA_ARGS__)
#define log_info(culprit, ...)  log_write(LOG_INFO, culprit, __VA_ARGS__)
#define log_debug(culprit, ...) \
	do { \
		if (log_enabled(LOG_DEBUG)) \
			log_write(LOG_DEBUG, culprit, __VA_ARGS__); \
	} while (0)

#endif
