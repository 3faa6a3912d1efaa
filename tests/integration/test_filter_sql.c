/*
 * test_filter_sql.c -- filter_sql() against filter_match(): the sample filters and random flows, in a real ClickHouse
 * (libchdb). Exit 77, which ctest calls skipped, when the engine has not been fetched (scripts/fetch-chdb).
 */
#include "proto/filter_sql.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "embedded/engine.h"
#include "proto/filter.h"
#include "tests/unit/filter_rows.h"
#include "tests/unit/flow_random.h"

enum { SKIPPED = 77, N_RANDOM = 400, N_ALL = N_FLOWS + N_RANDOM };

static struct engine *engine;
static struct flow all[N_ALL];
static int failures;

#define CHECK(ok, ...) \
	do { \
		if (!(ok)) { \
			fprintf(stderr, __VA_ARGS__); \
			fputc('\n', stderr); \
			failures++; \
		} \
	} while (0)

static void must(const struct buf *sql)
{
	char err[512];
	if (sql->failed || engine_run(engine, sql->data, err, sizeof(err)) < 0) {
		fprintf(stderr, "%.300s: %s\n", sql->data, err);
		exit(1);
	}
}

static void add_type(struct buf *sql, enum flow_kind kind)
{
	static const char *const types[] = {
		[FLOW_KIND_U32] = "UInt32", [FLOW_KIND_U64] = "UInt64", [FLOW_KIND_ADDR] = "IPv6",
		[FLOW_KIND_U32S] = "Array(UInt32)", [FLOW_KIND_ADDRS] = "Array(IPv6)", [FLOW_KIND_STR] = "String"};
	buf_puts(sql, types[kind]);
}

/* flows_raw as far as filters see it: a column a field. That the real one has them is test_fields.c's business. */
static void make_table(void)
{
	struct buf sql = {0};
	buf_puts(&sql, "CREATE TABLE t (Idx UInt32");
	for (int i = 0; i < FLOW_F_COUNT; i++) {
		char column[FILTER_SQL_COLUMN_MAX];
		filter_sql_column(flow_fields[i].name, column);
		buf_printf(&sql, ", %s ", column);
		add_type(&sql, flow_fields[i].kind);
	}
	buf_puts(&sql, ") ENGINE = Memory");
	must(&sql);
	buf_free(&sql);
}

static void add_address(struct buf *sql, const struct ip_addr *a)
{
	char text[IP_TEXT_MAX];
	ip_format(a, text);
	buf_printf(sql, "toIPv6('%s%s')", a->len == 4 ? "::ffff:" : "", a->len ? text : "::");
}

static void add_value(struct buf *sql, const struct flow *f, const struct flow_field_info *row)
{
	const char *at = (const char *)f + row->offset;
	uint32_t n = *(const uint32_t *)(const void *)at;
	const char *array = (const char *)f + row->array_offset;
	switch (row->kind) {
	case FLOW_KIND_U32: buf_printf(sql, "%u", n); break;
	case FLOW_KIND_U64: buf_printf(sql, "%llu", *(const unsigned long long *)(const void *)at); break;
	case FLOW_KIND_ADDR: add_address(sql, (const void *)at); break;
	case FLOW_KIND_STR:
		buf_puts(sql, "'");
		for (uint32_t i = 0; i < n; i++)
			buf_printf(sql, "\\x%02x", (unsigned)(unsigned char)array[i]);
		buf_puts(sql, "'");
		break;
	case FLOW_KIND_U32S: case FLOW_KIND_ADDRS:
		buf_puts(sql, "[");
		for (uint32_t i = 0; i < n; i++) {
			buf_puts(sql, i ? "," : "");
			if (row->kind == FLOW_KIND_ADDRS)
				add_address(sql, (const struct ip_addr *)(const void *)array + i);
			else
				buf_printf(sql, "%u", ((const uint32_t *)(const void *)array)[i]);
		}
		buf_puts(sql, "]");
	}
}

static void insert_flows(void)
{
	enum { BLOCK = 32 };
	for (int begin = 0; begin < N_ALL; begin += BLOCK) {
		struct buf sql = {0};
		buf_puts(&sql, "INSERT INTO t VALUES ");
		for (int k = begin; k < N_ALL && k < begin + BLOCK; k++) {
			buf_printf(&sql, "(%d", k);
			for (int i = 0; i < FLOW_F_COUNT; i++) {
				buf_puts(&sql, ",");
				add_value(&sql, &all[k], &flow_fields[i]);
			}
			buf_puts(&sql, "),");
		}
		sql.data[sql.len - 1] = ' ';
		must(&sql);
		buf_free(&sql);
	}
}

/* The same flows, one way and the other; and for the sample flows, those that the row says. */
static void check(const char *text, const char *matches)
{
	struct filter *filter;
	struct buf sql = {0};
	char err[FILTER_ERR_MAX];
	buf_puts(&sql, "SELECT arraySort(groupArray(Idx)) FROM t WHERE ");
	if (filter_compile(text, &filter, err, sizeof(err)) < 0 || filter_sql(text, &sql, err, sizeof(err)) < 0) {
		CHECK(false, "%s: %s", text, err);
		return;
	}
	struct buf want = {0};
	char letters[N_FLOWS + 1] = "";
	for (int i = 0, n = 0; i < N_ALL; i++) {
		if (!filter_match(filter, &all[i]))
			continue;
		buf_printf(&want, "%s%d", n++ ? "," : "", i);
		if (i < N_FLOWS)
			letters[strlen(letters)] = (char)('A' + i);
	}
	struct engine_result *r = engine_query(engine, NULL, sql.data, sql.len, "TabSeparated");
	const char *error = r ? engine_error(r) : "no result";
	size_t len = 0;
	const char *got = r && !error ? engine_data(r, &len) : "";
	size_t want_len = want.len;
	CHECK(!error, "%s\n %.600s\n %s", text, sql.data, error);
	CHECK(error || (len == want_len + 3 && memcmp(got + 1, want.data ? want.data : "", want_len) == 0),
	      "%s\n %.600s\n finds %.*s not [%s]", text, sql.data, (int)len, got, want.data ? want.data : "");
	CHECK(!matches || strcmp(letters, matches) == 0, "%s: matches %s, not %s", text, letters, matches);
	engine_result_free(r);
	filter_free(filter);
	buf_free(&want);
	buf_free(&sql);
}

static void refuses(void)
{
	struct buf sql = {0};
	char err[FILTER_ERR_MAX] = "";
	CHECK(filter_sql("@include /etc/passwd", &sql, err, sizeof(err)) < 0 && strstr(err, "@include is not allowed here"),
	      "@include: %s", err);
	CHECK(filter_sql("port 53; DROP TABLE t", &sql, err, sizeof(err)) < 0, "a second statement is taken");
	CHECK(sql.len == 0, "something was written: %s", sql.data);
	buf_free(&sql);
	/* A text is data whatever is in it. */
	check("network \"x' OR 1 = 1 -- \"", "");
	check("customer \"\\' OR 1 OR \\\"", "");
	check("user \"\xff\x01\"", "");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* In the table an absent address and :: are one. */
static void no_zero_address(struct ip_addr *a)
{
	static const uint8_t zero[16];
	if (a->len == 16 && memcmp(a->bytes, zero, sizeof(zero)) == 0)
		a->bytes[15] = 1;
}

#define ROWS(name) {rows_##name, sizeof(rows_##name) / sizeof(rows_##name[0])}

int main(void)
{
	static const struct { const struct row *rows; size_t n; } tables[] = {
		ROWS(logic), ROWS(addresses), ROWS(numbers), ROWS(interfaces_and_names), ROWS(flags_icmp_events_times), ROWS(fields)};
	const char *library = getenv("WEIR_CHDB");
	library = library ? library : TEST_DATA "/../.cache/chdb/libchdb.so";
	if (access(library, R_OK) != 0) {
		fprintf(stderr, "%s is not there (scripts/fetch-chdb): skipped\n", library);
		return SKIPPED;
	}
	char data[] = "/tmp/weir-filter-sql-XXXXXX", err[512];
	if (!mkdtemp(data))
		return 1;
	const struct engine_setup setup = {.library = library, .data = data};
	if (engine_open(&setup, &engine, err, sizeof(err)) < 0) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	make_flows();
	memcpy(all, flows, sizeof(flows));
	struct flow_random r = {1};
	for (int i = N_FLOWS; i < N_ALL; i++) {
		random_flow(&r, (uint32_t)i % 60, &all[i]);
		/* Half of them are like a sample but for a few fields, so that filters find some. */
		if (i % 2)
			all[i] = flows[random_below(&r, N_FLOWS)];
		no_zero_address(&all[i].src_addr);
		no_zero_address(&all[i].dst_addr);
		all[i].proto = random_below(&r, 3) ? 6 : 17;
		all[i].tcp_flags = random_below(&r, 64);
		all[i].dst_port = random_below(&r, 2) ? 443 : 53;
	}
	make_table();
	insert_flows();
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (size_t i = 0; i < tables[t].n; i++)
			check(tables[t].rows[i].filter, tables[t].rows[i].matches);
	refuses();
	engine_close(engine);
	nftw(data, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	fprintf(stderr, failures ? "%d FAILED\n" : "all filters find the same flows\n", failures);
	return failures != 0;
}
