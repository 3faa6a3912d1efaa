/*
 * stream.c -- see stream.h.
 */
#include "collector/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/counter.h"
#include "common/ip.h"
#include "common/wire.h"

enum {
	BUFFER = STREAM_MESSAGE_MAX + 1,
	HEADER = 16, /* RFC 7011 3.1 */
	IPFIX = 10
};

static const uint64_t idle_ns = 60 * NS_PER_S;    /* idle for so long: it may be put out for another */
static const uint64_t stalled_ns = 60 * NS_PER_S; /* in the middle of a message for so long: it is over */

struct session {
	int fd;
	uint64_t id;
	struct ip_addr source;
	uint16_t port;
	uint64_t last_ns;
	size_t have; /* bytes in buffer */
	uint8_t *buffer;
};

struct stream {
	struct stream_handlers handlers;
	struct stream_stats stats;
	int listen_fd;
	uint64_t next_id;
	size_t count;
	struct session sessions[STREAM_SESSIONS_MAX];
	struct pollfd polled[STREAM_SESSIONS_MAX + 1];
};

struct stream *stream_new(int listen_fd, const struct stream_handlers *handlers)
{
	struct stream *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->handlers = *handlers;
	s->listen_fd = listen_fd;
	s->next_id = 1; /* 0 is UDP */
	return s;
}

/* The last one takes its place. */
static void end_session(struct stream *s, size_t i)
{
	struct session *gone = &s->sessions[i];
	s->handlers.end(s->handlers.arg, gone->id);
	close(gone->fd);
	free(gone->buffer);
	*gone = s->sessions[--s->count];
	__atomic_store_n(&s->stats.sessions, s->count, __ATOMIC_RELAXED);
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	while (s->count)
		end_session(s, s->count - 1);
	free(s);
}

static bool make_room(struct stream *s, uint64_t now_ns)
{
	size_t oldest = 0;
	if (s->count < STREAM_SESSIONS_MAX)
		return true;
	for (size_t i = 1; i < s->count; i++) {
		if (s->sessions[i].last_ns < s->sessions[oldest].last_ns)
			oldest = i;
	}
	if (now_ns - s->sessions[oldest].last_ns < idle_ns)
		return false;
	end_session(s, oldest);
	return true;
}

static void accept_one(struct stream *s, uint64_t now_ns)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	int on = 1, fd = accept4(s->listen_fd, (struct sockaddr *)&ss, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	struct session new = {.fd = fd, .id = s->next_id, .last_ns = now_ns};
	new.source = ip_from_sockaddr(&ss, &new.port);
	bool welcome = s->handlers.welcome(s->handlers.arg, &new.source, new.port);
	if (!welcome || !make_room(s, now_ns) || !(new.buffer = malloc(BUFFER))) {
		if (welcome)
			counter_inc(&s->stats.refused);
		close(fd);
		return;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	s->next_id++;
	s->sessions[s->count++] = new;
	counter_inc(&s->stats.accepted);
	__atomic_store_n(&s->stats.sessions, s->count, __ATOMIC_RELAXED);
}

/* Whole messages at the front of the buffer; gives how many, or -ERR_BAD_LENGTH, -ERR_VERSION. */
static int take_messages(struct stream *s, struct session *c, uint64_t wall_ns)
{
	int n = 0;
	size_t at = 0;
	while (c->have - at >= HEADER) {
		size_t len = wire_load16(c->buffer + at + 2);
		if (wire_load16(c->buffer + at) != IPFIX)
			return -ERR_VERSION;
		if (len < HEADER) /* RFC 7011 3.1: the length includes the header */
			return -ERR_BAD_LENGTH;
		if (c->have - at < len)
			break;
		struct datagram dg = {
			.data = c->buffer + at, .len = len, .source = c->source, .source_port = c->port, .received_ns = wall_ns,
			.session = c->id,
		};
		s->handlers.message(s->handlers.arg, &dg);
		at += len;
		n++;
	}
	memmove(c->buffer, c->buffer + at, c->have - at);
	c->have -= at;
	return n;
}

/* Messages, or negative: the session is over. */
static int read_session(struct stream *s, struct session *c, uint64_t now_ns, uint64_t wall_ns)
{
	ssize_t n = recv(c->fd, c->buffer + c->have, BUFFER - c->have, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		if (c->have)
			counter_inc(&s->stats.broken); /* in the middle of a message */
		return -ESHUTDOWN;
	}
	c->have += (size_t)n;
	c->last_ns = now_ns;
	counter_add(&s->stats.bytes, (uint64_t)n);
	int messages = take_messages(s, c, wall_ns);
	if (messages < 0)
		counter_inc(&s->stats.broken);
	return messages;
}

unsigned stream_receive(struct stream *s, int timeout_ms, uint64_t now_ns, uint64_t wall_ns)
{
	unsigned messages = 0;
	s->polled[0] = (struct pollfd){.fd = s->listen_fd, .events = POLLIN};
	for (size_t i = 0; i < s->count; i++)
		s->polled[i + 1] = (struct pollfd){.fd = s->sessions[i].fd, .events = POLLIN};
	if (poll(s->polled, s->count + 1, timeout_ms) < 0)
		return 0;
	/* From the end: what ends a session moves the last one into its place, which was looked at already. */
	for (size_t i = s->count; i-- > 0;) {
		struct session *c = &s->sessions[i];
		int n = 0;
		if (s->polled[i + 1].revents) {
			n = read_session(s, c, now_ns, wall_ns);
		} else if (c->have && now_ns - c->last_ns > stalled_ns) {
			counter_inc(&s->stats.broken);
			n = -ETIMEDOUT;
		}
		messages += n > 0 ? (unsigned)n : 0;
		if (n < 0)
			end_session(s, i);
	}
	if (s->polled[0].revents)
		accept_one(s, now_ns);
	return messages;
}

const struct stream_stats *stream_stats(const struct stream *s)
{
	return &s->stats;
}
