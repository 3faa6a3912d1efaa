/*
 * columns.c -- nfdump's columns: how each code of columns.def is written. Compiling a format is in columns_format.c.
 *
 * Widths, roundings and gaps are those of nfdump 1.7 (tests/unit/test_columns.c holds lines that nfdump itself wrote), so
 * that what people have built on its output goes on working. In csv ("plain") nothing is padded or rounded.
 */
#include <stdio.h>
#include <time.h>

#include "common/clock.h"
#include "inserter/columns_internal.h"
#include "inserter/put.h"

enum { V4_WIDTH = 16, V6_WIDTH = 39, PORT_WIDTH = 5, PROTO_ICMP = 1, PROTO_ICMP6 = 58, PROTO_TCP = 6 };

#define CELL(how) char *columns_##how(struct columns *c, const struct cell *cell, const struct flow *f, char *out)

static uint64_t member_u64(const struct flow *f, const struct cell *cell)
{
	const char *at = (const char *)f + cell->offset;
	return cell->size == sizeof(uint64_t) ? *(const uint64_t *)(const void *)at : *(const uint32_t *)(const void *)at;
}

static const struct ip_addr *member_addr(const struct flow *f, const struct cell *cell)
{
	return (const void *)((const char *)f + cell->offset);
}

static char *right(const struct columns *c, const struct cell *cell, char *start, char *end)
{
	return c->plain ? end : put_right(start, end, cell->width);
}

/* -- numbers -- */

static char *put_number(const struct columns *c, const struct cell *cell, uint64_t v, char *out)
{
	return right(c, cell, out, digits_u64(out, v));
}

CELL(number)
{
	return put_number(c, cell, member_u64(f, cell), out);
}

CELL(counter)
{
	(void)f;
	return put_number(c, cell, c->number, out);
}

CELL(flows)
{
	return put_number(c, cell, f->flow_count ? f->flow_count : 1, out);
}

/* From a million on: one decimal and a letter, in powers of 1000. */
static char *put_scaled(const struct columns *c, const struct cell *cell, uint64_t v, char *out)
{
	static const struct {
		uint64_t unit;
		char letter;
	} units[] = {{1000000000000, 'T'}, {1000000000, 'G'}, {1000000, 'M'}};
	for (size_t i = 0; !c->plain && !c->plain_numbers && i < sizeof(units) / sizeof(units[0]); i++) {
		if (v < units[i].unit)
			continue;
		uint64_t tenths = v / (units[i].unit / 10) + (v % (units[i].unit / 10) >= units[i].unit / 20);
		char *p = digits_u64(out, tenths / 10);
		*p++ = '.';
		*p++ = (char)('0' + tenths % 10);
		*p++ = ' ';
		*p++ = units[i].letter;
		return put_right(out, p, cell->width);
	}
	return put_number(c, cell, v, out);
}

CELL(scaled)
{
	return put_scaled(c, cell, member_u64(f, cell), out);
}

static uint64_t duration_ms(const struct flow *f)
{
	if (f->time_flow_end_ns <= f->time_flow_start_ns || !f->time_flow_start_ns)
		return 0;
	return f->time_flow_end_ns / NS_PER_MS - f->time_flow_start_ns / NS_PER_MS;
}

static uint64_t per_second(const struct flow *f, uint64_t amount)
{
	uint64_t ms = duration_ms(f);
	return ms ? (uint64_t)((double)amount * 1000 / (double)ms) : 0;
}

CELL(bits_per_second)
{
	return put_scaled(c, cell, per_second(f, f->bytes * 8), out);
}

CELL(packets_per_second)
{
	return put_scaled(c, cell, per_second(f, f->packets), out);
}

CELL(bytes_per_packet)
{
	return put_number(c, cell, f->packets ? f->bytes / f->packets : 0, out);
}

/* -- times -- */

static void set_minute(struct columns *c, uint64_t minute)
{
	time_t t = (time_t)(minute * 60);
	struct tm tm;
	localtime_r(&t, &tm);
	c->minute = minute;
	char *p = put_fixed(c->minute_text, (uint64_t)tm.tm_year + 1900, 4);
	*p++ = '-';
	p = put_fixed(p, (uint64_t)tm.tm_mon + 1, 2);
	*p++ = '-';
	p = put_fixed(p, (uint64_t)tm.tm_mday, 2);
	*p++ = ' ';
	p = put_fixed(p, (uint64_t)tm.tm_hour, 2);
	*p++ = ':';
	p = put_fixed(p, (uint64_t)tm.tm_min, 2);
	*p = ':';
}

/* Records of sampled packets have no times of their own: when they came is the best there is. */
static uint64_t time_of(const struct flow *f, const struct cell *cell)
{
	uint64_t ns = member_u64(f, cell);
	return ns ? ns : f->time_received_ns;
}

CELL(date)
{
	uint64_t ms = time_of(f, cell) / NS_PER_MS;
	if (c->minute != ms / 60000)
		set_minute(c, ms / 60000);
	char *p = put_text(out, c->minute_text, sizeof(c->minute_text));
	p = put_fixed(p, ms / 1000 % 60, 2);
	*p++ = '.';
	return put_fixed(p, ms % 1000, 3);
}

CELL(seconds)
{
	(void)c;
	uint64_t ms = time_of(f, cell) / NS_PER_MS;
	char *p = digits_u64(out, ms / 1000);
	*p++ = '.';
	return put_fixed(p, ms % 1000, 3);
}

CELL(duration)
{
	uint64_t ms = duration_ms(f);
	if (c->plain || c->plain_numbers) {
		char *p = digits_u64(out, ms / 1000);
		*p++ = '.';
		return right(c, cell, out, put_fixed(p, ms % 1000, 3));
	}
	uint64_t days = ms / 86400000;
	char *p = out;
	if (days) {
		p = digits_u64(p, days);
		*p++ = 'd';
		*p++ = ' ';
	}
	p = put_fixed(p, ms / 3600000 % 24, 2);
	*p++ = ':';
	p = put_fixed(p, ms / 60000 % 60, 2);
	*p++ = ':';
	p = put_fixed(p, ms / 1000 % 60, 2);
	*p++ = '.';
	return put_right(out, put_fixed(p, ms % 1000, 3), cell->width);
}

/* -- addresses and ports -- */

/* An address in its column: 16 wide, the middle of a long one left out, or 39 wide by option. */
static char *put_address(const struct columns *c, const struct ip_addr *a, char *out)
{
	static const char zero[] = "0.0.0.0";
	char *p = a->len ? put_ip(out, a) : put_literal(out, zero);
	if (c->plain)
		return p;
	if (c->long_ipv6)
		return put_right(out, p, V6_WIDTH);
	if (p - out > V4_WIDTH) {
		out[7] = '.';
		out[8] = '.';
		memmove(out + 9, p - 7, 7);
		p = out + V4_WIDTH;
	}
	return put_right(out, p, V4_WIDTH);
}

CELL(address)
{
	return put_address(c, member_addr(f, cell), out);
}

static char *put_country(char *out, const char *country, uint32_t len)
{
	return len ? put_text(out, country, len < 2 ? len : 2) : put_literal(out, "..");
}

static char *put_port(const struct columns *c, const struct ip_addr *a, uint32_t port, char *out)
{
	*out++ = a->len == 16 ? '.' : ':';
	char *p = digits_u64(out, port);
	return c->plain ? p : put_left(out, p, PORT_WIDTH);
}

static uint32_t icmp_type(const struct flow *f)
{
	return f->icmp_type | f->icmp_code ? f->icmp_type : f->dst_port >> 8 & 255;
}

static uint32_t icmp_code(const struct flow *f)
{
	return f->icmp_type | f->icmp_code ? f->icmp_code : f->dst_port & 255;
}

static bool is_icmp(const struct flow *f)
{
	return f->proto == PROTO_ICMP || f->proto == PROTO_ICMP6;
}

static char *put_icmp(const struct flow *f, char *out)
{
	char *p = digits_u64(out, icmp_type(f));
	*p++ = '.';
	return digits_u64(p, icmp_code(f));
}

static char *put_dst_port(const struct columns *c, const struct flow *f, char *out)
{
	if (!is_icmp(f))
		return put_port(c, &f->dst_addr, f->dst_port, out);
	*out++ = f->dst_addr.len == 16 ? '.' : ':';
	char *p = put_icmp(f, out);
	return c->plain ? p : put_left(out, p, PORT_WIDTH);
}

CELL(source)
{
	return put_port(c, &f->src_addr, f->src_port, put_address(c, member_addr(f, cell), out));
}

CELL(destination)
{
	return put_dst_port(c, f, put_address(c, member_addr(f, cell), out));
}

CELL(source_country)
{
	char *p = put_address(c, member_addr(f, cell), out);
	*p++ = '(';
	p = put_country(p, f->src_country, f->n_src_country);
	*p++ = ')';
	return put_port(c, &f->src_addr, f->src_port, p);
}

CELL(destination_country)
{
	char *p = put_address(c, member_addr(f, cell), out);
	*p++ = '(';
	p = put_country(p, f->dst_country, f->n_dst_country);
	*p++ = ')';
	return put_dst_port(c, f, p);
}

CELL(translated_source)
{
	return put_port(c, &f->post_nat_src_addr, f->post_nat_src_port, put_address(c, member_addr(f, cell), out));
}

CELL(translated_destination)
{
	return put_port(c, &f->post_nat_dst_addr, f->post_nat_dst_port, put_address(c, member_addr(f, cell), out));
}

CELL(dst_port)
{
	if (!is_icmp(f))
		return put_number(c, cell, f->dst_port, out);
	return right(c, cell, out, put_icmp(f, out));
}

CELL(icmp_type)
{
	return put_number(c, cell, is_icmp(f) ? icmp_type(f) : 0, out);
}

CELL(icmp_code)
{
	return put_number(c, cell, is_icmp(f) ? icmp_code(f) : 0, out);
}

static char *put_net(const struct columns *c, const struct ip_addr *a, uint32_t bits, char *out)
{
	struct ip_addr net = ip_mask(a, bits && bits <= a->len * 8 ? bits : a->len * 8);
	char *p = put_address(c, &net, out);
	*p++ = '/';
	char *end = digits_u64(p, bits);
	return c->plain ? end : put_left(p, end, 2);
}

CELL(src_net)
{
	return put_net(c, member_addr(f, cell), f->src_net, out);
}

CELL(dst_net)
{
	return put_net(c, member_addr(f, cell), f->dst_net, out);
}

/* -- words -- */

CELL(version)
{
	(void)c;
	(void)cell;
	switch (f->type) {
	case FLOW_TYPE_NETFLOW_V1: return put_literal(out, "Nv1");
	case FLOW_TYPE_NETFLOW_V5: return put_literal(out, "Nv5");
	case FLOW_TYPE_NETFLOW_V7: return put_literal(out, "Nv7");
	case FLOW_TYPE_NETFLOW_V8: return put_literal(out, "Nv8");
	case FLOW_TYPE_NETFLOW_V9: return put_literal(out, "Nv9");
	case FLOW_TYPE_IPFIX: return put_literal(out, "I10");
	case FLOW_TYPE_SFLOW_2: case FLOW_TYPE_SFLOW_4: case FLOW_TYPE_SFLOW_5: return put_literal(out, "Sfl");
	default: return put_literal(out, "  -");
	}
}

CELL(proto)
{
	const char *name = f->proto == PROTO_ICMP6 ? "ICMP6" : f->proto ? flow_proto_name(f->proto) : NULL;
	char *p = name && !c->plain_numbers ? put_text(out, name, strlen(name)) : digits_u64(out, f->proto);
	return c->plain ? p : put_left(out, p, cell->width);
}

CELL(flags)
{
	static const char letters[] = "CEUAPRSF";
	(void)c;
	(void)cell;
	for (unsigned bit = 0; bit < 8; bit++)
		*out++ = f->proto == PROTO_TCP && (f->tcp_flags & 0x80u >> bit) ? letters[bit] : '.';
	return out;
}

CELL(direction)
{
	char *p = put_text(out, f->flow_direction ? "E" : "I", 1);
	return right(c, cell, out, p);
}

CELL(mac)
{
	(void)c;
	return digits_mac(out, member_u64(f, cell));
}

CELL(engine)
{
	char *p = right(c, &(struct cell){.width = 3}, out, digits_u64(out, f->engine_type));
	*p++ = '/';
	p = digits_u64(p, f->engine_id);
	return c->plain ? p : put_left(out, p, cell->width);
}

/* nfdump writes these in hexadecimal, the rest of the width zeros. */
CELL(hex)
{
	uint64_t v = member_u64(f, cell);
	if (c->plain)
		return digits_u64(out, v);
	out = put_literal(out, "0x");
	for (size_t i = cell->width - 2; i-- > 0;)
		*out++ = "0123456789abcdef"[i < 16 ? v >> 4 * i & 15 : 0];
	return out;
}

/* RFC 6759: the engine that knows it, and its number there. */
CELL(application)
{
	uint64_t v = member_u64(f, cell);
	if (c->plain)
		return digits_u64(out, v);
	char *p = put_right(out, digits_u64(out, v >> 24), 2);
	p = put_literal(p, "..");
	return digits_u64(p, v & 0xffffff);
}

static char *put_word(const struct columns *c, const struct cell *cell, const char *const words[], size_t n, uint64_t v, char *out)
{
	char *p = v < n && words[v] ? put_text(out, words[v], strlen(words[v])) : digits_u64(out, v);
	return right(c, cell, out, p);
}

CELL(firewall_event)
{
	static const char *const words[] = {"INVALID", "CREATE", "DELETE", "DENIED", "ALERT", "UPDATE"};
	return put_word(c, cell, words, sizeof(words) / sizeof(words[0]), member_u64(f, cell), out);
}

CELL(firewall_extended)
{
	static const char *const words[] = {[0] = "Ignore", [1001] = "I-ACL", [1002] = "E-ACL", [1003] = "Adap", [1004] = "No Syn"};
	return put_word(c, cell, words, sizeof(words) / sizeof(words[0]), member_u64(f, cell), out);
}

CELL(nat_event)
{
	static const char *const words[] = {"INVALID", "ADD", "DELETE"};
	return put_word(c, cell, words, sizeof(words) / sizeof(words[0]), member_u64(f, cell), out);
}

CELL(country)
{
	(void)c;
	const char *at = (const char *)f + cell->array_offset;
	return put_country(out, at, *(const uint32_t *)(const void *)((const char *)f + cell->offset));
}

CELL(text)
{
	const char *at = (const char *)f + cell->array_offset;
	uint32_t len = *(const uint32_t *)(const void *)((const char *)f + cell->offset);
	char *p = out;
	/* A name comes from the network: nothing in it may steer a terminal or break a line. */
	for (uint32_t i = 0; i < len; i++) {
		unsigned char ch = (unsigned char)at[i];
		*p++ = ch < 0x20 || ch == 0x7f || (c->plain && ch == ',') ? '_' : (char)ch;
	}
	return right(c, cell, out, p);
}

static char *put_label(const struct columns *c, const struct flow *f, uint32_t at, char *out)
{
	static const struct cell label = {.width = 12};
	char *p = digits_u64(out, at < f->n_mpls_label ? f->mpls_label[at] : 0);
	p = put_literal(p, "-0-");
	p = digits_u64(p, f->n_mpls_label && at + 1 == f->n_mpls_label); /* the bottom of the stack */
	return right(c, &label, out, p);
}

CELL(mpls_place)
{
	return put_label(c, f, cell->place, out);
}

CELL(mpls_labels)
{
	(void)cell;
	char *p = out;
	for (uint32_t i = 0; i < (c->plain ? f->n_mpls_label : 10) && i < 10; i++) {
		if (i)
			*p++ = ' ';
		p = put_label(c, f, i, p);
	}
	return c->plain ? p : put_text(p, " ", 1);
}

CELL(line_break)
{
	(void)c;
	(void)cell;
	(void)f;
	*out = '\n';
	return out + 1;
}

/* -- %{name}: any field of fields.def -- */

CELL(field_addr)
{
	(void)c;
	return put_ip(out, member_addr(f, cell));
}

CELL(field_numbers)
{
	(void)c;
	uint32_t n = *(const uint32_t *)(const void *)((const char *)f + cell->offset);
	const uint32_t *numbers = (const void *)((const char *)f + cell->array_offset);
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			*out++ = ' ';
		out = digits_u64(out, numbers[i]);
	}
	return out;
}

CELL(field_addrs)
{
	(void)c;
	uint32_t n = *(const uint32_t *)(const void *)((const char *)f + cell->offset);
	const struct ip_addr *addrs = (const void *)((const char *)f + cell->array_offset);
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			*out++ = ' ';
		out = put_ip(out, &addrs[i]);
	}
	return out;
}
