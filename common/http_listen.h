/*
 * http_listen.h -- listening TCP sockets from an address as people write it.
 */
#ifndef WEIR_COMMON_HTTP_LISTEN_H
#define WEIR_COMMON_HTTP_LISTEN_H

#include <stddef.h>

enum { HTTP_SOCKETS_MAX = 2, HTTP_HOST_MAX = 256 };

/* An address taken apart: HOST without brackets, empty where there is none; PORT as digits. */
struct http_place {
	char host[HTTP_HOST_MAX];
	char port[8];
};

/* "localhost:8080", ":8080", "192.0.2.1:8080", "[::1]:8080". 0, or -EINVAL with ERR saying what was expected. */
int http_place_parse(const char *address, struct http_place *ret_place, char *err, size_t err_len);

struct http_sockets {
	int fds[HTTP_SOCKETS_MAX];
	size_t count;
	unsigned port;
};

/* See struct http_options for ADDRESS. 0 or a negative errno, with ERR saying what and where. */
int http_listen(const char *address, struct http_sockets *ret_sockets, char *err, size_t err_len);
void http_listen_close(struct http_sockets *s);

#endif
