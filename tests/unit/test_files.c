/*
 * weir-inserter file and what reads it back: from a broker into files by exporter, compressed, and out of them again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/flow.h"
#include "proto/pack.h"
#include "tests/unit/child.h"
#include "tests/unit/mock_cluster.h"

static struct child child;
static char dir[64];

static size_t pack_one(uint32_t i, uint8_t *out)
{
	struct flow f;
	flow_clear(&f);
	f.src_addr = ip_v4((const uint8_t[]){10, 0, (uint8_t)(i >> 8), (uint8_t)i});
	f.dst_addr = ip_v4((const uint8_t[]){192, 168, 1, 50});
	f.sampler_address = ip_v4((const uint8_t[]){192, 0, 2, (uint8_t)(i % 3)});
	f.src_port = i;
	f.dst_port = 443;
	f.bytes = i;
	f.packets = 1;
	return flow_pack(&f, out);
}

static void send_flows(struct cluster *cl, uint32_t first, uint32_t count)
{
	static uint8_t m[64 * 1024];
	size_t len = 0;
	for (uint32_t i = first; i < first + count; i++)
		len += pack_one(i, m + len);
	cluster_send(cl, (int32_t)(first % 2), m, len, NULL, 0);
	cluster_flush(cl);
}

#define GROUP_QUICK "--kafka.property", "session.timeout.ms=6000", "--kafka.property", "heartbeat.interval.ms=1000"

static void write_files(struct cluster *cl, const char *extra, const char *value)
{
	const char *const argv[] = {"weir-inserter", "file", "--file.dir", dir, "--from", "beginning", "--kafka.brokers",
		cl->options.brokers, "--flush", "100ms", "--addr", "localhost:0", GROUP_QUICK, extra, value, NULL};
	static char answer[1 << 16];
	child_start(&child, argv);
	child_expect(&child, 1, "the group gave us");
	uint16_t port = child_port(&child);
	for (int i = 0; i < 3000; i++) {
		if (child_get(AF_INET, port, "/metrics", answer, sizeof(answer)) &&
		    strstr(answer, "weir_inserter_flows_total{group=\"weir-file\"} 300\n"))
			break;
		child_read(&child, 20);
	}
	assert_non_null(strstr(answer, "weir_inserter_flows_total{group=\"weir-file\"} 300\n"));
	assert_int_equal(child_end(&child, SIGTERM), 0);
}

/* Lines that print --read gives of PATH. */
static size_t read_back(const char *path, const char *extra, const char *value, int status)
{
	const char *const argv[] = {"weir-inserter", "print", "-q", "-o", "fmt:%sp %byt %ra", "-r", path, extra, value, NULL};
	child_start(&child, argv);
	assert_int_equal(child_end(&child, 0), status);
	return child_lines(child.text[0], "\n");
}

static void fill(struct cluster *cl)
{
	cluster_create(cl, 2);
	for (uint32_t i = 0; i < 300; i += 50)
		send_flows(cl, i, 50);
}

static void test_what_went_in_comes_out(void **state)
{
	struct cluster *cl = *state;
	fill(cl);
	write_files(cl, "--file.zstd", "3");
	assert_int_equal(read_back(dir, "-N", "-N", 0), 300);
	for (int i = 0; i < 300; i++) {
		char line[64];
		snprintf(line, sizeof(line), "%6d %8d        192.0.2.%d\n", i, i, i % 3);
		assert_non_null(strstr(child.text[0], line));
	}
	assert_int_equal(read_back(dir, "-c", "7", 0), 7);
	assert_int_equal(read_back(dir, "-R", "weir.3000:", 1), 0);
	assert_non_null(strstr(child.text[1], "no files in the range"));
	assert_int_equal(read_back(dir, "-R", "weir.2000:weir.3000", 0), 300);
}

/* The notes' line: nfdump -r capture.nfcapd -A srcip -o 'fmt:%ts , %te , %sa' -q "dst port 3389". */
static void test_the_line_of_the_notes(void **state)
{
	struct cluster *cl = *state;
	fill(cl);
	write_files(cl, "--file.zstd", "3");
	const char *const argv[] = {"weir-inserter", "print", "-r", dir, "-A", "router", "-O", "bytes", "-o", "fmt:%ra %fl %byt", "-q",
				    "dst port 443 and src port < 30", NULL};
	child_start(&child, argv);
	assert_int_equal(child_end(&child, 0), 0);
	assert_string_equal(child.text[0], "       192.0.2.2    10      155\n       192.0.2.1    10      145\n       192.0.2.0    10      135\n");
}

static void test_directories_by_exporter(void **state)
{
	struct cluster *cl = *state;
	char path[128];
	fill(cl);
	write_files(cl, "--file.per-exporter", "--file.zstd=0");
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/192.0.2.%d", dir, i);
		assert_int_equal(read_back(path, "-q", "-q", 0), 100);
	}
	assert_int_equal(read_back(dir, "-q", "-q", 0), 300);
}

static void test_chosen_exporters(void **state)
{
	struct cluster *cl = *state;
	char path[128];
	fill(cl);
	write_files(cl, "--file.only", "edge=192.0.2.0/31");
	snprintf(path, sizeof(path), "%s/edge", dir);
	assert_int_equal(read_back(path, "-q", "-q", 0), 200);
}

static void put_file(const char *name, const void *data, size_t len, char path[128])
{
	snprintf(path, 128, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	fclose(f);
}

static void test_foreign_and_damaged_files(void **state)
{
	static uint8_t data[4096];
	char path[128];
	(void)state;
	put_file("nfcapd.202611211200", "\x0c\xa5\x02\x00 and so on", 14, path);
	assert_int_equal(read_back(path, "-q", "-q", 1), 0);
	assert_non_null(strstr(child.text[1], "nfreplay -r"));
	put_file("weir.json", "{\"type\":1}\n", 11, path);
	assert_int_equal(read_back(path, "-q", "-q", 1), 0);
	assert_non_null(strstr(child.text[1], "JSON"));
	/* A record whose length is the character that JSON begins with. */
	struct flow f;
	flow_clear(&f);
	f.type = FLOW_TYPE_SFLOW_5;
	f.n_url = 20;
	memset(f.url, 'u', sizeof(f.url));
	while (flow_pack(&f, data) && data[0] < '{')
		f.n_url++;
	assert_int_equal(data[0], '{');
	put_file("weir.brace", data, (size_t)data[0] + 1, path);
	assert_int_equal(read_back(path, "-q", "-q", 0), 1);
	put_file("weir.zst", "\x28\xb5\x2f\xfd nonsense", 13, path);
	assert_int_equal(read_back(path, "-q", "-q", 1), 0);
	assert_non_null(strstr(child.text[1], "damaged"));
	size_t len = pack_one(1, data);
	len += pack_one(2, data + len);
	put_file("weir.cut", data, len - 3, path); /* a crash in the middle of a record */
	assert_int_equal(read_back(path, "-q", "-q", 0), 1);
	assert_non_null(strstr(child.text[1], "1 records could not be read"));
	assert_int_equal(read_back("/nowhere/at/all", "-q", "-q", 1), 0);
	assert_non_null(strstr(child.text[1], "/nowhere/at/all: No such file"));
}

static int up(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/weir-test-files-XXXXXX");
	return mkdtemp(dir) ? cluster_up(state) : -1;
}

static int down(void **state)
{
	char line[128];
	snprintf(line, sizeof(line), "rm -rf %s", dir);
	return system(line) || cluster_down(state);
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, up, down)
	const struct CMUnitTest tests[] = {
		IN_DIR(test_what_went_in_comes_out), IN_DIR(test_the_line_of_the_notes), IN_DIR(test_directories_by_exporter),
		IN_DIR(test_chosen_exporters),
		IN_DIR(test_foreign_and_damaged_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
