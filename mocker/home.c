/*
 * home.c -- the made-up home: who lives there and what they do.
 *
 * Clients are 192.168.1.50 and up and 2001:db8:1::50 and up. Servers lie in the documentation networks (RFC 5737,
 * RFC 3849, RFC 5398 for AS numbers), but for the first, which is the one that the home collector's own page shows.
 * Downloads are a multiple of uploads, as at home, and no number is above 32 bits, so that NetFlow v5 can carry all.
 */
#include "mocker/home.h"

#include <string.h>

#include "common/clock.h"

struct server {
	uint8_t v4[4];
	uint8_t v6_net; /* 2001:db8:NET:: */
	uint32_t as;
};

static const struct server servers[HOME_SERVERS] = {
	{{104, 18, 185, 54}, 0x68, 64496},
	{{192, 0, 2, 10}, 0x10, 64497},
	{{192, 0, 2, 53}, 0x53, 64497},
	{{198, 51, 100, 7}, 0x07, 64498},
	{{198, 51, 100, 80}, 0x80, 64498},
	{{203, 0, 113, 5}, 0x05, 64499},
	{{203, 0, 113, 99}, 0x99, 64499},
	{{203, 0, 113, 200}, 0x20, 64499},
};

/* A kind of conversation: packets up, octets a packet up, and how much more comes down. */
struct service {
	uint8_t proto;
	uint16_t port;
	uint32_t weight;
	uint32_t up_packets[2];
	uint32_t up_size[2];
	uint32_t down_packets_percent;
	uint32_t down_size[2];
};

enum { ICMP_ECHO_REQUEST = 8, ICMPV6_ECHO_REQUEST = 128, ICMPV6_ECHO_REPLY = 129 };
enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMPV6 = 58 };
enum { ETYPE_IPV4 = 0x0800, ETYPE_IPV6 = 0x86dd };

static const struct service services[] = {
	{PROTO_TCP, 443, 50, {5, 400}, {60, 300}, 140, {500, 1400}},
	{PROTO_UDP, 443, 20, {5, 900}, {60, 120}, 180, {800, 1350}},
	{PROTO_UDP, 53, 15, {1, 2}, {60, 80}, 100, {80, 400}},
	{PROTO_TCP, 80, 8, {4, 40}, {60, 200}, 120, {300, 1400}},
	{PROTO_UDP, 123, 4, {1, 1}, {76, 76}, 100, {76, 76}},
	{PROTO_ICMP, 0, 3, {1, 10}, {84, 84}, 100, {84, 84}},
};

void home_init(struct home *h, uint64_t seed, unsigned clients, unsigned ipv6_percent)
{
	memset(h, 0, sizeof(*h));
	h->rng.state = seed;
	h->clients = clients;
	h->ipv6_percent = ipv6_percent;
}

struct ip_addr home_client_v4(unsigned client)
{
	const uint8_t b[4] = {192, 168, 1, (uint8_t)(50 + client)};
	return ip_v4(b);
}

static struct ip_addr documentation_v6(uint8_t net, uint8_t host)
{
	const uint8_t b[16] = {0x20, 0x01, 0x0d, 0xb8, 0, net, [15] = host};
	return ip_v6(b);
}

struct ip_addr home_client_v6(unsigned client)
{
	return documentation_v6(1, (uint8_t)(50 + client));
}

uint64_t home_client_mac(unsigned client)
{
	return 0xe8ff1ed5f416ull + client;
}

uint32_t home_server_as(unsigned server)
{
	return servers[server].as;
}

static const struct service *pick_service(struct rng *rng)
{
	uint32_t total = 0;
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		total += services[i].weight;
	uint32_t at = rng_below(rng, total);
	const struct service *s = services;
	while (at >= s->weight)
		at -= s++->weight;
	return s;
}

/* MACs: the client's own and that of the router's side that faces it. */
static const uint64_t router_mac = 0x02005e000001ull;

static void start_conversation(struct home *h, bool ipv6)
{
	struct flow *f = &h->up;
	flow_clear(f);
	h->client = rng_below(&h->rng, h->clients);
	h->server = rng_below(&h->rng, HOME_SERVERS);
	const struct service *s = pick_service(&h->rng);
	const bool six = rng_below(&h->rng, 100) < h->ipv6_percent && ipv6;

	f->etype = six ? ETYPE_IPV6 : ETYPE_IPV4;
	f->src_addr = six ? home_client_v6(h->client) : home_client_v4(h->client);
	f->dst_addr = six ? documentation_v6(servers[h->server].v6_net, 1) : ip_v4(servers[h->server].v4);
	f->next_hop = six ? documentation_v6(0, 1) : ip_v4((const uint8_t[4]){192, 0, 2, 1});
	f->src_net = six ? 64 : 24;
	f->dst_net = six ? 48 : 24;
	f->src_as = HOME_AS;
	f->dst_as = servers[h->server].as;
	f->in_if = 1;
	f->out_if = 2;
	f->src_mac = home_client_mac(h->client);
	f->dst_mac = router_mac;
	f->vlan_id = 1;
	f->proto = s->proto;
	if (s->proto == PROTO_ICMP) {
		f->proto = six ? PROTO_ICMPV6 : PROTO_ICMP;
		f->icmp_type = six ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST;
	} else {
		f->src_port = rng_between(&h->rng, 32768, 60999);
		f->dst_port = s->port;
	}
	f->tcp_flags = s->proto == PROTO_TCP ? 0x1b : 0; /* SYN, ACK, PSH and FIN were all seen */
	f->packets = rng_between(&h->rng, s->up_packets[0], s->up_packets[1]);
	f->bytes = f->packets * rng_between(&h->rng, s->up_size[0], s->up_size[1]);

	/* What comes down, kept in the reverse counters until its turn. */
	f->reverse_packets = (f->packets * s->down_packets_percent + 99) / 100;
	f->reverse_bytes = f->reverse_packets * rng_between(&h->rng, s->down_size[0], s->down_size[1]);
}

static void turn_round(const struct flow *up, struct flow *down)
{
	memcpy(down, up, FLOW_CLEARED);
	down->src_addr = up->dst_addr;
	down->dst_addr = up->src_addr;
	down->src_port = up->dst_port;
	down->dst_port = up->src_port;
	down->src_mac = up->dst_mac;
	down->dst_mac = up->src_mac;
	down->src_as = up->dst_as;
	down->dst_as = up->src_as;
	down->src_net = up->dst_net;
	down->dst_net = up->src_net;
	down->in_if = up->out_if;
	down->out_if = up->in_if;
	down->bytes = up->reverse_bytes;
	down->packets = up->reverse_packets;
	down->flow_direction = 1;
	if (up->icmp_type)
		down->icmp_type = up->proto == PROTO_ICMPV6 ? ICMPV6_ECHO_REPLY : 0;
}

void home_next(struct home *h, uint64_t now_ns, bool ipv6, struct flow *ret_flow, struct home_talk *ret_talk)
{
	/* An exporter that knows only IPv4 cannot tell the second half of an IPv6 conversation. */
	const bool download = h->download_is_next && (ipv6 || h->up.etype == ETYPE_IPV4);
	if (download) {
		turn_round(&h->up, ret_flow);
	} else {
		start_conversation(h, ipv6);
		memcpy(ret_flow, &h->up, FLOW_CLEARED);
	}
	h->download_is_next = !download;
	ret_flow->reverse_bytes = 0;
	ret_flow->reverse_packets = 0;
	const uint64_t ago = rng_between(&h->rng, 1, 1000) * NS_PER_MS;
	const uint64_t lasted = rng_between(&h->rng, 0, 30000) * NS_PER_MS;
	ret_flow->time_flow_end_ns = (now_ns - ago) / NS_PER_MS * NS_PER_MS;
	ret_flow->time_flow_start_ns = ret_flow->time_flow_end_ns - lasted;
	*ret_talk = (struct home_talk){.client = h->client, .server = h->server, .download = download};
}
