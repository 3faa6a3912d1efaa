/*
 * make.c -- the protocols that the mocker speaks, a row each. What a datagram holds at most is what a real exporter
 * puts into 1,500 octets for the old versions (their documents name the number), and our own bound for the others.
 */
#include "mocker/make.h"

#include <string.h>

const struct make_protocol make_protocols[MAKE_PROTOCOLS] = {
	{.name = "v1", .max_flows = 24, .data = make_legacy_v1},
	{.name = "v5", .max_flows = 30, .as = true, .data = make_legacy_v5},
	{.name = "v6", .max_flows = 27, .as = true, .data = make_legacy_v6},
	{.name = "v7", .max_flows = 27, .as = true, .data = make_legacy_v7},
	{.name = "v9", .max_flows = MAKE_FLOWS_MAX, .ipv6 = true, .as = true, .announce = make_template_v9_announce,
	 .data = make_template_v9},
	{.name = "ipfix", .max_flows = MAKE_FLOWS_MAX, .ipv6 = true, .as = true, .announce = make_template_ipfix_announce,
	 .data = make_template_ipfix},
	{.name = "sflow", .max_flows = MAKE_FLOWS_MAX / 2, .ipv6 = true, .samples = true, .data = make_sflow},
};

const struct make_protocol *make_protocol_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < MAKE_PROTOCOLS; i++)
		if (strlen(make_protocols[i].name) == len && memcmp(make_protocols[i].name, name, len) == 0)
			return &make_protocols[i];
	return NULL;
}
