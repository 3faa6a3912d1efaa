/*
 * filter_sql.c -- the filter's tree as SQL. The same filter finds the same flows here and in filter_match();
 * tests/integration/test_filter_sql.c holds the two against each other in a real ClickHouse.
 *
 * flows_raw has addresses in 16 bytes, IPv4 as ::ffff:a.b.c.d and an absent one as `::`: an IPv4 network is a range
 * there, and what is asked of IPv6 leaves both out.
 */
#include "proto/filter_sql.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "common/buf.h"
#include "proto/filter_ast.h"
#include "proto/flow.h"

#define DURATION_NS \
	"if(TimeFlowStartNs = 0 OR TimeFlowEndNs <= TimeFlowStartNs, 0, TimeFlowEndNs - TimeFlowStartNs)"
#define V4_RANGE "BETWEEN toIPv6('::ffff:0.0.0.0') AND toIPv6('::ffff:255.255.255.255')"

struct writer {
	const struct filter_ast *ast;
	struct buf *out;
};

void filter_sql_column(const char *field, char out[FILTER_SQL_COLUMN_MAX])
{
	char *o = out, *end = out + FILTER_SQL_COLUMN_MAX - 1;
	size_t len;
	while ((len = strcspn(field, "_")) > 0 && len <= (size_t)(end - o)) {
		if (len == 2 && memcmp(field, "as", 2) == 0) {
			memcpy(o, "AS", 2);
		} else if (len == 5 && memcmp(field, "etype", 5) == 0) {
			memcpy(o, "EType", 5);
		} else {
			memcpy(o, field, len);
			*o = (char)toupper((unsigned char)*o);
		}
		o += len;
		field += len + (field[len] == '_');
	}
	*o = '\0';
}

static void put_compare(struct buf *out, const char *what, uint64_t lo, uint64_t hi)
{
	if (lo == hi)
		buf_printf(out, "%s = %llu", what, (unsigned long long)lo);
	else if (lo == 0 && hi == UINT64_MAX)
		buf_puts(out, "1");
	else if (lo == 0)
		buf_printf(out, "%s <= %llu", what, (unsigned long long)hi);
	else if (hi == UINT64_MAX)
		buf_printf(out, "%s >= %llu", what, (unsigned long long)lo);
	else
		buf_printf(out, "%s BETWEEN %llu AND %llu", what, (unsigned long long)lo, (unsigned long long)hi);
}

/* Single numbers of a list as one IN, its ranges beside it. */
static void put_number_list(struct buf *out, const char *what, const struct filter_list *list)
{
	size_t singles = 0, parts = 0;
	buf_puts(out, "(");
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].lo == list->items[i].hi) {
			singles++;
			continue;
		}
		buf_puts(out, parts++ ? " OR " : "");
		put_compare(out, what, (uint64_t)list->items[i].lo, (uint64_t)list->items[i].hi);
	}
	if (singles)
		buf_printf(out, "%s%s IN (", parts++ ? " OR " : "", what);
	for (size_t i = 0, n = 0; i < list->count; i++)
		if (list->items[i].lo == list->items[i].hi)
			buf_printf(out, "%s%llu", n++ ? ", " : "", (unsigned long long)list->items[i].lo);
	buf_puts(out, singles ? "))" : parts ? ")" : "0)");
}

static void put_numbers(const struct writer *w, const struct filter_test *test, const char *what)
{
	if (test->listed)
		put_number_list(w->out, what, &w->ast->lists[test->list]);
	else
		put_compare(w->out, what, test->lo, test->hi);
}

static void put_address(struct buf *out, filter_wide v, bool v4)
{
	char text[IP_TEXT_MAX];
	uint8_t bytes[16];
	struct ip_addr a;
	for (int i = 15; i >= 0; i--, v >>= 8)
		bytes[i] = (uint8_t)v;
	a = v4 ? ip_v4(bytes + 12) : ip_v6(bytes);
	ip_format(&a, text);
	buf_printf(out, "toIPv6('%s%s')", v4 ? "::ffff:" : "", text);
}

/* The ranges of both families; how many there were. */
static void put_address_list(struct buf *out, const char *what, const struct filter_list *lists)
{
	size_t parts = 0;
	buf_puts(out, "(");
	for (int family = 0; family < 2; family++) {
		for (size_t i = 0; i < lists[family].count; i++) {
			const struct filter_range *r = &lists[family].items[i];
			buf_printf(out, "%s%s ", parts++ ? " OR " : "", what);
			buf_puts(out, r->lo == r->hi ? "= " : "BETWEEN ");
			put_address(out, r->lo, family == 0);
			if (r->lo != r->hi) {
				buf_puts(out, " AND ");
				put_address(out, r->hi, family == 0);
			}
			/* Only ranges from zero on reach `::` and ::ffff:0:0/96. */
			if (family == 1 && r->lo >> 96 == 0)
				buf_printf(out, " AND %s != toIPv6('::') AND NOT %s " V4_RANGE, what, what);
		}
	}
	buf_puts(out, parts ? ")" : "0)");
}

static void put_family(struct buf *out, const char *column, unsigned len)
{
	if (len == 4)
		buf_printf(out, "%s " V4_RANGE, column);
	else
		buf_printf(out, "(%s != toIPv6('::') AND NOT %s " V4_RANGE ")", column, column);
}

static void put_text(struct buf *out, const char *column, const char *text)
{
	buf_printf(out, "lower(%s) = '", column);
	for (; *text; text++) {
		int c = tolower((unsigned char)*text);
		if (isalnum(c) && c < 128)
			buf_printf(out, "%c", c);
		else
			buf_printf(out, "\\x%02x", (unsigned)(unsigned char)c);
	}
	buf_puts(out, "'");
}

static void put_array(const struct writer *w, const struct filter_test *test, const char *column)
{
	struct buf element = {0};
	switch ((enum filter_op)test->op) {
	case TEST_ELEMENT:
		buf_printf(w->out, "(length(%s) > %u AND ", column, test->arg);
		buf_printf(&element, "%s[%u]", column, test->arg + 1U);
		break;
	case TEST_LAST:
		buf_printf(w->out, "(notEmpty(%s) AND ", column);
		buf_printf(&element, "%s[-1]", column);
		break;
	default:
		buf_puts(w->out, "arrayExists(x -> ");
		buf_puts(&element, "x");
	}
	if (test->op == TEST_ADDRS)
		put_address_list(w->out, element.data ? element.data : "", &w->ast->lists[test->list]);
	else
		put_numbers(w, test, element.data ? element.data : "");
	if (test->op == TEST_ARRAY || test->op == TEST_ADDRS)
		buf_printf(w->out, ", %s", column);
	buf_puts(w->out, ")");
	w->out->failed |= element.failed;
	buf_free(&element);
}

static void put_test(const struct writer *w, const struct filter_test *test)
{
	char column[FILTER_SQL_COLUMN_MAX];
	filter_sql_column(flow_fields[test->field].name, column);
	unsigned long long mask = test->lo;
	switch ((enum filter_op)test->op) {
	case TEST_ANY: buf_puts(w->out, "1"); break;
	case TEST_U32: case TEST_U64: put_numbers(w, test, column); break;
	case TEST_FLOWS: put_numbers(w, test, "greatest(FlowCount, 1)"); break;
	case TEST_DURATION: put_numbers(w, test, "intDiv(" DURATION_NS ", 1000000)"); break;
	case TEST_PPS: put_numbers(w, test, "if(" DURATION_NS " = 0, 0, intDiv(toUInt128(Packets) * 1000000000, greatest("
				   DURATION_NS ", 1)))"); break;
	case TEST_BPS: put_numbers(w, test, "if(" DURATION_NS " = 0, 0, intDiv(toUInt128(Bytes) * 8000000000, greatest("
				   DURATION_NS ", 1)))"); break;
	case TEST_BPP: put_numbers(w, test, "if(Packets = 0, 0, intDiv(Bytes, greatest(Packets, 1)))"); break;
	case TEST_ARRAY: case TEST_ELEMENT: case TEST_LAST: case TEST_ADDRS: put_array(w, test, column); break;
	case TEST_ADDR: put_address_list(w->out, column, &w->ast->lists[test->list]); break;
	case TEST_FAMILY: put_family(w->out, column, test->arg); break;
	case TEST_TEXT: put_text(w->out, column, w->ast->texts + test->text); break;
	case TEST_FLAGS_ALL: buf_printf(w->out, "(Proto = 6 AND bitAnd(TcpFlags, %llu) = %llu)", mask, mask); break;
	case TEST_FLAGS_ANY: buf_printf(w->out, "(Proto = 6 AND bitAnd(TcpFlags, %llu) != 0)", mask); break;
	case TEST_PORT_BLOCK:
		buf_printf(w->out, "(PortRangeEnd != 0 AND %s BETWEEN PortRangeStart AND PortRangeEnd)", column);
		break;
	}
}

static void put_node(const struct writer *w, uint32_t node);

/* Children hang from the last one backwards: the first is written first. Chains can be thousands long, so they are
 * turned around in place of a recursion a child. */
static void put_children(const struct writer *w, const struct filter_node *parent)
{
	struct filter_node *nodes = w->ast->nodes;
	uint32_t first = 0;
	for (uint32_t child = parent->last; child;) {
		uint32_t before = nodes[child].prev;
		nodes[child].prev = first;
		first = child;
		child = before;
	}
	for (uint32_t child = first; child; child = nodes[child].prev) {
		if (child != first)
			buf_puts(w->out, parent->type == NODE_AND ? " AND " : " OR ");
		put_node(w, child);
	}
}

static void put_node(const struct writer *w, uint32_t node)
{
	const struct filter_node *n = &w->ast->nodes[node];
	if (n->type == NODE_TEST) {
		put_test(w, &n->test);
		return;
	}
	buf_puts(w->out, n->type == NODE_NOT ? "NOT (" : "(");
	put_children(w, n);
	buf_puts(w->out, ")");
}

int filter_sql(const char *text, struct buf *out, char *err, size_t err_len)
{
	struct filter_ast ast;
	int result = filter_parse(text, false, &ast, err, err_len);
	if (!result) {
		const struct writer w = {.ast = &ast, .out = out};
		put_node(&w, ast.root);
		result = out->failed ? -ENOMEM : 0;
	}
	filter_parse_free(&ast);
	return result;
}
