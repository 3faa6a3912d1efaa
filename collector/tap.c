/*
 * tap.c -- see tap.h.
 */
#include "collector/tap.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/http.h"
#include "proto/json.h"

enum { RING_BYTES = 256 * 1024 };

struct tap_reader {
	struct tap *tap;
	uint64_t left;     /* flows still to be shown; UINT64_MAX: without end */
	size_t start, len; /* of what is in ring */
	char ring[RING_BYTES];
};

struct tap {
	uint32_t n_readers; /* first: tap_show() reads it without the lock */
	pthread_mutex_t lock;
	pthread_cond_t news;
	bool stopped;
	struct tap_reader *readers[TAP_READERS_MAX];
	char line[FLOW_JSON_MAX];
};

struct tap *tap_new(void)
{
	struct tap *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->news, NULL);
	return t;
}

void tap_free(struct tap *t)
{
	if (!t)
		return;
	pthread_cond_destroy(&t->news);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

void tap_stop(struct tap *t)
{
	pthread_mutex_lock(&t->lock);
	t->stopped = true;
	pthread_cond_broadcast(&t->news);
	pthread_mutex_unlock(&t->lock);
}

static void reader_add(struct tap_reader *r, const char *line, size_t len)
{
	if (r->left == 0 || RING_BYTES - r->len < len)
		return;
	size_t at = (r->start + r->len) % RING_BYTES;
	size_t first = RING_BYTES - at < len ? RING_BYTES - at : len;
	memcpy(r->ring + at, line, first);
	memcpy(r->ring, line + first, len - first);
	r->len += len;
	if (r->left != UINT64_MAX)
		r->left--;
}

void tap_show_slow(struct tap *t, const struct flow *flow)
{
	pthread_mutex_lock(&t->lock);
	bool wanted = false;
	for (int i = 0; i < TAP_READERS_MAX; i++)
		wanted |= t->readers[i] && t->readers[i]->left > 0;
	size_t len = wanted ? flow_json(flow, t->line) : 0;
	for (int i = 0; wanted && i < TAP_READERS_MAX; i++) {
		if (t->readers[i])
			reader_add(t->readers[i], t->line, len);
	}
	if (wanted)
		pthread_cond_broadcast(&t->news);
	pthread_mutex_unlock(&t->lock);
}

struct tap_reader *tap_reader_new(struct tap *t, uint64_t limit)
{
	struct tap_reader *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->tap = t;
	r->left = limit ? limit : UINT64_MAX;
	pthread_mutex_lock(&t->lock);
	int slot = 0;
	while (slot < TAP_READERS_MAX && t->readers[slot])
		slot++;
	if (slot < TAP_READERS_MAX && !t->stopped) {
		t->readers[slot] = r;
		__atomic_add_fetch(&t->n_readers, 1, __ATOMIC_RELAXED);
	} else {
		free(r);
		r = NULL;
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

long tap_reader_read(void *reader, char *out, size_t max)
{
	struct tap_reader *r = reader;
	struct tap *t = r->tap;
	pthread_mutex_lock(&t->lock);
	uint64_t until = clock_wall_ns() + NS_PER_S / 2;
	struct timespec ts = {.tv_sec = (time_t)(until / NS_PER_S), .tv_nsec = (long)(until % NS_PER_S)};
	while (r->len == 0 && r->left > 0 && !t->stopped) {
		if (pthread_cond_timedwait(&t->news, &t->lock, &ts) != 0) {
			pthread_mutex_unlock(&t->lock);
			return HTTP_STREAM_IDLE;
		}
	}
	size_t n = r->len < max ? r->len : max;
	size_t first = RING_BYTES - r->start < n ? RING_BYTES - r->start : n;
	memcpy(out, r->ring + r->start, first);
	memcpy(out + first, r->ring, n - first);
	r->start = (r->start + n) % RING_BYTES;
	r->len -= n;
	pthread_mutex_unlock(&t->lock);
	return (long)n;
}

void tap_reader_free(void *reader)
{
	struct tap_reader *r = reader;
	if (!r)
		return;
	struct tap *t = r->tap;
	pthread_mutex_lock(&t->lock);
	for (int i = 0; i < TAP_READERS_MAX; i++) {
		if (t->readers[i] == r) {
			t->readers[i] = NULL;
			__atomic_sub_fetch(&t->n_readers, 1, __ATOMIC_RELAXED);
		}
	}
	pthread_mutex_unlock(&t->lock);
	free(r);
}
