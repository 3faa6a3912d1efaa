/*
 * send.c -- sendmmsg, with the source address of each datagram in IP_PKTINFO: the whole of 127.0.0.0/8 is this host's,
 * so one socket can play ten thousand exporters.
 *
 * The socket is connected: so a port where nobody listens answers with ECONNREFUSED, and the mocker can say that its
 * datagrams went nowhere. The error belongs to an earlier datagram; the one at hand was not sent and is tried again.
 */
#include "mocker/send.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct send {
	int fd;
	int family;
	uint64_t refused;
};

/* "host:port", "[v6]:port" -> its two parts. */
static int split(const char *target, char *host, size_t host_len, const char **ret_port)
{
	const char *colon = strrchr(target, ':');
	if (!colon || !colon[1])
		return -EINVAL;
	const char *from = target;
	size_t len = (size_t)(colon - target);
	if (len >= 2 && from[0] == '[' && from[len - 1] == ']') {
		from++;
		len -= 2;
	}
	if (len == 0 || len >= host_len)
		return -EINVAL;
	memcpy(host, from, len);
	host[len] = '\0';
	*ret_port = colon + 1;
	return 0;
}

int send_open(const char *target, struct send **ret_send, char *err, size_t err_len)
{
	char host[256];
	const char *port;
	struct addrinfo *found = NULL;
	struct send *s = NULL;
	int r = split(target, host, sizeof(host), &port);
	if (r < 0) {
		snprintf(err, err_len, "--to %s: not HOST:PORT", target);
		return r;
	}
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
	const int why = getaddrinfo(host, port, &hints, &found);
	if (why != 0) {
		snprintf(err, err_len, "--to %s: %s", target, gai_strerror(why));
		return -EHOSTUNREACH;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		r = -ENOMEM;
		goto out;
	}
	s->family = found->ai_family;
	s->fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || connect(s->fd, found->ai_addr, found->ai_addrlen) < 0) {
		r = -errno;
		snprintf(err, err_len, "--to %s: %s", target, strerror(-r));
		goto out;
	}
	*ret_send = s;
	s = NULL;
out:
	send_close(s);
	freeaddrinfo(found);
	return r;
}

int send_all(struct send *s, const struct send_item *items, unsigned n)
{
	struct mmsghdr messages[SEND_BATCH] = {0};
	struct iovec parts[SEND_BATCH];
	union {
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control[SEND_BATCH];

	for (unsigned i = 0; i < n; i++) {
		struct msghdr *m = &messages[i].msg_hdr;
		parts[i] = (struct iovec){.iov_base = (void *)(uintptr_t)items[i].data, .iov_len = items[i].len};
		m->msg_iov = &parts[i];
		m->msg_iovlen = 1;
		if (items[i].source.len != 4 || s->family != AF_INET)
			continue;
		struct in_pktinfo info = {0};
		memcpy(&info.ipi_spec_dst, items[i].source.bytes, 4);
		memset(&control[i], 0, sizeof(control[i]));
		m->msg_control = control[i].room;
		m->msg_controllen = sizeof(control[i].room);
		struct cmsghdr *c = CMSG_FIRSTHDR(m);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
	for (unsigned sent = 0; sent < n;) {
		const int r = sendmmsg(s->fd, messages + sent, n - sent, 0);
		if (r >= 0)
			sent += (unsigned)r;
		else if (errno == ECONNREFUSED)
			s->refused++;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

uint64_t send_refused(const struct send *s)
{
	return s->refused;
}

void send_close(struct send *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}
