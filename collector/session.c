/*
 * session.c -- see session.h.
 */
#include "collector/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collector/tls.h"
#include "common/wire.h"

enum { IPFIX_VERSION = 10, HEADER_LEN = 16 };

int session_frame(const uint8_t *data, size_t have, size_t *ret_len)
{
	struct wire w = wire_of(data, have);
	uint16_t version = wire_u16(&w);
	if (!wire_failed(&w) && version != IPFIX_VERSION)
		return -ERR_VERSION;
	uint16_t len = wire_u16(&w);
	if (wire_failed(&w))
		return 0;
	if (len < HEADER_LEN) /* RFC 7011 3.1: the header is part of the length */
		return -ERR_BAD_LENGTH;
	if (have < len)
		return 0;
	*ret_len = len;
	return 1;
}

int session_new(int fd, struct tls *tls, struct session **ret_session)
{
	struct session *s = malloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	memset(s, 0, offsetof(struct session, buffer)); /* the buffer becomes memory when something comes */
	if (tls && tls_session_new(tls, fd, &s->tls) < 0) {
		free(s);
		return -ENOMEM;
	}
	s->fd = fd;
	*ret_session = s;
	return 0;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	tls_session_free(s->tls);
	close(s->fd);
	free(s);
}

/* Octets, 0 at the end of the stream, -EAGAIN, or another negative errno; -EPROTO: TLS. */
static ssize_t read_some(struct session *s)
{
	void *to = s->buffer + s->have;
	size_t room = sizeof(s->buffer) - s->have;
	if (s->tls)
		return tls_session_read(s->tls, to, room, &s->wants_write);
	ssize_t n = recv(s->fd, to, room, MSG_DONTWAIT);
	if (n < 0)
		return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return n;
}

static int why_ended(const struct session *s, ssize_t n)
{
	if (n == 0)
		return s->have ? ERR_TRUNCATED : ERR_CLOSED;
	return n == -EPROTO ? ERR_TLS : ERR_RESET;
}

/* Gives on what is whole and moves the rest to the front. */
static int cut(struct session *s, session_message_fn *fn, void *arg)
{
	size_t at = 0, len;
	int rc;
	while ((rc = session_frame(s->buffer + at, s->have - at, &len)) > 0) {
		s->messages++;
		if (!fn(arg, s, s->buffer + at, len))
			return ERR_NOT_ALLOWED;
		at += len;
	}
	s->have -= at;
	if (at && s->have)
		memmove(s->buffer, s->buffer + at, s->have);
	if (at)
		s->begun_ns = 0;
	return -rc;
}

int session_read(struct session *s, uint64_t now_ns, session_message_fn *fn, void *arg)
{
	int rc;
	do {
		ssize_t n = read_some(s);
		if (n == -EAGAIN)
			return 0;
		if (n <= 0)
			return why_ended(s, n);
		s->have += (size_t)n;
		s->last_ns = now_ns;
		rc = cut(s, fn, arg);
		if (rc == 0 && s->have && !s->begun_ns)
			s->begun_ns = now_ns;
		/* What TLS has decrypted already is not seen by epoll: at most one record, 16 KiB. */
	} while (rc == 0 && s->tls && tls_session_pending(s->tls));
	return rc;
}
