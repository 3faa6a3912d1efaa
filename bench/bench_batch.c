/*
 * bench_batch.c -- what the journal costs a flow: the same flows packed, committed by sixteens and passed on, into plain
 * memory and into slots of a journal in memory and on disk. `bench_batch [ROUNDS] [DIR]`
 *
 * A batch is acknowledged when eight others have been put behind it, as a broker that keeps up would.
 */
#include <string.h>
#include <unistd.h>

#include "bench/bench_flows.h"
#include "collector/batch.h"
#include "collector/journal.h"
#include "collector/plain.h"

enum { BATCH = 512 * 1024, PAYLOAD = BATCH + 80 * 1024, DATAGRAM = 16, LAG = 8 };

static const struct flow *flows;
static struct batch *in_flight[LAG];
static unsigned at;

static struct batch *next(struct journal *j, struct batch *b)
{
	if (!j) {
		batch_reset(b);
		return b;
	}
	journal_put(j, b);
	if (in_flight[at])
		journal_done(j, in_flight[at], 0, ERR_NONE);
	in_flight[at] = journal_next(j);
	at = (at + 1) % LAG;
	return journal_take(j);
}

/* ns of CPU a flow. */
static double once(struct journal *j, int rounds)
{
	struct batch_encoding e = batch_encoding_of(BATCH_BIN, NULL);
	struct batch *b = j ? journal_take(j) : plain_batch_new(PAYLOAD);
	double start = bench_cpu_s();
	for (int r = 0; r < rounds; r++) {
		for (unsigned i = 0; i < BENCH_FLOWS; i++) {
			batch_add(b, &e, &flows[i]);
			if (i % DATAGRAM != DATAGRAM - 1)
				continue;
			batch_commit(b, 1);
			if (b->len >= BATCH)
				b = next(j, b);
		}
	}
	double ns = (bench_cpu_s() - start) * 1e9;
	if (j)
		journal_put(j, b);
	else
		plain_batch_free(b);
	return ns / (double)rounds / BENCH_FLOWS;
}

/* The best of five: the least disturbed one. */
static double run(struct journal *j, int rounds)
{
	double best = once(j, rounds);
	for (int i = 1; i < 5; i++) {
		double ns = once(j, rounds);
		best = ns < best ? ns : best;
	}
	return best;
}

static void journal_row(const char *name, const char *path, int rounds, double plain)
{
	struct journal *j;
	char note[300];
	struct journal_options options = {.path = path, .max_bytes = 256 << 20, .payload_bytes = PAYLOAD, .keep_free = 12, .epoch = 1};
	if (journal_open(&options, &j, note, sizeof(note)) < 0) {
		printf("%s: %s\n", name, note);
		return;
	}
	double ns = run(j, rounds);
	printf("%-18s %8.1f %8.1f\n", name, ns, ns - plain);
	for (unsigned i = 0; i < LAG; i++) {
		if (in_flight[i])
			journal_done(j, in_flight[i], 0, ERR_NONE);
		in_flight[i] = NULL;
	}
	for (struct batch *b; (b = journal_next(j));)
		journal_done(j, b, 0, ERR_NONE);
	journal_close(j);
}

int main(int argc, char **argv)
{
	int rounds = bench_rounds(argc, argv, 4000);
	char dir[] = "/tmp/weir-bench-XXXXXX";
	const char *path = argc > 2 ? argv[2] : mkdtemp(dir);
	flows = bench_flows(&bench_shapes[0]);
	(void)run(NULL, rounds / 10 + 1);
	double plain = run(NULL, rounds);
	printf("%-18s %8s %8s\n", "batches in", "ns/flow", "more");
	printf("%-18s %8.1f\n", "plain memory", plain);
	journal_row("journal, memory", NULL, rounds, plain);
	journal_row("journal, disk", path, rounds, plain);
	if (argc <= 2 && path) {
		char lock[100];
		snprintf(lock, sizeof(lock), "%s/lock", path);
		(void)unlink(lock);
		(void)rmdir(path);
	}
	return 0;
}
