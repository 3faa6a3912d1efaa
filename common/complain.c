/*
 * complain.c -- the back-off of complaints.
 *
 * A broken exporter repeats its mistake a thousand times a second; a log that repeats it too hides the next,
 * different trouble. The interval doubles while the trouble lasts and starts over when it is over, or when
 * nothing was wrong for twice the longest interval.
 */
#include "common/complain.h"

#include "common/clock.h"

static const uint64_t first_interval = NS_PER_S;
static const uint64_t last_interval = 600 * NS_PER_S;

bool complain_now(struct complain *c, uint64_t now_ns, uint64_t *ret_swallowed)
{
	if (c->active && now_ns < c->next_ns) {
		c->swallowed++;
		return false;
	}
	if (!c->active || now_ns - c->next_ns > 2 * last_interval)
		c->interval_ns = first_interval;
	else if (c->interval_ns < last_interval / 2)
		c->interval_ns *= 2;
	else
		c->interval_ns = last_interval;
	c->active = true;
	c->next_ns = now_ns + c->interval_ns;
	*ret_swallowed = c->swallowed;
	c->swallowed = 0;
	return true;
}

bool complain_over(struct complain *c)
{
	bool was = c->active;
	*c = (struct complain){0};
	return was;
}
