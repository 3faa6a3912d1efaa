/*
 * run_internal.h -- between run.c and the loops beside it.
 */
#ifndef WEIR_MOCKER_RUN_INTERNAL_H
#define WEIR_MOCKER_RUN_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mocker/pace.h"
#include "mocker/send.h"

struct capture;
struct mocker_options;
struct summary;

struct run {
	const struct mocker_options *options;
	struct send *send;
	struct summary *summary;
	uint64_t start_ns;    /* monotonic */
	uint64_t progress_ns; /* when the progress line is due; 0: never */
	struct pace pace;
};

/* Opens the socket unless there is no --to. 0, or a negative errno with a line in ERR. */
int run_start(struct run *run, const struct mocker_options *options, char *err, size_t err_len);
void run_progress(struct run *run, uint64_t now_ns);
/* Completes the summary and closes the socket. */
void run_finish(struct run *run);
/* Waits; true when it is time to stop: a signal came, or --duration is over. */
bool run_wait(const struct run *run, uint64_t now_ns, uint64_t wait_ns);
/* Until something is due that lies OFFSET_NS behind a capture's begin, SPEED times as fast; at speed 0 --rate says when.
 * False: stop. */
bool run_wait_for_turn(struct run *run, double speed, uint64_t offset_ns);
/* run_start() for those who play a capture, with --speed as a number. */
int run_capture(struct run *run, const struct mocker_options *options, double *ret_speed, struct capture **ret_capture, char *err,
		size_t err_len);
/* The line about what broke off a capture's run: R of reading it or of sending. */
void run_capture_failed(const struct run *run, const struct capture *capture, int r, char *err, size_t err_len);

#endif
