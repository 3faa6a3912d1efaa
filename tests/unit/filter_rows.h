/*
 * filter_rows.h -- sample flows A to G, and filters with the letters of those that they match; all others they must not match.
 * test_filter.c asks filter_match(), tests/integration/test_filter_sql.c a real ClickHouse.
 */
#ifndef WEIR_TESTS_FILTER_ROWS_H
#define WEIR_TESTS_FILTER_ROWS_H

#include <stdlib.h>

#include "proto/flow.h"

enum { A, B, C, D, E, F, G, N_FLOWS };

static struct flow flows[N_FLOWS];

static inline struct ip_addr addr(const char *text)
{
	struct ip_addr a;
	if (ip_parse(text, &a) < 0)
		abort();
	return a;
}

#define TEXT(flow, name, text) ((flow)->n_##name = (uint32_t)strlen(text), memcpy((flow)->name, text, strlen(text)))

static inline void endpoints(struct flow *f, const char *src, uint32_t src_port, const char *dst, uint32_t dst_port)
{
	flow_clear(f);
	f->src_addr = addr(src);
	f->dst_addr = addr(dst);
	f->src_port = src_port;
	f->dst_port = dst_port;
	f->etype = f->src_addr.len == 4 ? 0x800 : 0x86dd;
}

/* A: a web session, upload. IPFIX, TCP SYN only, MACs, interfaces, names. */
static inline void make_a(struct flow *f)
{
	endpoints(f, "192.168.1.50", 51118, "104.18.185.54", 443);
	f->type = FLOW_TYPE_IPFIX;
	f->proto = 6;
	f->tcp_flags = 0x02;
	f->bytes = 2245;
	f->packets = 27;
	f->time_flow_start_ns = 1763726400000000000; /* 2025-11-21T12:00:00 */
	f->time_flow_end_ns = f->time_flow_start_ns + 10000000000;
	f->time_received_ns = f->time_flow_end_ns + 1;
	f->src_mac = 0xe8ff1ed5f416;
	f->dst_mac = 0x00155d010203;
	f->in_if = 3;
	f->out_if = 7;
	f->src_as = 65001;
	f->dst_as = 13335;
	f->src_net = 24;
	f->dst_net = 12;
	f->sampler_address = addr("10.0.0.1");
	f->next_hop = addr("10.0.0.254");
	TEXT(f, in_if_name, "eth0");
	TEXT(f, src_country, "DE");
	TEXT(f, dst_country, "US");
	TEXT(f, src_network, "home lan");
	TEXT(f, src_customer, "acme");
}

/* B: DNS. v9, UDP with flags that mean nothing, VLANs, MPLS, BGP. */
static inline void make_b(struct flow *f)
{
	endpoints(f, "10.1.2.3", 5353, "8.8.8.8", 53);
	f->type = FLOW_TYPE_NETFLOW_V9;
	f->proto = 17;
	f->tcp_flags = 0x12;
	f->bytes = 80;
	f->packets = 1;
	f->src_vlan = 100;
	f->dst_vlan = 200;
	f->vlan_id = 300;
	f->ip_tos = 184;
	f->post_ip_tos = 46;
	f->n_mpls_label = 3;
	memcpy(f->mpls_label, (const uint32_t[]){16, 1000, 3}, 12);
	f->bgp_next_hop = addr("172.16.0.9");
	f->next_hop_as = 64512;
	f->bgp_prev_adjacent_as = 64513;
	f->n_as_path = 2;
	memcpy(f->as_path, (const uint32_t[]){64512, 15169}, 8);
	f->sampler_address = addr("10.0.0.2");
	f->sampling_rate = 1000;
	f->flow_direction = 1;
	f->post_src_mac = 0x0a0b0c0d0e0f;
}

/* C: ping over IPv6. */
static inline void make_c(struct flow *f)
{
	endpoints(f, "2001:db8::1", 0, "2001:db8:ffff::2", 0);
	f->type = FLOW_TYPE_SFLOW_5;
	f->proto = 58;
	f->icmp_type = 128;
	f->icmp_code = 3;
	f->bytes = 1500000;
	f->packets = 1000;
	f->ip_ttl = 64;
	f->dst_mac = 0xe8ff1ed5f416;
}

/* D: a translated session, 2 to 1 side; NAT event, port block. */
static inline void make_d(struct flow *f)
{
	endpoints(f, "192.168.1.51", 40000, "1.1.1.1", 443);
	f->type = FLOW_TYPE_NETFLOW_V9;
	f->proto = 6;
	f->tcp_flags = 0x1b; /* FSPA */
	f->bytes = 5000000000;
	f->packets = 4000000;
	f->time_flow_start_ns = 1763726460000000000;
	f->time_flow_end_ns = f->time_flow_start_ns + 100000000000;
	f->post_nat_src_addr = addr("203.0.113.7");
	f->post_nat_dst_addr = addr("1.1.1.1");
	f->post_nat_src_port = 1024;
	f->post_nat_dst_port = 8443;
	f->nat_event = 4;
	f->port_range_start = 39000;
	f->port_range_end = 40999;
	f->port_range_step = 1;
	f->reverse_bytes = 77;
	f->reverse_packets = 7;
	f->in_vrf_id = 5;
	f->out_vrf_id = 6;
	f->src_addr.bytes[3] = 51;
}

/* E: denied by a firewall. */
static inline void make_e(struct flow *f)
{
	endpoints(f, "203.0.113.9", 6000, "192.168.1.50", 22);
	f->type = FLOW_TYPE_NETFLOW_V9;
	f->proto = 6;
	f->firewall_event = 3;
	f->firewall_ext_event = 1001;
	f->engine_type = 1;
	f->engine_id = 9;
	f->observation_domain_id = 42;
	f->observation_point_id = 43;
	f->flow_count = 12;
}

/* F: a tunnel. */
static inline void make_f(struct flow *f)
{
	endpoints(f, "10.9.9.1", 50000, "10.9.9.2", 4789);
	f->type = FLOW_TYPE_PACKET;
	f->proto = 17;
	f->inner_src_addr = addr("192.168.77.1");
	f->inner_dst_addr = addr("192.168.77.2");
	f->inner_src_port = 1234;
	f->inner_dst_port = 80;
	f->inner_proto = 6;
	f->inner_vlan_id = 9;
	f->tunnel_type = FLOW_TUNNEL_VXLAN;
	f->tunnel_id = 5001;
	f->n_mpls_ip = 1;
	f->mpls_ip[0] = addr("10.8.8.8");
	TEXT(f, application_name, "HTTP");
}

/* G: nothing at all. */
static inline void make_g(struct flow *f)
{
	flow_clear(f);
}

static inline void make_flows(void)
{
	void (*const make[N_FLOWS])(struct flow *) = {make_a, make_b, make_c, make_d, make_e, make_f, make_g};
	for (int i = 0; i < N_FLOWS; i++)
		make[i](&flows[i]);
}

struct row {
	const char *filter;
	const char *matches;
};

static const struct row rows_logic[] = {
	{"any", "ABCDEFG"}, {"", "ABCDEFG"}, {"  # nothing\n", "ABCDEFG"}, {"not any", ""}, {"! any", ""},
	{"not not any", "ABCDEFG"}, {"any and any", "ABCDEFG"}, {"any && not any", ""}, {"not any or any", "ABCDEFG"},
	{"not any || not any", ""}, {"proto tcp or proto udp and dst port 53", "ABDE"},
	{"(proto tcp or proto udp) and dst port 53", "B"}, {"not proto tcp and not proto udp", "CG"},
	{"not (proto tcp or proto udp)", "CG"}, {"NOT Proto TCP AND NOT PROTO udp", "CG"},
	{"proto tcp and src port 51118 and dst port 443", "A"}, {"proto tcp and (dst port 22 or (dst port 443))", "ADE"},
	{"(proto tcp and dst port 443) and src port 40000", "D"}, {"(src port 1 or dst port 22) or dst port 53", "BE"},
	{"proto tcp # the web\n and dst port 443", "AD"}, {"((((any))))", "ABCDEFG"},
	{"!(proto tcp)&&!(proto udp)", "CG"}
};

static const struct row rows_addresses[] = {
	{"ip 192.168.1.50", "AE"}, {"host 192.168.1.50", "AE"}, {"src ip 192.168.1.50", "A"},
	{"dst ip 192.168.1.50", "E"}, {"src or dst ip 192.168.1.50", "AE"}, {"dst or src host 192.168.1.50", "AE"},
	{"src and dst ip 10.9.9.0/24", "F"}, {"dst && src ip 10.9.9.0/24", "F"}, {"src ip 192.168.0.0/16", "AD"},
	{"src ip = 192.168.0.0/16", "AD"}, {"src ip != 192.168.0.0/16", "BCEFG"}, {"ip 10/8", "BF"},
	{"net 192.168/16", "ADE"}, {"src net 192.168.1.77/24", "AD"}, {"dst net 192.168.1.0 255.255.255.0", "E"},
	{"src net 192.0.0.0 255.0.0.0 and dst port 443", "AD"}, {"net 0.0.0.0/0", "ABDEF"}, {"net ::/0", "C"},
	{"ip 2001:db8::1", "C"}, {"ip 2001:DB8::/32", "C"}, {"dst ip 2001:db8::/33", ""},
	{"dst ip 2001:db8:8000::/33", "C"}, {"ip in [192.168.1.50 8.8.8.8]", "ABE"},
	{"src ip in [10.0.0.0/8, 192.168.1.51,2001:db8::/32]", "BCDF"}, {"ip [1.1.1.1]", "D"},
	{"not ip in [10.0.0.0/8 192.168.0.0/16]", "CG"}, {"src host in [0.0.0.0/0]", "ABDEF"},
	{"ipv4", "ABDEF"}, {"inet", "ABDEF"}, {"ipv6", "C"}, {"inet6", "C"}, {"src inet6", "C"},
	{"router ip 10.0.0.1", "A"}, {"router ip 10.0.0.0/24", "AB"}, {"next ip 10.0.0.254", "A"},
	{"bgp next ip 172.16.0.9", "B"}, {"bgpnext ip 172.16.0.0/12", "B"}, {"nat ip 203.0.113.7", "D"},
	{"xip 1.1.1.1", "D"}, {"src xip 1.1.1.1", ""}, {"dst nip 1.1.1.1", "D"}, {"src nat net 203.0.113.0/24", "D"},
	{"xnet 1.0.0.0 255.0.0.0", "D"}, {"inner ip 192.168.77.2", "F"}, {"src inner ip 192.168.77.2", ""},
	{"inner net 192.168.77.0/24", "F"}, {"mpls ip 10.8.8.8", "F"}, {"mpls ip in [10.8.0.0/16 1.1.1.1]", "F"}
};

static const struct row rows_numbers[] = {
	{"port 53", "B"}, {"port 443", "AD"}, {"src port 443", ""}, {"dst port 443", "AD"}, {"dst port = 443", "AD"},
	{"dst port == 443", "AD"}, {"dst port EQ 443", "AD"}, {"dst port != 443", "BCEFG"}, {"dst port ne 443", "BCEFG"},
	{"src port > 50000", "A"}, {"src port>=50000", "AF"}, {"src port GE 50000", "AF"}, {"src port < 5353", "CG"},
	{"src port <= 5353", "BCG"}, {"src port lt 5353", "CG"}, {"src port LE 5353", "BCG"}, {"src port gt 50k", "A"},
	{"src port < 0", ""}, {"port in [53 22]", "BE"}, {"dst port in [53,443 4789]", "ABDF"}, {"port [ 22 ]", "E"},
	{"dst port in [20-30 50-60]", "BE"}, {"dst port 20-60", "BE"}, {"not port in [53 443 22 4789 0]", ""},
	{"port in [1-2 2-100 90-110]", "BE"}, {"port 0x1bb", "AD"},
	{"src and dst port > 1000", "F"}, {"proto 6", "ADE"}, {"proto tcp", "ADE"}, {"proto udp", "BF"},
	{"proto icmp6", "C"}, {"proto ipv6-icmp", "C"}, {"proto in [udp 58]", "BCF"}, {"proto > 17", "C"},
	{"proto icmp", ""}, {"proto ospf", ""}, {"bytes > 1k", "ACD"}, {"bytes > 2245", "CD"}, {"bytes > 1m", "CD"},
	{"bytes >= 0", "ABCDEFG"}, {"bytes >= 1500k", "CD"}, {"bytes > 1g", "D"}, {"bytes > 1t", ""}, {"bytes < 100", "BEFG"}, {"bytes = 80", "B"},
	{"packets 27", "A"}, {"packets > 1m", "D"}, {"in packets 27", "A"}, {"out packets 7", "D"},
	{"out bytes > 70", "D"}, {"in bytes 80", "B"}, {"flows > 1", "E"}, {"flows = 1", "ABCDFG"},
	{"duration > 5000", "AD"}, {"duration > 10s", "D"}, {"duration = 10s", "A"}, {"duration >= 1min", "D"},
	{"duration < 1", "BCEFG"}, {"pps 2", "A"}, {"pps > 1k", "D"}, {"bps 1796", "A"}, {"bps > 100m", "D"},
	{"bps = 400m", "D"}, {"bpp 83", "A"}, {"bpp > 1200", "CD"}, {"bpp 0", "EFG"}, {"tos 184", "B"},
	{"src tos 184", "B"}, {"dst tos 46", "B"}, {"tos 46", ""}, {"ttl > 60", "C"}
};

static const struct row rows_interfaces_and_names[] = {
	{"as 65001", "A"}, {"src as 65001", "A"}, {"dst as 65001", ""}, {"dst as in [1 13335]", "A"},
	{"as > 65k", "A"}, {"prev as 64513", "B"}, {"next as 64512", "B"}, {"next as in [1 2]", ""},
	{"as path 15169", "B"}, {"as path in [1 2 15169]", "B"}, {"mask 24", "A"}, {"src mask 24", "A"},
	{"dst mask 24", ""}, {"dst mask < 24 and dst mask > 0", "A"}, {"vlan 100", "B"}, {"vlan 200", "B"},
	{"vlan 300", "B"}, {"src vlan 100", "B"}, {"src vlan 200", ""}, {"if 3", "A"}, {"if 7", "A"}, {"in if 3", "A"},
	{"out if 3", ""}, {"if name eth0", "A"}, {"in if name ETH0", "A"}, {"out if name eth0", ""},
	{"mac e8:ff:1e:d5:f4:16", "AC"}, {"src mac e8:ff:1e:d5:f4:16", "A"}, {"dst mac E8:FF:1E:D5:F4:16", "C"},
	{"in src mac e8:ff:1e:d5:f4:16", "A"}, {"in mac e8:ff:1e:d5:f4:16", "AC"}, {"out mac e8:ff:1e:d5:f4:16", ""},
	{"out src mac 0a:0b:0c:0d:0e:0f", "B"}, {"src mac a:b:c:d:e:f", "B"}, {"in mac 0a:0b:0c:0d:0e:0f", ""},
	{"mac in [00:15:5d:01:02:03 0a:0b:0c:0d:0e:0f]", "AB"}, {"geo DE", "A"}, {"src geo de", "A"}, {"dst geo DE", ""},
	{"country in [FR US]", "A"}, {"not geo in [FR US]", "BCDEFG"}, {"network 'home lan'", "A"},
	{"dst network \"home lan\"", ""}, {"customer acme", "A"}, {"src customer != acme", "BCDEFG"},
	{"mpls label 1000", "B"}, {"mpls any 1000", "B"}, {"mpls label1 16", "B"}, {"mpls label2 > 999", "B"},
	{"mpls label3 16", ""}, {"mpls label10 0", ""}, {"mpls eos 3", "B"}, {"mpls eos = 16", ""},
	{"mpls label in [5 3]", "B"}, {"engine-type 1", "E"}, {"engine-id > 8", "E"}, {"observation domain id 42", "E"},
	{"observation point id = 43", "E"}, {"flowdir egress", "B"}, {"flowdir 1", "B"}, {"flowdir ingress", "ACDEFG"},
	{"ingress vrf 5", "D"}, {"egress vrf 5", ""}, {"vrf 6", "D"}, {"in vrf in [4 5]", "D"},
	{"sampling > 1", "B"}, {"type ipfix", "A"}, {"type v9", "BDE"}, {"type netflow_v9", "BDE"}, {"type sflow", "C"},
	{"type in [ipfix sflow packet]", "ACF"}, {"tunnel type vxlan", "F"}, {"tunnel id 5001", "F"},
	{"tunnel type != none", "F"}, {"inner proto tcp", "F"}, {"inner port 80", "F"}, {"src inner port 80", ""},
	{"inner vlan 9", "F"}, {"application http", "F"}
};

static const struct row rows_flags_icmp_events_times[] = {
	{"flags S", "AD"}, {"flags S and not flags AFRPU", "A"}, {"flags SA", "D"}, {"flags AS", "D"},
	{"not flags SA", "BCEFG"}, {"not (flags SA)", "BCEFG"}, {"not flags FR", "ABCEFG"}, {"flags FSPA", "D"},
	{"flags X", ""}, {"flags 2", "A"}, {"flags 0x1b", "D"}, {"flags > 2", "D"}, {"flags 0", "E"},
	{"flags != 2", "DE"}, {"tcp_flags 18", "B"},
	{"icmp-type 128", "C"}, {"icmp-type 0", ""}, {"icmp-code 3", "C"}, {"icmp-type > 100 and icmp-code < 4", "C"},
	{"not icmp-type 128", "ABDEFG"}, {"nat event add", "D"}, {"nat event delete", ""}, {"nat event 4", "D"},
	{"nat event in [1 delete 4]", "D"}, {"nat event > 0", "D"}, {"nport 8443", "D"}, {"src xport 8443", ""},
	{"src nat port 1024", "D"}, {"pblock start 39000", "D"}, {"pblock end > 40000", "D"}, {"pblock step 1", "D"},
	{"port in pblock", "D"}, {"src port in pblock", "D"}, {"dst port in pblock", ""}, {"asa event deny", "E"},
	{"asa event 3", "E"}, {"asa event create", ""}, {"asa event denied ingress", "E"},
	{"asa event denied egress", ""}, {"asa xevent 1001", "E"}, {"asa xevent > 1k", "E"},
	{"first seen > 2025-11-21", "AD"}, {"first seen = 2025-11-21", "AD"}, {"first seen = 2025-11-20", ""},
	{"first seen > 2025-11-21T12:00", "D"}, {"first seen >= 2025-11-21T12:00:00Z", "AD"},
	{"first seen = 2025-11-21T12:00", "A"}, {"last seen <= 2025-11-21T12:00:10 and last seen > 0", "A"},
	{"first seen < 1763726401 and first seen > 0", "A"}, {"last seen = '2025-11-21 12:02:40'", "D"},
	{"received > 2020-01-01", "A"}
};

static const struct row rows_fields[] = {
	{"src_port 51118", "A"}, {"time_flow_end_ns > 0", "AD"}, {"src_addr 10.0.0.0/8", "BF"},
	{"post_src_mac 0a:0b:0c:0d:0e:0f", "B"}, {"etype ipv6", "C"}, {"etype 0x800", "ABDEF"}, {"inner_proto tcp", "F"},
	{"mpls_label 16", "B"}, {"src_country in [DE]", "A"}, {"reverse_packets > 5", "D"}, {"SRC_NET 24", "A"},
	{"tunnel_type vxlan", "F"}, {"mpls_ip 10.0.0.0/8", "F"}
};

#endif
