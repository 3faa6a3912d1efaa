/*
 * test_embedded.c -- the parts of weir-embedded that need neither engine nor broker.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "embedded/backlog.h"
#include "embedded/forward.h"
#include "embedded/schema.h"
#include "embedded/sqlscan.h"

static void backlog_keeps_what_is_not_committed(void **state)
{
	(void)state;
	struct backlog b = {0};
	for (int64_t i = 0; i < 1000; i++)
		assert_int_equal(backlog_add(&b, i, 10), 0);
	assert_int_equal(b.bytes, 10000);
	backlog_committed(&b, 400);
	assert_int_equal(b.bytes, 6000);
	assert_int_equal(backlog_add(&b, 399, 10), 0); /* read again, committed already */
	assert_int_equal(b.count, 600);
	backlog_committed(&b, 300); /* never back */
	assert_int_equal(b.committed, 400);
	for (int64_t i = 1000; i < 2000; i++)
		assert_int_equal(backlog_add(&b, i, 1), 0);
	backlog_committed(&b, 2000);
	assert_int_equal(b.bytes, 0);
	assert_int_equal(b.count, 0);
	backlog_free(&b);
}

static void backlog_counts_a_gap_once(void **state)
{
	(void)state;
	struct backlog b = {0};
	for (int64_t i = 0; i < 100; i++)
		assert_int_equal(backlog_add(&b, i, 10), 0);
	backlog_committed(&b, 10);
	backlog_forgotten(&b, 5); /* read in time */
	assert_int_equal(b.gap, 0);
	backlog_forgotten(&b, 30);
	backlog_forgotten(&b, 30);
	assert_int_equal(b.gap, 20);
	assert_int_equal(b.bytes, 700);
	backlog_free(&b);
}

static void check_expand(const char *text, int want, const char *sql)
{
	static const struct schema_var vars[] = {{"A", "one"}, {"BAD", "x'y"}, {"EMPTY", ""}};
	struct buf out = {0};
	assert_int_equal(schema_expand(text, vars, 3, &out), want);
	if (sql)
		assert_string_equal(out.data ? out.data : "", sql);
	buf_free(&out);
}

static void variables_are_replaced(void **state)
{
	(void)state;
	check_expand("x ${A:-two} y ${B:-three} z", 0, "x one y three z");
	check_expand("${A:-}${B:-}|${EMPTY:-no}", 0, "one|");
	check_expand("no variable, $A, {B}", 0, "no variable, $A, {B}");
	check_expand("${A}", -EINVAL, NULL);
	check_expand("${A:-two", -EINVAL, NULL);
	check_expand("${:-", -EINVAL, NULL);
	check_expand("'${BAD:-z}'", -EINVAL, NULL);
}

static void reaching_out_is_seen(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		const char *always, *reading;
	} rows[] = {
		{"SELECT 1", NULL, NULL},
		{"SELECT file, url FROM t WHERE into_outfile = 1", NULL, NULL},
		{"SELECT 1 INTO OUTFILE 'x'", "INTO OUTFILE", "INTO OUTFILE"},
		{"select 1 into /* \n */ outfile 'x'", "INTO OUTFILE", "INTO OUTFILE"},
		{"SELECT ' -- ' INTO\tOUTFILE 'x'", "INTO OUTFILE", "INTO OUTFILE"},
		{"SELECT $$ ' $$ INTO OUTFILE 'x'", "INTO OUTFILE", "INTO OUTFILE"},
		{"SELECT 1 INTO \xE2\x88\x92\xE2\x88\x92 x\n OUTFILE 'x'", "INTO OUTFILE", "INTO OUTFILE"},
		{"INSERT INTO t FROM INFILE 'x'", "FROM INFILE", "FROM INFILE"},
		{"SELECT * FROM file('/etc/passwd')", NULL, "file"},
		{"SELECT * FROM `S3` (1)", NULL, "s3"},
		{"SELECT * FROM url/*(*/('http://x')", NULL, "url"},
		{"SELECT * FROM url --\n('http://x')", NULL, "url"},
		{"", NULL, NULL},
		{"INTO", NULL, NULL},
		{"/*", NULL, NULL},
		{"SELECT 1 INTO # x\n \"OUTFILE\" 'x'", "INTO OUTFILE", "INTO OUTFILE"},
		{"SELECT 1 INTO \xC2\xA0 OUTFILE 'x'", "INTO OUTFILE", "INTO OUTFILE"},
		{"SELECT 1 INTO - OUTFILE", NULL, NULL},
		{"SELECT count(*), file - 1 FROM t", NULL, NULL},
		{"SELECT lower(x) FROM t", NULL, NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *always = sql_reaches_out(rows[i].sql, strlen(rows[i].sql), false);
		const char *reading = sql_reaches_out(rows[i].sql, strlen(rows[i].sql), true);
		if (rows[i].always ? !always || strcmp(always, rows[i].always) : always != NULL)
			fail_msg("%s: %s", rows[i].sql, always ? always : "nothing seen");
		if (rows[i].reading ? !reading || strcmp(reading, rows[i].reading) : reading != NULL)
			fail_msg("%s: %s", rows[i].sql, reading ? reading : "nothing seen");
	}
}

static void the_last_format_counts(void **state)
{
	(void)state;
	char format[16] = "before";
	assert_false(sql_format("SELECT 1", 8, format, sizeof(format)));
	assert_string_equal(format, "before");
	const char *sql = "SELECT format('{}', 1) FORMAT CSV SETTINGS x = 1";
	assert_true(sql_format(sql, strlen(sql), format, sizeof(format)));
	assert_string_equal(format, "CSV");
	sql = "SELECT 1 format\nJSON";
	assert_true(sql_format(sql, strlen(sql), format, sizeof(format)));
	assert_string_equal(format, "JSON");
	static const char *const none[] = {"SELECT 1 FORMAT", "SELECT 1 FORMAT ", "SELECT 1 FORMAT --", "SELECT 1 FORMAT ;", "FORMATS x"};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(sql_format(none[i], strlen(none[i]), format, sizeof(format)));
}

static void rows_of_an_insert_are_found(void **state)
{
	(void)state;
	static const struct {
		const char *sql, *before, *format, *data; /* BEFORE NULL: no rows in it */
	} rows[] = {
		{"INSERT INTO t FORMAT CSV\na;\n\nb", "INSERT INTO t ", "CSV", "a;\n\nb"},
		{"insert into db.t (a, format, `b)`) Format TSV \r\nx", "insert into db.t (a, format, `b)`) ", "TSV", "x"},
		{"/* x */ INSERT INTO TABLE format FORMAT JSONEachRow{}", "/* x */ INSERT INTO TABLE format ", "JSONEachRow", "{}"},
		{"INSERT INTO t SETTINGS a='FORMAT x', b=1 FORMAT CSV\n1", "INSERT INTO t ", "CSV", "1"},
		{"INSERT INTO t VALUES ('a;b');", "INSERT INTO t ", "Values", " ('a;b');"},
		{"INSERT INTO db.select FORMAT Native\n", "INSERT INTO db.select ", "Native", ""},
		{"INSERT INTO t -- ;\n(a) VALUES (1)", "INSERT INTO t -- ;\n(a) ", "Values", " (1)"},
		{"INSERT INTO FUNCTION file('x') FORMAT CSV \t\n1", "INSERT INTO FUNCTION file('x') ", "CSV", "1"},
		{"INSERT INTO \"a\\\"b\" VALUES 1", "INSERT INTO \"a\\\"b\" ", "Values", " 1"},
		{"INSERT INTO t ('it''s', /* ) */ \"q\" -- )\n) VALUES 1", "INSERT INTO t ('it''s', /* ) */ \"q\" -- )\n) ", "Values", " 1"},
		{"INSERT INTO t FORMAT CSV", "INSERT INTO t ", "CSV", ""},
		{"INSERT INTO t SETTINGS a=1 SETTINGS b=2 FORMAT CSV\n1", "INSERT INTO t ", "CSV", "1"},
		{"INSERT INTO t ('open", NULL, NULL, NULL},
		{"INSERT INTO t 'open\\", NULL, NULL, NULL},
		{"INSERT INTO t FORMAT 'CSV'", NULL, NULL, NULL},
		{"  ", NULL, NULL, NULL},
		{"INSERT INTO t SELECT 1 FORMAT CSV", NULL, NULL, NULL},
		{"INSERT INTO t FROM INFILE 'x' FORMAT CSV", NULL, NULL, NULL},
		{"SELECT 1 FORMAT CSV", NULL, NULL, NULL},
		{"INSERT INTO t FORMAT", NULL, NULL, NULL},
		{"INSERT INTO t (", NULL, NULL, NULL},
		{"INSERT INTO", NULL, NULL, NULL},
		{"INSERT", NULL, NULL, NULL},
		{"", NULL, NULL, NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sql_insert in;
		bool found = sql_insert(rows[i].sql, strlen(rows[i].sql), &in);
		if (found != (rows[i].before != NULL))
			fail_msg("%s: %s", rows[i].sql, found ? "found" : "not found");
		if (!found)
			continue;
		assert_int_equal(in.infile, strlen(rows[i].before));
		assert_string_equal(in.format_name, rows[i].format);
		assert_string_equal(rows[i].sql + in.data, rows[i].data);
	}
}

enum { FORWARDED_MAX = 64 };

static int dial(unsigned port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void passes(int from, int to)
{
	char byte = 0;
	assert_int_equal(send(from, "x", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(recv(to, &byte, 1, 0), 1);
}

/* All places taken: the next one gets that of the quietest, and the others go on. */
static void forwarded_connections_are_bounded(void **state)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(here);
	int client[FORWARDED_MAX + 1], broker[FORWARDED_MAX + 1], listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct forward *f;
	char err[200], byte;
	(void)state;
	assert_int_equal(bind(listener, (const struct sockaddr *)&here, len), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&here, &len), 0);
	assert_int_equal(forward_start("127.0.0.1:0", ntohs(here.sin_port), &f, err, sizeof(err)), 0);
	for (int i = 0; i <= FORWARDED_MAX; i++) {
		if (i == FORWARDED_MAX)
			passes(client[0], broker[0]); /* now client 1 is the quietest */
		client[i] = dial(forward_port(f));
		broker[i] = accept(listener, NULL, NULL);
		passes(client[i], broker[i]);
		passes(broker[i], client[i]);
	}
	assert_int_equal(recv(client[1], &byte, 1, 0), 0);
	passes(client[0], broker[0]);
	passes(client[2], broker[2]);
	forward_stop(f);
	for (int i = 0; i <= FORWARDED_MAX; i++)
		close(client[i]), close(broker[i]);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backlog_keeps_what_is_not_committed),
		cmocka_unit_test(backlog_counts_a_gap_once),
		cmocka_unit_test(variables_are_replaced),
		cmocka_unit_test(reaching_out_is_seen),
		cmocka_unit_test(the_last_format_counts),
		cmocka_unit_test(rows_of_an_insert_are_found),
		cmocka_unit_test(forwarded_connections_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
