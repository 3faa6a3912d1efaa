/*
 * state.c -- what a decoder has learned, as bytes: templates, samplers, names, types. It is kept over a restart, so that
 * the minutes until exporters repeat their templates (10 to 60 is usual) are not lost.
 *
 *   "WEIRSTAT"  version (4)  saved, ns (8)  length of the body (8)  body  SipHash-1-3 of all before, key zero (8)
 *
 * The body is a row of items, each a kind (1) and a length (4) before its content; an exporter's and a domain's items
 * come before what belongs to them, and an unknown kind is stepped over. Numbers are big endian. The checksum is against
 * damage, not malice: who can write the file can do worse. Everything in it goes through the same checks as what
 * comes from the network all the same.
 *
 * TCP sessions are not in it: they end with the connection (RFC 7011 8).
 */
#include <string.h>

#include "collector/decoder.h"
#include "collector/metadata.h"
#include "collector/record.h"
#include "collector/sampling.h"
#include "collector/template.h"
#include "common/buf.h"
#include "common/wire.h"

enum { STATE_VERSION = 1, HEAD_LEN = 28, TAIL_LEN = 8, MAGIC_LEN = 8 };

static const char magic[] = "WEIRSTAT";

enum item { ITEM_EXPORTER = 1, ITEM_DOMAIN, ITEM_TEMPLATE, ITEM_SAMPLER, ITEM_NAME, ITEM_TYPE };

static void put(struct buf *b, uint64_t v, unsigned len)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < len; i++)
		bytes[i] = (uint8_t)(v >> (8 * (len - 1 - i)));
	buf_add(b, bytes, len);
}

/* An item's length is known at its end: where it stands is what begin() gives. */
static size_t begin(struct buf *b, enum item kind)
{
	put(b, kind, 1);
	put(b, 0, 4);
	return b->len;
}

static void patch(struct buf *b, size_t at, uint64_t v, unsigned len)
{
	for (unsigned i = 0; i < len && !b->failed; i++)
		b->data[at + i] = (char)(v >> (8 * (len - 1 - i)));
}

static void end(struct buf *b, size_t start)
{
	patch(b, start - 4, b->len - start, 4);
}

static void put_text(struct buf *b, const char *text, size_t len)
{
	put(b, len, 1);
	buf_add(b, text, len);
}

/* Times in a file are of the wall clock: the clock of ages begins anew with each run. */
struct save {
	struct buf *out;
	uint64_t wall_offset_ns;
};

static void save_template(void *arg, struct domain *dom, struct template *t)
{
	const struct save *s = arg;
	struct buf *b = s->out;
	size_t start = begin(b, ITEM_TEMPLATE);

	(void)dom;
	put(b, t->id, 2);
	put(b, t->options, 1);
	put(b, t->n_scope, 2);
	put(b, t->port, 2);
	put(b, t->seen_ns + s->wall_offset_ns, 8);
	for (uint16_t i = 0; i < t->n_fields; i++) {
		put(b, t->fields[i].pen, 4);
		put(b, t->fields[i].id, 2);
		put(b, t->fields[i].len, 2);
	}
	end(b, start);
}

static void save_sampler(void *arg, const struct sampling_key *key, uint16_t port, uint64_t rate)
{
	struct buf *b = arg;
	size_t start = begin(b, ITEM_SAMPLER);

	put(b, (key->has_selector ? 1u : 0) | (key->has_in_if ? 2u : 0), 1);
	put(b, key->selector, 8);
	put(b, key->in_if, 4);
	put(b, rate, 8);
	put(b, port, 2);
	end(b, start);
}

static void save_name(void *arg, enum metadata_kind kind, uint64_t id, uint16_t port, const char *text, size_t len)
{
	struct buf *b = arg;
	size_t start = begin(b, ITEM_NAME);

	put(b, kind, 1);
	put(b, id, 8);
	put_text(b, text, len);
	put(b, port, 2);
	end(b, start);
}

static void save_domain(struct save *s, struct domain *dom)
{
	struct buf *b = s->out;
	size_t start = begin(b, ITEM_DOMAIN);

	put(b, dom->version, 4);
	put(b, dom->id, 4);
	put(b, dom->init[0].ns, 8);
	put(b, dom->init[0].port, 2);
	for (size_t i = 1; i < DOMAIN_INITS && dom->init[i].ns; i++) {
		put(b, dom->init[i].ns, 8);
		put(b, dom->init[i].port, 2);
	}
	end(b, start);
	template_each(dom, save_template, s);
	sampling_each(dom, save_sampler, b);
	metadata_each(dom, save_name, b);
}

static void save_exporter(void *arg, struct exporter *e)
{
	struct save *s = arg;
	struct buf *b = s->out;

	if (e->session)
		return;
	size_t start = begin(b, ITEM_EXPORTER);
	put(b, e->addr.len, 1);
	buf_add(b, e->addr.bytes, e->addr.len);
	put(b, e->proven, 1);
	put(b, e->last_seen_ns + s->wall_offset_ns, 8);
	end(b, start);
	for (struct domain *dom = e->domains; dom; dom = dom->sibling)
		if (dom->templates || dom->sampling || dom->metadata)
			save_domain(s, dom);
}

static uint64_t checksum(const void *data, size_t len)
{
	static const struct hash_key zero;
	return hash_bytes(&zero, data, len);
}

int decoder_save(struct decoder *d, uint64_t now_ns, struct buf *out)
{
	struct save s = {out, d->wall_offset_ns};
	size_t start = out->len;

	buf_add(out, magic, MAGIC_LEN);
	put(out, STATE_VERSION, 4);
	put(out, now_ns, 8);
	put(out, 0, 8);
	exporters_each(d, save_exporter, &s);
	for (size_t i = 0; i < d->types.count; i++) {
		const struct typeinfo *t = &d->types.items[i];
		size_t item = begin(out, ITEM_TYPE);
		put(out, t->pen, 4);
		put(out, t->id, 2);
		put(out, t->type, 1);
		put_text(out, t->name, t->name_len);
		end(out, item);
	}
	patch(out, start + HEAD_LEN - 8, out->len - start - HEAD_LEN, 8);
	if (!out->failed)
		put(out, checksum(out->data + start, out->len - start), 8);
	return out->failed ? -ERR_MEMORY : 0;
}

/* Where the items that come next belong. */
struct load {
	struct decoder *d;
	struct domain *dom;  /* NULL: a domain that found no room, or none yet */
	struct ip_addr addr;
	bool proven, has_addr;
};

static void load_exporter(struct load *l, struct wire *w)
{
	uint8_t len = wire_u8(w);
	const uint8_t *bytes = wire_bytes(w, len);

	l->dom = NULL;
	l->has_addr = bytes && (len == 4 || len == 16);
	if (l->has_addr)
		l->addr = len == 4 ? ip_v4(bytes) : ip_v6(bytes);
	l->proven = wire_u8(w);
	l->d->now_ns = wire_u64(w);
}

/* Files of before there were ports end without one. */
static uint16_t port_of(struct wire *w)
{
	return wire_left(w) >= 2 ? wire_u16(w) : 0;
}

static void load_domain(struct load *l, struct wire *w)
{
	uint32_t version = wire_u32(w);
	uint32_t id = wire_u32(w);
	uint64_t init_ns = wire_u64(w);
	enum err reason;

	l->dom = NULL;
	if (wire_failed(w) || !l->has_addr)
		return;
	l->dom = exporter_domain(l->d, &l->addr, 0, version, id, &reason);
	if (!l->dom)
		return;
	uint16_t port = port_of(w);
	while (init_ns) {
		exporter_learn_init(l->dom, port, l->d->now_ns, init_ns);
		init_ns = wire_left(w) >= 10 ? wire_u64(w) : 0;
		port = port_of(w);
	}
	l->dom->exporter->datagrams = 0;
	if (l->proven)
		exporter_prove(l->d, l->dom->exporter);
}

static void load_template(struct load *l, struct wire *w)
{
	struct template_spec *spec = l->d->spec;
	struct record_source src = {.v = DECODE_V_UNKNOWN};
	bool fresh;

	spec->id = wire_u16(w);
	spec->options = wire_u8(w);
	spec->n_scope = wire_u16(w);
	src.port = wire_u16(w);
	uint64_t seen_ns = wire_u64(w), exporter_seen_ns = l->d->now_ns;
	spec->n_fields = 0;
	while (wire_left(w) >= 8 && spec->n_fields < TEMPLATE_FIELDS_MAX) {
		struct template_field *f = &spec->fields[spec->n_fields++];
		f->pen = wire_u32(w);
		f->id = wire_u16(w);
		f->len = wire_u16(w);
	}
	if (wire_failed(w) || !l->dom || spec->id < TEMPLATE_ID_MIN || spec->n_scope > spec->n_fields)
		return;
	/* A refusal is a table that is full: the exporter will say it again. */
	l->d->now_ns = seen_ns;
	(void)template_learn(l->d, l->dom, &src, spec, &fresh);
	l->d->now_ns = exporter_seen_ns;
}

static void load_sampler(struct load *l, struct wire *w)
{
	uint8_t flags = wire_u8(w);
	struct sampling_key key = {.has_selector = flags & 1, .has_in_if = flags & 2};

	key.selector = wire_u64(w);
	key.in_if = wire_u32(w);
	uint64_t rate = wire_u64(w);
	if (!wire_failed(w) && l->dom)
		sampling_learn(l->d, l->dom, port_of(w), &key, rate);
}

static void load_name(struct load *l, struct wire *w)
{
	uint8_t kind = wire_u8(w);
	uint64_t id = wire_u64(w);
	uint8_t len = wire_u8(w);
	const uint8_t *text = wire_bytes(w, len);

	const struct metadata_key key = {.kind = kind, .port = port_of(w), .id = id};

	if (text && l->dom && kind < METADATA_KINDS)
		metadata_learn(l->d, l->dom, &key, text, len);
}

static void load_type(struct load *l, struct wire *w)
{
	struct typeinfo t = {.has_id = true};

	t.pen = wire_u32(w);
	t.id = wire_u16(w);
	t.type = wire_u8(w);
	uint8_t len = wire_u8(w);
	const uint8_t *text = wire_bytes(w, len);
	if (!text)
		return;
	t.name_len = (uint8_t)record_text(t.name, sizeof(t.name), text, len);
	typeinfo_learn(l->d, &t);
}

static void (*const loads[])(struct load *l, struct wire *w) = {
	[ITEM_EXPORTER] = load_exporter, [ITEM_DOMAIN] = load_domain, [ITEM_TEMPLATE] = load_template,
	[ITEM_SAMPLER] = load_sampler, [ITEM_NAME] = load_name, [ITEM_TYPE] = load_type,
};

static void load_items(struct decoder *d, struct wire *w)
{
	struct load l = {.d = d};

	while (wire_left(w) > 0) {
		uint8_t kind = wire_u8(w);
		uint32_t len = wire_u32(w);
		struct wire item = wire_sub(w, len);
		if (wire_failed(&item))
			return;
		if (kind < sizeof(loads) / sizeof(loads[0]) && loads[kind])
			loads[kind](&l, &item);
	}
}

int decoder_load(struct decoder *d, const void *data, size_t len)
{
	struct wire w = wire_of(data, len);
	const uint8_t *m = wire_bytes(&w, MAGIC_LEN);
	uint32_t version = wire_u32(&w);
	uint64_t now_ns = d->now_ns;

	wire_skip(&w, 8);
	uint64_t body_len = wire_u64(&w);
	struct wire body = wire_sub(&w, body_len);
	uint64_t sum = wire_u64(&w);
	if (wire_failed(&w) || memcmp(m, magic, MAGIC_LEN) != 0)
		return -ERR_TRUNCATED;
	if (version != STATE_VERSION)
		return -ERR_VERSION;
	if (sum != checksum(data, HEAD_LEN + body_len))
		return -ERR_BAD_RECORD;
	load_items(d, &body);
	d->now_ns = now_ns;
	return 0;
}
