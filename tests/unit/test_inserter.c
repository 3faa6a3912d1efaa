/*
 * weir-inserter itself, as a child process, reading packed flows from a broker in this process: lines, metrics, both at
 * once, bad records, signals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kafka/header.h"
#include "proto/flow.h"
#include "proto/pack.h"
#include "tests/unit/child.h"
#include "tests/unit/mmdb_writer.h"
#include "tests/unit/mock_cluster.h"

static struct child child, second;

/* A download of 1000 bytes by 192.168.1.(50 + i % 2), sampled 1:10 for every other. */
static size_t pack_one(int i, uint8_t *out)
{
	struct flow f;
	flow_clear(&f);
	f.src_addr = ip_v4((const uint8_t[]){104, 18, 185, 54});
	f.dst_addr = ip_v4((const uint8_t[]){192, 168, 1, (uint8_t)(50 + i % 2)});
	f.src_port = 443;
	f.dst_port = (uint32_t)(40000 + i);
	f.dst_mac = 0xe8ff1ed5f416;
	f.type = FLOW_TYPE_IPFIX;
	f.proto = 6;
	f.bytes = 1000;
	f.packets = 2;
	f.sampling_rate = i % 2 ? 10 : 0;
	return flow_pack(&f, out);
}

/* COUNT flows in one message, numbered from FIRST. */
static void send_flows(struct cluster *cl, int first, int count)
{
	static uint8_t message[64 * 1024];
	size_t len = 0;
	for (int i = first; i < first + count; i++)
		len += pack_one(i, message + len);
	cluster_send(cl, first % 4, message, len, NULL, 0);
	cluster_flush(cl);
}

#define BROKERS "--kafka.brokers", cl->options.brokers

static void test_print_and_metrics_in_one_process(void **state)
{
	static char answer[1 << 16];
	struct cluster *cl = *state;
	cluster_create(cl, 4);
	send_flows(cl, 0, 3); /* before the start: not seen */
	const char *const argv[] = {"weir-inserter", "print", "metrics", "--local", "192.168.1.0/24", BROKERS, "--addr",
				    "localhost:0", NULL};
	child_start(&child, argv);
	child_expect(&child, 1, "reading 4 partitions");
	uint16_t port = child_port(&child);
	send_flows(cl, 10, 4);
	send_flows(cl, 15, 1); /* goflow2's way: one a message */
	uint8_t bare[FLOW_PACK_MAX];
	size_t len = pack_one(17, bare);
	cluster_send(cl, 1, bare + 1, len - 1, NULL, 0); /* GoFlow's: without its length */
	cluster_flush(cl);
	child_expect(&child, 1, ":40017");
	child_expect(&child, 1, ":40015");
	assert_int_equal(child_lines(child.text[1], "[0x06]"), 6);
	child_expect(&child, 1,
		     "E8:FF:1E:D5:F4:16 | 192.168.1.50:40010                                 <- 104.18.185.54:443                                  "
		     ": [0x06]          2 packets,       1000 bytes\n");
	for (int family = 0; family < 2; family++) {
		assert_true(child_get(family ? AF_INET6 : AF_INET, port, "/metrics", answer, sizeof(answer)));
		assert_non_null(strstr(answer, "\nipfix_bytes_received_total_total{local_ip=\"192.168.1.50\"} 2000\n"));
		assert_non_null(strstr(answer, "\nipfix_bytes_received_total_total{local_ip=\"192.168.1.51\"} 40000\n"));
		assert_non_null(strstr(answer, "\nweir_inserter_flows_total{group=\"\"} 6\n"));
		assert_non_null(strstr(answer, "weir_inserter_print_sides_total{side=\"down\"} 6\n"));
	}
	assert_int_equal(child_end(&child, SIGTERM), 0);
	assert_non_null(strstr(child.text[1], "read 6 flows in 3 messages, 0 records could not be read"));
}

static void test_two_terminals_see_every_flow(void **state)
{
	struct cluster *cl = *state;
	cluster_create(cl, 4);
	const char *const argv[] = {"weir-inserter", "print", "-o", "fmt:%sp %dp %byt", "-q", "-c", "6", BROKERS, NULL};
	child_start(&child, argv);
	child_start(&second, argv);
	child_expect(&child, 1, "reading 4 partitions");
	child_expect(&second, 1, "reading 4 partitions");
	send_flows(cl, 0, 3);
	send_flows(cl, 5, 5);
	assert_int_equal(child_end(&child, 0), 0); /* -c 6 ends it */
	assert_int_equal(child_end(&second, 0), 0);
	assert_int_equal(child_lines(child.text[0], "   443  4000"), 6);
	assert_int_equal(child_lines(second.text[0], "   443  4000"), 6);
}

static void test_bad_records_are_counted_and_passed_over(void **state)
{
	struct cluster *cl = *state;
	static uint8_t m[FLOW_PACK_MAX * 3];
	cluster_create(cl, 1);
	size_t len = pack_one(0, m);
	memcpy(m + len, "\x03\x0a\x7f\x01", 4); /* a record of 3 bytes whose field says 127 */
	len += 4;
	len += pack_one(1, m + len);
	cluster_send(cl, 0, m, len, NULL, 0);
	len = pack_one(2, m);
	cluster_send(cl, 0, m, len - 5, NULL, 0); /* cut short */
	cluster_send(cl, 0, "", 0, NULL, 0);
	uint8_t header[KAFKA_HEADER_LEN];
	kafka_header_write(&(struct kafka_header){.format = 1, .flows = 1}, header);
	cluster_send(cl, 0, "{}\n", 3, header, sizeof(header)); /* JSON: for others */
	len = pack_one(3, m);
	cluster_send(cl, 0, m, len, NULL, 0);
	cluster_flush(cl);
	const char *const argv[] = {"weir-inserter", "print", "-o", "json", "--from", "beginning", "--dead-letter-topic", "dead",
				    "--flush", "100ms", "--addr", "localhost:0", BROKERS, NULL};
	static char answer[1 << 16];
	child_start(&child, argv);
	child_expect(&child, 0, "40003");
	uint16_t port = child_port(&child);
	for (int i = 0; i < 3000 && !strstr(answer, "weir_inserter_dead_letters_total{group=\"\"} 3\n"); i++) {
		assert_true(child_get(AF_INET, port, "/metrics", answer, sizeof(answer)));
		child_read(&child, 20);
	}
	assert_non_null(strstr(answer, "weir_inserter_dead_letters_total{group=\"\"} 3\n"));
	assert_int_equal(child_end(&child, SIGINT), 0);
	assert_int_equal(child_lines(child.text[0], "\"src_port\":443"), 3);
	assert_non_null(strstr(child.text[1], "read 3 flows in 5 messages, 3 records could not be read"));
	/* What was kept is what came: the message with the damaged record still has its two others. */
	const char *const again[] = {"weir-inserter", "print", "-o", "fmt:%dp", "-q", "--from", "beginning", "--kafka.topic", "dead",
				     "-c", "2", BROKERS, NULL};
	child_start(&child, again);
	assert_int_equal(child_end(&child, 0), 0);
	assert_string_equal(child.text[0], " 40000\n 40001\n");
}

static void test_a_message_of_a_megabyte(void **state)
{
	enum { FULL = 990 * 1000 }; /* the broker takes 1000000 */
	static uint8_t m[FULL + FLOW_PACK_MAX];
	struct cluster *cl = *state;
	size_t len = 0, flows = 0;
	char count[16];
	cluster_create(cl, 1);
	while (len < FULL) {
		len += pack_one((int)(flows % 10000), m + len);
		flows++;
	}
	cluster_send(cl, 0, m, len, NULL, 0);
	cluster_flush(cl);
	snprintf(count, sizeof(count), "%zu", flows);
	const char *const argv[] = {"weir-inserter", "print", "-q", "-o", "fmt:%dp", "--from", "beginning", "-c", count, BROKERS, NULL};
	child_start(&child, argv);
	assert_int_equal(child_end(&child, 0), 0);
	assert_int_equal(child_lines(child.text[0], "\n"), flows);
}

static void test_enrichment_in_a_sink(void **state)
{
	static struct mmdb_writer writer;
	struct cluster *cl = *state;
	char path[] = "/tmp/weir-test-inserter-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	mmdb_init(&writer);
	mmdb_country(&writer, "104.16.0.0/12", "US");
	mmdb_write(&writer, path);
	cluster_create(cl, 4);
	send_flows(cl, 0, 3);
	const char *const argv[] = {"weir-inserter", "print", "-o", "fmt:%sa %sc %dc", "-q", "-c", "3", "--from", "beginning", BROKERS,
				    "--enrich.country", path, "src geo US", NULL};
	child_start(&child, argv);
	assert_int_equal(child_end(&child, 0), 0);
	assert_int_equal(child_lines(child.text[0], "   104.18.185.54 US ..\n"), 3);
	unlink(path);
}

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void test_the_filter_is_read_again(void **state)
{
	struct cluster *cl = *state;
	char path[] = "/tmp/weir-test-inserter-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	write_text(path, "dst port 40001\n");
	cluster_create(cl, 4);
	send_flows(cl, 0, 3);
	const char *const argv[] = {"weir-inserter", "print", "-o", "fmt:%dp", "-q", "--from", "beginning", "--filter-file", path, BROKERS, NULL};
	child_start(&child, argv);
	child_expect(&child, 0, "40001");
	write_text(path, "dst prt 40005\n");
	kill(child.pid, SIGHUP);
	child_expect(&child, 1, "the old configuration stays in force");
	assert_non_null(strstr(child.text[1], path));
	write_text(path, "dst port 40005\n");
	kill(child.pid, SIGHUP);
	child_expect(&child, 1, "SIGHUP: log level info, filter read again");
	/* What was on its way in that moment may meet the old one. */
	for (int i = 0; i < 3000 && !strstr(child.text[0], "40005"); i++) {
		send_flows(cl, 5, 1);
		child_read(&child, 20);
	}
	child_expect(&child, 0, "40005");
	send_flows(cl, 0, 3);
	send_flows(cl, 5, 1);
	assert_int_equal(child_end(&child, SIGTERM), 0);
	assert_int_equal(child_lines(child.text[0], "40001"), 1);
	assert_int_equal(child_lines(child.text[0], "40000"), 0);
	unlink(path);
}

static void test_no_broker_is_one_line(void **state)
{
	(void)state;
	char nobody[32];
	snprintf(nobody, sizeof(nobody), "127.0.0.1:%u", child_free_port());
	const char *const argv[] = {"weir-inserter", "print", "--kafka.brokers", nobody, NULL};
	child_start(&child, argv);
	child_expect(&child, 1, nobody);
	assert_int_equal(child_end(&child, SIGTERM), 0);
	assert_int_equal(child_lines(child.text[1], "refused"), 1);
}

static void test_bad_usage(void **state)
{
	static const struct {
		const char *const argv[6];
		const char *says;
	} rows[] = {
		{{"weir-inserter"}, "weir-inserter print"},
		{{"weir-inserter", "prnt"}, "'prnt' is no sink"},
		{{"weir-inserter", "print", "-o", "fmt:%zz"}, "unknown code"},
		{{"weir-inserter", "print", "--local", "10.0.0.0/99"}, "10.0.0.0/99"},
		{{"weir-inserter", "print", "--from", "tomorrow"}, "--from tomorrow"},
		{{"weir-inserter", "print", "--kafka.property", "nonsense"}, "kafka property number 1"},
		{{"weir-inserter", "print", "--enrich.as", "/nowhere"}, "/nowhere"},
		{{"weir-inserter", "metrics", "--max-addresses", "0"}, "max-addresses"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		child_start(&child, rows[i].argv);
		assert_int_equal(child_end(&child, 0), 2);
		assert_non_null(strstr(child.text[1], rows[i].says));
	}
}

int main(void)
{
#define WITH_CLUSTER(test) cmocka_unit_test_setup_teardown(test, cluster_up, cluster_down)
	const struct CMUnitTest tests[] = {
		WITH_CLUSTER(test_print_and_metrics_in_one_process),
		WITH_CLUSTER(test_two_terminals_see_every_flow),
		WITH_CLUSTER(test_bad_records_are_counted_and_passed_over), WITH_CLUSTER(test_a_message_of_a_megabyte),
		WITH_CLUSTER(test_enrichment_in_a_sink), WITH_CLUSTER(test_the_filter_is_read_again),
		cmocka_unit_test(test_no_broker_is_one_line),
		cmocka_unit_test(test_bad_usage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
