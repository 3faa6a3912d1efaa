/*
 * file.h -- a file (or standard output) to append whole blocks to, reopened when logrotate has moved it away.
 */
#ifndef WEIR_OUTPUT_FILE_H
#define WEIR_OUTPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct file_writer;

/* PATH NULL, "" or "-" is standard output. 0 or a negative errno, with one line in ERR. */
int file_open(const char *path, struct file_writer **ret_writer, char *err, size_t err_len) MUST_CHECK;
/* All of it, as one write() where the kernel takes it. 0 or a negative errno. Not thread-safe. */
int file_write(struct file_writer *w, const void *data, size_t len) MUST_CHECK;
/* Opens the same path again; the old file stays when that fails. 0 (nothing to do for standard output) or -errno. */
int file_reopen(struct file_writer *w) MUST_CHECK;
bool file_is_terminal(const struct file_writer *w);
bool file_is_stdout(const struct file_writer *w);
const char *file_name(const struct file_writer *w); /* for messages */
void file_close(struct file_writer *w);

#endif
