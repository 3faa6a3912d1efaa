/*
 * Columns: the lines expected here were written by nfdump 1.7.1 (-o line, long, extended, fmt:) for the same records,
 * sent to nfcapd as NetFlow v5 and v9.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inserter/columns.h"
#include "proto/flow.h"

enum { N_FLOWS = 5 };

static struct flow flows[N_FLOWS];

static void fill(struct flow *f, const char *src, const char *dst, uint32_t proto, uint32_t sport, uint32_t dport)
{
	flow_clear(f);
	assert_int_equal(ip_parse(src, &f->src_addr), 0);
	assert_int_equal(ip_parse(dst, &f->dst_addr), 0);
	assert_int_equal(ip_parse("10.9.9.9", &f->next_hop), 0);
	assert_int_equal(ip_parse("127.0.0.1", &f->sampler_address), 0);
	f->proto = proto;
	f->src_port = sport;
	f->dst_port = dport;
	f->type = FLOW_TYPE_NETFLOW_V5;
	f->in_if = 1;
	f->out_if = 2;
	f->engine_type = 3;
	f->engine_id = 7;
}

static void count(struct flow *f, uint64_t start_ms, uint64_t end_ms, uint64_t packets, uint64_t bytes)
{
	f->time_flow_start_ns = start_ms * 1000000;
	f->time_flow_end_ns = end_ms * 1000000;
	f->time_received_ns = 1795263794412000000;
	f->packets = packets;
	f->bytes = bytes;
}

static int setup(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	fill(&flows[0], "192.168.1.50", "104.18.185.54", 6, 51118, 443);
	count(&flows[0], 1599999000123, 1599999012468, 27, 2245);
	flows[0].tcp_flags = 0x1b;
	flows[0].src_as = 65001;
	flows[0].dst_as = 13335;
	fill(&flows[1], "10.0.0.1", "8.8.8.8", 17, 5353, 53);
	count(&flows[1], 1599999000123, 1599999000123, 1, 60);
	flows[1].ip_tos = 8;
	fill(&flows[2], "10.0.0.1", "8.8.4.4", 1, 0, 0x0303);
	count(&flows[2], 1599998900123, 1599999000623, 123456, 150123456);
	fill(&flows[3], "10.0.0.1", "1.1.1.1", 132, 1, 2);
	count(&flows[3], 1599999000123, 1599999000125, 3, 1500);
	fill(&flows[4], "2001:db8:0:1::80", "2a00:1450:4001:82f::200e", 6, 51118, 443);
	count(&flows[4], 1599999901000, 1599999961000, 27, 2245);
	flows[4].tcp_flags = 0x12;
	flows[4].src_mac = 0xe8ff1ed5f416;
	flows[4].dst_mac = 0x001122334455;
	flows[4].type = FLOW_TYPE_NETFLOW_V9;
	return 0;
}

/* EXPECTED: the heading and a line for each flow. */
static void expect(const char *format, const char *const expected[1 + N_FLOWS])
{
	static char out[COLUMNS_LINE_MAX];
	struct columns *c = NULL;
	char err[256] = "";
	assert_int_equal(columns_new(format, &(struct columns_style){0}, &c, err, sizeof(err)), 0);
	for (size_t i = 0; i < 1 + N_FLOWS; i++) {
		size_t len = i ? columns_line(c, &flows[i - 1], i, out) : columns_heading(c, out);
		assert_int_equal(out[len - 1], '\n');
		out[len - 1] = '\0';
		if (expected[i])
			assert_string_equal(out, expected[i]);
	}
	columns_free(c);
}

static void test_line(void **state)
{
	(void)state;
	expect("line", (const char *const[]){
		"Date first seen             Duration     Proto      Src IP Addr:Port          Dst IP Addr:Port   Packets    Bytes Flows",
		"2020-09-13 12:10:00.123     00:00:12.345 TCP       192.168.1.50:51118 ->    104.18.185.54:443         27     2245     1",
		"2020-09-13 12:10:00.123     00:00:00.000 UDP           10.0.0.1:5353  ->          8.8.8.8:53           1       60     1",
		"2020-09-13 12:08:20.123     00:01:40.500 ICMP          10.0.0.1:0     ->          8.8.4.4:3.3     123456  150.1 M     1",
		"2020-09-13 12:10:00.123     00:00:00.002 SCTP          10.0.0.1:1     ->          1.1.1.1:2            3     1500     1",
		"2020-09-13 12:25:01.000     00:01:00.000 TCP   2001:db8:0:1::80.51118 -> 2a00:14..f::200e.443         27     2245     1",
	});
}

static void test_long(void **state)
{
	(void)state;
	expect("long", (const char *const[]){
		"Date first seen             Duration     Proto      Src IP Addr:Port          Dst IP Addr:Port     Flags Tos  Packets    Bytes Flows",
		"2020-09-13 12:10:00.123     00:00:12.345 TCP       192.168.1.50:51118 ->    104.18.185.54:443   ...AP.SF   0       27     2245     1",
		"2020-09-13 12:10:00.123     00:00:00.000 UDP           10.0.0.1:5353  ->          8.8.8.8:53    ........   8        1       60     1",
		"2020-09-13 12:08:20.123     00:01:40.500 ICMP          10.0.0.1:0     ->          8.8.4.4:3.3   ........   0   123456  150.1 M     1",
		"2020-09-13 12:10:00.123     00:00:00.002 SCTP          10.0.0.1:1     ->          1.1.1.1:2     ........   0        3     1500     1",
		"2020-09-13 12:25:01.000     00:01:00.000 TCP   2001:db8:0:1::80.51118 -> 2a00:14..f::200e.443   ...A..S.   0       27     2245     1",
	});
}

static void test_extended(void **state)
{
	(void)state;
	expect("extended", (const char *const[]){
		"Date first seen             Duration     Proto      Src IP Addr:Port          Dst IP Addr:Port     Flags Tos  Packets    Bytes      pps      bps    Bpp Flows",
		"2020-09-13 12:10:00.123     00:00:12.345 TCP       192.168.1.50:51118 ->    104.18.185.54:443   ...AP.SF   0       27     2245        2     1454     83     1",
		"2020-09-13 12:10:00.123     00:00:00.000 UDP           10.0.0.1:5353  ->          8.8.8.8:53    ........   8        1       60        0        0     60     1",
		"2020-09-13 12:08:20.123     00:01:40.500 ICMP          10.0.0.1:0     ->          8.8.4.4:3.3   ........   0   123456  150.1 M     1228   12.0 M   1216     1",
		"2020-09-13 12:10:00.123     00:00:00.002 SCTP          10.0.0.1:1     ->          1.1.1.1:2     ........   0        3     1500     1500    6.0 M    500     1",
		"2020-09-13 12:25:01.000     00:01:00.000 TCP   2001:db8:0:1::80.51118 -> 2a00:14..f::200e.443   ...A..S.   0       27     2245        0      299     83     1",
	});
}

static void test_format_of_the_notes(void **state)
{
	(void)state;
	expect("fmt:%ts , %te , %sa", (const char *const[]){
		"Date first seen           Date last seen                 Src IP Addr",
		"2020-09-13 12:10:00.123 , 2020-09-13 12:10:12.468 ,     192.168.1.50",
		"2020-09-13 12:10:00.123 , 2020-09-13 12:10:00.123 ,         10.0.0.1",
		"2020-09-13 12:08:20.123 , 2020-09-13 12:10:00.623 ,         10.0.0.1",
		"2020-09-13 12:10:00.123 , 2020-09-13 12:10:00.125 ,         10.0.0.1",
		"2020-09-13 12:25:01.000 , 2020-09-13 12:26:01.000 , 2001:db8:0:1::80",
	});
}

static void test_other_codes(void **state)
{
	(void)state;
	expect("fmt:%cnt|%nfv|%td|%eng|%sp|%dp|%it|%ic|%sn", (const char *const[]){
		"Count Ver     Duration      engine Src Pt Dst Pt ICMP-T ICMP-C         Src Network",
		"    1|Nv5|    00:00:12.345|  3/7  | 51118|   443|     0|     0|    192.168.1.50/0 ",
		"    2|Nv5|    00:00:00.000|  3/7  |  5353|    53|     0|     0|        10.0.0.1/0 ",
		"    3|Nv5|    00:01:40.500|  3/7  |     0|   3.3|     3|     3|        10.0.0.1/0 ",
		"    4|Nv5|    00:00:00.002|  3/7  |     1|     2|     0|     0|        10.0.0.1/0 ",
		NULL,
	});
	expect("fmt:%nh|%nhb|%ra|%sas|%das|%nas|%pas|%in|%out|%ipkt|%opkt|%ibyt|%obyt|%flg|%tos|%stos|%dtos|%dir|%smk|%dmk|%fwd|%svln|%dvln",
	       (const char *const[]){
		"     Next-hop IP  BGP next-hop IP        Router IP Src AS Dst AS Next AS Prev AS  Input Output   In Pkt  Out Pkt  In Byte Out Byte    Flags Tos STos DTos Dir SMask DMask Fwd SVlan DVlan",
		"        10.9.9.9|         0.0.0.0|       127.0.0.1| 65001| 13335|      0|      0|     1|     2|      27|       0|    2245|       0|...AP.SF|  0|   0|   0|  I|    0|    0|  0|    0|    0",
		NULL,
		"        10.9.9.9|         0.0.0.0|       127.0.0.1|     0|     0|      0|      0|     1|     2|  123456|       0| 150.1 M|       0|........|  0|   0|   0|  I|    0|    0|  0|    0|    0",
		NULL, NULL,
	});
	expect("fmt:%ismc|%odmc|%idmc|%osmc|%bps|%pps|%bpp|%sc|%dc|%xsa|%xsp|%xsap", (const char *const[]){
		NULL, NULL, NULL, NULL, NULL,
		"e8:ff:1e:d5:f4:16|00:00:00:00:00:00|00:11:22:33:44:55|00:00:00:00:00:00|     299|       0|    83|..|..|         0.0.0.0|     0|         0.0.0.0:0    ",
	});
}

static void test_csv_and_fields(void **state)
{
	(void)state;
	expect("csv:%ts,%td,%sa,%da,%dp,%byt,%{in_if}", (const char *const[]){
		"ts,td,sa,da,dp,byt,in_if",
		"2020-09-13 12:10:00.123,12.345,192.168.1.50,104.18.185.54,443,2245,1",
		NULL,
		"2020-09-13 12:08:20.123,100.500,10.0.0.1,8.8.4.4,3.3,150123456,1",
		NULL,
		"2020-09-13 12:25:01.000,60.000,2001:db8:0:1::80,2a00:1450:4001:82f::200e,443,2245,1",
	});
	expect("fmt:100%% %long%n", (const char *const[]){NULL, NULL, NULL, NULL, NULL,
		"100% 2020-09-13 12:25:01.000     00:01:00.000 TCP   2001:db8:0:1::80.51118 -> 2a00:14..f::200e.443   ...A..S.   0       27     2245     1\n"});
}

static void test_macs_and_a_line_without_end(void **state)
{
	static char wide[4 + 60 * 1020] = "fmt:", line[COLUMNS_LINE_MAX];
	struct columns *c;
	char err[256];
	(void)state;
	for (int i = 0; i < 59; i++) /* each longer than a line's share */
		snprintf(wide + strlen(wide), sizeof(wide) - strlen(wide), "%%{src_mac}%1000s", "");
	if (columns_new(wide, &(struct columns_style){0}, &c, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	assert_false(columns_are_plain(c));
	flows[0].src_mac = 0x020000000001;
	size_t len = columns_line(c, &flows[0], 1, line);
	assert_true(len <= COLUMNS_LINE_MAX);
	line[len - 1] = '\0';
	assert_non_null(strstr(line, "02:00:00:00:00:01"));
	columns_free(c);
}

static void test_bad_formats_are_named(void **state)
{
	static char long_text[4096], many_columns[4096];
	static const char *const bad[][2] = {
		{"fmt:%ts %zz", "unknown code at '%zz'"}, {"nosuch", "no such format"}, {"fmt:%{nosuch}", "no such field"},
		{"fmt:%{in_if", "no closing brace"}, {"fmt:", "nothing to print"},
		{"fmt:%{a_name_that_is_longer_than_any_field_and_longer_than_what_it_is_copied_to}", "no such field"},
		{long_text, "too much text"}, {many_columns, "too many columns"},
	};
	memcpy(long_text, "fmt:%sa", 7);
	memset(long_text + 7, 'x', sizeof(long_text) - 8);
	memcpy(many_columns, "fmt:", 4);
	for (size_t i = 4; i + 3 < sizeof(many_columns); i += 3)
		memcpy(many_columns + i, "%sa", 3);
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct columns *c = NULL;
		char err[256] = "";
		assert_int_equal(columns_new(bad[i][0], &(struct columns_style){0}, &c, err, sizeof(err)), -22);
		assert_null(c);
		assert_non_null(strstr(err, bad[i][1]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line), cmocka_unit_test(test_long), cmocka_unit_test(test_extended),
		cmocka_unit_test(test_format_of_the_notes), cmocka_unit_test(test_other_codes),
		cmocka_unit_test(test_csv_and_fields), cmocka_unit_test(test_bad_formats_are_named),
		cmocka_unit_test(test_macs_and_a_line_without_end),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
