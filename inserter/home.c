/*
 * home.c -- the home collector's line: MAC | %-50s -> %-50s : [0x%02x] %10u packets, %10u bytes
 *
 * The client stands left, whichever way the flow went, and the MAC is the client's. A flow of which neither or both
 * ends are local is printed as it is, source -> destination.
 */
#include "inserter/home.h"

#include "inserter/put.h"
#include "proto/flow.h"

enum { END_WIDTH = 50, COUNT_WIDTH = 10 };

#define UP_COLOUR   "\033[32m"
#define DOWN_COLOUR "\033[36m"
#define NO_COLOUR   "\033[0m"

static char *put_upper_mac(char *out, uint64_t mac)
{
	char *end = digits_mac(out, mac);
	for (char *p = out; p < end; p++)
		if (*p >= 'a')
			*p = (char)(*p - 'a' + 'A');
	return end;
}

static char *put_end(char *out, const struct ip_addr *addr, uint32_t port)
{
	bool brackets = addr->len == 16;
	if (brackets)
		*out++ = '[';
	out = put_ip(out, addr);
	if (brackets)
		*out++ = ']';
	*out++ = ':';
	return digits_u64(out, port);
}

static char *put_count(char *out, uint64_t n)
{
	return put_right(out, digits_u64(out, n), COUNT_WIDTH);
}

static char *put_arrow(char *out, bool down, bool colour)
{
	if (colour)
		out = down ? put_literal(out, DOWN_COLOUR) : put_literal(out, UP_COLOUR);
	out = down ? put_literal(out, " <- ") : put_literal(out, " -> ");
	return colour ? put_literal(out, NO_COLOUR) : out;
}

size_t home_line(const struct flow *f, enum side side, bool colour, char *out)
{
	bool down = side == SIDE_DOWN;
	char *p = put_upper_mac(out, down ? f->dst_mac : f->src_mac);
	p = put_literal(p, " | ");
	char *start = p;
	p = down ? put_end(p, &f->dst_addr, f->dst_port) : put_end(p, &f->src_addr, f->src_port);
	p = put_left(start, p, END_WIDTH);
	p = put_arrow(p, down, colour);
	start = p;
	p = down ? put_end(p, &f->src_addr, f->src_port) : put_end(p, &f->dst_addr, f->dst_port);
	p = put_left(start, p, END_WIDTH);
	p = put_literal(p, " : [0x");
	p = digits_hex2(p, (uint8_t)f->proto);
	p = put_literal(p, "] ");
	p = put_count(p, f->packets);
	p = put_literal(p, " packets, ");
	p = put_count(p, f->bytes);
	p = put_literal(p, " bytes\n");
	return (size_t)(p - out);
}
