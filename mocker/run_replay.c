/*
 * run_replay.c -- plays a capture's datagrams again, at its own pace, a multiple of it, or --rate.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mocker/gen.h"
#include "mocker/options.h"
#include "mocker/run.h"
#include "mocker/run_internal.h"
#include "packet/capture.h"

/* The exporters of a capture, in the order of their appearance. */
struct cast {
	struct ip_addr seen[256];
	unsigned n;
};

static unsigned cast_find(struct cast *cast, const struct ip_addr *addr)
{
	for (unsigned i = 0; i < cast->n; i++)
		if (ip_equal(&cast->seen[i], addr))
			return i;
	if (cast->n == sizeof(cast->seen) / sizeof(cast->seen[0]))
		return cast->n - 1;
	cast->seen[cast->n] = *addr;
	return cast->n++;
}

static int send_captured(struct run *run, struct capture *capture, double speed)
{
	struct cast cast = {0};
	struct capture_udp udp;
	uint64_t first_ns = 0;
	const unsigned sources = (unsigned)run->options->sources;
	int r;
	while ((r = capture_next_udp(capture, &udp)) != 0) {
		if (r == -EAGAIN)
			continue;
		if (r < 0)
			return r;
		if (first_ns == 0)
			first_ns = udp.time_ns;
		const uint64_t offset_ns = udp.time_ns > first_ns ? udp.time_ns - first_ns : 0;
		if (!run_wait_for_turn(run, speed, offset_ns))
			return 0;
		struct send_item item = {.data = udp.data, .len = udp.len};
		if (sources > 1)
			item.source = gen_source_address(cast_find(&cast, &udp.src) % sources);
		r = send_all(run->send, &item, 1);
		if (r < 0)
			return r;
		run->pace.done++;
		run->summary->datagrams++;
		run->summary->octets += udp.len;
	}
	return 0;
}

int run_replay(const struct mocker_options *options, struct summary **ret_summary, char *err, size_t err_len)
{
	struct run run;
	struct capture *capture = NULL;
	double speed = 1;
	int r = run_capture(&run, options, &speed, &capture, err, err_len);
	if (r < 0)
		goto out;
	r = -ENOMEM;
	run.summary = calloc(1, sizeof(*run.summary));
	if (!run.summary)
		goto out;
	r = send_captured(&run, capture, speed);
	if (r < 0)
		run_capture_failed(&run, capture, r, err, err_len);
	*ret_summary = run.summary;
out:
	run_finish(&run);
	capture_close(capture);
	return r;
}
