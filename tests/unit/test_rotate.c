/*
 * Rotating files: slots and names, sizes, what a crash leaves, compression, expiry, hooks. Time is passed in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "output/expire.h"
#include "output/hook.h"
#include "output/rotate.h"
#include "output/zstd.h"

#define NOON (1795262400ull * NS_PER_S) /* 2026-11-21T12:00:00Z */

static char dir[64];
static char done_names[1024];

static void on_done(void *arg, const char *where, const char *name, uint64_t slot_ns)
{
	(void)arg;
	(void)slot_ns;
	assert_string_equal(where, dir);
	snprintf(done_names + strlen(done_names), sizeof(done_names) - strlen(done_names), "%s ", name);
}

static struct rotate *open_with(struct rotate_options o)
{
	struct rotate *r = NULL;
	char err[256];
	o.dir = dir;
	o.prefix = "weir";
	o.suffix = o.suffix ? o.suffix : "";
	o.done = on_done;
	assert_int_equal(rotate_open(&o, &r, err, sizeof(err)), 0);
	return r;
}

static size_t content(const char *name, char *out, size_t max)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	size_t n = fread(out, 1, max - 1, f);
	out[n] = '\0';
	fclose(f);
	return n;
}

static void expect_content(const char *name, const char *text)
{
	char out[256];
	content(name, out, sizeof(out));
	assert_string_equal(out, text);
}

static void test_slots_are_aligned(void **state)
{
	(void)state;
	struct rotate *r = open_with((struct rotate_options){.every_ns = 300 * NS_PER_S});
	rotate_write(r, "a", 1, NOON + 61 * NS_PER_S);
	rotate_write(r, "b", 1, NOON + 299 * NS_PER_S);
	rotate_write(r, "c", 1, NOON + 300 * NS_PER_S);
	assert_string_equal(done_names, "weir.202611211200 ");
	rotate_tick(r, NOON + 599 * NS_PER_S);
	assert_string_equal(done_names, "weir.202611211200 ");
	expect_content("weir.202611211205.part", "");
	assert_int_equal(rotate_sync(r), 0);
	expect_content("weir.202611211205.part", "c");
	rotate_tick(r, NOON + 600 * NS_PER_S); /* nothing more comes, and still it ends */
	assert_string_equal(done_names, "weir.202611211200 weir.202611211205 ");
	assert_int_equal(rotate_close(r), 0);
	assert_string_equal(done_names, "weir.202611211200 weir.202611211205 ");
	expect_content("weir.202611211200", "ab");
	expect_content("weir.202611211205", "c");
}

static void test_sizes_get_numbers(void **state)
{
	(void)state;
	struct rotate *r = open_with((struct rotate_options){.every_ns = 3600 * NS_PER_S, .max_bytes = 4});
	for (int i = 0; i < 5; i++)
		rotate_write(r, "xyz", 3, NOON);
	rotate_write(r, "longer than any", 15, NOON); /* never split */
	assert_int_equal(rotate_close(r), 0);
	expect_content("weir.202611211200", "xyz");
	expect_content("weir.202611211200.4", "xyz");
	expect_content("weir.202611211200.5", "longer than any");
}

static void test_a_crash_loses_no_name(void **state)
{
	char path[512];
	(void)state;
	snprintf(path, sizeof(path), "%s/weir.202611211155.part", dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs("left", f);
	fclose(f);
	struct rotate *r = open_with((struct rotate_options){.every_ns = 60 * NS_PER_S});
	assert_string_equal(done_names, "weir.202611211155 ");
	expect_content("weir.202611211155", "left");
	/* What another process is writing is left alone. */
	rotate_write(r, "mine", 4, NOON);
	assert_int_equal(rotate_sync(r), 0);
	struct rotate *other = open_with((struct rotate_options){.every_ns = 60 * NS_PER_S});
	assert_string_equal(done_names, "weir.202611211155 ");
	assert_int_equal(rotate_close(other), 0);
	assert_int_equal(rotate_close(r), 0);
	expect_content("weir.202611211200", "mine");
}

static void test_a_full_disk_costs_only_time(void **state)
{
	(void)state;
	struct rotate *r = open_with((struct rotate_options){.every_ns = 60 * NS_PER_S});
	assert_int_equal(chmod(dir, 0555), 0);
	if (geteuid() == 0)
		assert_int_equal(rmdir(dir), 0); /* root may write anywhere, but not into what is gone */
	rotate_write(r, "kept", 4, NOON);
	assert_int_equal(rotate_waiting(r), 4);
	assert_true(rotate_sync(r) < 0);
	assert_int_equal(rotate_waiting(r), 4);
	(void)rotate_close(r);
	if (geteuid() == 0)
		assert_int_equal(mkdir(dir, 0755), 0);
	assert_int_equal(chmod(dir, 0755), 0);
}

static void test_zstd_comes_back(void **state)
{
	static char data[200000], packed[200000], back[200001];
	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * i >> 3);
	struct rotate *r = open_with((struct rotate_options){.every_ns = 60 * NS_PER_S, .zstd_level = 3, .suffix = ".zst"});
	for (size_t at = 0; at < sizeof(data); at += 1000)
		rotate_write(r, data + at, 1000, NOON);
	assert_int_equal(rotate_sync(r), 0);
	for (int whole = 0; whole < 2; whole++) {
		size_t len = content(whole ? "weir.202611211200.zst" : "weir.202611211200.zst.part", packed, sizeof(packed));
		struct zstd_reader *reader;
		const void *at = packed;
		size_t got = 0;
		assert_true(zstd_is_frame(packed, len));
		assert_int_equal(zstd_reader_new(&reader), 0);
		while (len) {
			long n = zstd_read(reader, &at, &len, back + got, sizeof(back) - got);
			assert_true(n >= 0);
			got += (size_t)n;
		}
		assert_int_equal(got, sizeof(data));
		assert_memory_equal(back, data, sizeof(data));
		zstd_reader_free(reader);
		if (!whole)
			assert_int_equal(rotate_close(r), 0);
	}
}

static void make_file(const char *name, size_t size, time_t written)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	for (size_t i = 0; i < size; i++)
		fputc('x', f);
	fclose(f);
	struct timespec times[2] = {{.tv_sec = written}, {.tv_sec = written}};
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_expiry(void **state)
{
	char sub[128];
	struct expire_result result;
	(void)state;
	snprintf(sub, sizeof(sub), "%s/192.0.2.1", dir);
	assert_int_equal(mkdir(sub, 0755), 0);
	make_file("weir.1", 100, 1000);
	make_file("192.0.2.1/weir.2", 100, 2000);
	make_file("weir.3", 100, 3000);
	make_file("weir.0.part", 100, 1);
	make_file("precious", 100, 1);
	struct expire_limits by_age = {.max_age_ns = 1500 * NS_PER_S};
	assert_int_equal(expire_files(dir, "weir", &by_age, 3100 * NS_PER_S, &result), 0);
	assert_int_equal(result.removed, 1);
	struct expire_limits by_size = {.max_bytes = 150};
	assert_int_equal(expire_files(dir, "weir", &by_size, 3100 * NS_PER_S, &result), 0);
	assert_int_equal(result.removed, 1);
	assert_int_equal(result.kept, 1);
	assert_int_equal(result.kept_bytes, 100);
	expect_content("weir.3", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	expect_content("precious", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}

static void test_hook(void **state)
{
	char command[256], expected[256];
	struct hook *h;
	struct hook_stats stats;
	(void)state;
	snprintf(command, sizeof(command), "echo %%d %%f %%t %%u %%i %%%% >>%s/log", dir);
	assert_int_equal(hook_new(command, &h), 0);
	hook_run(h, dir, "weir.202611211200;rm -rf x", NOON); /* what would need quoting is left out */
	hook_free(h);
	snprintf(expected, sizeof(expected), "%s weir.202611211200rm-rfx 202611211200 1795262400 %s %%\n", dir, strrchr(dir, '/') + 1);
	expect_content("log", expected);
	assert_int_equal(hook_new("exit 3", &h), 0);
	for (int i = 0; i < 10; i++)
		hook_run(h, dir, "f", NOON);
	for (int i = 0; i < 60000; i++) {
		hook_tick(h);
		hook_stats(h, &stats);
		if (stats.failed == 10)
			break;
		clock_sleep_ns(NS_PER_MS);
	}
	assert_int_equal(stats.started, 10);
	assert_int_equal(stats.failed, 10);
	assert_int_equal(stats.dropped, 0);
	hook_free(h);
}

static void test_no_directory_is_named(void **state)
{
	struct rotate *r = NULL;
	char err[256];
	struct rotate_options o = {.dir = "/proc/nowhere", .prefix = "weir", .suffix = ""};
	(void)state;
	assert_true(rotate_open(&o, &r, err, sizeof(err)) < 0);
	assert_non_null(strstr(err, "/proc/nowhere: "));
}

static int up(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	snprintf(dir, sizeof(dir), "/tmp/weir-test-rotate-XXXXXX");
	done_names[0] = '\0';
	return mkdtemp(dir) ? 0 : -1;
}

static int down(void **state)
{
	char line[128];
	(void)state;
	snprintf(line, sizeof(line), "rm -rf %s", dir);
	return system(line);
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, up, down)
	const struct CMUnitTest tests[] = {
		IN_DIR(test_slots_are_aligned), IN_DIR(test_sizes_get_numbers), IN_DIR(test_a_crash_loses_no_name),
		IN_DIR(test_a_full_disk_costs_only_time), IN_DIR(test_zstd_comes_back), IN_DIR(test_expiry), IN_DIR(test_hook),
		IN_DIR(test_no_directory_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
