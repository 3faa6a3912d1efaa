/*
 * netflow_legacy.c -- NetFlow v1, v5, v6, v7 and v8: a header, then COUNT records of one fixed layout.
 *
 * Cisco, "NetFlow Export Datagram Format". The headers agree in their first 16 bytes:
 *
 *   |        Version        |         Count         |
 *   |                   sysUpTime (ms)              |
 *   |                   UNIX Secs                   |
 *   |                   UNIX Nsecs                  |    v1 ends here
 *   |                   flow sequence               |
 *   |engine type| engine id |   sampling            |    v5, v6; reserved in v7
 *   |aggregation|agg version|  v8 instead, then 4 reserved bytes
 *
 * A count that lies about the length: as many records as are there, and as the count says, whichever is less;
 * the datagram then counts as decoded in part. Nothing is made up for records that are not there.
 */
#include "collector/decoder.h"
#include "collector/legacy.h"
#include "collector/record.h"
#include "collector/template.h"
#include "common/clock.h"
#include "common/wire.h"

enum { V8_AGGREGATION_VERSION = 2, SAMPLING_INTERVAL = 0x3fff };

struct header {
	struct record_source src;
	unsigned aggregation;
	uint16_t count;
	bool has_sequence;
};

static void read_common(struct wire *w, struct header *h)
{
	wire_skip(w, 2);
	h->count = wire_u16(w);
	h->src.uptime_ms = wire_u32(w);
	h->src.has_uptime = true;
	h->src.export_ns = wire_u32(w) * NS_PER_S;
	uint32_t ns = wire_u32(w);
	/* Some exporters leave rubbish in the nanoseconds. */
	if (ns < NS_PER_S)
		h->src.export_ns += ns;
}

static void read_sequence(struct wire *w, struct header *h)
{
	h->src.sequence = wire_u32(w);
	h->src.engine_type = wire_u8(w);
	h->src.engine_id = wire_u8(w);
	h->has_sequence = true;
}

static const struct template *layout(struct decoder *d, unsigned version, const struct header *h, size_t len, enum err *ret_reason)
{
	unsigned record = 0;

	*ret_reason = ERR_MEMORY;
	if (!d->legacy && legacy_new(d)) /* a reload found no memory: by now there may be some */
		return NULL;
	*ret_reason = ERR_UNSUPPORTED;
	if (version == 1)
		record = h->count && len == h->count * 52u ? 52 : 48;
	return legacy_layout(d, version, h->aggregation, record);
}

static void records(struct decoder *d, const struct header *h, unsigned version, struct wire *w,
	struct decode_result *res)
{
	enum err reason;
	const struct template *t = layout(d, version, h, wire_left(w), &reason);
	uint32_t done;

	res->announced = h->count;
	if (!t) {
		res->reason = reason;
		return;
	}
	size_t there = wire_left(w) / t->min_len;
	if (h->count > 0 && there == 0) {
		res->reason = ERR_TRUNCATED;
		return;
	}
	uint32_t domain_id = h->src.engine_type * 256u + h->src.engine_id;
	/* Without a place in the table (too many exporters) flows are decoded all the same: they need no state. */
	struct domain *dom = exporter_domain(d, &h->src.addr, 0, version, domain_id, &reason);
	if (dom && h->has_sequence)
		sequence_note(d, &dom->sequence, h->src.port, h->src.sequence, h->count);
	size_t n = there < h->count ? there : h->count;
	record_set(d, dom, &h->src, t, w->p, n * t->min_len, &done, res);
	if (h->count * (size_t)t->min_len == wire_left(w))
		decoder_set_done(d);
	else
		decoder_set_skip(d, ERR_BAD_LENGTH, res);
}

static void decode(struct decoder *d, const struct datagram *dg, struct decode_result *res, unsigned version,
	struct header *h)
{
	struct wire w = wire_of(dg->data, dg->len);

	res->version = version;
	read_common(&w, h);
	if (version > 1)
		read_sequence(&w, h);
	uint16_t tail = version > 1 ? wire_u16(&w) : 0;
	if (version == 5 || version == 6)
		h->src.sampling = tail & SAMPLING_INTERVAL; /* the two bits above are the mode */
	if (version == 8) {
		h->aggregation = tail >> 8;
		wire_skip(&w, 4);
	}
	if (version == 7)
		h->src.engine_type = h->src.engine_id = 0; /* reserved there */
	if (wire_failed(&w) || dg->session) {
		res->reason = dg->session ? ERR_UNSUPPORTED : ERR_TRUNCATED;
		return;
	}
	records(d, h, version, &w, res);
}

#define VERSION(number, v_, type_) \
	void netflow##number##_decode(struct decoder *d, const struct datagram *dg, struct decode_result *res) \
	{ \
		struct header h = {.src = record_source_of(dg, v_, type_)}; \
		decode(d, dg, res, number, &h); \
	}
VERSION(1, DECODE_V1, FLOW_TYPE_NETFLOW_V1)
VERSION(5, DECODE_V5, FLOW_TYPE_NETFLOW_V5)
VERSION(6, DECODE_V6, FLOW_TYPE_NETFLOW_V6)
VERSION(7, DECODE_V7, FLOW_TYPE_NETFLOW_V7)
VERSION(8, DECODE_V8, FLOW_TYPE_NETFLOW_V8)
