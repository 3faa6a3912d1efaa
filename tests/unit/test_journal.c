/*
 * test_journal.c -- nothing lost: order, cap, recovery after a kill, damage, a full disk, two collectors.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/journal.h"
#include "proto/flow.h"
#include "proto/unpack.h"

enum { PAYLOAD = 200000 };

static char dir[64];
static char note[300];
static struct batch_encoding bin;

static int setup(void **state)
{
	(void)state;
	bin = batch_encoding_of(BATCH_BIN, NULL);
	snprintf(dir, sizeof(dir), "/tmp/weir-journal-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[100];
	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static struct journal *open_with(const char *path, uint64_t max_bytes, size_t payload, uint64_t epoch)
{
	struct journal *j = NULL;
	struct journal_options options = {.path = path, .max_bytes = max_bytes, .payload_bytes = payload, .keep_free = 2, .epoch = epoch};
	return journal_open(&options, &j, note, sizeof(note)) == 0 ? j : NULL;
}

static struct journal *open_dir(uint64_t epoch)
{
	return open_with(dir, 64 << 20, PAYLOAD, epoch);
}

/* N flows with bytes FIRST, FIRST + 1, ..., committed after each. */
static void fill(struct batch *b, uint32_t first, uint32_t n)
{
	struct flow f;
	flow_clear(&f);
	for (uint32_t i = 0; i < n; i++) {
		f.bytes = first + i;
		batch_add(b, &bin, &f);
		batch_commit(b, 1);
	}
}

static void put(struct journal *j, uint32_t first, uint32_t n)
{
	struct batch *b = journal_take(j);
	assert_non_null(b);
	fill(b, first, n);
	journal_put(j, b);
}

static void check(const struct batch *b, uint32_t first, uint32_t n)
{
	struct flow_iter it;
	struct flow f;
	assert_int_equal(b->flows, n);
	flow_iter_init(&it, b->data, b->len);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(flow_iter_next(&it, &f), 1);
		assert_int_equal(f.bytes, first + i);
	}
	assert_int_equal(flow_iter_next(&it, &f), 0);
}

static struct journal_stats stats(struct journal *j)
{
	struct journal_stats s;
	journal_stats(j, &s);
	uint64_t dropped = 0;
	for (unsigned i = 0; i < ERR_COUNT; i++)
		dropped += s.dropped_flows[i];
	assert_int_equal(s.put_flows + s.recovered_flows, s.acknowledged_flows + s.waiting_flows + dropped);
	return s;
}

static unsigned files(void)
{
	char name[100];
	unsigned n = 0;
	for (int i = 1; i < 100; i++) {
		snprintf(name, sizeof(name), "%s/weir-%08d.journal", dir, i);
		n += access(name, F_OK) == 0;
	}
	return n;
}

static void order_is_kept(void **state)
{
	struct journal *j = open_with(NULL, 64 << 20, PAYLOAD, 1);
	(void)state;
	for (uint32_t i = 1; i < 50; i++)
		put(j, i * 100, i);
	struct batch *first = journal_next(j), *second = journal_next(j), *third = journal_next(j);
	check(first, 100, 1);
	check(second, 200, 2);
	assert_int_equal(stats(j).in_flight_batches, 3);
	journal_done(j, second, 0, ERR_NONE);
	journal_retry(j, third); /* in any order: back to its place */
	journal_retry(j, first);
	for (uint32_t i = 1; i < 50; i++) {
		if (i == 2)
			continue;
		struct batch *b = journal_next(j);
		check(b, i * 100, i);
		journal_done(j, b, 0, ERR_NONE);
	}
	assert_null(journal_next(j));
	assert_int_equal(stats(j).waiting_flows, 0);
	assert_int_equal(stats(j).acknowledged_batches, 49);
	journal_close(j);
}

static void empty_and_refused(void **state)
{
	struct journal *j = open_dir(1);
	(void)state;
	journal_put(j, journal_take(j)); /* nothing in it: free again */
	assert_null(journal_next(j));
	put(j, 1, 10);
	journal_done(j, journal_next(j), 10, ERR_TOO_LARGE);
	put(j, 1, 10);
	journal_done(j, journal_next(j), 3, ERR_BROKER);
	assert_int_equal(stats(j).dropped_flows[ERR_TOO_LARGE], 10);
	assert_int_equal(stats(j).dropped_flows[ERR_BROKER], 3);
	assert_int_equal(stats(j).acknowledged_flows, 7);
	journal_close(j);
	assert_int_equal(files(), 0); /* all delivered: nothing is left behind */
}

static void past_the_cap_the_oldest_goes(void **state)
{
	struct journal *j = open_with(dir, 8 << 20, PAYLOAD, 1);
	uint32_t n = 0;
	(void)state;
	while (stats(j).dropped_flows[ERR_JOURNAL_FULL] == 0)
		put(j, 1000 * n++, 10);
	assert_true(stats(j).bytes <= 9 << 20);
	put(j, 1000 * n++, 10);
	assert_int_equal(stats(j).dropped_flows[ERR_JOURNAL_FULL], 20);
	struct batch *b = journal_next(j);
	check(b, 2000, 10); /* 0 and 1000 are gone */
	journal_retry(j, b);
	/* All in flight: there is nothing that may go, and the caller is told. */
	while (journal_next(j))
		;
	while (journal_take(j))
		;
	journal_tend(j);
	assert_null(journal_take(j));
	journal_close(j);
}

static void grows_and_shrinks(void **state)
{
	struct journal *j = open_with(dir, 64 << 20, PAYLOAD, 1);
	(void)state;
	for (uint32_t i = 0; i < 200; i++)
		put(j, i, 1);
	assert_true(files() >= 10);
	for (struct batch *b; (b = journal_next(j));)
		journal_done(j, b, 0, ERR_NONE);
	for (int i = 0; i < 20; i++)
		journal_tend(j);
	assert_true(files() <= 2);
	assert_true(stats(j).bytes <= 9 << 20);
	journal_close(j);
}

/* What a child does before it is killed. */
static void in_killed_child(void (*work)(struct journal *j))
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct journal *j = open_dir(5);
		if (j)
			work(j);
		(void)kill(getpid(), SIGKILL);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void three_kinds(struct journal *j)
{
	put(j, 100, 10);                                 /* acknowledged */
	journal_done(j, journal_next(j), 0, ERR_NONE);
	put(j, 200, 20);                                 /* in flight */
	(void)journal_next(j);
	put(j, 300, 30);                                 /* waiting */
	(void)journal_take(j);                           /* open and empty */
	struct batch *open = journal_take(j);            /* open, with a flow that was not committed */
	struct flow f;
	fill(open, 400, 40);
	flow_clear(&f);
	batch_add(open, &bin, &f);
}

static void killed(void **state)
{
	(void)state;
	in_killed_child(three_kinds);
	struct journal *j = open_dir(9);
	assert_string_equal(note, "");
	assert_int_equal(stats(j).recovered_flows, 90);
	assert_int_equal(stats(j).recovered_batches, 3);
	assert_int_equal(stats(j).damaged_batches, 0);
	put(j, 500, 50); /* new ones go behind */
	static const uint32_t n[] = {20, 30, 40, 50};
	uint64_t last = 0;
	for (int i = 0; i < 4; i++) {
		struct batch *b = journal_next(j);
		check(b, n[i] * 10, n[i]);
		assert_int_equal(b->record->epoch, i < 3 ? 5 : 9);
		if (i > 0 && i < 3)
			assert_true(b->record->sequence > last);
		last = b->record->sequence;
		journal_done(j, b, 0, ERR_NONE);
	}
	journal_close(j);
	j = open_dir(10);
	assert_int_equal(stats(j).recovered_flows, 0);
	journal_close(j);
}

/* Set back between the runs: the order is that of the runs all the same. */
static void the_clock_went_back(void **state)
{
	(void)state;
	for (uint32_t run = 0; run < 4; run++) {
		struct journal *j = open_dir(100 - run);
		put(j, 10 * run, 5);
		put(j, 10 * run + 5, 5);
		journal_retry(j, journal_next(j)); /* back to its place */
		journal_close(j);
	}
	struct journal *j = open_dir(1);
	for (uint32_t i = 0; i < 8; i++) {
		struct batch *b = journal_next(j);
		check(b, 5 * i, 5);
		assert_int_equal(b->record->epoch, 100 + i / 2);
		journal_done(j, b, 0, ERR_NONE);
	}
	journal_close(j);
}

static void stopped_with_work_left(void **state)
{
	struct journal *j = open_dir(1);
	(void)state;
	put(j, 1, 5);
	put(j, 6, 5);
	(void)journal_next(j);
	journal_close(j);
	j = open_dir(2);
	assert_int_equal(stats(j).recovered_flows, 10);
	journal_close(j);
	j = open_with(dir, 64 << 20, PAYLOAD / 2, 3); /* another size of batch: they are sent, then their file goes */
	assert_int_equal(stats(j).recovered_flows, 10);
	check(journal_next(j), 1, 5);
	struct batch *b = journal_next(j);
	check(b, 6, 5);
	journal_done(j, b, 0, ERR_NONE);
	journal_close(j);
	j = open_dir(4);
	assert_int_equal(stats(j).recovered_flows, 5);
	journal_close(j);
}

static void patch(size_t offset, const void *bytes, size_t len)
{
	char name[100];
	snprintf(name, sizeof(name), "%s/weir-00000001.journal", dir);
	int fd = open(name, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, (off_t)offset), (ssize_t)len);
	close(fd);
}

static void ten_flows(struct journal *j)
{
	put(j, 1, 10);
}

/* Killed between two stores of a commit: the other one holds. Damaged payload: found out. */
static void torn_and_damaged(void **state)
{
	size_t last = JOURNAL_SEGMENT_HEADER + offsetof(struct journal_record, commits) + sizeof(struct journal_commit);
	(void)state;
	in_killed_child(ten_flows); /* ten commits: the tenth is in commits[1] */
	patch(last, &(struct journal_commit){.len = 999, .flows = 11, .checksum = 1}, sizeof(struct journal_commit));
	struct journal *j = open_dir(6);
	assert_int_equal(stats(j).recovered_flows, 9);
	check(journal_next(j), 1, 9);
	journal_close(j);
	patch(JOURNAL_SEGMENT_HEADER + JOURNAL_RECORD_HEADER + 2, "XX", 2);
	j = open_dir(7);
	assert_int_equal(stats(j).recovered_flows, 0);
	assert_int_equal(stats(j).damaged_batches, 1);
	assert_non_null(strstr(note, "checksum"));
	journal_close(j);
}

static void another_version_is_left_alone(void **state)
{
	(void)state;
	in_killed_child(ten_flows);
	patch(offsetof(struct journal_segment_header, version), &(uint32_t){99}, 4);
	struct journal *j = open_dir(6);
	assert_non_null(strstr(note, "another version"));
	assert_int_equal(stats(j).recovered_flows, 0);
	put(j, 1, 1); /* and it goes on, in a file of another name */
	journal_close(j);
	assert_int_equal(files(), 2);
	patch(0, "nonsense", 8);
	j = open_dir(7);
	assert_non_null(strstr(note, "not a journal segment"));
	journal_close(j);
}

/* Heads whose checksum holds and that no collector has written. */
static void impossible_heads(void **state)
{
	static const struct { uint32_t slots; uint64_t slot_bytes; } bad[] = {
		{0, 8192}, {UINT32_MAX, 8192}, {4, 8}, {4, 1ull << 40}, {4, 8193}, {1, 4096},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct journal_segment_header h = {.magic = JOURNAL_SEGMENT_MAGIC, .version = JOURNAL_VERSION, .slots = bad[i].slots,
						   .slot_bytes = bad[i].slot_bytes};
		h.checksum = batch_checksum(&h, offsetof(struct journal_segment_header, checksum), 0);
		in_killed_child(ten_flows);
		patch(0, &h, sizeof(h));
		struct journal *j = open_dir(6);
		assert_non_null(strstr(note, "not a journal segment"));
		assert_int_equal(stats(j).recovered_flows, 0);
		journal_close(j);
		assert_int_equal(teardown(NULL) + setup(NULL), 0);
	}
}

static void cut_files(void **state)
{
	char name[100];
	(void)state;
	in_killed_child(ten_flows);
	snprintf(name, sizeof(name), "%s/weir-00000001.journal", dir);
	for (off_t size = 5000; size >= 0; size -= 500) {
		assert_int_equal(truncate(name, size), 0);
		struct journal *j = open_dir(6);
		assert_non_null(j);
		assert_int_equal(stats(j).recovered_flows, 0);
		assert_non_null(strstr(note, "stays where it is"));
		journal_close(j);
	}
}

static void two_collectors(void **state)
{
	struct journal *j = open_dir(1);
	(void)state;
	assert_null(open_dir(2));
	assert_non_null(strstr(note, "another collector"));
	journal_close(j);
	j = open_dir(3);
	assert_non_null(j);
	journal_close(j);
}

static void no_directory(void **state)
{
	char path[100];
	(void)state;
	snprintf(path, sizeof(path), "%s/a/b/c", dir);
	struct journal *j = open_with(path, 64 << 20, PAYLOAD, 1); /* made on the way */
	assert_true(stats(j).on_disk);
	journal_close(j);
	snprintf(path, sizeof(path), "%s/a/b/c/lock/d", dir); /* a file in the way */
	j = open_with(path, 64 << 20, PAYLOAD, 1);
	assert_non_null(strstr(note, "going on in memory"));
	assert_false(stats(j).on_disk);
	put(j, 1, 1);
	check(journal_next(j), 1, 1);
	journal_close(j);
}

/* A full disk, played by a limit on file size: segments come from memory, and somebody is told. */
static void disk_full(void **state)
{
	struct rlimit old, small = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
	char text[300];
	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	struct journal *j = open_dir(1);
	put(j, 1, 3);
	check(journal_next(j), 1, 3);
	assert_true(journal_trouble(j, text, sizeof(text)));
	assert_non_null(strstr(text, "kept in memory"));
	assert_false(journal_trouble(j, text, sizeof(text)));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	journal_close(j);
	assert_int_equal(files(), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(order_is_kept),  T(empty_and_refused),    T(past_the_cap_the_oldest_goes), T(grows_and_shrinks), T(killed),
		T(the_clock_went_back), T(stopped_with_work_left), T(torn_and_damaged), T(another_version_is_left_alone), T(cut_files),
		T(impossible_heads), T(two_collectors), T(no_directory), T(disk_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
