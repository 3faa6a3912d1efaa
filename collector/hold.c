/*
 * hold.c -- see hold.h. One list by age, for expiry; buckets by (exporter, version, domain, set id), for release.
 */
#include "collector/hold.h"

#include <stdlib.h>
#include <string.h>

#include "collector/decoder.h"
#include "collector/record.h"

enum { BUCKETS = 4096, SHARES = 8 };

struct held {
	struct held *older, *newer;            /* by age */
	struct held *before, *after;           /* of the bucket, in order of arrival */
	struct record_source src;
	uint64_t since_ns;
	uint32_t version;
	uint16_t id;
	uint32_t bucket;
	size_t len;
	uint8_t data[];
};

struct hold {
	struct held *oldest, *newest;
	struct { struct held *first, *last; } buckets[BUCKETS];
	size_t bytes;
};

struct hold_key {
	struct ip_addr addr;
	uint32_t version;
	uint64_t session;
	uint32_t domain;
	uint32_t id;
};

int hold_new(struct hold **ret_hold)
{
	*ret_hold = calloc(1, sizeof(**ret_hold));
	return *ret_hold ? 0 : -ERR_MEMORY;
}

void hold_free(struct hold *h)
{
	if (!h)
		return;
	while (h->oldest) {
		struct held *next = h->oldest->newer;
		free(h->oldest);
		h->oldest = next;
	}
	free(h);
}

static uint32_t bucket_of(const struct decoder *d, const struct record_source *src, uint32_t version, uint16_t id)
{
	struct hold_key key = {.addr = src->addr, .version = version, .session = src->session, .domain = src->domain_id,
		.id = id};
	return (uint32_t)(hash_bytes(&d->key, &key, sizeof(key)) % BUCKETS);
}

static size_t size_of(const struct held *one)
{
	return sizeof(*one) + one->len;
}

static void unlink_one(struct decoder *d, struct held *one)
{
	struct hold *h = d->hold;

	*(one->older ? &one->older->newer : &h->oldest) = one->newer;
	*(one->newer ? &one->newer->older : &h->newest) = one->older;
	*(one->before ? &one->before->after : &h->buckets[one->bucket].first) = one->after;
	*(one->after ? &one->after->before : &h->buckets[one->bucket].last) = one->before;
	h->bytes -= size_of(one);
	counter_set(&d->stats.held_bytes, h->bytes);
	counter_add(&d->stats.sets_held, (uint64_t)0 - 1);
}

static void link_one(struct decoder *d, struct held *one)
{
	struct hold *h = d->hold;
	struct held **last = &h->buckets[one->bucket].last;

	one->older = h->newest;
	*(h->newest ? &h->newest->newer : &h->oldest) = one;
	h->newest = one;
	one->before = *last;
	*(*last ? &(*last)->after : &h->buckets[one->bucket].first) = one;
	*last = one;
	h->bytes += size_of(one);
	counter_set(&d->stats.held_bytes, h->bytes);
	counter_inc(&d->stats.sets_held);
	counter_inc(&d->stats.sets_put_aside);
}

bool hold_put(struct decoder *d, struct domain *dom, const struct record_source *src, uint16_t id, const uint8_t *data,
	size_t len)
{
	size_t size = sizeof(struct held) + len;
	struct exporter *e = dom->exporter;

	if (d->hold->bytes + size > d->options.hold_bytes || e->held_bytes + size > d->options.hold_bytes / SHARES)
		return false;
	struct held *one = malloc(size);
	if (!one)
		return false;
	*one = (struct held){.src = *src, .since_ns = d->now_ns, .version = dom->version, .id = id, .len = len};
	one->bucket = bucket_of(d, src, dom->version, id);
	memcpy(one->data, data, len);
	e->held_bytes += size;
	link_one(d, one);
	return true;
}

static bool waits_for(const struct held *one, const struct domain *dom, uint16_t id)
{
	return one->id == id && one->version == dom->version && one->src.domain_id == dom->id &&
		one->src.session == dom->exporter->session && ip_equal(&one->src.addr, &dom->exporter->addr);
}

void hold_release(struct decoder *d, struct domain *dom, uint16_t id, hold_release_fn *fn, struct decode_result *res)
{
	struct record_source key = {.addr = dom->exporter->addr, .session = dom->exporter->session, .domain_id = dom->id};
	struct held *one = d->hold->bytes ? d->hold->buckets[bucket_of(d, &key, dom->version, id)].first : NULL;

	while (one) {
		struct held *next = one->after;
		if (waits_for(one, dom, id)) {
			unlink_one(d, one);
			dom->exporter->held_bytes -= size_of(one);
			counter_inc(&d->stats.sets_released);
			counter_add(&d->stats.sets, (uint64_t)0 - 1); /* FN counts it again, as what becomes of it */
			fn(d, dom, &one->src, id, one->data, one->len, res);
			free(one);
		}
		one = next;
	}
}

void hold_tick(struct decoder *d)
{
	struct held *one;

	while ((one = d->hold->oldest) && one->since_ns + d->options.hold_ns < d->now_ns) {
		struct exporter *e = exporter_find(d, &one->src.addr, one->src.session);
		if (e)
			e->held_bytes -= size_of(one) < e->held_bytes ? size_of(one) : e->held_bytes;
		unlink_one(d, one);
		counter_inc(&d->stats.sets_skipped[ERR_HOLD_EXPIRED]);
		free(one);
	}
}
