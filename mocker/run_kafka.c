/*
 * run_kafka.c -- the made-up traffic straight into a topic, as a collector would put it there: for trying consumers
 * and databases without one, which is what the flow-pipeline's mocker is for. A message holds --flows flows.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "kafka/produce.h"
#include "mocker/gen.h"
#include "mocker/options.h"
#include "mocker/run.h"
#include "mocker/run_internal.h"
#include "mocker/traffic.h"
#include "proto/pack.h"

struct topic {
	struct run run;
	struct traffic traffic;
	struct kafka_producer *producer;
	uint64_t sequence;  /* of the message: sequence_num of its flows */
	uint64_t in_flight;
	struct message *again; /* to be sent once more */
	uint64_t refused;
	char why[200];
};

enum { TRIES = 3 };

struct message {
	struct message *next;
	unsigned tries;
	size_t len;
	uint8_t data[];
};

static void delivered(void *arg, void *opaque, const void *data, enum kafka_delivery how, const char *text)
{
	(void)data;
	struct topic *t = arg;
	struct message *m = opaque;
	if (how == KAFKA_RETRY && m->tries < TRIES) {
		m->next = t->again;
		t->again = m;
		return;
	}
	free(m);
	t->in_flight--;
	if (how == KAFKA_DELIVERED)
		return;
	t->refused++;
	snprintf(t->why, sizeof(t->why), "%s", text ? text : "given up");
}

/* The message stays the topic's own until it is delivered; where it can never be, it is freed. */
static int hand_over(struct topic *t, struct message *m)
{
	int r;
	m->tries++;
	while ((r = kafka_producer_send(t->producer, -1, m->data, m->len, NULL, 0, m)) == -EAGAIN || r == -ENOENT)
		kafka_producer_poll(t->producer, 100);
	if (r < 0) {
		free(m);
		t->in_flight--;
	}
	return r;
}

static int poll_producer(struct topic *t, int timeout_ms)
{
	int r = 0;
	kafka_producer_poll(t->producer, timeout_ms);
	for (struct message *m; r == 0 && (m = t->again);) {
		t->again = m->next;
		r = hand_over(t, m);
	}
	return r;
}

static void event(void *arg, bool is_error, const char *text)
{
	struct topic *t = arg;
	if (is_error && !t->run.options->quiet)
		fprintf(stderr, "weir-mocker: %s\n", text);
}

static int send_message(struct topic *t, uint64_t flows)
{
	struct message *m = malloc(sizeof(*m) + flows * FLOW_PACK_MAX);
	static struct flow f;
	if (!m)
		return -ENOMEM;
	*m = (struct message){0};
	const uint64_t now_ns = clock_wall_ns();
	const struct ip_addr sampler = gen_source_address((unsigned)(t->sequence % (uint64_t)t->run.options->sources));
	for (uint64_t i = 0; i < flows; i++) {
		struct home_talk talk;
		const bool home = traffic_next(&t->traffic, now_ns, true, &f, &talk);
		f.type = FLOW_TYPE_IPFIX;
		f.time_received_ns = now_ns;
		f.sequence_num = (uint32_t)t->sequence;
		f.sampler_address = sampler;
		f.sampling_rate = (uint64_t)t->run.options->sampling_rate;
		f.observation_domain_id = (uint32_t)t->run.options->domain;
		summary_flow(t->run.summary, MAKE_PROTOCOLS, &f, home ? &talk : NULL);
		m->len += flow_pack(&f, m->data + m->len);
	}
	const size_t len = m->len;
	t->sequence++;
	t->in_flight++;
	const int r = hand_over(t, m);
	if (r < 0)
		return r;
	t->run.summary->datagrams++;
	t->run.summary->octets += len;
	t->run.pace.done++;
	return 0;
}

static int send_all_messages(struct topic *t)
{
	const uint64_t count = t->run.options->count ? (uint64_t)t->run.options->count : UINT64_MAX;
	while (t->sequence < count && !t->refused) {
		const uint64_t now_ns = clock_monotonic_ns();
		if (run_wait(&t->run, now_ns, pace_wait_ns(&t->run.pace, now_ns)))
			return 0;
		for (uint64_t due = pace_due(&t->run.pace, clock_monotonic_ns(), SEND_BATCH); due && t->sequence < count; due--) {
			const int r = send_message(t, (uint64_t)t->run.options->flows);
			if (r < 0)
				return r;
		}
		const int r = poll_producer(t, 0);
		if (r < 0)
			return r;
		run_progress(&t->run, now_ns);
	}
	return 0;
}

int run_kafka(const struct mocker_options *options, struct summary **ret_summary, char *err, size_t err_len)
{
	struct topic t = {0};
	const struct kafka_producer_setup setup = {
		.options = &options->kafka, .client_id = "weir-mocker", .delivered = delivered, .event = event, .arg = &t};
	int r = run_start(&t.run, options, err, err_len);
	if (r < 0)
		goto out;
	r = traffic_init(&t.traffic, options->profile, (uint64_t)options->seed, (unsigned)options->clients,
			 (unsigned)options->ipv6);
	if (r < 0)
		goto out;
	r = kafka_producer_new(&setup, &t.producer, err, err_len);
	if (r < 0)
		goto out;
	*ret_summary = t.run.summary = calloc(1, sizeof(*t.run.summary));
	r = t.run.summary ? send_all_messages(&t) : -ENOMEM;
	/* Until the broker has all, a signal or half a minute: what is not acknowledged then was not sent. */
	for (unsigned rounds = 0; r == 0 && t.in_flight && rounds < 300 && !run_wait(&t.run, clock_monotonic_ns(), 0); rounds++)
		r = poll_producer(&t, 100);
	if (r == 0 && (t.in_flight || t.refused)) {
		snprintf(err, err_len, "%s: not all was delivered: %s", options->kafka.brokers,
			 t.refused ? t.why : "the broker does not answer");
		r = -EIO;
	}
out:
	run_finish(&t.run);
	kafka_producer_free(t.producer);
	for (struct message *m; (m = t.again);) {
		t.again = m->next;
		free(m);
	}
	return r;
}
