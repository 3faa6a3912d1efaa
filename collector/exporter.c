/*
 * exporter.c -- see exporter.h.
 */
#include "collector/exporter.h"

#include <stdlib.h>
#include <string.h>

#include "collector/decoder.h"
#include "collector/metadata.h"
#include "collector/sampling.h"
#include "collector/template.h"
#include "common/clock.h"

enum {
	BUCKETS_MIN = 64,
	PROVEN_AFTER = 3,         /* datagrams that gave flows */
	TICK_BUCKETS = 1024,      /* looked at a tick */
};

#define AGE_STEP_NS       (1 * NS_PER_S)        /* the age lists are in order to this much */
#define PROVEN_IDLE_NS    (60 * NS_PER_S)       /* a working exporter that may be pushed out */
#define EXPORTER_IDLE_NS  (24 * 3600 * NS_PER_S)

struct domain_key {
	struct ip_addr addr;
	uint32_t version;
	uint64_t session;
	uint32_t id;
	uint32_t zero;
};

static struct exporter *of_link(struct exporter_link *link)
{
	return (struct exporter *)(void *)((char *)link - offsetof(struct exporter, age));
}

static void list_init(struct exporter_link *l)
{
	l->prev = l->next = l;
}

static void list_remove(struct exporter_link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
}

static void list_append(struct exporter_link *ends, struct exporter_link *l)
{
	l->next = ends;
	l->prev = ends->prev;
	ends->prev->next = l;
	ends->prev = l;
}

int exporters_init(struct exporters *t, size_t max, size_t max_domains)
{
	*t = (struct exporters){.max = max, .max_domains = max_domains};
	t->buckets = calloc(BUCKETS_MIN, sizeof(struct exporter *));
	t->domain_buckets = calloc(BUCKETS_MIN, sizeof(struct domain *));
	t->mask = t->domain_mask = BUCKETS_MIN - 1;
	list_init(&t->fresh);
	list_init(&t->proven);
	if (t->buckets && t->domain_buckets)
		return 0;
	free(t->buckets);
	free(t->domain_buckets);
	t->buckets = NULL; /* nothing for exporters_free() */
	return -ERR_MEMORY;
}

static struct exporter **exporter_bucket(struct decoder *d, const struct ip_addr *addr, uint64_t session)
{
	struct {
		struct ip_addr addr;
		uint32_t zero;
		uint64_t session;
	} key = {.addr = *addr, .session = session};
	return &d->exporters.buckets[hash_bytes(&d->key, &key, sizeof(key)) & d->exporters.mask];
}

static struct domain **domain_bucket(struct decoder *d, const struct domain_key *key)
{
	return &d->exporters.domain_buckets[hash_bytes(&d->key, key, sizeof(*key)) & d->exporters.domain_mask];
}

static struct domain_key key_of(const struct domain *dom)
{
	return (struct domain_key){.addr = dom->exporter->addr, .version = dom->version,
		.session = dom->exporter->session, .id = dom->id};
}

static bool is_domain(const struct domain *dom, const struct domain_key *key)
{
	return dom->id == key->id && dom->version == key->version && dom->exporter->session == key->session &&
		ip_equal(&dom->exporter->addr, &key->addr);
}

static void grow_exporters(struct decoder *d)
{
	struct exporters *t = &d->exporters;
	size_t old = t->mask + 1;
	struct exporter **before = t->buckets;
	struct exporter **after = calloc(old * 2, sizeof(struct exporter *));

	if (!after)
		return; /* longer chains, nothing worse */
	t->buckets = after;
	t->mask = old * 2 - 1;
	for (size_t i = 0; i < old; i++)
		for (struct exporter *e = before[i], *next; e; e = next) {
			struct exporter **b = exporter_bucket(d, &e->addr, e->session);
			next = e->bucket;
			e->bucket = *b;
			*b = e;
		}
	free(before);
}

static void grow_domains(struct decoder *d)
{
	struct exporters *t = &d->exporters;
	size_t old = t->domain_mask + 1;
	struct domain **before = t->domain_buckets;
	struct domain **after = calloc(old * 2, sizeof(struct domain *));

	if (!after)
		return;
	t->domain_buckets = after;
	t->domain_mask = old * 2 - 1;
	for (size_t i = 0; i < old; i++)
		for (struct domain *dom = before[i], *next; dom; dom = next) {
			struct domain_key key = key_of(dom);
			struct domain **b = domain_bucket(d, &key);
			next = dom->bucket;
			dom->bucket = *b;
			*b = dom;
		}
	free(before);
}

static void domain_free(struct decoder *d, struct domain *dom)
{
	struct domain_key key = key_of(dom);
	struct domain **at = domain_bucket(d, &key);

	while (*at != dom)
		at = &(*at)->bucket;
	*at = dom->bucket;
	for (at = &dom->exporter->domains; *at != dom;)
		at = &(*at)->sibling;
	*at = dom->sibling;
	dom->exporter->n_domains--;
	templates_free(d, dom);
	sampling_free(d, dom->sampling);
	metadata_free(d, dom->metadata);
	sequence_free(d, &dom->sequence);
	if (d->exporters.last == dom)
		d->exporters.last = NULL;
	d->exporters.domain_count--;
	d->state_bytes -= sizeof(*dom);
	counter_dec(&d->stats.domains);
	free(dom);
}

static void exporter_free(struct decoder *d, struct exporter *e)
{
	struct exporter **at = exporter_bucket(d, &e->addr, e->session);

	while (e->domains)
		domain_free(d, e->domains); /* NOLINT(clang-analyzer-unix.Malloc): it takes it off the list */
	while (*at != e)
		at = &(*at)->bucket;
	*at = e->bucket;
	list_remove(&e->age);
	if (d->exporter == e)
		d->exporter = NULL;
	d->exporters.count--;
	counter_dec(&d->stats.exporters);
	free(e);
}

void exporters_free(struct decoder *d)
{
	struct exporters *t = &d->exporters;

	while (t->fresh.next != &t->fresh)
		exporter_free(d, of_link(t->fresh.next));
	while (t->proven.next != &t->proven)
		exporter_free(d, of_link(t->proven.next));
	free(t->buckets);
	free(t->domain_buckets);
}

bool exporters_make_room(struct decoder *d, size_t bytes)
{
	struct exporter_link *fresh = &d->exporters.fresh;

	while (!decoder_has_room(d, bytes)) {
		struct exporter_link *oldest = fresh->next;
		if (oldest != fresh && of_link(oldest) == d->exporter)
			oldest = oldest->next;
		if (oldest == fresh)
			return false;
		counter_inc(&d->stats.exporters_evicted);
		exporter_free(d, of_link(oldest));
	}
	return true;
}

/* Makes room for one more; false when everybody in the table is at work. */
static bool make_room(struct decoder *d)
{
	struct exporters *t = &d->exporters;

	if (t->count < t->max)
		return true;
	if (t->fresh.next != &t->fresh) {
		counter_inc(&d->stats.exporters_evicted);
		exporter_free(d, of_link(t->fresh.next));
		return true;
	}
	struct exporter *oldest = of_link(t->proven.next);
	if (oldest->last_seen_ns + PROVEN_IDLE_NS > d->now_ns)
		return false;
	counter_inc(&d->stats.exporters_evicted);
	exporter_free(d, oldest);
	return true;
}

struct exporter *exporter_find(struct decoder *d, const struct ip_addr *addr, uint64_t session)
{
	struct exporter *e = *exporter_bucket(d, addr, session);

	while (e && (e->session != session || !ip_equal(&e->addr, addr)))
		e = e->bucket;
	return e;
}

static struct exporter *exporter_get(struct decoder *d, const struct ip_addr *addr, uint64_t session,
	enum err *ret_reason)
{
	struct exporters *t = &d->exporters;
	struct exporter *e = exporter_find(d, addr, session);

	if (e)
		return e;
	*ret_reason = ERR_EXPORTER_LIMIT;
	if (!make_room(d))
		return NULL;
	*ret_reason = ERR_MEMORY;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->addr = *addr;
	e->session = session;
	e->first_seen_ns = e->last_seen_ns = d->now_ns;
	sampling_override(d->options.overrides, addr, d->options.default_sampling_rate, &e->override_rate, &e->default_rate);
	if (t->count > t->mask)
		grow_exporters(d);
	struct exporter **b = exporter_bucket(d, addr, session);
	e->bucket = *b;
	*b = e;
	list_append(&t->fresh, &e->age);
	t->count++;
	counter_inc(&d->stats.exporters);
	return e;
}

static struct domain *domain_new(struct decoder *d, const struct domain_key *key, enum err *ret_reason)
{
	struct exporters *t = &d->exporters;
	struct exporter *e = exporter_get(d, &key->addr, key->session, ret_reason);

	if (!e)
		return NULL;
	*ret_reason = ERR_DOMAIN_LIMIT;
	if (e->n_domains >= t->max_domains)
		return NULL;
	d->exporter = e;
	if (!exporters_make_room(d, sizeof(struct domain)))
		return NULL;
	*ret_reason = ERR_MEMORY;
	struct domain *dom = calloc(1, sizeof(*dom));
	if (!dom)
		return NULL;
	d->state_bytes += sizeof(*dom);
	dom->exporter = e;
	dom->version = key->version;
	dom->id = key->id;
	dom->sibling = e->domains;
	e->domains = dom;
	e->n_domains++;
	if (t->domain_count > t->domain_mask)
		grow_domains(d);
	struct domain **b = domain_bucket(d, key);
	dom->bucket = *b;
	*b = dom;
	t->domain_count++;
	counter_inc(&d->stats.domains);
	*ret_reason = ERR_NONE;
	return dom;
}

static void touch(struct decoder *d, struct domain *dom)
{
	struct exporter *e = dom->exporter;

	d->exporter = e;
	e->datagrams++;
	dom->last_seen_ns = d->now_ns;
	if (e->last_seen_ns + AGE_STEP_NS <= d->now_ns) {
		list_remove(&e->age);
		list_append(e->proven ? &d->exporters.proven : &d->exporters.fresh, &e->age);
		e->last_seen_ns = d->now_ns;
	}
}

struct domain *exporter_domain(struct decoder *d, const struct ip_addr *addr, uint64_t session, uint32_t version,
	uint32_t id, enum err *ret_reason)
{
	struct domain_key key = {.addr = *addr, .version = version, .session = session, .id = id};
	struct domain *dom = d->exporters.last;

	if (!dom || !is_domain(dom, &key)) {
		dom = *domain_bucket(d, &key);
		while (dom && !is_domain(dom, &key))
			dom = dom->bucket;
		if (!dom)
			dom = domain_new(d, &key, ret_reason);
		if (!dom)
			return NULL;
		d->exporters.last = dom;
	}
	*ret_reason = ERR_NONE;
	touch(d, dom);
	return dom;
}

uint64_t exporter_init_ns(const struct domain *dom, uint16_t port)
{
	const struct domain_init *newest = dom->init;

	for (size_t i = 0; i < DOMAIN_INITS; i++) {
		if (dom->init[i].ns && dom->init[i].port == port)
			return dom->init[i].ns;
		if (dom->init[i].seen_ns > newest->seen_ns)
			newest = &dom->init[i];
	}
	return newest->ns;
}

void exporter_learn_init(struct domain *dom, uint16_t port, uint64_t now_ns, uint64_t init_ns)
{
	struct domain_init *at = &dom->init[0];

	for (size_t i = 0; i < DOMAIN_INITS; i++) {
		if (dom->init[i].ns && (dom->init[i].port == port || dom->init[i].ns == init_ns)) {
			at = &dom->init[i];
			break;
		}
		if (dom->init[i].seen_ns < at->seen_ns)
			at = &dom->init[i];
	}
	*at = (struct domain_init){.ns = init_ns, .seen_ns = now_ns, .port = port};
}

void exporter_useful(struct decoder *d)
{
	struct exporter *e = d->exporter;

	if (e && !e->proven && ++e->good >= PROVEN_AFTER)
		exporter_prove(d, e);
}

void exporter_prove(struct decoder *d, struct exporter *e)
{
	if (e->proven)
		return;
	e->proven = true;
	list_remove(&e->age);
	list_append(&d->exporters.proven, &e->age);
}

void exporters_each(struct decoder *d, void (*fn)(void *arg, struct exporter *e), void *arg)
{
	struct exporter_link *const ends[] = {&d->exporters.proven, &d->exporters.fresh};

	for (size_t i = 0; i < 2; i++)
		for (struct exporter_link *l = ends[i]->next; l != ends[i]; l = l->next)
			fn(arg, of_link(l));
}

static void drop_if_session(struct decoder *d, struct exporter_link *ends, uint64_t session)
{
	for (struct exporter_link *l = ends->next, *next; l != ends; l = next) {
		next = l->next;
		if (of_link(l)->session == session)
			exporter_free(d, of_link(l));
	}
}

void exporter_drop_session(struct decoder *d, uint64_t session)
{
	drop_if_session(d, &d->exporters.fresh, session);
	drop_if_session(d, &d->exporters.proven, session);
}

/* Where templates never expire, neither do their exporters: the table's bound is enough. */
static void drop_idle(struct decoder *d, struct exporter_link *ends)
{
	uint64_t idle = d->options.template_timeout_ns;

	if (idle && idle < EXPORTER_IDLE_NS)
		idle = EXPORTER_IDLE_NS;
	/* NOLINTBEGIN(clang-analyzer-unix.Malloc): exporter_free() takes it off the list */
	while (idle && ends->next != ends && of_link(ends->next)->last_seen_ns + idle < d->now_ns)
		exporter_free(d, of_link(ends->next));
	/* NOLINTEND(clang-analyzer-unix.Malloc) */
}

void exporters_tick(struct decoder *d)
{
	struct exporters *t = &d->exporters;

	for (size_t n = 0; n < TICK_BUCKETS && n <= t->domain_mask; n++) {
		t->tick = (t->tick + 1) & t->domain_mask;
		for (struct domain *dom = t->domain_buckets[t->tick]; dom; dom = dom->bucket)
			template_expire(d, dom);
	}
	drop_idle(d, &t->fresh);
	drop_idle(d, &t->proven);
}
