/*
 * http_listen.c -- the sockets that the HTTP server accepts from.
 *
 * They are made here and not by libmicrohttpd because "localhost" means two of them, 127.0.0.1 and ::1 (browsers
 * and scripts disagree about which one it is), ":8080" means one for both families, and because a failure must
 * name the address. A host without IPv6 gets IPv4 alone.
 */
#include "common/http_listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ip.h"

enum { BACKLOG = 128, TRIES = 20 };

int http_place_parse(const char *address, struct http_place *ret_place, char *err, size_t err_len)
{
	struct http_place p = {0};
	const char *colon = strrchr(address, ':');
	const char *host = address;
	size_t len = colon ? (size_t)(colon - address) : 0;
	if (colon && address[0] == '[' && len >= 2 && address[len - 1] == ']') {
		host = address + 1;
		len -= 2;
	} else if (colon && memchr(address, ':', len)) {
		colon = NULL; /* an IPv6 address without brackets */
	}
	size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
	if (!colon || digits == 0 || colon[1 + digits] || digits > 5 || len >= sizeof(p.host)) {
		(void)snprintf(err, err_len, "'%s' is no address to listen on (localhost:8080, :8080, 192.0.2.1:8080, "
			       "[::1]:8080)", address);
		return -EINVAL;
	}
	memcpy(p.host, host, len);
	memcpy(p.port, colon + 1, digits);
	*ret_place = p;
	return 0;
}

/* A bound and listening socket, or a negative errno. */
static int open_socket(const struct sockaddr *addr, socklen_t len, bool both)
{
	int on = 1;
	int only6 = !both;
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (addr->sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof(only6)) < 0) ||
	    bind(fd, addr, len) < 0 || listen(fd, BACKLOG) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static int open_ip(const char *text, unsigned port, bool both)
{
	struct ip_addr a;
	struct sockaddr_storage ss;
	if (ip_parse(text, &a) < 0)
		return -EINVAL;
	size_t len = ip_to_sockaddr(&a, (uint16_t)port, &ss);
	return open_socket((const struct sockaddr *)&ss, (socklen_t)len, both);
}

static bool no_such_family(int r)
{
	return r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL;
}

static unsigned bound_port(int fd)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	uint16_t port = 0;
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
		(void)ip_from_sockaddr(&ss, &port);
	return port;
}

static int add(struct http_sockets *s, int fd)
{
	if (fd < 0)
		return fd;
	s->fds[s->count++] = fd;
	s->port = bound_port(fd);
	return 0;
}

/* Both of them on one port; with port 0 the one that IPv4 got may be taken for IPv6: then another is drawn. */
static int open_localhost(struct http_sockets *s, unsigned port, const char **ret_where)
{
	int r = -EADDRINUSE;
	for (int i = 0; i < TRIES && r == -EADDRINUSE; i++) {
		http_listen_close(s);
		*ret_where = "127.0.0.1";
		r = add(s, open_ip("127.0.0.1", port, false));
		if (r < 0 && !no_such_family(r))
			return r;
		*ret_where = "[::1]";
		int r6 = add(s, open_ip("::1", port ? port : s->port, false));
		if (r6 == 0 || (no_such_family(r6) && r == 0))
			return 0;
		r = r6;
		if (port)
			break;
	}
	return r;
}

static int open_everywhere(struct http_sockets *s, unsigned port)
{
	int r = add(s, open_ip("::", port, true));
	return no_such_family(r) ? add(s, open_ip("0.0.0.0", port, false)) : r;
}

static int open_named(struct http_sockets *s, const struct http_place *p, char *err, size_t err_len)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	int r = getaddrinfo(p->host, p->port, &hints, &found);
	if (r != 0) {
		(void)snprintf(err, err_len, "%s:%s: %s", p->host, p->port, gai_strerror(r));
		return -EINVAL;
	}
	r = add(s, open_socket(found->ai_addr, found->ai_addrlen, false));
	freeaddrinfo(found);
	return r;
}

int http_listen(const char *address, struct http_sockets *ret_sockets, char *err, size_t err_len)
{
	struct http_sockets s = {0};
	struct http_place p;
	const char *where;
	unsigned long port;
	*err = '\0';
	int r = http_place_parse(address, &p, err, err_len);
	if (r < 0)
		return r;
	port = strtoul(p.port, NULL, 10); /* http_place_parse() saw that it is digits */
	where = p.host;
	if (port > 65535)
		r = -ERANGE;
	else if (strcmp(p.host, "localhost") == 0)
		r = open_localhost(&s, (unsigned)port, &where);
	else if (!*p.host || strcmp(p.host, "*") == 0)
		r = open_everywhere(&s, (unsigned)port);
	else
		r = open_named(&s, &p, err, err_len);
	if (r == 0) {
		*ret_sockets = s;
		return 0;
	}
	http_listen_close(&s);
	if (!*err) {
		const char *cure = r == -EADDRINUSE ? " (another program listens there: stop it or take another port)"
				 : r == -EACCES ? " (ports below 1024 need a privilege)"
				 : r == -EADDRNOTAVAIL ? " (this host has no such address)"
				 : "";
		(void)snprintf(err, err_len, "%s:%s: %s%s", where, p.port, strerror(-r), cure);
	}
	return r;
}

void http_listen_close(struct http_sockets *s)
{
	for (size_t i = 0; i < s->count; i++)
		close(s->fds[i]);
	*s = (struct http_sockets){0};
}
