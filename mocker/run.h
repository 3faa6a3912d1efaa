/*
 * run.h -- sends what the generator makes, or what a capture holds, until its end, a signal or --duration.
 */
#ifndef WEIR_MOCKER_RUN_H
#define WEIR_MOCKER_RUN_H

#include <stddef.h>

struct mocker_options;
struct summary;

/* 0; -EINVAL: bad usage; another negative errno: sending failed. ERR says what. *ret_summary (the caller's to free())
 * is set whenever something was sent, also after a failure. */
int run_generator(const struct mocker_options *options, struct summary **ret_summary, char *err, size_t err_len);
int run_capture(const struct mocker_options *options, struct summary **ret_summary, char *err, size_t err_len);

#endif
