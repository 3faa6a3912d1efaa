/*
 * dead.c -- see dead.h. The memory of a message is its own until it is delivered. Offsets wait for delivery: a message
 * that is kept aside is as safe as one that was stored. There is a bound on what waits: beyond it, reading waits too.
 */
#include "inserter/dead.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/complain.h"
#include "common/counter.h"
#include "common/log.h"
#include "kafka/consume.h"
#include "kafka/options.h"
#include "kafka/produce.h"

enum { FLUSH_MS = 100, WAITING_MAX = 1000 };

struct kept;

struct dead {
	struct kafka_options options;
	struct kafka_producer *producer;
	struct kept *first; /* to be sent (again) */
	size_t waiting;     /* not delivered yet */
	uint64_t kept, lost;
	struct complain complain;
};

static void on_event(void *arg, bool is_error, const char *text)
{
	struct dead *d = arg;
	uint64_t swallowed;
	if (is_error && complain_now(&d->complain, clock_monotonic_ns(), &swallowed))
		log_warn(LOG_BROKER, "topic %s: %s", d->options.topic, text);
}

struct kept {
	struct kept *next;
	size_t len, header_len;
	uint8_t bytes[]; /* message, header */
};

static void lose(struct dead *d, struct kept *k, const char *why)
{
	log_error(LOG_BROKER, "topic %s: a message that was to be kept aside is lost: %s", d->options.topic, why);
	counter_inc(&d->lost);
	d->waiting--;
	free(k);
}

/* Hands over what waits for a place in librdkafka's queue. */
static void push(struct dead *d)
{
	while (d->first) {
		struct kept *k = d->first;
		int r = kafka_producer_send(d->producer, -1, k->bytes, k->len, k->bytes + k->len, k->header_len, k);
		if (r == -EAGAIN || r == -ENOENT)
			return;
		d->first = k->next;
		if (r)
			lose(d, k, strerror(-r));
	}
}

static void on_delivered(void *arg, void *opaque, const void *data, enum kafka_delivery how, const char *text)
{
	(void)data;
	struct dead *d = arg;
	struct kept *k = opaque;
	if (how == KAFKA_RETRY) {
		k->next = d->first;
		d->first = k;
		return;
	}
	if (how != KAFKA_DELIVERED) {
		lose(d, k, text);
		return;
	}
	counter_inc(&d->kept);
	d->waiting--;
	free(k);
}

int dead_new(const struct kafka_options *kafka, const char *topic, struct dead **ret_dead, char *err, size_t err_len)
{
	struct dead *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->options = *kafka;
	d->options.topic = strdup(topic);
	struct kafka_producer_setup setup = {.options = &d->options, .client_id = "weir-inserter", .delivered = on_delivered,
					     .event = on_event, .arg = d};
	int r = d->options.topic ? kafka_producer_new(&setup, &d->producer, err, err_len) : -ENOMEM;
	if (r)
		dead_free(d);
	else
		*ret_dead = d;
	return r;
}

void dead_keep(struct dead *d, const struct kafka_message *m)
{
	if (!d)
		return;
	struct kept *k = malloc(sizeof(*k) + m->len + m->header_len);
	if (!k) {
		log_error(LOG_OURS, "out of memory: a message that was to be kept aside is lost");
		return;
	}
	k->len = m->len;
	k->header_len = m->header_len;
	memcpy(k->bytes, m->data, m->len);
	if (m->header_len)
		memcpy(k->bytes + m->len, m->header, m->header_len);
	d->waiting++;
	k->next = d->first;
	d->first = k;
	push(d);
	(void)kafka_producer_poll(d->producer, 0);
}

bool dead_is_full(const struct dead *d)
{
	return d && d->waiting >= WAITING_MAX;
}

int dead_flush(struct dead *d)
{
	if (d && d->waiting) {
		push(d);
		(void)kafka_producer_poll(d->producer, FLUSH_MS);
	}
	return d && d->waiting ? -EAGAIN : 0;
}

uint64_t dead_count(const struct dead *d)
{
	return counter_get(&d->kept);
}

void dead_free(struct dead *d)
{
	if (!d)
		return;
	kafka_producer_free(d->producer); /* what was not delivered comes back as KAFKA_RETRY */
	for (struct kept *k; (k = d->first);) {
		d->first = k->next;
		free(k);
	}
	free(d->options.topic);
	free(d);
}
