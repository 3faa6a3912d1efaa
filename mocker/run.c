/*
 * run.c -- what the sending loops share, and the generator's. They wait by waiting for a signal, so that Ctrl-C ends
 * them at once with a summary of what was sent until then.
 */
#include "mocker/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/signals.h"
#include "mocker/gen.h"
#include "mocker/options.h"
#include "mocker/run_internal.h"
#include "packet/capture.h"

int run_start(struct run *run, const struct mocker_options *options, char *err, size_t err_len)
{
	*run = (struct run){.options = options, .start_ns = clock_monotonic_ns()};
	run->pace = (struct pace){.rate = (uint64_t)options->rate, .since_ns = run->start_ns};
	if (!options->quiet && isatty(STDERR_FILENO))
		run->progress_ns = run->start_ns;
	return options->kafka.brokers ? 0 : send_open(options->to, &run->send, err, err_len);
}

void run_progress(struct run *run, uint64_t now_ns)
{
	if (run->progress_ns == 0 || now_ns < run->progress_ns)
		return;
	run->progress_ns = now_ns + NS_PER_S / 4;
	const struct summary *s = run->summary;
	fprintf(stderr, "\r%" PRIu64 " datagrams, %" PRIu64 " flows, %.0f datagrams/s ", s->datagrams, s->total.flows,
		(double)s->datagrams * (double)NS_PER_S / (double)(now_ns - run->start_ns + 1));
}

void run_finish(struct run *run)
{
	if (run->progress_ns)
		fputs("\r\033[K", stderr);
	if (run->summary) {
		run->summary->refused = run->send ? send_refused(run->send) : 0;
		run->summary->seconds = (double)(clock_monotonic_ns() - run->start_ns) / (double)NS_PER_S;
	}
	send_close(run->send);
}

/* True when it is time to stop: a signal came while waiting, or --duration is over. */
bool run_wait(const struct run *run, uint64_t now_ns, uint64_t wait_ns)
{
	if (run->options->duration_ns) {
		const uint64_t end_ns = run->start_ns + run->options->duration_ns;
		if (now_ns >= end_ns)
			return true;
		if (wait_ns > end_ns - now_ns)
			wait_ns = end_ns - now_ns;
	}
	return signals_wait(wait_ns) != 0;
}

/* When a datagram is due: by the capture's clock, or by the rate when SPEED is 0. */
bool run_wait_for_turn(struct run *run, double speed, uint64_t offset_ns)
{
	const uint64_t due_ns = run->start_ns + (speed > 0 ? (uint64_t)((double)offset_ns / speed) : 0);
	for (;;) {
		const uint64_t now_ns = clock_monotonic_ns();
		run_progress(run, now_ns);
		uint64_t wait_ns = pace_wait_ns(&run->pace, now_ns);
		if (speed > 0)
			wait_ns = due_ns > now_ns ? due_ns - now_ns : 0;
		if (wait_ns == 0)
			return !run_wait(run, now_ns, 0);
		if (run_wait(run, now_ns, wait_ns < NS_PER_S / 4 ? wait_ns : NS_PER_S / 4))
			return false;
	}
}

static int read_speed(const struct mocker_options *options, double *ret_speed, char *err, size_t err_len)
{
	char *end;
	const double speed = strtod(options->speed, &end);
	if (*end || end == options->speed || !(speed >= 0) || speed > 1e6) {
		snprintf(err, err_len, "--speed %s: not a number from 0 to 1000000", options->speed);
		return -EINVAL;
	}
	*ret_speed = speed;
	return 0;
}

int run_capture(struct run *run, const struct mocker_options *options, double *ret_speed, struct capture **ret_capture, char *err,
		size_t err_len)
{
	int r = run_start(run, options, err, err_len);
	if (r < 0)
		return r;
	if (read_speed(options, ret_speed, err, err_len) < 0 || capture_open(options->pcap, ret_capture, err, err_len) < 0)
		return -EINVAL;
	return 0;
}

void run_capture_failed(const struct run *run, const struct capture *capture, int r, char *err, size_t err_len)
{
	snprintf(err, err_len, "%s to %s: %s", run->options->pcap, run->options->to, r == -EIO ? capture_error(capture) : strerror(-r));
}

static int send_generated(struct run *run, struct gen *g, uint8_t *slots)
{
	const uint64_t count = run->options->count ? (uint64_t)run->options->count : UINT64_MAX;
	const bool name_sources = run->options->sources > 1;
	for (uint64_t sent = 0; sent < count;) {
		const uint64_t now_ns = clock_monotonic_ns();
		if (run_wait(run, now_ns, pace_wait_ns(&run->pace, now_ns)))
			break;
		const uint64_t due = pace_due(&run->pace, clock_monotonic_ns(), SEND_BATCH);
		struct send_item items[SEND_BATCH];
		unsigned n = 0;
		while (n < due && sent < count) {
			unsigned source;
			bool is_template;
			uint8_t *slot = slots + (size_t)n * MAKE_DATAGRAM_MAX;
			const size_t len = gen_next(g, clock_wall_ns(), slot, &source, &is_template);
			items[n++] = (struct send_item){.data = slot, .len = len};
			if (name_sources)
				items[n - 1].source = gen_source_address(source);
			sent += !is_template;
		}
		const int r = n ? send_all(run->send, items, n) : 0;
		if (r < 0)
			return r;
		run->pace.done += n;
		run_progress(run, now_ns);
	}
	return 0;
}

int run_generate(const struct mocker_options *options, struct summary **ret_summary, char *err, size_t err_len)
{
	struct run run;
	struct gen *g = NULL;
	uint8_t *slots = malloc((size_t)SEND_BATCH * MAKE_DATAGRAM_MAX);
	struct summary *copy = malloc(sizeof(*copy));
	const struct gen_setup setup = {
		.protocols = options->protocol,
		.profile = options->profile,
		.seed = (uint64_t)options->seed,
		.flows = (uint64_t)options->flows,
		.sources = (uint64_t)options->sources,
		.clients = (uint64_t)options->clients,
		.ipv6_percent = (uint64_t)options->ipv6,
		.sampling_rate = (uint64_t)options->sampling_rate,
		.templates_every = (uint64_t)options->templates_every,
		.domain = (uint32_t)options->domain,
		.now_ns = clock_wall_ns(),
	};
	int r = run_start(&run, options, err, err_len);
	if (r < 0)
		goto out;
	r = slots && copy ? gen_new(&setup, &g, err, err_len) : -ENOMEM;
	if (r < 0)
		goto out;
	run.summary = gen_summary(g);
	r = send_generated(&run, g, slots);
	if (r < 0)
		snprintf(err, err_len, "sending to %s: %s", options->to, strerror(-r));
out:
	run_finish(&run);
	if (run.summary && copy) {
		*copy = *run.summary;
		*ret_summary = copy;
		copy = NULL;
	}
	gen_free(g);
	free(copy);
	free(slots);
	return r;
}
