/*
 * bench_unpack.c -- ns a flow of reading packed records: ours, and protobuf-c as a consumer would use it, on an arena
 * and with malloc. `bench_unpack [ROUNDS]`
 */
#include "bench/bench_flows.h"
#include "proto/flow.pb-c.h"
#include "proto/pack.h"
#include "proto/unpack.h"

enum { ARENA = 1 << 16 };

struct arena {
	uint8_t memory[ARENA];
	size_t used;
};

static void *arena_alloc(void *data, size_t size)
{
	struct arena *a = data;
	void *p = a->memory + a->used;
	a->used += (size + 15) & ~(size_t)15;
	return a->used <= ARENA ? p : NULL;
}

static void arena_free(void *data, void *p)
{
	(void)data;
	(void)p;
}

int main(int argc, char **argv)
{
	int rounds = bench_rounds(argc, argv, 500);
	static uint8_t message[BENCH_FLOWS * 1024];
	static struct arena arena;
	ProtobufCAllocator on_arena = {.alloc = arena_alloc, .free = arena_free, .allocator_data = &arena};
	printf("%-8s %8s %10s %10s %10s   ns a flow\n", "shape", "bytes", "weir", "pb arena", "pb malloc");
	for (int s = 0; s < BENCH_SHAPES; s++) {
		struct flow *flows = bench_flows(&bench_shapes[s]);
		size_t len = 0, ends[BENCH_FLOWS + 1] = {0};
		for (int i = 0; i < BENCH_FLOWS; i++)
			ends[i + 1] = len += flow_pack(&flows[i], message + len);
		struct flow flow;
		struct flow_iter it;
		double ours = BENCH_NS(rounds, {
			if (i == 0)
				flow_iter_init(&it, message, len);
			if (flow_iter_next(&it, &flow) != 1)
				abort();
			BENCH_USED(flow);
		});
		const uint8_t *record;
		size_t record_len;
		Flowpb__FlowMessage *m;
#define RECORD \
	record = message + ends[i]; \
	record_len = ends[i + 1] - ends[i] - (*record < 128 ? 1 : 2); \
	record = message + ends[i + 1] - record_len;
		double with_arena = BENCH_NS(rounds, {
			RECORD
			arena.used = 0;
			m = flowpb__flow_message__unpack(&on_arena, record_len, record);
			if (!m)
				abort();
		});
		double with_malloc = BENCH_NS(rounds, {
			RECORD
			m = flowpb__flow_message__unpack(NULL, record_len, record);
			if (!m)
				abort();
			flowpb__flow_message__free_unpacked(m, NULL);
		});
		printf("%-8s %8.1f %10.1f %10.1f %10.1f\n", bench_shapes[s].name, (double)len / BENCH_FLOWS, ours,
		       with_arena, with_malloc);
		free(flows);
	}
	return 0;
}
