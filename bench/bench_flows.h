/*
 * bench_flows.h -- flows as exporters send them, for the benchmarks of proto/: a shape a kind of exporter, values random within
 * what is usual, from a fixed seed. Values of varying length matter: a branch on them would be mispredicted.
 */
#ifndef WEIR_BENCH_FLOWS_H
#define WEIR_BENCH_FLOWS_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proto/flow.h"

enum { BENCH_FLOWS = 256 }; /* they fit the second-level cache */

struct bench_shape {
	const char *name;
	void (*make)(struct flow *f);
};

static uint64_t bench_state = 42;

static inline uint32_t bench_below(uint32_t n)
{
	bench_state = bench_state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)((bench_state >> 33) % n);
}

static inline struct ip_addr bench_v4(void)
{
	uint32_t v = bench_below(0x7fffffff) * 2 + 1;
	uint8_t bytes[4];
	memcpy(bytes, &v, 4);
	return ip_v4(bytes);
}

static inline struct ip_addr bench_v6(void)
{
	uint8_t bytes[16] = {0x20, 0x01, 0x0d, 0xb8};
	for (int i = 4; i < 16; i++)
		bytes[i] = (uint8_t)bench_below(256);
	return ip_v6(bytes);
}

/* What the header and the 5-tuple give in every shape. */
static inline void bench_common(struct flow *f)
{
	static uint32_t sequence = 1000000;
	uint64_t now = 1763726400000000000 + (uint64_t)sequence * 1000;
	flow_clear(f);
	f->time_received_ns = now;
	f->time_flow_end_ns = now - bench_below(1000) * 1000000ULL;
	f->time_flow_start_ns = f->time_flow_end_ns - bench_below(30000) * 1000000ULL;
	f->sequence_num = sequence++;
	f->sampler_address = ip_v4((const uint8_t[]){10, 0, 0, 1});
	f->src_addr = bench_v4();
	f->dst_addr = bench_v4();
	f->etype = 0x800;
	f->proto = bench_below(4) ? 6 : 17;
	f->src_port = bench_below(2) ? 443 : 1024 + bench_below(64000);
	f->dst_port = 1024 + bench_below(64000);
	f->packets = 1 + (bench_below(3) ? bench_below(20) : bench_below(5000));
	f->bytes = f->packets * (40 + bench_below(1460));
	f->tcp_flags = f->proto == 6 ? bench_below(32) : 0;
	f->ip_tos = bench_below(5) ? 0 : bench_below(256);
	f->in_if = 1 + bench_below(500);
	f->out_if = 1 + bench_below(500);
}

static inline void bench_v5(struct flow *f)
{
	bench_common(f);
	f->type = FLOW_TYPE_NETFLOW_V5;
	f->next_hop = bench_v4();
	f->src_as = bench_below(65536);
	f->dst_as = bench_below(65536);
	f->src_net = 8 + bench_below(25);
	f->dst_net = 8 + bench_below(25);
	f->engine_id = 1;
}

/* reference traffic of design.md: IPFIX, 19 fields */
static inline void bench_ipfix(struct flow *f)
{
	bench_v5(f);
	f->type = FLOW_TYPE_IPFIX;
	f->engine_id = 0;
	f->vlan_id = f->src_vlan = bench_below(4000);
	f->observation_domain_id = 1;
}

static inline void bench_ipfix6(struct flow *f)
{
	bench_ipfix(f);
	f->src_addr = bench_v6();
	f->dst_addr = bench_v6();
	f->next_hop = bench_v6();
	f->etype = 0x86dd;
	f->src_mac = 0xe8ff1ed5f416 + bench_below(1000);
	f->dst_mac = 0x00155d000000 + bench_below(1000);
	f->ipv6_flow_label = bench_below(1 << 20);
	f->flow_end_reason = 1 + bench_below(4);
	f->flow_direction = bench_below(2);
}

static inline void bench_sflow(struct flow *f)
{
	bench_common(f);
	f->type = FLOW_TYPE_SFLOW_5;
	f->sampling_rate = 1000;
	f->packets = 1;
	f->bytes = 64 + bench_below(1450);
	f->time_flow_start_ns = f->time_flow_end_ns = f->time_received_ns;
	f->src_mac = 0xe8ff1ed5f416 + bench_below(1000);
	f->dst_mac = 0x00155d000000 + bench_below(1000);
	f->ip_ttl = 30 + bench_below(98);
	f->fragment_id = bench_below(65536);
	f->ip_flags = 2;
	f->vlan_id = bench_below(4000);
	f->n_layer_stack = f->n_layer_size = 4;
	memcpy(f->layer_stack, (const uint32_t[]){0, 6, 1, 3}, 16);
	memcpy(f->layer_size, (const uint32_t[]){14, 4, 20, 32}, 16);
}

static inline void bench_nat(struct flow *f)
{
	bench_v5(f);
	f->type = FLOW_TYPE_NETFLOW_V9;
	f->post_nat_src_addr = bench_v4();
	f->post_nat_dst_addr = bench_v4();
	f->post_nat_src_port = 1024 + bench_below(64000);
	f->post_nat_dst_port = 443;
	f->nat_event = 4;
	f->firewall_event = 1;
	f->flow_id = bench_below(0x7fffffff);
	f->n_application_name = 5;
	memcpy(f->application_name, "https", 5);
}

static const struct bench_shape bench_shapes[] = {
	{"v5", bench_v5}, {"ipfix", bench_ipfix}, {"ipfix6", bench_ipfix6}, {"sflow", bench_sflow}, {"nat", bench_nat},
};

enum { BENCH_SHAPES = sizeof(bench_shapes) / sizeof(bench_shapes[0]) };

/* BENCH_FLOWS flows of one shape. */
static inline struct flow *bench_flows(const struct bench_shape *shape)
{
	struct flow *flows = calloc(BENCH_FLOWS, sizeof(*flows));
	if (!flows)
		abort();
	for (int i = 0; i < BENCH_FLOWS; i++)
		shape->make(&flows[i]);
	return flows;
}

static inline double bench_cpu_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Rounds to run: the first argument, or so many that a number means something. */
static inline int bench_rounds(int argc, char **argv, int usual)
{
	int rounds = argc > 1 ? atoi(argv[1]) : usual;
	return rounds > 0 ? rounds : 1;
}

/* What VALUE holds in memory is needed: the compiler may not leave out its stores. */
#define BENCH_USED(value) __asm__ volatile("" : : "r"(&(value)) : "memory")

/* The best of five runs of ROUNDS rounds over FLOWS, in ns a flow: the least disturbed one. */
#define BENCH_NS(rounds, ...) \
	({ \
		double best = 1e9; \
		for (int run = 0; run < 5; run++) { \
			double begin = bench_cpu_s(); \
			for (int round = 0; round < (rounds); round++) \
				for (int i = 0; i < BENCH_FLOWS; i++) { \
					__VA_ARGS__; \
				} \
			double took = (bench_cpu_s() - begin) * 1e9 / (rounds) / BENCH_FLOWS; \
			best = took < best ? took : best; \
		} \
		best; \
	})

#endif
