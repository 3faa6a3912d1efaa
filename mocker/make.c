/*
 * make.c -- the protocols that the mocker speaks, a row each. What a datagram holds at most is what a real exporter
 * puts into 1,500 octets for the old versions (their documents name the number), and our own bound for the others.
 */
#include "mocker/make.h"

#include <string.h>

const struct make_protocol make_protocols[MAKE_PROTOCOLS] = {
	{.name = "v1", .number = "1", .max_flows = 24, .data = make_legacy_v1},
	{.name = "v5", .number = "5", .max_flows = 30, .as = true, .data = make_legacy_v5},
	{.name = "v6", .number = "6", .max_flows = 27, .as = true, .data = make_legacy_v6},
	{.name = "v7", .number = "7", .max_flows = 27, .as = true, .data = make_legacy_v7},
	{.name = "v8", .number = "8", .max_flows = 27, .aggregates = true, .data = make_legacy_v8},
	{.name = "v9", .number = "9", .max_flows = MAKE_FLOWS_MAX, .ipv6 = true, .as = true,
	 .announce = make_template_v9_announce, .data = make_template_v9},
	{.name = "ipfix", .number = "10", .max_flows = MAKE_FLOWS_MAX, .ipv6 = true, .as = true,
	 .announce = make_template_ipfix_announce, .data = make_template_ipfix},
	{.name = "sflow", .max_flows = MAKE_FLOWS_MAX / 2, .ipv6 = true, .samples = true, .data = make_sflow},
	{.name = "sflow2", .max_flows = MAKE_FLOWS_MAX / 2, .ipv6 = true, .samples = true, .data = make_sflow_v2},
	{.name = "sflow4", .max_flows = MAKE_FLOWS_MAX / 2, .ipv6 = true, .samples = true, .data = make_sflow_v4},
};

static bool is(const char *word, const char *name, size_t len)
{
	return word && strlen(word) == len && memcmp(word, name, len) == 0;
}

const struct make_protocol *make_protocol_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < MAKE_PROTOCOLS; i++)
		if (is(make_protocols[i].name, name, len) || is(make_protocols[i].number, name, len))
			return &make_protocols[i];
	return NULL;
}
