/*
 * test_ip.c -- addresses and prefixes: text (RFC 5952, and against the C library), masks, sets, socket addresses.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "common/ip.h"

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;
	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static void test_rfc5952(void **state)
{
	static const char *const cases[][2] = {
		{"2001:0db8::0001", "2001:db8::1"},                        /* 4.1 */
		{"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},                 /* 4.2.1 */
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},          /* 4.2.2 */
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},                   /* 4.2.3, the longest */
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},             /* 4.2.3, the first of equals */
		{"2001:DB8::A", "2001:db8::a"},                            /* 4.3 */
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"},
		{"1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"},
		{"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.1"},                  /* 5 */
		{"::1.2.3.4", "::102:304"},
		{"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"9.10.99.100", "9.10.99.100"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip_addr a = addr(cases[i][0]);
		char text[IP_TEXT_MAX];
		assert_int_equal(ip_format(&a, text), strlen(cases[i][1]));
		assert_string_equal(text, cases[i][1]);
	}
	struct ip_addr none = {0};
	char text[IP_TEXT_MAX] = "x";
	assert_int_equal(ip_format(&none, text), 0);
	assert_string_equal(text, "");
}

/* All octets, and many addresses with zeros in all places, against inet_ntop(), which follows the same rules but
 * for "::1.2.3.4" and a single zero group. */
static void test_against_libc(void **state)
{
	uint64_t x = 88172645463325252ull;
	char mine[IP_TEXT_MAX], theirs[INET6_ADDRSTRLEN];
	(void)state;
	for (unsigned v = 0; v < 256; v++) {
		uint8_t b[4] = {(uint8_t)v, (uint8_t)(255 - v), (uint8_t)(v * 7), (uint8_t)(v / 3)};
		struct ip_addr a = ip_v4(b);
		size_t len = ip_format(&a, mine);
		assert_int_equal(len, strlen(mine));
		assert_non_null(inet_ntop(AF_INET, b, theirs, sizeof(theirs)));
		assert_string_equal(mine, theirs);
	}
	for (int n = 0; n < 20000; n++) {
		uint8_t b[16];
		for (int i = 0; i < 8; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			unsigned group = x >> 60 < 8 ? 0 : (unsigned)(x >> 20 & 0xffff) >> (x >> 44 & 15);
			if (i == 0)
				group |= 0x2000;
			b[2 * i] = (uint8_t)(group >> 8);
			b[2 * i + 1] = (uint8_t)group;
		}
		struct ip_addr a = ip_v6(b), back;
		size_t len = ip_format(&a, mine);
		assert_int_equal(len, strlen(mine));
		assert_non_null(inet_ntop(AF_INET6, b, theirs, sizeof(theirs)));
		assert_string_equal(mine, theirs);
		assert_int_equal(ip_parse(mine, &back), 0);
		assert_true(ip_equal(&a, &back));
	}
}

static void test_parse_refuses(void **state)
{
	static const char *const bad[] = {"",     "1.2.3",       "1.2.3.4.5", "256.1.1.1",   "1.2.3.4 ", "[::1]",
					  "::1%lo", "1.2.3.4:80", "g::",       "1:2:3:4:5:6:7", ":::",     "localhost"};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ip_addr a = {.len = 77};
		assert_int_equal(ip_parse(bad[i], &a), -EINVAL);
		assert_int_equal(a.len, 77);
	}
}

static void test_prefixes(void **state)
{
	static const char *const bad[] = {"",         "/8",         "10.0.0.0/",   "10.0.0.0/33",  "::/129",
					  "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/0008", "10.0.0.0/ 8", "10/8"};
	struct ip_prefix p;
	char text[IP_PREFIX_TEXT_MAX];
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ip_prefix_parse(bad[i], &p), -EINVAL);

	assert_int_equal(ip_prefix_parse("10.77.200.9/13", &p), 0);
	assert_int_equal(ip_prefix_format(&p, text), strlen("10.72.0.0/13"));
	assert_string_equal(text, "10.72.0.0/13"); /* host bits are gone */
	assert_int_equal(ip_prefix_parse("2001:db8:ffff::/33", &p), 0);
	(void)ip_prefix_format(&p, text);
	assert_string_equal(text, "2001:db8:8000::/33");
	assert_int_equal(ip_prefix_parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", &p), 0);
	assert_int_equal(ip_prefix_format(&p, text), 8 * 4 + 7 + 4);
	assert_int_equal(ip_prefix_parse("192.0.2.1", &p), 0);
	assert_int_equal(p.bits, 32);

	struct { const char *prefix, *address; bool has; } cases[] = {
		{"10.0.0.0/8", "10.255.255.255", true},   {"10.0.0.0/8", "11.0.0.0", false},
		{"10.64.0.0/10", "10.127.1.1", true},     {"10.64.0.0/10", "10.128.1.1", false},
		{"0.0.0.0/0", "203.0.113.9", true},       {"0.0.0.0/0", "2001:db8::1", false},
		{"::/0", "2001:db8::1", true},            {"::/0", "10.0.0.1", false},
		{"192.0.2.1/32", "192.0.2.1", true},      {"192.0.2.1/32", "192.0.2.2", false},
		{"2001:db8::/127", "2001:db8::1", true},  {"2001:db8::/127", "2001:db8::2", false},
		{"2001:db8::1", "2001:db8::1", true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip_addr a = addr(cases[i].address);
		assert_int_equal(ip_prefix_parse(cases[i].prefix, &p), 0);
		assert_int_equal(ip_prefix_has(&p, &a), cases[i].has);
	}
	struct ip_addr none = {0};
	assert_int_equal(ip_prefix_parse("0.0.0.0/0", &p), 0);
	assert_false(ip_prefix_has(&p, &none));
}

/* Masking bit by bit, the slow and obvious way. */
static void test_mask_every_length(void **state)
{
	struct ip_addr full[2] = {addr("255.255.255.255"), addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")};
	(void)state;
	for (size_t f = 0; f < 2; f++) {
		for (uint32_t bits = 0; bits <= full[f].len * 8; bits++) {
			struct ip_addr m = ip_mask(&full[f], bits);
			struct ip_prefix p = {.addr = m, .bits = bits};
			assert_int_equal(m.len, full[f].len);
			for (uint32_t i = 0; i < m.len * 8; i++)
				assert_int_equal(m.bytes[i / 8] >> (7 - i % 8) & 1, i < bits);
			assert_true(ip_prefix_has(&p, &full[f]));
			if (bits) {
				struct ip_addr other = m;
				other.bytes[(bits - 1) / 8] ^= (uint8_t)(0x80u >> ((bits - 1) % 8));
				assert_false(ip_prefix_has(&p, &other));
			}
		}
	}
}

static void test_sets(void **state)
{
	struct ip_set set = {0};
	char err[200] = "";
	(void)state;
	assert_int_equal(ip_set_parse(&set, "10.0.0.0/8, 192.0.2.1\n2001:db8::/32,", err, sizeof(err)), 0);
	assert_int_equal(set.count, 3);
	struct ip_addr in[] = {addr("10.1.1.1"), addr("192.0.2.1"), addr("2001:db8:1::")};
	struct ip_addr out[] = {addr("11.1.1.1"), addr("192.0.2.2"), addr("2001:db9::")};
	for (size_t i = 0; i < 3; i++) {
		assert_true(ip_set_has(&set, &in[i]));
		assert_false(ip_set_has(&set, &out[i]));
	}
	assert_int_equal(ip_set_parse(&set, "10.0.0.0/8,10.0.0.0/99", err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "'10.0.0.0/99'"));
	ip_set_free(&set);
	ip_set_free(NULL);

	assert_int_equal(ip_set_add_private(&set), 0);
	static const char *const private[] = {"10.0.0.1",  "172.31.0.1", "192.168.1.1", "100.127.0.1", "169.254.1.1",
					      "127.0.0.1", "fd00::1",    "fe80::1",     "::1"};
	static const char *const public[] = {"172.32.0.1", "100.128.0.1", "8.8.8.8", "2001:db8::1", "fe00::1", "::2"};
	for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++) {
		struct ip_addr a = addr(private[i]);
		assert_true(ip_set_has(&set, &a));
	}
	for (size_t i = 0; i < sizeof(public) / sizeof(public[0]); i++) {
		struct ip_addr a = addr(public[i]);
		assert_false(ip_set_has(&set, &a));
	}
	ip_set_free(&set);

	assert_int_equal(ip_set_add_connected(&set), 0);
	struct ip_addr loopback = addr("127.0.0.1");
	assert_false(ip_set_has(&set, &loopback));
	for (size_t i = 0; i < set.count; i++) {
		struct ip_addr masked = ip_mask(&set.items[i].addr, set.items[i].bits);
		assert_true(ip_equal(&masked, &set.items[i].addr));
	}
	ip_set_free(&set);
}

static void test_socket_addresses(void **state)
{
	struct sockaddr_storage ss;
	uint16_t port = 0;
	(void)state;
	struct ip_addr v4 = addr("192.0.2.1"), v6 = addr("2001:db8::1"), mapped = addr("::ffff:192.0.2.1");
	assert_int_equal(ip_to_sockaddr(&v4, 2055, &ss), sizeof(struct sockaddr_in));
	struct ip_addr back = ip_from_sockaddr(&ss, &port);
	assert_true(ip_equal(&back, &v4));
	assert_int_equal(port, 2055);
	assert_int_equal(ip_to_sockaddr(&v6, 6343, &ss), sizeof(struct sockaddr_in6));
	back = ip_from_sockaddr(&ss, &port);
	assert_true(ip_equal(&back, &v6));
	assert_int_equal(port, 6343);
	/* What a dual-stack socket gives for an IPv4 exporter is that exporter. */
	assert_int_equal(ip_to_sockaddr(&mapped, 1, &ss), sizeof(struct sockaddr_in6));
	back = ip_from_sockaddr(&ss, NULL);
	assert_true(ip_equal(&back, &v4));

	struct ip_addr none = {0};
	assert_int_equal(ip_to_sockaddr(&none, 1, &ss), 0);
	back = ip_from_sockaddr(&ss, &port);
	assert_int_equal(back.len, 0);
	assert_int_equal(port, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc5952),       cmocka_unit_test(test_against_libc),
		cmocka_unit_test(test_parse_refuses), cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_mask_every_length), cmocka_unit_test(test_sets),
		cmocka_unit_test(test_socket_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
