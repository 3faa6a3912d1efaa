/*
 * listing.c -- /templates and /exporters as JSON (docs/protocols.md shows both). Runs in the decoder's own thread.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/decoder.h"
#include "collector/ie.h"
#include "collector/metadata.h"
#include "collector/sampling.h"
#include "collector/template.h"
#include "common/buf.h"

enum { LISTING_DEFAULT = 1000 }; /* entries, where nobody said how many */

struct listing {
	struct decoder *d;
	struct buf *out;
	const struct ip_addr *only;
	size_t left;   /* more are not listed */
	bool first;
};

static void comma(struct listing *l)
{
	buf_puts(l->out, l->first ? "\n" : ",\n");
	l->first = false;
}

static const char *name_of(const struct decoder *d, const struct template_field *f, char *room, size_t room_len,
	enum ie_type *ret_type)
{
	uint32_t pen = f->pen == IE_PEN_REVERSE ? 0 : f->pen;
	const struct ie *ie = pen == 0 ? ie_find(f->id) : NULL;
	const struct typeinfo *info = ie ? NULL : typeinfo_find(d, pen, f->id);

	*ret_type = ie ? (enum ie_type)ie->type : info ? (enum ie_type)info->type : IE_TYPE_UNKNOWN;
	if (ie)
		return ie->name;
	snprintf(room, room_len, "%.*s", info ? (int)info->name_len : 0, info ? info->name : "");
	return room;
}

static void field(struct listing *l, const struct template *t, uint16_t i)
{
	const struct template_field *f = &t->fields[i];
	char room[TYPEINFO_NAME_MAX + 1];
	enum ie_type type;
	const char *name = name_of(l->d, f, room, sizeof(room), &type);

	buf_printf(l->out, "%s{\"pen\":%" PRIu32 ",\"id\":%u,\"name\":", i ? "," : "", f->pen, f->id);
	buf_json_string(l->out, name, strlen(name));
	buf_printf(l->out, ",\"type\":\"%s\",\"length\":", ie_type_name(type));
	if (f->len == TEMPLATE_VARIABLE)
		buf_puts(l->out, "\"variable\"");
	else
		buf_printf(l->out, "%u", f->len);
	buf_puts(l->out, i < t->n_scope ? ",\"scope\":true}" : "}");
}

static void template_line(void *arg, struct domain *dom, struct template *t)
{
	struct listing *l = arg;
	char addr[IP_TEXT_MAX];

	if (l->left == 0)
		return;
	l->left--;
	comma(l);
	ip_format(&dom->exporter->addr, addr);
	buf_printf(l->out, "{\"exporter\":\"%s\",\"session\":%" PRIu64 ",\"version\":%" PRIu32 ",\"domain\":%" PRIu32
		",\"id\":%u,\"kind\":\"%s\",\"port\":%u", addr, dom->exporter->session, dom->version, dom->id, t->id,
		t->options ? "options" : "data", t->port);
	buf_printf(l->out, ",\"first_ns\":%" PRIu64 ",\"seen_ns\":%" PRIu64 ",\"changes\":%" PRIu64 ",\"sets\":%" PRIu64
		",\"min_length\":%" PRIu32 ",\"fields\":[", t->first_ns + l->d->wall_offset_ns,
		t->seen_ns + l->d->wall_offset_ns, t->changes, t->sets, t->min_len);
	for (uint16_t i = 0; i < t->n_fields; i++)
		field(l, t, i);
	buf_puts(l->out, "]}");
}

static bool wanted(const struct listing *l, const struct exporter *e)
{
	return l->left > 0 && (!l->only || ip_equal(l->only, &e->addr));
}

static void templates_of(void *arg, struct exporter *e)
{
	struct listing *l = arg;

	for (struct domain *dom = e->domains; dom && wanted(l, e); dom = dom->sibling)
		template_each(dom, template_line, l);
}

static void sampler(void *arg, const struct sampling_key *key, uint16_t port, uint64_t rate)
{
	struct listing *l = arg;

	buf_puts(l->out, l->first ? "{" : ",{");
	l->first = false;
	if (key->has_selector)
		buf_printf(l->out, "\"selector\":%" PRIu64 ",", key->selector);
	if (key->has_in_if)
		buf_printf(l->out, "\"interface\":%" PRIu32 ",", key->in_if);
	buf_printf(l->out, "\"rate\":%" PRIu64 ",\"port\":%u}", rate, port);
}

static void count_name(void *arg, enum metadata_kind kind, uint64_t id, uint16_t port, const char *text, size_t len)
{
	size_t *count = arg;

	(void)kind, (void)id, (void)port, (void)text, (void)len;
	++*count;
}

static void domain(struct listing *l, const struct domain *dom, bool first)
{
	const struct sequence *s = &dom->sequence;
	size_t names = 0;

	metadata_each(dom, count_name, &names);
	buf_printf(l->out, "%s{\"version\":%" PRIu32 ",\"domain\":%" PRIu32 ",\"last_seen_ns\":%" PRIu64, first ? "" : ",",
		dom->version, dom->id, dom->last_seen_ns + l->d->wall_offset_ns);
	buf_printf(l->out, ",\"received\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"reordered\":%" PRIu64 ",\"restarts\":%" PRIu64,
		s->units, s->lost, s->reordered, s->restarts);
	buf_printf(l->out, ",\"templates\":%u,\"names\":%zu,\"samplers\":[", dom->templates ? dom->templates->count : 0, names);
	l->first = true;
	sampling_each(dom, sampler, l);
	buf_puts(l->out, "]}");
}

static void exporter_line(void *arg, struct exporter *e)
{
	struct listing *l = arg;
	char addr[IP_TEXT_MAX];

	if (!wanted(l, e))
		return;
	l->left--;
	comma(l);
	ip_format(&e->addr, addr);
	buf_printf(l->out, "{\"exporter\":\"%s\",\"session\":%" PRIu64 ",\"first_seen_ns\":%" PRIu64 ",\"last_seen_ns\":%" PRIu64,
		addr, e->session, e->first_seen_ns + l->d->wall_offset_ns, e->last_seen_ns + l->d->wall_offset_ns);
	buf_printf(l->out, ",\"datagrams\":%" PRIu64 ",\"flows\":%" PRIu64 ",\"sets_without_template\":%" PRIu64
		",\"sampling_rate\":%" PRIu64 ",\"domains\":[", e->datagrams, e->flows, e->missing_templates, e->sampling_rate);
	for (struct domain *dom = e->domains; dom; dom = dom->sibling)
		domain(l, dom, dom == e->domains);
	l->first = false;
	buf_puts(l->out, "]}");
}

static void list(struct decoder *d, const struct ip_addr *only, size_t limit, struct buf *out,
	void (*line)(void *arg, struct exporter *e))
{
	struct listing l = {.d = d, .out = out, .only = only, .left = limit ? limit : LISTING_DEFAULT, .first = true};

	buf_puts(out, "[");
	exporters_each(d, line, &l);
	buf_puts(out, "\n]\n");
}

void decoder_templates_json(struct decoder *d, const struct ip_addr *only, size_t limit, struct buf *out)
{
	list(d, only, limit, out, templates_of);
}

void decoder_exporters_json(struct decoder *d, const struct ip_addr *only, size_t limit, struct buf *out)
{
	list(d, only, limit, out, exporter_line);
}
