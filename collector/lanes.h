/*
 * lanes.h -- what each partition has under way: one that takes nothing must not fill the window that all share.
 *
 * A partition without a leader, or with too few replicas in sync, answers nothing or refuses for as long as that lasts, and its
 * batches may not go elsewhere (the partition is a fixed function of the sequence). So each partition has at most its
 * share of the window under way, and pauses after a failure, longer each time; the rest of its batches wait in the
 * journal, and those of the others go past them.
 */
#ifndef WEIR_COLLECTOR_LANES_H
#define WEIR_COLLECTOR_LANES_H

#include <stdbool.h>
#include <stdint.h>

/* Partitions beyond share lanes: they are told apart no more, nothing else. */
enum { LANES = 256 };

/* All atomic: workers and the sender thread use them. */
struct lane {
	uint32_t under_way;  /* batches */
	uint64_t since_ns;   /* nothing was taken since then; 0: nothing was offered since the last that was */
	uint64_t pause_ns;   /* how long after the last failure; 0: none since something was taken */
	uint64_t until_ns;   /* nothing is offered before */
};

struct lanes {
	struct lane lane[LANES];
};

/* May PARTITION take one more, when WINDOW batches are shared by PARTITIONS? */
bool lanes_may(const struct lanes *l, uint32_t partition, uint32_t partitions, uint32_t window, uint64_t now_ns);
/* A batch is offered; a message of it was taken, or was not and must be offered again; the batch is over. */
void lanes_begin(struct lanes *l, uint32_t partition, uint64_t now_ns);
void lanes_taken(struct lanes *l, uint32_t partition, uint64_t now_ns);
void lanes_failed(struct lanes *l, uint32_t partition, uint64_t now_ns);
void lanes_end(struct lanes *l, uint32_t partition);
/* How many partitions were offered something and have taken nothing for AFTER_NS; *ret_one is one of them. */
unsigned lanes_stuck(const struct lanes *l, uint64_t now_ns, uint64_t after_ns, uint32_t *ret_one);

#endif
