/*
 * filter_lex.c -- text of a filter -> tokens, files that it includes in their places.
 *
 * A word is anything between blanks, brackets, commas and comparison signs: `port`, `10.0.0.0/8`, `2001:db8::1`, `1k`,
 * `icmp-type`, `aa:bb:cc:dd:ee:ff`. What it means is the parser's business. `#` begins a comment.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/filter.h"
#include "proto/filter_ast.h"

enum { FILES_MAX = 64 };

/* Where the lexer stands in one source. */
struct reader {
	const char *p;
	const char *line_begin;
	uint32_t line;
	uint32_t source;
	unsigned depth;
};

static int lex_source(struct filter_tokens *tokens, uint32_t source, unsigned depth, bool files);

bool filter_lex_is(const struct filter_token *t, const char *word)
{
	return t->type == TOKEN_WORD && strlen(word) == t->len && strncasecmp(t->text, word, t->len) == 0;
}

int filter_lex_error(struct filter_tokens *tokens, const struct filter_token *at, const char *format, ...)
{
	char where[128] = "";
	const char *file = tokens->sources[at->source].name;
	if (file)
		snprintf(where, sizeof(where), "%.80s: line %u, ", file, at->line);
	else if (at->line > 1)
		snprintf(where, sizeof(where), "line %u, ", at->line);
	int n = snprintf(tokens->err, tokens->err_len, "%scolumn %u: ", where, at->column);
	if (n >= 0 && (size_t)n < tokens->err_len) {
		va_list args;
		va_start(args, format);
		vsnprintf(tokens->err + n, tokens->err_len - (size_t)n, format, args);
		va_end(args);
	}
	return -EINVAL;
}

static struct filter_token token_at(const struct reader *r, enum filter_token_type type, size_t len)
{
	return (struct filter_token){
		.type = type,
		.len = (uint32_t)len,
		.text = r->p,
		.line = r->line,
		.column = (uint32_t)(r->p - r->line_begin) + 1,
		.source = r->source,
	};
}

static int push(struct filter_tokens *tokens, struct filter_token token)
{
	void *items = tokens->items;
	int err = filter_list_grow(&items, &tokens->cap, tokens->count, sizeof(token));
	if (err)
		return err;
	tokens->items = items;
	tokens->items[tokens->count++] = token;
	return 0;
}

/* Takes over NAME and TEXT, which may be NULL when memory ran out. */
static int add_source(struct filter_tokens *tokens, char *name, char *text)
{
	struct filter_source *grown = NULL;
	if (text)
		grown = realloc(tokens->sources, (tokens->n_sources + 1) * sizeof(*grown));
	if (!grown) {
		free(name);
		free(text);
		return -ENOMEM;
	}
	tokens->sources = grown;
	tokens->sources[tokens->n_sources++] = (struct filter_source){.name = name, .text = text};
	return 0;
}

/* The whole file, NUL-terminated and free()d by the caller; NULL with errno set. */
static char *read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return NULL;
	char *text = malloc(FILTER_TEXT_MAX + 1);
	size_t len = text ? fread(text, 1, FILTER_TEXT_MAX + 1, file) : 0;
	int err = !text ? ENOMEM : ferror(file) ? errno : len > FILTER_TEXT_MAX ? EFBIG : 0;
	fclose(file);
	if (err) {
		free(text);
		errno = err;
		return NULL;
	}
	text[len] = '\0';
	char *shrunk = realloc(text, len + 1);
	if (shrunk)
		text = shrunk;
	return text;
}

/* A relative path is looked for beside the file that names it. */
static char *include_path(const char *from, const char *text, size_t len)
{
	const char *slash = from && text[0] != '/' ? strrchr(from, '/') : NULL;
	size_t dir = slash ? (size_t)(slash - from) + 1 : 0;
	char *path = malloc(dir + len + 1);
	if (!path)
		return NULL;
	memcpy(path, from ? from : "", dir);
	memcpy(path + dir, text, len);
	path[dir + len] = '\0';
	return path;
}

/* @include FILE: R stands behind the word. */
static int include(struct filter_tokens *tokens, struct reader *r, bool files)
{
	while (*r->p == ' ' || *r->p == '\t')
		r->p++;
	bool quoted = *r->p == '"' || *r->p == '\'';
	size_t len = quoted ? strcspn(r->p + 1, "\n\"'") : strcspn(r->p, " \t\r\n()#");
	struct filter_token at = token_at(r, TOKEN_WORD, len);
	if (!len)
		return filter_lex_error(tokens, &at, "expected the name of a file behind @include");
	if (!files)
		return filter_lex_error(tokens, &at, "@include is not allowed here");
	if (r->depth >= FILTER_INCLUDE_MAX)
		return filter_lex_error(tokens, &at, "more than %d files inside each other", FILTER_INCLUDE_MAX);
	if (tokens->n_sources > FILES_MAX)
		return filter_lex_error(tokens, &at, "more than %d files included", FILES_MAX);
	char *path = include_path(tokens->sources[r->source].name, r->p + quoted, len);
	char *text = path ? read_file(path) : NULL;
	if (path && !text) {
		int err = filter_lex_error(tokens, &at, "%.120s: %s", path, strerror(errno));
		free(path);
		return err;
	}
	r->p += len + (quoted ? 2U : 0U);
	int err = add_source(tokens, path, text);
	return err ? err : lex_source(tokens, (uint32_t)tokens->n_sources - 1, r->depth + 1, files);
}

static int lex_string(struct filter_tokens *tokens, struct reader *r)
{
	char end[] = {*r->p, '\n', '\0'};
	struct filter_token at = token_at(r, TOKEN_STRING, strcspn(r->p + 1, end));
	at.text++;
	if (at.text[at.len] != end[0])
		return filter_lex_error(tokens, &at, "a text without its closing %c", end[0]);
	r->p += at.len + 2;
	return push(tokens, at);
}

static int lex_word(struct filter_tokens *tokens, struct reader *r, bool files)
{
	struct filter_token at = token_at(r, TOKEN_WORD, strcspn(r->p, " \t\r\n()[],!=<>&|#\"'"));
	if (!at.len)
		return filter_lex_error(tokens, &at, "'%c' has no meaning here", *r->p);
	r->p += at.len;
	if (filter_lex_is(&at, "@include"))
		return include(tokens, r, files);
	return push(tokens, at);
}

static int lex_sign(struct filter_tokens *tokens, struct reader *r, bool *ret_found)
{
	static const struct { const char *sign; enum filter_token_type type; } signs[] = {
		{"&&", TOKEN_AND}, {"||", TOKEN_OR}, {"==", TOKEN_EQ}, {"!=", TOKEN_NE}, {"<=", TOKEN_LE},
		{">=", TOKEN_GE}, {"=", TOKEN_EQ}, {"<", TOKEN_LT}, {">", TOKEN_GT}, {"!", TOKEN_NOT},
		{"(", TOKEN_OPEN}, {")", TOKEN_CLOSE}, {"[", TOKEN_LIST_OPEN}, {"]", TOKEN_LIST_CLOSE}, {",", TOKEN_COMMA}};
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		size_t len = strlen(signs[i].sign);
		if (strncmp(r->p, signs[i].sign, len) != 0)
			continue;
		*ret_found = true;
		int err = push(tokens, token_at(r, signs[i].type, len));
		r->p += len;
		return err;
	}
	*ret_found = false;
	return 0;
}

static int lex_source(struct filter_tokens *tokens, uint32_t source, unsigned depth, bool files)
{
	const char *text = tokens->sources[source].text;
	struct reader r = {.p = text, .line_begin = text, .line = 1, .source = source, .depth = depth};
	while (*r.p) {
		bool found = true;
		int err = 0;
		switch (*r.p) {
		case '\n':
			r.line++;
			r.line_begin = ++r.p;
			break;
		case ' ': case '\t': case '\r':
			r.p++;
			break;
		case '#':
			r.p += strcspn(r.p, "\n");
			break;
		case '"': case '\'':
			err = lex_string(tokens, &r);
			break;
		default:
			err = lex_sign(tokens, &r, &found);
			if (!err && !found)
				err = lex_word(tokens, &r, files);
		}
		if (err)
			return err;
	}
	return source == 0 ? push(tokens, token_at(&r, TOKEN_END, 0)) : 0;
}

int filter_lex(const char *text, bool files, struct filter_tokens *tokens)
{
	size_t len = strnlen(text, FILTER_TEXT_MAX + 1);
	int err = add_source(tokens, NULL, len > FILTER_TEXT_MAX ? strdup("") : strdup(text));
	if (err)
		return err;
	if (len > FILTER_TEXT_MAX) {
		struct filter_token at = {.line = 1, .column = FILTER_TEXT_MAX};
		return filter_lex_error(tokens, &at, "a filter has at most %d bytes", FILTER_TEXT_MAX);
	}
	return lex_source(tokens, 0, 0, files);
}

void filter_lex_free(struct filter_tokens *tokens)
{
	for (size_t i = 0; i < tokens->n_sources; i++) {
		free(tokens->sources[i].name);
		free(tokens->sources[i].text);
	}
	free(tokens->sources);
	free(tokens->items);
}
