/*
 * make.h -- flows -> export datagrams. One row a protocol in make_protocols; the sequence number, templates and times
 * of one exporter are a struct make_exporter.
 */
#ifndef WEIR_MOCKER_MAKE_H
#define WEIR_MOCKER_MAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ip.h"

struct flow;

enum { MAKE_DATAGRAM_MAX = 65507, MAKE_FLOWS_MAX = 512 };

struct make_exporter {
	uint64_t boot_ns;       /* when the exporter was started, wall clock: uptime counts from here */
	uint32_t domain;
	uint32_t sampling_rate; /* 0: the exporter does not say */
	uint32_t sequence;      /* in the protocol's own unit */
	uint32_t samples;       /* sFlow: sequence number of the data source; v8: datagrams */
	struct ip_addr agent;   /* sFlow: what it calls itself */
};

struct make_protocol {
	const char *name;
	const char *number; /* its version, as exporters' options name it; NULL: sFlow */
	unsigned max_flows; /* a datagram */
	bool ipv6;
	bool as;      /* carries AS numbers */
	bool aggregates; /* its records are sums that name only some of a flow's keys: not for --meter */
	bool samples; /* each flow is one sampled packet: packets 1, bytes that of its frame */
	/* Templates and options, for protocols that have them (else NULL). */
	size_t (*announce)(struct make_exporter *x, uint64_t now_ns, uint8_t *out);
	/* N flows, 1 .. max_flows. OUT has MAKE_DATAGRAM_MAX octets of room. Gives the length. */
	size_t (*data)(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out);
};

enum { MAKE_PROTOCOLS = 10 };
#define MAKE_PROTOCOL_NAMES "v1 v5 v6 v7 v8 v9 ipfix sflow sflow2 sflow4"
extern const struct make_protocol make_protocols[MAKE_PROTOCOLS];
/* By name or number; NULL when there is none of that name. */
const struct make_protocol *make_protocol_by_name(const char *name, size_t len);

/* The rows' functions. */
size_t make_legacy_v1(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out);
size_t make_legacy_v5(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out);
size_t make_legacy_v6(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out);
size_t make_legacy_v7(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out);
size_t make_legacy_v8(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out);
size_t make_template_v9(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out);
size_t make_template_v9_announce(struct make_exporter *x, uint64_t now_ns, uint8_t *out);
size_t make_template_ipfix(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out);
size_t make_template_ipfix_announce(struct make_exporter *x, uint64_t now_ns, uint8_t *out);
size_t make_sflow(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out);
size_t make_sflow_v2(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out);
size_t make_sflow_v4(struct make_exporter *x, uint64_t now_ns, const struct flow *flows, unsigned n, uint8_t *out);

#endif
