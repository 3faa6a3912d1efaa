/*
 * test_json.c -- the JSON line against its contract: every key, the order, each rendering; a user's own sample line.
 */
#include "proto/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/utf8.h"
#include "proto/flow.h"
#include "tests/unit/flow_random.h"

static struct flow flow;
static char line[FLOW_JSON_MAX];

/* The line without its newline, NUL-terminated. */
static const char *json(void)
{
	memset(line, 'X', sizeof(line));
	size_t len = flow_json(&flow, line);
	assert_true(len < FLOW_JSON_MAX);
	assert_int_equal(line[len - 1], '\n');
	line[len - 1] = '\0';
	return line;
}

#define assert_contains(text) \
	do { \
		if (!strstr(json(), text)) \
			fail_msg("no %s in %s", text, line); \
	} while (0)

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;
	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static uint32_t set_text(char *to, const char *text)
{
	memcpy(to, text, strlen(text));
	return (uint32_t)strlen(text);
}

/* The record in the telemetry API's documentation, made by goflow2. */
static const char sample[] =
	"{\"type\":\"NETFLOW_V5\",\"time_received_ns\":1755636366839794752,\"sequence_num\":3915400858,\"sampling_rate\":0,"
	"\"sampler_address\":\"192.168.65.1\",\"time_flow_start_ns\":1755245595022470127,"
	"\"time_flow_end_ns\":1755245595051470127,\"bytes\":66,\"packets\":2176909475,\"src_addr\":\"193.192.249.98\","
	"\"dst_addr\":\"195.43.108.180\",\"etype\":\"IPv4\",\"proto\":\"HOPOPT\",\"src_port\":0,\"dst_port\":3894,"
	"\"in_if\":0,\"out_if\":7451,\"src_mac\":\"00:00:00:00:00:00\",\"dst_mac\":\"00:00:00:00:00:00\","
	"\"src_vlan\":0,\"dst_vlan\":0,\"vlan_id\":0,\"ip_tos\":233,\"forwarding_status\":0,\"ip_ttl\":0,\"ip_flags\":0,"
	"\"tcp_flags\":63,\"icmp_type\":0,\"icmp_code\":0,\"ipv6_flow_label\":0,\"fragment_id\":0,\"fragment_offset\":0,"
	"\"src_as\":317,\"dst_as\":24552,\"next_hop\":\"253.147.37.253\",\"next_hop_as\":0,\"src_net\":\"invalid Prefix\","
	"\"dst_net\":\"invalid Prefix\",\"bgp_next_hop\":\"\",\"bgp_communities\":[],\"as_path\":[],\"mpls_ttl\":[],"
	"\"mpls_label\":[],\"mpls_ip\":[],\"observation_domain_id\":0,\"observation_point_id\":0,\"layer_stack\":[],"
	"\"layer_size\":[],\"ipv6_routing_header_addresses\":[],\"ipv6_routing_header_seg_left\":0}";

static void the_telemetry_api_sample(void **state)
{
	(void)state;
	flow_clear(&flow);
	flow.type = FLOW_TYPE_NETFLOW_V5;
	flow.time_received_ns = 1755636366839794752;
	flow.sequence_num = 3915400858;
	flow.sampler_address = addr("192.168.65.1");
	flow.time_flow_start_ns = 1755245595022470127;
	flow.time_flow_end_ns = 1755245595051470127;
	flow.bytes = 66;
	flow.packets = 2176909475;
	flow.src_addr = addr("193.192.249.98");
	flow.dst_addr = addr("195.43.108.180");
	flow.etype = 0x800;
	flow.dst_port = 3894;
	flow.out_if = 7451;
	flow.ip_tos = 233;
	flow.tcp_flags = 63;
	flow.src_as = 317;
	flow.dst_as = 24552;
	flow.next_hop = addr("253.147.37.253");
	/* The sample was made up by a generator: its masks do not fit an IPv4 address. */
	flow.src_net = 62;
	flow.dst_net = 199;
	assert_string_equal(json(), sample);
}

static void an_empty_flow_has_all_keys(void **state)
{
	(void)state;
	flow_clear(&flow);
	assert_string_equal(json(),
		"{\"type\":\"FLOWUNKNOWN\",\"time_received_ns\":0,\"sequence_num\":0,\"sampling_rate\":0,"
		"\"sampler_address\":\"\",\"time_flow_start_ns\":0,\"time_flow_end_ns\":0,\"bytes\":0,\"packets\":0,"
		"\"src_addr\":\"\",\"dst_addr\":\"\",\"etype\":\"\",\"proto\":\"HOPOPT\",\"src_port\":0,\"dst_port\":0,"
		"\"in_if\":0,\"out_if\":0,\"src_mac\":\"00:00:00:00:00:00\",\"dst_mac\":\"00:00:00:00:00:00\","
		"\"src_vlan\":0,\"dst_vlan\":0,\"vlan_id\":0,\"ip_tos\":0,\"forwarding_status\":0,\"ip_ttl\":0,"
		"\"ip_flags\":0,\"tcp_flags\":0,\"icmp_type\":0,\"icmp_code\":0,\"ipv6_flow_label\":0,\"fragment_id\":0,"
		"\"fragment_offset\":0,\"src_as\":0,\"dst_as\":0,\"next_hop\":\"\",\"next_hop_as\":0,"
		"\"src_net\":\"invalid Prefix\",\"dst_net\":\"invalid Prefix\",\"bgp_next_hop\":\"\","
		"\"bgp_communities\":[],\"as_path\":[],\"mpls_ttl\":[],\"mpls_label\":[],\"mpls_ip\":[],"
		"\"observation_domain_id\":0,\"observation_point_id\":0,\"layer_stack\":[],\"layer_size\":[],"
		"\"ipv6_routing_header_addresses\":[],\"ipv6_routing_header_seg_left\":0}");
}

/* Every field that goflow2 knows is a key, once. */
static void line_def_has_every_goflow2_field(void **state)
{
	(void)state;
	int seen[FLOW_F_COUNT] = {0};
	int keys = 0;
#define KEY(name) keys++, seen[FLOW_F_##name]++;
#include "proto/line.def"
#undef KEY
	assert_int_equal(keys, 50);
	for (int i = 0; i < FLOW_F_COUNT; i++)
		if (seen[i] != (flow_fields[i].number < 1000))
			fail_msg("%s is %d times in line.def", flow_fields[i].name, seen[i]);
}

static void numbers_of_every_length(void **state)
{
	(void)state;
	flow_clear(&flow);
	uint64_t power = 1;
	for (int i = 0; i < 20; i++, power *= 10) {
		for (int d = -1; d <= 1; d++) {
			flow.bytes = power + (uint64_t)d;
			char want[40];
			snprintf(want, sizeof(want), "\"bytes\":%llu,", (unsigned long long)flow.bytes);
			assert_contains(want);
		}
	}
	struct flow_random r = {3};
	for (int i = 0; i < 20000; i++) {
		char want[40];
		flow.packets = random_value(&r, 64);
		snprintf(want, sizeof(want), "\"packets\":%llu,", (unsigned long long)flow.packets);
		assert_contains(want);
	}
	flow.bytes = UINT64_MAX;
	assert_contains("\"bytes\":18446744073709551615,");
}

static void addresses(void **state)
{
	(void)state;
	flow_clear(&flow);
	flow.src_addr = (struct ip_addr){.len = 4};
	flow.dst_addr = (struct ip_addr){.len = 16};
	assert_contains("\"src_addr\":\"0.0.0.0\",\"dst_addr\":\"::\",");
	flow.sampler_address = addr("2001:db8:0:0:1:0:0:1");
	assert_contains("\"sampler_address\":\"2001:db8::1:0:0:1\",");
	flow.bgp_next_hop = addr("255.10.9.100");
	assert_contains("\"bgp_next_hop\":\"255.10.9.100\",");
	/* Go's netip and RFC 5952 5 agree about these. */
	flow.next_hop = addr("::ffff:192.0.2.1");
	assert_contains("\"next_hop\":\"::ffff:192.0.2.1\",");
	flow.n_mpls_ip = 2;
	flow.mpls_ip[0] = addr("10.0.0.1");
	flow.mpls_ip[1] = addr("fe80::1");
	assert_contains("\"mpls_ip\":[\"10.0.0.1\",\"fe80::1\"],");
	flow.n_ipv6_routing_header_addresses = 1;
	flow.ipv6_routing_header_addresses[0] = addr("fc00::2");
	assert_contains("\"ipv6_routing_header_addresses\":[\"fc00::2\"],");
}

static void nets(void **state)
{
	(void)state;
	flow_clear(&flow);
	flow.src_addr = addr("192.0.2.129");
	flow.dst_addr = addr("2001:db8:ffff::1");
	flow.src_net = 24;
	flow.dst_net = 33;
	assert_contains("\"src_net\":\"192.0.2.0/24\",\"dst_net\":\"2001:db8:8000::/33\",");
	flow.src_net = 32;
	flow.dst_net = 128;
	assert_contains("\"src_net\":\"192.0.2.129/32\",\"dst_net\":\"2001:db8:ffff::1/128\",");
	flow.src_net = flow.dst_net = 0;
	assert_contains("\"src_net\":\"0.0.0.0/0\",\"dst_net\":\"::/0\",");
	flow.src_net = 33;
	flow.dst_net = 129;
	assert_contains("\"src_net\":\"invalid Prefix\",\"dst_net\":\"invalid Prefix\",");
	flow.src_addr.len = 0;
	flow.src_net = 24;
	assert_contains("\"src_net\":\"invalid Prefix\",");
}

static void names(void **state)
{
	(void)state;
	static const struct { uint32_t value; const char *text; } types[] = {
		{1, "SFLOW_5"}, {3, "NETFLOW_V9"}, {4, "IPFIX"}, {2000, "NETFLOW_V1"}, {2003, "NETFLOW_V8"},
		{2006, "PACKET"}, {5, "5"}, {1999, "1999"}, {2007, "2007"}}, protos[] = {
		{1, "ICMP"}, {4, "IPv4"}, {6, "TCP"}, {17, "UDP"}, {41, "IPv6"}, {58, "IPv6-ICMP"}, {145, "NSH"},
		{146, "unassigned"}, {252, "unassigned"}, {253, "experimental"}, {254, "experimental"},
		{255, "reserved"}, {256, "unknown"}}, etypes[] = {
		{0x800, "IPv4"}, {0x86dd, "IPv6"}, {0x806, "ARP"}, {0x8847, ""}};
	char want[64];
	flow_clear(&flow);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		flow.type = types[i].value;
		snprintf(want, sizeof(want), "{\"type\":\"%s\",", types[i].text);
		assert_contains(want);
	}
	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		flow.proto = protos[i].value;
		snprintf(want, sizeof(want), "\"proto\":\"%s\",", protos[i].text);
		assert_contains(want);
	}
	for (size_t i = 0; i < sizeof(etypes) / sizeof(etypes[0]); i++) {
		flow.etype = etypes[i].value;
		snprintf(want, sizeof(want), "\"etype\":\"%s\",", etypes[i].text);
		assert_contains(want);
	}
	flow.src_mac = 0xe8ff1ed5f416;
	assert_contains("\"src_mac\":\"e8:ff:1e:d5:f4:16\",");
	flow.n_layer_stack = 4;
	flow.layer_stack[0] = FLOW_LAYER_ETHERNET;
	flow.layer_stack[1] = FLOW_LAYER_IPV6_ROUTING;
	flow.layer_stack[2] = FLOW_LAYER_CUSTOM;
	flow.layer_stack[3] = 50;
	assert_contains("\"layer_stack\":[\"Ethernet\",\"IPv6HeaderRouting\",\"Custom\",\"50\"],");
	flow.n_as_path = 3;
	memcpy(flow.as_path, (uint32_t[]){65000, 0, 4294967295}, 12);
	assert_contains("\"as_path\":[65000,0,4294967295],");
}

static void own_fields_follow_when_set(void **state)
{
	(void)state;
	flow_clear(&flow);
	flow.n_src_country = set_text(flow.src_country, "DE");
	flow.post_nat_src_addr = addr("203.0.113.7");
	flow.nat_event = 4;
	flow.n_application_name = set_text(flow.application_name, "a\"b\\c\n\x01\xff\xc3\xa9");
	flow.post_src_mac = 1;
	flow.tunnel_type = FLOW_TUNNEL_VXLAN;
	flow.tunnel_id = 5001;
	flow.inner_proto = 6;
	flow.inner_etype = 0x800;
	flow.dropped_bytes = 1ULL << 40;
	assert_contains("\"ipv6_routing_header_seg_left\":0,\"src_country\":\"DE\",\"post_nat_src_addr\":\"203.0.113.7\","
			"\"nat_event\":4,\"application_name\":\"a\\\"b\\\\c\\n\\u0001\xef\xbf\xbd\xc3\xa9\","
			"\"post_src_mac\":\"00:00:00:00:00:01\",\"dropped_bytes\":1099511627776,\"inner_proto\":\"TCP\","
			"\"inner_etype\":\"IPv4\",\"tunnel_type\":\"VXLAN\",\"tunnel_id\":5001}");
	flow_clear(&flow);
	flow.post_nat_dst_addr = (struct ip_addr){.len = 4};
	assert_contains("\"ipv6_routing_header_seg_left\":0,\"post_nat_dst_addr\":\"0.0.0.0\"}");
}

/* goflow2 6.2(19): a quote in an application's name cost every flow of its packet. */
static void trap_a_quote_in_a_name(void **state)
{
	(void)state;
	memset(&flow, 0, sizeof(flow));
	flow.n_application_name = set_text(flow.application_name, "say \"hi\"\\\n\x01");
	assert_contains("\"application_name\":\"say \\\"hi\\\"\\\\\\n\\u0001\"");
}

static void mapped_fields_come_last(void **state)
{
	(void)state;
	static const uint8_t mapped[] = {
		0x80, 0xf1, 0x04, 0xac, 0x02,                       /* 10000: 300 */
		0x8a, 0xf1, 0x04, 3, 'a', '"', 'c',                 /* 10001: a"c */
		0x92, 0xf1, 0x04, 2, 0xff, 0x0a,                    /* 10002: bytes */
		0x98, 0xf1, 0x04, 1, 0x98, 0xf1, 0x04, 2,           /* 10003: 1, 2 */
		0xa2, 0xf1, 0x04, 1, 'x', 0xa2, 0xf1, 0x04, 0,      /* 10004: "x", "" */
		0xad, 0xf1, 0x04, 1, 0, 0, 0,                       /* 10005: fixed32 */
		0xb1, 0xf1, 0x04, 2, 0, 0, 0, 0, 0, 0, 0,           /* 10006: fixed64 */
	};
	flow_clear(&flow);
	flow.dst_customer[0] = 'c';
	flow.n_dst_customer = 1;
	memcpy(flow.mapped, mapped, sizeof(mapped));
	flow.n_mapped = sizeof(mapped);
	assert_contains(",\"dst_customer\":\"c\",\"field_10000\":300,\"field_10001\":\"a\\\"c\",\"field_10002\":\"ff0a\","
			"\"field_10003\":[1,2],\"field_10004\":[\"x\",\"\"],\"field_10005\":1,\"field_10006\":2}");
}

/* Whatever the flow, the line fits and is UTF-8 with balanced quotes. */
static void random_flows_fit(void **state)
{
	(void)state;
	struct flow_random r = {99};
	for (uint32_t i = 0; i < 5000; i++) {
		random_flow(&r, i % 101, &flow);
		const char *text = json();
		assert_true(utf8_valid(text, strlen(text)));
		for (const char *p = text; *p; p++)
			assert_true((unsigned char)*p >= ' ');
	}
	memset(&flow, 0xff, sizeof(flow));
#define FULL_U32(name)
#define FULL_U64(name)
#define FULL_ADDR(name)  flow.name.len = 16;
#define FULL_U32S(name)  flow.n_##name = FLOW_ARRAY_MAX;
#define FULL_ADDRS(name) \
	flow.n_##name = FLOW_ARRAY_MAX; \
	for (int i = 0; i < FLOW_ARRAY_MAX; i++) \
		flow.name[i].len = 16;
#define FULL_STR(name) \
	flow.n_##name = FLOW_STR_MAX; \
	memset(flow.name, 1, FLOW_STR_MAX);
#define FIELD(number, name, kind, render, what) FULL_##kind(name)
#include "proto/fields.def"
#undef FIELD
	flow.n_mapped = 0;
	json();
	/* Mapped at its worst: one value of control characters, six bytes each; or 256 keys of 4 bytes. */
	assert_true(strlen(line) + FLOW_MAPPED_MAX * UTF8_ESCAPE_GROWTH < FLOW_JSON_MAX / 2);
	for (uint32_t i = 0; i < FLOW_MAPPED_MAX; i += 4)
		memcpy(flow.mapped + i, (uint8_t[]){(uint8_t)(0x80 | (i & 4 ? 8 : 0)), 0xf1, 0x04, 1}, 4);
	flow.n_mapped = FLOW_MAPPED_MAX;
	assert_true(strlen(json()) < FLOW_JSON_MAX / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_telemetry_api_sample),
		cmocka_unit_test(an_empty_flow_has_all_keys),
		cmocka_unit_test(line_def_has_every_goflow2_field),
		cmocka_unit_test(numbers_of_every_length),
		cmocka_unit_test(addresses),
		cmocka_unit_test(nets),
		cmocka_unit_test(names),
		cmocka_unit_test(own_fields_follow_when_set),
		cmocka_unit_test(trap_a_quote_in_a_name),
		cmocka_unit_test(mapped_fields_come_last),
		cmocka_unit_test(random_flows_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
