/*
 * sflow_old.c -- sFlow versions 2 and 4 (RFC 3176 4): the same pieces as version 5, without lengths around them.
 *
 * Nothing can be passed over that is not known, so a type that RFC 3176 does not have ends the datagram. Version 2 is
 * version 4 with a plain AS path and neither communities nor local preference in the gateway record.
 */
#include "collector/sflow_internal.h"

enum { SAMPLE_FLOW = 1, SAMPLE_COUNTERS = 2 };

/* enum counters_version: which of version 5's counter records stand one behind the other. */
static const struct {
	uint32_t formats[2];
	size_t sizes[2];
} counter_types[] = {
	[1] = {{1}, {88}},         /* generic */
	[2] = {{1, 2}, {88, 52}},  /* Ethernet */
	[3] = {{1, 3}, {88, 72}},  /* token ring */
	[4] = {{1}, {88}},         /* FDDI */
	[5] = {{1, 4}, {88, 80}},  /* 100BaseVG */
	[6] = {{1}, {88}},         /* WAN */
	[7] = {{5}, {28}},         /* VLAN */
};

static bool read_packet(struct sflow_sample *sample, struct wire *w)
{
	switch (wire_u32(w)) { /* enum packet_information_type */
	case 1: {
		struct wire head = *w;
		wire_skip(&head, 8);
		uint32_t len = wire_u32(&head);
		/* Version 5's record ends with its header; here the next thing follows behind the padding. */
		struct wire record = wire_sub(w, 12 + (size_t)len + (-len & 3u));
		return !wire_failed(&head) && sflow_record_header(sample, &record, false);
	}
	case 2: return sflow_record_ipv4(sample, w);
	case 3: return sflow_record_ipv6(sample, w);
	}
	return false;
}

static bool read_gateway2(struct sflow_sample *sample, struct wire *w)
{
	struct sflow_as_path path;
	if (!sflow_record_as_path(sample, w, false, &path))
		return false;
	sflow_record_set_as(sample->f, &path);
	return true;
}

/* Without the character sets of version 5. */
static bool read_user(struct sflow_sample *sample, struct wire *w)
{
	struct wire src = sflow_record_string(w);
	struct wire dst = sflow_record_string(w);
	if (wire_failed(w))
		return false;
	sflow_record_set_string(sample, sample->f->user_name, &sample->f->n_user_name, wire_left(&src) ? &src : &dst);
	return true;
}

static bool read_extended(struct sflow_sample *sample, struct wire *w)
{
	switch (wire_u32(w)) { /* enum extended_information_type */
	case 1: return sflow_record_switch(sample, w);
	case 2: return sflow_record_router(sample, w);
	case 3: return sample->dg->version == DECODE_SFLOW2 ? read_gateway2(sample, w) : sflow_record_gateway(sample, w);
	case 4: return read_user(sample, w);
	case 5: return sflow_record_url(sample, w);
	}
	return false;
}

static bool read_flow(struct sflow_datagram *s, struct wire *w)
{
	struct sflow_sample sample;
	uint32_t sequence = wire_u32(w);
	struct sflow_source_id source = sflow_sample_source(w);
	uint32_t rate = wire_u32(w);
	wire_skip(w, 4); /* sample pool */
	uint32_t drops = wire_u32(w);
	uint32_t input = wire_u32(w);
	uint32_t output = wire_u32(w);
	if (wire_failed(w))
		return false;
	sflow_sample_begin(s, &sample);
	sflow_sample_interfaces(sample.f, input, output);
	if (!read_packet(&sample, w))
		return false;
	uint32_t count = wire_u32(w);
	for (uint32_t i = 0; i < count; i++) {
		if (!read_extended(&sample, w))
			return false;
	}
	if (wire_failed(w))
		return false;
	sflow_source_note(s, &source, sequence, drops);
	sample.f->sampling_rate = rate;
	sflow_sample_end(&sample);
	return true;
}

static bool read_counters(struct sflow_datagram *s, struct wire *w)
{
	wire_skip(w, 4); /* sequence number */
	struct sflow_source_id source = sflow_sample_source(w);
	wire_skip(w, 4); /* interval */
	uint32_t type = wire_u32(w);
	if (wire_failed(w) || type >= sizeof(counter_types) / sizeof(counter_types[0]))
		return false;
	for (size_t i = 0; i < 2 && counter_types[type].formats[i]; i++) {
		struct wire record = wire_sub(w, counter_types[type].sizes[i]);
		if (wire_failed(w))
			return false;
		sflow_counters_record(s, &source, counter_types[type].formats[i], &record);
	}
	if (!counter_types[type].formats[0])
		return false;
	counter_inc(&s->d->stats.counter_samples);
	return true;
}

void sflow_old_samples(struct sflow_datagram *s, struct wire *w, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t type = wire_u32(w);
		if (wire_failed(w)) {
			decoder_set_skip(s->d, ERR_BAD_LENGTH, s->res);
			return;
		}
		if (type != SAMPLE_FLOW && type != SAMPLE_COUNTERS) {
			decoder_set_skip(s->d, ERR_UNKNOWN_SAMPLE, s->res);
			return;
		}
		if (type == SAMPLE_FLOW ? !read_flow(s, w) : !read_counters(s, w)) {
			decoder_set_skip(s->d, ERR_BAD_SAMPLE, s->res);
			return;
		}
		decoder_set_done(s->d);
	}
}
