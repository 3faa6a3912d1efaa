/*
 * filter_words.c -- the tables of the filter: a row a subject, a row a name. A new question is a new row.
 *
 * The names are nfdump's; where it has several for one thing (`ip` and `host`, `xip` and `nip`), so have we. What weir
 * knows beyond nfdump (inner headers, countries, names of networks) has rows of the same form, and every field of fields.def can be
 * asked for by its name.
 */
#include "proto/filter_words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proto/flow.h"

#define S(name) {FLOW_F_src_##name, SIDE_SRC}
#define D(name) {FLOW_F_dst_##name, SIDE_DST}
#define ONE(name) {{FLOW_F_##name, 0}}, 1
#define PAIR(prefix, name) {{FLOW_F_##prefix##src_##name, SIDE_SRC}, {FLOW_F_##prefix##dst_##name, SIDE_DST}}, 2

static const struct filter_subject subjects[] = {
	{"any", VALUE_NONE, TEST_ANY, .n_fields = 0},
	{"ip", VALUE_ADDRESS, .fields = {S(addr), D(addr)}, .n_fields = 2},
	{"host", VALUE_ADDRESS, .fields = {S(addr), D(addr)}, .n_fields = 2},
	{"net", VALUE_NET, .fields = {S(addr), D(addr)}, .n_fields = 2},
	{"port", VALUE_NUMBER, .max = 65535, .fields = {S(port), D(port)}, .n_fields = 2, .expected = "a port, 0 to 65535"},
	{"as", VALUE_NUMBER, .fields = {S(as), D(as)}, .n_fields = 2, .expected = "an AS number"},
	{"mask", VALUE_NUMBER, .max = 128, .fields = {S(net), D(net)}, .n_fields = 2, .expected = "a prefix length, 0 to 128"},
	{"vlan", VALUE_NUMBER, .fields = {S(vlan), D(vlan), {FLOW_F_vlan_id, 0}}, .n_fields = 3, .expected = "a VLAN id"},
	{"if", VALUE_NUMBER, .fields = {{FLOW_F_in_if, SIDE_IN}, {FLOW_F_out_if, SIDE_OUT}}, .n_fields = 2,
	 .expected = "the number of an interface"},
	{"if name", VALUE_TEXT, .fields = {{FLOW_F_in_if_name, SIDE_IN}, {FLOW_F_out_if_name, SIDE_OUT}}, .n_fields = 2},
	{"mac", VALUE_MAC,
	 .fields = {{FLOW_F_src_mac, SIDE_SRC | SIDE_IN}, {FLOW_F_dst_mac, SIDE_DST | SIDE_IN},
		    {FLOW_F_post_src_mac, SIDE_SRC | SIDE_OUT}, {FLOW_F_post_dst_mac, SIDE_DST | SIDE_OUT}}, .n_fields = 4},
	{"geo", VALUE_TEXT, .fields = {S(country), D(country)}, .n_fields = 2, .expected = "a country code of two letters"},
	{"country", VALUE_TEXT, .fields = {S(country), D(country)}, .n_fields = 2, .expected = "a country code of two letters"},
	{"network", VALUE_TEXT, .fields = {S(network), D(network)}, .n_fields = 2, .expected = "the name of a network"},
	{"customer", VALUE_TEXT, .fields = {S(customer), D(customer)}, .n_fields = 2, .expected = "the name of a customer"},
	{"proto", VALUE_PROTO, .max = 255, .fields = ONE(proto)},
	{"flags", VALUE_FLAGS, TEST_FLAGS_ALL, .flags = SUBJECT_TCP, .fields = ONE(tcp_flags)},
	{"tos", VALUE_NUMBER, .max = 255, .flags = SUBJECT_FIRST,
	 .fields = {{FLOW_F_ip_tos, SIDE_SRC}, {FLOW_F_post_ip_tos, SIDE_DST}}, .n_fields = 2, .expected = "a TOS, 0 to 255"},
	{"ttl", VALUE_NUMBER, .max = 255, .fields = ONE(ip_ttl), .expected = "a TTL, 0 to 255"},
	{"icmp-type", VALUE_NUMBER, .max = 255, .flags = SUBJECT_ICMP, .fields = ONE(icmp_type), .expected = "an ICMP type"},
	{"icmp-code", VALUE_NUMBER, .max = 255, .flags = SUBJECT_ICMP, .fields = ONE(icmp_code), .expected = "an ICMP code"},
	{"ipv4", VALUE_NONE, TEST_FAMILY, .arg = 4, .fields = {S(addr), D(addr)}, .n_fields = 2},
	{"inet", VALUE_NONE, TEST_FAMILY, .arg = 4, .fields = {S(addr), D(addr)}, .n_fields = 2},
	{"ipv6", VALUE_NONE, TEST_FAMILY, .arg = 16, .fields = {S(addr), D(addr)}, .n_fields = 2},
	{"inet6", VALUE_NONE, TEST_FAMILY, .arg = 16, .fields = {S(addr), D(addr)}, .n_fields = 2},
	{"packets", VALUE_NUMBER, .flags = SUBJECT_FIRST,
	 .fields = {{FLOW_F_packets, SIDE_IN}, {FLOW_F_reverse_packets, SIDE_OUT}}, .n_fields = 2},
	{"bytes", VALUE_NUMBER, .flags = SUBJECT_FIRST,
	 .fields = {{FLOW_F_bytes, SIDE_IN}, {FLOW_F_reverse_bytes, SIDE_OUT}}, .n_fields = 2},
	{"flows", VALUE_NUMBER, .fields = ONE(flow_count)},
	{"flow", VALUE_NUMBER, .fields = ONE(flow_count)},
	{"duration", VALUE_DURATION, TEST_DURATION, .fields = ONE(time_flow_start_ns)},
	{"pps", VALUE_NUMBER, TEST_PPS, .fields = ONE(packets)},
	{"bps", VALUE_NUMBER, TEST_BPS, .fields = ONE(bytes)},
	{"bpp", VALUE_NUMBER, TEST_BPP, .fields = ONE(bytes)},
	{"first seen", VALUE_TIME, .fields = ONE(time_flow_start_ns)},
	{"last seen", VALUE_TIME, .fields = ONE(time_flow_end_ns)},
	{"received", VALUE_TIME, .fields = ONE(time_received_ns)},
	{"router ip", VALUE_ADDRESS, .fields = ONE(sampler_address)},
	{"next ip", VALUE_ADDRESS, .fields = ONE(next_hop)},
	{"bgpnext ip", VALUE_ADDRESS, .fields = ONE(bgp_next_hop)},
	{"bgp next ip", VALUE_ADDRESS, .fields = ONE(bgp_next_hop)},
	{"prev as", VALUE_NUMBER, .fields = ONE(bgp_prev_adjacent_as), .expected = "an AS number"},
	{"next as", VALUE_NUMBER, .fields = {{FLOW_F_bgp_next_adjacent_as, 0}, {FLOW_F_next_hop_as, 0}}, .n_fields = 2,
	 .expected = "an AS number"},
	{"as path", VALUE_NUMBER, .fields = ONE(as_path), .expected = "an AS number"},
	{"bgp community", VALUE_NUMBER, .fields = ONE(bgp_communities)},
	{"mpls label", VALUE_NUMBER, .fields = ONE(mpls_label), .expected = "an MPLS label"},
	{"mpls any", VALUE_NUMBER, .fields = ONE(mpls_label), .expected = "an MPLS label"},
	{"mpls eos", VALUE_NUMBER, TEST_LAST, .fields = ONE(mpls_label), .expected = "an MPLS label"},
#define MPLS(n) {"mpls label" #n, VALUE_NUMBER, TEST_ELEMENT, .arg = (n) - 1, .fields = ONE(mpls_label), .expected = "an MPLS label"}
	MPLS(1), MPLS(2), MPLS(3), MPLS(4), MPLS(5), MPLS(6), MPLS(7), MPLS(8), MPLS(9), MPLS(10),
	{"mpls ip", VALUE_ADDRESS, .fields = ONE(mpls_ip)},
	{"engine-type", VALUE_NUMBER, .max = 255, .fields = ONE(engine_type)},
	{"engine-id", VALUE_NUMBER, .max = 255, .fields = ONE(engine_id)},
	{"observation domain id", VALUE_NUMBER, .fields = ONE(observation_domain_id)},
	{"observation point id", VALUE_NUMBER, .fields = ONE(observation_point_id)},
	{"fwdstat", VALUE_NUMBER, .max = 255, .fields = ONE(forwarding_status), .expected = "a forwarding status, 0 to 255"},
	{"flowdir", VALUE_DIRECTION, .fields = ONE(flow_direction)},
	{"vrf", VALUE_NUMBER, .fields = {{FLOW_F_in_vrf_id, SIDE_IN}, {FLOW_F_out_vrf_id, SIDE_OUT}}, .n_fields = 2},
	{"nat ip", VALUE_ADDRESS, .fields = PAIR(post_nat_, addr)},
	{"xip", VALUE_ADDRESS, .fields = PAIR(post_nat_, addr)},
	{"nip", VALUE_ADDRESS, .fields = PAIR(post_nat_, addr)},
	{"nat net", VALUE_NET, .fields = PAIR(post_nat_, addr)},
	{"xnet", VALUE_NET, .fields = PAIR(post_nat_, addr)},
	{"nat port", VALUE_NUMBER, .max = 65535, .fields = PAIR(post_nat_, port), .expected = "a port, 0 to 65535"},
	{"xport", VALUE_NUMBER, .max = 65535, .fields = PAIR(post_nat_, port), .expected = "a port, 0 to 65535"},
	{"nport", VALUE_NUMBER, .max = 65535, .fields = PAIR(post_nat_, port), .expected = "a port, 0 to 65535"},
	{"nat event", VALUE_NAT_EVENT, .fields = ONE(nat_event)},
	{"asa event", VALUE_ASA_EVENT, .fields = ONE(firewall_event)},
	{"asa event denied", VALUE_ASA_DENIED, .flags = SUBJECT_DENIED, .fields = ONE(firewall_ext_event)},
	{"asa xevent", VALUE_NUMBER, .fields = ONE(firewall_ext_event)},
	{"pblock start", VALUE_NUMBER, .max = 65535, .fields = ONE(port_range_start)},
	{"pblock end", VALUE_NUMBER, .max = 65535, .fields = ONE(port_range_end)},
	{"pblock step", VALUE_NUMBER, .max = 65535, .fields = ONE(port_range_step)},
	{"port in pblock", VALUE_NONE, TEST_PORT_BLOCK, .fields = {S(port), D(port)}, .n_fields = 2},
	{"inner ip", VALUE_ADDRESS, .fields = PAIR(inner_, addr)},
	{"inner net", VALUE_NET, .fields = PAIR(inner_, addr)},
	{"inner port", VALUE_NUMBER, .max = 65535, .fields = PAIR(inner_, port), .expected = "a port, 0 to 65535"},
	{"inner mac", VALUE_MAC, .fields = PAIR(inner_, mac)},
	{"inner proto", VALUE_PROTO, .max = 255, .fields = ONE(inner_proto)},
	{"inner vlan", VALUE_NUMBER, .fields = ONE(inner_vlan_id), .expected = "a VLAN id"},
	{"tunnel type", VALUE_TUNNEL, .fields = ONE(tunnel_type)},
	{"tunnel id", VALUE_NUMBER, .fields = ONE(tunnel_id)},
	{"type", VALUE_TYPE, .fields = ONE(type)},
	{"sampling", VALUE_NUMBER, .fields = ONE(sampling_rate)},
	{"application", VALUE_TEXT, .fields = ONE(application_name)},
	{"user", VALUE_TEXT, .fields = ONE(user_name)},
};

/* Names for numbers. A word may have several rows: it stands for all of them. */
static const struct { enum filter_value_type type; const char *word; uint32_t value; } names[] = {
	/* what nfdump calls them; the registry's keywords come from protocols.def */
	{VALUE_PROTO, "ipip", 4}, {VALUE_PROTO, "icmp6", 58}, {VALUE_PROTO, "icmpv6", 58}, {VALUE_PROTO, "ospf", 89},
	{VALUE_ETYPE, "ipv4", 0x0800}, {VALUE_ETYPE, "ipv6", 0x86dd}, {VALUE_ETYPE, "arp", 0x0806},
	{VALUE_ETYPE, "mpls", 0x8847},
	{VALUE_TYPE, "sflow", FLOW_TYPE_SFLOW_2}, {VALUE_TYPE, "sflow", FLOW_TYPE_SFLOW_4},
	{VALUE_TYPE, "sflow", FLOW_TYPE_SFLOW_5}, {VALUE_TYPE, "v1", FLOW_TYPE_NETFLOW_V1},
	{VALUE_TYPE, "v5", FLOW_TYPE_NETFLOW_V5}, {VALUE_TYPE, "v6", FLOW_TYPE_NETFLOW_V6},
	{VALUE_TYPE, "v7", FLOW_TYPE_NETFLOW_V7}, {VALUE_TYPE, "v8", FLOW_TYPE_NETFLOW_V8},
	{VALUE_TYPE, "v9", FLOW_TYPE_NETFLOW_V9},
	{VALUE_DIRECTION, "ingress", 0}, {VALUE_DIRECTION, "egress", 1},
	/* natEvent (IANA "NAT Event Type"): sessions, bindings, port blocks made and gone */
	{VALUE_NAT_EVENT, "add", 1}, {VALUE_NAT_EVENT, "add", 4}, {VALUE_NAT_EVENT, "add", 6}, {VALUE_NAT_EVENT, "add", 8},
	{VALUE_NAT_EVENT, "add", 10}, {VALUE_NAT_EVENT, "add", 14}, {VALUE_NAT_EVENT, "add", 16},
	{VALUE_NAT_EVENT, "delete", 2}, {VALUE_NAT_EVENT, "delete", 5}, {VALUE_NAT_EVENT, "delete", 7},
	{VALUE_NAT_EVENT, "delete", 9}, {VALUE_NAT_EVENT, "delete", 11}, {VALUE_NAT_EVENT, "delete", 15},
	{VALUE_NAT_EVENT, "delete", 17},
	/* firewallEvent (IANA IPFIX 233) and Cisco's extended codes */
	{VALUE_ASA_EVENT, "ignore", 0}, {VALUE_ASA_EVENT, "create", 1}, {VALUE_ASA_EVENT, "term", 2},
	{VALUE_ASA_EVENT, "delete", 2}, {VALUE_ASA_EVENT, "deny", 3}, {VALUE_ASA_EVENT, "alert", 4},
	{VALUE_ASA_EVENT, "update", 5},
	{VALUE_ASA_DENIED, "ingress", 1001}, {VALUE_ASA_DENIED, "egress", 1002}, {VALUE_ASA_DENIED, "interface", 1003},
	{VALUE_ASA_DENIED, "nosyn", 1004},
};

/* Words of nfdump's that ask for what a flow here does not have. */
static const struct { const char *word, *why; } absent[] = {
	{"ident", "flows have no ident here; 'router ip' tells exporters apart"},
	{"sysid", "flows have no sysid here; 'router ip' and 'engine-id' tell exporters apart"},
	{"count", "flows have no record number here"},
	{"payload", "flows have no payload here"},
	{"tunip", "the outer addresses of a tunnel are 'ip', the inner ones 'inner ip'"},
	{"tun", "the outer header of a tunnel is 'ip' and 'proto', the inner one 'inner ip' and 'inner proto'"},
	{"client", "flows have no latencies here"},
	{"server", "flows have no latencies here"},
	{"tcp", "write 'proto tcp'"},
	{"udp", "write 'proto udp'"},
	{"icmp", "write 'proto icmp'"},
};

static size_t words_match(const char *words, const struct filter_token *t)
{
	size_t n = 0;
	for (const char *p = words; *p; n++) {
		size_t len = strcspn(p, " ");
		if (t[n].type != TOKEN_WORD || t[n].len != len || strncasecmp(t[n].text, p, len) != 0)
			return 0;
		p += len + (p[len] == ' ');
	}
	return n;
}

static enum filter_value_type value_of_field(const struct flow_field_info *row)
{
	switch (row->render) {
	case FLOW_RENDER_IP: case FLOW_RENDER_IPS: return VALUE_ADDRESS;
	case FLOW_RENDER_MAC: return VALUE_MAC;
	case FLOW_RENDER_ETYPE: return VALUE_ETYPE;
	case FLOW_RENDER_PROTO: return VALUE_PROTO;
	case FLOW_RENDER_TYPE: return VALUE_TYPE;
	case FLOW_RENDER_TUNNEL: return VALUE_TUNNEL;
	case FLOW_RENDER_STRING: return VALUE_TEXT;
	default: return VALUE_NUMBER;
	}
}

static bool field_subject(const struct filter_token *t, struct filter_subject *ret_subject)
{
	for (uint16_t i = 0; t->type == TOKEN_WORD && i < FLOW_F_COUNT; i++) {
		if (!filter_lex_is(t, flow_fields[i].name))
			continue;
		*ret_subject = (struct filter_subject){
			.words = flow_fields[i].name, .value = value_of_field(&flow_fields[i]), .fields = {{i, 0}}, .n_fields = 1};
		return true;
	}
	return false;
}

bool filter_words_subject(const struct filter_token *t, struct filter_subject *ret_subject, size_t *ret_words)
{
	size_t best = 0;
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		size_t n = words_match(subjects[i].words, t);
		if (n > best) {
			best = n;
			*ret_subject = subjects[i];
		}
	}
	if (!best && field_subject(t, ret_subject))
		best = 1;
	*ret_words = best;
	return best > 0;
}

/* The name that fields.c gives to VALUE. */
static const char *known_name(enum filter_value_type type, uint32_t value)
{
	switch (type) {
	case VALUE_PROTO: return flow_proto_name(value);
	case VALUE_TYPE: return flow_type_name(value);
	case VALUE_TUNNEL: return flow_tunnel_name(value);
	default: return NULL;
	}
}

int filter_words_value(enum filter_value_type type, const struct filter_token *t, struct filter_list *list)
{
	enum { KNOWN_MAX = 2100 }; /* enum flow_type goes up to 2006 */
	size_t before = list->count;
	int err = 0;
	for (size_t i = 0; !err && i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type && filter_lex_is(t, names[i].word))
			err = filter_list_add(list, names[i].value, names[i].value);
	for (uint32_t v = 0; !err && list->count == before && v < KNOWN_MAX; v++) {
		const char *name = known_name(type, v);
		if (name && filter_lex_is(t, name))
			err = filter_list_add(list, v, v);
	}
	return err ? err : list->count > before;
}

const char *filter_words_absent(const struct filter_token *t)
{
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		if (filter_lex_is(t, absent[i].word))
			return absent[i].why;
	return NULL;
}

enum { NEAR_MAX = 24 }; /* longer words are not compared */

/* Letters to change, add or leave out to make B of T (Levenshtein), letters of either case alike. */
static size_t distance(const struct filter_token *t, const char *b, size_t b_len)
{
	size_t row[NEAR_MAX + 1];
	for (size_t k = 0; k <= b_len; k++)
		row[k] = k;
	for (size_t i = 1; i <= t->len; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t k = 1; k <= b_len; k++) {
			size_t change = diagonal + (tolower((unsigned char)t->text[i - 1]) != b[k - 1]);
			size_t add = (row[k] < row[k - 1] ? row[k] : row[k - 1]) + 1;
			diagonal = row[k];
			row[k] = change < add ? change : add;
		}
	}
	return row[b_len];
}

static void consider(const struct filter_token *t, const char *word, size_t len, size_t *best, char *out, size_t out_len)
{
	if (len > NEAR_MAX || len >= out_len)
		return;
	size_t d = distance(t, word, len);
	if (d < *best) {
		*best = d;
		memcpy(out, word, len);
		out[len] = '\0';
	}
}

bool filter_words_nearest(const struct filter_token *t, char *out, size_t out_len)
{
	/* One letter in three may be wrong. */
	size_t limit = t->len / 3 + 1;
	size_t best = limit;
	if (t->type != TOKEN_WORD || t->len < 2 || t->len > NEAR_MAX)
		return false;
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		consider(t, subjects[i].words, strcspn(subjects[i].words, " "), &best, out, out_len);
	for (int i = 0; i < FLOW_F_COUNT; i++)
		consider(t, flow_fields[i].name, strlen(flow_fields[i].name), &best, out, out_len);
	return best < limit;
}

bool filter_words_following(const struct filter_token *t, char *out, size_t out_len)
{
	size_t used = 0;
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		const char *words = subjects[i].words;
		size_t len = strcspn(words, " ");
		if (!words[len] || len != t->len || strncasecmp(words, t->text, len) != 0 || used >= out_len)
			continue;
		used += (size_t)snprintf(out + used, out_len - used, "%s%s", used ? ", " : "", words + len + 1);
	}
	return used > 0;
}

const char *filter_words_expected(enum filter_value_type type)
{
	static const char *const expected[] = {
		[VALUE_NONE] = "nothing",
		[VALUE_NUMBER] = "a number",
		[VALUE_TIME] = "a time, 2026-11-21T12:00:00 (UTC) or seconds since 1970",
		[VALUE_DURATION] = "a time in ms, or 5s",
		[VALUE_ADDRESS] = "an address or a network",
		[VALUE_NET] = "a network, 10.0.0.0/8 or 10.0.0.0 255.0.0.0",
		[VALUE_MAC] = "a MAC address, aa:bb:cc:dd:ee:ff",
		[VALUE_TEXT] = "a text",
		[VALUE_FLAGS] = "TCP flags, letters of UAPRSFEC (X: all six old ones), or a number",
		[VALUE_PROTO] = "a protocol, its name or its number 0 to 255",
		[VALUE_ETYPE] = "an ethertype, ipv4, ipv6, arp, mpls or its number",
		[VALUE_TYPE] = "v1, v5, v6, v7, v8, v9, ipfix, sflow or packet",
		[VALUE_TUNNEL] = "gre, ipip, vxlan, geneve, gtpu, teredo, srv6, pppoe, mpls or none",
		[VALUE_DIRECTION] = "ingress or egress",
		[VALUE_NAT_EVENT] = "add, delete or a number",
		[VALUE_ASA_EVENT] = "ignore, create, term, delete, deny, alert, update or a number",
		[VALUE_ASA_DENIED] = "ingress, egress, interface, nosyn or a number",
	};
	return expected[type];
}
