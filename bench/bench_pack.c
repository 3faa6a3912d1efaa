/*
 * bench_pack.c -- ns a flow of flow_pack, and of protobuf-c on the same flows, by shape. `bench_pack [ROUNDS]`
 *
 * "one" packs the same flow again and again, everything in the first-level cache and every branch foreseen; "varied" packs
 * flows of random values that were just written, as the collector's are (their copying is taken off again); "clear" is
 * flow_clear, which each flow costs too.
 */
#include "bench/bench_flows.h"
#include "proto/pack.h"

int main(int argc, char **argv)
{
	int rounds = bench_rounds(argc, argv, 200);
	static uint8_t out[1 << 16];
	printf("%-8s %8s %8s %8s %8s   ns a flow\n", "shape", "bytes", "one", "varied", "clear");
	for (int s = 0; s < BENCH_SHAPES; s++) {
		struct flow *flows = bench_flows(&bench_shapes[s]);
		struct flow one = flows[0];
		size_t at = 0, total = 0;
		for (int i = 0; i < BENCH_FLOWS; i++)
			total += flow_pack(&flows[i], out);
		double same = BENCH_NS(rounds, at = (at + flow_pack(&one, out + at)) & 0x7fff);
		double copied = BENCH_NS(rounds, memcpy(&one, &flows[i], FLOW_CLEARED); BENCH_USED(one));
		double varied = BENCH_NS(rounds, memcpy(&one, &flows[i], FLOW_CLEARED); BENCH_USED(one);
					 at = (at + flow_pack(&one, out + at)) & 0x7fff);
		double cleared = BENCH_NS(rounds, flow_clear(&one); BENCH_USED(one));
		printf("%-8s %8.1f %8.1f %8.1f %8.1f\n", bench_shapes[s].name, (double)total / BENCH_FLOWS, same,
		       varied - copied, cleared);
		free(flows);
	}
	return 0;
}
