/*
 * ip.c -- addresses as text and back, and from socket addresses.
 *
 * ip_format() is written by hand: it runs twice a flow where flows become JSON, and inet_ntop() would be the most
 * expensive thing there. IPv6 follows RFC 5952. Prefixes and sets are in ip_set.c.
 */
#include "common/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "common/wire.h"

static inline char *put_octet(char *out, unsigned v)
{
	if (v >= 100) {
		*out++ = (char)('0' + v / 100);
		v %= 100;
		*out++ = (char)('0' + v / 10);
		*out++ = (char)('0' + v % 10);
		return out;
	}
	if (v >= 10)
		*out++ = (char)('0' + v / 10);
	*out++ = (char)('0' + v % 10);
	return out;
}

static inline char *put_v4(char *out, const uint8_t *bytes)
{
	out = put_octet(out, bytes[0]);
	for (int i = 1; i < 4; i++) {
		*out++ = '.';
		out = put_octet(out, bytes[i]);
	}
	return out;
}

/* RFC 5952 4.1: no leading zeros; 4.3: small letters. */
static inline char *put_group(char *out, unsigned v)
{
	static const char digits[] = "0123456789abcdef";
	if (v >= 0x1000)
		*out++ = digits[v >> 12];
	if (v >= 0x100)
		*out++ = digits[v >> 8 & 15];
	if (v >= 0x10)
		*out++ = digits[v >> 4 & 15];
	*out++ = digits[v & 15];
	return out;
}

/* RFC 5952 4.2: the longest run of zero groups becomes "::", the first one of equals, and never a single group. */
static char *put_v6(char *out, const uint8_t *bytes)
{
	uint16_t groups[8];
	int best = -1, best_len = 1, run = 0;
	for (int i = 0; i < 8; i++) {
		groups[i] = wire_load16(bytes + 2 * (size_t)i);
		run = groups[i] ? 0 : run + 1;
		if (run > best_len) {
			best_len = run;
			best = i - run + 1;
		}
	}
	/* RFC 5952 5: an address with an IPv4 one in it by a known prefix shows that in dots. */
	bool mapped = best == 0 && best_len == 5 && groups[5] == 0xffff;
	for (int i = 0; i < 8; i++) {
		if (i == best) {
			*out++ = ':';
			*out++ = ':';
			i += best_len - 1;
			continue;
		}
		if (i > 0 && i != best + best_len)
			*out++ = ':';
		if (i == 6 && mapped)
			return put_v4(out, bytes + 12);
		out = put_group(out, groups[i]);
	}
	return out;
}

size_t ip_format(const struct ip_addr *a, char *out)
{
	char *end = out;
	if (a->len == 4)
		end = put_v4(out, a->bytes);
	else if (a->len == 16)
		end = put_v6(out, a->bytes);
	*end = '\0';
	return (size_t)(end - out);
}

int ip_parse(const char *text, struct ip_addr *ret_addr)
{
	struct ip_addr a = {0};
	if (inet_pton(AF_INET, text, a.bytes) == 1)
		a.len = 4;
	else if (inet_pton(AF_INET6, text, a.bytes) == 1)
		a.len = 16;
	else
		return -EINVAL;
	*ret_addr = a;
	return 0;
}

struct ip_addr ip_from_sockaddr(const struct sockaddr_storage *ss, uint16_t *ret_port)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct ip_addr a = {0};
	uint16_t port = 0;
	if (ss->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)ss;
		a.len = 4;
		memcpy(a.bytes, &in->sin_addr, 4);
		port = ntohs(in->sin_port);
	} else if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)ss;
		const uint8_t *bytes = in6->sin6_addr.s6_addr;
		a = memcmp(bytes, mapped, sizeof(mapped)) == 0 ? ip_v4(bytes + 12) : ip_v6(bytes);
		port = ntohs(in6->sin6_port);
	}
	if (ret_port)
		*ret_port = port;
	return a;
}

size_t ip_to_sockaddr(const struct ip_addr *a, uint16_t port, struct sockaddr_storage *ret_ss)
{
	memset(ret_ss, 0, sizeof(*ret_ss));
	if (a->len == 4) {
		struct sockaddr_in *in = (void *)ret_ss;
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, a->bytes, 4);
		return sizeof(*in);
	}
	if (a->len == 16) {
		struct sockaddr_in6 *in6 = (void *)ret_ss;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, a->bytes, 16);
		return sizeof(*in6);
	}
	return 0;
}
