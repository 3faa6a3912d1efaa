/*
 * summary.c -- sums while sending, one JSON object at the end. Keys of sums that stayed 0 are left out, so that a
 * summary of IPv4 alone does not list the clients' IPv6 addresses.
 */
#include "mocker/summary.h"

#include <inttypes.h>

#include "common/buf.h"

static void add(struct summary_sum *sum, const struct flow *f)
{
	sum->flows++;
	sum->bytes += f->bytes;
	sum->packets += f->packets;
}

void summary_flow(struct summary *s, unsigned protocol, const struct flow *f, const struct home_talk *talk)
{
	const bool six = f->src_addr.len == 16;
	add(&s->total, f);
	add(&s->by_family[six], f);
	if (protocol < MAKE_PROTOCOLS)
		add(&s->by_protocol[protocol], f);
	if (!talk)
		return;
	add(&s->clients[talk->client][six][talk->download], f);
	if (protocol == MAKE_PROTOCOLS || make_protocols[protocol].as)
		add(&s->servers[talk->server][six][talk->download], f);
}

static void put_sum(struct buf *out, const char *before, const struct summary_sum *sum)
{
	buf_printf(out, "%s{\"flows\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"packets\":%" PRIu64 "}", before, sum->flows,
		   sum->bytes, sum->packets);
}

static void put_protocols(const struct summary *s, struct buf *out)
{
	const char *comma = "";
	buf_puts(out, ",\"protocols\":{");
	for (unsigned i = 0; i < MAKE_PROTOCOLS; i++) {
		const struct summary_sum *sum = &s->by_protocol[i];
		if (sum->flows == 0)
			continue;
		buf_printf(out,
			   "%s\"%s\":{\"datagrams\":%" PRIu64 ",\"flows\":%" PRIu64 ",\"bytes\":%" PRIu64
			   ",\"packets\":%" PRIu64 "}",
			   comma, make_protocols[i].name, s->protocol_datagrams[i], sum->flows, sum->bytes, sum->packets);
		comma = ",";
	}
	buf_puts(out, "}");
}

static void put_etypes(const struct summary *s, struct buf *out)
{
	buf_puts(out, ",\"etypes\":{");
	const char *comma = "";
	for (unsigned six = 0; six < 2; six++) {
		if (s->by_family[six].flows == 0)
			continue;
		buf_printf(out, "%s\"%d\":", comma, six ? 0x86dd : 0x0800);
		put_sum(out, "", &s->by_family[six]);
		comma = ",";
	}
	buf_puts(out, "}");
}

static void put_clients(const struct summary *s, struct buf *out)
{
	const char *comma = "";
	buf_puts(out, ",\"clients\":{");
	for (unsigned i = 0; i < HOME_CLIENTS_MAX; i++) {
		for (unsigned six = 0; six < 2; six++) {
			const struct summary_sum *both = s->clients[i][six];
			if (both[0].flows + both[1].flows == 0)
				continue;
			char text[IP_TEXT_MAX];
			const struct ip_addr addr = six ? home_client_v6(i) : home_client_v4(i);
			ip_format(&addr, text);
			buf_printf(out, "%s\"%s\":{\"mac\":\"", comma, text);
			const uint64_t mac = home_client_mac(i);
			for (unsigned k = 0; k < 6; k++)
				buf_printf(out, "%s%02x", k ? ":" : "", (unsigned)(mac >> (40 - 8 * k) & 0xff));
			put_sum(out, "\",\"upload\":", &both[0]);
			put_sum(out, ",\"download\":", &both[1]);
			buf_puts(out, "}");
			comma = ",";
		}
	}
	buf_puts(out, "}");
}

/* Several servers share an AS: the first of each stands for all. */
static void put_as_pairs(const struct summary *s, struct buf *out)
{
	const char *comma = "";
	buf_puts(out, ",\"as_pairs\":[");
	for (unsigned i = 0; i < HOME_SERVERS; i++) {
		const uint32_t as = home_server_as(i);
		if (i > 0 && home_server_as(i - 1) == as)
			continue;
		for (unsigned k = 0; k < 4; k++) {
			struct summary_sum sum = {0};
			for (unsigned j = i; j < HOME_SERVERS && home_server_as(j) == as; j++) {
				const struct summary_sum *from = &s->servers[j][k / 2][k % 2];
				sum.flows += from->flows;
				sum.bytes += from->bytes;
				sum.packets += from->packets;
			}
			if (sum.flows == 0)
				continue;
			const bool download = k % 2;
			buf_printf(out, "%s{\"src_as\":%u,\"dst_as\":%u,\"etype\":%d", comma, download ? as : HOME_AS,
				   download ? HOME_AS : as, k / 2 ? 0x86dd : 0x0800);
			put_sum(out, ",\"sum\":", &sum);
			buf_puts(out, "}");
			comma = ",";
		}
	}
	buf_puts(out, "]");
}

void summary_json(const struct summary *s, struct buf *out)
{
	buf_printf(out,
		   "{\"datagrams\":%" PRIu64 ",\"template_datagrams\":%" PRIu64 ",\"octets\":%" PRIu64 ",\"refused\":%" PRIu64
		   ",\"seconds\":%.3f,\"sampling_rate\":%u,\"flows\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"packets\":%" PRIu64,
		   s->datagrams, s->template_datagrams, s->octets, s->refused, s->seconds, s->sampling_rate, s->total.flows,
		   s->total.bytes, s->total.packets);
	put_protocols(s, out);
	put_etypes(s, out);
	put_clients(s, out);
	put_as_pairs(s, out);
	buf_puts(out, "}\n");
}
