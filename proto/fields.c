/*
 * fields.c -- fields.def as a table to look at while running, and the names of what fields may hold.
 *
 * What works on a flow as a whole (pack, unpack, JSON) is code made from fields.def by the compiler; what is told by
 * a user which field to look at (the filter, mappings, tests) goes through flow_fields.
 */
#include "proto/flow.h"

#include <string.h>

#include "proto/rows.h"

const struct flow_field_info flow_fields[FLOW_F_COUNT] = {
#define FIELD(number, name, kind, render, what) [FLOW_F_##name] = ROW_INFO(number, name, kind, render, what),
#include "proto/fields.def"
#undef FIELD
};

int flow_field_by_name(const char *name)
{
	for (int i = 0; i < FLOW_F_COUNT; i++)
		if (strcmp(flow_fields[i].name, name) == 0)
			return i;
	return -1;
}

const char *flow_type_name(uint32_t type)
{
	static const char *const goflow2[] = {
		[FLOW_TYPE_UNKNOWN] = "FLOWUNKNOWN",
		[FLOW_TYPE_SFLOW_5] = "SFLOW_5",
		[FLOW_TYPE_NETFLOW_V5] = "NETFLOW_V5",
		[FLOW_TYPE_NETFLOW_V9] = "NETFLOW_V9",
		[FLOW_TYPE_IPFIX] = "IPFIX",
	};
	static const char *const own[] = {
		[FLOW_TYPE_NETFLOW_V1 - FLOW_TYPE_NETFLOW_V1] = "NETFLOW_V1",
		[FLOW_TYPE_NETFLOW_V6 - FLOW_TYPE_NETFLOW_V1] = "NETFLOW_V6",
		[FLOW_TYPE_NETFLOW_V7 - FLOW_TYPE_NETFLOW_V1] = "NETFLOW_V7",
		[FLOW_TYPE_NETFLOW_V8 - FLOW_TYPE_NETFLOW_V1] = "NETFLOW_V8",
		[FLOW_TYPE_SFLOW_2 - FLOW_TYPE_NETFLOW_V1] = "SFLOW_2",
		[FLOW_TYPE_SFLOW_4 - FLOW_TYPE_NETFLOW_V1] = "SFLOW_4",
		[FLOW_TYPE_PACKET - FLOW_TYPE_NETFLOW_V1] = "PACKET",
	};
	if (type < sizeof(goflow2) / sizeof(goflow2[0]))
		return goflow2[type];
	type -= FLOW_TYPE_NETFLOW_V1;
	return type < sizeof(own) / sizeof(own[0]) ? own[type] : NULL;
}

const char *flow_layer_name(uint32_t layer)
{
	static const char *const names[] = {
		[FLOW_LAYER_ETHERNET] = "Ethernet",
		[FLOW_LAYER_IPV4] = "IPv4",
		[FLOW_LAYER_IPV6] = "IPv6",
		[FLOW_LAYER_TCP] = "TCP",
		[FLOW_LAYER_UDP] = "UDP",
		[FLOW_LAYER_MPLS] = "MPLS",
		[FLOW_LAYER_DOT1Q] = "Dot1Q",
		[FLOW_LAYER_ICMP] = "ICMP",
		[FLOW_LAYER_ICMPV6] = "ICMPv6",
		[FLOW_LAYER_GRE] = "GRE",
		[FLOW_LAYER_IPV6_ROUTING] = "IPv6HeaderRouting",
		[FLOW_LAYER_IPV6_FRAGMENT] = "IPv6HeaderFragment",
		[FLOW_LAYER_GENEVE] = "Geneve",
		[FLOW_LAYER_TEREDO] = "Teredo",
		[FLOW_LAYER_CUSTOM] = "Custom",
	};
	return layer < sizeof(names) / sizeof(names[0]) ? names[layer] : NULL;
}

const char *flow_tunnel_name(uint32_t tunnel)
{
	static const char *const names[] = {
		[FLOW_TUNNEL_NONE] = "NONE",
		[FLOW_TUNNEL_GRE] = "GRE",
		[FLOW_TUNNEL_IPIP] = "IPIP",
		[FLOW_TUNNEL_VXLAN] = "VXLAN",
		[FLOW_TUNNEL_GENEVE] = "GENEVE",
		[FLOW_TUNNEL_GTPU] = "GTPU",
		[FLOW_TUNNEL_TEREDO] = "TEREDO",
		[FLOW_TUNNEL_SRV6] = "SRV6",
		[FLOW_TUNNEL_PPPOE] = "PPPOE",
		[FLOW_TUNNEL_MPLS] = "MPLS",
	};
	return tunnel < sizeof(names) / sizeof(names[0]) ? names[tunnel] : NULL;
}

const char *flow_proto_name(uint32_t proto)
{
	/* What the registry leaves open; goflow2 prints the same words. */
	enum { UNASSIGNED = 146, EXPERIMENTAL = 253, RESERVED = 255 };
	static const char *const names[] = {
#define PROTOCOL(number, keyword) [number] = keyword,
#include "proto/protocols.def"
#undef PROTOCOL
	};
	if (proto < sizeof(names) / sizeof(names[0]))
		return names[proto];
	if (proto > RESERVED)
		return NULL;
	if (proto == RESERVED)
		return "reserved";
	return proto >= EXPERIMENTAL ? "experimental" : "unassigned";
}
