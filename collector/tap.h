/*
 * tap.h -- the live tap: /flows?limit=N shows flows as they pass, as JSON lines, to a bounded number of readers.
 *
 * A worker pays one relaxed load a flow, or a set of flows, while nobody looks. A reader that is too slow misses flows; it
 * never holds a worker up.
 */
#ifndef WEIR_COLLECTOR_TAP_H
#define WEIR_COLLECTOR_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow;
struct tap;
struct tap_reader;

enum { TAP_READERS_MAX = 8 };

struct tap *tap_new(void); /* NULL: no memory */
void tap_free(struct tap *t); /* all readers must be gone */
/* Wakes all readers, whose reads give 0 from now on. */
void tap_stop(struct tap *t);

void tap_show_slow(struct tap *t, const struct flow *flow);

/* The number of readers is the first member, so that the common case is one load. */
static inline bool tap_is_watched(const struct tap *t)
{
	return __atomic_load_n((const uint32_t *)(const void *)t, __ATOMIC_RELAXED) != 0;
}

static inline void tap_show(struct tap *t, const struct flow *flow)
{
	if (__builtin_expect(tap_is_watched(t), 0))
		tap_show_slow(t, flow);
}

/* NULL when there are TAP_READERS_MAX already. LIMIT flows, then the end; 0: without end. */
struct tap_reader *tap_reader_new(struct tap *t, uint64_t limit);
/* Waits for flows; gives bytes of JSON lines, 0 at the end; HTTP_STREAM_IDLE when none came for a while. */
long tap_reader_read(void *reader, char *out, size_t max);
void tap_reader_free(void *reader);

#endif
