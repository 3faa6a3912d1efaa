/*
 * ip_set.c -- prefixes and short lists of them ("our networks", "who may send").
 *
 * A set is looked through from front to back: such lists have a few items, and a scan of them is faster than
 * anything clever. Long tables (countries, customers) are the enrich room's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/ip.h"

struct ip_addr ip_mask(const struct ip_addr *a, uint32_t bits)
{
	struct ip_addr out = *a;
	for (uint32_t i = 0; i < a->len; i++) {
		if (bits >= 8) {
			bits -= 8;
			continue;
		}
		out.bytes[i] &= (uint8_t)(0xff00u >> bits);
		bits = 0;
	}
	return out;
}

int ip_prefix_parse(const char *text, struct ip_prefix *ret_prefix)
{
	char addr[IP_PREFIX_TEXT_MAX];
	struct ip_prefix p;
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	if (len >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (ip_parse(addr, &p.addr) < 0)
		return -EINVAL;
	p.bits = p.addr.len * 8;
	if (slash) {
		uint32_t bits = 0;
		if (!slash[1] || strlen(slash + 1) > 3)
			return -EINVAL;
		for (const char *c = slash + 1; *c; c++) {
			if (*c < '0' || *c > '9')
				return -EINVAL;
			bits = bits * 10 + (uint32_t)(*c - '0');
		}
		if (bits > p.bits)
			return -EINVAL;
		p.bits = bits;
	}
	p.addr = ip_mask(&p.addr, p.bits);
	*ret_prefix = p;
	return 0;
}

size_t ip_prefix_format(const struct ip_prefix *p, char *out)
{
	size_t len = ip_format(&p->addr, out);
	if (p->addr.len == 0)
		return len;
	return len + (size_t)snprintf(out + len, IP_PREFIX_TEXT_MAX - len, "/%u", p->bits);
}

bool ip_prefix_has(const struct ip_prefix *p, const struct ip_addr *a)
{
	if (p->addr.len != a->len || a->len == 0)
		return false;
	size_t whole = p->bits / 8;
	uint32_t rest = p->bits % 8;
	if (memcmp(p->addr.bytes, a->bytes, whole) != 0)
		return false;
	return rest == 0 || ((p->addr.bytes[whole] ^ a->bytes[whole]) & (0xff00u >> rest) & 0xffu) == 0;
}

int ip_set_add(struct ip_set *set, const struct ip_prefix *p)
{
	if (set->count == set->cap) {
		size_t cap = set->cap ? set->cap * 2 : 8;
		struct ip_prefix *items = reallocarray(set->items, cap, sizeof(*items));
		if (!items)
			return -ENOMEM;
		set->items = items;
		set->cap = cap;
	}
	set->items[set->count++] = *p;
	return 0;
}

int ip_set_parse(struct ip_set *set, const char *list, char *err, size_t err_len)
{
	while (*list) {
		char item[IP_PREFIX_TEXT_MAX + 20];
		struct ip_prefix p;
		list += strspn(list, ", \t\n");
		size_t len = strcspn(list, ", \t\n");
		if (len == 0)
			break;
		(void)snprintf(item, sizeof(item), "%.*s", (int)(len < sizeof(item) ? len : sizeof(item) - 1), list);
		if (len >= sizeof(item) || ip_prefix_parse(item, &p) < 0) {
			(void)snprintf(err, err_len, "'%s' is no address and no prefix (192.168.0.0/16, 2001:db8::/32)",
				       item);
			return -EINVAL;
		}
		if (ip_set_add(set, &p) < 0) {
			(void)snprintf(err, err_len, "no memory");
			return -ENOMEM;
		}
		list += len;
	}
	return 0;
}

int ip_set_add_private(struct ip_set *set)
{
	char err[100];
	return ip_set_parse(set,
			    "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16," /* RFC 1918 3 */
			    "100.64.0.0/10,169.254.0.0/16,127.0.0.0/8," /* RFC 6598 7, RFC 3927 2.1, RFC 1122 3.2.1.3 */
			    "fc00::/7,fe80::/10,::1/128",               /* RFC 4193 3.1, RFC 4291 2.5.6 and 2.5.3 */
			    err, sizeof(err));
}

int ip_set_add_connected(struct ip_set *set)
{
	struct ifaddrs *all = NULL;
	int r = 0;
	if (getifaddrs(&all) < 0)
		return -errno;
	for (const struct ifaddrs *i = all; i && r == 0; i = i->ifa_next) {
		if (!i->ifa_addr || !i->ifa_netmask || (i->ifa_flags & IFF_LOOPBACK) ||
		    (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		/* Copied: the kernel's are shorter than a sockaddr_storage, and a mask's family may be unset. */
		struct sockaddr_storage addr = {0}, mask = {0};
		bool v4 = i->ifa_addr->sa_family == AF_INET;
		size_t len = v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
		memcpy(&addr, i->ifa_addr, len);
		memcpy(&mask, i->ifa_netmask, len);
		mask.ss_family = addr.ss_family;
		struct ip_prefix p = {.addr = ip_from_sockaddr(&addr, NULL)};
		struct ip_addr m = ip_from_sockaddr(&mask, NULL);
		for (uint32_t byte = 0; byte < m.len; byte++)
			p.bits += (uint32_t)__builtin_popcount(m.bytes[byte]);
		if (p.bits > p.addr.len * 8)
			continue;
		p.addr = ip_mask(&p.addr, p.bits);
		r = ip_set_add(set, &p);
	}
	freeifaddrs(all);
	return r;
}

bool ip_set_has(const struct ip_set *set, const struct ip_addr *a)
{
	for (size_t i = 0; i < set->count; i++)
		if (ip_prefix_has(&set->items[i], a))
			return true;
	return false;
}

void ip_set_free(struct ip_set *set)
{
	if (!set)
		return;
	free(set->items);
	*set = (struct ip_set){0};
}
