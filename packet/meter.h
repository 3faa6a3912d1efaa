/*
 * meter.h -- a flow meter: packets in, flows out. For those whose router exports nothing.
 *
 * A flow is what goes one way between the same MAC addresses and VLAN, IP addresses, protocol and ports (for ICMP: type
 * and code). It ends when nothing came for a while, when it has lasted for long (it then goes on as another), shortly
 * after a TCP FIN or RST, or when the cache is full and it is the one that was silent longest.
 *
 * Only IP is metered. bytes are those of the IP packets, header included, as NetFlow's.
 */
#ifndef WEIR_PACKET_METER_H
#define WEIR_PACKET_METER_H

#include <stddef.h>
#include <stdint.h>

#include "common/ip.h"
#include "packet/frame.h"

struct capture_packet;
struct flow;
struct meter;

/* FLOW is the meter's own and valid during the call; the callee may change it. */
typedef void meter_emit_fn(void *arg, struct flow *flow);

struct meter_options {
	meter_emit_fn *emit;
	void *emit_arg;
	uint64_t active_ns;        /* 0: 60 s */
	uint64_t inactive_ns;      /* 0: 15 s */
	size_t max_flows;          /* 0: 65,536 */
	uint32_t sampling;         /* one packet of so many; 0: every one */
	enum frame_inner inner;    /* which packet of a tunnel is metered */
	struct ip_addr sampler;    /* sampler_address of the flows */
	uint32_t in_if;
};

struct meter_stats {
	uint64_t packets;     /* given */
	uint64_t metered;     /* counted in a flow: packets = metered + unsampled + not_ip */
	uint64_t unsampled;
	uint64_t not_ip;      /* or not readable */
	uint64_t flows;       /* emitted */
	uint64_t evicted;     /* of these, for lack of room */
	uint64_t active;      /* gauge: in the cache */
};

int meter_new(const struct meter_options *options, struct meter **ret_meter); /* 0 or -ENOMEM */
void meter_free(struct meter *m);
void meter_packet(struct meter *m, const struct capture_packet *packet);
/* Ends flows whose time is over; about once a second. Packets do it too. */
void meter_tick(struct meter *m, uint64_t now_ns);
/* Ends all flows. */
void meter_flush(struct meter *m);
const struct meter_stats *meter_stats(const struct meter *m);

#endif
