/*
 * sqlscan.c -- the little that the HTTP server must know of a query before the engine has it.
 *
 * libchdb runs queries as clickhouse-local does: INTO OUTFILE writes, and file() reads, any file of the user that runs
 * it. A server does not do that, so neither does weir-embedded, and the engine has no switch for it. The words are looked
 * for everywhere, inside strings too: whoever knows more kinds of quotes than a scanner does could otherwise hide them.
 */
#include "embedded/sqlscan.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct word {
	const char *text;
	size_t len;
};

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static const char *behind(const char *p, const char *end, const char *what)
{
	const char *at = memmem(p, (size_t)(end - p), what, strlen(what));
	return at ? at + strlen(what) : end;
}

/* Past blanks, comments, quotes and whatever is no ASCII: to where the next word or sign begins. */
static const char *skip_blank(const char *p, const char *end)
{
	static const char minus_minus[] = "\xE2\x88\x92\xE2\x88\x92"; /* two U+2212 begin a comment too */
	while (p < end) {
		size_t left = (size_t)(end - p);
		if (left >= 2 && memcmp(p, "/*", 2) == 0)
			p = behind(p + 2, end, "*/");
		else if ((left >= 2 && memcmp(p, "--", 2) == 0) || *p == '#' || (left >= 6 && memcmp(p, minus_minus, 6) == 0))
			p = behind(p, end, "\n");
		else if (isspace((unsigned char)*p) || (unsigned char)*p >= 0x80 || *p == '`' || *p == '"')
			p++;
		else
			break;
	}
	return p;
}

/* The next word at or after *P, which then stands behind it. */
static bool next_word(const char **p, const char *end, struct word *ret_word)
{
	while (*p < end && !word_char(**p))
		(*p)++;
	const char *from = *p;
	while (*p < end && word_char(**p))
		(*p)++;
	*ret_word = (struct word){from, (size_t)(*p - from)};
	return *p > from;
}

static bool is(const struct word *w, const char *name)
{
	return strlen(name) == w->len && strncasecmp(w->text, name, w->len) == 0;
}

bool sql_format(const char *sql, size_t len, char *out, size_t out_len)
{
	const char *p = sql, *end = sql + len;
	struct word w;
	bool found = false;
	while (next_word(&p, end, &w)) {
		const char *q = skip_blank(p, end);
		if (!is(&w, "FORMAT") || q == p || q == end || !word_char(*q) || !next_word(&q, end, &w))
			continue;
		snprintf(out, out_len, "%.*s", (int)w.len, w.text);
		found = true;
	}
	return found;
}

/* Table functions and dictionary sources that leave the tables of this engine. */
static const char *const reaching_functions[] = {
	"file", "fileCluster", "url", "urlCluster", "executable", "remote", "remoteSecure", "cluster", "clusterAllReplicas", "mysql",
	"postgresql", "mongodb", "redis", "sqlite", "odbc", "jdbc", "s3", "s3Cluster", "gcs", "oss", "cosn", "hdfs", "hdfsCluster",
	"azureBlobStorage", "azureBlobStorageCluster", "iceberg", "icebergLocal", "icebergS3", "icebergAzure", "icebergHDFS",
	"deltaLake", "deltaLakeLocal", "hudi", "arrowFlight", "ytsaurus", "python", "paimon", "paimonLocal",
};

static const char *reaching_function(const struct word *w)
{
	for (size_t i = 0; i < sizeof(reaching_functions) / sizeof(reaching_functions[0]); i++) {
		if (is(w, reaching_functions[i]))
			return reaching_functions[i];
	}
	return NULL;
}

const char *sql_reaches_out(const char *sql, size_t len, bool with_functions)
{
	const char *p = sql, *end = sql + len;
	struct word w;
	while (next_word(&p, end, &w)) {
		const char *next = skip_blank(p, end);
		const char *function = with_functions && next < end && *next == '(' ? reaching_function(&w) : NULL;
		if (function)
			return function;
		struct word after = {next, 0};
		if (next < end && word_char(*next) && !next_word(&next, end, &after))
			continue;
		if (is(&w, "INTO") && is(&after, "OUTFILE"))
			return "INTO OUTFILE";
		if (is(&w, "FROM") && is(&after, "INFILE"))
			return "FROM INFILE";
	}
	return NULL;
}

/* Blanks and comments only. */
static const char *skip_space(const char *p, const char *end)
{
	for (;;) {
		size_t left = (size_t)(end - p);
		if (left && isspace((unsigned char)*p))
			p++;
		else if (left >= 2 && memcmp(p, "/*", 2) == 0)
			p = behind(p + 2, end, "*/");
		else if (left >= 2 && memcmp(p, "--", 2) == 0)
			p = behind(p, end, "\n");
		else
			return p;
	}
}

/* P at a quote: past its end, which a backslash or a second quote puts off. */
static const char *skip_quoted(const char *p, const char *end)
{
	char quote = *p++;
	for (; p < end; p++) {
		if (*p == '\\')
			p++;
		else if (*p == quote && (p + 1 == end || p[1] != quote))
			return p + 1;
		else if (*p == quote)
			p++;
	}
	return end;
}

/* One token at P: a word into RET_WORD, a pair of brackets with all that is in them, a quoted text, or a sign. */
static const char *token(const char *p, const char *end, struct word *ret_word)
{
	int depth = 0;
	*ret_word = (struct word){p, 0};
	if (word_char(*p)) {
		next_word(&p, end, ret_word);
		return p;
	}
	do {
		depth += (*p == '(') - (*p == ')');
		p = *p == '\'' || *p == '"' || *p == '`' ? skip_quoted(p, end) : p + 1;
		if (depth)
			p = skip_space(p, end);
	} while (depth > 0 && p < end);
	return p < end ? p : end;
}

/* The data begin in the line behind the format's name, as a server has it. */
static size_t data_of(const char *sql, const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++;
	return (size_t)(p + (p < end && *p == '\n') - sql);
}

bool sql_insert(const char *sql, size_t len, struct sql_insert *ret_insert)
{
	static const char *const elsewhere[] = {"SELECT", "WITH", "FROM", "WATCH"};
	const char *end = sql + len, *p = skip_space(sql, end);
	struct sql_insert found = {0};
	struct word w;
	if (p == end || !(p = token(p, end, &w)) || !is(&w, "INSERT"))
		return false;
	/* INTO, TABLE or FUNCTION, then the name, which may be any word. */
	do {
		p = skip_space(p, end);
		if (p == end)
			return false;
		p = token(p, end, &w);
	} while (is(&w, "INTO") || is(&w, "TABLE") || is(&w, "FUNCTION"));
	while ((p = skip_space(p, end)) < end) {
		const char *from = p;
		bool part_of_name = from[-1] == '.';
		p = token(p, end, &w);
		if (!w.len || part_of_name)
			continue;
		for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
			if (is(&w, elsewhere[i]))
				return false;
		}
		size_t at = (size_t)(from - sql);
		if (is(&w, "SETTINGS") && !found.infile)
			found.infile = at;
		bool values = is(&w, "VALUES");
		if (!values && !is(&w, "FORMAT"))
			continue;
		found.format = at;
		if (!found.infile)
			found.infile = at;
		if (!values) {
			p = skip_space(p, end);
			if (p == end || !word_char(*p))
				return false;
			p = token(p, end, &w);
		}
		snprintf(found.format_name, sizeof(found.format_name), "%.*s", values ? 6 : (int)w.len, values ? "Values" : w.text);
		found.data = values ? (size_t)(p - sql) : data_of(sql, p, end);
		*ret_insert = found;
		return true;
	}
	return false;
}
