/*
 * test_text.c -- the text line says what the JSON line says, without its punctuation.
 */
#include "proto/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "proto/flow.h"
#include "proto/json.h"
#include "tests/unit/flow_random.h"

static struct flow flow;
static char text[FLOW_TEXT_MAX];
static char json[FLOW_JSON_MAX];

static void a_line_in_full(void **state)
{
	(void)state;
	flow_clear(&flow);
	flow.type = FLOW_TYPE_IPFIX;
	flow.src_addr = ip_v4((const uint8_t[]){192, 0, 2, 1});
	flow.src_net = 24;
	flow.proto = 17;
	flow.n_as_path = 2;
	flow.as_path[0] = 1;
	flow.as_path[1] = 2;
	flow.nat_event = 4;
	size_t len = flow_text(&flow, text);
	text[len] = '\0';
	assert_string_equal(text,
		"type=IPFIX time_received_ns=0 sequence_num=0 sampling_rate=0 sampler_address= time_flow_start_ns=0 "
		"time_flow_end_ns=0 bytes=0 packets=0 src_addr=192.0.2.1 dst_addr= etype= proto=UDP src_port=0 dst_port=0 "
		"in_if=0 out_if=0 src_mac=00:00:00:00:00:00 dst_mac=00:00:00:00:00:00 src_vlan=0 dst_vlan=0 vlan_id=0 "
		"ip_tos=0 forwarding_status=0 ip_ttl=0 ip_flags=0 tcp_flags=0 icmp_type=0 icmp_code=0 ipv6_flow_label=0 "
		"fragment_id=0 fragment_offset=0 src_as=0 dst_as=0 next_hop= next_hop_as=0 src_net=192.0.2.0/24 "
		"dst_net=invalid Prefix bgp_next_hop= bgp_communities=[] as_path=[1,2] mpls_ttl=[] mpls_label=[] mpls_ip=[] "
		"observation_domain_id=0 observation_point_id=0 layer_stack=[] layer_size=[] "
		"ipv6_routing_header_addresses=[] ipv6_routing_header_seg_left=0 nat_event=4\n");
}

/* Takes the quotes, and at depth 0 turns ':' behind a key and ',' into '=' and ' '. */
static size_t strip(const char *from, size_t len, char *to)
{
	size_t n = 0;
	int depth = 0;
	bool quoted = false;
	for (size_t i = 1; i + 2 < len; i++) {
		char c = from[i];
		if (c == '"') {
			quoted = !quoted;
			continue;
		}
		if (quoted && c == '\\')
			to[n++] = from[i++], c = from[i];
		else if (!quoted)
			depth += (c == '[') - (c == ']');
		if (!quoted && depth == 0 && (c == ':' || c == ','))
			c = c == ':' ? '=' : ' ';
		to[n++] = c;
	}
	to[n++] = '\n';
	return n;
}

static void json_without_punctuation(void **state)
{
	(void)state;
	static char want[FLOW_JSON_MAX];
	struct flow_random r = {5};
	for (uint32_t i = 0; i < 2000; i++) {
		random_flow(&r, i % 101, &flow);
		memcpy(flow.mapped, "\x8a\xf1\x04\x02\xff\x01", 6);
		flow.n_mapped = 6;
		size_t want_len = strip(json, flow_json(&flow, json), want);
		size_t len = flow_text(&flow, text);
		text[len] = want[want_len] = '\0';
		assert_string_equal(text, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_in_full),
		cmocka_unit_test(json_without_punctuation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
