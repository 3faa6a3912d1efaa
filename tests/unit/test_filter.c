/*
 * test_filter.c -- the filter language: a row a filter, with the letters of the sample flows that it matches; all others it
 * must not match. Then what is no filter, with where the error is; files; limits.
 */
#include "proto/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "proto/flow.h"
#include "tests/unit/flow_random.h"

enum { A, B, C, D, E, F, G, N_FLOWS };

static struct flow flows[N_FLOWS];

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;
	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

#define TEXT(flow, name, text) ((flow)->n_##name = (uint32_t)strlen(text), memcpy((flow)->name, text, strlen(text)))

static void endpoints(struct flow *f, const char *src, uint32_t src_port, const char *dst, uint32_t dst_port)
{
	flow_clear(f);
	f->src_addr = addr(src);
	f->dst_addr = addr(dst);
	f->src_port = src_port;
	f->dst_port = dst_port;
	f->etype = f->src_addr.len == 4 ? 0x800 : 0x86dd;
}

/* A: a web session, upload. IPFIX, TCP SYN only, MACs, interfaces, names. */
static void make_a(struct flow *f)
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
static void make_b(struct flow *f)
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
static void make_c(struct flow *f)
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
static void make_d(struct flow *f)
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
static void make_e(struct flow *f)
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
static void make_f(struct flow *f)
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
static void make_g(struct flow *f)
{
	flow_clear(f);
}

static int make_flows(void **state)
{
	(void)state;
	void (*const make[N_FLOWS])(struct flow *) = {make_a, make_b, make_c, make_d, make_e, make_f, make_g};
	for (int i = 0; i < N_FLOWS; i++)
		make[i](&flows[i]);
	return 0;
}

struct row {
	const char *filter;
	const char *matches;
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct filter *filter;
		char err[FILTER_ERR_MAX] = "";
		if (filter_compile(rows[i].filter, &filter, err, sizeof(err)) != 0)
			fail_msg("%s: %s", rows[i].filter, err);
		char got[N_FLOWS + 1] = "";
		size_t len = 0;
		for (int f = 0; f < N_FLOWS; f++)
			if (filter_match(filter, &flows[f]))
				got[len++] = (char)('A' + f);
		got[len] = '\0';
		if (strcmp(got, rows[i].matches) != 0)
			fail_msg("%s: matches '%s', should '%s'", rows[i].filter, got, rows[i].matches);
		filter_free(filter);
	}
}

#define ROWS(...) \
	const struct row rows[] = {__VA_ARGS__}; \
	(void)state; \
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));

static void logic(void **state)
{
	ROWS({"any", "ABCDEFG"}, {"", "ABCDEFG"}, {"  # nothing\n", "ABCDEFG"}, {"not any", ""}, {"! any", ""},
	     {"not not any", "ABCDEFG"}, {"any and any", "ABCDEFG"}, {"any && not any", ""}, {"not any or any", "ABCDEFG"},
	     {"not any || not any", ""}, {"proto tcp or proto udp and dst port 53", "ABDE"},
	     {"(proto tcp or proto udp) and dst port 53", "B"}, {"not proto tcp and not proto udp", "CG"},
	     {"not (proto tcp or proto udp)", "CG"}, {"NOT Proto TCP AND NOT PROTO udp", "CG"},
	     {"proto tcp and src port 51118 and dst port 443", "A"}, {"proto tcp and (dst port 22 or (dst port 443))", "ADE"},
	     {"(proto tcp and dst port 443) and src port 40000", "D"}, {"(src port 1 or dst port 22) or dst port 53", "BE"},
	     {"proto tcp # the web\n and dst port 443", "AD"}, {"((((any))))", "ABCDEFG"},
	     {"!(proto tcp)&&!(proto udp)", "CG"})
}

static void addresses(void **state)
{
	ROWS({"ip 192.168.1.50", "AE"}, {"host 192.168.1.50", "AE"}, {"src ip 192.168.1.50", "A"},
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
	     {"inner net 192.168.77.0/24", "F"}, {"mpls ip 10.8.8.8", "F"}, {"mpls ip in [10.8.0.0/16 1.1.1.1]", "F"})
}

static void numbers(void **state)
{
	ROWS({"port 53", "B"}, {"port 443", "AD"}, {"src port 443", ""}, {"dst port 443", "AD"}, {"dst port = 443", "AD"},
	     {"dst port == 443", "AD"}, {"dst port EQ 443", "AD"}, {"dst port != 443", "BCEFG"}, {"dst port ne 443", "BCEFG"},
	     {"src port > 50000", "A"}, {"src port>=50000", "AF"}, {"src port GE 50000", "AF"}, {"src port < 5353", "CG"},
	     {"src port <= 5353", "BCG"}, {"src port lt 5353", "CG"}, {"src port LE 5353", "BCG"}, {"src port gt 50k", "A"},
	     {"src port < 0", ""}, {"port in [53 22]", "BE"}, {"dst port in [53,443 4789]", "ABDF"}, {"port [ 22 ]", "E"},
	     {"dst port in [20-30 50-60]", "BE"}, {"dst port 20-60", "BE"}, {"not port in [53 443 22 4789 0]", ""},
	     {"port in [1-2 2-100 90-110]", "BE"}, {"port 0x1bb", "AD"},
	     {"src and dst port > 1000", "F"}, {"proto 6", "ADE"}, {"proto tcp", "ADE"}, {"proto udp", "BF"},
	     {"proto icmp6", "C"}, {"proto ipv6-icmp", "C"}, {"proto in [udp 58]", "BCF"}, {"proto > 17", "C"},
	     {"proto icmp", ""}, {"proto ospf", ""}, {"bytes > 1k", "ACD"}, {"bytes > 2245", "CD"}, {"bytes > 1m", "CD"},
	     {"bytes >= 1500k", "CD"}, {"bytes > 1g", "D"}, {"bytes > 1t", ""}, {"bytes < 100", "BEFG"}, {"bytes = 80", "B"},
	     {"packets 27", "A"}, {"packets > 1m", "D"}, {"in packets 27", "A"}, {"out packets 7", "D"},
	     {"out bytes > 70", "D"}, {"in bytes 80", "B"}, {"flows > 1", "E"}, {"flows = 1", "ABCDFG"},
	     {"duration > 5000", "AD"}, {"duration > 10s", "D"}, {"duration = 10s", "A"}, {"duration >= 1min", "D"},
	     {"duration < 1", "BCEFG"}, {"pps 2", "A"}, {"pps > 1k", "D"}, {"bps 1796", "A"}, {"bps > 100m", "D"},
	     {"bps = 400m", "D"}, {"bpp 83", "A"}, {"bpp > 1200", "CD"}, {"bpp 0", "EFG"}, {"tos 184", "B"},
	     {"src tos 184", "B"}, {"dst tos 46", "B"}, {"tos 46", ""}, {"ttl > 60", "C"})
}

static void interfaces_and_names(void **state)
{
	ROWS({"as 65001", "A"}, {"src as 65001", "A"}, {"dst as 65001", ""}, {"dst as in [1 13335]", "A"},
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
	     {"inner vlan 9", "F"}, {"application http", "F"})
}

static void flags_icmp_events_times(void **state)
{
	ROWS({"flags S", "AD"}, {"flags S and not flags AFRPU", "A"}, {"flags SA", "D"}, {"flags AS", "D"},
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
	     {"received > 2020-01-01", "A"})
}

/* Every field can be asked for by its name. */
static void fields_by_name(void **state)
{
	ROWS({"src_port 51118", "A"}, {"time_flow_end_ns > 0", "AD"}, {"src_addr 10.0.0.0/8", "BF"},
	     {"post_src_mac 0a:0b:0c:0d:0e:0f", "B"}, {"etype ipv6", "C"}, {"etype 0x800", "ABDEF"}, {"inner_proto tcp", "F"},
	     {"mpls_label 16", "B"}, {"src_country in [DE]", "A"}, {"reverse_packets > 5", "D"}, {"SRC_NET 24", "A"},
	     {"tunnel_type vxlan", "F"}, {"mpls_ip 10.0.0.0/8", "F"})
	for (int i = 0; i < FLOW_F_COUNT; i++) {
		char text[128], err[FILTER_ERR_MAX];
		struct filter *filter;
		bool address = flow_fields[i].kind == FLOW_KIND_ADDR || flow_fields[i].kind == FLOW_KIND_ADDRS;
		bool mac = flow_fields[i].render == FLOW_RENDER_MAC;
		snprintf(text, sizeof(text), "%s %s", flow_fields[i].name, address ? "::/0" : mac ? "0:0:0:0:0:1" : "1");
		if (filter_compile(text, &filter, err, sizeof(err)) != 0)
			fail_msg("%s: %s", text, err);
		filter_free(filter);
	}
}

static void errors(void **state)
{
	(void)state;
	static const struct { const char *filter, *err; } rows[] = {
		{"prot tcp", "column 1: expected a test (like 'src ip 10.0.0.1' or 'dst port 53'), not 'prot'"},
		{"src ip 10.0.0.1 dst port 53", "column 17: expected 'and' or 'or', not 'dst'"},
		{"port 70000", "column 6: expected a port, 0 to 65535, not '70000'"},
		{"port in [53 http]", "column 13: expected a port, 0 to 65535, not 'http'"},
		{"src ip 300.1.1.1", "column 8: expected an address or a network, not '300.1.1.1'"},
		{"ip 10.0.0.0/33", "column 4: expected an address or a network, not '10.0.0.0/33'"},
		{"ip www.example.com", "column 4: expected an address or a network, not 'www.example.com'"},
		{"proto foo", "column 7: expected a protocol, its name or its number 0 to 255, not 'foo'"},
		{"proto 256", "column 7: expected a protocol, its name or its number 0 to 255, not '256'"},
		{"port 53 and", "column 12: expected a test (like 'src ip 10.0.0.1' or 'dst port 53') at the end"},
		{"(port 53", "column 9: expected ) for the ( in column 1, or 'and', 'or'"},
		{"port 53)", "column 8: expected 'and' or 'or', not ')'"},
		{"port in [53", "column 12: a list without its closing ]"},
		{"port in []", "column 10: expected a port, 0 to 65535, not an empty list"},
		{"ip > 10.0.0.1", "column 4: 'ip' has no order: = and != are what it can be compared with"},
		{"in port 5", "column 1: 'port' has no such side"},
		{"src flags S", "column 1: 'flags' has no such side"},
		{"flags Q", "column 7: expected TCP flags, letters of UAPRSFEC (X: all six old ones), or a number, not 'Q'"},
		{"flags in [S]", "column 7: 'flags' takes no list"},
		{"port > 5-9", "column 8: expected one number to compare with"},
		{"network 'home", "column 9: a text without its closing '"},
		{"port 53 & port 80", "column 9: '&' has no meaning here"},
		{"bytes > 1x", "column 9: expected a number, not '1x'"},
		{"bytes > 99999999999999999999", "column 9: expected a number, not '99999999999999999999'"},
		{"bytes > 18446744073709552k", "column 9: expected a number, not '18446744073709552k'"},
		{"first seen > yesterday", "column 14: expected a time, 2026-11-21T12:00:00 (UTC) or seconds since 1970, not"},
		{"first seen > 2026-02-31", "column 14: expected a time"},
		{"mac 00:11:22", "column 5: expected a MAC address, aa:bb:cc:dd:ee:ff, not '00:11:22'"},
		{"tcp", "column 1: 'tcp': write 'proto tcp'"},
		{"ident foo", "column 1: 'ident': flows have no ident here"},
		{"port 53 and\n  tunip 10.0.0.1", "line 2, column 3: 'tunip': the outer addresses of a tunnel are 'ip'"},
		{"net 10.0.0.0 255.0.255.0", "column 14: expected 'and' or 'or', not '255.0.255.0'"},
		{"not", "column 4: expected a test"},
		{"src", "column 4: expected a test"},
		{"src and", "column 5: expected a test"},
		{"port =", "column 7: expected a port, 0 to 65535"},
		{"@include", "column 9: expected the name of a file behind @include"},
		{"@include /nonexistent/f", "column 10: /nonexistent/f: No such file or directory"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct filter *filter = NULL;
		char err[FILTER_ERR_MAX] = "";
		int result = filter_compile(rows[i].filter, &filter, err, sizeof(err));
		if (result != -22 || filter || strncmp(err, rows[i].err, strlen(rows[i].err)) != 0)
			fail_msg("%s\n gives %d %s\n  not %s", rows[i].filter, result, err, rows[i].err);
	}
}

static char directory[] = "/tmp/weir-test-filter-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void expect_file(const char *name, const char *matches, const char *error)
{
	char text[160], err[FILTER_ERR_MAX] = "";
	struct filter *filter = NULL;
	snprintf(text, sizeof(text), "@include %s/%s", directory, name);
	int result = filter_compile(text, &filter, err, sizeof(err));
	if (error) {
		assert_int_equal(result, -22);
		if (!strstr(err, error))
			fail_msg("%s: %s, not %s", name, err, error);
		return;
	}
	if (result)
		fail_msg("%s: %s", text, err);
	for (int f = 0; f < N_FLOWS; f++)
		assert_int_equal(filter_match(filter, &flows[f]), strchr(matches, 'A' + f) != NULL);
	filter_free(filter);
}

static void includes(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(directory));
	write_file("web", "# web\nproto tcp and\n dst port 443\n");
	write_file("both", "(@include web\n) or (@include \"dns list\")");
	write_file("dns list", "dst port in [\n53 # dns\n]");
	write_file("wrong", "proto tcp and\n  dst prt 5\n");
	write_file("self", "(@include self\n) or any");
	write_file("bomb", "@include web\n");
	expect_file("web", "AD", NULL);
	expect_file("both", "ABD", NULL);
	expect_file("wrong", "", "wrong: line 2, column 7: expected a test");
	expect_file("self", "", "more than 8 files inside each other");
	char many[4096] = "";
	for (int i = 0; i < 70; i++)
		strncat(many, i ? "or (@include web\n)" : "(@include web\n)", sizeof(many) - strlen(many) - 1);
	write_file("many", many);
	expect_file("many", "", "more than 64 files included");
	static const char *const names[] = {"web", "both", "dns list", "wrong", "self", "bomb", "many"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(directory), 0);
}

/* Text of N times PIECE between BEGIN and END; free() it. */
static char *repeated(const char *begin, const char *piece, int n, const char *end)
{
	size_t len = strlen(piece);
	char *text = malloc(strlen(begin) + (size_t)n * len + strlen(end) + 1);
	assert_non_null(text);
	char *o = text;
	memcpy(o, begin, strlen(begin));
	o += strlen(begin);
	for (int i = 0; i < n; i++, o += len)
		memcpy(o, piece, len);
	memcpy(o, end, strlen(end) + 1);
	return text;
}

static void expect(char *text, const char *error)
{
	struct filter *filter = NULL;
	char err[FILTER_ERR_MAX] = "";
	int result = filter_compile(text, &filter, err, sizeof(err));
	if (error ? result != -22 || !strstr(err, error) : result != 0)
		fail_msg("%.60s...: %d %s", text, result, err);
	filter_free(filter);
	free(text);
}

static void limits(void **state)
{
	(void)state;
	expect(repeated("", "(", 64, "any))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))"), NULL);
	expect(repeated("", "(", 65, "any"), "more than 64 parentheses");
	expect(repeated("", "not ", 100000, "any"), NULL);
	expect(repeated("any", " or any", 8000, ""), NULL);
	expect(repeated("any", " or any", 20000, ""), "at most 8192 tests");
	expect(repeated("port 1", " and (port 2 or port 3)", 2000, ""), NULL);
	expect(repeated("ip in [", "10.1.2.3 ", 100000, "]"), NULL);
	expect(repeated("", " ", FILTER_TEXT_MAX, "any"), "a filter has at most 1048576 bytes");
}

static void a_long_list_is_searched(void **state)
{
	(void)state;
	static char text[200000];
	size_t len = (size_t)snprintf(text, sizeof(text), "src ip in [");
	for (unsigned i = 0; i < 5000; i++) /* every other /24 */
		len += (size_t)snprintf(text + len, sizeof(text) - len, "20.%u.%u.0/24 2001:db8:%x::/48 ", i >> 7, (i & 127) * 2, 2 * i);
	snprintf(text + len, sizeof(text) - len, "]");
	struct filter *filter;
	char err[FILTER_ERR_MAX];
	assert_int_equal(filter_compile(text, &filter, err, sizeof(err)), 0);
	struct flow f;
	flow_clear(&f);
	for (uint32_t i = 0; i < 10000; i++) {
		f.src_addr = ip_v4((const uint8_t[]){20, (uint8_t)(i >> 8), (uint8_t)i, 77});
		assert_int_equal(filter_match(filter, &f), i % 2 == 0);
		f.src_addr = ip_v6((const uint8_t[16]){0x20, 1, 0xd, 0xb8, (uint8_t)(i >> 8), (uint8_t)i, 1});
		assert_int_equal(filter_match(filter, &f), i % 2 == 0);
	}
	filter_free(filter);
	assert_true(filter_match(NULL, &f));
	filter_free(NULL);
}

/* No text, however broken, does harm: pieces of the language in random order, and cut in the middle. */
static void nonsense(void **state)
{
	(void)state;
	static const char *const pieces[] = {
		"src ", "dst ", "ip ", "10.0.0.1 ", "10/8 ", "port ", "in ", "[", "]", "53 ", "1-5 ", "and ", "or ", "not ", "(", ")",
		"!", "> ", "= ", "flags ", "SA ", "proto ", "tcp ", "bytes ", "1k ", "'x' ", "\"", "mac ", "aa:bb:cc:dd:ee:ff ", "any ",
		"net ", "255.0.0.0 ", "first ", "seen ", "2026-11-21 ", "mpls ", "label1 ", ",", "#", "\n", "2001:db8::/32 ", "as ",
		"pblock ", "asa ", "event ", "denied ", "ingress ", "geo ", "DE ", "-", "\xff", "if ", "name ", "&&", "||", "icmp-type "};
	struct flow_random r = {11};
	struct flow f;
	int good = 0;
	for (int i = 0; i < 100000; i++) {
		char text[256] = "";
		for (uint32_t n = random_below(&r, 8) + 1; n; n--)
			strncat(text, pieces[random_below(&r, sizeof(pieces) / sizeof(pieces[0]))], sizeof(text) - strlen(text) - 1);
		if (random_below(&r, 4) == 0)
			text[random_below(&r, (uint32_t)strlen(text))] = '\0';
		struct filter *filter;
		char err[FILTER_ERR_MAX] = "";
		if (filter_compile(text, &filter, err, random_below(&r, 3) ? sizeof(err) : random_below(&r, 20)) != 0)
			continue;
		good++;
		random_flow(&r, 50, &f);
		filter_match(filter, &f);
		filter_free(filter);
	}
	assert_true(good > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logic),
		cmocka_unit_test(addresses),
		cmocka_unit_test(numbers),
		cmocka_unit_test(interfaces_and_names),
		cmocka_unit_test(flags_icmp_events_times),
		cmocka_unit_test(fields_by_name),
		cmocka_unit_test(errors),
		cmocka_unit_test(includes),
		cmocka_unit_test(limits),
		cmocka_unit_test(a_long_list_is_searched),
		cmocka_unit_test(nonsense),
	};
	return cmocka_run_group_tests(tests, make_flows, NULL);
}
