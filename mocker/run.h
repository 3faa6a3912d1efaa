/*
 * run.h -- sends what the generator makes, what a capture holds, or what metering one gives, until its end, a
 * signal or --duration.
 */
#ifndef WEIR_MOCKER_RUN_H
#define WEIR_MOCKER_RUN_H

#include <stddef.h>

struct mocker_options;
struct summary;

/* 0; -EINVAL: bad usage; another negative errno: sending failed. ERR says what. *ret_summary (the caller's to free())
 * is set whenever something was sent, also after a failure. */
typedef int run_fn(const struct mocker_options *options, struct summary **ret_summary, char *err, size_t err_len);

run_fn run_generate; /* the made-up traffic, as export datagrams */
run_fn run_replay;   /* the datagrams of --pcap */
run_fn run_meter;    /* the packets of --pcap, metered, as export datagrams */
run_fn run_kafka;    /* the made-up traffic, straight into a topic */

#endif
