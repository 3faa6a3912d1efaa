/*
 * session.h -- one connection of an exporter: octets in, whole IPFIX messages out (RFC 7011 10.4).
 *
 * A message says its own length in its header, so that is what cuts the stream. Only version 10 does: NetFlow v9 has no
 * length there, and what follows a wrong header cannot be found again, so the session ends. A session owns one buffer
 * of the longest message there is; nothing an exporter does makes it grow.
 */
#ifndef WEIR_COLLECTOR_SESSION_H
#define WEIR_COLLECTOR_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/ip.h"

struct tls;
struct tls_session;

enum { SESSION_BUFFER = 65536 /* the longest message, 65,535, and the size that a page table likes */ };

struct session {
	struct session *prev, *next;
	uint64_t id;
	int fd;
	struct ip_addr source;
	uint16_t port;
	struct tls_session *tls; /* NULL: none */
	bool wants_write;        /* TLS has something to say before it can read on */
	size_t have;             /* octets in the buffer */
	uint64_t messages;       /* whole ones */
	uint64_t opened_ns, last_ns;
	uint64_t begun_ns;       /* when the message that is not whole yet began, 0: none */
	uint8_t buffer[SESSION_BUFFER];
};

/* A whole message; false: this one may not send any more. */
typedef bool session_message_fn(void *arg, const struct session *s, const uint8_t *data, size_t len);

/* 1: DATA begins with a message of *ret_len octets; 0: there is more to come; -ERR_VERSION, -ERR_BAD_LENGTH: it is none. */
int session_frame(const uint8_t *data, size_t have, size_t *ret_len);

/* TLS may be NULL. FD is the session's from now on, unless it fails. 0 or -ENOMEM. */
int session_new(int fd, struct tls *tls, struct session **ret_session) MUST_CHECK;
void session_free(struct session *s); /* closes */

/* Reads once what is there and gives what is whole to FN. 0: it goes on; else why it ends (enum err). NOW_NS is monotonic. */
int session_read(struct session *s, uint64_t now_ns, session_message_fn *fn, void *arg);

#endif
