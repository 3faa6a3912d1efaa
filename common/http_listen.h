/*
 * http_listen.h -- listening TCP sockets from an address as people write it.
 */
#ifndef WEIR_COMMON_HTTP_LISTEN_H
#define WEIR_COMMON_HTTP_LISTEN_H

#include <stddef.h>

enum { HTTP_SOCKETS_MAX = 2 };

struct http_sockets {
	int fds[HTTP_SOCKETS_MAX];
	size_t count;
	unsigned port;
};

/* See struct http_options for ADDRESS. 0 or a negative errno, with ERR saying what and where. */
int http_listen(const char *address, struct http_sockets *ret_sockets, char *err, size_t err_len);
void http_listen_close(struct http_sockets *s);

#endif
