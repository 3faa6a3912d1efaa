/*
 * template.c -- the templates of one observation domain: learned, found, withdrawn, expired. Compiling is compile.c's.
 */
#include "collector/template.h"

#include <stdlib.h>
#include <string.h>

#include "collector/decoder.h"
#include "collector/fuse.h"
#include "collector/record.h"

enum { SLOTS_MIN = 8 };

static uint32_t slot_of(const struct templates *ts, uint16_t id)
{
	return (id * ts->multiplier >> 12) & ts->mask;
}

static uint32_t find_slot(const struct templates *ts, uint16_t id)
{
	uint32_t i = slot_of(ts, id);

	while (ts->slots[i] && ts->slots[i]->id != id)
		i = (i + 1) & ts->mask;
	return i;
}

static struct templates *templates_new(struct decoder *d)
{
	struct templates *ts = calloc(1, sizeof(*ts));

	if (!ts)
		return NULL;
	ts->slots = calloc(SLOTS_MIN, sizeof(*ts->slots));
	if (!ts->slots) {
		free(ts);
		return NULL;
	}
	ts->mask = SLOTS_MIN - 1;
	ts->multiplier = (uint32_t)d->key.k[0] | 1;
	return ts;
}

static int grow(struct templates *ts)
{
	uint32_t old = ts->mask + 1;
	struct template **slots = calloc(old * 2u, sizeof(*slots));
	struct template **before = ts->slots;

	if (!slots)
		return -ERR_MEMORY;
	ts->slots = slots;
	ts->mask = old * 2 - 1;
	for (uint32_t i = 0; i < old; i++)
		if (before[i])
			ts->slots[find_slot(ts, before[i]->id)] = before[i];
	free(before);
	return 0;
}

/* Takes the slot at I out; those behind it that could not have their own place move up. */
static void close_gap(struct templates *ts, uint32_t i)
{
	ts->slots[i] = NULL;
	for (uint32_t j = (i + 1) & ts->mask; ts->slots[j]; j = (j + 1) & ts->mask) {
		struct template *t = ts->slots[j];
		ts->slots[j] = NULL;
		ts->slots[find_slot(ts, t->id)] = t;
	}
}

static void drop(struct decoder *d, struct templates *ts, struct template *t)
{
	d->state_bytes -= t->size;
	counter_dec(&d->stats.templates);
	ts->count--;
	ts->last = NULL;
	template_free(t);
}

static bool timed_out(const struct decoder *d, const struct template *t)
{
	/* RFC 7011 8.4: over UDP a template has a lifetime; other transports end theirs with the session. */
	return d->options.template_timeout_ns && t->seen_ns + d->options.template_timeout_ns < d->now_ns;
}

static bool same_layout(const struct template *t, const struct template_spec *spec)
{
	return t->n_fields == spec->n_fields && t->n_scope == spec->n_scope && t->options == spec->options &&
		memcmp(t->fields, spec->fields, spec->n_fields * sizeof(spec->fields[0])) == 0;
}

static struct template *with_port(struct template *t, uint16_t port)
{
	while (t && t->port != port)
		t = t->variant;
	return t;
}

static struct template *with_layout(struct template *t, const struct template_spec *spec)
{
	while (t && !same_layout(t, spec))
		t = t->variant;
	return t;
}

static struct template *newest(struct template *t)
{
	struct template *best = t;

	for (; t; t = t->variant)
		if (t->seen_ns > best->seen_ns)
			best = t;
	return best;
}

struct template *template_find(struct decoder *d, struct domain *dom, uint16_t id, uint16_t port)
{
	struct templates *ts = dom->templates;

	if (!ts)
		return NULL;
	if (ts->last && ts->last->id == id && !timed_out(d, ts->last))
		return ts->last;
	struct template *first = ts->slots[find_slot(ts, id)];
	struct template *t = first;
	if (first && first->variant) {
		t = with_port(first, port);
		if (!t)
			t = newest(first);
	}
	if (!t || timed_out(d, t))
		return NULL;
	if (!first->variant)
		ts->last = t;
	return t;
}

static size_t variants(const struct template *t)
{
	size_t n = 0;

	for (; t; t = t->variant)
		n++;
	return n;
}

/* Unlinks T from the chain that begins in SLOT and frees it. */
static void remove_variant(struct decoder *d, struct templates *ts, uint32_t slot, struct template *t)
{
	struct template **at = &ts->slots[slot];

	while (*at != t)
		at = &(*at)->variant;
	*at = t->variant;
	drop(d, ts, t);
	if (!ts->slots[slot])
		close_gap(ts, slot);
}

static struct template *oldest(struct template *t)
{
	struct template *worst = t;

	for (; t; t = t->variant)
		if (t->seen_ns < worst->seen_ns)
			worst = t;
	return worst;
}

/*
 * What the new template takes the place of: the one that came from the same port (the exporter changed its mind);
 * or one that has timed out; or, all places being taken, the oldest. NULL when it stands beside the others: another port says
 * something else, which may be a second exporter at that address.
 */
static struct template *replaced(struct decoder *d, struct template *chain, const struct record_source *src)
{
	struct template *t = with_port(chain, src->port);

	if (t || !chain)
		return t;
	if (src->session || timed_out(d, oldest(chain)) || variants(chain) >= TEMPLATE_VARIANTS_MAX)
		return oldest(chain);
	return NULL;
}

static int place(struct decoder *d, struct domain *dom, struct template *t, const struct record_source *src)
{
	struct templates *ts = dom->templates;
	uint32_t slot = find_slot(ts, t->id);
	struct template *old = replaced(d, ts->slots[slot], src);
	bool known = ts->slots[slot] != NULL;

	if (!old && ts->count >= d->options.max_templates)
		return -ERR_TEMPLATE_LIMIT;
	if (!known && (ts->count + 1) * 4 > (ts->mask + 1) * 3) {
		if (grow(ts))
			return -ERR_MEMORY;
		slot = find_slot(ts, t->id);
	}
	if (old) {
		t->changes = old->changes;
		t->variant = old->variant;
		struct template **at = &ts->slots[slot];
		while (*at != old)
			at = &(*at)->variant;
		*at = t;
		drop(d, ts, old);
	} else {
		t->variant = ts->slots[slot];
		ts->slots[slot] = t;
	}
	t->changes += known;
	ts->last = NULL;
	ts->count++;
	d->state_bytes += t->size;
	counter_inc(&d->stats.templates);
	counter_inc(known ? &d->stats.templates_changed : &d->stats.templates_added);
	return 0;
}

int template_learn(struct decoder *d, struct domain *dom, const struct record_source *src,
	const struct template_spec *spec, bool *ret_new)
{
	struct template *t;

	*ret_new = false;
	if (!dom->templates)
		dom->templates = templates_new(d);
	if (!dom->templates)
		return -ERR_MEMORY;
	t = with_layout(dom->templates->slots[find_slot(dom->templates, spec->id)], spec);
	/* The same layout from another port is the same exporter, restarted or sending from several ports. */
	if (t) {
		*ret_new = timed_out(d, t);
		t->seen_ns = d->now_ns;
		if (!with_port(dom->templates->slots[find_slot(dom->templates, spec->id)], src->port))
			t->port = src->port;
		counter_inc(&d->stats.templates_refreshed);
		return 0;
	}
	int r = template_compile(spec, d->mapping, &t);
	if (r)
		return r;
	if (!exporters_make_room(d, t->size)) {
		template_free(t);
		return -ERR_TEMPLATE_LIMIT;
	}
	t->port = src->port;
	t->first_ns = t->seen_ns = d->now_ns;
	r = place(d, dom, t, src);
	if (r)
		template_free(t);
	else
		*ret_new = true;
	return r;
}

void template_fuse(struct decoder *d, struct template *t)
{
	size_t size;

	if (fuse_compile(t, &t->fuse, &size) < 0)
		return;
	if (!exporters_make_room(d, size)) {
		free(t->fuse);
		t->fuse = NULL;
		return;
	}
	t->size += (uint32_t)size;
	d->state_bytes += size;
}

void template_withdraw(struct decoder *d, struct domain *dom, uint16_t id)
{
	struct templates *ts = dom->templates;

	if (!ts)
		return;
	uint32_t slot = find_slot(ts, id);
	while (ts->slots[slot] && ts->slots[slot]->id == id) {
		counter_inc(&d->stats.templates_withdrawn);
		remove_variant(d, ts, slot, ts->slots[slot]);
	}
}

/* Drops the templates for which WANTED says so and counts them in COUNTER. */
static void sweep(struct decoder *d, struct domain *dom, bool (*wanted)(const struct decoder *, const struct template *),
	uint64_t *counter)
{
	struct templates *ts = dom->templates;

	for (uint32_t i = 0; ts && i <= ts->mask;) {
		struct template *t = ts->slots[i];
		while (t && !wanted(d, t))
			t = t->variant;
		if (!t) {
			i++;
			continue;
		}
		counter_inc(counter);
		remove_variant(d, ts, i, t); /* and look at this slot again: another may have moved here */
	}
}

static bool is_data(const struct decoder *d, const struct template *t)
{
	(void)d;
	return !t->options;
}

static bool is_options(const struct decoder *d, const struct template *t)
{
	(void)d;
	return t->options;
}

void template_withdraw_all(struct decoder *d, struct domain *dom, bool options)
{
	sweep(d, dom, options ? is_options : is_data, &d->stats.templates_withdrawn);
}

void template_expire(struct decoder *d, struct domain *dom)
{
	sweep(d, dom, timed_out, &d->stats.templates_expired);
}

static int recompile_one(struct decoder *d, struct template **at)
{
	struct template *old = *at;
	struct template_spec *spec = d->spec;
	struct template *t;

	*spec = (struct template_spec){.id = old->id, .n_fields = old->n_fields, .n_scope = old->n_scope,
		.options = old->options};
	memcpy(spec->fields, old->fields, old->n_fields * sizeof(old->fields[0]));
	int r = template_compile(spec, d->mapping, &t);
	if (r)
		return r;
	t->variant = old->variant;
	t->seen_ns = old->seen_ns;
	t->first_ns = old->first_ns;
	t->changes = old->changes;
	t->sets = old->sets;
	t->port = old->port;
	d->state_bytes += t->size;
	d->state_bytes -= old->size;
	*at = t;
	if (old->fuse)
		template_fuse(d, t);
	template_free(old);
	return 0;
}

int template_recompile(struct decoder *d, struct domain *dom)
{
	struct templates *ts = dom->templates;
	int r = 0;

	if (ts)
		ts->last = NULL;
	for (uint32_t i = 0; ts && i <= ts->mask; i++)
		for (struct template **at = &ts->slots[i]; *at && r == 0; at = &(*at)->variant)
			r = recompile_one(d, at);
	if (r) /* one that still speaks of the mapping before must not be used */
		templates_free(d, dom);
	return r;
}

void templates_free(struct decoder *d, struct domain *dom)
{
	struct templates *ts = dom->templates;

	if (!ts)
		return;
	for (uint32_t i = 0; i <= ts->mask; i++)
		for (struct template *t = ts->slots[i], *next; t; t = next) {
			next = t->variant;
			drop(d, ts, t);
		}
	free(ts->slots);
	free(ts);
	dom->templates = NULL;
}

void template_each(struct domain *dom, void (*fn)(void *arg, struct domain *dom, struct template *t), void *arg)
{
	struct templates *ts = dom->templates;

	for (uint32_t i = 0; ts && i <= ts->mask; i++)
		for (struct template *t = ts->slots[i]; t; t = t->variant)
			fn(arg, dom, t);
}
