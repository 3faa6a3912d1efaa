/*
 * http_watch.h -- cuts HTTP connections whose client does not get on. A byte every few seconds is no silence, and yet it
 * holds a thread and one of few places; so each connection has a time by which it must have got somewhere.
 */
#ifndef WEIR_COMMON_HTTP_WATCH_H
#define WEIR_COMMON_HTTP_WATCH_H

#include <stdint.h>

struct http_watch;
struct http_watched;

struct http_watch *http_watch_new(void); /* NULL: no memory, or no thread */
void http_watch_free(struct http_watch *w); /* nobody may be watched any more; NULL is fine */

/* The socket FD, to be shut down at UNTIL_NS of the monotonic clock; 0: never. NULL: no memory. */
struct http_watched *http_watch_add(struct http_watch *w, int fd, uint64_t until_ns);
void http_watch_until(struct http_watched *c, uint64_t until_ns);
/* Before FD is closed, so that no other connection of the same number is meant. NULL is fine. */
void http_watch_remove(struct http_watched *c);

#endif
