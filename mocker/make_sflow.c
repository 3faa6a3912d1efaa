/*
 * make_sflow.c -- sFlow version 5 (sflow.org, "sFlow Version 5", 2004), 4 and 2 (RFC 3176): each flow becomes one flow sample
 * with the first octets of a packet that could have been in it. The frame's length is the flow's bytes, so that a collector's
 * sum is the summary's.
 */
#include "common/clock.h"
#include "mocker/make.h"
#include "mocker/put.h"
#include "proto/flow.h"

enum { ETHERNET = 14, FCS = 4, HEADER_MAX = 128, PROTO_TCP = 6, PROTO_UDP = 17 };

static void put_transport(struct put *w, const struct flow *f, size_t ip_payload)
{
	if (f->proto != PROTO_TCP && f->proto != PROTO_UDP) {
		put_u8(w, f->icmp_type);
		put_u8(w, f->icmp_code);
		put_zeros(w, 6);
		return;
	}
	put_u16(w, f->src_port);
	put_u16(w, f->dst_port);
	if (f->proto == PROTO_UDP) {
		put_u16(w, ip_payload);
		put_u16(w, 0);
		return;
	}
	put_zeros(w, 8);
	put_u8(w, 5 << 4); /* header of five words */
	put_u8(w, f->tcp_flags);
	put_u16(w, 65535);
	put_zeros(w, 4);
}

/* The start of the frame: Ethernet, IP, and as much of the transport header as matters. */
static size_t put_frame(const struct flow *f, uint8_t *out)
{
	struct put w = put_to(out, HEADER_MAX);
	const size_t ip_len = f->bytes > ETHERNET + FCS ? f->bytes - ETHERNET - FCS : 0;
	put_uint(&w, f->dst_mac, 6);
	put_uint(&w, f->src_mac, 6);
	put_u16(&w, f->etype);
	if (f->src_addr.len == 4) {
		put_u8(&w, 0x45);
		put_u8(&w, f->ip_tos);
		put_u16(&w, ip_len);
		put_u32(&w, 0);
		put_u8(&w, 64);
		put_u8(&w, f->proto);
		put_u16(&w, 0);
		put_bytes(&w, f->src_addr.bytes, 4);
		put_bytes(&w, f->dst_addr.bytes, 4);
		put_transport(&w, f, ip_len - 20);
	} else {
		put_u32(&w, 6u << 28);
		put_u16(&w, ip_len - 40);
		put_u8(&w, f->proto);
		put_u8(&w, 64);
		put_bytes(&w, f->src_addr.bytes, 16);
		put_bytes(&w, f->dst_addr.bytes, 16);
		put_transport(&w, f, ip_len - 40);
	}
	return put_len(&w);
}

/* LENGTHS: version 5 has one before each sample and record, and tells what was stripped. */
static void put_sample(struct put *w, struct make_exporter *x, const struct flow *f, bool lengths)
{
	uint8_t frame[HEADER_MAX];
	const size_t len = put_frame(f, frame);
	const size_t padded = (len + 3) / 4 * 4;
	const uint32_t rate = x->sampling_rate ? x->sampling_rate : 1;
	put_u32(w, 1); /* flow sample */
	if (lengths)
		put_u32(w, 8 * 4 + 8 + 16 + padded);
	put_u32(w, x->samples++);
	put_u32(w, f->in_if); /* source id: interface */
	put_u32(w, rate);
	put_u32(w, x->samples * rate);
	put_u32(w, 0); /* drops */
	put_u32(w, f->in_if);
	put_u32(w, f->out_if);
	if (lengths)
		put_u32(w, 1); /* records */
	put_u32(w, 1); /* raw packet header */
	if (lengths)
		put_u32(w, 16 + padded);
	put_u32(w, 1); /* Ethernet */
	put_u32(w, f->bytes);
	if (lengths)
		put_u32(w, FCS); /* stripped */
	put_u32(w, len);
	put_bytes(w, frame, len);
	put_zeros(w, padded - len);
	if (!lengths)
		put_u32(w, 0); /* extended information */
}

static size_t datagram(unsigned version, struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n,
		       uint8_t *out)
{
	struct put w = put_to(out, MAKE_DATAGRAM_MAX);
	put_u32(&w, version);
	put_u32(&w, x->agent.len == 16 ? 2 : 1);
	put_bytes(&w, x->agent.bytes, x->agent.len == 16 ? 16 : 4);
	if (version == 5)
		put_u32(&w, x->domain);
	put_u32(&w, x->sequence++);
	put_u32(&w, (now_ns - x->boot_ns) / NS_PER_MS);
	put_u32(&w, n);
	for (unsigned i = 0; i < n; i++)
		put_sample(&w, x, &flows[i], version == 5);
	return w.failed ? 0 : put_len(&w);
}

size_t make_sflow(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out)
{
	return datagram(5, x, now_ns, flows, n, out);
}

size_t make_sflow_v2(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out)
{
	return datagram(2, x, now_ns, flows, n, out);
}

size_t make_sflow_v4(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out)
{
	return datagram(4, x, now_ns, flows, n, out);
}
