/*
 * test_filter.c -- the filter language: a row a filter, with the letters of the sample flows that it matches; all others it
 * must not match. Then what is no filter, with where the error is; files; limits.
 */
#include "proto/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/buf.h"
#include "proto/filter_sql.h"
#include "tests/unit/filter_rows.h"
#include "tests/unit/flow_random.h"

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct filter *filter;
		char err[FILTER_ERR_MAX] = "";
		if (filter_compile(rows[i].filter, &filter, err, sizeof(err)) != 0)
			fail_msg("%s: %s", rows[i].filter, err);
		char got[N_FLOWS + 1] = "";
		size_t len = 0;
		for (int f = 0; f < N_FLOWS; f++)
			if (filter_match(filter, &flows[f]))
				got[len++] = (char)('A' + f);
		got[len] = '\0';
		if (strcmp(got, rows[i].matches) != 0)
			fail_msg("%s: matches '%s', should '%s'", rows[i].filter, got, rows[i].matches);
		filter_free(filter);
		struct buf sql = {0};
		if (filter_sql(rows[i].filter, &sql, err, sizeof(err)) != 0 || sql.len == 0) /* what it matches: integration filter_sql */
			fail_msg("%s: as SQL: %s", rows[i].filter, err);
		buf_free(&sql);
	}
}

#define ROWS_TEST(name) \
	static void name(void **state) \
	{ \
		(void)state; \
		check_rows(rows_##name, sizeof(rows_##name) / sizeof(rows_##name[0])); \
	}
ROWS_TEST(logic)
ROWS_TEST(addresses)
ROWS_TEST(numbers)
ROWS_TEST(interfaces_and_names)
ROWS_TEST(flags_icmp_events_times)
ROWS_TEST(fields)

static int setup(void **state)
{
	(void)state;
	make_flows();
	return 0;
}

/* Every field can be asked for by its name. */
static void fields_by_name(void **state)
{
	(void)state;
	for (int i = 0; i < FLOW_F_COUNT; i++) {
		char text[128], err[FILTER_ERR_MAX];
		struct filter *filter;
		bool address = flow_fields[i].kind == FLOW_KIND_ADDR || flow_fields[i].kind == FLOW_KIND_ADDRS;
		bool mac = flow_fields[i].render == FLOW_RENDER_MAC;
		snprintf(text, sizeof(text), "%s %s", flow_fields[i].name, address ? "::/0" : mac ? "0:0:0:0:0:1" : "1");
		if (filter_compile(text, &filter, err, sizeof(err)) != 0)
			fail_msg("%s: %s", text, err);
		filter_free(filter);
	}
}

static void errors(void **state)
{
	(void)state;
	static const struct { const char *filter, *err; } rows[] = {
		{"prot tcp", "column 1: expected a test (like 'src ip 10.0.0.1' or 'dst port 53'), not 'prot'; did you mean 'proto'?"},
		{"scr ip 10.0.0.1", "column 1: expected a test (like 'src ip 10.0.0.1' or 'dst port 53'), not 'scr'"},
		{"src prot 5", "column 5: expected a test (like 'src ip 10.0.0.1' or 'dst port 53'), not 'prot'; did you mean"},
		{"flow_end_reson 3", "column 1: expected a test (like 'src ip 10.0.0.1' or 'dst port 53'), not 'flow_end_reson'; did you mean 'flow_end_reason'?"},
		{"xyzzy 1", "column 1: expected a test (like 'src ip 10.0.0.1' or 'dst port 53'), not 'xyzzy'"},
		{"src ip 10.0.0.1 dst port 53", "column 17: expected 'and' or 'or', not 'dst'"},
		{"port 70000", "column 6: expected a port, 0 to 65535, not '70000'"},
		{"port in [53 http]", "column 13: expected a port, 0 to 65535, not 'http'"},
		{"src ip 300.1.1.1", "column 8: expected an address or a network, not '300.1.1.1'"},
		{"ip 10.0.0.0/33", "column 4: expected an address or a network, not '10.0.0.0/33'"},
		{"ip www.example.com", "column 4: expected an address or a network, not 'www.example.com'"},
		{"proto foo", "column 7: expected a protocol, its name or its number 0 to 255, not 'foo'"},
		{"proto 256", "column 7: expected a protocol, its name or its number 0 to 255, not '256'"},
		{"port 53 and", "column 12: expected a test (like 'src ip 10.0.0.1' or 'dst port 53') at the end"},
		{"(port 53", "column 9: expected ) for the ( in column 1, or 'and', 'or'"},
		{"port 53)", "column 8: expected 'and' or 'or', not ')'"},
		{"port in [53", "column 12: a list without its closing ]"},
		{"port in []", "column 10: expected a port, 0 to 65535, not an empty list"},
		{"ip > 10.0.0.1", "column 4: 'ip' has no order: = and != are what it can be compared with"},
		{"in port 5", "column 1: 'port' has no such side"},
		{"src flags S", "column 1: 'flags' has no such side"},
		{"flags Q", "column 7: expected TCP flags, letters of UAPRSFEC (X: all six old ones), or a number, not 'Q'"},
		{"flags in [S]", "column 7: 'flags' takes no list"},
		{"port > 5-9", "column 8: expected one number to compare with"},
		{"network 'home", "column 9: a text without its closing '"},
		{"port 53 & port 80", "column 9: '&' has no meaning here"},
		{"bytes > 1x", "column 9: expected a number, not '1x'"},
		{"bytes > 99999999999999999999", "column 9: expected a number, not '99999999999999999999'"},
		{"bytes > 18446744073709552k", "column 9: expected a number, not '18446744073709552k'"},
		{"first seen > yesterday", "column 14: expected a time, 2026-11-21T12:00:00 (UTC) or seconds since 1970, not"},
		{"first seen > 2026-02-31", "column 14: expected a time"},
		{"mac 00:11:22", "column 5: expected a MAC address, aa:bb:cc:dd:ee:ff, not '00:11:22'"},
		{"tcp", "column 1: 'tcp': write 'proto tcp'"},
		{"ident foo", "column 1: 'ident': flows have no ident here"},
		{"port 53 and\n  tunip 10.0.0.1", "line 2, column 3: 'tunip': the outer addresses of a tunnel are 'ip'"},
		{"net 10.0.0.0 255.0.255.0", "column 14: expected 'and' or 'or', not '255.0.255.0'"},
		{"not", "column 4: expected a test"},
		{"src", "column 4: expected a test"},
		{"src and", "column 5: expected a test"},
		{"port =", "column 7: expected a port, 0 to 65535"},
		{"@include", "column 9: expected the name of a file behind @include"},
		{"@include /nonexistent/f", "column 10: /nonexistent/f: No such file or directory"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct filter *filter = NULL;
		char err[FILTER_ERR_MAX] = "";
		int result = filter_compile(rows[i].filter, &filter, err, sizeof(err));
		if (result != -22 || filter || strncmp(err, rows[i].err, strlen(rows[i].err)) != 0)
			fail_msg("%s\n gives %d %s\n  not %s", rows[i].filter, result, err, rows[i].err);
	}
}

static char directory[] = "/tmp/weir-test-filter-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void expect_file(const char *name, const char *matches, const char *error)
{
	char text[160], err[FILTER_ERR_MAX] = "";
	struct filter *filter = NULL;
	snprintf(text, sizeof(text), "@include %s/%s", directory, name);
	int result = filter_compile(text, &filter, err, sizeof(err));
	if (error) {
		assert_int_equal(result, -22);
		if (!strstr(err, error))
			fail_msg("%s: %s, not %s", name, err, error);
		return;
	}
	if (result)
		fail_msg("%s: %s", text, err);
	for (int f = 0; f < N_FLOWS; f++)
		assert_int_equal(filter_match(filter, &flows[f]), strchr(matches, 'A' + f) != NULL);
	filter_free(filter);
}

static void includes(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(directory));
	write_file("web", "# web\nproto tcp and\n dst port 443\n");
	write_file("both", "(@include web\n) or (@include \"dns list\")");
	write_file("dns list", "dst port in [\n53 # dns\n]");
	write_file("wrong", "proto tcp and\n  dst prt 5\n");
	write_file("self", "(@include self\n) or any");
	write_file("bomb", "@include web\n");
	expect_file("web", "AD", NULL);
	expect_file("both", "ABD", NULL);
	expect_file("wrong", "", "wrong: line 2, column 7: expected a test");
	expect_file("self", "", "more than 8 files inside each other");
	char many[4096] = "";
	for (int i = 0; i < 70; i++)
		strncat(many, i ? "or (@include web\n)" : "(@include web\n)", sizeof(many) - strlen(many) - 1);
	write_file("many", many);
	expect_file("many", "", "more than 64 files included");
	static const char *const names[] = {"web", "both", "dns list", "wrong", "self", "bomb", "many"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(directory), 0);
}

/* Text of N times PIECE between BEGIN and END; free() it. */
static char *repeated(const char *begin, const char *piece, int n, const char *end)
{
	size_t len = strlen(piece);
	char *text = malloc(strlen(begin) + (size_t)n * len + strlen(end) + 1);
	assert_non_null(text);
	char *o = text;
	memcpy(o, begin, strlen(begin));
	o += strlen(begin);
	for (int i = 0; i < n; i++, o += len)
		memcpy(o, piece, len);
	memcpy(o, end, strlen(end) + 1);
	return text;
}

static void expect(char *text, const char *error)
{
	struct filter *filter = NULL;
	char err[FILTER_ERR_MAX] = "";
	int result = filter_compile(text, &filter, err, sizeof(err));
	if (error ? result != -22 || !strstr(err, error) : result != 0)
		fail_msg("%.60s...: %d %s", text, result, err);
	filter_free(filter);
	free(text);
}

static void limits(void **state)
{
	(void)state;
	expect(repeated("", "(", 64, "any))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))"), NULL);
	expect(repeated("", "(", 65, "any"), "more than 64 parentheses");
	expect(repeated("", "not ", 100000, "any"), NULL);
	expect(repeated("any", " or any", 8000, ""), NULL);
	expect(repeated("any", " or any", 20000, ""), "at most 8192 tests");
	expect(repeated("port 1", " and (port 2 or port 3)", 2000, ""), NULL);
	expect(repeated("ip in [", "10.1.2.3 ", 100000, "]"), NULL);
	expect(repeated("", " ", FILTER_TEXT_MAX, "any"), "a filter has at most 1048576 bytes");
}

static void a_long_list_is_searched(void **state)
{
	(void)state;
	static char text[200000];
	size_t len = (size_t)snprintf(text, sizeof(text), "src ip in [");
	for (unsigned i = 0; i < 5000; i++) /* every other /24 */
		len += (size_t)snprintf(text + len, sizeof(text) - len, "20.%u.%u.0/24 2001:db8:%x::/48 ", i >> 7, (i & 127) * 2, 2 * i);
	snprintf(text + len, sizeof(text) - len, "]");
	struct filter *filter;
	char err[FILTER_ERR_MAX];
	assert_int_equal(filter_compile(text, &filter, err, sizeof(err)), 0);
	struct flow f;
	flow_clear(&f);
	for (uint32_t i = 0; i < 10000; i++) {
		f.src_addr = ip_v4((const uint8_t[]){20, (uint8_t)(i >> 8), (uint8_t)i, 77});
		assert_int_equal(filter_match(filter, &f), i % 2 == 0);
		f.src_addr = ip_v6((const uint8_t[16]){0x20, 1, 0xd, 0xb8, (uint8_t)(i >> 8), (uint8_t)i, 1});
		assert_int_equal(filter_match(filter, &f), i % 2 == 0);
	}
	filter_free(filter);
	assert_true(filter_match(NULL, &f));
	filter_free(NULL);
}

/* No text, however broken, does harm: pieces of the language in random order, and cut in the middle. */
static void nonsense(void **state)
{
	(void)state;
	static const char *const pieces[] = {
		"src ", "dst ", "ip ", "10.0.0.1 ", "10/8 ", "port ", "in ", "[", "]", "53 ", "1-5 ", "and ", "or ", "not ", "(", ")",
		"!", "> ", "= ", "flags ", "SA ", "proto ", "tcp ", "bytes ", "1k ", "'x' ", "\"", "mac ", "aa:bb:cc:dd:ee:ff ", "any ",
		"net ", "255.0.0.0 ", "first ", "seen ", "2026-11-21 ", "mpls ", "label1 ", ",", "#", "\n", "2001:db8::/32 ", "as ",
		"pblock ", "asa ", "event ", "denied ", "ingress ", "geo ", "DE ", "-", "\xff", "if ", "name ", "&&", "||", "icmp-type "};
	struct flow_random r = {11};
	struct flow f;
	int good = 0;
	for (int i = 0; i < 100000; i++) {
		char text[256] = "";
		for (uint32_t n = random_below(&r, 8) + 1; n; n--)
			strncat(text, pieces[random_below(&r, sizeof(pieces) / sizeof(pieces[0]))], sizeof(text) - strlen(text) - 1);
		if (random_below(&r, 4) == 0)
			text[random_below(&r, (uint32_t)strlen(text))] = '\0';
		struct filter *filter;
		char err[FILTER_ERR_MAX] = "";
		if (filter_compile(text, &filter, err, random_below(&r, 3) ? sizeof(err) : random_below(&r, 20)) != 0)
			continue;
		good++;
		random_flow(&r, 50, &f);
		filter_match(filter, &f);
		filter_free(filter);
	}
	assert_true(good > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logic),
		cmocka_unit_test(addresses),
		cmocka_unit_test(numbers),
		cmocka_unit_test(interfaces_and_names),
		cmocka_unit_test(flags_icmp_events_times),
		cmocka_unit_test(fields),
		cmocka_unit_test(fields_by_name),
		cmocka_unit_test(errors),
		cmocka_unit_test(includes),
		cmocka_unit_test(limits),
		cmocka_unit_test(a_long_list_is_searched),
		cmocka_unit_test(nonsense),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
