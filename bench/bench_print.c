/*
 * bench_print.c -- how many lines a second `weir-inserter print` makes of packed messages: unpack, format, write.
 *
 *     build/release/bench/bench_print [home|line|long|json|...] >FILE 2>&1     the figure comes last
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/opt.h"
#include "inserter/sides.h"
#include "inserter/sink.h"
#include "proto/flow.h"
#include "proto/pack.h"
#include "proto/unpack.h"

enum { A_MESSAGE = 500, MESSAGES = 6000 };

static size_t make_message(uint8_t *out)
{
	size_t len = 0;
	for (uint32_t i = 0; i < A_MESSAGE; i++) {
		struct flow f;
		flow_clear(&f);
		f.src_addr = ip_v4((const uint8_t[]){192, 168, 1, (uint8_t)i});
		f.dst_addr = ip_v4((const uint8_t[]){104, (uint8_t)i, 185, 54});
		f.sampler_address = ip_v4((const uint8_t[]){192, 0, 2, 1});
		f.next_hop = f.sampler_address;
		f.src_port = 1024 + i;
		f.dst_port = 443;
		f.proto = 6;
		f.etype = 0x800;
		f.tcp_flags = 0x1b;
		f.src_mac = 0xe8ff1ed5f416;
		f.bytes = 1500 * (i + 1);
		f.packets = i + 1;
		f.in_if = 3;
		f.out_if = 4;
		f.src_as = 65001;
		f.dst_as = 13335;
		f.type = FLOW_TYPE_IPFIX;
		f.sequence_num = i;
		f.time_received_ns = 1795263794412000000 + i;
		f.time_flow_start_ns = f.time_received_ns - 60 * NS_PER_S;
		f.time_flow_end_ns = f.time_received_ns - NS_PER_S;
		len += flow_pack(&f, out + len);
	}
	return len;
}

int main(int argc, char **argv)
{
	static uint8_t message[A_MESSAGE * 512];
	const struct sink_kind *print = sink_by_name("print");
	const struct opt_group group = {.title = "print", .rows = print->rows, .n_rows = print->n_rows};
	const struct opt_spec spec = {.program = "bench_print", .summary = "", .usage = "", .groups = &group, .n_groups = 1};
	char *args[] = {argv[0], (char[]){"-o"}, argc > 1 ? argv[1] : (char[]){"home"}};
	struct opt_result result;
	struct ip_set local = {0};
	struct sink_env env = {.local = &local};
	void *options = calloc(1, print->options_size), *self;
	char err[256];
	struct flow f;
	if (!options || opt_parse(&spec, 3, args, options, &result, err, sizeof(err)) ||
	    sides_parse(NULL, &local, err, sizeof(err)) || print->open(options, &env, &self, err, sizeof(err)))
		return 1;
	size_t len = make_message(message);
	uint64_t begin = clock_monotonic_ns();
	for (int i = 0; i < MESSAGES; i++) {
		struct flow_iter it;
		flow_iter_init(&it, message, len);
		while (flow_iter_next(&it, &f) == 1)
			print->flow(self, &f);
	}
	print->close(self);
	double seconds = (double)(clock_monotonic_ns() - begin) / NS_PER_S;
	fprintf(stderr, "%d lines in %.2f s: %.0f a second\n", A_MESSAGE * MESSAGES, seconds, A_MESSAGE * MESSAGES / seconds);
	ip_set_free(&local);
	opt_free(&spec, options, &result);
	free(options);
	return 0;
}
