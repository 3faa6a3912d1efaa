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

/* "[::1]:80" and "host:80" and ":80" -> host and port; no host means this machine. */
static int split(const char *address, char *host, size_t host_len, const char **ret_port)
{
	const char *colon = strrchr(address, ':');
	if (!colon || !colon[1])
		return -EINVAL;
	size_t len = (size_t)(colon - address);
	const char *start = address;
	if (len >= 2 && start[0] == '[' && start[len - 1] == ']') {
		start++;
		len -= 2;
	}
	if (len >= host_len)
		return -EINVAL;
	snprintf(host, host_len, "%.*s", len ? (int)len : 9, len ? start : "localhost");
	*ret_port = colon + 1;
	return 0;
}

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
	char host[256], request[512], line[256];
	const char *port = NULL;
	if (split(address, host, sizeof(host), &port) < 0) {
		snprintf(err, err_len, "%s: not HOST:PORT", address);
		return -EINVAL;
	}
	int fd = connect_to(host, port);
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
