/*
 * input_stream.c -- connections as a worker's input: stream.c in front of the worker's decoder. A connection is a session:
 * templates of one are unknown to the others, and go with it (RFC 7011 8).
 *
 * When the output is behind, nothing is read until it has caught up: the exporters' TCP waits, and what they have sent is not lost.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/input.h"
#include "collector/stream.h"
#include "collector/tls.h"
#include "collector/transport.h"
#include "collector/worker.h"
#include "common/clock.h"
#include "common/complain.h"
#include "common/counter.h"
#include "common/log.h"

enum { WAIT_MS = 100, DRAIN_TURNS = 10000 };

struct input_stream {
	struct input base;
	struct input_stream_options options;
	int listen_fd;              /* and TLS: until the worker starts */
	struct tls *tls;
	struct worker *worker;
	struct stream *stream;      /* from the start of the worker */
	uint64_t now_ns, wall_ns;
	bool waiting;
	struct complain complain;
};

static struct input_stream *of(struct input *in)
{
	return (struct input_stream *)in;
}

static bool admits(void *arg, const struct ip_addr *source, uint16_t port)
{
	struct input_stream *in = arg;
	return worker_admits(in->worker, source, port);
}

static bool message(void *arg, const struct session *s, const uint8_t *data, size_t len)
{
	struct input_stream *in = arg;
	struct worker_stats *stats = worker_counters(in->worker);
	struct datagram dg = {
		.data = data, .len = len, .source = s->source, .source_port = s->port, .received_ns = in->wall_ns,
		.now_ns = worker_now_ns(in->worker), .session = s->id,
	};
	counter_inc(&stats->datagrams);
	counter_add(&stats->bytes, len);
	return worker_datagram(in->worker, &dg);
}

static void opened(void *arg, const struct session *s)
{
	struct input_stream *in = arg;
	char address[IP_TEXT_MAX];
	ip_format(&s->source, address);
	log_debug(LOG_REMOTE, "%s port %u connected to %s, session %llu", address, s->port, in->options.name, (unsigned long long)s->id);
}

static void ended(void *arg, const struct session *s, enum err reason)
{
	struct input_stream *in = arg;
	char address[IP_TEXT_MAX];
	uint64_t swallowed;
	decoder_session_end(worker_decoder(in->worker), s->id);
	ip_format(&s->source, address);
	if (reason == ERR_CLOSED)
		log_debug(LOG_REMOTE, "%s port %u to %s: closed after %llu messages", address, s->port, in->options.name,
			  (unsigned long long)s->messages);
	else if (complain_now(&in->complain, in->now_ns, &swallowed))
		log_warn(LOG_REMOTE, "%s port %u to %s: ended after %llu messages: %s%s%s (%llu such before were not mentioned)", address,
			 s->port, in->options.name, (unsigned long long)s->messages, err_text(reason), reason == ERR_TLS ? ": " : "",
			 reason == ERR_TLS ? tls_session_error(s->tls) : "", (unsigned long long)swallowed);
}

/* True: the output is behind, and this turn reads nothing. */
static bool must_wait(struct input_stream *in)
{
	struct transport *t = worker_outlet(in->worker)->options.transport;
	bool behind = t->ops->behind(t);
	if (behind && !in->waiting)
		counter_inc(&worker_counters(in->worker)->sessions.waits);
	if (in->waiting)
		stream_excuse(in->stream, in->now_ns);
	in->waiting = behind;
	return behind;
}

static unsigned turn(struct input_stream *in, int timeout_ms)
{
	in->now_ns = clock_monotonic_ns();
	in->wall_ns = clock_wall_ns();
	outlet_begin(worker_outlet(in->worker), in->now_ns);
	if (must_wait(in)) {
		if (timeout_ms)
			clock_sleep_ns(WAIT_MS / 10 * NS_PER_MS);
		return 0;
	}
	unsigned n = stream_turn(in->stream, timeout_ms, in->now_ns);
	if (n)
		counter_inc(&worker_counters(in->worker)->batches);
	return n;
}

static int start(struct input *base, struct worker *w)
{
	struct input_stream *in = of(base);
	struct stream_options options = {
		.max_sessions = in->options.max_sessions, .max_per_address = in->options.max_per_address,
		.idle_ns = in->options.idle_ns, .message_ns = in->options.message_ns, .tls = in->tls,
		.admits = admits, .message = message, .opened = opened, .ended = ended, .arg = in,
		.stats = &worker_counters(w)->sessions,
	};
	int fd = in->listen_fd;
	in->worker = w;
	in->listen_fd = -1;
	in->tls = NULL;
	return stream_new(fd, &options, &in->stream);
}

static void receive(struct input *base)
{
	(void)turn(of(base), WAIT_MS);
}

static void each_second(struct input *base)
{
	struct input_stream *in = of(base);
	if (!in->waiting)
		stream_each_second(in->stream, worker_outlet(in->worker)->now_ns);
}

/* What has come; what still comes finds the connection closed, and its exporter knows it. */
static void drain(struct input *base)
{
	for (unsigned left = DRAIN_TURNS; left > 0 && turn(of(base), 0) > 0; left--)
		;
}

/* Connections that are there keep theirs. */
static int reload(struct input *base, char *err, size_t err_len)
{
	struct input_stream *in = of(base);
	struct tls *tls;
	if (!in->options.tls.cert)
		return 0;
	int rc = tls_new(&in->options.tls, &tls, err, err_len);
	if (rc == 0)
		stream_set_tls(in->stream, tls);
	return rc;
}

static void stream_input_free(struct input *base)
{
	struct input_stream *in = of(base);
	stream_free(in->stream);
	if (in->listen_fd >= 0)
		close(in->listen_fd);
	tls_free(in->tls);
	free(in);
}

static const struct input_ops ops = {
	.start = start,
	.receive = receive,
	.each_second = each_second,
	.drain = drain,
	.reload = reload,
	.free = stream_input_free,
};

int input_stream_new(int listen_fd, const struct input_stream_options *options, struct input **ret_input, char *err,
		     size_t err_len)
{
	struct input_stream *in = calloc(1, sizeof(*in));
	if (!in) {
		snprintf(err, err_len, "no memory");
		close(listen_fd);
		return -ENOMEM;
	}
	in->base.ops = &ops;
	in->options = *options;
	in->listen_fd = listen_fd;
	int rc = options->tls.cert ? tls_new(&options->tls, &in->tls, err, err_len) : 0;
	if (rc < 0)
		stream_input_free(&in->base);
	else
		*ret_input = &in->base;
	return rc;
}
