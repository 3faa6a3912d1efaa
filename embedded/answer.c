/*
 * answer.c -- status codes, headers and content types as ClickHouse's own server gives them, so that its clients feel
 * at home. The tables are its documentation and what a server was seen to answer.
 */
#include "embedded/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/http.h"
#include "embedded/body.h"
#include "embedded/engine.h"

/* Error codes that are the client's fault; all others are 500. */
static const struct {
	short code, status;
} statuses[] = {
	{6, 400},   /* CANNOT_PARSE_TEXT */
	{8, 400},   /* THERE_IS_NO_COLUMN */
	{15, 400},  /* DUPLICATE_COLUMN */
	{25, 400},  /* CANNOT_PARSE_ESCAPE_SEQUENCE */
	{26, 400},  /* CANNOT_PARSE_QUOTED_STRING */
	{27, 400},  /* CANNOT_PARSE_INPUT_ASSERTION_FAILED */
	{38, 400},  /* CANNOT_PARSE_DATE */
	{41, 400},  /* CANNOT_PARSE_DATETIME */
	{44, 400},  /* ILLEGAL_COLUMN */
	{53, 400},  /* TYPE_MISMATCH */
	{62, 400},  /* SYNTAX_ERROR */
	{69, 400},  /* ARGUMENT_OUT_OF_BOUND */
	{72, 400},  /* CANNOT_PARSE_NUMBER */
	{117, 400}, /* INCORRECT_DATA */
	{167, 400}, /* TOO_DEEP_AST */
	{168, 400}, /* TOO_BIG_AST */
	{427, 400}, /* CANNOT_COMPILE_REGEXP */
	{456, 400}, /* UNKNOWN_QUERY_PARAMETER */
	{497, 403}, /* ACCESS_DENIED */
	{46, 404},  /* UNKNOWN_FUNCTION */
	{47, 404},  /* UNKNOWN_IDENTIFIER */
	{50, 404},  /* UNKNOWN_TYPE */
	{56, 404},  /* UNKNOWN_STORAGE */
	{60, 404},  /* UNKNOWN_TABLE */
	{63, 404},  /* UNKNOWN_AGGREGATE_FUNCTION */
	{73, 404},  /* UNKNOWN_FORMAT */
	{81, 404},  /* UNKNOWN_DATABASE */
	{115, 404}, /* UNKNOWN_SETTING */
	{159, 408}, /* TIMEOUT_EXCEEDED */
	{229, 413}, /* QUERY_IS_TOO_LARGE */
	{48, 501},  /* NOT_IMPLEMENTED */
	{202, 503}, /* TOO_MANY_SIMULTANEOUS_QUERIES */
};

/* By the beginning of the format's name, the first that fits. */
static const struct {
	const char *prefix, *type;
} types[] = {
	{"JSONEachRow", "application/x-ndjson; charset=UTF-8"},
	{"JSONCompactEachRow", "application/x-ndjson; charset=UTF-8"},
	{"JSONStringsEachRow", "application/x-ndjson; charset=UTF-8"},
	{"JSONCompactStringsEachRow", "application/x-ndjson; charset=UTF-8"},
	{"JSON", "application/json; charset=UTF-8"},
	{"CSV", "text/csv; charset=UTF-8; header=absent"},
	{"TabSeparated", "text/tab-separated-values; charset=UTF-8"},
	{"TSV", "text/tab-separated-values; charset=UTF-8"},
	{"XML", "application/xml; charset=UTF-8"},
	{"Markdown", "text/markdown; charset=UTF-8"},
	{"Pretty", "text/plain; charset=UTF-8"},
	{"Vertical", "text/plain; charset=UTF-8"},
	{"Values", "text/plain; charset=UTF-8"},
	{"Prometheus", "text/plain; version=0.0.4; charset=UTF-8"},
	{"", "application/octet-stream"},
};

static int status_of(int code)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (statuses[i].code == code)
			return statuses[i].status;
	}
	return 500;
}

static const char *type_of(const char *format)
{
	size_t i = 0;
	while (strncmp(format, types[i].prefix, strlen(types[i].prefix)) != 0)
		i++;
	return types[i].type;
}

struct sending {
	struct engine_result *result;
	size_t sent;
};

static long pull(void *arg, char *out, size_t max)
{
	struct sending *s = arg;
	size_t len;
	const char *data = engine_data(s->result, &len);
	size_t n = len - s->sent < max ? len - s->sent : max;
	memcpy(out, data + s->sent, n);
	s->sent += n;
	return (long)n;
}

static void sent(void *arg)
{
	struct sending *s = arg;
	engine_result_free(s->result);
	free(s);
}

void answer_data(struct http_response *res, struct engine_result *r, const char *format, const char *accept)
{
	char summary[160];
	size_t len;
	const char *data = engine_data(r, &len);
	res->content_type = type_of(format);
	snprintf(summary, sizeof(summary),
		 "{\"read_rows\":\"%llu\",\"read_bytes\":\"%llu\",\"result_bytes\":\"%zu\",\"elapsed_ns\":\"%.0f\"}",
		 (unsigned long long)engine_rows_read(r), (unsigned long long)engine_bytes_read(r), len, engine_elapsed(r) * 1e9);
	http_add_header(res, "X-ClickHouse-Summary", summary);
	http_add_header(res, "X-ClickHouse-Format", format);
	http_add_header(res, "X-ClickHouse-Timezone", "UTC");
	const char *encoding = body_pack(accept, data, len, &res->body);
	if (encoding) {
		http_add_header(res, "Content-Encoding", encoding);
		engine_result_free(r);
		return;
	}
	buf_reset(&res->body);
	struct sending *s = len ? malloc(sizeof(*s)) : NULL;
	if (!s) {
		if (len)
			res->status = 500;
		engine_result_free(r);
		return;
	}
	*s = (struct sending){.result = r};
	res->stream = pull;
	res->stream_free = sent;
	res->stream_arg = s;
	res->stream_len = len;
}

void answer_error(struct http_response *res, const struct engine *e, int code, const char *text)
{
	char number[16];
	snprintf(number, sizeof(number), "%d", code);
	http_add_header(res, "X-ClickHouse-Exception-Code", number);
	res->status = status_of(code);
	buf_printf(&res->body, "%s (version %s (official build))\n", text, engine_version(e));
}
