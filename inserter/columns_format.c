/*
 * columns_format.c -- a format as text -> the cells that write a line, once at start.
 *
 * A code is the longest name of columns.def that the letters behind a % begin with, so that "%ts," and "%sap->" need no
 * blank between. %line, %long ... insert a whole format; %{in_if_name} any field of docs/fields.md.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "inserter/columns_internal.h"
#include "inserter/put.h"

static const struct {
	const char *name;
	const char *format;
} formats[] = {
	{"line", "%ts %td %pr %sap -> %dap %pkt %byt %fl"},
	{"long", "%ts %td %pr %sap -> %dap %flg %tos %pkt %byt %fl"},
	{"extended", "%ts %td %pr %sap -> %dap %flg %tos %pkt %byt %pps %bps %bpp %fl"},
	{"biline", "%ts %td %pr %sap <-> %dap %opkt %ipkt %obyt %ibyt %fl"},
	{"bilong", "%ts %td %pr %sap <-> %dap %flg %tos %opkt %ipkt %obyt %ibyt %fl"},
	{"gline", "%ts %td %pr %gsap -> %gdap %pkt %byt %fl"},
	{"glong", "%ts %td %pr %gsap -> %gdap %flg %tos %pkt %byt %fl"},
	{"nel", "%ts %nevt %pr %sap -> %dap %nsap -> %ndap"},
	{"nsel", "%ts %evt %xevt %pr %sap -> %dap %xsap -> %xdap %ibyt %obyt"},
	{"csv", "csv:%ts,%te,%td,%sa,%da,%sp,%dp,%pr,%flg,%fwd,%stos,%ipkt,%ibyt,%opkt,%obyt,%in,%out,%sas,%das,%smk,%dmk,"
		"%dtos,%dir,%nh,%nhb,%svln,%dvln,%ismc,%odmc,%idmc,%osmc,%mpls1,%mpls2,"
		"%mpls3,%mpls4,%mpls5,%mpls6,%mpls7,%mpls8,%mpls9,%mpls10,%ra,%eng,%tr"},
};

static const struct cell codes[] = {
#define ODD_COLUMN(code, text, columns, how, member) \
	{.put = columns_##how, .name = #code, .heading = text, .width = (columns), \
	 .offset = offsetof(struct flow, member), .size = sizeof(((struct flow *)NULL)->member)},
#define COLUMN(code, text, how, member) ODD_COLUMN(code, text, sizeof(text) - 1, how, member)
#define ARRAY_COLUMN(code, text, how, member) \
	{.put = columns_##how, .name = #code, .heading = text, .width = sizeof(text) - 1, \
	 .offset = offsetof(struct flow, n_##member), .array_offset = offsetof(struct flow, member)},
#define LABEL_COLUMN(n) \
	{.put = columns_mpls_place, .name = "mpls" #n, .heading = " MPLS lbl " #n " ", .width = 12, .place = (n) - 1},
#define NO_COLUMN(code, why)
#include "inserter/columns.def"
#undef COLUMN
#undef ARRAY_COLUMN
#undef LABEL_COLUMN
#undef ODD_COLUMN
#undef NO_COLUMN
};

static const struct {
	const char *name, *why;
} absent[] = {
#define ODD_COLUMN(code, text, columns, how, member)
#define COLUMN(code, text, how, member)
#define ARRAY_COLUMN COLUMN
#define LABEL_COLUMN(n)
#define NO_COLUMN(code, why) {#code, why},
#include "inserter/columns.def"
#undef COLUMN
#undef ARRAY_COLUMN
#undef LABEL_COLUMN
#undef ODD_COLUMN
#undef NO_COLUMN
};

struct compile {
	struct columns *c;
	const char *format; /* the whole, for errors */
	char *err;
	size_t err_len;
	unsigned depth;
};

static int fail(const struct compile *run, const char *at, const char *what)
{
	snprintf(run->err, run->err_len, "output format '%.80s': %s at '%.20s'; docs/inserter.md lists the codes", run->format,
		 what, at);
	return -EINVAL;
}

static int add_literal(struct compile *run, const char *text, size_t len)
{
	struct columns *c = run->c;
	if (!c->n_cells) /* a format that begins with text has an empty cell in front */
		c->cells[c->n_cells++] = (struct cell){.name = "", .heading = ""};
	struct cell *cell = &c->cells[c->n_cells - 1];
	if (cell->literal_len + len > COLUMNS_WIDE)
		return fail(run, text, "too much text");
	char *grown = realloc(cell->literal, cell->literal_len + len);
	if (!grown)
		return -ENOMEM;
	memcpy(grown + cell->literal_len, text, len);
	cell->literal = grown;
	cell->literal_len += len;
	return 0;
}

static int add_cell(struct compile *run, const char *at, struct cell cell)
{
	if (run->c->n_cells == COLUMNS_CELLS_MAX)
		return fail(run, at, "too many columns");
	run->c->cells[run->c->n_cells++] = cell;
	return 0;
}

/* %{name} */
static int add_field(struct compile *run, const char *at, size_t len)
{
	static cell_fn *const how[] = {
		[FLOW_KIND_U32] = columns_number, [FLOW_KIND_U64] = columns_number, [FLOW_KIND_ADDR] = columns_field_addr,
		[FLOW_KIND_U32S] = columns_field_numbers, [FLOW_KIND_ADDRS] = columns_field_addrs, [FLOW_KIND_STR] = columns_text,
	};
	char name[64];
	if (len >= sizeof(name))
		return fail(run, at, "no such field");
	memcpy(name, at, len);
	name[len] = '\0';
	int index = flow_field_by_name(name);
	if (index < 0)
		return fail(run, at, "no such field");
	const struct flow_field_info *info = &flow_fields[index];
	struct cell cell = {.put = how[info->kind], .name = info->name, .heading = info->name, .offset = info->offset,
			    .size = info->kind == FLOW_KIND_U64 ? sizeof(uint64_t) : sizeof(uint32_t),
			    .array_offset = info->array_offset};
	if (info->render == FLOW_RENDER_MAC)
		cell.put = columns_mac;
	return add_cell(run, at, cell);
}

static int compile(struct compile *run, const char *text);

/* The name behind a %: gives in *RET_LEN how much of it was used. */
static int add_code(struct compile *run, const char *at, size_t *ret_len)
{
	const struct cell *best = NULL;
	const char *insert = NULL, *why = NULL;
	size_t best_len = 0;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		size_t len = strlen(codes[i].name);
		if (len > best_len && strncmp(at, codes[i].name, len) == 0) {
			best = &codes[i];
			best_len = len;
		}
	}
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		size_t len = strlen(formats[i].name);
		if (len > best_len && strncmp(at, formats[i].name, len) == 0 && formats[i].format[0] == '%') {
			insert = formats[i].format;
			best_len = len;
		}
	}
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		size_t len = strlen(absent[i].name);
		if (len > best_len && strncmp(at, absent[i].name, len) == 0) {
			why = absent[i].why;
			best_len = len;
		}
	}
	*ret_len = best_len;
	if (why)
		return fail(run, at - 1, why);
	if (!best_len)
		return fail(run, at - 1, "unknown code");
	if (!insert)
		return add_cell(run, at, *best);
	if (++run->depth > 4)
		return fail(run, at, "too deep");
	return compile(run, insert);
}

static int compile(struct compile *run, const char *text)
{
	int r = 0;
	while (*text && !r) {
		size_t len = strcspn(text, "%");
		if (len) {
			r = add_literal(run, text, len);
		} else if (text[1] == '%') {
			r = add_literal(run, text, 1);
			len = 2;
		} else if (text[1] == '{') {
			size_t name = strcspn(text + 2, "}");
			if (!text[2 + name])
				return fail(run, text, "no closing brace");
			r = add_field(run, text + 2, name);
			len = name + 3;
		} else {
			r = add_code(run, text + 1, &len);
			len++;
		}
		text += len;
	}
	return r;
}

int columns_new(const char *format, const struct columns_style *style, struct columns **ret_columns, char *err, size_t err_len)
{
	struct columns *c = calloc(1, sizeof(*c));
	if (!c) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	c->plain_numbers = style->plain_numbers;
	c->long_ipv6 = style->long_ipv6;
	c->minute = UINT64_MAX;
	const char *text = format;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(format, formats[i].name) == 0)
			text = formats[i].format;
	c->plain = strncmp(text, "csv:", 4) == 0;
	if (c->plain || strncmp(text, "fmt:", 4) == 0)
		text += 4;
	struct compile run = {.c = c, .format = format, .err = err, .err_len = err_len};
	int r = text == format ? fail(&run, format, "no such format") : compile(&run, text);
	if (!r && c->n_cells == 0)
		r = fail(&run, format, "nothing to print");
	if (r)
		columns_free(c);
	else
		*ret_columns = c;
	return r;
}

void columns_free(struct columns *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_cells; i++)
		free(c->cells[i].literal);
	free(c);
}

bool columns_are_plain(const struct columns *c)
{
	return c->plain;
}

static bool is_address(const struct cell *cell)
{
	static cell_fn *const wide[] = {columns_address, columns_source, columns_destination, columns_source_country,
		columns_destination_country, columns_src_net, columns_dst_net, columns_translated_source,
		columns_translated_destination};
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (cell->put == wide[i])
			return true;
	return false;
}

size_t columns_heading(const struct columns *c, char *out)
{
	char *p = out;
	for (size_t i = 0; i < c->n_cells; i++) {
		const struct cell *cell = &c->cells[i];
		if (c->plain) {
			p = put_text(p, cell->name, strlen(cell->name));
			p = put_text(p, cell->literal, cell->literal_len);
			continue;
		}
		if (c->long_ipv6 && is_address(cell))
			p = put_spaces(p, 39 - 16);
		p = put_text(p, cell->heading, strlen(cell->heading));
		p = put_spaces(p, cell->literal_len);
	}
	*p++ = '\n';
	return (size_t)(p - out);
}

size_t columns_line(struct columns *c, const struct flow *f, uint64_t number, char *out)
{
	char *p = out;
	c->number = number;
	for (size_t i = 0; i < c->n_cells; i++) {
		const struct cell *cell = &c->cells[i];
		if (p - out > COLUMNS_LINE_MAX - COLUMNS_CELL_MAX - COLUMNS_WIDE - 2)
			break;
		if (cell->put)
			p = cell->put(c, cell, f, p);
		p = put_text(p, cell->literal, cell->literal_len);
	}
	*p++ = '\n';
	return (size_t)(p - out);
}
