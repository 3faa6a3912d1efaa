/*
 * stream.h -- IPFIX over TCP (RFC 7011 10.4): sessions, and the messages in their byte streams.
 *
 * Bounded: sessions, and bytes of each. What is idle goes when somebody else wants its place; what sends nonsense goes at
 * once, as there is no way to find the next message in a stream that has lost its framing.
 */
#ifndef WEIR_COLLECTOR_STREAM_H
#define WEIR_COLLECTOR_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/decode.h"
#include "common/err.h"

enum { STREAM_SESSIONS_MAX = 512 /* a listener */, STREAM_MESSAGE_MAX = 65535 };

struct stream;

struct stream_stats {
	uint64_t sessions;  /* now */
	uint64_t accepted;
	uint64_t refused;   /* the table was full of sessions in use */
	uint64_t broken;    /* ended for what they sent, or stopped sending in the middle of a message */
	uint64_t bytes;
};

struct stream_handlers {
	/* May this address open a session? */
	bool (*welcome)(void *arg, const struct ip_addr *source, uint16_t port);
	/* One message; its DATA is valid during the call. */
	void (*message)(void *arg, const struct datagram *dg);
	/* The session is over, and with it its templates. */
	void (*end)(void *arg, uint64_t session);
	void *arg;
};

/* LISTEN_FD is a listening socket, which stays the caller's. NULL: no memory. */
struct stream *stream_new(int listen_fd, const struct stream_handlers *handlers);
void stream_free(struct stream *s); /* ends all sessions; NULL is fine */
/* Waits for something to come, TIMEOUT_MS at most, and calls the handlers for it; gives how many messages there were. */
unsigned stream_receive(struct stream *s, int timeout_ms, uint64_t now_ns, uint64_t wall_ns);
const struct stream_stats *stream_stats(const struct stream *s);

#endif
