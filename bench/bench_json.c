/*
 * bench_json.c -- ns and lines a second of flow_json and flow_text, by kind of exporter. `bench_json [ROUNDS]`
 */
#include "bench/bench_flows.h"
#include "proto/json.h"
#include "proto/text.h"

int main(int argc, char **argv)
{
	int rounds = bench_rounds(argc, argv, 500);
	static char out[FLOW_JSON_MAX + FLOW_TEXT_MAX];
	printf("%-8s %8s %8s %12s %8s\n", "shape", "bytes", "json ns", "lines/s", "text ns");
	for (int s = 0; s < BENCH_SHAPES; s++) {
		struct flow *flows = bench_flows(&bench_shapes[s]);
		size_t total = 0, at = 0;
		for (int i = 0; i < BENCH_FLOWS; i++)
			total += flow_json(&flows[i], out);
		double json = BENCH_NS(rounds, at = (at + flow_json(&flows[i], out + at)) & 0xffff);
		double text = BENCH_NS(rounds, at = (at + flow_text(&flows[i], out + at)) & 0xffff);
		printf("%-8s %8.1f %8.1f %12.0f %8.1f\n", bench_shapes[s].name, (double)total / BENCH_FLOWS, json, 1e9 / json,
		       text);
		free(flows);
	}
	return 0;
}
