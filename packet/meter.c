/*
 * meter.c -- the cache of flows under way: a fixed array, a hash table over it, and two lists in the order of time.
 *
 * A flow that has packets moves to the end of its list, so what has been silent longest is always first: expiry and
 * eviction look at the head only. Flows that saw a FIN or RST wait in a list of their own for a moment, for the last
 * acknowledgements, which would else make a flow of one packet each.
 *
 * All memory is taken at the start. The hash is keyed: who sends the packets must not choose the bucket.
 */
#include "packet/meter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hash.h"
#include "packet/capture.h"
#include "packet/iphdr.h"
#include "proto/flow.h"

enum {
	MAX_FLOWS_DEFAULT = 65536,
	TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04,
	NONE = -1,
	LABELS = 4
};

static const uint64_t LINGER_NS = 2 * NS_PER_S;

/* flowEndReason, RFC 5102 5.11.3 */
enum end_reason { END_IDLE = 1, END_ACTIVE = 2, END_DETECTED = 3, END_FORCED = 4, END_RESOURCES = 5 };

/* Compared and hashed as bytes, so it has no holes. */
struct key {
	struct ip_addr src, dst;
	uint64_t src_mac, dst_mac;
	uint32_t src_port, dst_port; /* ICMP: type and code */
	uint16_t vlan, customer_vlan, etype, proto;
};

struct entry {
	struct key key;
	int32_t bucket_next;
	int32_t prev, next;       /* of its list */
	uint8_t list;
	uint8_t tos, ttl_min, ttl_max;
	uint32_t tcp_flags, flow_label;
	uint32_t len_min, len_max;
	uint32_t n_labels, labels[LABELS], label_ttls[LABELS];
	uint32_t tunnel_type;
	uint64_t tunnel_id;
	uint64_t start_ns, end_ns;
	uint64_t bytes, packets;
};

enum { LIST_LIVE, LIST_ENDED, LIST_FREE, LISTS };

struct list {
	int32_t first, last;
};

struct meter {
	struct meter_options options;
	struct meter_stats stats;
	struct hash_key hash_key;
	struct entry *entries;
	int32_t *buckets;
	size_t mask;
	struct list lists[LISTS];
	uint64_t now_ns;
	uint32_t skipped;   /* packets since the last one that was sampled */
	struct flow packet; /* the packet at hand */
	struct flow flow;   /* the flow to be emitted */
};

_Static_assert(sizeof(struct key) == 2 * sizeof(struct ip_addr) + 32, "no padding, it is hashed");

static void list_add(struct meter *m, uint8_t to, int32_t i)
{
	struct list *list = &m->lists[to];
	struct entry *e = &m->entries[i];
	e->list = to;
	e->next = NONE;
	e->prev = list->last;
	if (list->last == NONE)
		list->first = i;
	else
		m->entries[list->last].next = i;
	list->last = i;
}

static void list_remove(struct meter *m, int32_t i)
{
	struct entry *e = &m->entries[i];
	struct list *list = &m->lists[e->list];
	if (e->prev == NONE)
		list->first = e->next;
	else
		m->entries[e->prev].next = e->next;
	if (e->next == NONE)
		list->last = e->prev;
	else
		m->entries[e->next].prev = e->prev;
}

int meter_new(const struct meter_options *options, struct meter **ret_meter)
{
	struct meter *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->options = *options;
	if (!m->options.active_ns)
		m->options.active_ns = 60 * NS_PER_S;
	if (!m->options.inactive_ns)
		m->options.inactive_ns = 15 * NS_PER_S;
	if (!m->options.max_flows)
		m->options.max_flows = MAX_FLOWS_DEFAULT;
	if (m->options.max_flows > INT32_MAX / 2)
		m->options.max_flows = INT32_MAX / 2;
	size_t buckets = 1;
	while (buckets < m->options.max_flows)
		buckets *= 2;
	m->mask = buckets - 1;
	m->entries = calloc(m->options.max_flows, sizeof(*m->entries));
	m->buckets = malloc(buckets * sizeof(*m->buckets));
	if (!m->entries || !m->buckets) {
		meter_free(m);
		return -ENOMEM;
	}
	memset(m->buckets, 0xff, buckets * sizeof(*m->buckets)); /* NONE */
	for (size_t i = 0; i < LISTS; i++)
		m->lists[i] = (struct list){NONE, NONE};
	for (size_t i = 0; i < m->options.max_flows; i++)
		list_add(m, LIST_FREE, (int32_t)i);
	m->hash_key = hash_key_random();
	*ret_meter = m;
	return 0;
}

void meter_free(struct meter *m)
{
	if (!m)
		return;
	free(m->entries);
	free(m->buckets);
	free(m);
}

const struct meter_stats *meter_stats(const struct meter *m)
{
	return &m->stats;
}

static int32_t *bucket_of(struct meter *m, const struct key *key)
{
	return &m->buckets[hash_bytes(&m->hash_key, key, sizeof(*key)) & m->mask];
}

static void put_key(const struct key *k, struct flow *f)
{
	f->src_addr = k->src;
	f->dst_addr = k->dst;
	f->src_mac = k->src_mac;
	f->dst_mac = k->dst_mac;
	f->vlan_id = k->vlan;
	f->customer_vlan_id = k->customer_vlan;
	f->etype = k->etype;
	f->proto = k->proto;
	if (k->proto == IPHDR_ICMP || k->proto == IPHDR_ICMPV6) {
		f->icmp_type = k->src_port;
		f->icmp_code = k->dst_port;
	} else {
		f->src_port = k->src_port;
		f->dst_port = k->dst_port;
	}
}

static void emit(struct meter *m, const struct entry *e, enum end_reason reason)
{
	struct flow *f = &m->flow;
	flow_clear(f);
	put_key(&e->key, f);
	f->type = FLOW_TYPE_PACKET;
	f->sequence_num = (uint32_t)m->stats.flows;
	f->sampling_rate = m->options.sampling ? m->options.sampling : 1;
	f->sampler_address = m->options.sampler;
	f->in_if = m->options.in_if;
	f->time_received_ns = m->now_ns;
	f->time_flow_start_ns = e->start_ns;
	f->time_flow_end_ns = e->end_ns;
	f->bytes = e->bytes;
	f->packets = e->packets;
	f->ip_tos = e->tos;
	f->ip_ttl = e->ttl_min;
	f->max_ttl = e->ttl_max;
	f->tcp_flags = e->tcp_flags;
	f->ipv6_flow_label = e->flow_label;
	f->min_packet_length = e->len_min;
	f->max_packet_length = e->len_max;
	f->flow_end_reason = reason;
	f->tunnel_type = e->tunnel_type;
	f->tunnel_id = e->tunnel_id;
	f->n_mpls_label = f->n_mpls_ttl = e->n_labels;
	memcpy(f->mpls_label, e->labels, e->n_labels * sizeof(e->labels[0]));
	memcpy(f->mpls_ttl, e->label_ttls, e->n_labels * sizeof(e->label_ttls[0]));
	m->stats.flows++;
	m->options.emit(m->options.emit_arg, f);
}

/* Emits the flow and frees its place. */
static void end_flow(struct meter *m, int32_t i, enum end_reason reason)
{
	struct entry *e = &m->entries[i];
	emit(m, e, reason);
	int32_t *link = bucket_of(m, &e->key);
	while (*link != i)
		link = &m->entries[*link].bucket_next;
	*link = e->bucket_next;
	list_remove(m, i);
	list_add(m, LIST_FREE, i);
	m->stats.active--;
}

static void expire_list(struct meter *m, uint8_t list, uint64_t timeout_ns, enum end_reason reason)
{
	int32_t i;
	while ((i = m->lists[list].first) != NONE && m->now_ns - m->entries[i].end_ns >= timeout_ns)
		end_flow(m, i, reason);
}

void meter_tick(struct meter *m, uint64_t now_ns)
{
	if (now_ns > m->now_ns) /* packets of several interfaces may come a little out of order */
		m->now_ns = now_ns;
	expire_list(m, LIST_LIVE, m->options.inactive_ns, END_IDLE);
	expire_list(m, LIST_ENDED, LINGER_NS, END_DETECTED);
}

void meter_flush(struct meter *m)
{
	expire_list(m, LIST_ENDED, 0, END_DETECTED);
	expire_list(m, LIST_LIVE, 0, END_FORCED);
}

static int32_t find(struct meter *m, const struct key *key)
{
	int32_t i = *bucket_of(m, key);
	while (i != NONE && memcmp(&m->entries[i].key, key, sizeof(*key)) != 0)
		i = m->entries[i].bucket_next;
	return i;
}

static int32_t start_flow(struct meter *m, const struct key *key)
{
	if (m->lists[LIST_FREE].first == NONE) {
		m->stats.evicted++;
		bool ended = m->lists[LIST_ENDED].first != NONE;
		end_flow(m, ended ? m->lists[LIST_ENDED].first : m->lists[LIST_LIVE].first, ended ? END_DETECTED : END_RESOURCES);
	}
	int32_t i = m->lists[LIST_FREE].first;
	list_remove(m, i);
	struct entry *e = &m->entries[i];
	const struct flow *p = &m->packet;
	*e = (struct entry){
		.key = *key, .tos = (uint8_t)p->ip_tos, .ttl_min = UINT8_MAX, .flow_label = p->ipv6_flow_label,
		.len_min = UINT32_MAX,
		.tunnel_type = p->tunnel_type, .tunnel_id = p->tunnel_id, .start_ns = m->now_ns, .end_ns = m->now_ns,
		.n_labels = p->n_mpls_label < LABELS ? p->n_mpls_label : LABELS,
	};
	memcpy(e->labels, p->mpls_label, e->n_labels * sizeof(e->labels[0]));
	memcpy(e->label_ttls, p->mpls_ttl, e->n_labels * sizeof(e->label_ttls[0]));
	int32_t *bucket = bucket_of(m, key);
	e->bucket_next = *bucket;
	*bucket = i;
	list_add(m, LIST_LIVE, i);
	m->stats.active++;
	return i;
}

static void make_key(const struct flow *p, struct key *k)
{
	bool icmp = p->proto == IPHDR_ICMP || p->proto == IPHDR_ICMPV6;
	*k = (struct key){
		.src = p->src_addr, .dst = p->dst_addr, .src_mac = p->src_mac, .dst_mac = p->dst_mac,
		.src_port = icmp ? p->icmp_type : p->src_port, .dst_port = icmp ? p->icmp_code : p->dst_port,
		.vlan = (uint16_t)p->vlan_id, .customer_vlan = (uint16_t)p->customer_vlan_id, .etype = (uint16_t)p->etype,
		.proto = (uint16_t)p->proto,
	};
}

static void count_packet(struct meter *m, struct entry *e, uint32_t ip_len)
{
	const struct flow *p = &m->packet;
	e->end_ns = m->now_ns;
	e->packets++;
	e->bytes += ip_len;
	e->tcp_flags |= p->tcp_flags;
	if (p->ip_ttl < e->ttl_min)
		e->ttl_min = (uint8_t)p->ip_ttl;
	if (p->ip_ttl > e->ttl_max)
		e->ttl_max = (uint8_t)p->ip_ttl;
	if (ip_len < e->len_min)
		e->len_min = ip_len;
	if (ip_len > e->len_max)
		e->len_max = ip_len;
}

/* The flow that the packet belongs to: one under way, or a new one where that is over. */
static int32_t flow_of(struct meter *m, const struct key *key)
{
	int32_t i = find(m, key);
	if (i == NONE)
		return start_flow(m, key);
	const struct entry *e = &m->entries[i];
	if (m->now_ns - e->start_ns >= m->options.active_ns) {
		end_flow(m, i, e->list == LIST_ENDED ? END_DETECTED : END_ACTIVE);
		return start_flow(m, key);
	}
	/* The same ports again, soon after: another connection. */
	if (e->list == LIST_ENDED && m->packet.tcp_flags & TCP_SYN) {
		end_flow(m, i, END_DETECTED);
		return start_flow(m, key);
	}
	return i;
}

static bool is_sampled(struct meter *m)
{
	if (m->options.sampling <= 1)
		return true;
	if (++m->skipped < m->options.sampling)
		return false;
	m->skipped = 0;
	return true;
}

void meter_packet(struct meter *m, const struct capture_packet *packet)
{
	meter_tick(m, packet->time_ns);
	m->stats.packets++;
	if (!is_sampled(m)) {
		m->stats.unsampled++;
		return;
	}
	struct frame_info info;
	struct flow *p = &m->packet;
	flow_clear(p);
	if (frame_decode_etype(packet->data, packet->len, packet->etype, m->options.inner, p, &info) < 0 || !p->src_addr.len) {
		m->stats.not_ip++;
		return;
	}
	m->stats.metered++;
	struct key key;
	make_key(p, &key);
	int32_t i = flow_of(m, &key);
	struct entry *e = &m->entries[i];
	count_packet(m, e, info.ip_len);
	uint8_t list = e->list == LIST_ENDED || p->tcp_flags & (TCP_FIN | TCP_RST) ? LIST_ENDED : LIST_LIVE;
	list_remove(m, i);
	list_add(m, list, i);
}
