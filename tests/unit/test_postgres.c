/*
 * weir-inserter postgres against a real PostgreSQL: every flow once, whatever is sent twice, killed or restarted.
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
#include "tests/unit/mock_cluster.h"


enum { PARTITIONS = 4, A_MESSAGE = 50, ROUNDS = 3000 };

static struct child child;
static char dir[] = "/tmp/weir-test-postgres-XXXXXX";
static bool have_server;
static unsigned port;
static char conninfo[128];
static uint64_t sent_flows, sent_bytes;

static int server(const char *command)
{
	char line[512];
	snprintf(line, sizeof(line), "%s/unit/postgres_server.sh %s %s %u", TEST_DATA, command, dir, port);
	int status = system(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The one line that SQL gives. */
static const char *ask(const char *sql)
{
	static char answer[512];
	char line[1024];
	snprintf(line, sizeof(line), "psql '%s' -XAtc \"%s\" 2>/dev/null", conninfo, sql);
	FILE *f = popen(line, "r");
	assert_non_null(f);
	answer[0] = '\0';
	if (fgets(answer, sizeof(answer), f))
		answer[strcspn(answer, "\n")] = '\0';
	pclose(f);
	return answer;
}

static void wait_for(const char *sql, const char *expected)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (strcmp(ask(sql), expected) == 0)
			return;
		child_read(&child, 20);
	}
	print_error("%s\n", child.text[1]);
	assert_string_equal(ask(sql), expected);
}

/* A message of A_MESSAGE flows with header number SEQUENCE. */
static void send_message(struct cluster *cl, uint64_t sequence, bool counts)
{
	static uint8_t m[A_MESSAGE * 256];
	uint8_t header[KAFKA_HEADER_LEN];
	size_t len = 0;
	for (uint32_t i = 0; i < A_MESSAGE; i++) {
		struct flow f;
		flow_clear(&f);
		f.type = FLOW_TYPE_IPFIX;
		f.src_addr = ip_v4((const uint8_t[]){192, 168, 1, (uint8_t)i});
		f.dst_addr = ip_v6((const uint8_t[]){0x20, 0x01, 0x0d, 0xb8, [15] = 1});
		f.bytes = sequence * 1000 + i;
		f.packets = 3;
		f.src_as = 65000 + i % 3;
		f.dst_as = 4200000000u;
		f.etype = 0x86dd;
		f.proto = 6;
		f.src_port = 50000;
		f.dst_port = 443;
		f.sampling_rate = 100;
		f.time_received_ns = 1795263794412000000 + sequence * 1000000000;
		f.time_flow_start_ns = 1795263794123456789;
		len += flow_pack(&f, m + len);
		if (counts) {
			sent_flows++;
			sent_bytes += f.bytes;
		}
	}
	kafka_header_write(&(struct kafka_header){.flows = A_MESSAGE, .collector = 0xfedcba9876543210, .epoch = 1795263794000000000,
						  .sequence = sequence}, header);
	cluster_send(cl, (int32_t)(sequence % PARTITIONS), m, len, header, sizeof(header));
}

static void start(struct cluster *cl)
{
	static const char *argv[16];
	const char *const args[] = {"weir-inserter", "postgres", "--postgres", conninfo, "--kafka.brokers", cl->options.brokers,
		"--kafka.property", "session.timeout.ms=6000", "--kafka.property", "heartbeat.interval.ms=1000", "--from",
		"beginning", "--flush", "200ms", NULL};
	memcpy(argv, args, sizeof(args));
	child_start(&child, argv);
}

static void expect_all_once(void)
{
	char expected[128];
	snprintf(expected, sizeof(expected), "%llu|%llu", (unsigned long long)sent_flows, (unsigned long long)sent_bytes);
	wait_for("SELECT count(*), sum(bytes) FROM flows", expected);
	wait_for("SELECT sum(count), sum(bytes) FROM flows_5m", expected);
}

static void test_each_flow_once(void **state)
{
	struct cluster *cl = *state;
	if (!have_server)
		skip();
	cluster_create(cl, PARTITIONS);
	for (uint64_t i = 0; i < 20; i++)
		send_message(cl, i, true);
	send_message(cl, 7, false); /* sent twice by the collector */
	send_message(cl, 7, false);
	cluster_flush(cl);
	start(cl);
	expect_all_once();
	assert_string_equal(ask("SELECT date_inserted::date = (now() AT TIME ZONE 'UTC')::date, time_flow, type, sampling_rate, src_as, "
				"dst_as, src_ip, dst_ip, packets, etype, proto, src_port, dst_port FROM flows WHERE bytes = 19001"),
			    "t|2026-11-21 12:23:14.123456|4|100|65001|4200000000|192.168.1.1|2001:db8::1|3|34525|6|50000|443");
	assert_string_equal(ask("SELECT timeslot, src_as, dst_as, etype, packets, count FROM flows_5m WHERE src_as = 65002"),
			    "2026-11-21 12:20:00|65002|4200000000|34525|960|320");
	/* The flow-pipeline's table. */
	assert_string_equal(ask("SELECT string_agg(column_name || ' ' || udt_name, ',' ORDER BY ordinal_position) FROM "
				"information_schema.columns WHERE table_schema = 'public' AND table_name = 'flows'"),
			    "id int8,date_inserted timestamp,time_flow timestamp,type int4,sampling_rate int8,src_as int8,dst_as int8,"
			    "src_ip inet,dst_ip inet,bytes int8,packets int8,etype int4,proto int4,src_port int4,dst_port int4");
	assert_string_equal(ask("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'flows'::regclass AND contype = 'p'"),
			    "PRIMARY KEY (id, date_inserted)");
	send_message(cl, 3, false); /* and again, in a later batch */
	send_message(cl, 20, true);
	cluster_flush(cl);
	expect_all_once();
	assert_int_equal(child_end(&child, SIGTERM), 0);
}

static void test_over_crashes_of_either_side(void **state)
{
	struct cluster *cl = *state;
	if (!have_server)
		skip();
	assert_string_equal(ask("TRUNCATE flows, flows_5m, weir_offsets, weir_seen; SELECT 1"), "TRUNCATE TABLE");
	sent_flows = sent_bytes = 0;
	cluster_create(cl, PARTITIONS);
	uint64_t sequence = 0;
	for (int round = 0; round < 5; round++) {
		start(cl);
		for (int i = 0; i < 40; i++, sequence++) {
			send_message(cl, sequence, true);
			if (i % 10 == 0)
				send_message(cl, sequence, false);
		}
		cluster_flush(cl);
		if (round % 2 == 0)
			assert_int_equal(server("restart"), 0);
		/* Somewhere in the middle: when some of it is there. */
		for (int i = 0; i < ROUNDS && strcmp(ask("SELECT count(*) > 0 FROM flows"), "t") != 0; i++)
			child_read(&child, 10);
		child_end(&child, SIGKILL);
	}
	start(cl);
	expect_all_once();
	assert_int_equal(child_end(&child, SIGTERM), 0);
	assert_string_equal(ask("SELECT count(*) FROM weir_seen"), "200");
}

static void test_a_topic_made_anew_is_read_from_its_beginning(void **state)
{
	struct cluster *cl = *state; /* a new broker: its offsets begin at 0, those in the database do not */
	if (!have_server)
		skip();
	cluster_create(cl, PARTITIONS);
	for (uint64_t i = 1000; i < 1008; i++)
		send_message(cl, i, true);
	cluster_flush(cl);
	start(cl);
	expect_all_once();
	assert_int_equal(child_end(&child, SIGTERM), 0);
	assert_string_equal(ask("SELECT count(*), max(next_offset) FROM weir_offsets"), "4|2");
}

static void test_days_go(void **state)
{
	(void)state;
	if (!have_server)
		skip();
	ask("CREATE TABLE flows_20200101 PARTITION OF flows FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')");
	ask("SELECT weir_maintain('30 days', '1 day', NULL)");
	assert_string_equal(ask("SELECT count(*) FROM pg_class WHERE relname = 'flows_20200101'"), "0");
	assert_string_equal(ask("SELECT count(*) FROM pg_inherits WHERE inhparent = 'flows'::regclass"), "3");
}

static void test_bad_conninfo_is_usage(void **state)
{
	(void)state;
	const char *const argv[] = {"weir-inserter", "postgres", "--postgres", "hots=db", NULL};
	child_start(&child, argv);
	assert_int_equal(child_end(&child, 0), 2);
	assert_non_null(strstr(child.text[1], "hots"));
}

static int up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	port = child_free_port();
	snprintf(conninfo, sizeof(conninfo), "host=127.0.0.1 port=%u user=weir dbname=postgres", port);
	int r = server("start");
	have_server = r == 0;
	if (r == 77)
		print_message("skipped: PostgreSQL 15 is not installed\n");
	return r == 0 || r == 77 ? 0 : -1;
}

static int down(void **state)
{
	char line[128];
	(void)state;
	if (have_server)
		(void)server("stop");
	snprintf(line, sizeof(line), "rm -rf %s", dir);
	return system(line);
}

int main(void)
{
#define WITH_CLUSTER(test) cmocka_unit_test_setup_teardown(test, cluster_up, cluster_down)
	const struct CMUnitTest tests[] = {
		WITH_CLUSTER(test_each_flow_once),
		WITH_CLUSTER(test_over_crashes_of_either_side),
		WITH_CLUSTER(test_a_topic_made_anew_is_read_from_its_beginning),
		cmocka_unit_test(test_days_go),
		cmocka_unit_test(test_bad_conninfo_is_usage),
	};
	return cmocka_run_group_tests(tests, up, down);
}
