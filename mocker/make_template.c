/*
 * make_template.c -- NetFlow v9 (RFC 3954) and IPFIX (RFC 7011) from one table of columns: template 256 for IPv4 flows,
 * 257 for IPv6, 258 an options template with the sampling rate. The two protocols differ in the header, in the set ids
 * of templates, in how a flow's time is told and in how the sampling rate is.
 */
#include "common/clock.h"
#include "mocker/make.h"
#include "mocker/put.h"
#include "proto/flow.h"

enum { TEMPLATE_V4 = 256, TEMPLATE_V6 = 257, TEMPLATE_SAMPLING = 258 };

enum column_kind { COLUMN_U32, COLUMN_U64, COLUMN_ADDR, COLUMN_TIME, COLUMN_ICMP };

/* An element's number (0: not in this family) and size, and where its value is. */
struct column {
	uint16_t v4_element, v6_element;
	uint8_t size; /* COLUMN_ADDR: by family; COLUMN_TIME: by protocol */
	uint8_t kind;
	size_t offset;
};

#define AT(member) offsetof(struct flow, member)
static const struct column columns[] = {
	{8, 27, 0, COLUMN_ADDR, AT(src_addr)},
	{12, 28, 0, COLUMN_ADDR, AT(dst_addr)},
	{15, 62, 0, COLUMN_ADDR, AT(next_hop)},
	{10, 10, 4, COLUMN_U32, AT(in_if)},
	{14, 14, 4, COLUMN_U32, AT(out_if)},
	{2, 2, 4, COLUMN_U64, AT(packets)},
	{1, 1, 8, COLUMN_U64, AT(bytes)},
	{7, 7, 2, COLUMN_U32, AT(src_port)},
	{11, 11, 2, COLUMN_U32, AT(dst_port)},
	{4, 4, 1, COLUMN_U32, AT(proto)},
	{6, 6, 1, COLUMN_U32, AT(tcp_flags)},
	{5, 5, 1, COLUMN_U32, AT(ip_tos)},
	{16, 16, 4, COLUMN_U32, AT(src_as)},
	{17, 17, 4, COLUMN_U32, AT(dst_as)},
	{9, 29, 1, COLUMN_U32, AT(src_net)},
	{13, 30, 1, COLUMN_U32, AT(dst_net)},
	{56, 56, 6, COLUMN_U64, AT(src_mac)},
	{80, 80, 6, COLUMN_U64, AT(dst_mac)},
	{58, 58, 2, COLUMN_U32, AT(vlan_id)},
	{61, 61, 1, COLUMN_U32, AT(flow_direction)},
	{32, 139, 2, COLUMN_ICMP, 0},
	{0, 0, 0, COLUMN_TIME, AT(time_flow_start_ns)},
	{0, 0, 0, COLUMN_TIME, AT(time_flow_end_ns)},
};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

/* What differs between the two. */
struct dialect {
	bool ipfix;
	uint16_t start_element, end_element; /* v9: uptime, 32 bits; IPFIX: milliseconds since 1970, 64 bits */
	uint8_t time_size;
	uint16_t template_set, options_set;
};

static const struct dialect v9 = {false, 22, 21, 4, 0, 1};
static const struct dialect ipfix = {true, 152, 153, 8, 2, 3};

static void put_template(struct put *w, const struct dialect *d, uint16_t id)
{
	const bool six = id == TEMPLATE_V6;
	put_u16(w, id);
	put_u16(w, COLUMNS);
	for (const struct column *c = columns; c < columns + COLUMNS; c++) {
		if (c->kind == COLUMN_TIME) {
			put_u16(w, c->offset == AT(time_flow_start_ns) ? d->start_element : d->end_element);
			put_u16(w, d->time_size);
		} else {
			put_u16(w, six ? c->v6_element : c->v4_element);
			put_u16(w, c->kind != COLUMN_ADDR ? c->size : six ? 16 : 4);
		}
	}
}

static void put_record(struct put *w, const struct dialect *d, const struct make_exporter *x, const struct flow *f)
{
	for (const struct column *c = columns; c < columns + COLUMNS; c++) {
		const void *value = (const char *)f + c->offset;
		const struct ip_addr *addr = value;
		const uint32_t *u32 = value;
		const uint64_t *u64 = value;
		switch (c->kind) {
		case COLUMN_U32:
			put_uint(w, *u32, c->size);
			break;
		case COLUMN_U64:
			put_uint(w, *u64, c->size);
			break;
		case COLUMN_ADDR:
			put_bytes(w, addr->bytes, f->src_addr.len); /* an absent next hop is zeros */
			break;
		case COLUMN_TIME:
			put_uint(w, (*u64 - (d->ipfix ? 0 : x->boot_ns)) / NS_PER_MS, d->time_size);
			break;
		case COLUMN_ICMP:
			put_u16(w, f->icmp_type << 8 | f->icmp_code);
			break;
		}
	}
}

/* A set's length is known when it is complete; padding to four octets counts (RFC 7011 3.3.1, RFC 3954 5.3). */
static size_t open_set(struct put *w, uint16_t id)
{
	put_u16(w, id);
	put_u16(w, 0);
	return put_len(w) - 4;
}

static void close_set(struct put *w, size_t at)
{
	while ((put_len(w) - at) % 4)
		put_u8(w, 0);
	put_patch16(w, at + 2, put_len(w) - at);
}

static struct put start(const struct dialect *d, const struct make_exporter *x, uint64_t now_ns, uint8_t *out)
{
	struct put w = put_to(out, MAKE_DATAGRAM_MAX);
	put_u16(&w, d->ipfix ? 10 : 9);
	put_u16(&w, 0); /* IPFIX: length; v9: count of records. Known at the end. */
	if (!d->ipfix)
		put_u32(&w, (now_ns - x->boot_ns) / NS_PER_MS);
	put_u32(&w, now_ns / NS_PER_S);
	put_u32(&w, x->sequence);
	put_u32(&w, x->domain);
	return w;
}

/* RECORDS of all kinds; of those, DATA are data records (options data too). */
static size_t finish(struct put *w, const struct dialect *d, struct make_exporter *x, unsigned records, unsigned data)
{
	put_patch16(w, 2, d->ipfix ? put_len(w) : records);
	/* RFC 7011 3.1 counts data records, RFC 3954 5.1 datagrams. */
	x->sequence += d->ipfix ? data : 1;
	return w->failed ? 0 : put_len(w);
}

static unsigned put_family(struct put *w, const struct dialect *d, const struct make_exporter *x,
			   const struct flow *flows, unsigned n, bool six)
{
	unsigned found = 0;
	size_t at = 0;
	for (unsigned i = 0; i < n; i++) {
		if ((flows[i].src_addr.len == 16) != six)
			continue;
		if (found++ == 0)
			at = open_set(w, six ? TEMPLATE_V6 : TEMPLATE_V4);
		put_record(w, d, x, &flows[i]);
	}
	if (found)
		close_set(w, at);
	return found;
}

static size_t make(const struct dialect *d, struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n,
		   uint8_t *out)
{
	/* v9 tells whole seconds and milliseconds of uptime: cut the clock so that the two agree to the millisecond. */
	if (!d->ipfix)
		now_ns -= now_ns % NS_PER_S;
	struct put w = start(d, x, now_ns, out);
	put_family(&w, d, x, flows, n, false);
	put_family(&w, d, x, flows, n, true);
	return finish(&w, d, x, n, n);
}

/* v9: options template with scope System (RFC 3954 6.1), samplingInterval and samplingAlgorithm. */
static void put_sampling_v9(struct put *w, const struct make_exporter *x)
{
	size_t at = open_set(w, v9.options_set);
	put_u16(w, TEMPLATE_SAMPLING);
	put_u16(w, 4); /* octets of scope fields */
	put_u16(w, 8); /* octets of option fields */
	put_u16(w, 1);
	put_u16(w, 4);
	put_u16(w, 34);
	put_u16(w, 4);
	put_u16(w, 35);
	put_u16(w, 1);
	close_set(w, at);
	at = open_set(w, TEMPLATE_SAMPLING);
	put_u32(w, x->domain);
	put_u32(w, x->sampling_rate);
	put_u8(w, 1); /* deterministic */
	close_set(w, at);
}

/* IPFIX: scope observationDomainId; one packet taken, then the rest of the rate left out (RFC 5477 8.2). */
static void put_sampling_ipfix(struct put *w, const struct make_exporter *x)
{
	size_t at = open_set(w, ipfix.options_set);
	put_u16(w, TEMPLATE_SAMPLING);
	put_u16(w, 4);
	put_u16(w, 1); /* scope fields among them */
	put_u16(w, 149);
	put_u16(w, 4);
	put_u16(w, 304);
	put_u16(w, 2);
	put_u16(w, 305);
	put_u16(w, 4);
	put_u16(w, 306);
	put_u16(w, 4);
	close_set(w, at);
	at = open_set(w, TEMPLATE_SAMPLING);
	put_u32(w, x->domain);
	put_u16(w, 1); /* systematic count-based sampling */
	put_u32(w, 1);
	put_u32(w, x->sampling_rate - 1);
	close_set(w, at);
}

static size_t announce(const struct dialect *d, struct make_exporter *x, uint64_t now_ns, uint8_t *out)
{
	struct put w = start(d, x, now_ns, out);
	const size_t at = open_set(&w, d->template_set);
	put_template(&w, d, TEMPLATE_V4);
	put_template(&w, d, TEMPLATE_V6);
	close_set(&w, at);
	if (x->sampling_rate == 0)
		return finish(&w, d, x, 2, 0);
	if (d->ipfix)
		put_sampling_ipfix(&w, x);
	else
		put_sampling_v9(&w, x);
	return finish(&w, d, x, 4, 1);
}

size_t make_template_v9(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out)
{
	return make(&v9, x, now_ns, flows, n, out);
}

size_t make_template_v9_announce(struct make_exporter *x, uint64_t now_ns, uint8_t *out)
{
	return announce(&v9, x, now_ns, out);
}

size_t make_template_ipfix(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out)
{
	return make(&ipfix, x, now_ns, flows, n, out);
}

size_t make_template_ipfix_announce(struct make_exporter *x, uint64_t now_ns, uint8_t *out)
{
	return announce(&ipfix, x, now_ns, out);
}
