/*
 * collector.h -- the whole program behind its options: what main() runs, and what its pages show.
 */
#ifndef WEIR_COLLECTOR_COLLECTOR_H
#define WEIR_COLLECTOR_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/decode_stats.h"
#include "collector/listen.h"
#include "collector/outlet.h"
#include "collector/socket.h"
#include "collector/worker.h"
#include "common/err.h"

struct config;
struct decoding;
struct gate_rules;
struct http_server;
struct tap;
struct transport;
struct watch;

enum { COLLECTOR_WORKERS_MAX = 256 };

struct collector {
	const struct config *config;
	struct transport *transport;
	struct tap *tap;
	struct http_server *http;
	struct worker *workers[COLLECTOR_WORKERS_MAX];
	size_t n_workers;
	struct socket_info sockets[LISTEN_MAX]; /* by listener */
	struct gate_rules *rules;
	struct decoding *decoding;              /* of the last SIGHUP, NULL: the configuration's (reload.c) */
	struct watch *watch;                    /* of Redis, NULL: not asked for */
	int argc;                               /* for SIGHUP */
	char **argv;
	bool stopping;                          /* atomic */
};

/* Runs until a signal, or to the end of the capture. 0, or negative with one line in ERR. */
int collector_run(const struct config *config, int argc, char **argv, char *err, size_t err_len) MUST_CHECK;

/* Of all workers together. */
void collector_decode_stats(const struct collector *c, struct decode_stats *ret_stats);
void collector_outlet_stats(const struct collector *c, struct outlet_stats *ret_stats);
/* Of those of one listener. */
void collector_listener_stats(const struct collector *c, const struct listen_spec *spec, struct worker_stats *ret_stats);

#endif
