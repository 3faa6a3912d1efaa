/*
 * input.h -- where a worker's bytes come from: datagrams of a UDP socket, messages of connections (stream.h), packets of an
 * interface (packets.h). An input runs in its worker's thread alone, and hands on what it received by the functions at the
 * end of worker.h.
 */
#ifndef WEIR_COLLECTOR_INPUT_H
#define WEIR_COLLECTOR_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "collector/tls.h"
#include "common/err.h"

struct input;
struct repeater;
struct worker;

struct input_ops {
	/* Before its thread starts: this is your worker. 0 or a negative errno. */
	int (*start)(struct input *in, struct worker *w);
	/* Takes what is there, and waits for the first of it, 100 ms at most. */
	void (*receive)(struct input *in);
	void (*each_second)(struct input *in);
	/* The last call: takes what had come before the worker was told to stop, and waits for nothing. */
	void (*drain)(struct input *in);
	/* SIGHUP: reads its files again. 0, or negative with a line in ERR, and the old ones stay in force. NULL: has none. */
	int (*reload)(struct input *in, char *err, size_t err_len);
	void (*free)(struct input *in);
};

struct input {
	const struct input_ops *ops;
};

/* FD and REPEATER (NULL: nothing is passed on) are the input's from now on, also when it fails; BUFFER_GOT is the socket's
 * receive buffer. 0 or -ENOMEM. */
int input_udp_new(int fd, uint64_t buffer_got, struct repeater *repeater, struct input **ret_input) MUST_CHECK;

struct input_stream_options {
	const char *name;    /* the listener's */
	size_t max_sessions, max_per_address;
	uint64_t idle_ns, message_ns;
	struct tls_files tls; /* cert NULL: no TLS */
};
/* LISTEN_FD is the input's from now on, also when it fails; the texts of OPTIONS must outlive it. 0, or negative with one line
 * in ERR. */
int input_stream_new(int listen_fd, const struct input_stream_options *options, struct input **ret_input, char *err,
		     size_t err_len) MUST_CHECK;

#endif
