/*
 * stream.h -- IPFIX over connections: TCP, TLS over TCP, SCTP (RFC 7011 10.2, 10.4). Accepts, keeps within bounds, and gives
 * whole messages on. It knows nothing of flows; input_stream.c puts it in front of a decoder.
 *
 * Everything in one thread with epoll. Each turn reads every connection that has something once, 64 KiB at most, so that
 * a fast one cannot starve the others. Nothing is ever dropped for being too much: it is not read, and TCP tells
 * the exporter to wait.
 *
 * What an outsider can grow: connections (max_sessions, and max_per_address of them from one address), 64 KiB each. At the
 * bound the oldest gives way that has not sent one whole message in message_ns; when there is none, the new one is refused. A dead
 * host is found out by keepalive.
 */
#ifndef WEIR_COLLECTOR_STREAM_H
#define WEIR_COLLECTOR_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/session.h"
#include "collector/stream_stats.h"
#include "common/err.h"
#include "common/ip.h"

struct stream;
struct tls;

struct stream_options {
	size_t max_sessions, max_per_address;
	uint64_t idle_ns;    /* nothing came for so long: it ends; 0: never */
	uint64_t message_ns; /* a message, or the handshake, must be whole within */
	struct tls *tls;     /* the stream's from now on, NULL: none */
	/* May this one send? */
	bool (*admits)(void *arg, const struct ip_addr *source, uint16_t port);
	session_message_fn *message;
	void (*opened)(void *arg, const struct session *s);
	void (*ended)(void *arg, const struct session *s, enum err reason);
	void *arg;
	struct stream_stats *stats;
};

/* LISTEN_FD and options->tls are its own, also when it fails. 0, or a negative errno. */
int stream_new(int listen_fd, const struct stream_options *options, struct stream **ret_stream) MUST_CHECK;
void stream_free(struct stream *s); /* NULL is fine */

/* One turn: accepts what knocks and reads what is there, after waiting for it TIMEOUT_MS at most. The number of
 * connections that had something. NOW_NS is monotonic, of the beginning of the turn. */
unsigned stream_turn(struct stream *s, int timeout_ms, uint64_t now_ns);
/* Ends those whose time is over. */
void stream_each_second(struct stream *s, uint64_t now_ns);
/* For connections from now on; TLS is the stream's. */
void stream_set_tls(struct stream *s, struct tls *tls);
/* There was no reading since the last call: nobody is slow or idle for that. */
void stream_excuse(struct stream *s, uint64_t now_ns);

#endif
