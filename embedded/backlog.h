/*
 * backlog.h -- what one partition holds that its consumer group has not committed: offsets and sizes, oldest first.
 */
#ifndef WEIR_EMBEDDED_BACKLOG_H
#define WEIR_EMBEDDED_BACKLOG_H

#include <stdint.h>

struct backlog {
	struct backlog_entry {
		int64_t offset;
		uint32_t size;
	} *ring;
	uint32_t cap;      /* a power of two */
	uint32_t head;     /* oldest */
	uint32_t count;
	uint64_t bytes;
	int64_t committed; /* next offset that the group wants */
	uint64_t gap;
};

int backlog_add(struct backlog *b, int64_t offset, uint32_t size); /* 0 or -ENOMEM */
/* The group is at OFFSET: what lies before it is done with. */
void backlog_committed(struct backlog *b, int64_t offset);
/* The broker's oldest is OFFSET: what the group had not read before it is a gap, counted once. */
void backlog_forgotten(struct backlog *b, int64_t offset);
void backlog_free(struct backlog *b);

#endif
