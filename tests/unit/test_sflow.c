/*
 * test_sflow.c -- sFlow version 5: samples, records, interfaces, discarded packets, and datagrams that lie.
 */
#include "tests/unit/sflow_build.h"

#include "common/err.h"

static void a_flow_sample_with_a_header(void **state)
{
	(void)state;
	datagram(100, 1);
	simple_flow_sample(9);
	decode();
	assert_int_equal(res.reason, 0);
	assert_int_equal(res.version, 0x105);
	assert_int_equal(res.announced, 1);
	assert_int_equal(res.flows, 1);
	assert_int_equal(res.skipped, 0);
	assert_int_equal(n_flows, 1);
	const struct flow *f = &flows[0];
	assert_int_equal(f->type, FLOW_TYPE_SFLOW_5);
	assert_int_equal(f->sampling_rate, 512);
	assert_int_equal(f->sequence_num, 100);
	assert_addr(&f->sampler_address, "198.51.100.1");
	assert_int_equal(f->bytes, 1518);
	assert_int_equal(f->packets, 1);
	assert_int_equal(f->in_if, 3);
	assert_int_equal(f->out_if, 4);
	assert_int_equal(f->time_received_ns, NOW);
	assert_int_equal(f->time_flow_start_ns, NOW);
	assert_int_equal(f->time_flow_end_ns, NOW);
	assert_addr(&f->src_addr, "192.0.2.1");
	assert_int_equal(f->src_port, 12345);
	assert_int_equal(f->dst_port, 443);
	assert_int_equal(f->tcp_flags, 2);
	assert_int_equal(f->src_mac, 0x020000000001);
	assert_int_equal(f->n_layer_stack, 3);
}

static void trap_as_path_of_several_segments(void **state)
{
	(void)state;
	datagram(1, 1);
	size_t at = begin(3);
	U32S(N(1), N(0), N(70000), N(256), N(0), N(0), N(0), N(70000), N(0), N(0x50000001), N(2)); /* ifIndex above 2^24 */
	header_record(1, 64, frame4, sizeof(frame4));
	size_t record = begin(1003);
	v6(9);
	U32S(N(64500), N(0), N(64501)); /* own, source 0, source's peer */
	/* path: sequence 64502 64503, set 64510 64511; communities; preference */
	U32S(N(2), N(2), N(2), N(64502), N(64503), N(1), N(2), N(64510), N(64511), N(2), N(0xfbf40001), N(7), N(150));
	end(record);
	end(at);
	decode();
	assert_int_equal(res.skipped, 0);
	assert_int_equal(n_flows, 1);
	const struct flow *f = &flows[0];
	assert_int_equal(f->in_if, 70000);
	assert_int_equal(f->out_if, 0x50000001);
	assert_int_equal(f->sampling_rate, 256);
	assert_addr(&f->bgp_next_hop, "2001:db8::9");
	assert_int_equal(f->src_as, 64500);
	assert_int_equal(f->dst_as, 64511);
	assert_int_equal(f->next_hop_as, 64502);
	assert_int_equal(f->bgp_next_adjacent_as, 64502);
	assert_int_equal(f->bgp_prev_adjacent_as, 64501);
	assert_int_equal(f->local_pref, 150);
	assert_int_equal(f->n_bgp_communities, 2);
	assert_int_equal(f->bgp_communities[0], 0xfbf40001);
	/* goflow 6.2(16): a path of more than one segment was read wrongly */
	assert_int_equal(f->n_as_path, 4);
	assert_int_equal(f->as_path[3], 64511);
}

static void a_gateway_without_a_path(void **state)
{
	(void)state;
	datagram(1, 1);
	size_t at = flow_sample(1, 3, 4, 1);
	size_t record = begin(1003);
	v4(0x0a000001);
	U32S(N(64500), N(64499), N(0), N(0), N(0), N(100));
	end(record);
	end(at);
	decode();
	assert_int_equal(flows[0].dst_as, 64500);
	assert_int_equal(flows[0].src_as, 64499);
	assert_int_equal(flows[0].n_as_path, 0);
	assert_int_equal(flows[0].local_pref, 100);
}

static void a_path_longer_than_the_array(void **state)
{
	(void)state;
	datagram(1, 1);
	size_t at = flow_sample(1, 3, 4, 1);
	size_t record = begin(1003);
	v4(0x0a000001);
	U32S(N(64500), N(64499), N(0), N(1), N(2), N(40));
	for (uint32_t i = 0; i < 40; i++)
		u32(65000 + i);
	U32S(N(0), N(100));
	end(record);
	end(at);
	uint64_t before = decoder_stats(decoder)->cut_arrays;
	decode();
	assert_int_equal(flows[0].n_as_path, FLOW_ARRAY_MAX);
	assert_int_equal(flows[0].dst_as, 65039);
	assert_int_equal(decoder_stats(decoder)->cut_arrays - before, 40 - FLOW_ARRAY_MAX);
}

/* goflow 6.2(16): the format bits of interfaces were left in. */
static void trap_interface_formats(void **state)
{
	(void)state;
	static const struct {
		uint32_t input, output, in_if, out_if, status, reason;
	} cases[] = {
		{5, 6, 5, 6, 0, 0},
		{0x3fffffff, 6, 0, 6, 0, 0},           /* from the agent itself */
		{5, 0x3fffffff, 5, 0, 0, 0},           /* to it */
		{5, 0x80000003, 5, 0, 0, 0},           /* to three interfaces */
		{5, 0x40000000 | 258, 5, 0, 129, 258}, /* discarded: ACL */
		{5, 0x40000000 | 257, 5, 0, 137, 257}, /* TTL */
		{5, 0x40000000 | 1, 5, 0, 131, 1},     /* host unreachable */
		{5, 0x40000000 | 256, 5, 0, 128, 256}, /* unknown reason */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		datagram(1, 2);
		size_t at = flow_sample(1, cases[i].input, cases[i].output, 0);
		end(at);
		at = begin(3); /* the same, expanded */
		U32S(N(1), N(0), N(3), N(256), N(0), N(0), N(cases[i].input >> 30), N(cases[i].input & 0x3fffffff),
		     N(cases[i].output >> 30), N(cases[i].output & 0x3fffffff), N(0));
		end(at);
		decode();
		assert_int_equal(n_flows, 2);
		for (size_t j = 0; j < 2; j++) {
			assert_int_equal(flows[j].in_if, cases[i].in_if);
			assert_int_equal(flows[j].out_if, cases[i].out_if);
			assert_int_equal(flows[j].forwarding_status, cases[i].status);
			assert_int_equal(flows[j].drop_reason, cases[i].reason);
		}
	}
}

/* goflow 6.2(16): headers that begin with IPv4, IPv6 or MPLS gave no addresses. */
static void trap_header_protocols(void **state)
{
	(void)state;
	static const uint8_t mpls[] = {0, 6, 0x41, 0x40};
	static const uint8_t ppp[] = {0xff, 3, 0, 0x21};
	static const struct {
		uint32_t protocol;
		const uint8_t *prefix;
		size_t len;
	} cases[] = {{11, NULL, 0}, {13, mpls, 4}, {7, ppp + 2, 2}, {14, ppp, 4}};
	for (size_t i = 0; i < 4; i++) {
		uint8_t header[64];
		if (cases[i].len)
			memcpy(header, cases[i].prefix, cases[i].len);
		memcpy(header + cases[i].len, frame4 + 14, sizeof(frame4) - 14);
		datagram(1, 1);
		size_t at = flow_sample(1, 3, 4, 1);
		header_record(cases[i].protocol, 1500, header, cases[i].len + sizeof(frame4) - 14);
		end(at);
		decode();
		assert_addr(&flows[0].dst_addr, "192.0.2.2");
		assert_int_equal(flows[0].dst_port, 443);
		assert_int_equal(flows[0].etype, 0x0800);
	}
	static const uint8_t ip6[48] = {0x60, 0, 0, 0, 0, 8, 17, 64, 0x20, 1, [23] = 1, [24] = 0x20, 1, [39] = 2, [43] = 53};
	datagram(1, 1);
	size_t at = flow_sample(1, 3, 4, 1);
	header_record(12, 1500, ip6, sizeof(ip6));
	end(at);
	decode();
	assert_addr(&flows[0].src_addr, "2001::1");
	assert_int_equal(flows[0].dst_port, 53);
	/* token ring: no reader, but a packet all the same */
	datagram(1, 1);
	at = flow_sample(1, 3, 4, 1);
	header_record(3, 1500, ip6, sizeof(ip6));
	end(at);
	decode();
	assert_int_equal(n_flows, 1);
	assert_int_equal(flows[0].bytes, 1500);
	assert_int_equal(flows[0].src_addr.len, 0);
}

/* goflow 6.2(16): the padding of XDR was taken for header. 55 octets: the last, a TCP option, must not get company. */
static void trap_xdr_padding_is_not_header(void **state)
{
	(void)state;
	uint8_t header[13] = {0};
	datagram(1, 1);
	size_t at = flow_sample(1, 3, 4, 2);
	header_record(1, 1500, header, 13); /* one octet short of an Ethernet header, three of padding */
	size_t record = begin(1001);
	U32S(N(10), N(0), N(20), N(0));
	end(record);
	end(at);
	decode();
	assert_int_equal(n_flows, 1);
	assert_int_equal(flows[0].n_layer_stack, 0);
	assert_int_equal(flows[0].src_vlan, 10);
	assert_int_equal(flows[0].dst_vlan, 20);
}

/* goflow 6.2(16): TCP flags of the records 3 and 4 were not taken. */
static void trap_tcp_flags_of_sampled_ip(void **state)
{
	(void)state;
	datagram(1, 2);
	size_t at = flow_sample(1, 3, 4, 1);
	size_t record = begin(3);
	U32S(N(1480), N(6), N(0x0a000001), N(0x0a000002), N(1000), N(2000), N(0x12), N(0x28));
	end(record);
	end(at);
	at = flow_sample(2, 3, 4, 1);
	record = begin(4);
	U32S(N(1400), N(6));
	static const uint8_t addrs[32] = {0x20, 1, [15] = 5, [16] = 0x20, 1, [31] = 6};
	put(addrs, 32);
	U32S(N(1000), N(2000), N(0x18), N(0x2e));
	end(record);
	end(at);
	decode();
	assert_int_equal(n_flows, 2);
	assert_addr(&flows[0].src_addr, "10.0.0.1");
	assert_int_equal(flows[0].etype, 0x0800);
	assert_int_equal(flows[0].tcp_flags, 0x12);
	assert_int_equal(flows[0].ip_tos, 0x28);
	assert_int_equal(flows[0].bytes, 1480);
	assert_addr(&flows[1].dst_addr, "2001::6");
	assert_int_equal(flows[1].etype, 0x86dd);
	assert_int_equal(flows[1].tcp_flags, 0x18);
	assert_int_equal(flows[1].dst_port, 2000);
}

static void sampled_ethernet_padded_or_not(void **state)
{
	(void)state;
	static const uint8_t macs[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
	for (size_t padding = 0; padding <= 2; padding += 2) {
		datagram(1, 1);
		size_t at = flow_sample(1, 3, 4, 1);
		size_t record = begin(2);
		u32(900);
		put(macs[0], 6);
		put("\0", padding);
		put(macs[1], 6);
		put("\0", padding);
		u32(0x0806);
		end(record);
		end(at);
		decode();
		assert_int_equal(flows[0].src_mac, 0x020000000001);
		assert_int_equal(flows[0].dst_mac, 0x020000000002);
		assert_int_equal(flows[0].etype, 0x0806);
		assert_int_equal(flows[0].bytes, 900);
	}
}

static void other_records(void **state)
{
	(void)state;
	datagram(1, 1);
	size_t at = flow_sample(1, 3, 4, 12);
	size_t r = begin(1002); /* router */
	v4(0x0a0000fe);
	U32S(N(24), N(16));
	end(r);
	r = begin(1004); /* user: UTF-8, nobody at the source */
	u32(106);
	string("");
	u32(106);
	string("ann\xc3\xa9");
	end(r);
	r = begin(1005); /* URL */
	u32(1);
	string("/index.html");
	string("example.net");
	end(r);
	r = begin(1006); /* MPLS: next hop, labels in, labels out */
	v4(0x0a0000fd);
	U32S(N(2), N(100u << 12 | 64), N(200u << 12 | 0x100 | 63), N(0));
	end(r);
	r = begin(1007); /* NAT */
	v4(0xc0000263);
	v4(0xc0000264);
	end(r);
	r = begin(1020);
	U32S(N(4000), N(5000));
	end(r);
	r = begin(1023); /* the tunnel's header: UDP to 4789 */
	U32S(N(1500), N(17), N(0x0a010101), N(0x0a010102), N(50000), N(4789), N(0), N(0));
	end(r);
	r = begin(1029); /* VNI */
	u32(5001);
	end(r);
	r = begin(1034); /* VLANs in */
	U32S(N(2), N(0x88a80064), N(0x810000c8));
	end(r);
	r = begin(1035);
	U32S(N(1), N(0x8100a065));
	end(r);
	r = begin(4300u << 12 | 1); /* some enterprise's own */
	U32S(N(1), N(2), N(3));
	end(r);
	r = begin(1036); /* known, but there is no field for it */
	u32(42);
	end(r);
	end(at);
	decode();
	assert_int_equal(res.skipped, 0);
	assert_int_equal(decoder_stats(decoder)->records_ignored, 0);
	const struct flow *f = &flows[0];
	assert_addr(&f->next_hop, "10.0.0.254");
	assert_int_equal(f->src_net, 24);
	assert_int_equal(f->dst_net, 16);
	assert_int_equal(f->n_user_name, 5);
	assert_memory_equal(f->user_name, "ann\xc3\xa9", 5);
	assert_int_equal(f->n_url, 11);
	assert_memory_equal(f->url, "/index.html", 11);
	assert_int_equal(f->n_mpls_label, 2);
	assert_int_equal(f->mpls_label[1], 200);
	assert_int_equal(f->mpls_ttl[0], 64);
	assert_addr(&f->post_nat_dst_addr, "192.0.2.100");
	assert_int_equal(f->post_nat_src_port, 4000);
	assert_int_equal(f->tunnel_type, FLOW_TUNNEL_VXLAN);
	assert_int_equal(f->tunnel_id, 5001);
	assert_int_equal(f->src_vlan, 100);
	assert_int_equal(f->dst_vlan, 101);
}

/* sflowtool prints such VLANs as -1: the agent does not know. */
static void vlans_that_are_not_known(void **state)
{
	(void)state;
	datagram(1, 1);
	size_t at = flow_sample(1, 3, 4, 1);
	size_t r = begin(1001);
	U32S(N(0xffffffff), N(0xffffffff), N(117), N(0));
	end(r);
	end(at);
	decode();
	assert_int_equal(flows[0].src_vlan, 0);
	assert_int_equal(flows[0].dst_vlan, 117);
}

/* Records for which there is no field are counted; those that say something about the packet's time or route are taken. */
static void records_of_extensions(void **state)
{
	(void)state;
	uint64_t before = decoder_stats(decoder)->records_passed_over;
	datagram(1, 1);
	size_t at = flow_sample(1, 3, 4, 7);
	header_record(1, 1518, frame4, sizeof(frame4));
	size_t r = begin(1008); /* MPLS tunnel: name, id, class of service */
	string("lsp-7");
	U32S(N(7), N(0));
	end(r);
	r = begin(1011); /* LDP: length of the prefix */
	u32(22);
	end(r);
	r = begin(1021); /* the Ethernet header around it */
	U32S(N(1600), N(0x02000000), N(0x00090000), N(0x02000000), N(0x00080000), N(0x0800));
	end(r);
	r = begin(1039); /* transit delay */
	u32(12345);
	end(r);
	r = begin(1043); /* timestamp */
	u64(1699999999 * NS_PER_S + 7);
	end(r);
	r = begin(2100); /* a socket beside a packet: the packet is right */
	U32S(N(17), N(0x0a000001), N(0x0a000002), N(53), N(999));
	end(r);
	end(at);
	decode();
	assert_int_equal(res.skipped, 0);
	assert_int_equal(n_flows, 1);
	assert_int_equal(flows[0].dst_net, 22);
	assert_int_equal(flows[0].time_flow_start_ns, 1699999999 * NS_PER_S + 7);
	assert_int_equal(flows[0].time_flow_end_ns, 1699999999 * NS_PER_S + 7);
	assert_int_equal(flows[0].time_received_ns, NOW);
	assert_addr(&flows[0].src_addr, "192.0.2.1");
	assert_int_equal(flows[0].src_mac, 0x020000000001);
	assert_int_equal(flows[0].proto, 6);
	assert_int_equal(decoder_stats(decoder)->records_passed_over - before, 3);
}

/* A web server's agent samples requests: no packet, but who asked whom for what. */
static void a_transaction_of_a_server(void **state)
{
	(void)state;
	datagram(1, 2);
	size_t at = flow_sample(1, 0x3fffffff, 0x3fffffff, 2);
	size_t r = begin(2206);
	U32S(N(2), N(1001));
	string("/index.html");
	string("www.example.net");
	string("");
	string("curl");
	string("");
	string("ann");
	string("text/html");
	u64(10);
	u64(2000);
	U32S(N(150), N(200));
	end(r);
	r = begin(2100);
	U32S(N(6), N(0xc0000201), N(0xc6336407), N(80), N(40000));
	end(r);
	end(at);
	at = flow_sample(2, 3, 4, 1);
	r = begin(2101);
	u32(6);
	static const uint8_t addrs[32] = {0x20, 1, [15] = 5, [16] = 0x20, 1, [31] = 6};
	put(addrs, 32);
	U32S(N(443), N(40001));
	end(r);
	end(at);
	decode();
	assert_int_equal(n_flows, 2);
	const struct flow *f = &flows[0];
	assert_addr(&f->src_addr, "198.51.100.7");
	assert_addr(&f->dst_addr, "192.0.2.1");
	assert_int_equal(f->src_port, 40000);
	assert_int_equal(f->dst_port, 80);
	assert_int_equal(f->proto, 6);
	assert_int_equal(f->etype, 0x0800);
	assert_int_equal(f->n_url, 11);
	assert_memory_equal(f->url, "/index.html", 11);
	assert_int_equal(f->n_user_name, 3);
	assert_addr(&flows[1].src_addr, "2001::6");
	assert_int_equal(flows[1].dst_port, 443);
}

static void a_long_string_is_cut_between_characters(void **state)
{
	(void)state;
	char text[200];
	for (size_t i = 0; i < sizeof(text) - 1; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[0] = 'a'; /* now every character begins at an odd place */
	memmove(text + 1, text + 2, 197);
	text[198] = '\0';
	datagram(1, 1);
	size_t at = flow_sample(1, 3, 4, 1);
	size_t r = begin(1005);
	u32(1);
	string(text);
	string("");
	end(r);
	end(at);
	decode();
	assert_int_equal(flows[0].n_url, FLOW_STR_MAX - 1);
}

/* An additional record that does not fit is left out; the flow is still there. */
static void a_bad_additional_record_is_ignored(void **state)
{
	(void)state;
	datagram(1, 1);
	size_t at = flow_sample(1, 3, 4, 3);
	size_t r = begin(1003);
	v4(0x0a000001);
	U32S(N(64500), N(64499), N(0), N(1), N(2), N(1000), N(5)); /* a path of 1000 that is not there */
	end(r);
	r = begin(1002);
	U32S(N(9), N(1), N(2), N(3)); /* an address of type 9 */
	end(r);
	header_record(1, 1518, frame4, sizeof(frame4));
	end(at);
	uint64_t before = decoder_stats(decoder)->records_ignored;
	decode();
	assert_int_equal(n_flows, 1);
	assert_int_equal(flows[0].src_as, 0);
	assert_int_equal(flows[0].n_as_path, 0);
	assert_int_equal(flows[0].next_hop.len, 0);
	assert_int_equal(flows[0].dst_port, 443);
	assert_int_equal(decoder_stats(decoder)->records_ignored - before, 2);
}

static void discarded_packets(void **state)
{
	(void)state;
	datagram(1, 1);
	size_t at = begin(5);
	U32S(N(1), N(0), N(3), N(0), N(3), N(0), N(258), N(2)); /* sequence, source, drops, in, out, ACL, records */
	header_record(1, 1518, frame4, sizeof(frame4));
	size_t r = begin(1037);
	u32(7);
	string("no-telnet");
	u32(1);
	end(r);
	end(at);
	decode();
	assert_int_equal(n_flows, 1);
	assert_int_equal(flows[0].drop_reason, 258);
	assert_int_equal(flows[0].forwarding_status, 129);
	assert_int_equal(flows[0].in_if, 3);
	assert_int_equal(flows[0].bytes, 0);
	assert_int_equal(flows[0].packets, 0);
	assert_int_equal(flows[0].dropped_bytes, 1518);
	assert_int_equal(flows[0].dropped_packets, 1);
	assert_int_equal(flows[0].sampling_rate, 1);
	assert_int_equal(flows[0].dst_port, 443);

	/* A reason without the packet: counted, no flow. */
	uint64_t before = decoder_stats(decoder)->drops_without_packet;
	datagram(2, 1);
	at = begin(5);
	U32S(N(2), N(0), N(3), N(0), N(3), N(0), N(258), N(0));
	end(at);
	decode();
	assert_int_equal(n_flows, 0);
	assert_int_equal(decoder_stats(decoder)->drops_without_packet - before, 1);
}

/* goflow 6.2(12): 80 octets whose record count asked for 103 GB. Here nothing is allocated for a count. */
static void trap_record_count_of_4_billion(void **state)
{
	(void)state;
	datagram(1, 1);
	size_t at = begin(3);
	U32S(N(1), N(0), N(3), N(256), N(0), N(0), N(0), N(3), N(0), N(4), N(0xffffffff));
	end(at);
	decode();
	assert_int_equal(x.len, 80);
	assert_int_equal(n_flows, 0);
	assert_int_equal(res.reason, 0);
	assert_int_equal(res.skipped, 1);
	datagram(1, 0xffffffff); /* the samples' count likewise */
	simple_flow_sample(1);
	decode();
	assert_int_equal(n_flows, 1);
	assert_int_equal(res.skipped, 1);
}

static void one_bad_sample_spoils_no_other(void **state)
{
	(void)state;
	uint64_t bad = decoder_stats(decoder)->sets_skipped[ERR_BAD_SAMPLE];
	uint64_t unknown = decoder_stats(decoder)->sets_skipped[ERR_UNKNOWN_SAMPLE];
	datagram(1, 5);
	simple_flow_sample(1);
	size_t at = flow_sample(2, 3, 4, 1); /* its record is longer than the sample */
	u32(1);
	u32(400);
	end(at);
	at = flow_sample(3, 3, 4, 1); /* its header is longer than the record */
	size_t r = begin(1);
	U32S(N(1), N(100), N(0), N(1000), N(0), N(0));
	end(r);
	end(at);
	at = begin(4300u << 12 | 1002); /* a format of some enterprise */
	U32S(N(1), N(2));
	end(at);
	simple_flow_sample(4);
	decode();
	assert_int_equal(n_flows, 2);
	assert_int_equal(res.flows, 2);
	assert_int_equal(res.skipped, 3);
	assert_int_equal(decoder_stats(decoder)->sets_skipped[ERR_BAD_SAMPLE] - bad, 2);
	assert_int_equal(decoder_stats(decoder)->sets_skipped[ERR_UNKNOWN_SAMPLE] - unknown, 1);
}

static void heads_that_are_none(void **state)
{
	(void)state;
	datagram(1, 1);
	simple_flow_sample(1);
	for (size_t len = 0; len < 28; len++) {
		decode_len(len);
		assert_int_equal(n_flows, 0);
		assert_int_equal(res.reason, ERR_TRUNCATED);
	}
	x.bytes[3] = 3; /* a version that never was */
	decode();
	assert_int_equal(res.reason, ERR_VERSION);
	x.bytes[3] = 5;
	x.bytes[7] = 3; /* an address type that is none */
	decode();
	assert_int_equal(res.reason, ERR_BAD_LENGTH);
}

static void an_agent_without_an_address_is_known_by_its_source(void **state)
{
	(void)state;
	x.len = 0;
	U32S(N(5), N(1), N(0), N(7), N(1), N(0), N(1));
	simple_flow_sample(1);
	decode();
	assert_addr(&flows[0].sampler_address, "203.0.113.9");
	x.len = 0;
	U32S(N(5), N(0), N(7), N(1), N(0), N(1));
	simple_flow_sample(1);
	decode();
	assert_addr(&flows[0].sampler_address, "203.0.113.9");
}

static void gaps_in_both_sequences(void **state)
{
	(void)state;
	static const uint32_t datagrams[] = {10, 11, 14, 15};
	static const uint32_t samples[] = {100, 101, 107, 108};
	struct decode_stats before = *decoder_stats(decoder);
	for (size_t i = 0; i < 4; i++) {
		datagram(datagrams[i], 1);
		x.bytes[15] = 99; /* a sub agent of its own */
		simple_flow_sample(samples[i]);
		decode();
	}
	assert_int_equal(decoder_stats(decoder)->sequence_lost - before.sequence_lost, 2);
	assert_int_equal(decoder_stats(decoder)->samples_lost - before.samples_lost, 5);
	assert_int_equal(decoder_stats(decoder)->samples_dropped - before.samples_dropped, 0);
	datagram(16, 1);
	x.bytes[15] = 99;
	simple_flow_sample(109);
	x.bytes[28 + 8 + 16 + 3] = 12; /* drops: 2 -> 12 */
	decode();
	assert_int_equal(decoder_stats(decoder)->samples_dropped - before.samples_dropped, 10);
}

static void inner_instead_of_outer(void **state)
{
	(void)state;
	struct decoder *standard = decoder;
	struct decode_options options = {.emit = keep, .inner_instead = true};
	assert_int_equal(decoder_new(&options, &decoder), 0);
	static const uint8_t ipip[] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
		0x45, 0, 0, 60, 0, 1, 0, 0, 64, 4, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
		0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2,
	};
	datagram(1, 1);
	size_t at = flow_sample(1, 3, 4, 1);
	header_record(1, 100, ipip, sizeof(ipip));
	end(at);
	decode();
	assert_addr(&flows[0].src_addr, "10.0.0.1");
	assert_int_equal(flows[0].inner_src_addr.len, 0);
	assert_int_equal(flows[0].dst_port, 2);
	decoder_free(decoder);
	decoder = standard;
	decode();
	assert_addr(&flows[0].src_addr, "192.0.2.1");
	assert_addr(&flows[0].inner_src_addr, "10.0.0.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_sample_with_a_header), cmocka_unit_test(trap_as_path_of_several_segments),
		cmocka_unit_test(a_gateway_without_a_path), cmocka_unit_test(a_path_longer_than_the_array),
		cmocka_unit_test(trap_interface_formats), cmocka_unit_test(trap_header_protocols),
		cmocka_unit_test(trap_xdr_padding_is_not_header), cmocka_unit_test(trap_tcp_flags_of_sampled_ip),
		cmocka_unit_test(sampled_ethernet_padded_or_not), cmocka_unit_test(other_records),
		cmocka_unit_test(vlans_that_are_not_known), cmocka_unit_test(records_of_extensions),
		cmocka_unit_test(a_transaction_of_a_server),
		cmocka_unit_test(a_long_string_is_cut_between_characters),
		cmocka_unit_test(a_bad_additional_record_is_ignored), cmocka_unit_test(discarded_packets),
		cmocka_unit_test(trap_record_count_of_4_billion), cmocka_unit_test(one_bad_sample_spoils_no_other),
		cmocka_unit_test(heads_that_are_none),
		cmocka_unit_test(an_agent_without_an_address_is_known_by_its_source),
		cmocka_unit_test(gaps_in_both_sequences), cmocka_unit_test(inner_instead_of_outer),
	};
	return cmocka_run_group_tests(tests, new_decoder, free_decoder);
}
