/*
 * watch.c -- see watch.h. Redis is asked for the set `senders`, then for `sender:IP/Port` of each; the answers as one
 * text tell whether anything has changed.
 */
#include "collector/watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/senders.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/complain.h"
#include "common/log.h"
#include "output/redis.h"

struct watch {
	struct redis *redis;
	uint64_t interval_ns;
	watch_publish_fn *publish;
	void *arg;
	struct senders *current;
	struct buf answers;      /* that current was made of */
	struct complain redis_complain, entry_complain;
	bool warned_empty;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	struct watch_stats stats; /* atomic members */
};

static void add_line(void *arg, const char *member)
{
	buf_printf(arg, "%s\n", member);
}

static void complain_entry(struct watch *w, const char *what, const char *text, const char *why)
{
	uint64_t swallowed;
	if (complain_now(&w->entry_complain, clock_monotonic_ns(), &swallowed))
		log_warn(LOG_OURS, "redis: %s \"%s\": %s", what, text, why);
}

/* ANSWERS is "S<sender>\n<network>\n<network>\n" one after the other. */
static struct senders *build(struct watch *w, const char *answers)
{
	struct senders *s = senders_new();
	struct sender *sender = NULL;
	char *copy = strdup(answers), *rest = copy, *line;
	while (s && copy && (line = strsep(&rest, "\n"))) {
		struct ip_prefix network;
		if (*line == 'S') {
			int rc = senders_add(s, line + 1, &sender);
			if (rc < 0) {
				complain_entry(w, "senders: ", line + 1, rc == -EINVAL ? "IP/Port is wanted" : strerror(-rc));
				sender = NULL;
			}
		} else if (*line && ip_prefix_parse(line, &network) < 0) {
			complain_entry(w, "network", line, "no prefix as 192.0.2.0/24");
		} else if (*line && sender) {
			(void)ip_set_add(&sender->networks, &network);
		}
	}
	free(copy);
	if (s)
		senders_sort(s);
	return s;
}

static int ask(struct watch *w, struct buf *out, char *err, size_t err_len)
{
	struct buf names = {0};
	int rc = redis_members(w->redis, "senders", add_line, &names, err, err_len);
	char *rest = names.data, *name;
	while (rc == 0 && rest && (name = strsep(&rest, "\n"))) {
		char key[200];
		if (!*name)
			continue;
		snprintf(key, sizeof(key), "sender:%s", name);
		buf_printf(out, "S%s\n", name);
		rc = redis_members(w->redis, key, add_line, out, err, err_len);
	}
	buf_free(&names);
	return out->failed ? -ENOMEM : rc;
}

static void say_list(struct watch *w, const struct senders *s)
{
	size_t bare = 0;
	for (size_t i = 0; i < s->count; i++)
		bare += s->items[i].networks.count == 0;
	if (s->count)
		log_info(LOG_OURS, "redis: %zu senders may send now", s->count);
	else if (!w->warned_empty)
		log_warn(LOG_OURS, "redis: the set `senders` is empty: nobody may send. redis-cli sadd senders 192.0.2.1/0");
	w->warned_empty = s->count == 0;
	if (bare)
		log_warn(LOG_OURS, "redis: %zu senders have no networks (sender:IP/Port): none of their flows is kept", bare);
}

static void refresh(struct watch *w)
{
	struct buf answers = {0};
	char err[300] = "no memory";
	uint64_t swallowed;
	int rc = ask(w, &answers, err, sizeof(err));
	__atomic_store_n(&w->stats.connected, rc == 0, __ATOMIC_RELAXED);
	if (rc < 0) {
		__atomic_fetch_add(&w->stats.failures, 1, __ATOMIC_RELAXED);
		if (complain_now(&w->redis_complain, clock_monotonic_ns(), &swallowed))
			log_warn(LOG_OURS, "%s; the last list of senders (%zu) stays in force", err, w->current ? w->current->count : 0);
		buf_free(&answers);
		return;
	}
	if (complain_over(&w->redis_complain))
		log_info(LOG_OURS, "redis: answers again");
	bool same = w->current && answers.len == w->answers.len;
	same = same && (answers.len == 0 || memcmp(answers.data, w->answers.data, answers.len) == 0);
	struct senders *new = same ? NULL : build(w, answers.data ? answers.data : "");
	if (!new) {
		buf_free(&answers);
		return;
	}
	say_list(w, new);
	w->publish(w->arg, new);
	senders_free(w->current);
	w->current = new;
	buf_free(&w->answers);
	w->answers = answers;
	__atomic_store_n(&w->stats.senders, new->count, __ATOMIC_RELAXED);
}

static void *run(void *arg)
{
	struct watch *w = arg;
	pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		pthread_mutex_unlock(&w->lock);
		refresh(w);
		uint64_t until = clock_wall_ns() + w->interval_ns;
		struct timespec ts = {.tv_sec = (time_t)(until / NS_PER_S), .tv_nsec = (long)(until % NS_PER_S)};
		pthread_mutex_lock(&w->lock);
		if (!w->stop)
			(void)pthread_cond_timedwait(&w->wake, &w->lock, &ts);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void dispose(struct watch *w)
{
	redis_free(w->redis);
	senders_free(w->current);
	buf_free(&w->answers);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int watch_start(const char *address, const char *password, uint64_t interval_ns, watch_publish_fn *publish, void *arg,
		struct watch **ret_watch, char *err, size_t err_len)
{
	struct watch *w = calloc(1, sizeof(*w));
	snprintf(err, err_len, "no memory");
	if (!w)
		return -ENOMEM;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	w->interval_ns = interval_ns;
	w->publish = publish;
	w->arg = arg;
	int rc = redis_new(address, password, &w->redis);
	if (rc == -EINVAL)
		snprintf(err, err_len, "--redis %s: HOST:PORT is wanted", address);
	if (rc == 0 && (rc = -pthread_create(&w->thread, NULL, run, w)) < 0)
		snprintf(err, err_len, "cannot start a thread: %s", strerror(-rc));
	if (rc < 0)
		dispose(w);
	else
		*ret_watch = w;
	return rc;
}

void watch_stats(const struct watch *w, struct watch_stats *ret_stats)
{
	ret_stats->senders = __atomic_load_n(&w->stats.senders, __ATOMIC_RELAXED);
	ret_stats->failures = __atomic_load_n(&w->stats.failures, __ATOMIC_RELAXED);
	ret_stats->connected = __atomic_load_n(&w->stats.connected, __ATOMIC_RELAXED);
}

void watch_stop(struct watch *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
}

void watch_free(struct watch *w)
{
	if (w)
		dispose(w);
}
