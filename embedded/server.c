/*
 * server.c -- what ordinary ClickHouse clients, curl and Grafana ask of a ClickHouse server's port 8123, answered by the
 * embedded engine.
 *
 * URL parameters that are not the interface's own are settings, param_x are values for {x:Type}; both are SET on the
 * query's own connection. GET is read-only, as a server's is. Since this runs as a person on a person's machine, pages of
 * other sites that the same person's browser shows are kept out: by Sec-Fetch-Site and Origin, and by the Host header,
 * which a name that was re-bound to 127.0.0.1 gives away.
 */
#include "embedded/server.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/counter.h"
#include "common/http.h"
#include "common/promtext.h"
#include "embedded/answer.h"
#include "embedded/body.h"
#include "embedded/broker.h"
#include "embedded/engine.h"
#include "embedded/pages.h"
#include "embedded/sqlscan.h"
#include "proto/filter_sql.h"

/* SILENCE_S: a connection that says nothing for so long gives its place back. A query that runs is no silence. */
enum { BODY_MAX = 64 << 20, CONNECTIONS_MAX = 64, SILENCE_S = 30 };
enum { NOT_IMPLEMENTED_CODE = 48, SYNTAX_CODE = 62, INCORRECT_DATA_CODE = 117, ACCESS_CODE = 497 }; /* ClickHouse's numbers */

/* --- who asks -------------------------------------------------------------------------------------------- */

static bool is_loopback_name(const char *host)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]", "ip6-localhost", "ip6-loopback", "localhost.localdomain"};
	const char *colon = strrchr(host, ':');
	const char *bracket = strrchr(host, ']');
	size_t len = colon && (!bracket || colon > bracket) ? (size_t)(colon - host) : strlen(host);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i]) == len && strncasecmp(host, names[i], len) == 0)
			return true;
	}
	return false;
}

/* Why this caller is not answered, NULL when it is. */
static const char *refused(const struct server *s, const struct http_request *req)
{
	const char *host = http_request_header(req, "Host");
	const char *origin = http_request_header(req, "Origin");
	const char *site = http_request_header(req, "Sec-Fetch-Site");
	if (is_loopback_name(s->address) && host && !is_loopback_name(host))
		return "this server answers to localhost, 127.0.0.1 and [::1] only; --addr says more";
	if (site && strcasecmp(site, "cross-site") == 0)
		return "not for pages of other sites";
	const char *slashes = origin && !site ? strstr(origin, "://") : NULL;
	if (origin && !site && (!slashes || !host || strcasecmp(slashes + 3, host) != 0))
		return "not for pages of other sites";
	return NULL;
}

static bool admit(struct server *s, const struct http_request *req, struct http_response *res)
{
	const char *why = refused(s, req);
	if (why) {
		counter_add_shared(&s->refused, 1);
		res->status = 403;
		buf_printf(&res->body, "%s\n", why);
		return false;
	}
	if (!__atomic_load_n(&s->ready, __ATOMIC_ACQUIRE)) {
		res->status = 503;
		http_add_header(res, "Retry-After", "1");
		buf_puts(&res->body, "starting: tables are being made and the consumer joins its group\n");
		return false;
	}
	return true;
}

/* --- what is asked --------------------------------------------------------------------------------------- */

struct prelude {
	struct buf sql;
	bool readonly_given;
	bool bad_name;
};

static void add_quoted(struct buf *b, const char *text)
{
	buf_puts(b, "'");
	for (; *text; text++)
		buf_printf(b, *text == '\'' || *text == '\\' ? "\\%c" : "%c", *text);
	buf_puts(b, "'");
}

static void add_setting(void *arg, const char *name, const char *value)
{
	/* The interface's own words; what is no setting of ours (sessions, quotas, users) is taken and left alone. */
	static const char *const own[] = {
		"query", "default_format", "database", "user", "password", "quota_key", "query_id", "session_id", "session_timeout",
		"session_check", "stacktrace", "role", "buffer_size", "wait_end_of_query", "client_protocol_version", "compress",
		"decompress", "add_http_cors_header", "close_session", "http_write_exception_in_output_format",
	};
	struct prelude *p = arg;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (strcmp(name, own[i]) == 0)
			return;
	}
	for (const char *c = name; *c; c++) {
		if (!isalnum((unsigned char)*c) && *c != '_') {
			p->bad_name = true;
			return;
		}
	}
	if (strcmp(name, "readonly") == 0)
		p->readonly_given = strcmp(value, "0") != 0;
	buf_printf(&p->sql, "SET %s = ", name);
	add_quoted(&p->sql, value);
	buf_puts(&p->sql, ";\n");
}

/* Limits first, so that a query may ask for other ones; read-only last, as it may not be taken back. */
static void make_prelude(const struct server *s, const struct http_request *req, struct prelude *p)
{
	const char *database = http_query(req, "database");
	if (!database || !*database)
		database = http_request_header(req, "X-ClickHouse-Database");
	buf_printf(&p->sql, "SET max_execution_time = %llu, max_memory_usage = %llu, max_result_rows = %llu;\n",
		   (unsigned long long)(s->query_ns / NS_PER_S), (unsigned long long)s->query_memory,
		   (unsigned long long)s->query_rows);
	if (database && *database) {
		buf_puts(&p->sql, "USE `");
		for (const char *c = database; *c; c++)
			buf_printf(&p->sql, *c == '`' || *c == '\\' ? "\\%c" : "%c", *c);
		buf_puts(&p->sql, "`;\n");
	}
	http_each_query(req, add_setting, p);
	if (strcmp(http_method(req), "POST") != 0 && !p->readonly_given)
		buf_puts(&p->sql, "SET readonly = 2;\n");
}

/* The query is the parameter, the body, or both: then the body is the data of the INSERT. */
static int gather_query(struct server *s, const struct http_request *req, struct buf *sql)
{
	size_t len;
	const char *query = http_query(req, "query");
	const char *body = http_body(req, &len);
	const char *encoding = http_request_header(req, "Content-Encoding");
	if (query && *query) {
		buf_puts(sql, query);
		if (len)
			buf_puts(sql, "\n");
	}
	if (len && encoding && strcasecmp(encoding, "identity") != 0)
		return body_unpack(s->engine, encoding, body, len, BODY_MAX, sql);
	if (len)
		buf_add(sql, body, len);
	return 0;
}

/* The engine takes what follows a semicolon for the next statement, in the rows of an INSERT too. So rows reach it as a file,
 * where they are nothing but rows. */
static struct engine_result *ask_engine(struct server *s, const char *prelude, const struct buf *sql, const char *format)
{
	struct sql_insert insert;
	struct buf head = {0};
	char path[BODY_PATH_MAX];
	if (!sql_insert(sql->data, sql->len, &insert))
		return engine_query(s->engine, prelude, sql->data, sql->len, format);
	int fd = body_file(sql->data + insert.data, sql->len - insert.data, path);
	if (fd < 0)
		return NULL;
	buf_add(&head, sql->data, insert.infile);
	buf_printf(&head, " FROM INFILE '%s' ", path);
	buf_add(&head, sql->data + insert.infile, insert.format - insert.infile);
	buf_printf(&head, " FORMAT %s", insert.format_name);
	struct engine_result *r = head.failed ? NULL : engine_query(s->engine, prelude, head.data, head.len, format);
	buf_free(&head);
	close(fd);
	return r;
}

static bool flag(const struct http_request *req, const char *name)
{
	const char *value = http_query(req, name);
	return value && strcmp(value, "1") == 0;
}

/* What the answer may be packed in; enable_http_compression=0 says that it shall not be. */
static const char *accepted(const struct http_request *req)
{
	const char *enabled = http_query(req, "enable_http_compression");
	return enabled && strcmp(enabled, "0") == 0 ? NULL : http_request_header(req, "Accept-Encoding");
}

static void run_query(struct server *s, const struct http_request *req, struct http_response *res, struct buf *sql)
{
	struct prelude p = {0};
	char format[64];
	const char *wanted = http_query(req, "default_format");
	if (!wanted || !*wanted)
		wanted = http_request_header(req, "X-ClickHouse-Format");
	snprintf(format, sizeof(format), "%s", wanted && *wanted ? wanted : "TabSeparated");
	make_prelude(s, req, &p);
	bool reads_only = strcmp(http_method(req), "POST") != 0 || p.readonly_given;
	struct sql_insert insert;
	size_t statement_len = sql_insert(sql->data, sql->len, &insert) ? insert.data : sql->len;
	const char *outside = sql_reaches_out(sql->data, statement_len, reads_only);
	counter_add_shared(&s->queries, 1);
	if (outside || p.bad_name || p.sql.failed || sql->failed) {
		char text[200];
		snprintf(text, sizeof(text), "Code: %d. DB::Exception: %s%s. (%s)", outside ? ACCESS_CODE : SYNTAX_CODE,
			 outside ? outside : "not a query: bad name of a setting", outside ? " is not allowed here" : "",
			 outside ? "ACCESS_DENIED" : "SYNTAX_ERROR");
		answer_error(res, s->engine, outside ? ACCESS_CODE : SYNTAX_CODE, text);
		buf_free(&p.sql);
		return;
	}
	struct engine_result *r = ask_engine(s, p.sql.data, sql, format);
	buf_free(&p.sql);
	if (r && !engine_error(r)) {
		sql_format(sql->data, statement_len, format, sizeof(format));
		answer_data(res, r, format, accepted(req));
		return;
	}
	counter_add_shared(&s->failed, 1);
	const char *text = r ? engine_error(r) : "Code: 1002. DB::Exception: the engine gave no answer. (UNKNOWN_EXCEPTION)";
	answer_error(res, s->engine, engine_error_code(text), text);
	engine_result_free(r);
}

static void handle_query(void *arg, const struct http_request *req, struct http_response *res)
{
	struct server *s = arg;
	struct buf sql = {0};
	if (!admit(s, req, res))
		return;
	/* A page of another port of this machine may read the answer when it asks as ClickHouse has it. */
	const char *origin = http_request_header(req, "Origin");
	const char *slashes = origin && flag(req, "add_http_cors_header") ? strstr(origin, "://") : NULL;
	if (slashes && is_loopback_name(slashes + 3))
		http_add_header(res, "Access-Control-Allow-Origin", origin);
	int r = gather_query(s, req, &sql);
	if (flag(req, "compress") || flag(req, "decompress") || r == -ENOTSUP)
		answer_error(res, s->engine, NOT_IMPLEMENTED_CODE,
			     "Code: 48. DB::Exception: compress=1 and decompress=1 are not supported here, and of Content-Encoding gzip, "
			     "deflate, zstd, lz4, br and xz: turn the other compression off in the client. (NOT_IMPLEMENTED)");
	else if (r)
		answer_error(res, s->engine, INCORRECT_DATA_CODE, r == -EFBIG
			     ? "Code: 117. DB::Exception: the body is larger than 64 MiB when unpacked: send it in parts. (INCORRECT_DATA)"
			     : "Code: 117. DB::Exception: the body is not what its Content-Encoding says. (INCORRECT_DATA)");
	else if (!sql.len)
		buf_puts(&res->body, "Ok.\n");
	else
		run_query(s, req, res, &sql);
	buf_free(&sql);
}

/* --- what it says about itself --------------------------------------------------------------------------- */

static void handle_ping(void *arg, const struct http_request *req, struct http_response *res)
{
	if (admit(arg, req, res))
		buf_puts(&res->body, "Ok.\n");
}

static void handle_lag(void *arg, const struct http_request *req, struct http_response *res)
{
	struct server *s = arg;
	struct broker_status b;
	if (!admit(s, req, res))
		return;
	if (!s->broker || broker_status(s->broker, &b)) {
		res->status = 503;
		buf_puts(&res->body, "the broker did not answer\n");
		return;
	}
	res->content_type = "application/json";
	buf_printf(&res->body, "{\"messages\":%llu,\"bytes\":%llu,\"behind\":%llu,\"behind_bytes\":%llu,\"gap\":%llu}\n",
		   (unsigned long long)b.messages, (unsigned long long)b.bytes, (unsigned long long)b.behind,
		   (unsigned long long)b.behind_bytes, (unsigned long long)b.gap);
}

/* The page's filter box: weir's filter language in, a condition on flows_raw out. */
static void handle_filter(void *arg, const struct http_request *req, struct http_response *res)
{
	struct buf sql = {0};
	char err[256] = "";
	const char *text = http_query(req, "text");
	if (!admit(arg, req, res))
		return;
	int r = filter_sql(text ? text : "", &sql, err, sizeof(err));
	res->status = r ? 400 : 200;
	res->content_type = "application/json";
	buf_puts(&res->body, r ? "{\"error\":" : "{\"sql\":");
	buf_json_string(&res->body, r ? err : sql.data, r ? strlen(err) : sql.len);
	buf_puts(&res->body, "}\n");
	buf_free(&sql);
}

static void handle_metrics(void *arg, const struct http_request *req, struct http_response *res)
{
	struct server *s = arg;
	struct broker_status b = {0};
	struct buf *out = &res->body;
	const char *why = refused(s, req);
	if (why) {
		res->status = 403;
		return;
	}
	if (__atomic_load_n(&s->ready, __ATOMIC_ACQUIRE))
		(void)(s->broker && broker_status(s->broker, &b));
	const struct {
		const char *name, *type, *help;
		uint64_t value;
	} rows[] = {
		{"weir_embedded_messages_total", "counter", "Messages that came to the topic.", b.messages},
		{"weir_embedded_bytes_total", "counter", "Bytes of those messages, uncompressed.", b.bytes},
		{"weir_embedded_behind_messages", "gauge", "Messages that ClickHouse has not stored yet.", b.behind},
		{"weir_embedded_behind_bytes", "gauge", "Bytes that ClickHouse has not stored yet.", b.behind_bytes},
		{"weir_embedded_gap_messages_total", "counter", "Messages lost: forgotten by the broker before they were read.", b.gap},
		{"weir_embedded_queries_total", "counter", "Queries asked.", counter_get(&s->queries)},
		{"weir_embedded_queries_failed_total", "counter", "Queries that ended in an error.", counter_get(&s->failed)},
		{"weir_embedded_refused_total", "counter", "Requests refused for where they came from.", counter_get(&s->refused)},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		prom_head(out, rows[i].name, rows[i].type, rows[i].help);
		prom_u64(out, rows[i].name, rows[i].value, NULL);
	}
	prom_head(out, "weir_embedded_gate_seconds_total", "counter", "Time during which producers were held back.");
	prom_double(out, "weir_embedded_gate_seconds_total", (double)b.gated_ns / 1e9, NULL);
	prom_process(out, "weir-embedded");
}

static void handle_page(void *arg, const struct http_request *req, struct http_response *res)
{
	struct server *s = arg;
	pages_answer(s->web, http_path(req), res);
}

static const struct http_route routes[] = {
	{"/", "GET HEAD POST", handle_query},
	{"/ping", "GET HEAD", handle_ping},
	{"/replicas_status", "GET HEAD", handle_ping},
	{"/weir/lag", "GET", handle_lag},
	{"/weir/filter", "GET", handle_filter},
	{"/metrics", "GET", handle_metrics},
	{"/dashboard", "GET", handle_page},
	{"/dashboard/*", "GET", handle_page},
};

int server_start(struct server *s, char *err, size_t err_len)
{
	const struct http_options options = {
		.address = s->address,
		.routes = routes,
		.n_routes = sizeof(routes) / sizeof(routes[0]),
		.arg = s,
		.max_connections = CONNECTIONS_MAX,
		.max_body = BODY_MAX,
		.timeout_s = SILENCE_S,
	};
	return http_server_start(&options, &s->http, err, err_len);
}

void server_stop(struct server *s)
{
	http_server_stop(s->http);
	s->http = NULL;
}
