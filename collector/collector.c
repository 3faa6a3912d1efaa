/*
 * collector.c -- puts the parts together: sockets, transport, workers (or a capture), pages; then the main thread's
 * loop of signals and once-a-second duties; then the end, in reverse order.
 */
#include "collector/collector.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector/config.h"
#include "collector/gate.h"
#include "collector/input.h"
#include "collector/inputs.h"
#include "collector/keep.h"
#include "collector/packets.h"
#include "collector/pages.h"
#include "collector/reload.h"
#include "collector/replay.h"
#include "collector/tap.h"
#include "collector/transport.h"
#include "collector/watch.h"
#include "common/clock.h"
#include "common/confine.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/signals.h"

static struct outlet_options outlet_options(const struct collector *c)
{
	return (struct outlet_options){
		.transport = c->transport,
		.encoding = c->config->encoding,
		.batch_bytes = (size_t)c->config->batch_bytes,
		.batch_flows = c->config->flows_a_batch > 1 ? c->config->flows_a_batch : 0,
		.linger_ns = c->config->batch_linger,
		.tap = c->tap,
	};
}

/* The last line: what came in and where it went. */
static void say_totals(const struct collector *c, uint64_t datagrams, uint64_t kernel_drops, uint64_t flows, uint64_t filtered)
{
	struct transport_totals t;
	uint64_t lost = 0;
	c->transport->ops->totals(c->transport, &t);
	for (unsigned i = 1; i < ERR_COUNT; i++)
		lost += t.dropped[i];
	log_info(LOG_OURS, "%" PRIu64 " datagrams received, %" PRIu64 " dropped by the kernel; %" PRIu64 " flows decoded, %" PRIu64
		 " recovered, %" PRIu64 " delivered, %" PRIu64 " left, %" PRIu64 " filtered, %" PRIu64 " lost",
		 datagrams, kernel_drops, flows, t.recovered, t.acknowledged, t.waiting, filtered, lost);
}

/* --- a capture ------------------------------------------------------------------------------------------------- */

struct capture_run {
	struct collector *c;
	struct replay_result result;
	int rc;
	bool stop, done; /* atomic */
	char err[400];
};

static void *capture_thread(void *arg)
{
	struct capture_run *run = arg;
	struct outlet_options outlet = outlet_options(run->c);
	const struct config *config = run->c->config;
	run->rc = (config->meter ? packets_run : replay_run)(config, &outlet, run->c->rules, &run->stop, &run->result, run->err,
							     sizeof(run->err));
	__atomic_store_n(&run->done, true, __ATOMIC_RELEASE);
	kill(getpid(), SIGUSR1); /* main waits for signals */
	return NULL;
}

/* In a thread of its own, so that a signal can end it. One that waits for standard input cannot be ended: all that it
 * has read was passed on, and the process goes without it. */
static int run_capture(struct collector *c, char *err, size_t err_len)
{
	static struct capture_run run;
	pthread_t thread;
	run.c = c;
	int rc = -pthread_create(&thread, NULL, capture_thread, &run);
	if (rc < 0) {
		snprintf(err, err_len, "cannot start a thread: %s", strerror(-rc));
		return rc;
	}
	while (!__atomic_load_n(&run.done, __ATOMIC_ACQUIRE)) {
		int signal = signals_wait(NS_PER_S);
		bool asked = __atomic_load_n(&run.stop, __ATOMIC_RELAXED);
		if (asked && !__atomic_load_n(&run.done, __ATOMIC_ACQUIRE))
			break;
		if (signal == SIGTERM || signal == SIGINT || !c->transport->ops->alive(c->transport))
			__atomic_store_n(&run.stop, true, __ATOMIC_RELAXED);
		c->transport->ops->tick(c->transport, clock_monotonic_ns());
	}
	bool done = __atomic_load_n(&run.done, __ATOMIC_ACQUIRE);
	if (done)
		pthread_join(thread, NULL);
	c->transport->ops->flush(c->transport, clock_monotonic_ns() + c->config->shutdown_timeout);
	if (!done)
		_exit(0);
	if (run.rc < 0)
		snprintf(err, err_len, "%s", run.err);
	else
		say_totals(c, run.result.datagrams, 0, run.result.flows.flows, run.result.flows.flows - run.result.flows.kept);
	return run.rc;
}

/* --- listeners --------------------------------------------------------------------------------------------------- */

static void say_listening(const struct listen_spec *spec, const struct socket_info *info)
{
	if (spec->kind == LISTEN_UDP)
		log_info(LOG_OURS, "listening on %s, %u socket%s, receive buffer %" PRIu64 " KiB", spec->text, spec->count,
			 spec->count == 1 ? "" : "s", info->buffer_got / 1024);
	else
		log_info(LOG_OURS, "listening on %s", spec->text);
}

/* One line, whatever the number of sockets. */
static void warn_buffer(const struct collector *c)
{
	for (size_t i = 0; i < c->config->listen.count; i++) {
		const struct socket_info *info = &c->sockets[i];
		if (info->buffer_got >= info->buffer_asked)
			continue;
		log_warn(LOG_OURS, "receive buffer: asked for %" PRIu64 " bytes, got %" PRIu64 ": bursts will be lost; cure: "
			 "sysctl -w net.core.rmem_max=%" PRIu64, info->buffer_asked, info->buffer_got, info->buffer_asked);
		return;
	}
}

struct open_inputs {
	struct input *inputs[COLLECTOR_WORKERS_MAX]; /* NULL: a worker has it */
	size_t n;
};

static int open_inputs(struct collector *c, struct open_inputs *open, char *err, size_t err_len)
{
	for (size_t i = 0; i < c->config->listen.count; i++) {
		const struct listen_spec *spec = &c->config->listen.specs[i];
		if (open->n + spec->count > COLLECTOR_WORKERS_MAX) {
			snprintf(err, err_len, "--listen: more than %d sockets", COLLECTOR_WORKERS_MAX);
			return -EINVAL;
		}
		int rc = inputs_open(c->config, spec, &open->inputs[open->n], &c->sockets[i], err, err_len);
		if (rc < 0)
			return rc;
		open->n += spec->count;
	}
	return 0;
}

static void close_inputs(struct open_inputs *open)
{
	for (size_t i = 0; i < open->n; i++) {
		if (open->inputs[i])
			open->inputs[i]->ops->free(open->inputs[i]);
	}
}

static int start_workers(struct collector *c, struct open_inputs *open, char *err, size_t err_len)
{
	struct worker_options options = {.config = c->config, .outlet = outlet_options(c), .rules = c->rules};
	for (size_t i = 0; i < c->config->listen.count; i++) {
		options.listen = &c->config->listen.specs[i];
		for (options.number = 0; options.number < options.listen->count; options.number++) {
			options.input = open->inputs[c->n_workers];
			open->inputs[c->n_workers] = NULL;
			int rc = worker_start(&options, &c->workers[c->n_workers]);
			if (rc < 0) {
				snprintf(err, err_len, "cannot start a worker: %s", strerror(-rc));
				return rc;
			}
			c->n_workers++;
		}
		if (i == 0)
			log_info(LOG_OURS, "starting weir-collector %s", WEIR_VERSION);
		say_listening(options.listen, &c->sockets[i]);
	}
	return 0;
}

/* In the watch's thread. */
static void publish_senders(void *arg, struct senders *new)
{
	struct collector *c = arg;
	for (size_t i = 0; i < c->n_workers; i++)
		(void)worker_set_senders(c->workers[i], new); /* one that has ended asks nobody any more */
}

static int start_watch(struct collector *c, char *err, size_t err_len)
{
	const struct config *config = c->config;
	if (!config->redis)
		return 0;
	return watch_start(config->redis, config->redis_password, config->redis_interval, publish_senders, c, &c->watch, err,
			   err_len);
}

/* Only workers that receive keep this process alive. */
static void feed_watchdog(struct collector *c)
{
	bool *pulses[COLLECTOR_WORKERS_MAX];
	for (size_t i = 0; i < c->n_workers; i++)
		pulses[i] = worker_pulse(c->workers[i]);
	(void)notify_watchdog_feed(pulses, c->n_workers);
}

/* Until a signal ends it, or there is nobody left to write to. */
static void main_loop(struct collector *c)
{
	uint64_t watchdog = notify_watchdog_ns();
	uint64_t tick = watchdog && watchdog / 2 < NS_PER_S ? watchdog / 2 : NS_PER_S;
	uint64_t next_save = clock_monotonic_ns() + c->config->state_interval;
	while (c->transport->ops->alive(c->transport)) {
		int signal = signals_wait(tick);
		if (signal == SIGTERM || signal == SIGINT)
			return;
		if (signal == SIGHUP) {
			notify_reloading();
			reload(c);
			notify_send("READY=1");
		}
		uint64_t now = clock_monotonic_ns();
		c->transport->ops->tick(c->transport, now);
		if (now >= next_save) {
			keep_save(c);
			next_save = now + c->config->state_interval;
		}
		if (watchdog)
			feed_watchdog(c);
	}
}

static void stop_workers(struct collector *c)
{
	for (size_t i = 0; i < c->n_workers; i++)
		worker_stop(c->workers[i]);
	for (size_t i = 0; i < c->n_workers; i++)
		worker_join(c->workers[i]);
}

static void finish(struct collector *c)
{
	struct outlet_stats out;
	uint64_t datagrams = 0, drops = 0;
	notify_send("STOPPING=1");
	uint64_t deadline = clock_monotonic_ns() + c->config->shutdown_timeout;
	watch_stop(c->watch); /* first: it asks workers */
	stop_workers(c);
	keep_save(c);
	c->transport->ops->flush(c->transport, deadline);
	collector_outlet_stats(c, &out);
	for (size_t i = 0; i < c->config->listen.count; i++) {
		struct worker_stats s;
		collector_listener_stats(c, &c->config->listen.specs[i], &s);
		datagrams += s.datagrams;
		drops += s.kernel_drops;
	}
	say_totals(c, datagrams, drops, out.flows, out.flows - out.kept);
}

static int run_listeners(struct collector *c, struct open_inputs *open, char *err, size_t err_len)
{
	int rc = start_workers(c, open, err, err_len);
	if (rc == 0)
		keep_load(c);
	if (rc == 0)
		rc = start_watch(c, err, err_len);
	if (rc == 0)
		rc = pages_start(c, err, err_len);
	if (rc == 0) {
		warn_buffer(c);
		notify_send("READY=1");
		main_loop(c);
	}
	__atomic_store_n(&c->stopping, true, __ATOMIC_RELEASE);
	tap_stop(c->tap);
	finish(c);
	pages_stop(c);
	watch_free(c->watch);
	for (size_t i = 0; i < c->n_workers; i++)
		worker_free(c->workers[i]);
	return rc;
}

/* Sockets are open, threads are not started yet. */
static int give_up_privileges(const struct config *config, char *said, size_t said_len, char *err, size_t err_len)
{
	static struct confine_path room;
	struct confine_options options = {.mode = config->confine, .user = config->user};
	confine_directory(&options, config->state_path);
	if (config->transport == TRANSPORT_FILE)
		confine_file(&options, config->file, &room);
	else if (config->transport != TRANSPORT_NULL)
		confine_directory(&options, config->journal_path);
	return confine_apply(&options, said, said_len, err, err_len);
}

int collector_run(const struct config *config, int argc, char **argv, char *err, size_t err_len)
{
	struct collector c = {.config = config, .argc = argc, .argv = argv};
	struct open_inputs open = {.n = 0};
	char said[CONFINE_SAID_MAX] = "";
	/* Sockets first: a port in use is known before a journal is touched. */
	int rc = config->pcap ? 0 : open_inputs(&c, &open, err, err_len);
	if (rc == 0)
		rc = gate_rules_new(config, &c.rules, err, err_len);
	if (rc == 0)
		rc = give_up_privileges(config, said, sizeof(said), err, err_len);
	if (rc == 0)
		rc = transport_open(config, &c.transport, err, err_len);
	if (rc == 0 && *said)
		log_info(LOG_OURS, "confined: %s", said);
	c.tap = rc == 0 ? tap_new() : NULL;
	if (rc == 0 && !c.tap) {
		snprintf(err, err_len, "no memory");
		rc = -ENOMEM;
	}
	if (rc == 0)
		rc = config->pcap ? run_capture(&c, err, err_len) : run_listeners(&c, &open, err, err_len);
	close_inputs(&open);
	if (c.transport)
		c.transport->ops->free(c.transport);
	tap_free(c.tap);
	gate_rules_free(c.rules);
	reload_free(c.decoding);
	return rc;
}
