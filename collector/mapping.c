/*
 * mapping.c -- see mapping.h.
 */
#include "collector/mapping.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/record.h"
#include "collector/template.h"
#include "common/wire.h"
#include "proto/flow.h"

enum { FILE_MAX = 256 * 1024 }; /* of a mapping file */

static size_t bucket_of(uint32_t pen, uint16_t element)
{
	uint32_t h = (pen * 2654435761u) ^ (element * 40503u);
	return (h >> 7 ^ h) % MAPPING_BUCKETS;
}

/* Rows of one element stay in the order in which they were added. */
static void add_row(struct mapping *m, const struct ie_map *map, uint8_t rank)
{
	struct mapping_row *row = &m->rows[m->n_rows++];
	struct mapping_row **at = &m->buckets[bucket_of(map->pen, map->element)];

	row->map = *map;
	row->map.rank = rank;
	row->next = NULL;
	while (*at)
		at = &(*at)->next;
	*at = row;
}

static struct mapping *start(void)
{
	size_t n;
	struct mapping *m = calloc(1, sizeof(*m));

	(void)ie_map_rows(&n);
	if (!m)
		return NULL;
	m->rows = calloc(n + MAPPING_ROWS_MAX, sizeof(*m->rows));
	if (!m->rows) {
		free(m);
		return NULL;
	}
	return m;
}

/* A user's rows have rank 0, so the built-in ones come after them. */
static void add_built_in(struct mapping *m)
{
	size_t n;
	const struct ie_map *rows = ie_map_rows(&n);

	for (size_t i = 0; i < n; i++)
		add_row(m, &rows[i], (uint8_t)(rows[i].rank + 1));
}

int mapping_new(struct mapping **ret_mapping)
{
	struct mapping *m = start();

	if (!m)
		return -ENOMEM;
	add_built_in(m);
	*ret_mapping = m;
	return 0;
}

/* A file at work. */
struct parse {
	struct mapping *m;
	const char *name;
	unsigned line;
	struct ie_map user[MAPPING_ROWS_MAX];
	size_t n_user;
	char *err;
	size_t err_len;
};

static int complain(struct parse *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int complain(struct parse *p, const char *format, ...)
{
	char what[200];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(p->err, p->err_len, "%s:%u: %s", p->name, p->line, what);
	return -EINVAL;
}

/* A number and nothing else; false when it is none, or above MAX. */
static bool number(const char *text, uint64_t max, uint64_t *ret_value)
{
	char *end;

	errno = 0;
	uint64_t v = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || v > max)
		return false;
	*ret_value = v;
	return true;
}

static int parse_element(struct parse *p, char *text, struct ie_map *row)
{
	char *slash = strchr(text, '/');
	uint64_t pen = 0;
	uint64_t id;

	if (slash) {
		*slash = '\0';
		if (!number(text, UINT32_MAX, &pen))
			return complain(p, "'%s' is no enterprise number", text);
		text = slash + 1;
	}
	if (pen == IE_PEN_REVERSE)
		return complain(p, "PEN %d is the other direction: name the element without it", IE_PEN_REVERSE);
	if (!number(text, UINT16_MAX, &id)) {
		const struct ie *ie = pen ? NULL : ie_by_name(text);
		if (!ie)
			return complain(p, "'%s' is neither an element's number nor a name that IANA has assigned", text);
		id = ie->number;
	}
	row->pen = (uint32_t)pen;
	row->element = (uint16_t)id;
	return 0;
}

/* How the element's bytes become a value of a member of that kind. */
static void aim(struct ie_map *row, const struct flow_field_info *field)
{
	static const struct { uint8_t op, width; } kinds[] = {
		[FLOW_KIND_U32] = {IE_OP_UINT, IE_WIDTH_32}, [FLOW_KIND_U64] = {IE_OP_UINT, IE_WIDTH_64},
		[FLOW_KIND_ADDR] = {IE_OP_ADDR, IE_WIDTH_ADDR}, [FLOW_KIND_U32S] = {IE_OP_NUMBER, IE_WIDTH_ARRAY},
		[FLOW_KIND_ADDRS] = {IE_OP_ADDRESS, IE_WIDTH_ARRAY}, [FLOW_KIND_STR] = {IE_OP_TEXT, IE_WIDTH_ARRAY},
	};
	const struct ie *ie = row->pen ? NULL : ie_find(row->element);
	bool is_time = strncmp(field->name, "time_", 5) == 0;

	row->op = kinds[field->kind].op;
	row->width = kinds[field->kind].width;
	row->target = (uint16_t)field->offset;
	row->array = (uint16_t)field->array_offset;
	if (is_time && ie && ie->type == IE_TYPE_TIME_S)
		row->op = IE_OP_SEC;
	else if (is_time && ie && ie->type == IE_TYPE_TIME_MS)
		row->op = IE_OP_MS;
	else if (is_time && ie && (ie->type == IE_TYPE_TIME_US || ie->type == IE_TYPE_TIME_NS))
		row->op = ie->type == IE_TYPE_TIME_US ? IE_OP_NTP_US : IE_OP_NTP;
}

static int wire_of_name(const char *name)
{
	static const char *const names[] = {"varint", "string", "bytes"};

	for (int i = 0; i < 3; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return -1;
}

static int parse_own(struct parse *p, const char *number_text, const char *name, const char *type, struct ie_map *row)
{
	struct mapping_own own = {0};
	uint64_t n;
	int wire = wire_of_name(type);

	if (!number(number_text, MAPPING_NUMBER_MAX, &n) || n < MAPPING_NUMBER_MIN)
		return complain(p, "'%s' is no field number: %d to %d", number_text, MAPPING_NUMBER_MIN, MAPPING_NUMBER_MAX);
	if (flow_field_by_name(name) >= 0)
		return complain(p, "'%s' is a field that exists: give its name alone", name);
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name) || strlen(name) >= sizeof(own.name))
		return complain(p, "'%s' is no name of a field: lower-case letters, digits and _, 63 at most", name);
	if (wire < 0)
		return complain(p, "'%s' is no type: varint, string or bytes", type);
	own.number = (uint32_t)n;
	own.wire = (enum mapping_wire)wire;
	memcpy(own.name, name, strlen(name) + 1);
	p->m->own[p->m->n_own] = own;
	row->op = IE_OP_MAPPED;
	row->target = (uint16_t)p->m->n_own++;
	return 0;
}

static int parse_line(struct parse *p, char *line)
{
	char *words[6];
	size_t n = 0;
	char *save = NULL;

	line[strcspn(line, "#\r")] = '\0';
	for (char *w = strtok_r(line, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
		if (n == 6)
			return complain(p, "more than a row holds");
		words[n++] = w;
	}
	if (n == 0)
		return 0;
	size_t len = strlen(words[0]);
	if (n == 1 && words[0][len - 1] == ':')
		return complain(p, "this looks like goflow2's YAML: docs/mapping.md says how to write it here");
	if ((n != 3 && n != 5) || strcmp(words[1], "=") != 0)
		return complain(p, "a row is ELEMENT = FIELD or ELEMENT = NUMBER NAME TYPE");
	if (p->n_user == MAPPING_ROWS_MAX)
		return complain(p, "more than %d rows", MAPPING_ROWS_MAX);
	struct ie_map row = {0};
	int r = parse_element(p, words[0], &row);
	if (r)
		return r;
	if (n == 5) {
		r = parse_own(p, words[2], words[3], words[4], &row);
	} else {
		int field = flow_field_by_name(words[2]);
		if (field < 0)
			return complain(p, "'%s' is no field (docs/fields.md lists them)", words[2]);
		aim(&row, &flow_fields[field]);
	}
	if (r == 0)
		p->user[p->n_user++] = row;
	return r;
}

/* Fields of the user's own go out in ascending order of their numbers, which is the order of own[]. */
static void sort_own(struct parse *p)
{
	struct mapping *m = p->m;

	for (size_t i = 1; i < m->n_own; i++)
		for (size_t k = i; k > 0 && m->own[k - 1].number > m->own[k].number; k--) {
			struct mapping_own x = m->own[k];
			m->own[k] = m->own[k - 1];
			m->own[k - 1] = x;
			for (size_t u = 0; u < p->n_user; u++)
				if (p->user[u].op == IE_OP_MAPPED && (p->user[u].target == k || p->user[u].target == k - 1))
					p->user[u].target = (uint16_t)(p->user[u].target == k ? k - 1 : k);
		}
}

static int parse_text(struct parse *p, const char *text)
{
	char line[512];
	int r = 0;

	while (*text && r == 0) {
		size_t len = strcspn(text, "\n");
		p->line++;
		if (len >= sizeof(line))
			return complain(p, "longer than %zu bytes", sizeof(line) - 1);
		memcpy(line, text, len);
		line[len] = '\0';
		r = parse_line(p, line);
		text += len + (text[len] == '\n');
	}
	return r;
}

int mapping_parse(const char *text, const char *name, struct mapping **ret_mapping, char *err, size_t err_len)
{
	struct parse *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	*p = (struct parse){.m = start(), .name = name, .err = err, .err_len = err_len};
	int r = p->m ? parse_text(p, text) : -ENOMEM;
	if (r == 0) {
		sort_own(p);
		for (size_t i = 0; i < p->n_user; i++)
			add_row(p->m, &p->user[i], 0);
		add_built_in(p->m);
		*ret_mapping = p->m;
	} else {
		mapping_free(p->m);
	}
	free(p);
	return r;
}

void mapping_free(struct mapping *m)
{
	if (!m)
		return;
	free(m->rows);
	free(m);
}

static const struct mapping_row *match(const struct mapping_row *row, uint32_t pen, uint16_t element)
{
	while (row && (row->map.pen != pen || row->map.element != element))
		row = row->next;
	return row;
}

const struct mapping_row *mapping_first(const struct mapping *m, uint32_t pen, uint16_t element)
{
	return match(m->buckets[bucket_of(pen, element)], pen, element);
}

const struct mapping_row *mapping_next(const struct mapping_row *row)
{
	return match(row->next, row->map.pen, row->map.element);
}

int mapping_read(const char *path, struct mapping **ret_mapping, char *err, size_t err_len)
{
	char *text = calloc(1, FILE_MAX + 1);
	FILE *f = text ? fopen(path, "re") : NULL;
	int r = text ? -errno : -ENOMEM;

	if (f) {
		size_t len = fread(text, 1, FILE_MAX + 1, f);
		r = ferror(f) ? -errno : len > FILE_MAX ? -EFBIG : 0;
		text[len <= FILE_MAX ? len : 0] = '\0';
		fclose(f);
	}
	if (r)
		snprintf(err, err_len, "--mapping: %s: %s", path, strerror(-r));
	else
		r = mapping_parse(text, path, ret_mapping, err, err_len);
	free(text);
	return r;
}

static size_t put_varint(uint8_t *out, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		out[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	out[n++] = (uint8_t)v;
	return n;
}

enum { WIRE_VARINT = 0, WIRE_BYTES = 2, HEAD_MAX = 20 };

/* protobuf: tag, then the number, or length and bytes. Zero and empty are left out, as proto3 does. */
void mapping_value(const struct step *s, const uint8_t *p, size_t len, struct record *r)
{
	const struct mapping_own *own = &r->mapping->own[s->target];
	char text[FLOW_STR_MAX];
	uint8_t head[HEAD_MAX];
	size_t n;

	if (own->wire == MAPPING_VARINT) {
		uint64_t v = wire_load_uint(p, len);
		if (v == 0)
			return;
		n = put_varint(head, (uint64_t)own->number << 3 | WIRE_VARINT);
		n += put_varint(head + n, v);
		len = 0;
	} else {
		if (own->wire == MAPPING_STRING) {
			len = record_text(text, sizeof(text), p, len);
			p = (const uint8_t *)text;
		}
		if (len == 0)
			return;
		n = put_varint(head, (uint64_t)own->number << 3 | WIRE_BYTES);
		n += put_varint(head + n, len);
	}
	if (r->flow.n_mapped + n + len > FLOW_MAPPED_MAX) {
		r->cut++;
		return;
	}
	memcpy(r->flow.mapped + r->flow.n_mapped, head, n);
	memcpy(r->flow.mapped + r->flow.n_mapped + n, p, len);
	r->flow.n_mapped += (uint32_t)(n + len);
}
