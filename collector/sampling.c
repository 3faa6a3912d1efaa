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
	uint64_t seen_ns;
	uint16_t port;         /* it came from last */
};

enum { VARIANTS_MAX = 8 };

struct sampling {
	struct sampler *items; /* sorted by key; of one key there are several where ports contradict each other */
	size_t count, cap;
	bool stale;            /* what follows is of before the last change */
	bool varied;           /* some key has several items: then it is as this port knows them */
	uint16_t port;
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

/* How many items from the one at I on have its key. */
static size_t same_key(const struct sampling *s, size_t i)
{
	size_t n = 1;

	while (i + n < s->count && compare(&s->items[i].key, &s->items[i + n].key) == 0)
		n++;
	return n;
}

/* Of N items of one key the one that PORT said; where it said none, what was said last. */
static struct sampler *choose(struct sampler *items, size_t n, uint16_t port)
{
	struct sampler *best = items;

	for (size_t i = 0; i < n; i++) {
		if (items[i].port == port)
			return &items[i];
		if (items[i].seen_ns > best->seen_ns)
			best = &items[i];
	}
	return best;
}

static const struct sampler *find(const struct sampling *s, const struct sampling_key *key, uint16_t port)
{
	size_t i = lower(s, key);

	if (i == s->count || compare(&s->items[i].key, key) != 0)
		return NULL;
	return choose(&s->items[i], same_key(s, i), port);
}

/* Rates of the whole domain count for flows without a selector; where there is none, what all samplers agree on. */
static void settle(struct sampling *s, uint16_t port)
{
	static const struct sampling_key whole;
	const struct sampler *item = find(s, &whole, port);

	s->stale = false;
	s->port = port;
	s->whole = item ? item->rate : 0;
	s->only = 0;
	s->varied = false;
	bool agree = true;
	for (size_t i = 0, n; s->items && i < s->count; i += n) {
		n = same_key(s, i);
		s->varied |= n > 1;
		uint64_t rate = choose(&s->items[i], n, port)->rate;
		agree &= i == 0 || rate == s->only;
		s->only = rate;
	}
	if (!agree)
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

/*
 * The item that takes what PORT says of KEY: its own; or one that says the same (an exporter restarted, or with several
 * ports); or, all places being taken, the oldest. NULL: PORT contradicts another one, which may be a second exporter.
 */
static struct sampler *own_item(const struct sampling *s, const struct sampling_key *key, uint16_t port, uint64_t rate)
{
	size_t first = lower(s, key);
	struct sampler *same = NULL;
	struct sampler *oldest = NULL;
	size_t n = 0;

	for (size_t i = first; i < s->count && compare(&s->items[i].key, key) == 0; i++, n++) {
		struct sampler *item = &s->items[i];
		if (item->port == port)
			return item;
		if (item->rate == rate)
			same = item;
		if (!oldest || item->seen_ns < oldest->seen_ns)
			oldest = item;
	}
	return same || n < VARIANTS_MAX ? same : oldest;
}

void sampling_learn(struct decoder *d, struct domain *dom, uint16_t port, const struct sampling_key *key, uint64_t rate)
{
	if (!rate)
		return;
	struct sampler *item = dom->sampling ? own_item(dom->sampling, key, port, rate) : NULL;
	if (!item)
		item = add(d, dom, key);
	if (!item)
		return;
	item->seen_ns = d->now_ns;
	if (item->port == port && item->rate == rate)
		return;
	item->port = port;
	item->rate = rate;
	dom->sampling->stale = true;
}

uint64_t sampling_find(const struct domain *dom, uint16_t port, uint64_t selector, const uint32_t seen_at[2])
{
	enum { WITH_SELECTOR = 3, ALL = 5 };
	const struct sampling *s = dom->sampling;
	const struct sampling_key keys[ALL] = {
		{.has_selector = true, .has_in_if = true, .selector = selector, .in_if = seen_at[0]},
		{.has_selector = true, .has_in_if = true, .selector = selector, .in_if = seen_at[1]},
		{.has_selector = true, .selector = selector},
		{.has_in_if = true, .in_if = seen_at[0]},
		{.has_in_if = true, .in_if = seen_at[1]},
	};

	if (!s)
		return 0;
	for (size_t i = selector ? 0 : WITH_SELECTOR; i < ALL; i++) {
		const struct sampler *item = find(s, &keys[i], port);
		if (item)
			return item->rate;
	}
	return s->whole ? s->whole : s->only;
}

uint64_t sampling_only(struct domain *dom, uint16_t port)
{
	struct sampling *s = dom->sampling;

	if (!s)
		return 0;
	if (s->stale || (s->varied && s->port != port))
		settle(s, port);
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

void sampling_each(const struct domain *dom,
	void (*fn)(void *arg, const struct sampling_key *key, uint16_t port, uint64_t rate), void *arg)
{
	for (size_t i = 0; dom->sampling && i < dom->sampling->count; i++) {
		const struct sampler *item = &dom->sampling->items[i];
		fn(arg, &item->key, item->port, item->rate);
	}
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
