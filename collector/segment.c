/*
 * segment.c -- see segment.h and the file format in docs/reliability.md.
 *
 * Space is allocated on disk before the file is mapped: a full disk is an error here, never a SIGBUS while a
 * datagram is being packed. Pages are touched here too (MADV_POPULATE_WRITE), off the packet path: a fault on a fresh
 * page costs more than filling it.
 */
#include "collector/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, SEGMENT_BYTES_WANTED = 4 << 20, SLOTS_MIN = 4 };

/* The compiler must keep the order of stores; the processor's does not matter, as only a reader after the end of this
 * process looks. */
#define STORES_BEFORE() __asm__ volatile("" ::: "memory")

struct segment_geometry segment_geometry_for(size_t payload_bytes)
{
	struct segment_geometry g;
	g.slot_bytes = (payload_bytes + JOURNAL_RECORD_HEADER + PAGE - 1) / PAGE * PAGE;
	size_t slots = SEGMENT_BYTES_WANTED / g.slot_bytes;
	g.slots = slots < SLOTS_MIN ? SLOTS_MIN : slots > SEGMENT_SLOTS_MAX ? SEGMENT_SLOTS_MAX : (uint32_t)slots;
	return g;
}

size_t segment_bytes(const struct segment_geometry *g)
{
	return JOURNAL_SEGMENT_HEADER + g->slot_bytes * g->slots;
}

static uint64_t header_checksum(const struct journal_segment_header *h)
{
	return batch_checksum(h, offsetof(struct journal_segment_header, checksum), 0);
}

static struct segment *segment_of(uint8_t *map, const struct segment_geometry *g, const char *name)
{
	struct segment *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->map = map;
	s->map_bytes = segment_bytes(g);
	s->n_slots = g->slots;
	s->n_free = g->slots;
	if (name)
		snprintf(s->name, sizeof(s->name), "%s", name);
	for (uint32_t i = 0; i < g->slots; i++) {
		uint8_t *at = map + JOURNAL_SEGMENT_HEADER + i * g->slot_bytes;
		s->slots[i].segment = s;
		s->slots[i].batch.record = (struct journal_record *)(void *)at;
		s->slots[i].batch.data = at + JOURNAL_RECORD_HEADER;
		s->slots[i].batch.cap = g->slot_bytes - JOURNAL_RECORD_HEADER;
		batch_reset(&s->slots[i].batch);
	}
	return s;
}

static int create_file(int dir_fd, const char *name, size_t bytes)
{
	int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int rc = posix_fallocate(fd, 0, (off_t)bytes);
	if (rc) {
		close(fd);
		(void)unlinkat(dir_fd, name, 0);
		return -rc;
	}
	return fd;
}

int segment_new(int dir_fd, const char *name, const struct segment_geometry *g, struct segment **ret_segment)
{
	size_t bytes = segment_bytes(g);
	int fd = -1, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	if (dir_fd >= 0) {
		fd = create_file(dir_fd, name, bytes);
		if (fd < 0)
			return fd;
		flags = MAP_SHARED;
	}
	uint8_t *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
	int rc = map == MAP_FAILED ? -errno : 0;
	if (fd >= 0)
		close(fd);
	struct segment *s = rc == 0 ? segment_of(map, g, name) : NULL;
	if (!s) {
		if (rc == 0)
			munmap(map, bytes);
		if (dir_fd >= 0)
			(void)unlinkat(dir_fd, name, 0);
		return rc ? rc : -ENOMEM;
	}
	s->recycle = true;
	s->on_disk = dir_fd >= 0;
#ifdef MADV_POPULATE_WRITE
	(void)madvise(map, bytes, MADV_POPULATE_WRITE); /* Linux 5.14; without it the pages come one by one */
#endif
	struct journal_segment_header *h = (struct journal_segment_header *)(void *)map;
	h->version = JOURNAL_VERSION;
	h->slots = g->slots;
	h->slot_bytes = g->slot_bytes;
	STORES_BEFORE();
	h->magic = JOURNAL_SEGMENT_MAGIC;
	h->checksum = header_checksum(h);
	*ret_segment = s;
	return 0;
}

/* Whichever commit holds; of two the longer. */
static int slot_load(struct slot *slot)
{
	struct batch *b = &slot->batch;
	const struct journal_commit *best = NULL;
	for (int i = 0; i < 2; i++) {
		const struct journal_commit *c = &b->record->commits[i];
		if (c->len == 0 || c->len > b->cap || (best && best->len >= c->len))
			continue;
		if (batch_checksum(b->data, c->len, c->flows) == c->checksum)
			best = c;
	}
	if (!best)
		return -EBADMSG;
	b->len = b->committed = best->len;
	b->flows = b->committed_flows = best->flows;
	return 0;
}

/* Opened and never committed: no flow is missing. */
static bool slot_is_empty(const struct slot *slot)
{
	return slot->batch.record->n_commits == 0;
}

static int map_file(int dir_fd, const char *name, uint8_t **ret_map, struct segment_geometry *ret_geometry)
{
	struct stat st;
	int fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	int rc = fstat(fd, &st) < 0 ? -errno : 0;
	struct journal_segment_header h = {0};
	if (rc == 0 && pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
		rc = -EBADMSG;
	if (rc == 0 && h.magic != JOURNAL_SEGMENT_MAGIC)
		rc = -EBADMSG;
	if (rc == 0 && h.version != JOURNAL_VERSION)
		rc = -ENOTSUP;
	struct segment_geometry g = {.slot_bytes = (size_t)h.slot_bytes, .slots = h.slots};
	if (rc == 0 && (h.checksum != header_checksum(&h) || h.slots == 0 || h.slots > SEGMENT_SLOTS_MAX ||
			h.slot_bytes < PAGE || h.slot_bytes > (64u << 20) || h.slot_bytes % PAGE ||
			(uint64_t)st.st_size != segment_bytes(&g)))
		rc = -EBADMSG;
	void *map = rc == 0 ? mmap(NULL, segment_bytes(&g), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (rc == 0 && map == MAP_FAILED)
		rc = -errno;
	close(fd);
	if (rc == 0) {
		*ret_map = map;
		*ret_geometry = g;
	}
	return rc;
}

int segment_load(int dir_fd, const char *name, const struct segment_geometry *g, struct segment **ret_segment,
		 uint64_t *ret_damaged)
{
	uint8_t *map = NULL;
	struct segment_geometry found = {0};
	uint64_t damaged = 0;
	int rc = map_file(dir_fd, name, &map, &found);
	if (rc < 0)
		return rc;
	struct segment *s = segment_of(map, &found, name);
	if (!s) {
		munmap(map, segment_bytes(&found));
		return -ENOMEM;
	}
	s->on_disk = true;
	s->recycle = found.slot_bytes == g->slot_bytes && found.slots == g->slots;
	for (uint32_t i = 0; i < s->n_slots; i++) {
		struct slot *slot = &s->slots[i];
		if (slot->batch.record->magic != JOURNAL_RECORD_MAGIC)
			continue;
		if (slot_load(slot) == 0) {
			slot->state = SLOT_WAITING;
			s->n_free--;
		} else {
			damaged += !slot_is_empty(slot);
			slot->batch.record->magic = 0;
		}
	}
	*ret_damaged = damaged;
	*ret_segment = s;
	return 0;
}

void segment_free(struct segment *s, int dir_fd, bool remove)
{
	if (!s)
		return;
	munmap(s->map, s->map_bytes);
	if (remove && s->on_disk)
		(void)unlinkat(dir_fd, s->name, 0);
	free(s);
}

void segment_slot_open(struct slot *slot, uint64_t epoch, uint64_t sequence, enum batch_format format)
{
	struct journal_record *r = slot->batch.record;
	batch_reset(&slot->batch);
	r->magic = 0;
	STORES_BEFORE();
	r->epoch = epoch;
	r->sequence = sequence;
	r->format = format;
	r->partitions = 0;
	r->reserved = 0;
	r->n_commits = 0;
	r->commits[0] = (struct journal_commit){0};
	r->commits[1] = (struct journal_commit){0};
	STORES_BEFORE();
	r->magic = JOURNAL_RECORD_MAGIC;
	slot->state = SLOT_OPEN;
	slot->segment->n_free--;
}

void segment_slot_free(struct slot *slot)
{
	slot->batch.record->magic = 0;
	slot->state = SLOT_FREE;
	slot->segment->n_free++;
}
