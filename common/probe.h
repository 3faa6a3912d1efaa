/*
 * probe.h -- asks a running program how it is, over its own HTTP address: what a container's health check calls.
 */
#ifndef WEIR_COMMON_PROBE_H
#define WEIR_COMMON_PROBE_H

#include <stddef.h>

/* GET PATH from ADDRESS as --addr has it ("localhost:8080", ":8080"), 3 s at most. 0 when the answer is 200; -EIO when it is
 * another, with its status line in ERR; else a negative errno, with what failed in ERR. */
int probe_http(const char *address, const char *path, char *err, size_t err_len);

#endif
