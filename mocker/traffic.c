/*
 * traffic.c -- the profiles beside the home: a campus, a backbone, a port scan, a flood. What a consumer has to show of
 * each is known: the scan has one source that touches one port after the other, the flood one target that everybody
 * sends to, the backbone AS numbers and interfaces whose sums follow from the flows.
 */
#include "mocker/traffic.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17, TCP_SYN = 2, TCP_ALL = 0x1b, ETYPE_IPV4 = 0x0800, ETYPE_IPV6 = 0x86dd };

struct traffic_profile {
	const char *name;
	void (*next)(struct traffic *t, bool six, struct flow *f); /* NULL: the home */
};

static struct ip_addr address(bool six, uint8_t net, uint32_t host)
{
	const uint8_t v4[4] = {10, net, (uint8_t)(host >> 8), (uint8_t)host};
	const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, net, [14] = (uint8_t)(host >> 8), [15] = (uint8_t)host};
	return six ? ip_v6(v6) : ip_v4(v4);
}

static void counts(struct traffic *t, struct flow *f, uint32_t packets_max)
{
	f->packets = rng_between(&t->rng, 1, packets_max);
	f->bytes = f->packets * rng_between(&t->rng, 64, 1400);
}

static const uint16_t ports[] = {443, 443, 443, 80, 53, 22, 25, 993, 3306, 8080};

/* 2,000 machines in 8 networks that talk to each other and to the world. */
static void campus(struct traffic *t, bool six, struct flow *f)
{
	const bool outward = rng_below(&t->rng, 4) != 0;
	f->src_addr = address(six, (uint8_t)rng_below(&t->rng, 8), rng_between(&t->rng, 1, 250));
	f->dst_addr = outward ? address(six, (uint8_t)rng_between(&t->rng, 100, 200), rng_between(&t->rng, 1, 65000))
			      : address(six, (uint8_t)rng_below(&t->rng, 8), rng_between(&t->rng, 1, 250));
	f->in_if = 1 + f->src_addr.bytes[six ? 5 : 1];
	f->out_if = outward ? 100 : 1 + f->dst_addr.bytes[six ? 5 : 1];
	f->src_mac = 0x020000000000ull | f->in_if << 16 | f->src_addr.bytes[six ? 15 : 3];
	f->dst_mac = 0x02005e000001ull;
	f->vlan_id = 10 + f->in_if;
	f->proto = rng_below(&t->rng, 3) ? PROTO_TCP : PROTO_UDP;
	f->tcp_flags = f->proto == PROTO_TCP ? TCP_ALL : 0;
	f->src_port = rng_between(&t->rng, 32768, 60999);
	f->dst_port = ports[rng_below(&t->rng, sizeof(ports) / sizeof(ports[0]))];
	counts(t, f, 500);
}

/* 64 neighbours, 16 interfaces, large flows, next hops and masks. */
static void backbone(struct traffic *t, bool six, struct flow *f)
{
	const uint32_t from = rng_below(&t->rng, 64), to = rng_below(&t->rng, 64);
	f->src_addr = address(six, (uint8_t)from, rng_below(&t->rng, 65536));
	f->dst_addr = address(six, (uint8_t)to, rng_below(&t->rng, 65536));
	f->src_as = 64512 + from;
	f->dst_as = 64512 + to;
	f->src_net = six ? 48 : 16;
	f->dst_net = six ? 48 : 16;
	f->next_hop = address(six, 255, 1 + to);
	f->in_if = 1 + from % 16;
	f->out_if = 1 + to % 16;
	f->proto = rng_below(&t->rng, 4) ? PROTO_TCP : PROTO_UDP;
	f->tcp_flags = f->proto == PROTO_TCP ? TCP_ALL : 0;
	f->src_port = rng_between(&t->rng, 1024, 65535);
	f->dst_port = ports[rng_below(&t->rng, sizeof(ports) / sizeof(ports[0]))];
	counts(t, f, 20000);
}

/* One machine tries port after port, host after host. */
static void scan(struct traffic *t, bool six, struct flow *f)
{
	f->src_addr = address(six, 66, 6);
	f->dst_addr = address(six, 1, 1 + (uint32_t)((t->made - 1) / 1024 % 65000));
	f->in_if = 100;
	f->out_if = 1;
	f->proto = PROTO_TCP;
	f->tcp_flags = TCP_SYN;
	f->src_port = 40000;
	f->dst_port = 1 + (uint32_t)((t->made - 1) % 1024);
	f->packets = 1;
	f->bytes = six ? 60 : 40;
}

/* Everybody, or somebody who says so, sends to one machine. */
static void flood(struct traffic *t, bool six, struct flow *f)
{
	f->src_addr = address(six, (uint8_t)rng_below(&t->rng, 256), rng_below(&t->rng, 65536));
	f->dst_addr = address(six, 1, 80);
	f->in_if = 100;
	f->out_if = 1;
	f->proto = PROTO_UDP;
	f->src_port = 123;
	f->dst_port = rng_between(&t->rng, 1, 65535);
	f->packets = rng_between(&t->rng, 1, 4);
	f->bytes = f->packets * 468;
}

static const struct traffic_profile profiles[] = {
	{"home", NULL}, {"campus", campus}, {"backbone", backbone}, {"scan", scan}, {"flood", flood},
};

int traffic_init(struct traffic *t, const char *profile, uint64_t seed, unsigned clients, unsigned ipv6_percent)
{
	memset(t, 0, sizeof(*t));
	t->rng.state = seed;
	t->ipv6_percent = ipv6_percent;
	home_init(&t->home, seed, clients, ipv6_percent);
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (strcmp(profiles[i].name, profile) == 0)
			t->profile = &profiles[i];
	return t->profile ? 0 : -EINVAL;
}

bool traffic_next(struct traffic *t, uint64_t now_ns, bool ipv6, struct flow *ret_flow, struct home_talk *ret_talk)
{
	t->made++;
	if (!t->profile->next) {
		home_next(&t->home, now_ns, ipv6, ret_flow, ret_talk);
		return true;
	}
	flow_clear(ret_flow);
	const bool six = rng_below(&t->rng, 100) < t->ipv6_percent && ipv6;
	ret_flow->etype = six ? ETYPE_IPV6 : ETYPE_IPV4;
	t->profile->next(t, six, ret_flow);
	if (!ret_flow->next_hop.len)
		ret_flow->next_hop = address(six, 255, 1);
	ret_flow->time_flow_end_ns = (now_ns / NS_PER_MS - rng_between(&t->rng, 1, 1000)) * NS_PER_MS;
	ret_flow->time_flow_start_ns = ret_flow->time_flow_end_ns - rng_between(&t->rng, 0, 30000) * NS_PER_MS;
	return false;
}
