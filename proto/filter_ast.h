/*
 * filter_ast.h -- what the parts of the filter hand to each other: tokens, tests, the tree. Private to proto/.
 *
 *     text -> filter_lex -> tokens -> filter_parse (with filter_words and filter_value) -> tree -> filter.c: steps
 *                                                                                              -> filter_sql.c: SQL
 */
#ifndef WEIR_PROTO_FILTER_AST_H
#define WEIR_PROTO_FILTER_AST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ip.h"

enum filter_token_type {
	TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_LIST_OPEN, TOKEN_LIST_CLOSE, TOKEN_COMMA,
	TOKEN_NOT, TOKEN_AND, TOKEN_OR, TOKEN_EQ, TOKEN_NE, TOKEN_LT, TOKEN_GT, TOKEN_LE, TOKEN_GE
};

struct filter_token {
	enum filter_token_type type;
	uint32_t len;
	const char *text; /* inside the source */
	uint32_t line;    /* from 1 */
	uint32_t column;
	uint32_t source;  /* 0: the filter itself, else a file that it includes */
};

struct filter_source {
	char *name; /* of the file; NULL for the filter itself */
	char *text;
};

struct filter_tokens {
	struct filter_token *items; /* the last one is TOKEN_END */
	size_t count, cap;
	struct filter_source *sources;
	size_t n_sources;
	char *err; /* one line, set by whoever fails first */
	size_t err_len;
};

/* Values as closed ranges; wide enough for an IPv6 address. After filter_list_done() sorted and apart. */
__extension__ typedef unsigned __int128 filter_wide;

struct filter_range {
	filter_wide lo, hi;
};

struct filter_list {
	struct filter_range *items;
	size_t count, cap;
};

/* What a test looks at. Numbers first: they compare with a range or a list. */
enum filter_op {
	TEST_ANY,        /* always true */
	TEST_U32,        /* a 32-bit member */
	TEST_U64,        /* a 64-bit member */
	TEST_FLOWS,      /* how many flows this record stands for; 1 when the exporter did not say */
	TEST_DURATION,   /* ms from first to last packet */
	TEST_PPS,        /* packets a second; 0 for a flow of no duration */
	TEST_BPS,        /* bits a second */
	TEST_BPP,        /* bytes a packet */
	TEST_ARRAY,      /* any element of an array of numbers */
	TEST_ELEMENT,    /* element ARG of it */
	TEST_LAST,       /* the last element */
	TEST_ADDR,       /* an address: prefix or lists */
	TEST_ADDRS,      /* any element of an array of addresses */
	TEST_FAMILY,     /* an address has LEN bytes */
	TEST_TEXT,       /* a text, letters of either case alike */
	TEST_FLAGS_ALL,  /* all bits of lo are set */
	TEST_FLAGS_ANY,  /* one of them is */
	TEST_PORT_BLOCK  /* a port lies in the flow's own NAT port block */
};

struct filter_test {
	uint8_t op;     /* enum filter_op */
	bool listed;    /* compare with LIST, not with LO..HI or PREFIX */
	uint16_t arg;
	uint32_t field; /* enum flow_field */
	uint32_t list;  /* index of struct filter_ast.lists; addresses: IPv4, the next one IPv6 */
	uint32_t text;  /* offset in struct filter_ast.texts */
	union {
		struct { uint64_t lo, hi; };
		struct ip_prefix prefix;
	};
};

enum filter_node_type { NODE_TEST, NODE_AND, NODE_OR, NODE_NOT };

/* A node of the tree; children are a list from the last one backwards. Index 0 is none. */
struct filter_node {
	uint8_t type; /* enum filter_node_type */
	uint32_t last, prev;
	struct filter_test test;
};

struct filter_ast {
	struct filter_node *nodes;
	size_t n_nodes, cap_nodes;
	struct filter_list *lists;
	size_t n_lists, cap_lists;
	char *texts; /* NUL-terminated ones, one behind the other */
	size_t texts_len, texts_cap;
	uint32_t root;
};

/* filter_lex.c: 0, -EINVAL, -ENOMEM. FILES: @include is allowed. */
int filter_lex(const char *text, bool files, struct filter_tokens *tokens);
void filter_lex_free(struct filter_tokens *tokens);
bool filter_lex_is(const struct filter_token *t, const char *word);
/* Writes "column N: ..." once; always -EINVAL. */
int filter_lex_error(struct filter_tokens *tokens, const struct filter_token *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* filter_parse.c: text -> tree; 0, -EINVAL, -ENOMEM. */
int filter_parse(const char *text, bool files, struct filter_ast *ast, char *err, size_t err_len);
void filter_parse_free(struct filter_ast *ast);

/* filter_list.c */
int filter_list_add(struct filter_list *list, filter_wide lo, filter_wide hi); /* 0 or -ENOMEM */
void filter_list_done(struct filter_list *list);
bool filter_list_has(const struct filter_list *list, filter_wide value);
filter_wide filter_list_address(const struct ip_addr *a);
/* Room for one more item of SIZE bytes at the end of *ITEMS, doubling; 0 or -ENOMEM. */
int filter_list_grow(void **items, size_t *cap, size_t count, size_t size);

#endif
