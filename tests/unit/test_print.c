/*
 * The home collector's line: the very lines of the user's page, and what happens around them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "inserter/home.h"
#include "proto/flow.h"

static struct ip_set local;

static struct flow make(const char *src, uint32_t sport, const char *dst, uint32_t dport, uint64_t packets, uint64_t bytes)
{
	struct flow f;
	flow_clear(&f);
	assert_int_equal(ip_parse(src, &f.src_addr), 0);
	assert_int_equal(ip_parse(dst, &f.dst_addr), 0);
	f.src_port = sport;
	f.dst_port = dport;
	f.packets = packets;
	f.bytes = bytes;
	f.proto = 6;
	f.src_mac = 0xe8ff1ed5f416;
	f.dst_mac = 0x0242ac110002;
	return f;
}

static void expect(const struct flow *f, enum side side, const char *line)
{
	char out[HOME_LINE_MAX];
	assert_int_equal(sides_of(&local, f), side);
	size_t len = home_line(f, side, false, out);
	assert_in_range(len, 1, HOME_LINE_MAX - 1);
	assert_int_equal(out[len - 1], '\n');
	out[len - 1] = '\0';
	assert_string_equal(out, line);
}

static void test_lines_of_the_page(void **state)
{
	(void)state;
	struct flow up = make("192.168.1.50", 51118, "104.18.185.54", 443, 27, 2245);
	expect(&up, SIDE_UP,
	       "E8:FF:1E:D5:F4:16 | 192.168.1.50:51118                                 -> 104.18.185.54:443                                  : [0x06]         27 packets,       2245 bytes");
	struct flow down = make("104.18.185.54", 443, "192.168.1.50", 51118, 36, 32032);
	down.src_mac = 0x0242ac110002;
	down.dst_mac = 0xe8ff1ed5f416; /* the client's */
	expect(&down, SIDE_DOWN,
	       "E8:FF:1E:D5:F4:16 | 192.168.1.50:51118                                 <- 104.18.185.54:443                                  : [0x06]         36 packets,      32032 bytes");
}

static void test_ipv6_stands_in_brackets(void **state)
{
	(void)state;
	struct flow f = make("2001:db8:0:1::80", 53, "2a00:1450:4001:82f::200e", 443, 4294967296, 18446744073709551615u);
	f.proto = 17;
	expect(&f, SIDE_UP,
	       "E8:FF:1E:D5:F4:16 | [2001:db8:0:1::80]:53                              -> [2a00:1450:4001:82f::200e]:443                     : [0x11] 4294967296 packets, 18446744073709551615 bytes");
}

static void test_neither_and_both_stay_as_they_are(void **state)
{
	(void)state;
	struct flow f = make("8.8.8.8", 53, "1.1.1.1", 99, 1, 60);
	f.src_mac = 0;
	expect(&f, SIDE_NEITHER,
	       "00:00:00:00:00:00 | 8.8.8.8:53                                         -> 1.1.1.1:99                                         : [0x06]          1 packets,         60 bytes");
	struct flow both = make("192.168.1.2", 1, "192.168.1.3", 2, 1, 60);
	expect(&both, SIDE_BOTH,
	       "E8:FF:1E:D5:F4:16 | 192.168.1.2:1                                      -> 192.168.1.3:2                                      : [0x06]          1 packets,         60 bytes");
}

static void test_longest_line_fits(void **state)
{
	(void)state;
	char out[HOME_LINE_MAX];
	struct flow f = make("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", UINT32_MAX, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			     UINT32_MAX, UINT64_MAX, UINT64_MAX);
	assert_in_range(home_line(&f, SIDE_NEITHER, true, out), 100, HOME_LINE_MAX - 16);
}

static void test_default_is_private_ranges(void **state)
{
	(void)state;
	struct ip_set set = {0};
	char err[128];
	assert_int_equal(sides_parse(NULL, &set, err, sizeof(err)), 0);
	struct flow f = make("10.1.2.3", 1, "fd00::1", 2, 1, 1);
	assert_int_equal(sides_of(&set, &f), SIDE_BOTH);
	ip_set_free(&set);
	assert_true(sides_parse("192.168.1.0/33", &set, err, sizeof(err)) < 0);
	assert_non_null(strstr(err, "192.168.1.0/33"));
}

static int setup(void **state)
{
	char err[128];
	(void)state;
	return sides_parse("192.168.1.0/24,2001:db8::/32", &local, err, sizeof(err));
}

static int teardown(void **state)
{
	(void)state;
	ip_set_free(&local);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_of_the_page), cmocka_unit_test(test_ipv6_stands_in_brackets),
		cmocka_unit_test(test_neither_and_both_stay_as_they_are), cmocka_unit_test(test_longest_line_fits),
		cmocka_unit_test(test_default_is_private_ranges),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
