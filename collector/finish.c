/*
 * finish.c -- what hangs on more than one element of a record: which of two counters, when relative times were, how
 * much was sampled, who the numbers are by name; and the second flow of a biflow.
 */
#include <string.h>

#include "collector/decoder.h"
#include "collector/metadata.h"
#include "collector/record.h"
#include "collector/sampling.h"
#include "collector/template.h"
#include "common/clock.h"

/* RFC 7012, flowDirection: the flow was observed where it left. */
enum { DIRECTION_EGRESS = 1 };

enum { ETYPE_IPV4 = 0x0800, ETYPE_IPV6 = 0x86dd, PROTO_ICMP = 1, PROTO_ICMPV6 = 58 };

/* An exporter's clock may run ahead of the uptime in its header by as much. */
#define UPTIME_AHEAD_MS 3600000u

/* What the records of a set share: a member of struct flow, and its value in a struct record_source. */
#define SHARED(ROW) \
	ROW(type, type) \
	ROW(sequence_num, sequence) \
	ROW(sampler_address, addr) \
	ROW(observation_domain_id, domain_id) \
	ROW(time_received_ns, received_ns) \
	ROW(engine_type, engine_type) \
	ROW(engine_id, engine_id) \
	ROW(sampling_rate, sampling)

bool finish_shares(size_t field)
{
	static const bool yes[FLOW_F_COUNT] = {
#define ROW(member, value) [FLOW_F_##member] = true,
		SHARED(ROW)
#undef ROW
	};
	return yes[field];
}

void finish_base(struct record_run *run, struct flow *base)
{
	const struct record_source *src = run->src;

	flow_clear(base);
#define ROW(member, value) base->member = src->value;
	SHARED(ROW)
#undef ROW
	run->look_up_rate = false;
	if (run->dom && run->dom->sampling) {
		uint64_t only = sampling_only(run->dom, src->port);
		if (only)
			base->sampling_rate = only;
		else
			run->look_up_rate = true;
	}
}

/* 0, which is "absent", when that was before 1970: the exporter's clock was never set. */
static uint64_t before(uint64_t t, uint64_t ns)
{
	return ns < t ? t - ns : 0;
}

/* UPTIME is of 32 bits and wraps after 49.7 days: the time it stands for is the last one before the datagram's. */
static uint64_t at_uptime(const struct record_source *src, uint64_t uptime)
{
	uint32_t ahead = (uint32_t)uptime - src->uptime_ms;

	if (ahead < UPTIME_AHEAD_MS)
		return src->export_ns + ahead * NS_PER_MS;
	return before(src->export_ns, (uint64_t)(src->uptime_ms - (uint32_t)uptime) * NS_PER_MS);
}

/* RFC 7012 5.8: IPFIX's header has no uptime; systemInitTimeMilliseconds, in the record or in options data, stands for it. */
static uint64_t at_init(const struct record_source *src, uint64_t init_ns, uint64_t uptime)
{
	uint64_t wrap = (NS_PER_MS << 32);
	uint64_t t = init_ns + uptime * NS_PER_MS;
	uint64_t latest = src->export_ns + UPTIME_AHEAD_MS * NS_PER_MS;

	if (t < latest)
		return t + (latest - t) / wrap * wrap;
	/* A flow that began before its exporter did (softflowd reading a capture) has an uptime of minus something. */
	return t >= wrap ? t - wrap : t;
}

static void fill_uptime(const struct record_run *run, struct record *r)
{
	const struct record_source *src = run->src;
	uint64_t *start = &r->flow.time_flow_start_ns;
	uint64_t *end = &r->flow.time_flow_end_ns;
	uint8_t has = run->t->relative;
	uint64_t init_ns = r->extra.init_ms * NS_PER_MS;

	if (!init_ns && run->dom)
		init_ns = exporter_init_ns(run->dom, src->port);
	if (src->has_uptime) {
		if (!*start && has & TEMPLATE_START_UPTIME)
			*start = at_uptime(src, r->extra.start_uptime);
		if (!*end && has & TEMPLATE_END_UPTIME)
			*end = at_uptime(src, r->extra.end_uptime);
	} else if (init_ns) {
		if (!*start && has & TEMPLATE_START_UPTIME)
			*start = at_init(src, init_ns, r->extra.start_uptime);
		if (!*end && has & TEMPLATE_END_UPTIME)
			*end = at_init(src, init_ns, r->extra.end_uptime);
	} else if (!*start && !*end && has & TEMPLATE_START_UPTIME && has & TEMPLATE_END_UPTIME) {
		/* Nobody says when the uptime began: at least the duration is known. */
		*end = src->export_ns;
		*start = before(*end, (uint64_t)(uint32_t)(r->extra.end_uptime - r->extra.start_uptime) * NS_PER_MS);
	}
}

static void fill_relative(const struct record_run *run, struct record *r)
{
	uint64_t *start = &r->flow.time_flow_start_ns;
	uint64_t *end = &r->flow.time_flow_end_ns;
	uint8_t has = run->t->relative;

	if (has & (TEMPLATE_START_UPTIME | TEMPLATE_END_UPTIME))
		fill_uptime(run, r);
	/* RFC 7012 5.8.10: microseconds before the export time. */
	if (!*start && has & TEMPLATE_START_AGO)
		*start = before(run->src->export_ns, r->extra.start_ago_us * NS_PER_US);
	if (!*end && has & TEMPLATE_END_AGO)
		*end = before(run->src->export_ns, r->extra.end_ago_us * NS_PER_US);
	if (has & TEMPLATE_DURATION) {
		uint64_t ns = r->extra.duration_us ? r->extra.duration_us * NS_PER_US : r->extra.duration_ms * NS_PER_MS;
		if (!*end && *start)
			*end = *start + ns;
		else if (!*start && *end)
			*start = before(*end, ns);
	}
}

static void fill_times(const struct record_run *run, struct record *r)
{
	uint64_t *start = &r->flow.time_flow_start_ns;
	uint64_t *end = &r->flow.time_flow_end_ns;

	if (run->t->relative)
		fill_relative(run, r);
	if (__builtin_expect(!*start || !*end, 0)) {
		if (!*end)
			*end = *start > run->src->export_ns ? *start : run->src->export_ns;
		if (!*start)
			*start = *end;
	}
}

/* What left the device stands in for what came in, where only that was exported. */
static void fill_post(struct flow *f)
{
#define STAND_IN(of, by) do { if (!f->of) { f->of = f->by; f->by = 0; } } while (0)
	STAND_IN(bytes, post_bytes);
	STAND_IN(packets, post_packets);
	STAND_IN(src_mac, post_src_mac);
	STAND_IN(dst_mac, post_dst_mac);
#undef STAND_IN
}

static void fill_rate(const struct record_run *run, struct record *r)
{
	struct flow *f = &r->flow;
	uint64_t rate = run->t->sampling ? sampling_rate(&r->extra.sampling) : 0;

	if (!rate && run->look_up_rate) {
		/* An interface's rate is that of the packets observed there: of those that leave, too. */
		bool egress = f->flow_direction == DIRECTION_EGRESS && f->out_if;
		const uint32_t seen_at[2] = {egress ? f->out_if : f->in_if, f->in_if};
		rate = sampling_find(run->dom, run->src->port, f->selector_id, seen_at);
	}
	if (rate)
		f->sampling_rate = rate;
}

uint16_t finish_etype(uint32_t addr_len)
{
	return addr_len == 4 ? ETYPE_IPV4 : addr_len == 16 ? ETYPE_IPV6 : 0;
}

bool finish_is_icmp(uint32_t proto)
{
	return proto == PROTO_ICMP || proto == PROTO_ICMPV6;
}

static void fill_protocol(const struct template *t, struct flow *f)
{
	if (!f->etype)
		f->etype = finish_etype(f->src_addr.len);
	/* Cisco's habit since v5, where there are no fields for it: type and code as the destination port. */
	if (__builtin_expect(finish_is_icmp(f->proto), 0) && !t->icmp && !f->src_port &&
	    !f->icmp_type && !f->icmp_code) {
		f->icmp_type = f->dst_port >> 8 & 0xff;
		f->icmp_code = f->dst_port & 0xff;
	}
}

static void inner_instead(struct flow *f)
{
	if (!f->inner_src_addr.len)
		return;
	f->src_addr = f->inner_src_addr;
	f->dst_addr = f->inner_dst_addr;
	f->proto = f->inner_proto;
	f->src_port = f->inner_src_port;
	f->dst_port = f->inner_dst_port;
	f->etype = f->inner_etype;
}

void finish_fused(const struct record_run *run, struct record *r)
{
	fill_times(run, r);
	if (!r->flow.etype)
		r->flow.etype = finish_etype(r->flow.src_addr.len);
	if (r->cut)
		counter_add(&run->d->stats.cut_arrays, r->cut);
}

void finish_settle(const struct record_run *run, struct record *r)
{
	struct flow *f = &r->flow;

	if (run->t->post)
		fill_post(f);
	if (__builtin_expect(run->d->options.inner_instead, 0))
		inner_instead(f);
	fill_times(run, r);
	fill_protocol(run->t, f);
	if (run->look_up_rate || run->t->sampling)
		fill_rate(run, r);
	if (run->dom && run->dom->metadata)
		metadata_names(run->d, run->dom, run->src->port, f);
	if (r->cut)
		counter_add(&run->d->stats.cut_arrays, r->cut);
}

void finish_record(const struct record_run *run, struct record *r)
{
	finish_settle(run, r);
	decoder_emit(run->d, run->src->v, &r->flow, run->res);
}

#define EXCHANGE(a, b) do { __typeof__(f->a) x_ = f->a; f->a = f->b; f->b = x_; } while (0)

static void exchange_text(char *a, uint32_t *n_a, char *b, uint32_t *n_b)
{
	char x[FLOW_STR_MAX];
	uint32_t n = *n_a;

	memcpy(x, a, sizeof(x));
	memcpy(a, b, sizeof(x));
	memcpy(b, x, sizeof(x));
	*n_a = *n_b;
	*n_b = n;
}

/* RFC 5103 6: the key's ends change places; what was counted is counted anew. */
void finish_reverse_start(const struct record *forward, struct record *reverse)
{
	*reverse = *forward;
	struct flow *f = &reverse->flow;

	EXCHANGE(src_addr, dst_addr);
	EXCHANGE(src_port, dst_port);
	EXCHANGE(src_as, dst_as);
	EXCHANGE(src_net, dst_net);
	EXCHANGE(src_mac, dst_mac);
	EXCHANGE(post_src_mac, post_dst_mac);
	EXCHANGE(src_vlan, dst_vlan);
	EXCHANGE(in_if, out_if);
	EXCHANGE(in_phys_if, out_phys_if);
	EXCHANGE(in_vrf_id, out_vrf_id);
	EXCHANGE(post_nat_src_addr, post_nat_dst_addr);
	EXCHANGE(post_nat_src_port, post_nat_dst_port);
	EXCHANGE(bgp_next_adjacent_as, bgp_prev_adjacent_as);
	EXCHANGE(inner_src_addr, inner_dst_addr);
	EXCHANGE(inner_src_port, inner_dst_port);
	exchange_text(f->in_if_name, &f->n_in_if_name, f->out_if_name, &f->n_out_if_name);
	f->bytes = f->packets = f->post_bytes = f->post_packets = f->dropped_bytes = f->dropped_packets = 0;
	f->tcp_flags = f->ip_tos = f->post_ip_tos = f->ip_ttl = f->max_ttl = 0;
	f->min_packet_length = f->max_packet_length = f->fragment_id = f->fragment_offset = f->ip_flags = 0;
	memset(&f->next_hop, 0, sizeof(f->next_hop));
	memset(&f->bgp_next_hop, 0, sizeof(f->bgp_next_hop));
	f->next_hop_as = f->forwarding_status = 0;
	f->n_as_path = f->n_bgp_communities = f->n_mpls_label = f->n_mpls_ttl = f->n_mpls_ip = 0;
	memset(&reverse->extra, 0, sizeof(reverse->extra));
	reverse->cut = 0;
}
#undef EXCHANGE

void finish_emit_both(const struct record_run *run, struct record *forward, struct record *reverse)
{
	struct flow *back = &reverse->flow;

	if (run->t->post)
		fill_post(back);
	bool answered = back->bytes || back->packets;
	bool asked = forward->flow.bytes || forward->flow.packets;
	if (run->d->options.biflow_one) {
		forward->flow.reverse_bytes = back->bytes;
		forward->flow.reverse_packets = back->packets;
		answered = false;
	}
	/* A direction without a packet is no flow (RFC 5103 2): softflowd has such records where it saw answers only. */
	if (asked || !answered)
		decoder_emit(run->d, run->src->v, &forward->flow, run->res);
	if (answered)
		decoder_emit(run->d, run->src->v, back, run->res);
}
