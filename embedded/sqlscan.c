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
