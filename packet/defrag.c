/*
 * defrag.c -- a small table of datagrams under way, each with its 64 KiB and a bitmap of the 8-octet units that came.
 *
 * Fragments that overlap are an attack or a fault, never traffic (RFC 5722 3), so the datagram is given up; an exact
 * repetition is harmless and is passed over. The table is looked through in order: it has 64 slots, and it is for
 * captures and tests, not for a packet path under load.
 */
#include "packet/defrag.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

enum { PAYLOAD_MAX = 65536, UNITS = PAYLOAD_MAX / 8 };

static const uint64_t TIMEOUT_NS = 30 * NS_PER_S; /* RFC 791 suggests 15, RFC 8200 says 60 */

struct slot {
	bool used;
	struct ip_addr src, dst;
	uint32_t id;
	uint8_t proto;
	uint64_t started_ns;
	uint32_t have;  /* units that came */
	uint32_t total; /* octets, 0 while the last fragment is missing */
	uint64_t came[UNITS / 64];
	uint8_t *data;
};

struct defrag {
	struct slot slots[DEFRAG_SLOTS];
	struct defrag_stats stats;
};

struct defrag *defrag_new(void)
{
	return calloc(1, sizeof(struct defrag));
}

void defrag_free(struct defrag *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < DEFRAG_SLOTS; i++)
		free(d->slots[i].data);
	free(d);
}

const struct defrag_stats *defrag_stats(const struct defrag *d)
{
	return &d->stats;
}

static bool is_of(const struct slot *s, const struct defrag_piece *p)
{
	return s->used && s->id == p->id && s->proto == p->proto && ip_equal(&s->src, &p->src) && ip_equal(&s->dst, &p->dst);
}

static struct slot *find_slot(struct defrag *d, const struct defrag_piece *p, uint64_t now_ns)
{
	struct slot *oldest = &d->slots[0];
	struct slot *empty = NULL;
	for (size_t i = 0; i < DEFRAG_SLOTS; i++) {
		struct slot *s = &d->slots[i];
		if (s->used && now_ns > s->started_ns + TIMEOUT_NS) {
			s->used = false;
			d->stats.expired++;
		}
		if (is_of(s, p))
			return s;
		if (!s->used)
			empty = s;
		else if (s->started_ns < oldest->started_ns)
			oldest = s;
	}
	if (!empty) {
		empty = oldest;
		d->stats.evicted++;
	}
	if (!empty->data && !(empty->data = malloc(PAYLOAD_MAX)))
		return NULL;
	uint8_t *data = empty->data;
	*empty = (struct slot){
		.used = true, .src = p->src, .dst = p->dst, .id = p->id, .proto = p->proto, .started_ns = now_ns, .data = data,
	};
	return empty;
}

/* Marks the units [from, to) as come; gives how many of them had come before. */
static uint32_t mark(struct slot *s, uint32_t from, uint32_t to)
{
	uint32_t before = 0;
	for (uint32_t i = from; i < to; i++) {
		uint64_t bit = 1ull << (i & 63);
		before += (s->came[i / 64] & bit) != 0;
		s->came[i / 64] |= bit;
	}
	return before;
}

/* 0 when the piece went in (or was there already), -1 when it makes no sense with what came before. */
static int insert(struct slot *s, const struct defrag_piece *p)
{
	size_t from = (size_t)p->offset * 8;
	size_t end = from + p->len;
	if (!p->len || end > PAYLOAD_MAX || (p->more && p->len % 8))
		return -1;
	if (s->total && end > s->total)
		return -1;
	if (!p->more) {
		if (s->total && s->total != end)
			return -1;
		s->total = (uint32_t)end;
	}
	uint32_t units = (uint32_t)((p->len + 7) / 8);
	uint32_t before = mark(s, p->offset, p->offset + units);
	if (before == units)
		return 0;
	if (before)
		return -1;
	s->have += units;
	memcpy(s->data + from, p->data, p->len);
	return 0;
}

const uint8_t *defrag_add(struct defrag *d, const struct defrag_piece *piece, uint64_t now_ns, size_t *ret_len)
{
	struct slot *s = find_slot(d, piece, now_ns);
	if (!s)
		return NULL;
	if (insert(s, piece) < 0) {
		s->used = false;
		d->stats.bad++;
		return NULL;
	}
	if (!s->total || s->have < (s->total + 7) / 8)
		return NULL;
	s->used = false;
	if (s->have > (s->total + 7) / 8) {
		/* Something came from behind the end before the last fragment told where that is. */
		d->stats.bad++;
		return NULL;
	}
	d->stats.done++;
	*ret_len = s->total;
	return s->data;
}
