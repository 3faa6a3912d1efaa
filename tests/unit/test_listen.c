/*
 * test_listen.c -- --listen in goflow2's form.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/listen.h"

static struct listen_set set;
static char err[300];

static int parse(const char *text)
{
	set.count = 0;
	err[0] = '\0';
	return listen_parse(&set, text, err, sizeof(err));
}

static void several(void **state)
{
	(void)state;
	assert_int_equal(parse("sflow://:6343,netflow://:2055"), 0);
	assert_int_equal(set.count, 2);
	assert_int_equal(set.specs[0].scheme, DECODE_SFLOW);
	assert_int_equal(set.specs[0].port, 6343);
	assert_int_equal(set.specs[0].host.len, 0);
	assert_int_equal(set.specs[1].scheme, DECODE_NETFLOW);
	assert_string_equal(set.specs[1].text, "netflow://:2055");
	assert_int_equal(parse("flow://192.0.2.1:9999"), 0);
	assert_int_equal(set.specs[0].scheme, DECODE_ANY);
	assert_int_equal(set.specs[0].host.len, 4);
	assert_int_equal(parse("netflow://[2001:db8::1]:2055"), 0);
	assert_int_equal(set.specs[0].host.len, 16);
	assert_int_equal(parse("ipfix+tcp://:4739,netflow://:4739"), 0); /* a port of each protocol */
	assert_int_equal(set.specs[0].kind, LISTEN_TCP);
	assert_int_equal(set.specs[1].kind, LISTEN_UDP);
	assert_int_equal(parse(", netflow://:1 ,"), 0);
	assert_int_equal(set.count, 1);
}

static void queries(void **state)
{
	(void)state;
	assert_int_equal(parse("netflow://:2055?count=2&workers=4&blocking=true&queue_size=1000"), 0);
	assert_int_equal(set.specs[0].count, 4);
	assert_int_equal(set.specs[0].buffer, 2048000);
	assert_string_equal(set.specs[0].text, "netflow://:2055");
	assert_int_equal(parse("netflow://:2055?queue_size=100000000"), 0);
	assert_int_equal(set.specs[0].buffer, LISTEN_BUFFER_MAX);
	assert_int_equal(parse("netflow://:2055?"), -EINVAL);
}

static void with_files_and_interfaces(void **state)
{
	(void)state;
	assert_int_equal(parse("ipfix+tls://[::1]:4740?cert=/etc/a%20b.pem&key=/k&ca=/ca,ipfix+sctp://:4739,pcap://eth0?sampling=10&filter="
			       "tcp+port+80"), 0);
	assert_int_equal(set.count, 3);
	assert_int_equal(set.specs[0].kind, LISTEN_TLS);
	assert_string_equal(set.specs[0].cert, "/etc/a b.pem");
	assert_string_equal(set.specs[0].key, "/k");
	assert_string_equal(set.specs[0].ca, "/ca");
	assert_int_equal(set.specs[1].kind, LISTEN_SCTP);
	assert_int_equal(set.specs[2].kind, LISTEN_PCAP);
	assert_string_equal(set.specs[2].interface, "eth0");
	assert_string_equal(set.specs[2].text, "pcap://eth0");
	assert_string_equal(set.specs[2].filter, "tcp port 80");
	assert_int_equal(set.specs[2].sampling, 10);
}

static void mistakes(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"netflow", "SCHEME://[HOST]:PORT"},
		{"http://:80", "none of netflow, sflow, flow, ipfix+tcp"},
		{"ipfix+dtls://:4739", "none of netflow, sflow, flow, ipfix+tcp, ipfix+tls"},
		{"ipfix+tcp://:4739,ipfix+tls://:4739", "given twice"}, /* both are TCP's */
		{"pcap://", "interface"},
		{"pcap://eth0?sampling=0", "sampling"},
		{"pcap://eth0?filter=%4", "filter"},
		{"pcap://eth0?count=2", "`count` is not known"},
		{"netflow://:2055?cert=x", "`cert` is not known"},
		{"netflow://:0", "port from 1 to 65535"},
		{"netflow://:65536", "port from 1 to 65535"},
		{"netflow://:+5", "port from 1 to 65535"},
		{"netflow://:20x", "port from 1 to 65535"},
		{"netflow://::1:2055", "port from 1 to 65535"},
		{"netflow://[::1:2055", "port from 1 to 65535"},
		{"netflow://2055", "port from 1 to 65535"},
		{"netflow://:2055?count=0", "count: bad value `0`"},
		{"netflow://:2055?count=65", "count: bad value `65`"},
		{"netflow://:2055?count=-1", "count: bad value `-1`"},
		{"netflow://:2055?count", "count: bad value ``"},
		{"netflow://:2055?blocking=yes", "blocking: bad value `yes`"},
		{"netflow://:2055?speed=1", "`speed` is not known"},
		{"netflow://:2055,sflow://:2055", "given twice"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(rows[i].text), -EINVAL);
		if (!strstr(err, rows[i].says))
			fail_msg("%s: said \"%s\"", rows[i].text, err);
		assert_non_null(strstr(err, "--listen"));
	}
}

static void no_more_than_fit(void **state)
{
	char text[LISTEN_MAX * 20 + 40] = "";
	size_t len = 0;
	(void)state;
	for (int i = 0; i < LISTEN_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "netflow://:%d,", 3000 + i);
	assert_int_equal(parse(text), 0);
	assert_int_equal(set.count, LISTEN_MAX);
	(void)snprintf(text + len, sizeof(text) - len, "netflow://:%d,", 2000);
	assert_int_equal(parse(text), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several),
		cmocka_unit_test(queries),
		cmocka_unit_test(with_files_and_interfaces),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(no_more_than_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
