/*
 * segment.h -- one piece of the journal: a preallocated, mapped file (or anonymous memory) cut into slots.
 */
#ifndef WEIR_COLLECTOR_SEGMENT_H
#define WEIR_COLLECTOR_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/batch.h"
#include "collector/journal.h"
#include "common/err.h"

enum { SEGMENT_SLOTS_MAX = 64, SEGMENT_NAME_MAX = 32 };

enum slot_state { SLOT_FREE, SLOT_OPEN, SLOT_WAITING, SLOT_IN_FLIGHT };

struct segment;

struct slot {
	struct batch batch; /* first: a batch of the journal is a slot */
	struct segment *segment;
	struct slot *prev, *next; /* in the queue of waiting ones */
	enum slot_state state;
};

struct segment {
	struct segment *next;
	uint8_t *map;
	size_t map_bytes;
	uint32_t n_slots;
	uint32_t n_free;
	bool recycle;      /* its slots are of the size used now; else it goes when it is empty */
	bool on_disk;
	char name[SEGMENT_NAME_MAX]; /* of the file, in the journal's directory */
	struct slot slots[SEGMENT_SLOTS_MAX];
};

struct segment_geometry {
	size_t slot_bytes;
	uint32_t slots;
};

/* For batches of PAYLOAD_BYTES: slots of whole pages, segments of about 4 MiB. */
struct segment_geometry segment_geometry_for(size_t payload_bytes);
size_t segment_bytes(const struct segment_geometry *g);

/* A new one. DIR_FD < 0: anonymous memory. 0 or a negative errno (ENOSPC, EROFS, ENOMEM ...). */
int segment_new(int dir_fd, const char *name, const struct segment_geometry *g, struct segment **ret_segment) MUST_CHECK;
/* One that a former run left. 0, -EBADMSG (not a segment, or a damaged header), -ENOTSUP (another version), or another
 * negative errno. Slots that hold something are SLOT_WAITING and committed; DAMAGED counts those whose commits are
 * both broken (they are free). */
int segment_load(int dir_fd, const char *name, const struct segment_geometry *g, struct segment **ret_segment,
		 uint64_t *ret_damaged) MUST_CHECK;
/* Unmaps; with REMOVE the file goes too. NULL is fine. */
void segment_free(struct segment *s, int dir_fd, bool remove);

/* SLOT_FREE -> SLOT_OPEN: the magic is written last. */
void segment_slot_open(struct slot *slot, uint64_t epoch, uint64_t sequence, enum batch_format format);
/* -> SLOT_FREE: the magic is cleared. */
void segment_slot_free(struct slot *slot);

#endif
