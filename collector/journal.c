/*
 * journal.c -- see journal.h: the ring of segments, the queue of waiting batches, recovery.
 *
 * One lock, taken once or twice a batch. A free slot is taken from the first segment that has one, so that the same few
 * slots are used again and again while the broker keeps up: they stay in the cache, and later segments run
 * empty and can go.
 */
#include "collector/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/segment.h"

#define SEGMENT_PATTERN "weir-%08u.journal"

struct journal {
	struct journal_options options;
	struct segment_geometry geometry;
	int dir_fd;       /* < 0: anonymous memory */
	int lock_fd;
	pthread_mutex_t lock;
	struct segment *segments;
	struct slot *oldest, *newest; /* waiting */
	unsigned n_segments, n_free, n_in_flight;
	unsigned next_name;
	uint64_t sequence;
	uint64_t bytes;
	struct journal_stats stats;
	int trouble;      /* errno of the last failure to get a file, 0: none that was not reported */
	bool growing;     /* a thread is making a segment */
	pthread_cond_t grown;
};

/* --- queue of waiting slots (lock held) ----------------------------------------------------------------- */

static void queue_insert_before(struct journal *j, struct slot *slot, struct slot *before)
{
	slot->next = before;
	slot->prev = before ? before->prev : j->newest;
	*(slot->prev ? &slot->prev->next : &j->oldest) = slot;
	*(before ? &before->prev : &j->newest) = slot;
	slot->state = SLOT_WAITING;
}

static void queue_remove(struct journal *j, struct slot *slot)
{
	*(slot->prev ? &slot->prev->next : &j->oldest) = slot->next;
	*(slot->next ? &slot->next->prev : &j->newest) = slot->prev;
	slot->prev = slot->next = NULL;
}

static bool is_older(const struct slot *a, const struct slot *b)
{
	const struct journal_record *x = a->batch.record, *y = b->batch.record;
	return x->epoch != y->epoch ? x->epoch < y->epoch : x->sequence < y->sequence;
}

/* --- segments (lock held) --------------------------------------------------------------------------------- */

static void add_segment(struct journal *j, struct segment *s)
{
	struct segment **end = &j->segments;
	while (*end)
		end = &(*end)->next;
	*end = s;
	j->n_segments++;
	j->bytes += s->map_bytes;
	j->n_free += s->recycle ? s->n_free : 0;
}

static bool may_grow(const struct journal *j)
{
	return j->bytes + segment_bytes(&j->geometry) <= j->options.max_bytes || j->n_segments < 2;
}

/* A segment in the directory; where that fails, in memory: flows that were received are worth more than order. */
static int make_segment(struct journal *j, unsigned number, struct segment **ret_segment, int *ret_trouble)
{
	char name[SEGMENT_NAME_MAX];
	snprintf(name, sizeof(name), SEGMENT_PATTERN, number);
	*ret_trouble = 0;
	if (j->dir_fd >= 0) {
		int rc = segment_new(j->dir_fd, name, &j->geometry, ret_segment);
		if (rc == 0)
			return 0;
		*ret_trouble = -rc;
	}
	return segment_new(-1, NULL, &j->geometry, ret_segment);
}

/* The lock is let go while the kernel allocates, so that other workers go on. */
static int grow(struct journal *j)
{
	struct segment *s;
	int trouble;
	unsigned number = j->next_name++;
	j->growing = true;
	pthread_mutex_unlock(&j->lock);
	int rc = make_segment(j, number, &s, &trouble);
	pthread_mutex_lock(&j->lock);
	j->growing = false;
	pthread_cond_broadcast(&j->grown);
	if (trouble)
		j->trouble = trouble;
	if (rc == 0)
		add_segment(j, s);
	return rc;
}

static void drop_segment(struct journal *j, struct segment *s)
{
	struct segment **at = &j->segments;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	j->n_segments--;
	j->bytes -= s->map_bytes;
	j->n_free -= s->recycle ? s->n_free : 0;
	segment_free(s, j->dir_fd, true);
}

static struct slot *free_slot(struct journal *j)
{
	for (struct segment *s = j->segments; s; s = s->next) {
		for (uint32_t i = 0; s->recycle && s->n_free && i < s->n_slots; i++) {
			if (s->slots[i].state == SLOT_FREE)
				return &s->slots[i];
		}
	}
	return NULL;
}

static void release(struct journal *j, struct slot *slot)
{
	segment_slot_free(slot);
	j->n_free += slot->segment->recycle;
}

/* --- the way of a batch ------------------------------------------------------------------------------------- */

/* The cap: the oldest gives its place. */
static void steal(struct journal *j)
{
	struct slot *victim = j->oldest;
	queue_remove(j, victim);
	j->stats.dropped_flows[ERR_JOURNAL_FULL] += victim->batch.flows;
	j->stats.waiting_flows -= victim->batch.flows;
	j->stats.waiting_batches--;
	release(j, victim);
}

struct batch *journal_take(struct journal *j)
{
	struct slot *slot;
	pthread_mutex_lock(&j->lock);
	while (!(slot = free_slot(j))) {
		if (j->growing)
			pthread_cond_wait(&j->grown, &j->lock);
		else if (may_grow(j) && grow(j) == 0)
			continue;
		else if (j->oldest)
			steal(j); /* of another size it gives no slot: then the next one */
		else
			break;
	}
	if (slot) {
		j->n_free--;
		segment_slot_open(slot, j->options.epoch, j->sequence++, j->options.format);
	}
	pthread_mutex_unlock(&j->lock);
	return slot ? &slot->batch : NULL;
}

void journal_put(struct journal *j, struct batch *b)
{
	struct slot *slot = (struct slot *)b;
	pthread_mutex_lock(&j->lock);
	if (b->committed_flows == 0) {
		release(j, slot);
	} else {
		queue_insert_before(j, slot, NULL);
		j->stats.put_flows += b->flows;
		j->stats.put_batches++;
		j->stats.waiting_flows += b->flows;
		j->stats.waiting_batches++;
	}
	pthread_mutex_unlock(&j->lock);
}

struct batch *journal_next_of(struct journal *j, journal_wanted_fn *wanted, void *arg)
{
	pthread_mutex_lock(&j->lock);
	struct slot *slot = j->oldest;
	while (slot && wanted && !wanted(arg, slot->batch.record))
		slot = slot->next;
	if (slot) {
		queue_remove(j, slot);
		slot->state = SLOT_IN_FLIGHT;
		j->n_in_flight++;
	}
	pthread_mutex_unlock(&j->lock);
	return slot ? &slot->batch : NULL;
}

struct batch *journal_next(struct journal *j)
{
	return journal_next_of(j, NULL, NULL);
}

void journal_done(struct journal *j, struct batch *b, uint32_t lost, enum err reason)
{
	pthread_mutex_lock(&j->lock);
	j->n_in_flight--;
	j->stats.waiting_flows -= b->flows;
	j->stats.waiting_batches--;
	j->stats.acknowledged_flows += b->flows - lost;
	j->stats.acknowledged_batches += lost == 0;
	j->stats.dropped_flows[reason] += lost;
	release(j, (struct slot *)b);
	pthread_mutex_unlock(&j->lock);
}

void journal_retry(struct journal *j, struct batch *b)
{
	struct slot *slot = (struct slot *)b;
	pthread_mutex_lock(&j->lock);
	struct slot *before = j->oldest;
	while (before && is_older(before, slot))
		before = before->next;
	queue_insert_before(j, slot, before);
	j->n_in_flight--;
	pthread_mutex_unlock(&j->lock);
}

void journal_tend(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	while (j->n_free < j->options.keep_free && may_grow(j) && !j->growing && grow(j) == 0)
		;
	/* One at a time, from the end, when what stays free is plenty; foreign ones as soon as they are empty. */
	for (struct segment *s = j->segments; s; s = s->next) {
		bool empty = s->n_free == s->n_slots;
		bool plenty = j->n_free >= s->n_slots + j->options.keep_free + j->geometry.slots / 2;
		if (empty && (!s->recycle || (plenty && !s->next))) {
			drop_segment(j, s);
			break;
		}
	}
	pthread_mutex_unlock(&j->lock);
}

/* --- opening and recovery ------------------------------------------------------------------------------------ */

static void recover_slots(struct journal *j, struct segment *s)
{
	for (uint32_t i = 0; i < s->n_slots; i++) {
		struct slot *slot = &s->slots[i];
		if (slot->state != SLOT_WAITING)
			continue;
		struct slot *before = j->newest;
		while (before && !is_older(before, slot))
			before = before->prev;
		queue_insert_before(j, slot, before ? before->next : j->oldest);
		j->stats.recovered_flows += slot->batch.flows;
		j->stats.recovered_batches++;
		j->stats.waiting_flows += slot->batch.flows;
		j->stats.waiting_batches++;
	}
}

static void recover_file(struct journal *j, const char *name, unsigned number, char *note, size_t note_len)
{
	struct segment *s;
	uint64_t damaged = 0;
	int rc = segment_load(j->dir_fd, name, &j->geometry, &s, &damaged);
	if (number >= j->next_name)
		j->next_name = number + 1;
	if (rc < 0) {
		snprintf(note, note_len, "%s/%s: %s; it stays where it is", j->options.path, name,
			 rc == -ENOTSUP   ? "written by another version of weir"
			 : rc == -EBADMSG ? "not a journal segment, or damaged"
					  : strerror(-rc));
		return;
	}
	j->stats.damaged_batches += damaged;
	add_segment(j, s);
	recover_slots(j, s);
}

static void recover(struct journal *j, char *note, size_t note_len)
{
	int fd = openat(j->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		unsigned number;
		char name[SEGMENT_NAME_MAX];
		if (sscanf(entry->d_name, "weir-%8u.journal", &number) != 1)
			continue;
		snprintf(name, sizeof(name), SEGMENT_PATTERN, number);
		if (strcmp(name, entry->d_name) == 0)
			recover_file(j, name, number, note, note_len);
	}
	if (dir)
		closedir(dir);
	/* The clock was set back between two runs: what comes now is newer all the same. */
	if (j->newest && j->options.epoch <= j->newest->batch.record->epoch)
		j->options.epoch = j->newest->batch.record->epoch + 1;
	if (j->stats.damaged_batches)
		snprintf(note, note_len, "%s: %" PRIu64 " batches whose checksum does not hold were left out", j->options.path,
			 j->stats.damaged_batches);
}

static int make_directory(const char *path)
{
	char parent[4096];
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	snprintf(parent, sizeof(parent), "%s", path);
	char *slash = strrchr(parent, '/');
	if (errno != ENOENT || !slash || slash == parent)
		return -errno;
	*slash = '\0';
	int rc = make_directory(parent);
	return rc < 0 ? rc : mkdir(path, 0700) == 0 ? 0 : -errno;
}

/* The directory and its lock. 0, -EBUSY, or another negative errno. */
static int open_directory(struct journal *j)
{
	int rc = make_directory(j->options.path);
	if (rc < 0)
		return rc;
	int dir_fd = open(j->options.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	int lock_fd = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	rc = lock_fd < 0 ? -errno : 0;
	if (rc == 0 && flock(lock_fd, LOCK_EX | LOCK_NB) < 0)
		rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (rc < 0) {
		if (lock_fd >= 0)
			close(lock_fd);
		close(dir_fd);
		return rc;
	}
	j->dir_fd = dir_fd;
	j->lock_fd = lock_fd;
	return 0;
}

int journal_open(const struct journal_options *options, struct journal **ret_journal, char *note, size_t note_len)
{
	struct journal *j = calloc(1, sizeof(*j));
	snprintf(note, note_len, "%s", j ? "" : "no memory");
	if (!j)
		return -ENOMEM;
	j->options = *options;
	j->geometry = segment_geometry_for(options->payload_bytes);
	j->dir_fd = j->lock_fd = -1;
	j->next_name = 1;
	int rc = options->path ? open_directory(j) : 0;
	if (rc == -EBUSY) {
		snprintf(note, note_len, "%s: another collector uses this journal; give each its own --journal.path", options->path);
		free(j);
		return rc;
	}
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->grown, NULL);
	if (rc < 0)
		snprintf(note, note_len, "--journal.path %s: %s; going on in memory, what is held is lost with the process",
			 options->path, strerror(-rc));
	if (j->dir_fd >= 0)
		recover(j, note, note_len);
	journal_tend(j);
	*ret_journal = j;
	return 0;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	while (j->segments) {
		struct segment *s = j->segments;
		j->segments = s->next;
		segment_free(s, j->dir_fd, s->n_free == s->n_slots);
	}
	if (j->dir_fd >= 0)
		close(j->dir_fd);
	if (j->lock_fd >= 0)
		close(j->lock_fd);
	pthread_cond_destroy(&j->grown);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

bool journal_trouble(struct journal *j, char *text, size_t text_len)
{
	pthread_mutex_lock(&j->lock);
	int trouble = j->trouble;
	j->trouble = 0;
	pthread_mutex_unlock(&j->lock);
	snprintf(text, text_len, "%s: %s; new flows are kept in memory instead", j->options.path ? j->options.path : "",
		 strerror(trouble));
	return trouble != 0;
}

uint64_t journal_memory_flows(struct journal *j)
{
	uint64_t flows = 0;
	pthread_mutex_lock(&j->lock);
	for (const struct slot *slot = j->oldest; slot; slot = slot->next)
		flows += slot->segment->on_disk ? 0 : slot->batch.flows;
	pthread_mutex_unlock(&j->lock);
	return flows;
}

void journal_stats(struct journal *j, struct journal_stats *ret_stats)
{
	pthread_mutex_lock(&j->lock);
	*ret_stats = j->stats;
	ret_stats->in_flight_batches = j->n_in_flight;
	ret_stats->bytes = j->bytes;
	ret_stats->max_bytes = j->options.max_bytes;
	uint64_t segments = j->options.max_bytes / segment_bytes(&j->geometry);
	ret_stats->max_slots = (segments < 2 ? 2 : segments) * j->geometry.slots; /* as may_grow() has it */
	ret_stats->used_slots = ret_stats->memory_bytes = 0;
	for (const struct segment *s = j->segments; s; s = s->next) {
		ret_stats->used_slots += s->n_slots - s->n_free;
		ret_stats->memory_bytes += s->on_disk ? 0 : s->map_bytes;
	}
	ret_stats->oldest_sequence = j->oldest ? j->oldest->batch.record->sequence : 0;
	ret_stats->on_disk = j->dir_fd >= 0;
	pthread_mutex_unlock(&j->lock);
}
