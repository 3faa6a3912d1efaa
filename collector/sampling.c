/*
 * sampling.c -- see sampling.h.
 */
#include "collector/sampling.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/decoder.h"
#include "collector/record.h"

struct sampler {
	struct sampling_key key;
	uint64_t rate;
};

struct sampling {
	struct sampler *items; /* sorted by key */
	size_t count, cap;
	bool stale;            /* what follows is of before the last change */
	uint64_t only;         /* what all items agree on, 0 when they do not */
	uint64_t whole;        /* said of the whole domain */
};

/*
 * An options record often names parameters of several algorithms, and gives those that its own does not use as 1 or 0
 * (a Cisco NCS: interval 1, size 1, population 256). So the largest is what was meant.
 */
uint64_t sampling_rate(const struct record_sampling *s)
{
	uint64_t rate = s->rate;
	uint64_t other = 0;

	/* RFC 5477 8.2.2, 8.2.3: INTERVAL packets are taken, then SPACE are left out. Exporters that send the interval alone
	 * mean one of so many by it. */
	if (s->interval)
		other = s->space ? (s->interval + s->space) / s->interval : s->interval;
	rate = other > rate ? other : rate;
	/* RFC 5477 8.2.6, 8.2.7: n out of N. */
	other = s->size ? s->population / s->size : 0;
	rate = other > rate ? other : rate;
	/* RFC 5477 8.2.8. */
	if (s->probability > 0.0 && s->probability <= 1.0 && 1.0 / s->probability < 4e9)
		other = (uint64_t)(1.0 / s->probability + 0.5);
	return other > rate ? other : rate;
}

static int compare(const struct sampling_key *a, const struct sampling_key *b)
{
	if (a->has_selector != b->has_selector)
		return a->has_selector ? 1 : -1;
	if (a->has_in_if != b->has_in_if)
		return a->has_in_if ? 1 : -1;
	if (a->selector != b->selector)
		return a->selector < b->selector ? -1 : 1;
	return a->in_if < b->in_if ? -1 : a->in_if > b->in_if;
}

/* Index of the first item that is not before KEY. */
static size_t lower(const struct sampling *s, const struct sampling_key *key)
{
	size_t low = 0;
	size_t high = s->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (compare(&s->items[mid].key, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct sampler *find(const struct sampling *s, const struct sampling_key *key)
{
	size_t i = lower(s, key);
	return i < s->count && compare(&s->items[i].key, key) == 0 ? &s->items[i] : NULL;
}

/* Rates of the whole domain count for flows without a selector; where there is none, what all samplers agree on. */
static void settle(struct sampling *s)
{
	static const struct sampling_key whole;
	const struct sampler *item = find(s, &whole);

	s->stale = false;
	s->whole = item ? item->rate : 0;
	s->only = s->items && s->count ? s->items[0].rate : 0;
	for (size_t i = 1; i < s->count && s->only; i++)
		if (s->items[i].rate != s->only)
			s->only = 0;
}

static struct sampler *add(struct decoder *d, struct domain *dom, const struct sampling_key *key)
{
	struct sampling *s = dom->sampling;

	if (!s)
		s = dom->sampling = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	if (s->count == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 4;
		bool room = cap <= SAMPLERS_MAX && decoder_has_room(d, cap * sizeof(struct sampler));
		struct sampler *items = room ? realloc(s->items, cap * sizeof(*items)) : NULL;
		if (!items) {
			counter_inc(&d->stats.metadata_refused);
			return NULL;
		}
		d->state_bytes += (cap - s->cap) * sizeof(*items);
		s->items = items;
		s->cap = cap;
	}
	if (!s->items)
		return NULL;
	size_t i = lower(s, key);
	memmove(&s->items[i + 1], &s->items[i], (s->count - i) * sizeof(s->items[0]));
	s->items[i] = (struct sampler){.key = *key};
	s->count++;
	return &s->items[i];
}

void sampling_learn(struct decoder *d, struct domain *dom, const struct sampling_key *key, uint64_t rate)
{
	struct sampler *item = dom->sampling ? find(dom->sampling, key) : NULL;

	if (!rate)
		return;
	if (!item)
		item = add(d, dom, key);
	if (!item || item->rate == rate)
		return;
	item->rate = rate;
	dom->sampling->stale = true;
}

uint64_t sampling_find(const struct domain *dom, uint64_t selector, uint32_t in_if)
{
	const struct sampling *s = dom->sampling;
	const struct sampling_key keys[] = {
		{.has_selector = true, .has_in_if = true, .selector = selector, .in_if = in_if},
		{.has_selector = true, .selector = selector},
		{.has_in_if = true, .in_if = in_if},
	};

	if (!s)
		return 0;
	for (size_t i = selector ? 0 : 2; i < 3; i++) {
		const struct sampler *item = find(s, &keys[i]);
		if (item)
			return item->rate;
	}
	return s->whole ? s->whole : s->only;
}

uint64_t sampling_only(struct domain *dom)
{
	struct sampling *s = dom->sampling;

	if (!s)
		return 0;
	if (s->stale)
		settle(s);
	return s->only;
}

void sampling_free(struct decoder *d, struct sampling *s)
{
	if (!s)
		return;
	d->state_bytes -= s->cap * sizeof(*s->items);
	free(s->items);
	free(s);
}

void sampling_each(const struct domain *dom, void (*fn)(void *arg, const struct sampling_key *key, uint64_t rate),
	void *arg)
{
	for (size_t i = 0; dom->sampling && i < dom->sampling->count; i++)
		fn(arg, &dom->sampling->items[i].key, dom->sampling->items[i].rate);
}

void sampling_override(const struct sampling_overrides *o, const struct ip_addr *addr, uint64_t fallback,
	uint64_t *ret_override, uint64_t *ret_default)
{
	uint32_t best = 0;

	*ret_override = 0;
	*ret_default = fallback;
	for (size_t i = 0; o && i < o->count; i++)
		if (ip_prefix_has(&o->items[i].prefix, addr) && o->items[i].prefix.bits >= best) {
			best = o->items[i].prefix.bits;
			*ret_override = o->items[i].rate;
		}
}

static int parse_item(const char *text, size_t len, struct sampling_override *ret_item)
{
	char copy[IP_PREFIX_TEXT_MAX + 24];
	char *end;

	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	char *equals = strchr(copy, '=');
	if (!equals || equals[1] < '0' || equals[1] > '9')
		return -EINVAL;
	*equals = '\0';
	errno = 0;
	ret_item->rate = strtoull(equals + 1, &end, 10);
	if (*end || errno || ret_item->rate == 0)
		return -EINVAL;
	return ip_prefix_parse(copy, &ret_item->prefix);
}

int sampling_overrides_parse(const char *list, struct sampling_overrides *ret_overrides, char *err, size_t err_len)
{
	struct sampling_overrides o = {0};

	while (*list) {
		size_t len = strcspn(list, ", ");
		if (len > 0) {
			struct sampling_override *items = realloc(o.items, (o.count + 1) * sizeof(*items));
			if (!items) {
				sampling_overrides_free(&o);
				return -ENOMEM;
			}
			o.items = items;
			if (parse_item(list, len, &o.items[o.count])) {
				snprintf(err, err_len, "'%.*s' is not PREFIX=RATE, such as 192.0.2.0/24=1000", (int)len, list);
				sampling_overrides_free(&o);
				return -EINVAL;
			}
			o.count++;
		}
		list += len + (list[len] != '\0');
	}
	*ret_overrides = o;
	return 0;
}

void sampling_overrides_free(struct sampling_overrides *o)
{
	free(o->items);
	*o = (struct sampling_overrides){0};
}
