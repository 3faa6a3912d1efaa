/*
 * http_watch.c -- see http_watch.h. One thread that sleeps until the nearest time; there are a few dozen connections, so they are a
 * list. A connection is only shut down here: its own thread sees the end and closes it.
 */
#include "common/http_watch.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

#include "common/clock.h"

struct http_watched {
	struct http_watch *watch;
	int fd;
	uint64_t until_ns;
	LIST_ENTRY(http_watched) link;
};

struct http_watch {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t next_ns; /* the thread sleeps until then; 0: until it is woken */
	bool stop;
	LIST_HEAD(http_watched_list, http_watched) connections;
};

/* Shuts down what is over its time: when to look again, 0: when something changes. */
static uint64_t look(struct http_watch *w, uint64_t now)
{
	struct http_watched *c;
	uint64_t next = 0;
	LIST_FOREACH(c, &w->connections, link) {
		/* cppcheck-suppress uninitvar ; it does not look into sys/queue.h */
		if (c->until_ns && c->until_ns <= now) {
			c->until_ns = 0;
			(void)shutdown(c->fd, SHUT_RDWR);
		}
		if (c->until_ns && (!next || c->until_ns < next))
			next = c->until_ns;
	}
	return next;
}

static void *run(void *arg)
{
	struct http_watch *w = arg;
	pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		w->next_ns = look(w, clock_monotonic_ns());
		if (!w->next_ns) {
			pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		const struct timespec at = {.tv_sec = (time_t)(w->next_ns / NS_PER_S), .tv_nsec = (long)(w->next_ns % NS_PER_S)};
		pthread_cond_timedwait(&w->changed, &w->lock, &at);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct http_watch *http_watch_new(void)
{
	struct http_watch *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;
	if (!w)
		return NULL;
	LIST_INIT(&w->connections);
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&w->thread, NULL, run, w) == 0)
		return w;
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

void http_watch_free(struct http_watch *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static void set_until(struct http_watched *c, uint64_t until_ns)
{
	struct http_watch *w = c->watch;
	c->until_ns = until_ns;
	if (until_ns && (!w->next_ns || until_ns < w->next_ns))
		pthread_cond_signal(&w->changed);
}

struct http_watched *http_watch_add(struct http_watch *w, int fd, uint64_t until_ns)
{
	struct http_watched *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->watch = w;
	c->fd = fd;
	pthread_mutex_lock(&w->lock);
	LIST_INSERT_HEAD(&w->connections, c, link);
	set_until(c, until_ns);
	pthread_mutex_unlock(&w->lock);
	return c;
}

void http_watch_until(struct http_watched *c, uint64_t until_ns)
{
	struct http_watch *w = c->watch;
	pthread_mutex_lock(&w->lock);
	set_until(c, until_ns);
	pthread_mutex_unlock(&w->lock);
}

void http_watch_remove(struct http_watched *c)
{
	if (!c)
		return;
	struct http_watch *w = c->watch;
	pthread_mutex_lock(&w->lock);
	LIST_REMOVE(c, link);
	pthread_mutex_unlock(&w->lock);
	free(c);
}
