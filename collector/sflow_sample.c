/*
 * sflow_sample.c -- flow samples, in their compact and their expanded form, and notifications of discarded packets
 * (sflow.org/sflow_drops.txt): one sample, one flow.
 *
 * Bytes are the frame's length as the agent reports it, packets 1: the sampling rate says what they stand for. A
 * discarded packet was never forwarded, so it has 0 bytes and packets and counts in dropped_bytes and
 * dropped_packets: sums over traffic stay right.
 */
#include "collector/sflow_internal.h"

/* interface.format, the top two bits of the compact form. */
enum { IF_SINGLE = 0, IF_DISCARDED = 1, IF_MULTIPLE = 2 };

enum { IF_VALUE = 0x3fffffff, IF_LOCAL = 0x3fffffff };

/* Drop reasons that say more than "dropped", as forwardingStatus has them (RFC 7270 4.12). */
static const struct {
	uint16_t reason;
	uint8_t status;
} statuses[] = {
	{4, 133},   /* fragmentation needed */
	{9, 129},   /* network administratively prohibited */
	{10, 129},  /* host administratively prohibited */
	{13, 129},  /* communication administratively prohibited */
	{257, 137}, /* TTL exceeded */
	{258, 129}, /* ACL */
	{260, 139}, /* random early detection */
	{261, 138}, /* traffic shaping */
	{262, 133}, /* packet too big */
};

enum { STATUS_DROPPED = 128, STATUS_UNROUTABLE = 131, REASONS_OF_ICMP = 16 };

static void set_dropped(struct flow *f, uint32_t reason)
{
	f->drop_reason = reason;
	f->forwarding_status = reason < REASONS_OF_ICMP ? STATUS_UNROUTABLE : STATUS_DROPPED;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (statuses[i].reason == reason)
			f->forwarding_status = statuses[i].status;
	}
}

/* The ifIndex of an interface; 0 for what is none: the agent itself, many, nowhere. */
static uint32_t if_index(uint32_t format, uint32_t value)
{
	return format == IF_SINGLE && value != IF_LOCAL && value != UINT32_MAX ? value : 0;
}

static void set_interfaces(struct flow *f, uint32_t in_format, uint32_t in, uint32_t out_format, uint32_t out)
{
	f->in_if = if_index(in_format, in);
	f->out_if = if_index(out_format, out);
	if (out_format == IF_DISCARDED)
		set_dropped(f, out);
}

void sflow_sample_interfaces(struct flow *f, uint32_t input, uint32_t output)
{
	set_interfaces(f, input >> 30, input & IF_VALUE, output >> 30, output & IF_VALUE);
}

struct sflow_source_id sflow_sample_source(struct wire *w)
{
	uint32_t id = wire_u32(w);
	return (struct sflow_source_id){.type = id >> 24, .index = id & 0xffffff};
}

void sflow_sample_begin(struct sflow_datagram *s, struct sflow_sample *sample)
{
	static const uint32_t types[DECODE_VERSIONS] = {
		[DECODE_SFLOW2] = FLOW_TYPE_SFLOW_2, [DECODE_SFLOW4] = FLOW_TYPE_SFLOW_4, [DECODE_SFLOW5] = FLOW_TYPE_SFLOW_5,
	};
	struct flow *f = &s->d->flow;
	flow_clear(f);
	f->type = types[s->version];
	f->sequence_num = s->sequence;
	f->sampler_address = s->agent;
	f->time_received_ns = s->dg->received_ns;
	f->time_flow_start_ns = s->dg->received_ns;
	f->time_flow_end_ns = s->dg->received_ns;
	*sample = (struct sflow_sample){.dg = s, .f = f};
}

void sflow_sample_end(struct sflow_sample *sample)
{
	sample->f->packets = 1;
	sample->f->bytes = sample->length;
	decoder_emit(sample->dg->d, sample->dg->version, sample->f, sample->dg->res);
}

static int read_records(struct sflow_sample *sample, struct wire *w)
{
	uint32_t count = wire_u32(w);
	if (wire_failed(w))
		return -ERR_BAD_SAMPLE;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t format = wire_u32(w);
		uint32_t len = wire_u32(w);
		struct wire record = wire_sub(w, len);
		if (wire_failed(w))
			return -ERR_BAD_SAMPLE;
		int rc = sflow_record(sample, format, &record);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* What both forms of a flow sample have. */
struct head {
	struct sflow_source_id source;
	uint32_t sequence, rate, drops;
};

static int finish_flow(struct sflow_sample *sample, const struct head *head, struct wire *w)
{
	int rc = read_records(sample, w);
	if (rc < 0)
		return rc;
	sflow_source_note(sample->dg, &head->source, head->sequence, head->drops);
	sample->f->sampling_rate = head->rate;
	sflow_sample_end(sample);
	return 0;
}

int sflow_sample_flow(struct sflow_datagram *s, struct wire *w)
{
	struct sflow_sample sample;
	struct head head;
	head.sequence = wire_u32(w);
	head.source = sflow_sample_source(w);
	head.rate = wire_u32(w);
	wire_skip(w, 4); /* sample pool */
	head.drops = wire_u32(w);
	uint32_t input = wire_u32(w);
	uint32_t output = wire_u32(w);
	if (wire_failed(w))
		return -ERR_BAD_SAMPLE;
	sflow_sample_begin(s, &sample);
	sflow_sample_interfaces(sample.f, input, output);
	return finish_flow(&sample, &head, w);
}

int sflow_sample_flow_expanded(struct sflow_datagram *s, struct wire *w)
{
	struct sflow_sample sample;
	struct head head;
	head.sequence = wire_u32(w);
	head.source.type = wire_u32(w);
	head.source.index = wire_u32(w);
	head.rate = wire_u32(w);
	wire_skip(w, 4); /* sample pool */
	head.drops = wire_u32(w);
	uint32_t in_format = wire_u32(w);
	uint32_t in = wire_u32(w);
	uint32_t out_format = wire_u32(w);
	uint32_t out = wire_u32(w);
	if (wire_failed(w))
		return -ERR_BAD_SAMPLE;
	sflow_sample_begin(s, &sample);
	set_interfaces(sample.f, in_format, in, out_format, out);
	return finish_flow(&sample, &head, w);
}

/* sflow_drops.txt: discarded_packet. Every drop is told, none is sampled. */
int sflow_sample_drop(struct sflow_datagram *s, struct wire *w)
{
	struct sflow_sample sample;
	wire_skip(w, 4 + 8 + 4); /* sequence number, source, notifications that were not sent */
	uint32_t in = wire_u32(w);
	uint32_t out = wire_u32(w);
	uint32_t reason = wire_u32(w);
	if (wire_failed(w))
		return -ERR_BAD_SAMPLE;
	sflow_sample_begin(s, &sample);
	struct flow *f = sample.f;
	set_interfaces(f, IF_SINGLE, in, IF_SINGLE, out);
	set_dropped(f, reason);
	int rc = read_records(&sample, w);
	if (rc < 0)
		return rc;
	if (!f->etype && !f->src_mac && !f->dst_mac) {
		/* A reason without its packet says nothing of who talked to whom. */
		counter_inc(&s->d->stats.drops_without_packet);
		return 0;
	}
	f->sampling_rate = 1;
	f->dropped_packets = 1;
	f->dropped_bytes = sample.length;
	decoder_emit(s->d, s->version, f, s->res);
	return 0;
}
