/*
 * group.c -- see group.h.
 *
 * The key of a group is the members of struct flow themselves, one behind the other, masked where a prefix was asked
 * for; so a group turns into a flow again by copying them back, and prints like one.
 *
 * At the limit the smaller half of the groups (by what will be sorted by) is dropped: what is large stays, at a bounded
 * cost. A group loses in each such round what the largest of the dropped had at most, so the sum of these says by how much
 * any group may be too low. Those figures are shown.
 */
#include "inserter/group.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "inserter/tally.h"
#include "proto/flow.h"

enum { ELEMENTS_MAX = 16, KEY_MAX = 1024, COLUMNS_TEXT = 256, PROTO_ICMP = 1, PROTO_ICMP6 = 58, PROTO_TCP = 6, PROTO_UDP = 17 };

struct element {
	const char *name, *code, *heading;
	size_t offset, size; /* of the scalar, or of a text's length */
	size_t text_offset;  /* of a text, 0: none */
	uint32_t label;      /* an MPLS label: its place, from 1 on; OFFSET is of the list's length */
	size_t other;        /* offset of the member at the other end, 0: none */
};

#define MEMBER(member) .offset = offsetof(struct flow, member), .size = sizeof(((struct flow *)NULL)->member)

static const struct element elements[] = {
#define ELEMENT(name, code, heading, member) {#name, code, heading, MEMBER(member)},
#define EITHER(name, code, heading, member, at_other_end) \
	{#name, code, heading, MEMBER(member), .other = offsetof(struct flow, at_other_end)},
#define TEXT_ELEMENT(name, code, heading, member) \
	{#name, code, heading, MEMBER(n_##member), .text_offset = offsetof(struct flow, member)},
#define LABEL_ELEMENT(place) \
	{"mpls" #place, "mpls" #place, " MPLS lab " #place, MEMBER(n_mpls_label), .label = (place)},
#include "inserter/elements.def"
#undef ELEMENT
#undef EITHER
#undef TEXT_ELEMENT
#undef LABEL_ELEMENT
};

/* An element of this grouping. */
struct part {
	const struct element *element;
	uint32_t bits4, bits6;  /* prefix lengths, 0: whole addresses */
	size_t mask_offset;     /* member that holds the prefix length (srcnet, dstnet), 0: none */
	const char *code;       /* NULL: the element's; "": no column of its own */
};

struct sums {
	uint64_t bytes, packets, flows, reverse_bytes, reverse_packets, first_ns, last_ns;
	uint64_t rank; /* what is sorted by */
	uint32_t tcp_flags, type, tos; /* type of the last, tos of the first */
};

struct group {
	struct part parts[ELEMENTS_MAX];
	size_t n_parts;
	size_t key_len;
	enum group_kind kind;
	char columns[COLUMNS_TEXT];
	struct tally *tally; /* key -> struct sums */
	size_t max;
	uint32_t *places;    /* sorted order, NULL: as they came */
	enum group_order keep;
	struct group_lost lost;
};

static const char *const order_names[] = {
	[GROUP_FLOWS] = "flows", [GROUP_PACKETS] = "packets", [GROUP_BYTES] = "bytes", [GROUP_PPS] = "pps", [GROUP_BPS] = "bps",
	[GROUP_BPP] = "bpp", [GROUP_OPACKETS] = "opkg", [GROUP_OBYTES] = "obyte", [GROUP_TSTART] = "tstart", [GROUP_TEND] = "tend",
	[GROUP_DURATION] = "duration",
};

static const struct {
	const char *name;
	enum group_order order;
} order_aliases[] = {{"ipkg", GROUP_PACKETS}, {"ibyte", GROUP_BYTES}, {"ipps", GROUP_PPS}, {"ibps", GROUP_BPS}, {"ibpp", GROUP_BPP}};

int group_order_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(order_names) / sizeof(order_names[0]); i++)
		if (strlen(order_names[i]) == len && strncmp(order_names[i], name, len) == 0)
			return (int)i;
	for (size_t i = 0; i < sizeof(order_aliases) / sizeof(order_aliases[0]); i++)
		if (strlen(order_aliases[i].name) == len && strncmp(order_aliases[i].name, name, len) == 0)
			return (int)order_aliases[i].order;
	return -1;
}

/* -- what to group by -- */

static const struct element *element_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		if (strlen(elements[i].name) == len && strncmp(elements[i].name, name, len) == 0)
			return &elements[i];
	return NULL;
}

/* "srcip4/24", "dstip6/64"; 0 or -EINVAL. */
static int parse_net(const char *word, size_t len, struct part *ret_part)
{
	char *end;
	if (len < 8 || (word[5] != '4' && word[5] != '6') || word[6] != '/')
		return -EINVAL;
	unsigned long bits = strtoul(word + 7, &end, 10);
	const struct element *e = element_by_name(word, 5);
	if (!e || (strncmp(word, "srcip", 5) != 0 && strncmp(word, "dstip", 5) != 0) || end != word + len || bits == 0 ||
	    bits > (word[5] == '4' ? 32 : 128))
		return -EINVAL;
	*ret_part = (struct part){.element = e};
	*(word[5] == '4' ? &ret_part->bits4 : &ret_part->bits6) = (uint32_t)bits;
	return 0;
}

static void append(struct group *g, const struct part *part)
{
	const struct element *e = part->element;
	const char *code = part->code ? part->code : e->code;
	size_t used = strlen(g->columns);
	g->parts[g->n_parts++] = *part;
	g->key_len += e->size + (e->text_offset ? FLOW_STR_MAX : 0);
	if (*code)
		snprintf(g->columns + used, sizeof(g->columns) - used, "%s%%%s", used ? " " : "", code);
}

/* The address under the record's own prefix length, and that length. */
static bool add_own_net(struct group *g, const char *word, size_t len)
{
	static const struct {
		const char *name, *address, *mask, *code;
		size_t offset;
	} nets[] = {{"srcnet", "srcip", "srcmask", "sn", offsetof(struct flow, src_net)},
		    {"dstnet", "dstip", "dstmask", "dn", offsetof(struct flow, dst_net)}};
	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
		if (len != 6 || strncmp(word, nets[i].name, len) != 0)
			continue;
		append(g, &(struct part){.element = element_by_name(nets[i].address, 5), .mask_offset = nets[i].offset,
					 .code = nets[i].code});
		append(g, &(struct part){.element = element_by_name(nets[i].mask, 7), .code = ""});
		return true;
	}
	return false;
}

static int add_part(struct group *g, const char *word, size_t len, char *err, size_t err_len)
{
	struct part part = {.element = element_by_name(word, len)};
	if (g->n_parts + 1 < ELEMENTS_MAX && add_own_net(g, word, len))
		return 0;
	if ((!part.element && parse_net(word, len, &part)) || (part.element->other && g->kind != GROUP_EITHER)) {
		snprintf(err, err_len, "'%.*s' is nothing to group by; docs/inserter.md lists what is", (int)len, word);
		return -EINVAL;
	}
	if (g->n_parts == ELEMENTS_MAX) {
		snprintf(err, err_len, "more than %d elements to group by", ELEMENTS_MAX);
		return -EINVAL;
	}
	/* srcip4/24,srcip6/64: one address, two masks. */
	for (size_t i = 0; i < g->n_parts; i++) {
		if (g->parts[i].element != part.element || g->parts[i].code)
			continue;
		g->parts[i].bits4 |= part.bits4;
		g->parts[i].bits6 |= part.bits6;
		return 0;
	}
	append(g, &part);
	return 0;
}

int group_new(const char *list, enum group_kind kind, size_t max, struct group **ret_group, char *err, size_t err_len)
{
	struct group *g = calloc(1, sizeof(*g));
	int r = g ? 0 : -ENOMEM;
	if (g) {
		g->kind = kind;
		g->keep = GROUP_BYTES;
	}
	for (const char *p = list; !r; p++) {
		size_t len = strcspn(p, ",");
		r = add_part(g, p, len, err, err_len);
		p += len;
		if (!*p)
			break;
	}
	if (!r && g->key_len > KEY_MAX) {
		snprintf(err, err_len, "too many elements to group by");
		r = -EINVAL;
	}
	if (!r) {
		g->max = max;
		r = tally_new(g->key_len, sizeof(struct sums), max, &g->tally);
	}
	if (r == -ENOMEM)
		snprintf(err, err_len, "out of memory");
	if (r)
		group_free(g);
	else
		*ret_group = g;
	return r;
}

void group_free(struct group *g)
{
	if (!g)
		return;
	tally_free(g->tally);
	free(g->places);
	free(g);
}

/* -- counting -- */

static void mask(const struct part *part, const struct flow *f, uint8_t *at)
{
	struct ip_addr a;
	if (!part->bits4 && !part->bits6 && !part->mask_offset)
		return;
	memcpy(&a, at, sizeof(a));
	uint32_t bits = a.len == 4 ? part->bits4 : part->bits6;
	if (part->mask_offset)
		bits = *(const uint32_t *)(const void *)((const char *)f + part->mask_offset);
	if (bits && bits < a.len * 8)
		a = ip_mask(&a, bits);
	memcpy(at, &a, sizeof(a));
}

/* What stands in the place of a destination port: as nfdump has it, type and code of ICMP. */
static uint32_t dst_port(const struct flow *f)
{
	bool icmp = f->proto == PROTO_ICMP || f->proto == PROTO_ICMP6;
	return icmp && !f->dst_port ? f->icmp_type << 8 | f->icmp_code : f->dst_port;
}

static void member(const struct element *e, const struct flow *f, bool other_end, uint8_t *key)
{
	size_t offset = other_end && e->other ? e->other : e->offset;
	uint32_t number;
	if (e->label)
		number = e->label <= f->n_mpls_label ? f->mpls_label[e->label - 1] : 0;
	else if (offset == offsetof(struct flow, dst_port))
		number = dst_port(f);
	else {
		memcpy(key, (const char *)f + offset, e->size);
		return;
	}
	memcpy(key, &number, sizeof(number));
}

static void make_key(const struct group *g, const struct flow *f, bool other_end, uint8_t *key)
{
	for (size_t i = 0; i < g->n_parts; i++) {
		const struct part *part = &g->parts[i];
		const struct element *e = part->element;
		member(e, f, other_end, key);
		mask(part, f, key);
		key += e->size;
		if (!e->text_offset)
			continue;
		uint32_t len = *(const uint32_t *)(const void *)((const char *)f + e->offset);
		memset(key, 0, FLOW_STR_MAX);
		memcpy(key, (const char *)f + e->text_offset, len);
		key += FLOW_STR_MAX;
	}
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static uint64_t size_of(const struct sums *s, enum group_order keep)
{
	if (keep == GROUP_FLOWS)
		return s->flows;
	if (keep == GROUP_PACKETS || keep == GROUP_OPACKETS || keep == GROUP_PPS)
		return s->packets + s->reverse_packets;
	return s->bytes + s->reverse_bytes;
}

struct limit {
	enum group_order keep;
	uint64_t size;
};

static bool is_small(const void *arg, const void *key, void *value)
{
	const struct limit *limit = arg;
	(void)key;
	return size_of(value, limit->keep) <= limit->size;
}

static void add_lost(struct group_lost *lost, const struct group_lost *more)
{
	lost->groups += more->groups;
	lost->flows += more->flows;
	lost->packets += more->packets;
	lost->bytes += more->bytes;
}

static void raise_to(uint64_t *most, uint64_t value)
{
	*most = value > *most ? value : *most;
}

/* Drops the smaller half (all that are equal to the middle go too: room there must be). */
static void drop_small(struct group *g)
{
	size_t n = tally_count(g->tally);
	struct limit limit = {.keep = g->keep};
	struct group_lost most = {0};
	uint64_t *sizes = malloc(n * sizeof(*sizes));
	if (!sizes)
		return;
	for (size_t i = 0; i < n; i++)
		sizes[i] = size_of(tally_value(g->tally, i), g->keep);
	qsort(sizes, n, sizeof(*sizes), by_number);
	limit.size = sizes[n / 2];
	free(sizes);
	for (size_t i = 0; i < n; i++) {
		struct sums *s = tally_value(g->tally, i);
		if (!is_small(&limit, NULL, s))
			continue;
		raise_to(&most.flows, s->flows);
		raise_to(&most.packets, s->packets + s->reverse_packets);
		raise_to(&most.bytes, s->bytes + s->reverse_bytes);
	}
	tally_remove_if(g->tally, is_small, &limit);
	most.groups = n - tally_count(g->tally);
	add_lost(&g->lost, &most);
}

static void sum_up(struct sums *s, const struct flow *f, bool backwards)
{
	uint64_t first = f->time_flow_start_ns ? f->time_flow_start_ns : f->time_received_ns;
	uint64_t last = f->time_flow_end_ns ? f->time_flow_end_ns : first;
	if (!s->flows || first < s->first_ns)
		s->first_ns = first;
	if (last > s->last_ns)
		s->last_ns = last;
	if (!s->flows)
		s->tos = f->ip_tos;
	s->flows += f->flow_count ? f->flow_count : 1;
	*(backwards ? &s->reverse_bytes : &s->bytes) += f->bytes;
	*(backwards ? &s->reverse_packets : &s->packets) += f->packets;
	*(backwards ? &s->bytes : &s->reverse_bytes) += f->reverse_bytes;
	*(backwards ? &s->packets : &s->reverse_packets) += f->reverse_packets;
	s->tcp_flags |= f->tcp_flags;
	s->type = f->type;
}

static void add_to(struct group *g, const struct flow *f, bool other_end)
{
	uint8_t key[KEY_MAX];
	make_key(g, f, other_end, key);
	struct sums *s = tally_get(g->tally, key);
	if (!s) {
		drop_small(g);
		s = tally_get(g->tally, key);
	}
	if (s) {
		sum_up(s, f, false);
		return;
	}
	/* Out of memory. */
	struct sums one = {0};
	sum_up(&one, f, false);
	add_lost(&g->lost, &(struct group_lost){.groups = 1, .flows = one.flows, .packets = one.packets + one.reverse_packets,
						.bytes = one.bytes + one.reverse_bytes});
}

#define EXCHANGE(type, a, b) do { type keep = a; a = b; b = keep; } while (0)

static void turn_round(struct flow *f)
{
	/* cppcheck-suppress ctuuninitvar ; of a connection's other direction only these are filled in */
	EXCHANGE(struct ip_addr, f->src_addr, f->dst_addr);
	EXCHANGE(uint32_t, f->src_port, f->dst_port);
}

/* F answers what came before? Then it is summed up there. */
static bool add_as_answer(struct group *g, const struct flow *f)
{
	uint8_t key[KEY_MAX];
	struct flow ends; /* only what GROUP_CONNECTION asks for */
	make_key(g, f, false, key);
	if (tally_find(g->tally, key))
		return false;
	ends.proto = f->proto;
	ends.src_addr = f->src_addr;
	ends.dst_addr = f->dst_addr;
	ends.src_port = f->src_port;
	ends.dst_port = dst_port(f);
	ends.icmp_type = ends.icmp_code = 0;
	turn_round(&ends);
	make_key(g, &ends, false, key);
	struct sums *s = tally_find(g->tally, key);
	if (s)
		sum_up(s, f, true);
	return s != NULL;
}

void group_add(struct group *g, const struct flow *f)
{
	if ((g->kind == GROUP_BOTH_WAYS || g->kind == GROUP_GUESS) && add_as_answer(g, f))
		return;
	add_to(g, f, false);
	const struct element *e = g->parts[0].element;
	if (!e->other)
		return;
	/* A flow of an address to itself counts once. */
	if (memcmp((const char *)f + e->offset, (const char *)f + e->other, e->size) != 0)
		add_to(g, f, true);
}

/* -- results -- */

size_t group_count(const struct group *g)
{
	return tally_count(g->tally);
}

/* nfdump's guess: the client's port lies in a higher range than the server's. */
static bool comes_from_server(const struct flow *f)
{
	static const uint32_t ranges[] = {1024, 32768, 49152};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (f->src_port < ranges[i] && f->dst_port >= ranges[i])
			return f->proto == PROTO_TCP || f->proto == PROTO_UDP;
	return false;
}

/* A group knows no bottom of the stack: there is always another label behind, 0. */
static void set_label(struct flow *f, const struct element *e, const uint8_t *key)
{
	memcpy(&f->mpls_label[e->label - 1], key, sizeof(f->mpls_label[0]));
	if (f->n_mpls_label < e->label + 1)
		f->n_mpls_label = e->label + 1;
}

void group_flow(const struct group *g, size_t i, struct flow *ret_flow)
{
	size_t place = g->places ? g->places[i] : i;
	const uint8_t *key = tally_key(g->tally, place);
	const struct sums *s = tally_value(g->tally, place);
	flow_clear(ret_flow);
	ret_flow->tcp_flags = s->tcp_flags;
	ret_flow->type = s->type;
	ret_flow->ip_tos = s->tos;
	for (size_t k = 0; k < g->n_parts; k++) {
		const struct element *e = g->parts[k].element;
		if (e->label)
			set_label(ret_flow, e, key);
		else
			memcpy((char *)ret_flow + e->offset, key, e->size);
		key += e->size;
		if (e->text_offset) {
			memcpy((char *)ret_flow + e->text_offset, key, FLOW_STR_MAX);
			key += FLOW_STR_MAX;
		}
	}
	ret_flow->bytes = s->bytes;
	ret_flow->packets = s->packets;
	ret_flow->reverse_bytes = s->reverse_bytes;
	ret_flow->reverse_packets = s->reverse_packets;
	ret_flow->flow_count = s->flows;
	ret_flow->time_flow_start_ns = s->first_ns;
	ret_flow->time_flow_end_ns = s->last_ns;
	if (g->kind == GROUP_GUESS && comes_from_server(ret_flow)) {
		turn_round(ret_flow);
		EXCHANGE(uint64_t, ret_flow->bytes, ret_flow->reverse_bytes);
		EXCHANGE(uint64_t, ret_flow->packets, ret_flow->reverse_packets);
	}
}

static uint64_t a_second(const struct sums *s, uint64_t amount)
{
	uint64_t ms = (s->last_ns - s->first_ns) / NS_PER_MS;
	return ms ? (uint64_t)((double)amount * 1000 / (double)ms) : 0;
}

static uint64_t rank_of(const struct sums *s, enum group_order order)
{
	switch (order) {
	case GROUP_FLOWS: return s->flows;
	case GROUP_PACKETS: return s->packets;
	case GROUP_BYTES: return s->bytes;
	case GROUP_PPS: return a_second(s, s->packets);
	case GROUP_BPS: return a_second(s, s->bytes * 8);
	case GROUP_BPP: return s->packets ? s->bytes / s->packets : 0;
	case GROUP_OPACKETS: return s->reverse_packets;
	case GROUP_OBYTES: return s->reverse_bytes;
	case GROUP_TSTART: return ~s->first_ns; /* the earliest first */
	case GROUP_TEND: return ~s->last_ns;
	case GROUP_DURATION: return s->last_ns - s->first_ns;
	case GROUP_NO_ORDER: break;
	}
	return 0;
}

uint64_t group_rank(const struct flow *f, enum group_order order)
{
	struct sums s = {0};
	sum_up(&s, f, false);
	return rank_of(&s, order);
}

static int by_rank(const void *a, const void *b, void *arg)
{
	const struct group *g = arg;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct sums *x = tally_value(g->tally, i), *y = tally_value(g->tally, k);
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	if (x->first_ns != y->first_ns)
		return x->first_ns < y->first_ns ? -1 : 1;
	return memcmp(tally_key(g->tally, i), tally_key(g->tally, k), g->key_len); /* the same order every time */
}

void group_sort(struct group *g, enum group_order order)
{
	size_t n = tally_count(g->tally);
	free(g->places);
	g->places = order == GROUP_NO_ORDER || n == 0 ? NULL : malloc(n * sizeof(*g->places));
	if (!g->places)
		return;
	for (size_t i = 0; i < n; i++) {
		struct sums *s = tally_value(g->tally, i);
		s->rank = rank_of(s, order);
		g->places[i] = (uint32_t)i;
	}
	qsort_r(g->places, n, sizeof(*g->places), by_rank, g);
}

void group_clear(struct group *g)
{
	tally_clear(g->tally);
	free(g->places);
	g->places = NULL;
	g->lost = (struct group_lost){0};
}

const char *group_columns(const struct group *g)
{
	return g->columns;
}

const char *group_text(const struct group *g)
{
	return g->parts[0].element->heading;
}

void group_keep(struct group *g, enum group_order order)
{
	g->keep = order;
}

struct group_lost group_lost(const struct group *g)
{
	return g->lost;
}
