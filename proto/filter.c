/*
 * filter.c -- the tree as steps, and matching.
 *
 * A step is a test and where to go on from it, one way for yes and one for no: short-circuit evaluation with neither a
 * stack nor recursion. Steps are laid out from the last to the first, so that a step only ever points at lower ones,
 * and matching ends.
 */
#include "proto/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/wire.h"
#include "proto/filter_ast.h"
#include "proto/flow.h"

enum { NO = 0, YES = 1, FIRST_STEP = 2 };

struct step {
	uint8_t op; /* enum filter_op */
	bool listed;
	uint16_t arg;
	uint16_t next[2]; /* when the test says no, yes */
	uint32_t offset;  /* of the member, or of the count of an array */
	uint32_t array;   /* of the array */
	union {
		struct { uint64_t lo, span; };      /* a number v matches when v - lo <= span */
		struct { uint64_t value[2], mask[2]; uint32_t len; }; /* an address */
		const struct filter_list *lists;
		struct { const char *text; uint32_t text_len; };
	};
};

struct filter {
	struct step *steps;
	uint32_t n_steps, first;
	struct filter_ast ast; /* lists and texts; its nodes are gone */
};

static void address_step(struct step *s, const struct ip_prefix *prefix)
{
	struct ip_addr ones = {.len = prefix->addr.len};
	memset(ones.bytes, 0xff, ones.len);
	struct ip_addr mask = ip_mask(&ones, prefix->bits);
	memcpy(s->value, prefix->addr.bytes, sizeof(s->value));
	memcpy(s->mask, mask.bytes, sizeof(s->mask));
	s->len = prefix->addr.len;
}

static struct step step_of(const struct filter_ast *ast, const struct filter_test *test)
{
	const struct flow_field_info *row = &flow_fields[test->field];
	struct step s = {
		.op = test->op,
		.listed = test->listed,
		.arg = test->arg,
		.offset = (uint32_t)row->offset,
		.array = (uint32_t)row->array_offset,
	};
	if (test->listed) {
		s.lists = &ast->lists[test->list];
	} else if (test->op == TEST_ADDR || test->op == TEST_ADDRS) {
		address_step(&s, &test->prefix);
	} else if (test->op == TEST_TEXT) {
		s.text = ast->texts + test->text;
		s.text_len = (uint32_t)strlen(s.text);
	} else {
		s.lo = test->lo;
		s.span = test->hi - test->lo;
	}
	return s;
}

/* Lays out NODE and what is below it; gives the step to begin with. YES and NO are where to go on. */
static uint16_t lay_out(struct filter *f, uint32_t node, uint16_t yes, uint16_t no)
{
	const struct filter_node *n = &f->ast.nodes[node];
	switch ((enum filter_node_type)n->type) {
	case NODE_NOT:
		return lay_out(f, n->last, no, yes);
	case NODE_AND:
		for (uint32_t child = n->last; child; child = f->ast.nodes[child].prev)
			yes = lay_out(f, child, yes, no);
		return yes;
	case NODE_OR:
		for (uint32_t child = n->last; child; child = f->ast.nodes[child].prev)
			no = lay_out(f, child, yes, no);
		return no;
	case NODE_TEST:
		break;
	}
	struct step s = step_of(&f->ast, &n->test);
	s.next[0] = no;
	s.next[1] = yes;
	f->steps[f->n_steps] = s;
	return (uint16_t)f->n_steps++;
}

int filter_compile(const char *text, struct filter **ret_filter, char *err, size_t err_len)
{
	struct filter *f = calloc(1, sizeof(*f));
	int result = -ENOMEM;
	if (!f)
		return result;
	result = filter_parse(text, true, &f->ast, err, err_len);
	if (result)
		goto out;
	f->steps = calloc(FIRST_STEP + f->ast.n_nodes, sizeof(*f->steps));
	result = -ENOMEM;
	if (!f->steps)
		goto out;
	f->n_steps = FIRST_STEP;
	f->first = lay_out(f, f->ast.root, YES, NO);
	free(f->ast.nodes);
	f->ast.nodes = NULL;
	*ret_filter = f;
	f = NULL;
	result = 0;
out:
	filter_free(f);
	return result;
}

void filter_free(struct filter *filter)
{
	if (!filter)
		return;
	filter_parse_free(&filter->ast);
	free(filter->steps);
	free(filter);
}

static inline uint32_t load_u32(const struct flow *flow, uint32_t offset)
{
	uint32_t v;
	memcpy(&v, (const char *)flow + offset, sizeof(v));
	return v;
}

static inline uint64_t load_u64(const struct flow *flow, uint32_t offset)
{
	uint64_t v;
	memcpy(&v, (const char *)flow + offset, sizeof(v));
	return v;
}

static inline bool number_matches(const struct step *s, uint64_t v)
{
	return s->listed ? filter_list_has(s->lists, v) : v - s->lo <= s->span;
}

static bool address_matches(const struct step *s, const struct ip_addr *a)
{
	if (s->listed)
		return a->len && filter_list_has(&s->lists[a->len == 16], filter_list_address(a));
	uint64_t bytes[2];
	memcpy(bytes, a->bytes, sizeof(bytes));
	return a->len == s->len && (bytes[0] & s->mask[0]) == s->value[0] && (bytes[1] & s->mask[1]) == s->value[1];
}

static bool text_matches(const struct step *s, const struct flow *flow)
{
	uint32_t len = load_u32(flow, s->offset);
	return len == s->text_len && strncasecmp((const char *)flow + s->array, s->text, len) == 0;
}

static uint64_t duration_ns(const struct flow *flow)
{
	bool known = flow->time_flow_start_ns && flow->time_flow_end_ns > flow->time_flow_start_ns;
	return known ? flow->time_flow_end_ns - flow->time_flow_start_ns : 0;
}

static uint64_t rate(filter_wide amount, uint64_t per_ns)
{
	filter_wide v = per_ns ? amount * 1000000000 / per_ns : 0;
	return v > UINT64_MAX ? UINT64_MAX : (uint64_t)v;
}

/* The number that a test of one number looks at. */
static inline uint64_t number_of(const struct step *s, const struct flow *flow)
{
	switch ((enum filter_op)s->op) {
	case TEST_U64: return load_u64(flow, s->offset);
	case TEST_FLOWS: return flow->flow_count ? flow->flow_count : 1;
	case TEST_DURATION: return duration_ns(flow) / 1000000;
	case TEST_PPS: return rate(flow->packets, duration_ns(flow));
	case TEST_BPS: return rate((filter_wide)flow->bytes * 8, duration_ns(flow));
	case TEST_BPP: return flow->packets ? flow->bytes / flow->packets : 0;
	default: return load_u32(flow, s->offset);
	}
}

/* Tests on arrays: elements FROM up to TO. */
static bool elements_match(const struct step *s, const struct flow *flow, uint32_t from, uint32_t to)
{
	const struct ip_addr *addrs = (const void *)((const char *)flow + s->array);
	for (uint32_t i = from; i < to; i++)
		if (s->op == TEST_ADDRS ? address_matches(s, &addrs[i]) :
		    number_matches(s, load_u32(flow, s->array + i * (uint32_t)sizeof(uint32_t))))
			return true;
	return false;
}

static bool array_matches(const struct step *s, const struct flow *flow)
{
	uint32_t n = load_u32(flow, s->offset);
	if (s->op == TEST_ELEMENT)
		return s->arg < n && elements_match(s, flow, s->arg, s->arg + 1U);
	return elements_match(s, flow, s->op == TEST_LAST && n ? n - 1 : 0, n);
}

static bool flags_match(const struct step *s, const struct flow *flow)
{
	enum { TCP = 6 };
	uint64_t set = flow->tcp_flags & s->lo;
	return flow->proto == TCP && (s->op == TEST_FLAGS_ANY ? set != 0 : set == s->lo);
}

static bool in_port_block(uint32_t port, const struct flow *flow)
{
	return flow->port_range_end && port >= flow->port_range_start && port <= flow->port_range_end;
}

static inline bool step_matches(const struct step *s, const struct flow *flow)
{
	const struct ip_addr *address = (const void *)((const char *)flow + s->offset);
	switch ((enum filter_op)s->op) {
	case TEST_ANY: return true;
	case TEST_U32: return number_matches(s, load_u32(flow, s->offset));
	case TEST_ADDR: return address_matches(s, address);
	case TEST_FAMILY: return address->len == s->arg;
	case TEST_TEXT: return text_matches(s, flow);
	case TEST_FLAGS_ALL: case TEST_FLAGS_ANY: return flags_match(s, flow);
	case TEST_ARRAY: case TEST_ADDRS: case TEST_ELEMENT: case TEST_LAST: return array_matches(s, flow);
	case TEST_PORT_BLOCK: return in_port_block(load_u32(flow, s->offset), flow);
	default: return number_matches(s, number_of(s, flow));
	}
}

bool filter_match(const struct filter *filter, const struct flow *flow)
{
	if (!filter)
		return true;
	uint32_t at = filter->first;
	while (at >= FIRST_STEP) {
		const struct step *s = &filter->steps[at];
		at = s->next[step_matches(s, flow)];
	}
	return at == YES;
}
