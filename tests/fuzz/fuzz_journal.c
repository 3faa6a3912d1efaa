/*
 * fuzz_journal.c -- what a former run (or a broken disk) left in the journal's directory is opened, and every batch found is
 * taken apart as the sender does it.
 *
 * Byte 0 says what to make of the rest. Bit 0: a file with a sound header of four slots, into which the rest goes from slot 0 on;
 * else the rest is the file. Bit 1: the first commit of each slot gets its right checksum, so that what is behind the
 * checksum is reached.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/journal.h"
#include "collector/segment.h"
#include "tests/fuzz/fuzz.h"

enum { SLOT = 8192, SLOTS = 4 };

static uint8_t file[JOURNAL_SEGMENT_HEADER + SLOT * SLOTS];

static size_t make_file(const uint8_t *data, size_t size)
{
	uint8_t how = data[0];
	data++;
	size--;
	memset(file, 0, sizeof(file));
	if (!(how & 1)) {
		size_t len = size < sizeof(file) ? size : sizeof(file);
		memcpy(file, data, len);
		return len;
	}
	struct journal_segment_header h = {
		.magic = JOURNAL_SEGMENT_MAGIC, .version = JOURNAL_VERSION, .slots = SLOTS, .slot_bytes = SLOT,
	};
	h.checksum = batch_checksum(&h, offsetof(struct journal_segment_header, checksum), 0);
	memcpy(file, &h, sizeof(h));
	memcpy(file + JOURNAL_SEGMENT_HEADER, data, size < SLOT * SLOTS ? size : SLOT * SLOTS);
	for (int i = 0; i < SLOTS && (how & 2); i++) {
		uint8_t *slot = file + JOURNAL_SEGMENT_HEADER + i * SLOT;
		struct journal_record r;
		memcpy(&r, slot, sizeof(r));
		r.magic = JOURNAL_RECORD_MAGIC;
		r.commits[0].len %= SLOT - JOURNAL_RECORD_HEADER + 1;
		r.commits[0].checksum = batch_checksum(slot + JOURNAL_RECORD_HEADER, r.commits[0].len, r.commits[0].flows);
		memcpy(slot, &r, sizeof(r));
	}
	return sizeof(file);
}

static void take_apart(const struct batch *b)
{
	size_t at = 0, len;
	FUZZ_ASSERT(b->len <= b->cap && b->len > 0);
	enum batch_format format = (enum batch_format)b->record->format; /* as the sender takes it */
	while (at < b->len && batch_record(format, b->data + at, b->data + b->len, &len) == 0) {
		FUZZ_ASSERT(len > 0 && len <= b->len - at);
		at += len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char dir[64], name[96];
	char note[300];
	struct journal *j;
	struct journal_stats stats;
	uint64_t flows = 0;
	if (size == 0)
		return 0;
	if (!*dir) {
		snprintf(dir, sizeof(dir), "/tmp/weir-fuzz-journal-%d", (int)getpid());
		snprintf(name, sizeof(name), "%s/weir-00000001.journal", dir);
		FUZZ_ASSERT(mkdir(dir, 0700) == 0);
	}
	size_t len = make_file(data, size);
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	FUZZ_ASSERT(fd >= 0 && write(fd, file, len) == (ssize_t)len);
	close(fd);
	struct journal_options options = {.path = dir, .max_bytes = 1 << 20, .payload_bytes = SLOT - JOURNAL_RECORD_HEADER, .epoch = 1};
	FUZZ_ASSERT(journal_open(&options, &j, note, sizeof(note)) == 0);
	for (struct batch *b; (b = journal_next(j));) {
		take_apart(b);
		flows += b->flows;
		journal_done(j, b, 0, ERR_NONE);
	}
	journal_stats(j, &stats);
	FUZZ_ASSERT(stats.recovered_flows == flows && stats.acknowledged_flows == flows && stats.waiting_flows == 0);
	journal_close(j);
	(void)unlink(name);
	snprintf(note, sizeof(note), "%s/lock", dir);
	(void)unlink(note);
	if (rmdir(dir) == 0)
		*dir = '\0';
	return 0;
}
