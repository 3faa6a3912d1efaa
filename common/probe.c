/*
 * probe.c -- one HTTP GET of one's own health page. A container has no curl, and needs none for this.
 */
#include "common/probe.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/http_listen.h"

static int connect_to(const char *host, const char *port)
{
	struct addrinfo want = {.ai_socktype = SOCK_STREAM}, *list;
	if (getaddrinfo(host, port, &want, &list))
		return -EHOSTUNREACH;
	int rc = -ECONNREFUSED;
	for (struct addrinfo *a = list; a && rc < 0; a = a->ai_next) {
		int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		struct timeval limit = {.tv_sec = 3};
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
			rc = fd;
		} else {
			rc = -errno;
			close(fd);
		}
	}
	freeaddrinfo(list);
	return rc;
}

/* The status line is all that is wanted, and it may come in pieces. */
static size_t status_line(int fd, char *line, size_t cap)
{
	size_t len = 0;
	while (len + 1 < cap && !memchr(line, '\n', len)) {
		ssize_t n = recv(fd, line + len, cap - 1 - len, 0);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	line[len] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	return strlen(line);
}

int probe_http(const char *address, const char *path, char *err, size_t err_len)
{
	char request[512], line[256];
	struct http_place place;
	if (http_place_parse(address, &place, err, err_len) < 0)
		return -EINVAL;
	const char *host = *place.host ? place.host : "localhost"; /* ":8080" is everywhere, here too */
	int fd = connect_to(host, place.port);
	if (fd < 0) {
		snprintf(err, err_len, "%s: %s", address, strerror(-fd));
		return fd;
	}
	int len = snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, host);
	int rc = -EIO;
	if (send(fd, request, (size_t)len, MSG_NOSIGNAL) != len || !status_line(fd, line, sizeof(line)))
		snprintf(err, err_len, "%s%s: no answer", address, path);
	else if (strncmp(line, "HTTP/1.", 7) == 0 && strncmp(line + 8, " 200", 4) == 0)
		rc = 0;
	else
		snprintf(err, err_len, "%s%s: %s", address, path, line);
	close(fd);
	return rc;
}
