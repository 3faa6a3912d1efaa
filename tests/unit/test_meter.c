/*
 * test_meter.c -- packets made by hand with times made by hand, and the flows they must become.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "packet/capture.h"
#include "packet/meter.h"
#include "proto/flow.h"

#define T0 (1700000000 * NS_PER_S)
#define S  NS_PER_S

static struct meter *meter;
static struct flow flows[64];
static size_t n_flows;
static uint64_t sum_packets, sum_bytes;

static void keep(void *arg, struct flow *f)
{
	(void)arg;
	if (n_flows < 64)
		flows[n_flows] = *f;
	n_flows++;
	sum_packets += f->packets;
	sum_bytes += f->bytes;
}

static void start(const struct meter_options *wanted)
{
	struct meter_options options = *wanted;
	options.emit = keep;
	ip_parse("203.0.113.1", &options.sampler);
	meter_free(meter);
	assert_int_equal(meter_new(&options, &meter), 0);
	n_flows = 0;
	sum_packets = sum_bytes = 0;
}

static int stop(void **state)
{
	(void)state;
	meter_free(meter);
	return 0;
}

/* An Ethernet frame with 802.1Q, IPv4 10.0.0.HOST -> 10.0.0.2, TCP from PORT to 80, IP length LEN. */
struct packet {
	uint8_t host;
	uint16_t port;
	uint8_t flags;
	uint16_t len;
	uint8_t vlan;
	uint8_t mac;
	uint8_t ttl;
	uint8_t proto; /* 0: TCP */
};

static void feed(uint64_t at_ns, struct packet p)
{
	uint8_t f[58] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, p.mac, 0x81, 0, 0, p.vlan, 8, 0,
		0x45, 0, (uint8_t)(p.len >> 8), (uint8_t)p.len, 0, 1, 0, 0, p.ttl ? p.ttl : 64, p.proto ? p.proto : 6, 0, 0,
		10, 0, 0, p.host, 10, 0, 0, 2,
		(uint8_t)(p.port >> 8), (uint8_t)p.port, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, p.flags, 0xff, 0xff, 0, 0, 0, 0,
	};
	struct capture_packet packet = {.time_ns = at_ns, .data = f, .len = sizeof(f), .wire_len = sizeof(f)};
	meter_packet(meter, &packet);
}

static void two_directions_are_two_flows(void **state)
{
	(void)state;
	start(&(struct meter_options){0});
	feed(T0, (struct packet){.host = 1, .port = 1000, .flags = 0x02, .len = 60, .vlan = 5, .mac = 1, .ttl = 63});
	feed(T0 + S, (struct packet){.host = 1, .port = 1000, .flags = 0x10, .len = 1500, .vlan = 5, .mac = 1, .ttl = 64});
	feed(T0 + S, (struct packet){.host = 1, .port = 1001, .flags = 0x10, .len = 40, .vlan = 5, .mac = 1});
	assert_int_equal(meter_stats(meter)->active, 2);
	meter_tick(meter, T0 + 15 * S);
	assert_int_equal(n_flows, 0);
	meter_tick(meter, T0 + 16 * S); /* 15 s after the last packet */
	assert_int_equal(n_flows, 2);
	const struct flow *f = &flows[0];
	assert_int_equal(f->type, FLOW_TYPE_PACKET);
	assert_int_equal(f->packets, 2);
	assert_int_equal(f->bytes, 1560);
	assert_int_equal(f->tcp_flags, 0x12);
	assert_int_equal(f->src_port, 1000);
	assert_int_equal(f->dst_port, 80);
	assert_int_equal(f->proto, 6);
	assert_int_equal(f->etype, 0x0800);
	assert_int_equal(f->vlan_id, 5);
	assert_int_equal(f->src_mac, 0x020000000001);
	assert_int_equal(f->src_addr.bytes[3], 1);
	assert_int_equal(f->ip_ttl, 63);
	assert_int_equal(f->max_ttl, 64);
	assert_int_equal(f->min_packet_length, 60);
	assert_int_equal(f->max_packet_length, 1500);
	assert_int_equal(f->time_flow_start_ns, T0);
	assert_int_equal(f->time_flow_end_ns, T0 + S);
	assert_int_equal(f->time_received_ns, T0 + 16 * S);
	assert_int_equal(f->flow_end_reason, 1);
	assert_int_equal(f->sampling_rate, 1);
	assert_int_equal(f->sampler_address.bytes[0], 203);
	assert_int_equal(meter_stats(meter)->active, 0);
}

static void mac_and_vlan_are_part_of_the_key(void **state)
{
	(void)state;
	start(&(struct meter_options){0});
	feed(T0, (struct packet){.host = 1, .port = 1, .len = 40, .vlan = 5, .mac = 1});
	feed(T0, (struct packet){.host = 1, .port = 1, .len = 40, .vlan = 6, .mac = 1});
	feed(T0, (struct packet){.host = 1, .port = 1, .len = 40, .vlan = 5, .mac = 3});
	feed(T0, (struct packet){.host = 1, .port = 1, .len = 40, .vlan = 5, .mac = 1});
	meter_flush(meter);
	assert_int_equal(n_flows, 3);
	assert_int_equal(flows[0].flow_end_reason, 4);
}

static void a_long_flow_is_told_in_parts(void **state)
{
	(void)state;
	start(&(struct meter_options){.active_ns = 60 * S, .inactive_ns = 15 * S});
	for (uint64_t t = 0; t < 150; t += 10)
		feed(T0 + t * S, (struct packet){.host = 1, .port = 1, .flags = 0x10, .len = 100});
	assert_int_equal(n_flows, 2);
	meter_flush(meter);
	assert_int_equal(n_flows, 3);
	assert_int_equal(flows[0].packets, 6);
	assert_int_equal(flows[0].flow_end_reason, 2);
	assert_int_equal(flows[1].time_flow_start_ns, T0 + 60 * S);
	assert_int_equal(sum_packets, 15);
	assert_int_equal(sum_bytes, 1500);
}

static void fin_and_rst_end_a_flow_after_the_last_words(void **state)
{
	(void)state;
	start(&(struct meter_options){0});
	for (uint8_t end = 1; end <= 4; end += 3) { /* FIN, RST */
		n_flows = 0;
		feed(T0, (struct packet){.host = end, .port = 1, .flags = 0x10, .len = 100});
		feed(T0 + S, (struct packet){.host = end, .port = 1, .flags = (uint8_t)(0x10 | end), .len = 40});
		feed(T0 + S + S / 2, (struct packet){.host = end, .port = 1, .flags = 0x10, .len = 40}); /* the last words */
		meter_tick(meter, T0 + 3 * S);
		assert_int_equal(n_flows, 0);
		meter_tick(meter, T0 + 4 * S);
		assert_int_equal(n_flows, 1);
		assert_int_equal(flows[0].packets, 3);
		assert_int_equal(flows[0].flow_end_reason, 3);
		meter_flush(meter);
		start(&(struct meter_options){0});
	}
}

static void the_same_ports_again_are_another_flow(void **state)
{
	(void)state;
	start(&(struct meter_options){0});
	feed(T0, (struct packet){.host = 1, .port = 1, .flags = 0x11, .len = 40});
	feed(T0 + S, (struct packet){.host = 1, .port = 1, .flags = 0x02, .len = 60});
	assert_int_equal(n_flows, 1);
	assert_int_equal(flows[0].bytes, 40);
	meter_flush(meter);
	assert_int_equal(flows[1].bytes, 60);
	assert_int_equal(flows[1].tcp_flags, 0x02);
}

/* SECURITY: the cache is full; the one that was silent longest goes, and nothing is lost from the sums. */
static void a_full_cache_gives_up_the_quietest(void **state)
{
	(void)state;
	start(&(struct meter_options){.max_flows = 4});
	for (uint16_t i = 0; i < 4; i++)
		feed(T0 + i, (struct packet){.host = 1, .port = (uint16_t)(100 + i), .len = 100});
	feed(T0 + 10, (struct packet){.host = 1, .port = 100, .len = 100});
	feed(T0 + 11, (struct packet){.host = 1, .port = 200, .len = 100});
	assert_int_equal(n_flows, 1);
	assert_int_equal(flows[0].src_port, 101);
	assert_int_equal(flows[0].flow_end_reason, 5);
	assert_int_equal(meter_stats(meter)->evicted, 1);
	assert_int_equal(meter_stats(meter)->active, 4);
	for (uint32_t i = 0; i < 1000; i++)
		feed(T0 + 20 + i, (struct packet){.host = (uint8_t)i, .port = (uint16_t)(i * 7), .len = 100});
	meter_flush(meter);
	assert_int_equal(sum_packets, 1006);
	assert_int_equal(sum_bytes, 100600);
	assert_int_equal(meter_stats(meter)->active, 0);
	assert_int_equal(meter_stats(meter)->flows, n_flows);
}

static void one_packet_of_n(void **state)
{
	(void)state;
	start(&(struct meter_options){.sampling = 10});
	for (uint32_t i = 0; i < 100; i++)
		feed(T0 + i, (struct packet){.host = 1, .port = 1, .len = 100});
	meter_flush(meter);
	assert_int_equal(sum_packets, 10);
	assert_int_equal(flows[0].sampling_rate, 10);
	assert_int_equal(meter_stats(meter)->unsampled, 90);
	assert_int_equal(meter_stats(meter)->packets, 100);
}

static void icmp_by_type_and_code(void **state)
{
	(void)state;
	start(&(struct meter_options){0});
	feed(T0, (struct packet){.host = 1, .port = 0x0800, .len = 84, .proto = 1});
	feed(T0, (struct packet){.host = 1, .port = 0x0301, .len = 84, .proto = 1});
	meter_flush(meter);
	assert_int_equal(n_flows, 2);
	assert_int_equal(flows[0].icmp_type, 8);
	assert_int_equal(flows[1].icmp_type, 3);
	assert_int_equal(flows[1].icmp_code, 1);
	assert_int_equal(flows[1].src_port, 0);
}

static void what_is_not_ip_is_counted(void **state)
{
	(void)state;
	start(&(struct meter_options){0});
	static const uint8_t arp[42] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1};
	struct capture_packet packet = {.time_ns = T0, .data = arp, .len = sizeof(arp), .wire_len = sizeof(arp)};
	meter_packet(meter, &packet);
	packet.len = 5;
	meter_packet(meter, &packet);
	assert_int_equal(meter_stats(meter)->not_ip, 2);
	assert_int_equal(meter_stats(meter)->active, 0);
}

static void time_that_goes_back_harms_nothing(void **state)
{
	(void)state;
	start(&(struct meter_options){0});
	feed(T0 + 10 * S, (struct packet){.host = 1, .port = 1, .len = 100});
	feed(T0, (struct packet){.host = 1, .port = 1, .len = 100});
	meter_tick(meter, T0);
	meter_flush(meter);
	assert_int_equal(n_flows, 1);
	assert_true(flows[0].time_flow_end_ns >= flows[0].time_flow_start_ns);
}

/* What softflowd and tshark count in the same packets (tests/golden/softflowd-v9.log): 249 of IP, 4 of others, and
 * 12,776 + 40 + 156,062 + 28,776 + 2,004 octets of ICMP, IGMP, TCP, UDP and ICMPv6. */
static void real_packets_as_others_count_them(void **state)
{
	(void)state;
	static const struct {
		uint32_t proto;
		uint64_t packets, bytes;
	} want[] = {{1, 18, 12776}, {2, 1, 40}, {6, 157, 156062}, {17, 52, 28776}, {58, 21, 2004}};
	char err[256];
	struct capture *c;
	if (capture_open(TEST_DATA "/golden/packets.pcap", &c, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	start(&(struct meter_options){0});
	struct capture_packet packet;
	while (capture_next(c, &packet) == 1)
		meter_packet(meter, &packet);
	capture_close(c);
	meter_flush(meter);
	assert_int_equal(meter_stats(meter)->not_ip, 4);
	assert_int_equal(meter_stats(meter)->metered, 249);
	assert_int_equal(sum_bytes, 199658);
	assert_true(n_flows <= 64);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		uint64_t packets = 0, octets = 0;
		for (size_t k = 0; k < n_flows; k++) {
			packets += flows[k].proto == want[i].proto ? flows[k].packets : 0;
			octets += flows[k].proto == want[i].proto ? flows[k].bytes : 0;
		}
		assert_int_equal(packets, want[i].packets);
		assert_int_equal(octets, want[i].bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_directions_are_two_flows),
		cmocka_unit_test(mac_and_vlan_are_part_of_the_key),
		cmocka_unit_test(a_long_flow_is_told_in_parts),
		cmocka_unit_test(fin_and_rst_end_a_flow_after_the_last_words),
		cmocka_unit_test(the_same_ports_again_are_another_flow),
		cmocka_unit_test(a_full_cache_gives_up_the_quietest),
		cmocka_unit_test(one_packet_of_n),
		cmocka_unit_test(icmp_by_type_and_code),
		cmocka_unit_test(what_is_not_ip_is_counted),
		cmocka_unit_test(time_that_goes_back_harms_nothing),
		cmocka_unit_test(real_packets_as_others_count_them),
	};
	return cmocka_run_group_tests(tests, NULL, stop);
}
