/*
 * lanes.c -- see lanes.h.
 */
#include "collector/lanes.h"

#include "common/clock.h"

enum { SHARE_MIN = 2 };

static const uint64_t pause_min_ns = 100 * NS_PER_MS, pause_max_ns = 2 * NS_PER_S;

#define GET(member) __atomic_load_n(&(member), __ATOMIC_RELAXED)
#define SET(member, value) __atomic_store_n(&(member), (value), __ATOMIC_RELAXED)

bool lanes_may(const struct lanes *l, uint32_t partition, uint32_t partitions, uint32_t window, uint64_t now_ns)
{
	const struct lane *lane = &l->lane[partition % LANES];
	uint32_t share = window / partitions < SHARE_MIN ? SHARE_MIN : window / partitions;
	return GET(lane->under_way) < share && now_ns >= GET(lane->until_ns);
}

void lanes_begin(struct lanes *l, uint32_t partition, uint64_t now_ns)
{
	struct lane *lane = &l->lane[partition % LANES];
	__atomic_fetch_add(&lane->under_way, 1, __ATOMIC_RELAXED);
	if (GET(lane->since_ns) == 0)
		SET(lane->since_ns, now_ns);
}

void lanes_taken(struct lanes *l, uint32_t partition, uint64_t now_ns)
{
	struct lane *lane = &l->lane[partition % LANES];
	SET(lane->since_ns, now_ns);
	SET(lane->pause_ns, 0);
	SET(lane->until_ns, 0);
}

void lanes_failed(struct lanes *l, uint32_t partition, uint64_t now_ns)
{
	struct lane *lane = &l->lane[partition % LANES];
	uint64_t pause_ns = GET(lane->pause_ns);
	if (now_ns < GET(lane->until_ns))
		return; /* of the same failure */
	pause_ns = pause_ns ? pause_ns * 2 : pause_min_ns;
	pause_ns = pause_ns > pause_max_ns ? pause_max_ns : pause_ns;
	SET(lane->pause_ns, pause_ns);
	SET(lane->until_ns, now_ns + pause_ns);
}

void lanes_end(struct lanes *l, uint32_t partition)
{
	struct lane *lane = &l->lane[partition % LANES];
	if (__atomic_sub_fetch(&lane->under_way, 1, __ATOMIC_RELAXED) == 0 && GET(lane->pause_ns) == 0)
		SET(lane->since_ns, 0);
}

unsigned lanes_stuck(const struct lanes *l, uint64_t now_ns, uint64_t after_ns, uint32_t *ret_one)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < LANES; i++) {
		uint64_t since_ns = GET(l->lane[i].since_ns);
		if (since_ns && now_ns >= since_ns + after_ns && n++ == 0)
			*ret_one = i;
	}
	return n;
}
