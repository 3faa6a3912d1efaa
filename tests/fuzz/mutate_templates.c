/*
 * mutate_templates.c -- how libFuzzer changes the inputs of fuzz_templates.c: an input is taken apart into datagrams, headers and
 * sets, one thing is changed, and it is put together again with right lengths and, mostly, with data that has a
 * template. One change in eight is libFuzzer's own, which knows nothing of all that.
 */
#include <string.h>

#include "common/wire.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

enum { MESSAGES = 24, SETS = 12, BODY = 400, HEAD = 20, IDS = 8 };

struct set {
	uint16_t id;
	size_t len;
	uint8_t body[BODY];
};

struct message {
	uint8_t how, head[HEAD];
	size_t n;
	struct set sets[SETS];
};

static struct message messages[MESSAGES];
static size_t n_messages;
static uint64_t state;

static size_t below(size_t n)
{
	state = state * 6364136223846793005 + 1442695040888963407;
	return n ? (size_t)(state >> 33) % n : 0;
}

static size_t head_len(const struct message *m)
{
	return m->head[1] == 9 ? 20 : 16;
}

static void take_apart(const uint8_t *data, size_t size)
{
	struct wire w = wire_of(data, size);
	n_messages = 0;
	while (wire_left(&w) > 3 && n_messages < MESSAGES) {
		struct message *m = &messages[n_messages++];
		memset(m, 0, sizeof(*m));
		m->how = wire_u8(&w);
		size_t len = wire_u16(&w);
		struct wire d = wire_sub(&w, len < wire_left(&w) ? len : wire_left(&w));
		m->head[1] = wire_left(&d) > 1 && d.p[1] == 9 ? 9 : 10;
		size_t head = head_len(m) < wire_left(&d) ? head_len(m) : wire_left(&d);
		memcpy(m->head + 2, wire_bytes(&d, head) + (head > 2 ? 2 : 0), head > 2 ? head - 2 : 0);
		while (wire_left(&d) >= 4 && m->n < SETS) {
			struct set *s = &m->sets[m->n++];
			s->id = wire_u16(&d);
			len = wire_u16(&d);
			len = len >= 4 ? len - 4 : 0;
			len = len < wire_left(&d) ? len : wire_left(&d);
			s->len = len < BODY ? len : BODY;
			memcpy(s->body, wire_bytes(&d, len), s->len);
		}
	}
}

static size_t put_together(uint8_t *data, size_t max)
{
	size_t at = 0;
	for (size_t i = 0; i < n_messages; i++) {
		struct message *m = &messages[i];
		size_t len = head_len(m);
		for (size_t k = 0; k < m->n; k++)
			len += 4 + m->sets[k].len;
		if (at + 3 + len > max)
			break;
		data[at++] = m->how;
		input_put_u16(data + at, len);
		at += 2;
		memcpy(data + at, m->head, head_len(m));
		if (m->head[1] == 10)
			input_put_u16(data + at + 2, len);
		at += head_len(m);
		for (size_t k = 0; k < m->n; k++) {
			input_put_u16(data + at, m->sets[k].id);
			input_put_u16(data + at + 2, 4 + m->sets[k].len);
			memcpy(data + at + 4, m->sets[k].body, m->sets[k].len);
			at += 4 + m->sets[k].len;
		}
	}
	return at;
}

static struct message *any_message(void)
{
	return &messages[below(n_messages)];
}

static struct set *any_set(void)
{
	struct message *m = any_message();
	return m->n ? &m->sets[below(m->n)] : NULL;
}

static bool has_templates(const struct set *s)
{
	return s->id < 4;
}

/* --- what can be changed: each gives whether it did something ---------------------------------------------- */

static bool change_body(void)
{
	struct set *s = any_set();
	if (s)
		s->len = LLVMFuzzerMutate(s->body, s->len, BODY);
	return s;
}

static bool change_head(void)
{
	struct message *m = any_message();
	(void)LLVMFuzzerMutate(m->head + 4, head_len(m) - 4, head_len(m) - 4);
	return true;
}

static bool change_how(void)
{
	any_message()->how ^= (uint8_t)(1 << below(8));
	return true;
}

static bool double_set(void)
{
	struct set *s = any_set();
	struct message *to = any_message();
	if (!s || to->n == SETS)
		return false;
	to->sets[to->n++] = *s;
	return true;
}

static bool drop_set(void)
{
	struct message *m = any_message();
	if (m->n == 0)
		return false;
	size_t i = below(m->n);
	memmove(&m->sets[i], &m->sets[i + 1], (--m->n - i) * sizeof(m->sets[0]));
	return true;
}

static bool double_message(void)
{
	if (n_messages == MESSAGES)
		return false;
	size_t from = below(n_messages);
	messages[n_messages++] = messages[from];
	return true;
}

static bool swap_messages(void)
{
	static struct message other;
	struct message *a = any_message(), *b = any_message();
	other = *a;
	*a = *b;
	*b = other;
	return a != b;
}

static bool drop_message(void)
{
	if (n_messages < 2)
		return false;
	size_t i = below(n_messages);
	memmove(&messages[i], &messages[i + 1], (--n_messages - i) * sizeof(messages[0]));
	return true;
}

/* v9 <-> IPFIX, the sets' ids too. */
static bool change_version(void)
{
	struct message *m = any_message();
	m->head[1] = m->head[1] == 9 ? 10 : 9;
	for (size_t i = 0; i < m->n; i++)
		if (has_templates(&m->sets[i]))
			m->sets[i].id ^= 2;
	return true;
}

/* Data of any kind for one of the templates that begin a set. */
static bool aim(void)
{
	struct set *data = any_set(), *t = any_set();
	if (!data || !t || has_templates(data) || !has_templates(t) || t->len < 4)
		return false;
	data->id = wire_load16(t->body);
	return true;
}

static const uint16_t elements[] = {
	1, 2, 4, 7, 8, 10, 11, 12, 14, 21, 22, 27, 32, 34, 48, 50, 56, 60, 82, 83, 96, 104, 149, 150, 152, 154, 158, 160, 161, 210,
	225, 231, 234, 291, 292, 293, 302, 303, 305, 306, 309, 310, 311, 313, 315, 316, 322, 339, 341, 346, 460,
};

static const uint16_t lengths[] = {0, 1, 2, 3, 4, 6, 8, 16, 20, 65535};

static bool change_field(void)
{
	struct set *s = any_set();
	if (!s || !has_templates(s) || s->len < 8)
		return false;
	uint8_t *field = s->body + 4 * (1 + below(s->len / 4 - 1));
	if (below(2))
		input_put_u16(field, elements[below(sizeof(elements) / sizeof(elements[0]))]);
	else
		input_put_u16(field + 2, lengths[below(sizeof(lengths) / sizeof(lengths[0]))]);
	return true;
}

/* A template and a few records that have its layout, in one message or two. */
static bool add_pair(void)
{
	struct message *m = any_message(), *n = any_message();
	if (m->n == SETS || n->n >= SETS - 1)
		return false;
	struct set *t = &m->sets[m->n++], *d = &n->sets[n->n++];
	size_t fields = 1 + below(12);
	t->id = m->head[1] == 9 ? 0 : 2;
	d->id = (uint16_t)(256 + below(IDS));
	input_put_u16(t->body, d->id);
	input_put_u16(t->body + 2, fields);
	t->len = 4 + 4 * fields;
	d->len = 0;
	for (size_t i = 0; i < fields; i++) {
		uint16_t len = lengths[1 + below(9)];
		input_put_u16(t->body + 4 + 4 * i, elements[below(sizeof(elements) / sizeof(elements[0]))]);
		input_put_u16(t->body + 6 + 4 * i, len);
		if (len == 65535) {
			len = (uint16_t)(1 + below(24));
			d->body[d->len] = (uint8_t)(len - 1);
		}
		d->len += len;
	}
	for (size_t i = d->len; d->len && i + d->len <= BODY && below(4); i += d->len)
		memcpy(d->body + i, d->body, d->len);
	return true;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	static bool (*const changes[])(void) = {
		change_body, change_body, change_head, change_how, double_set, drop_set, double_message, swap_messages, drop_message,
		change_version, aim, aim, change_field, change_field, add_pair,
	};
	state = seed;
	take_apart(data, size);
	if (n_messages == 0 || below(8) == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	for (int tries = 0; tries < 8 && !changes[below(sizeof(changes) / sizeof(changes[0]))](); tries++)
		;
	return put_together(data, max_size);
}
