/*
 * ip.h -- addresses and prefixes, IPv4 and IPv6, as plain bytes in network order.
 */
#ifndef WEIR_COMMON_IP_H
#define WEIR_COMMON_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sockaddr;
struct sockaddr_storage;

/* LEN is 4, 16, or 0 for "absent". Bytes past LEN are zero, so two addresses are equal when memcmp says so. */
struct ip_addr {
	uint8_t bytes[16];
	uint32_t len;
};

struct ip_prefix {
	struct ip_addr addr; /* host bits are zero */
	uint32_t bits;
};

/* A list of prefixes; zero it to start, ip_set_free() at the end. */
struct ip_set {
	struct ip_prefix *items;
	size_t count;
	size_t cap;
};

enum {
	IP_TEXT_MAX = 46,     /* room for an address as text, its NUL included */
	IP_PREFIX_TEXT_MAX = 50
};

static inline bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline struct ip_addr ip_v4(const uint8_t bytes[4])
{
	struct ip_addr a = {.len = 4};
	memcpy(a.bytes, bytes, 4);
	return a;
}

static inline struct ip_addr ip_v6(const uint8_t bytes[16])
{
	struct ip_addr a = {.len = 16};
	memcpy(a.bytes, bytes, 16);
	return a;
}

/* Writes A as text, IPv6 by RFC 5952, "" when absent; gives the length without the NUL. OUT has IP_TEXT_MAX bytes. */
size_t ip_format(const struct ip_addr *a, char *out);

/* 0, or -EINVAL. Takes no brackets, no port, no zone. */
int ip_parse(const char *text, struct ip_addr *ret_addr);

/* "10.0.0.0/8", "2001:db8::/32", or a bare address (all bits). Host bits are masked off. 0 or -EINVAL. */
int ip_prefix_parse(const char *text, struct ip_prefix *ret_prefix);
size_t ip_prefix_format(const struct ip_prefix *p, char *out);
bool ip_prefix_has(const struct ip_prefix *p, const struct ip_addr *a);
/* Clears the bits of A past BITS. */
struct ip_addr ip_mask(const struct ip_addr *a, uint32_t bits);

int ip_set_add(struct ip_set *set, const struct ip_prefix *p); /* 0 or -ENOMEM */
/* Adds "a/8,b/16,..."; 0, -EINVAL (with the bad item in ERR) or -ENOMEM. */
int ip_set_parse(struct ip_set *set, const char *list, char *err, size_t err_len);
/* Adds RFC 1918, RFC 6598, RFC 3927, loopback, RFC 4193 and link-local prefixes. */
int ip_set_add_private(struct ip_set *set);
/* Adds the prefixes of this host's connected networks (getifaddrs), loopback left out. */
int ip_set_add_connected(struct ip_set *set);
bool ip_set_has(const struct ip_set *set, const struct ip_addr *a);
void ip_set_free(struct ip_set *set);

/* From a socket address; a v4-mapped IPv6 address becomes IPv4. Port in host order. */
struct ip_addr ip_from_sockaddr(const struct sockaddr_storage *ss, uint16_t *ret_port);
size_t ip_to_sockaddr(const struct ip_addr *a, uint16_t port, struct sockaddr_storage *ret_ss);

#endif
