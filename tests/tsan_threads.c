/*
 * tsan_threads.c -- C11's threads, as librdkafka uses them, by POSIX's, which ThreadSanitizer knows: glibc's own thrd_create() makes
 * threads that the sanitizer has not seen, and it crashes in their first malloc(); a lock by mtx_lock() it would not see either, and
 * find races where there are none. Only the preset tsan links this, in front of libc.
 *
 * In glibc mtx_t and cnd_t are pthread_mutex_t and pthread_cond_t under other names, of the same size; so they are passed on.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t) && sizeof(cnd_t) >= sizeof(pthread_cond_t), "glibc's");

struct start {
	thrd_start_t function;
	void *arg;
};

static void *run(void *arg)
{
	struct start s = *(struct start *)arg;
	free(arg);
	return (void *)(intptr_t)s.function(s.arg);
}

static int result(int r)
{
	switch (r) {
	case 0: return thrd_success;
	case ENOMEM: return thrd_nomem;
	case EBUSY: return thrd_busy;
	case ETIMEDOUT: return thrd_timedout;
	}
	return thrd_error;
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *arg)
{
	struct start *s = malloc(sizeof(*s));
	if (!s)
		return thrd_nomem;
	*s = (struct start){function, arg};
	int r = result(pthread_create((pthread_t *)thread, NULL, run, s));
	if (r != thrd_success)
		free(s);
	return r;
}

int thrd_join(thrd_t thread, int *ret_result)
{
	void *value;
	int r = pthread_join((pthread_t)thread, &value);
	if (r == 0 && ret_result)
		*ret_result = (int)(intptr_t)value;
	return result(r);
}

int thrd_detach(thrd_t thread)
{
	return result(pthread_detach((pthread_t)thread));
}

int mtx_init(mtx_t *m, int type)
{
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
	int r = pthread_mutex_init((pthread_mutex_t *)m, &attr);
	pthread_mutexattr_destroy(&attr);
	return result(r);
}

int mtx_lock(mtx_t *m) { return result(pthread_mutex_lock((pthread_mutex_t *)m)); }
int mtx_trylock(mtx_t *m) { return result(pthread_mutex_trylock((pthread_mutex_t *)m)); }
int mtx_unlock(mtx_t *m) { return result(pthread_mutex_unlock((pthread_mutex_t *)m)); }
void mtx_destroy(mtx_t *m) { pthread_mutex_destroy((pthread_mutex_t *)m); }

int cnd_init(cnd_t *c) { return result(pthread_cond_init((pthread_cond_t *)c, NULL)); }
int cnd_signal(cnd_t *c) { return result(pthread_cond_signal((pthread_cond_t *)c)); }
int cnd_broadcast(cnd_t *c) { return result(pthread_cond_broadcast((pthread_cond_t *)c)); }
int cnd_wait(cnd_t *c, mtx_t *m) { return result(pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m)); }
void cnd_destroy(cnd_t *c) { pthread_cond_destroy((pthread_cond_t *)c); }

int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict until)
{
	return result(pthread_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, until));
}
