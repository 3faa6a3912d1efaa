/*
 * filter_parse.c -- tokens -> tree, by recursive descent.
 *
 *     or      = and { ("or" | "||") and }
 *     and     = not { ("and" | "&&") not }
 *     not     = { "not" | "!" } ( "(" or ")" | primary )
 *     primary = sides subject [ comparison ] value
 *             | sides subject [ "in" ] "[" value { [","] value } "]"
 *
 * Subjects, and what stands behind them, are tables (filter_words.c). An error is sticky: whoever sees it first
 * writes it, everybody above gives 0, the node that is none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/filter.h"
#include "proto/filter_value.h"
#include "proto/flow.h"

enum { NONE = 0, PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_ICMP6 = 58, EVENT_DENIED = 3 };

struct parser {
	struct filter_tokens tokens;
	const struct filter_token *t; /* the next one */
	struct filter_ast *ast;
	unsigned depth;
	int err;
};

static uint32_t parse_or(struct parser *p);

static uint32_t fail(struct parser *p, int err)
{
	if (!p->err)
		p->err = err;
	return NONE;
}

#define FAIL(p, at, ...) fail(p, (p)->err ? (p)->err : filter_lex_error(&(p)->tokens, at, __VA_ARGS__))

static uint32_t new_node(struct parser *p, enum filter_node_type type)
{
	void *nodes = p->ast->nodes;
	if (p->ast->n_nodes > FILTER_TESTS_MAX * 2)
		return FAIL(p, p->t, "a filter has at most %d tests; long lists go into [ ]", FILTER_TESTS_MAX);
	int err = filter_list_grow(&nodes, &p->ast->cap_nodes, p->ast->n_nodes, sizeof(*p->ast->nodes));
	if (err)
		return fail(p, err);
	p->ast->nodes = nodes;
	p->ast->nodes[p->ast->n_nodes] = (struct filter_node){.type = (uint8_t)type};
	return (uint32_t)p->ast->n_nodes++;
}

static uint32_t new_test(struct parser *p, struct filter_test test)
{
	uint32_t node = new_node(p, NODE_TEST);
	if (node)
		p->ast->nodes[node].test = test;
	return node;
}

/* Two nodes as one; a parent of the same type takes another child instead of growing deeper. */
static uint32_t join(struct parser *p, enum filter_node_type type, uint32_t a, uint32_t b)
{
	if (p->err || !a)
		return p->err ? NONE : b;
	uint32_t parent = a;
	if (p->ast->nodes[a].type != type || type == NODE_NOT) {
		parent = new_node(p, type);
		if (!parent)
			return NONE;
		p->ast->nodes[parent].last = a;
	}
	if (b) {
		p->ast->nodes[b].prev = p->ast->nodes[parent].last;
		p->ast->nodes[parent].last = b;
	}
	return parent;
}

static uint32_t negate(struct parser *p, uint32_t node)
{
	if (p->err)
		return NONE;
	struct filter_node *n = &p->ast->nodes[node];
	/* As nfdump has it: `flags SA` is "both are set", `not flags SA` "neither is". */
	if (n->type == NODE_TEST && n->test.op == TEST_FLAGS_ALL)
		n->test.op = TEST_FLAGS_ANY;
	return join(p, NODE_NOT, node, NONE);
}

static bool accept(struct parser *p, enum filter_token_type type, const char *word)
{
	if (p->t->type != type && !(word && filter_lex_is(p->t, word)))
		return false;
	p->t++;
	return true;
}

/* Fresh lists at the end of ast->lists; their index, or 0 with an error set. */
static uint32_t new_lists(struct parser *p, uint32_t n)
{
	uint32_t first = (uint32_t)p->ast->n_lists;
	for (uint32_t i = 0; i < n; i++) {
		void *lists = p->ast->lists;
		int err = filter_list_grow(&lists, &p->ast->cap_lists, p->ast->n_lists, sizeof(*p->ast->lists));
		if (err) {
			fail(p, err);
			return 0;
		}
		p->ast->lists = lists;
		p->ast->lists[p->ast->n_lists++] = (struct filter_list){0};
	}
	return first;
}

static uint32_t new_text(struct parser *p, const struct filter_token *t)
{
	uint32_t at = (uint32_t)p->ast->texts_len;
	for (uint32_t i = 0; i <= t->len; i++) {
		void *texts = p->ast->texts;
		int err = filter_list_grow(&texts, &p->ast->texts_cap, p->ast->texts_len, 1);
		if (err)
			return fail(p, err);
		p->ast->texts = texts;
		p->ast->texts[p->ast->texts_len++] = i < t->len ? t->text[i] : '\0';
	}
	return at;
}

static enum filter_token_type parse_comparison(struct parser *p)
{
	static const struct { enum filter_token_type type; const char *word; } signs[] = {
		{TOKEN_EQ, "eq"}, {TOKEN_NE, "ne"}, {TOKEN_LT, "lt"}, {TOKEN_GT, "gt"}, {TOKEN_LE, "le"}, {TOKEN_GE, "ge"}};
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (accept(p, signs[i].type, signs[i].word))
			return signs[i].type;
	return TOKEN_EQ;
}

static const char *expected(const struct filter_subject *s)
{
	return s->expected ? s->expected : filter_words_expected(s->value);
}

static bool is_address(enum filter_value_type value)
{
	return value == VALUE_ADDRESS || value == VALUE_NET;
}

/* One value at p->t, into TEST (texts, flags, the first prefix) or its lists. */
static bool parse_value(struct parser *p, const struct filter_subject *s, struct filter_test *test)
{
	const struct filter_token *at = p->t;
	struct filter_list *list = test->list ? &p->ast->lists[test->list] : NULL;
	size_t taken = 1;
	int found = 0;
	if (is_address(s->value)) {
		taken = filter_value_prefix(at, s->value == VALUE_NET, &test->prefix);
		if (taken) {
			filter_wide lo = filter_list_address(&test->prefix.addr);
			uint32_t host_bits = test->prefix.addr.len * 8 - test->prefix.bits;
			filter_wide span = host_bits >= 128 ? ~(filter_wide)0 : ((filter_wide)1 << host_bits) - 1;
			int err = filter_list_add(list + (test->prefix.addr.len == 16), lo, lo + span);
			found = err ? err : 1;
		}
	} else if (s->value == VALUE_TEXT) {
		found = at->type == TOKEN_STRING || at->type == TOKEN_WORD;
		test->text = found ? new_text(p, at) : 0;
	} else if (s->value == VALUE_FLAGS && filter_value_flags(at, &test->lo)) {
		found = 1;
	} else {
		found = filter_value_number(s->value, at, list);
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a subject of numbers has its list */
		if (found > 0 && s->max && list->items[list->count - 1].hi > s->max)
			found = 0;
	}
	if (found < 0)
		fail(p, found);
	else if (!found)
		FAIL(p, at, "expected %s%s%.*s%s", expected(s), at->len ? ", not '" : "", (int)(at->len > 40 ? 40 : at->len),
		     at->len ? at->text : "", at->len ? "'" : "");
	p->t += p->err ? 0 : taken;
	return !p->err;
}

/* Turns the one range of a comparison's value around: "> 5" is 6 and more. False when nothing can match. */
static bool compare(struct filter_range *r, enum filter_token_type sign)
{
	filter_wide v = r->lo;
	switch (sign) {
	case TOKEN_LT: *r = (struct filter_range){0, v - 1}; return v > 0;
	case TOKEN_LE: *r = (struct filter_range){0, v}; return true;
	case TOKEN_GT: *r = (struct filter_range){v + 1, UINT64_MAX}; return v < UINT64_MAX;
	case TOKEN_GE: *r = (struct filter_range){v, UINT64_MAX}; return true;
	default: return true;
	}
}

static enum filter_op op_of(const struct filter_subject *s, enum flow_field field)
{
	static const enum filter_op by_kind[] = {
		[FLOW_KIND_U32] = TEST_U32, [FLOW_KIND_U64] = TEST_U64, [FLOW_KIND_ADDR] = TEST_ADDR,
		[FLOW_KIND_U32S] = TEST_ARRAY, [FLOW_KIND_ADDRS] = TEST_ADDRS, [FLOW_KIND_STR] = TEST_TEXT};
	if (s->op != TEST_ANY || s->n_fields == 0)
		return s->op;
	return field == FLOW_F_flow_count ? TEST_FLOWS : by_kind[flow_fields[field].kind];
}

/* The tests of the fields that serve SIDE, or-ed. */
static uint32_t test_side(struct parser *p, const struct filter_subject *s, unsigned side, struct filter_test test,
			  const struct filter_token *at)
{
	uint32_t node = NONE;
	unsigned tests = 0;
	unsigned n = s->n_fields && !side && s->flags & SUBJECT_FIRST ? 1 : s->n_fields;
	for (unsigned i = 0; i < n; i++) {
		if ((s->fields[i].side & side) != side)
			continue;
		test.field = s->fields[i].field;
		test.op = (uint8_t)(s->value == VALUE_FLAGS && test.list ? TEST_U32 : op_of(s, test.field));
		node = join(p, NODE_OR, node, new_test(p, test));
		tests++;
	}
	if (s->n_fields == 0)
		return new_test(p, test);
	return tests ? node : FAIL(p, at, "'%s' has no such side", s->words);
}

struct sides {
	unsigned masks[2];
	unsigned n;
	bool both; /* "src and dst" */
};

static unsigned side_of(const struct filter_token *t)
{
	static const struct { const char *word; unsigned side; } words[] = {
		{"src", SIDE_SRC}, {"dst", SIDE_DST}, {"in", SIDE_IN}, {"out", SIDE_OUT}, {"ingress", SIDE_IN},
		{"egress", SIDE_OUT}};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (filter_lex_is(t, words[i].word))
			return words[i].side;
	return 0;
}

static struct sides parse_sides(struct parser *p)
{
	struct sides sides = {.n = 1};
	unsigned side;
	while ((side = side_of(p->t))) {
		p->t++;
		sides.masks[0] |= side;
		bool both = p->t->type == TOKEN_AND || filter_lex_is(p->t, "and");
		if ((both || p->t->type == TOKEN_OR || filter_lex_is(p->t, "or")) && (side_of(p->t + 1) ^ side) == 3) {
			sides.masks[1] = sides.masks[0] ^ (SIDE_SRC | SIDE_DST);
			sides.n = 2;
			sides.both = both;
			p->t += 2;
			break;
		}
	}
	return sides;
}

static uint32_t test_sides(struct parser *p, const struct filter_subject *s, const struct sides *sides,
			   const struct filter_test *test, const struct filter_token *at)
{
	uint32_t node = test_side(p, s, sides->masks[0], *test, at);
	if (sides->n == 1 || p->err)
		return node;
	return join(p, sides->both ? NODE_AND : NODE_OR, node, test_side(p, s, sides->masks[1], *test, at));
}

/* A list or a range becomes a test of its own form: the single value, the range, or the list. */
static void settle(struct parser *p, const struct filter_subject *s, struct filter_test *test)
{
	if (!test->list || p->err)
		return;
	struct filter_list *list = &p->ast->lists[test->list];
	filter_list_done(list);
	if (is_address(s->value)) {
		filter_list_done(list + 1);
		return;
	}
	test->listed = list->count != 1;
	if (list->count == 1) {
		test->lo = (uint64_t)list->items[0].lo;
		test->hi = (uint64_t)list->items[0].hi;
	}
}

/* "[ a b, c ]", p->t behind the bracket. Texts are or-ed tests, all else one test with a list. */
static uint32_t parse_list(struct parser *p, const struct filter_subject *s, const struct sides *sides,
			   struct filter_test *test, const struct filter_token *at)
{
	uint32_t node = NONE;
	size_t n = 0;
	for (; !p->err && p->t->type != TOKEN_LIST_CLOSE; n++) {
		if (p->t->type == TOKEN_END)
			return FAIL(p, p->t, "a list without its closing ]");
		if (!parse_value(p, s, test))
			return NONE;
		accept(p, TOKEN_COMMA, NULL);
		if (s->value == VALUE_TEXT)
			node = join(p, NODE_OR, node, test_sides(p, s, sides, test, at));
	}
	if (p->err)
		return NONE;
	if (!n)
		return FAIL(p, p->t, "expected %s, not an empty list", expected(s));
	p->t++;
	if (node)
		return node;
	settle(p, s, test);
	test->listed |= is_address(s->value);
	return test_sides(p, s, sides, test, at);
}

static uint32_t parse_single(struct parser *p, const struct filter_subject *s, const struct sides *sides,
			     struct filter_test *test, const struct filter_token *at)
{
	const struct filter_token *sign_at = p->t;
	enum filter_token_type sign = parse_comparison(p);
	bool ordered = sign != TOKEN_EQ && sign != TOKEN_NE;
	const struct filter_token *value_at = p->t;
	uint64_t letters;
	if (ordered && (is_address(s->value) || s->value == VALUE_TEXT || s->value == VALUE_MAC ||
			(s->value == VALUE_FLAGS && filter_value_flags(value_at, &letters))))
		return FAIL(p, sign_at, "'%s' has no order: = and != are what it can be compared with", s->words);
	if (!parse_value(p, s, test))
		return NONE;
	if (test->list && !is_address(s->value)) {
		struct filter_list *list = &p->ast->lists[test->list];
		bool span = list->count != 1 || (list->items[0].lo != list->items[0].hi && s->value != VALUE_TIME);
		if (ordered && span)
			return FAIL(p, value_at, "expected one number to compare with");
		if (ordered && !compare(&list->items[0], sign))
			list->count = 0;
		if (s->value == VALUE_FLAGS && list->count == 0)
			test->list = 0; /* letters */
	}
	settle(p, s, test);
	uint32_t node = test_sides(p, s, sides, test, at);
	return sign == TOKEN_NE ? negate(p, node) : node;
}

static uint32_t test_number(struct parser *p, enum flow_field field, uint64_t v)
{
	return new_test(p, (struct filter_test){.op = TEST_U32, .field = field, .lo = v, .hi = v});
}

/* What a subject says beside its value: `flags 2` is about TCP, `icmp-type 8` about ICMP. */
static uint32_t imply(struct parser *p, const struct filter_subject *s, const struct filter_test *test, uint32_t node)
{
	if (s->flags & SUBJECT_TCP && test->list)
		node = join(p, NODE_AND, test_number(p, FLOW_F_proto, PROTO_TCP), node);
	if (s->flags & SUBJECT_DENIED)
		node = join(p, NODE_AND, test_number(p, FLOW_F_firewall_event, EVENT_DENIED), node);
	if (s->flags & SUBJECT_ICMP) {
		uint32_t icmp = test_number(p, FLOW_F_proto, PROTO_ICMP);
		icmp = join(p, NODE_OR, icmp, test_number(p, FLOW_F_proto, PROTO_ICMP6));
		node = join(p, NODE_AND, icmp, node);
	}
	return node;
}

static uint32_t unknown_word(struct parser *p)
{
	static const char wanted[] = "expected a test (like 'src ip 10.0.0.1' or 'dst port 53')";
	const char *absent = filter_words_absent(p->t);
	char near[32], following[128];
	int len = (int)(p->t->len > 40 ? 40 : p->t->len);
	if (p->t->type == TOKEN_END)
		return FAIL(p, p->t, "%s at the end", wanted);
	if (absent)
		return FAIL(p, p->t, "'%.*s': %s", len, p->t->text, absent);
	if (filter_words_following(p->t, following, sizeof(following)))
		return FAIL(p, p->t + 1, "expected one of '%s' behind '%.*s'", following, len, p->t->text);
	if (filter_words_nearest(p->t, near, sizeof(near)))
		return FAIL(p, p->t, "%s, not '%.*s'; did you mean '%s'?", wanted, len, p->t->text, near);
	return FAIL(p, p->t, "%s, not '%.*s'", wanted, len, p->t->text);
}

static uint32_t parse_primary(struct parser *p)
{
	const struct filter_token *at = p->t;
	struct sides sides = parse_sides(p);
	struct filter_subject s;
	size_t words;
	if (!filter_words_subject(p->t, &s, &words))
		return unknown_word(p);
	p->t += words;
	struct filter_test test = {.op = (uint8_t)s.op, .arg = s.arg};
	if (s.value == VALUE_NONE)
		return test_sides(p, &s, &sides, &test, at);
	if (s.value != VALUE_TEXT)
		test.list = new_lists(p, 2);
	if (p->err)
		return NONE;
	bool listed = p->t->type == TOKEN_LIST_OPEN || (filter_lex_is(p->t, "in") && p->t[1].type == TOKEN_LIST_OPEN);
	if (!listed)
		return imply(p, &s, &test, parse_single(p, &s, &sides, &test, at));
	if (s.value == VALUE_FLAGS)
		return FAIL(p, p->t, "'flags' takes no list");
	p->t += filter_lex_is(p->t, "in") ? 2 : 1;
	return imply(p, &s, &test, parse_list(p, &s, &sides, &test, at));
}

static uint32_t parse_not(struct parser *p)
{
	bool negated = false;
	while (accept(p, TOKEN_NOT, "not"))
		negated = !negated;
	uint32_t node;
	const struct filter_token *open = p->t;
	if (!accept(p, TOKEN_OPEN, NULL)) {
		node = parse_primary(p);
	} else if (++p->depth > FILTER_DEPTH_MAX) {
		return FAIL(p, open, "more than %d parentheses inside each other", FILTER_DEPTH_MAX);
	} else {
		node = parse_or(p);
		p->depth--;
		if (!p->err && !accept(p, TOKEN_CLOSE, NULL))
			return FAIL(p, p->t, "expected ) for the ( in column %u, or 'and', 'or'", open->column);
	}
	return negated ? negate(p, node) : node;
}

/* A chain of CHILD joined by SIGN or WORD, as one node. */
static uint32_t parse_chain(struct parser *p, enum filter_node_type type, enum filter_token_type sign, const char *word,
			    uint32_t (*child)(struct parser *))
{
	uint32_t node = child(p);
	bool chained = false;
	while (!p->err && accept(p, sign, word)) {
		uint32_t next = child(p);
		if (p->err)
			return NONE;
		/* A node of the same type that came in parentheses is a child of its own. */
		if (!chained && p->ast->nodes[node].type == (uint8_t)type) {
			uint32_t parent = new_node(p, type);
			if (!parent)
				return NONE;
			p->ast->nodes[parent].last = node;
			node = parent;
		}
		node = join(p, type, node, next);
		chained = true;
	}
	return node;
}

static uint32_t parse_and(struct parser *p)
{
	return parse_chain(p, NODE_AND, TOKEN_AND, "and", parse_not);
}

static uint32_t parse_or(struct parser *p)
{
	return parse_chain(p, NODE_OR, TOKEN_OR, "or", parse_and);
}

int filter_parse(const char *text, bool files, struct filter_ast *ast, char *err, size_t err_len)
{
	struct parser p = {.ast = ast, .tokens = {.err = err, .err_len = err_len}};
	*ast = (struct filter_ast){0};
	p.err = filter_lex(text, files, &p.tokens);
	/* Node 0 and list 0 are none. */
	if (!p.err) {
		new_node(&p, NODE_TEST);
		new_lists(&p, 1);
	}
	if (!p.err) {
		p.t = p.tokens.items;
		ast->root = p.t->type == TOKEN_END ? new_test(&p, (struct filter_test){.op = TEST_ANY}) : parse_or(&p);
	}
	if (!p.err && p.t->type != TOKEN_END)
		FAIL(&p, p.t, "expected 'and' or 'or', not '%.*s'", (int)(p.t->len > 40 ? 40 : p.t->len), p.t->text);
	if (p.err == -ENOMEM)
		snprintf(err, err_len, "no memory");
	filter_lex_free(&p.tokens);
	return p.err;
}

void filter_parse_free(struct filter_ast *ast)
{
	for (size_t i = 0; i < ast->n_lists; i++)
		free(ast->lists[i].items);
	free(ast->lists);
	free(ast->nodes);
	free(ast->texts);
	*ast = (struct filter_ast){0};
}
