/*
 * sflow.c -- sFlow datagrams: version 5 (sflow.org/sflow_version_5.txt), and the head of versions 2 and 4 (RFC 3176).
 *
 * In version 5 every sample and every record has its length in front, so each is read in a window of its own: what one
 * of them claims cannot harm the next. A count is never believed beyond the octets that came, since nothing is
 * allocated for it and the loop ends with the datagram.
 */
#include "collector/sflow.h"

#include <stdlib.h>

#include "collector/sflow_internal.h"

/* sample_data formats of enterprise 0. */
static const struct {
	int (*decode)(struct sflow_datagram *s, struct wire *w);
} formats[] = {
	[1] = {sflow_sample_flow},
	[2] = {sflow_counters_sample},
	[3] = {sflow_sample_flow_expanded},
	[4] = {sflow_counters_sample_expanded},
	[5] = {sflow_sample_drop},
};

static void decode_samples(struct sflow_datagram *s, struct wire *w, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t format = wire_u32(w); /* 20 bits of enterprise, 12 of format */
		uint32_t len = wire_u32(w);
		struct wire sample = wire_sub(w, len);
		if (wire_failed(w)) {
			/* More were announced than came: nothing behind this point can be found any more. */
			decoder_set_skip(s->d, ERR_BAD_LENGTH, s->res);
			return;
		}
		if (format >= sizeof(formats) / sizeof(formats[0]) || !formats[format].decode)
			decoder_set_skip(s->d, ERR_UNKNOWN_SAMPLE, s->res);
		else if (formats[format].decode(s, &sample) < 0)
			decoder_set_skip(s->d, ERR_BAD_SAMPLE, s->res);
		else
			decoder_set_done(s->d);
	}
}

static enum decode_version version_of(uint32_t version)
{
	switch (version) {
	case 2: return DECODE_SFLOW2;
	case 4: return DECODE_SFLOW4;
	case 5: return DECODE_SFLOW5;
	}
	return DECODE_V_UNKNOWN;
}

static bool is_zero(const struct ip_addr *a)
{
	static const uint8_t zero[16];
	return memcmp(a->bytes, zero, sizeof(zero)) == 0;
}

/* Made at the first datagram, so that a collector without sFlow has nothing of it; without memory flows are decoded
 * all the same. */
static void make_state(struct decoder *d)
{
	struct sflow_state *state = calloc(1, sizeof(*state));
	if (!state)
		return;
	state->sequences = sflow_source_new();
	state->counters = sflow_counters_new();
	__atomic_store_n(&d->sflow, state, __ATOMIC_RELEASE); /* a scrape may be looking */
}

void sflow_free(struct decoder *d)
{
	if (!d || !d->sflow)
		return;
	sflow_source_free(d->sflow->sequences);
	sflow_counters_free(d->sflow->counters);
	free(d->sflow);
	d->sflow = NULL;
}

void sflow_decode(struct decoder *d, const struct datagram *dg, struct decode_result *ret_result)
{
	struct wire w = wire_of(dg->data, dg->len);
	uint32_t number = wire_u32(&w);
	struct sflow_datagram s = {.d = d, .dg = dg, .res = ret_result, .version = version_of(number)};
	if (s.version == DECODE_V_UNKNOWN) {
		ret_result->reason = wire_failed(&w) ? ERR_TRUNCATED : ERR_VERSION;
		return;
	}
	ret_result->version = 0x100 | number;
	bool addr_known = sflow_record_addr(&w, &s.agent);
	s.sub_agent = s.version == DECODE_SFLOW5 ? wire_u32(&w) : 0;
	s.sequence = wire_u32(&w);
	wire_skip(&w, 4); /* uptime: no time in a datagram refers to it */
	uint32_t count = wire_u32(&w);
	if (wire_failed(&w) || !addr_known) {
		ret_result->reason = wire_failed(&w) ? ERR_TRUNCATED : ERR_BAD_LENGTH;
		return;
	}
	/* An agent that does not know its address is known by the one it sends from. */
	if (is_zero(&s.agent))
		s.agent = dg->source;
	ret_result->announced = count;
	s.agent_hash = sflow_source_hash(&s);
	if (!d->sflow)
		make_state(d);
	enum err ignored; /* at a bound there is no sequence to note, and flows are decoded nevertheless */
	struct domain *domain = exporter_domain(d, &s.agent, dg->session, ret_result->version, s.sub_agent, &ignored);
	if (domain)
		sequence_note(d, &domain->sequence, dg->source_port, s.sequence, 1);
	if (s.version == DECODE_SFLOW5)
		decode_samples(&s, &w, count);
	else
		sflow_old_samples(&s, &w, count);
}
