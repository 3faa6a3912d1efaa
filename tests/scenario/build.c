/*
 * build.c -- words -> datagrams. A template line also teaches the sizes of the fields, in which later data lines are
 * written: numbers, addresses, texts in quotes, and octets as x0a0b.
 */
#include "build.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/ip.h"

enum { VARIABLE = 65535, ENTERPRISE_BIT = 0x8000, V9_TEMPLATE = 0, V9_OPTIONS = 1, IPFIX_TEMPLATE = 2, IPFIX_OPTIONS = 3 };

static int number(const char *word, uint64_t *ret_value, char *err, size_t err_len)
{
	char *end;
	*ret_value = strtoull(word, &end, 0);
	if (end != word && *end == '\0')
		return 0;
	snprintf(err, err_len, "\"%s\" is no number", word);
	return -1;
}

/* Pairs of name and number after the command. */
static int pairs(char **words, unsigned n, const char *const *names, uint64_t *values, unsigned n_names, char *err,
		 size_t err_len)
{
	for (unsigned i = 1; i + 1 < n; i += 2) {
		unsigned k = 0;
		while (k < n_names && strcmp(names[k], words[i]) != 0)
			k++;
		if (k == n_names) {
			snprintf(err, err_len, "%s knows no \"%s\"", words[0], words[i]);
			return -1;
		}
		if (number(words[i + 1], &values[k], err, err_len) < 0)
			return -1;
	}
	return 0;
}

int build_begin(struct build *b, char **words, unsigned n, uint64_t now_ns, char *err, size_t err_len)
{
	static const char *const names[] = {"domain", "sequence", "uptime", "time"};
	uint64_t v[4] = {1, 0, 100000, now_ns / NS_PER_S};
	if (pairs(words, n, names, v, 4, err, err_len) < 0)
		return -1;
	b->w = put_to(b->octets, sizeof(b->octets));
	b->records = 0;
	b->version = strcmp(words[0], "v9") == 0 ? 9 : 10;
	put_u16(&b->w, b->version);
	put_u16(&b->w, 0);
	if (b->version == 9)
		put_u32(&b->w, v[2]);
	put_u32(&b->w, v[3]);
	put_u32(&b->w, v[1]);
	put_u32(&b->w, v[0]);
	return 0;
}

static size_t open_set(struct build *b, unsigned id)
{
	const size_t at = put_len(&b->w);
	put_u16(&b->w, id);
	put_u16(&b->w, 0);
	return at;
}

static void close_set(struct build *b, size_t at)
{
	while ((put_len(&b->w) - at) % 4)
		put_u8(&b->w, 0);
	put_patch16(&b->w, at + 2, put_len(&b->w) - at);
}

static struct build_template *find(struct build *b, uint64_t id)
{
	for (unsigned i = 0; i < b->n_templates; i++)
		if (b->templates[i].id == id)
			return &b->templates[i];
	return NULL;
}

/* FIELD:SIZE or PEN/FIELD:SIZE; SIZE "var". */
static int put_field(struct build *b, struct build_template *t, const char *word, char *err, size_t err_len)
{
	char copy[64];
	snprintf(copy, sizeof(copy), "%s", word);
	char *colon = strchr(copy, ':'), *slash = strchr(copy, '/');
	uint64_t pen = 0, field, size = VARIABLE;
	if (!colon || t->n == BUILD_FIELDS_MAX) {
		snprintf(err, err_len, "\"%s\" is not FIELD:SIZE, or one field too many", word);
		return -1;
	}
	*colon = '\0';
	if (slash)
		*slash = '\0';
	if ((slash && number(copy, &pen, err, err_len) < 0) || number(slash ? slash + 1 : copy, &field, err, err_len) < 0 ||
	    (strcmp(colon + 1, "var") != 0 && number(colon + 1, &size, err, err_len) < 0))
		return -1;
	put_u16(&b->w, field | (slash ? ENTERPRISE_BIT : 0));
	put_u16(&b->w, size);
	if (slash)
		put_u32(&b->w, pen);
	t->sizes[t->n++] = (uint16_t)size;
	return 0;
}

static struct build_template *learn(struct build *b, const char *word, char *err, size_t err_len)
{
	uint64_t id;
	if (number(word, &id, err, err_len) < 0)
		return NULL;
	struct build_template *t = find(b, id);
	if (!t && b->n_templates < BUILD_TEMPLATES_MAX)
		t = &b->templates[b->n_templates++];
	if (!t) {
		snprintf(err, err_len, "too many templates");
		return NULL;
	}
	*t = (struct build_template){.id = (uint32_t)id};
	return t;
}

int build_template(struct build *b, char **words, unsigned n, char *err, size_t err_len)
{
	struct build_template *t = n > 1 ? learn(b, words[1], err, err_len) : NULL;
	if (!t)
		return -1;
	const size_t at = open_set(b, b->version == 9 ? V9_TEMPLATE : IPFIX_TEMPLATE);
	put_u16(&b->w, t->id);
	put_u16(&b->w, n - 2);
	for (unsigned i = 2; i < n; i++)
		if (put_field(b, t, words[i], err, err_len) < 0)
			return -1;
	close_set(b, at);
	b->records++;
	return 0;
}

/* options-template ID SCOPE... / FIELD... */
int build_options_template(struct build *b, char **words, unsigned n, char *err, size_t err_len)
{
	struct build_template *t = n > 1 ? learn(b, words[1], err, err_len) : NULL;
	unsigned slash = 2;
	while (slash < n && strcmp(words[slash], "/") != 0)
		slash++;
	if (!t || slash == n) {
		snprintf(err, err_len, "options-template ID SCOPE... / FIELD...");
		return -1;
	}
	const unsigned scopes = slash - 2, fields = n - slash - 1;
	const size_t at = open_set(b, b->version == 9 ? V9_OPTIONS : IPFIX_OPTIONS);
	put_u16(&b->w, t->id);
	/* RFC 3954 6.1 tells octets of each kind, RFC 7011 3.4.2.2 all fields, then scopes. */
	put_u16(&b->w, b->version == 9 ? 4 * scopes : scopes + fields);
	put_u16(&b->w, b->version == 9 ? 4 * fields : scopes);
	for (unsigned i = 2; i < n; i++)
		if (i != slash && put_field(b, t, words[i], err, err_len) < 0)
			return -1;
	close_set(b, at);
	b->records++;
	return 0;
}

/* RFC 7011 8.1: a template of no fields; id 2 or 3 for all of a kind. */
int build_withdraw(struct build *b, char **words, unsigned n, char *err, size_t err_len)
{
	uint64_t id;
	if (n != 2 || number(words[1], &id, err, err_len) < 0)
		return -1;
	const size_t at = open_set(b, id == IPFIX_OPTIONS ? IPFIX_OPTIONS : IPFIX_TEMPLATE);
	put_u16(&b->w, id);
	put_u16(&b->w, 0);
	close_set(b, at);
	return 0;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, tolower(c));
	return c && at ? (int)(at - digits) : -1;
}

static size_t from_hex(const char *text, uint8_t *out, size_t room)
{
	size_t n = 0;
	for (; hex_digit(text[0]) >= 0 && hex_digit(text[1]) >= 0 && n < room; text += 2)
		out[n++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
	return n;
}

/* A value as octets: x0a0b, "text", an address, a MAC (aa:bb:cc:dd:ee:ff) or a number of SIZE octets. */
static int put_value(struct build *b, const char *word, uint16_t size, char *err, size_t err_len)
{
	uint8_t octets[1024];
	size_t len = 0;
	struct ip_addr addr;
	uint64_t v;
	if (word[0] == 'x') {
		len = from_hex(word + 1, octets, sizeof(octets));
	} else if (word[0] == '"') {
		len = strcspn(word + 1, "\"");
		memcpy(octets, word + 1, len < sizeof(octets) ? len : 0);
	} else if (ip_parse(word, &addr) == 0) {
		len = addr.len;
		memcpy(octets, addr.bytes, len);
	} else {
		if (number(word, &v, err, err_len) < 0)
			return -1;
		put_uint(&b->w, v, size);
		return 0;
	}
	if (size == VARIABLE) {
		/* RFC 7011 7: one octet of length, or 255 and two. */
		put_uint(&b->w, len < 255 ? len : 255u << 16 | len, len < 255 ? 1 : 3);
		put_bytes(&b->w, octets, len);
		return 0;
	}
	for (size_t i = len; i < size && i < sizeof(octets); i++)
		octets[i] = 0;
	put_bytes(&b->w, octets, size);
	return 0;
}

/* data ID VALUE...: as many records as the values fill. */
int build_data(struct build *b, char **words, unsigned n, char *err, size_t err_len)
{
	uint64_t id;
	if (n < 2 || number(words[1], &id, err, err_len) < 0)
		return -1;
	const struct build_template *t = find(b, id);
	if (!t || t->n == 0 || (n - 2) % t->n) {
		snprintf(err, err_len, "data %s: no such template in this scenario, or not whole records", words[1]);
		return -1;
	}
	const size_t at = open_set(b, t->id);
	for (unsigned i = 2; i < n; i++)
		if (put_value(b, words[i], t->sizes[(i - 2) % t->n], err, err_len) < 0)
			return -1;
	close_set(b, at);
	b->records += (n - 2) / t->n;
	return 0;
}

int build_hex(struct build *b, char **words, unsigned n, char *err, size_t err_len)
{
	(void)err, (void)err_len;
	for (unsigned i = 1; i < n; i++) {
		uint8_t octets[1024];
		put_bytes(&b->w, octets, from_hex(words[i], octets, sizeof(octets)));
	}
	return 0;
}

size_t build_end(struct build *b)
{
	if (b->version == 10)
		put_patch16(&b->w, 2, put_len(&b->w));
	else if (b->version == 9)
		put_patch16(&b->w, 2, b->records);
	b->version = 0;
	return put_len(&b->w);
}
