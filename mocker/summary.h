/*
 * summary.h -- what was sent, in the numbers that a test or a person compares with what arrived: by protocol, by
 * ethertype, by client and direction, by pair of AS numbers. Bytes and packets are as exported (not scaled).
 */
#ifndef WEIR_MOCKER_SUMMARY_H
#define WEIR_MOCKER_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "mocker/home.h"
#include "mocker/make.h"

struct buf;

struct summary_sum {
	uint64_t flows, bytes, packets;
};

struct summary {
	uint64_t datagrams;          /* all that were sent */
	uint64_t template_datagrams; /* of those, templates and options */
	uint64_t octets;             /* UDP payload of all */
	uint64_t refused;            /* sends that a closed port answered; each was tried again */
	struct summary_sum total;
	struct summary_sum by_protocol[MAKE_PROTOCOLS];
	struct summary_sum by_family[2]; /* IPv4, IPv6 */
	uint64_t protocol_datagrams[MAKE_PROTOCOLS];
	struct summary_sum clients[HOME_CLIENTS_MAX][2][2]; /* [client][IPv6][download] */
	struct summary_sum servers[HOME_SERVERS][2][2];     /* the same; only what was exported with AS numbers */
	uint32_t sampling_rate;      /* as announced; 0: not */
	double seconds;
};

/* TALK NULL: a flow that is not of the made-up home. PROTOCOL MAKE_PROTOCOLS: of no export protocol. */
void summary_flow(struct summary *s, unsigned protocol, const struct flow *f, const struct home_talk *talk);
void summary_json(const struct summary *s, struct buf *out);

#endif
