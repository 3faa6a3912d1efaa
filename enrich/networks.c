/*
 * networks.c -- see networks.h.
 *
 * Prefixes lie sorted in one array, IPv4 as v4-mapped IPv6, each with the number of the next wider one that has it. A
 * look-up is a binary search for the last prefix that begins at or before the address, then a walk outwards until one has
 * it: 32 bytes a prefix, and a million of them take 21 steps. For IPv4 the search begins between the places that the first
 * two octets lead to: a handful of steps.
 */
#include "enrich/networks.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/ip.h"

enum { PREFIXES_MAX = 16 * 1000 * 1000, FIELDS = 3, NAME_MAX_LEN = 120, HEADS = 1 << 16 };

#define NONE UINT32_MAX

struct row {
	uint8_t bytes[16];
	uint32_t outer;             /* number of the next wider prefix, NONE: there is none */
	uint32_t network, customer; /* offsets into text */
	uint8_t bits;
};

struct networks {
	struct row *rows;
	size_t count, cap;
	uint32_t first[HEADS + 1]; /* number of the first prefix at or behind A.B.0.0; the last: behind all of IPv4 */
	struct buf text; /* names, each with its NUL; offset 0 is "" */
};

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static void to_bytes(const struct ip_addr *a, uint8_t out[16])
{
	if (a->len == 16) {
		memcpy(out, a->bytes, 16);
		return;
	}
	memcpy(out, mapped, sizeof(mapped));
	memcpy(out + 12, a->bytes, 4);
}

static bool has(const struct row *row, const uint8_t bytes[16])
{
	unsigned whole = row->bits / 8, rest = row->bits % 8;
	if (memcmp(row->bytes, bytes, whole) != 0)
		return false;
	return !rest || ((row->bytes[whole] ^ bytes[whole]) & (0xff00u >> rest & 0xff)) == 0;
}

/* -- reading -- */

/* The next field of a CSV line into OUT; gives what follows it, NULL after the last. */
static const char *field(const char *p, char *out, size_t max)
{
	size_t n = 0;
	bool quoted = *p == '"';
	for (p += quoted; *p; p++) {
		if (quoted && *p == '"' && p[1] != '"') {
			quoted = false;
			continue;
		}
		if (!quoted && *p == ',')
			break;
		p += quoted && *p == '"'; /* two stand for one */
		if (n + 1 < max)
			out[n++] = *p;
	}
	while (n && isspace((unsigned char)out[n - 1]))
		n--;
	out[n] = '\0';
	return *p == ',' ? p + 1 : NULL;
}

static uint32_t add_name(struct networks *n, const char *name)
{
	size_t at = n->text.len;
	if (!*name)
		return 0;
	buf_add(&n->text, name, strlen(name) + 1);
	return (uint32_t)at;
}

static int add_row(struct networks *n, const struct ip_prefix *prefix, const char *network, const char *customer)
{
	if (n->count == PREFIXES_MAX || n->text.len > INT32_MAX)
		return -E2BIG;
	if (n->count == n->cap) {
		size_t cap = n->cap ? n->cap * 2 : 1024;
		struct row *grown = reallocarray(n->rows, cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		n->rows = grown;
		n->cap = cap;
	}
	struct row *row = &n->rows[n->count++];
	const struct row *before = n->count > 1 ? row - 1 : NULL;
	to_bytes(&prefix->addr, row->bytes);
	row->bits = (uint8_t)(prefix->bits + (prefix->addr.len == 4 ? 96 : 0));
	/* Files come in order of customers: the name is often the one before. */
	row->network = before && strcmp(n->text.data + before->network, network) == 0 ? before->network : add_name(n, network);
	row->customer = before && strcmp(n->text.data + before->customer, customer) == 0 ? before->customer : add_name(n, customer);
	return n->text.failed ? -ENOMEM : 0;
}

static int add_line(struct networks *n, const char *line, bool first)
{
	char fields[FIELDS][NAME_MAX_LEN + 1] = {"", "", ""};
	const char *p = line;
	struct ip_prefix prefix;
	while (isspace((unsigned char)*p))
		p++;
	if (!*p || *p == '#')
		return 0;
	for (size_t i = 0; i < FIELDS && p; i++)
		p = field(p, fields[i], sizeof(fields[i]));
	if (ip_prefix_parse(fields[0], &prefix))
		return first ? 0 : -EINVAL;
	return add_row(n, &prefix, fields[1], fields[2]);
}

static int by_place(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = memcmp(x->bytes, y->bytes, sizeof(x->bytes));
	return order ? order : (int)x->bits - (int)y->bits;
}

/* Sorted, the wider ones that have a prefix are those still open when it comes. */
static void link_rows(struct networks *n)
{
	if (n->count)
		qsort(n->rows, n->count, sizeof(n->rows[0]), by_place);
	for (size_t i = 0; i < n->count; i++) {
		uint32_t outer = i ? (uint32_t)i - 1 : NONE;
		while (outer != NONE && (n->rows[outer].bits >= n->rows[i].bits || !has(&n->rows[outer], n->rows[i].bytes)))
			outer = n->rows[outer].outer;
		n->rows[i].outer = outer;
	}
}

static void note_heads(struct networks *n)
{
	uint32_t head = 0;
	for (uint32_t i = 0; i < n->count; i++) {
		const uint8_t *bytes = n->rows[i].bytes;
		const int order = memcmp(bytes, mapped, sizeof(mapped));
		const uint32_t its = order ? HEADS : (uint32_t)bytes[12] << 8 | bytes[13];
		while (order >= 0 && head <= its)
			n->first[head++] = i;
	}
	while (head <= HEADS)
		n->first[head++] = (uint32_t)n->count;
}

static int read_lines(struct networks *n, FILE *f, const char *path, char *err, size_t err_len)
{
	char *line = NULL;
	size_t cap = 0, number = 0;
	int r = 0;
	while (!r && getline(&line, &cap, f) >= 0) {
		line[strcspn(line, "\r\n")] = '\0';
		r = add_line(n, line, ++number == 1);
	}
	if (r)
		snprintf(err, err_len, "%s:%zu: %s", path, number,
			 r == -EINVAL ? "no prefix such as 192.0.2.0/24 or 2001:db8::/32 at its beginning" : strerror(-r));
	free(line);
	return r;
}

int networks_load(const char *path, struct networks **ret_networks, char *err, size_t err_len)
{
	FILE *f = fopen(path, "re");
	if (!f) {
		int r = -errno;
		snprintf(err, err_len, "%s: %s", path, strerror(errno));
		return r;
	}
	struct networks *n = calloc(1, sizeof(*n));
	int r = n ? 0 : -ENOMEM;
	if (n)
		buf_add(&n->text, "", 1);
	if (!r)
		r = read_lines(n, f, path, err, err_len);
	else
		snprintf(err, err_len, "%s: out of memory", path);
	fclose(f);
	if (r) {
		networks_free(n);
		return r;
	}
	link_rows(n);
	note_heads(n);
	*ret_networks = n;
	return 0;
}

void networks_free(struct networks *n)
{
	if (!n)
		return;
	free(n->rows);
	buf_free(&n->text);
	free(n);
}

size_t networks_count(const struct networks *n)
{
	return n->count;
}

struct network_names networks_find(const struct networks *n, const struct ip_addr *a)
{
	struct network_names names = {"", ""};
	uint8_t bytes[16];
	size_t low = 0, high = n->count;
	if (!a->len)
		return names;
	to_bytes(a, bytes);
	if (a->len == 4) {
		const size_t head = (size_t)a->bytes[0] << 8 | a->bytes[1];
		low = n->first[head];
		high = n->first[head + 1];
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (memcmp(n->rows[middle].bytes, bytes, sizeof(bytes)) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	uint32_t i = low ? (uint32_t)low - 1 : NONE;
	while (i != NONE && !has(&n->rows[i], bytes))
		i = n->rows[i].outer;
	if (i != NONE) {
		names.network = n->text.data + n->rows[i].network;
		names.customer = n->text.data + n->rows[i].customer;
	}
	return names;
}
