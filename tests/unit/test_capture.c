/*
 * test_capture.c -- capture files: what the writer wrote comes back; link types, VLAN tags, IP fragments in any
 * order, cut and contradictory packets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "packet/capture.h"

#define T0 (1700000000 * NS_PER_S + 123456789)

static char path[64];
static char err[256];

static int make_path(void **state)
{
	(void)state;
	memcpy(path, "/tmp/weir-test-capture-XXXXXX", 30);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int remove_path(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

struct raw {
	const uint8_t *data;
	size_t len;
	size_t wire_len; /* 0: the same */
};

static bool all_at_once; /* packets 1 us apart; else 1 s */

/* A pcap file of a link type, microseconds, by hand. */
static void write_raw(uint32_t link, const struct raw *packets, size_t n)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	uint32_t head[6] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65535, link};
	fwrite(head, sizeof(head), 1, f);
	for (size_t i = 0; i < n; i++) {
		uint32_t wire_len = (uint32_t)(packets[i].wire_len ? packets[i].wire_len : packets[i].len);
		uint32_t h[4] = {1700000000 + (all_at_once ? 0 : (uint32_t)i), all_at_once ? (uint32_t)i : 5,
				 (uint32_t)packets[i].len, wire_len};
		fwrite(h, sizeof(h), 1, f);
		fwrite(packets[i].data, packets[i].len, 1, f);
	}
	fclose(f);
}

static struct capture *open_it(void)
{
	struct capture *c = NULL;
	if (capture_open(path, &c, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	return c;
}

static void written_datagrams_come_back(void **state)
{
	(void)state;
	struct capture_writer *w = NULL;
	assert_int_equal(capture_writer_open(path, &w, err, sizeof(err)), 0);
	static uint8_t big[65508];
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 7);
	struct capture_udp u = {.time_ns = T0, .src_port = 2055, .dst_port = 9995, .data = big};
	static const size_t lengths[] = {0, 1, 2, 1400, 65507};
	for (size_t i = 0; i < 5; i++) {
		ip_parse(i & 1 ? "2001:db8::1" : "192.0.2.1", &u.src);
		ip_parse(i & 1 ? "2001:db8::2" : "192.0.2.2", &u.dst);
		u.len = lengths[i];
		assert_int_equal(capture_writer_add_udp(w, &u), 0);
	}
	u.len = 65508;
	assert_int_equal(capture_writer_add_udp(w, &u), -EMSGSIZE);
	u.len = 1;
	ip_parse("2001:db8::2", &u.src);
	assert_int_equal(capture_writer_add_udp(w, &u), -EINVAL);
	assert_int_equal(capture_writer_close(w), 0);

	struct capture *c = open_it();
	for (size_t i = 0; i < 5; i++) {
		struct capture_udp got;
		assert_int_equal(capture_next_udp(c, &got), 1);
		assert_int_equal(got.len, lengths[i]);
		assert_memory_equal(got.data, big, lengths[i]);
		assert_int_equal(got.time_ns, T0);
		assert_int_equal(got.src_port, 2055);
		assert_int_equal(got.dst_port, 9995);
		assert_int_equal(got.src.len, i & 1 ? 16 : 4);
		assert_int_equal(got.dst.bytes[got.dst.len - 1], 2);
		assert_false(got.cut);
	}
	struct capture_udp none;
	assert_int_equal(capture_next_udp(c, &none), 0);
	capture_close(c);
}

/* 192.0.2.1:7 -> 192.0.2.2:2055, payload "hi", then two octets of Ethernet padding. */
#define IP4_UDP \
	0x45, 0, 0, 30, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0, 7, 8, 7, 0, 10, 0, 0, 'h', 'i', 0xee, 0xee
#define IP6_UDP \
	0x60, 0, 0, 0, 0, 10, 17, 64, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, \
	0, 0, 0, 0, 0, 0, 0, 2, 0, 7, 8, 7, 0, 10, 0, 0, 'h', 'i'
#define MACS 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1

static void expect_hi(const struct raw *packet, uint32_t link, uint32_t addr_len)
{
	write_raw(link, packet, 1);
	struct capture *c = open_it();
	struct capture_udp u;
	assert_int_equal(capture_next_udp(c, &u), 1);
	assert_int_equal(u.len, 2);
	assert_memory_equal(u.data, "hi", 2);
	assert_int_equal(u.src.len, addr_len);
	assert_int_equal(u.time_ns, 1700000000 * NS_PER_S + 5000);
	assert_int_equal(capture_next_udp(c, &u), 0);
	capture_close(c);
}

static void link_types(void **state)
{
	(void)state;
	static const uint8_t ethernet[] = {MACS, 8, 0, IP4_UDP};
	static const uint8_t tagged[] = {MACS, 0x81, 0, 0xa0, 100, 8, 0, IP4_UDP};
	static const uint8_t qinq[] = {MACS, 0x88, 0xa8, 0, 1, 0x91, 0, 0, 2, 0x81, 0, 0, 3, 0x86, 0xdd, IP6_UDP};
	static const uint8_t sll[] = {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0, IP4_UDP};
	static const uint8_t sll_tagged[] = {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x81, 0, 0, 5, 8, 0, IP4_UDP};
	static const uint8_t sll2[] = {0x86, 0xdd, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, IP6_UDP};
	static const uint8_t raw4[] = {IP4_UDP};
	static const uint8_t raw6[] = {IP6_UDP};
	static const uint8_t null4[] = {2, 0, 0, 0, IP4_UDP};
	static const uint8_t loop6[] = {0, 0, 0, 24, IP6_UDP};
	static const struct {
		struct raw packet;
		uint32_t link, addr_len;
	} cases[] = {
		{{ethernet, sizeof(ethernet), 0}, 1, 4},     {{tagged, sizeof(tagged), 0}, 1, 4},
		{{qinq, sizeof(qinq), 0}, 1, 16},            {{sll, sizeof(sll), 0}, 113, 4},
		{{sll_tagged, sizeof(sll_tagged), 0}, 113, 4}, {{sll2, sizeof(sll2), 0}, 276, 16},
		{{raw4, sizeof(raw4), 0}, 101, 4},           {{raw6, sizeof(raw6), 0}, 101, 16},
		{{null4, sizeof(null4), 0}, 0, 4},           {{loop6, sizeof(loop6), 0}, 108, 16},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_hi(&cases[i].packet, cases[i].link, cases[i].addr_len);
}

static void an_unknown_link_type_is_refused_by_name(void **state)
{
	(void)state;
	write_raw(105, NULL, 0);
	struct capture *c;
	assert_int_equal(capture_open(path, &c, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "IEEE802_11"));
	assert_non_null(strstr(err, path));
}

static void a_file_that_is_no_capture_is_refused(void **state)
{
	(void)state;
	FILE *f = fopen(path, "w");
	fputs("this is not a capture file at all, no", f);
	fclose(f);
	struct capture *c;
	assert_int_equal(capture_open(path, &c, err, sizeof(err)), -EINVAL);
	assert_ptr_equal(strstr(err, path), err);
	assert_int_equal(capture_open("/nonexistent/x.pcap", &c, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "/nonexistent/x.pcap: No such file or directory");
}

static void a_file_that_ends_inside_a_packet_is_an_error(void **state)
{
	(void)state;
	static const uint8_t ethernet[] = {MACS, 8, 0, IP4_UDP};
	struct raw packets[2] = {{ethernet, sizeof(ethernet), 0}, {ethernet, sizeof(ethernet), 0}};
	write_raw(1, packets, 2);
	assert_int_equal(truncate(path, 24 + 2 * 16 + 2 * (int)sizeof(ethernet) - 3), 0);
	struct capture *c = open_it();
	struct capture_udp u;
	assert_int_equal(capture_next_udp(c, &u), 1);
	assert_int_equal(capture_next_udp(c, &u), -EIO);
	assert_non_null(strstr(capture_error(c), "after packet 1"));
	capture_close(c);
}

static void a_cut_packet_is_marked_not_invented(void **state)
{
	(void)state;
	static const uint8_t ethernet[] = {MACS, 8, 0, IP4_UDP};
	struct raw packet = {ethernet, 14 + 29, 14 + 30};
	write_raw(1, &packet, 1);
	struct capture *c = open_it();
	struct capture_udp u;
	assert_int_equal(capture_next_udp(c, &u), 1);
	assert_int_equal(u.len, 1);
	assert_true(u.cut);
	struct capture_stats s;
	capture_stats(c, &s);
	assert_int_equal(s.cut, 1);
	capture_close(c);
}

static void a_udp_length_that_contradicts_is_counted(void **state)
{
	(void)state;
	uint8_t longer[] = {MACS, 8, 0, IP4_UDP};
	longer[14 + 25] = 11;
	uint8_t shorter[] = {MACS, 8, 0, IP4_UDP};
	shorter[14 + 25] = 7;
	struct raw packets[2] = {{longer, sizeof(longer), 0}, {shorter, sizeof(shorter), 0}};
	write_raw(1, packets, 2);
	struct capture *c = open_it();
	struct capture_udp u;
	assert_int_equal(capture_next_udp(c, &u), 0);
	struct capture_stats s;
	capture_stats(c, &s);
	assert_int_equal(s.bad, 2);
	capture_close(c);
}

/* An IPv4 fragment: identification 9, LEN octets from OFFSET (in 8) of a UDP datagram that counts up. */
static size_t fragment4(uint8_t *out, size_t offset, size_t len, int more)
{
	static const uint8_t head[] = {MACS, 8, 0, 0x45, 0, 0, 0, 0, 9, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2};
	memcpy(out, head, sizeof(head));
	out[14 + 2] = (uint8_t)((20 + len) >> 8);
	out[14 + 3] = (uint8_t)(20 + len);
	out[14 + 6] = (uint8_t)(more << 5 | (int)(offset >> 8));
	out[14 + 7] = (uint8_t)offset;
	for (size_t i = 0; i < len; i++)
		out[34 + i] = (uint8_t)(offset * 8 + i);
	if (!offset) {
		static const uint8_t udp[8] = {0, 7, 8, 7, 0, 108, 0, 0}; /* 100 octets of payload */
		memcpy(out + 34, udp, 8);
	}
	return 34 + len;
}

struct piece {
	size_t offset, len;
	int more;
};

static struct capture_stats run_pieces(const struct piece *pieces, size_t n, int want)
{
	uint8_t frames[8][256];
	struct raw packets[8];
	for (size_t i = 0; i < n; i++)
		packets[i] = (struct raw){frames[i], fragment4(frames[i], pieces[i].offset, pieces[i].len, pieces[i].more), 0};
	write_raw(1, packets, n);
	struct capture *c = open_it();
	struct capture_udp u;
	assert_int_equal(capture_next_udp(c, &u), want);
	if (want) {
		assert_int_equal(u.len, 100);
		for (size_t i = 0; i < 100; i++)
			assert_int_equal(u.data[i], 8 + i);
		assert_int_equal(capture_next_udp(c, &u), 0);
	}
	struct capture_stats s;
	capture_stats(c, &s);
	assert_int_equal(s.fragments, n);
	capture_close(c);
	return s;
}

static void fragments_in_any_order(void **state)
{
	(void)state;
	static const struct piece orders[][4] = {
		{{0, 48, 1}, {6, 40, 1}, {11, 20, 0}, {0, 0, 0}}, {{11, 20, 0}, {6, 40, 1}, {0, 48, 1}, {0, 0, 0}},
		{{6, 40, 1}, {11, 20, 0}, {0, 48, 1}, {0, 0, 0}}, {{6, 40, 1}, {6, 40, 1}, {0, 48, 1}, {11, 20, 0}},
	};
	for (size_t i = 0; i < 4; i++) {
		struct capture_stats s = run_pieces(orders[i], i == 3 ? 4 : 3, 1);
		assert_int_equal(s.fragments_given_up, 0);
	}
}

static void overlapping_fragments_are_given_up(void **state)
{
	(void)state;
	static const struct piece overlap[] = {{0, 48, 1}, {5, 48, 1}, {11, 20, 0}};
	assert_int_equal(run_pieces(overlap, 3, 0).fragments_given_up, 1);
	static const struct piece past_end[] = {{13, 8, 1}, {0, 48, 1}, {6, 40, 1}, {11, 4, 0}};
	assert_int_equal(run_pieces(past_end, 4, 0).fragments_given_up, 1);
	static const struct piece odd[] = {{0, 47, 1}, {6, 60, 0}};
	assert_int_equal(run_pieces(odd, 2, 0).fragments_given_up, 1);
	static const struct piece behind_the_end[] = {{11, 20, 0}, {12, 48, 1}};
	assert_int_equal(run_pieces(behind_the_end, 2, 0).fragments_given_up, 1);
	static const struct piece two_ends[] = {{11, 20, 0}, {11, 16, 0}};
	assert_int_equal(run_pieces(two_ends, 2, 0).fragments_given_up, 1);
	static const struct piece nothing[] = {{3, 0, 1}};
	assert_int_equal(run_pieces(nothing, 1, 0).fragments_given_up, 1);
	static const struct piece too_far[] = {{8190, 48, 0}};
	assert_int_equal(run_pieces(too_far, 1, 0).fragments_given_up, 1);
}

/* The same identification from elsewhere, to elsewhere, of another protocol: other datagrams. */
static void fragments_of_others_are_no_part(void **state)
{
	static const size_t octets[] = {14 + 9, 14 + 12, 14 + 16};
	(void)state;
	for (size_t i = 0; i < sizeof(octets) / sizeof(octets[0]); i++) {
		uint8_t frames[4][256];
		struct raw packets[4] = {
			{frames[0], fragment4(frames[0], 0, 48, 1), 0}, {frames[1], fragment4(frames[1], 6, 40, 1), 0},
			{frames[2], fragment4(frames[2], 11, 20, 0), 0}, {frames[3], fragment4(frames[3], 11, 20, 0), 0},
		};
		frames[2][octets[i]] ^= 0x40;
		write_raw(1, packets, 3);
		struct capture *c = open_it();
		struct capture_udp u;
		assert_int_equal(capture_next_udp(c, &u), 0);
		capture_close(c);
		write_raw(1, packets, 4);
		c = open_it();
		assert_int_equal(capture_next_udp(c, &u), 1);
		assert_int_equal(u.len, 100);
		capture_close(c);
	}
	uint8_t frame[256];
	struct raw cut = {frame, fragment4(frame, 0, 48, 1), 0};
	cut.wire_len = cut.len;
	cut.len -= 4; /* what is missing will not come */
	write_raw(1, &cut, 1);
	struct capture *c = open_it();
	struct capture_udp u;
	struct capture_stats s;
	assert_int_equal(capture_next_udp(c, &u), 0);
	capture_stats(c, &s);
	assert_int_equal(s.fragments, 1);
	capture_close(c);
}

static void fragments_of_too_many_datagrams_push_out_the_oldest(void **state)
{
	(void)state;
	static uint8_t frames[72][256];
	struct raw packets[72];
	for (size_t i = 0; i < 72; i++) {
		packets[i] = (struct raw){frames[i], fragment4(frames[i], i < 70 ? 0 : 6, i < 70 ? 48 : 60, i < 70), 0};
		frames[i][14 + 5] = (uint8_t)(i < 70 ? i : i == 70 ? 6 : 5); /* the oldest that has room, the youngest that has not */
	}
	all_at_once = true;
	write_raw(1, packets, 72);
	all_at_once = false;
	struct capture *c = open_it();
	struct capture_udp u;
	struct capture_stats s;
	assert_int_equal(capture_next_udp(c, &u), 1);
	capture_stats(c, &s);
	assert_int_equal(s.fragments, 71);
	assert_int_equal(s.fragments_given_up, 70 - 64);
	assert_int_equal(capture_next_udp(c, &u), 0);
	capture_close(c);
}

static void fragments_wait_for_30_seconds(void **state)
{
	(void)state;
	static uint8_t frames[70][256];
	struct raw packets[70];
	for (size_t i = 0; i < 70; i++) {
		packets[i] = (struct raw){frames[i], fragment4(frames[i], 0, 48, 1), 0};
		frames[i][14 + 5] = (uint8_t)i;
	}
	write_raw(1, packets, 70);
	struct capture *c = open_it();
	struct capture_udp u;
	assert_int_equal(capture_next_udp(c, &u), 0);
	struct capture_stats s;
	capture_stats(c, &s);
	/* A second between them: at the last, all that are more than 30 s old are gone. */
	assert_int_equal(s.fragments_given_up, 70 - 31);
	capture_close(c);
}

static void ipv6_fragments_behind_options(void **state)
{
	(void)state;
	uint8_t frames[2][128];
	struct raw packets[2];
	for (size_t i = 0; i < 2; i++) {
		static const uint8_t head[] = {MACS, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 0, 64, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0,
		                               0, 0, 0, 0, 0, 1, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
		                               /* hop-by-hop options, then the fragment header */
		                               44, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 0, 1, 2, 3, 4};
		memcpy(frames[i], head, sizeof(head));
		uint8_t payload = i ? 2 : 16;
		frames[i][14 + 5] = (uint8_t)(16 + payload);
		frames[i][14 + 40 + 8 + 3] = i ? 16 : 1; /* offset 2, no more; offset 0, more */
		static const uint8_t udp[18] = {0, 7, 8, 7, 0, 18, 0, 0, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'};
		memcpy(frames[i] + sizeof(head), udp + (i ? 16 : 0), payload);
		packets[i] = (struct raw){frames[i], sizeof(head) + payload, 0};
	}
	write_raw(1, packets, 2);
	struct capture *c = open_it();
	struct capture_udp u;
	assert_int_equal(capture_next_udp(c, &u), 1);
	assert_int_equal(u.len, 10);
	assert_memory_equal(u.data, "abcdefghij", 10);
	capture_close(c);
}

static void a_filter_lets_through_what_it_says(void **state)
{
	(void)state;
	static const uint8_t ethernet[] = {MACS, 8, 0, IP4_UDP};
	struct raw packet = {ethernet, sizeof(ethernet), 0};
	write_raw(1, &packet, 1);
	struct capture *c = open_it();
	assert_int_equal(capture_filter(c, "udp port 99", err, sizeof(err)), 0);
	struct capture_packet p;
	assert_int_equal(capture_next(c, &p), 0);
	assert_int_equal(capture_filter(c, "udp prt 99", err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "udp prt 99"));
	capture_close(c);
}

/* Every octet of a tagged frame flipped in turn, and the frame cut at every octet: no crash, and never a longer
 * payload than the packet could hold. */
static void hostile_frames(void **state)
{
	(void)state;
	static const uint8_t frame[] = {MACS, 0x81, 0, 0, 1, 8, 0, IP4_UDP};
	static uint8_t copies[sizeof(frame)][sizeof(frame)];
	static struct raw packets[2 * sizeof(frame)];
	for (size_t i = 0; i < sizeof(frame); i++) {
		memcpy(copies[i], frame, sizeof(frame));
		copies[i][i] ^= 0xff;
		packets[i] = (struct raw){copies[i], sizeof(frame), 0};
		packets[sizeof(frame) + i] = (struct raw){frame, i, sizeof(frame)};
	}
	write_raw(1, packets, 2 * sizeof(frame));
	struct capture *c = open_it();
	struct capture_udp u;
	int rc;
	while ((rc = capture_next_udp(c, &u)) == 1)
		assert_true(u.len <= 4);
	assert_int_equal(rc, 0);
	capture_close(c);
}

/* The loopback interface, where that is allowed. */
static void packets_of_an_interface(void **state)
{
	(void)state;
	struct capture *c;
	assert_int_equal(capture_open_live("weir-none0", 0, &c, err, sizeof(err)), -EINVAL);
	assert_ptr_equal(strstr(err, "weir-none0: "), err);
	if (capture_open_live("lo", 256, &c, err, sizeof(err)) < 0) {
		print_message("skipped: %s\n", err);
		skip();
	}
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t to_len = sizeof(to);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0); /* a port of our own, so that it is no other's */
	assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &to_len), 0);
	char filter[64]; /* others may be busy there */
	snprintf(filter, sizeof(filter), "udp port %d", ntohs(to.sin_port));
	assert_int_equal(capture_filter(c, filter, err, sizeof(err)), 0);
	assert_int_equal(sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
	struct capture_udp u = {0};
	int rc = -EAGAIN;
	for (int tries = 0; tries < 1000 && (rc == -EAGAIN || u.dst_port != ntohs(to.sin_port)); tries++)
		rc = capture_next_udp(c, &u);
	assert_int_equal(rc, 1);
	assert_int_equal(u.len, 5);
	assert_memory_equal(u.data, "hello", 5);
	assert_int_equal(u.src.bytes[0], 127);
	struct capture_stats s;
	capture_stats(c, &s);
	assert_int_equal(s.dropped, 0);
	assert_int_equal(capture_next_udp(c, &u), -EAGAIN); /* nothing more comes */
	capture_stop(c);
	while ((rc = capture_next_udp(c, &u)) == 1)
		;
	assert_int_equal(rc, 0); /* not -EAGAIN: it was told to stop */
	capture_close(c);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_datagrams_come_back),
		cmocka_unit_test(link_types),
		cmocka_unit_test(an_unknown_link_type_is_refused_by_name),
		cmocka_unit_test(a_file_that_is_no_capture_is_refused),
		cmocka_unit_test(a_file_that_ends_inside_a_packet_is_an_error),
		cmocka_unit_test(a_cut_packet_is_marked_not_invented),
		cmocka_unit_test(a_udp_length_that_contradicts_is_counted),
		cmocka_unit_test(fragments_in_any_order),
		cmocka_unit_test(overlapping_fragments_are_given_up),
		cmocka_unit_test(fragments_of_others_are_no_part),
		cmocka_unit_test(fragments_of_too_many_datagrams_push_out_the_oldest),
		cmocka_unit_test(fragments_wait_for_30_seconds),
		cmocka_unit_test(ipv6_fragments_behind_options),
		cmocka_unit_test(a_filter_lets_through_what_it_says),
		cmocka_unit_test(hostile_frames),
		cmocka_unit_test(packets_of_an_interface),
	};
	return cmocka_run_group_tests(tests, make_path, remove_path);
}
