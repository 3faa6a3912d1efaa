/*
 * step.h -- one step of a compiled template (template.h) at work: what record.c and fuse.c share. Private to them.
 */
#ifndef WEIR_COLLECTOR_STEP_H
#define WEIR_COLLECTOR_STEP_H

#include <string.h>

#include "collector/record.h"
#include "collector/template.h"
#include "common/clock.h"
#include "common/wire.h"

/* Where the segments of a record are: see template.h. */
struct segments {
	const uint8_t *run[TEMPLATE_VARS_MAX + 1];
	const uint8_t *var[TEMPLATE_VARS_MAX];
	uint16_t len[TEMPLATE_VARS_MAX];
};

static inline uint32_t *step_at32(struct record *r, const struct step *s)
{
	return (uint32_t *)(void *)((char *)r + s->target);
}

static inline uint64_t *step_at64(struct record *r, const struct step *s)
{
	return (uint64_t *)(void *)((char *)r + s->target);
}

static inline struct ip_addr *step_at_addr(struct record *r, const struct step *s)
{
	return (struct ip_addr *)(void *)((char *)r + s->target);
}

/* One step, its bytes at P: they were checked. */
static inline void step_run(const struct step *s, const uint8_t *p, size_t len, struct record *r)
{
	switch ((enum step_op)s->op) {
	case STEP_32_1: *step_at32(r, s) = p[0]; break;
	case STEP_32_2: *step_at32(r, s) = wire_load16(p); break;
	case STEP_32_4: *step_at32(r, s) = wire_load32(p); break;
	case STEP_32_N: *step_at32(r, s) = (uint32_t)wire_load_uint(p, len); break;
	case STEP_64_4: *step_at64(r, s) = wire_load32(p); break;
	case STEP_64_8: *step_at64(r, s) = wire_load64(p); break;
	case STEP_64_6: *step_at64(r, s) = (uint64_t)wire_load16(p) << 32 | wire_load32(p + 2); break;
	case STEP_64_N: *step_at64(r, s) = wire_load_uint(p, len); break;
	case STEP_V4:
		memcpy(step_at_addr(r, s)->bytes, p, 4);
		step_at_addr(r, s)->len = 4;
		break;
	case STEP_V6:
		memcpy(step_at_addr(r, s)->bytes, p, 16);
		step_at_addr(r, s)->len = 16;
		break;
	case STEP_MS: *step_at64(r, s) = wire_load64(p) * NS_PER_MS; break;
	case STEP_SLOW:
		if (len > 0)
			record_value(s, p, len, r);
		break;
	case STEP_CALL: break;
	default: __builtin_unreachable(); /* saves the range check */
	}
}

/* The same, wherever in the record its bytes are. */
static inline void step_run_in(const struct step *s, const struct segments *g, struct record *r)
{
	if (s->var)
		step_run(s, g->var[s->seg], g->len[s->seg], r);
	else
		step_run(s, g->run[s->seg] + s->offset, s->len, r);
}

#endif
