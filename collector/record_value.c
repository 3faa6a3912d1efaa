/*
 * record_value.c -- the values that are more than a copy of bytes: text, labels, times of every form, flags; and those
 * that may only fill in where another element gave nothing.
 */
#include <string.h>

#include "collector/ie.h"
#include "collector/mapping.h"
#include "collector/record.h"
#include "collector/template.h"
#include "common/clock.h"
#include "common/utf8.h"
#include "common/wire.h"

/* Seconds from 1900 to 1970: RFC 5905 6, used by RFC 7011 6.1.9. */
#define NTP_TO_UNIX 2208988800ull

static void *at(struct record *r, uint16_t offset)
{
	return (char *)r + offset;
}

/*
 * RFC 7011 6.1.10: seconds since 1900 and a fraction of 2^-32 s, in units of 1 / PER_SECOND s, to the nearest: what the
 * exporter's clock said before it was made a binary fraction. Seconds wrap in 2036: small ones are of era 1.
 */
static uint64_t ntp(uint64_t v, uint64_t per_second)
{
	uint64_t seconds = v >> 32;
	uint64_t fraction = v & 0xffffffff;

	if (v == 0)
		return 0;
	if (seconds < NTP_TO_UNIX)
		seconds += 1ull << 32;
	return (seconds - NTP_TO_UNIX) * per_second + ((fraction * per_second + (1u << 31)) >> 32);
}

/* RFC 7011 6.1.9: in microseconds the fraction's lowest 11 bits must be ignored. */
static uint64_t ntp_us(uint64_t v)
{
	return ntp(v & ~0x7ffull, NS_PER_S / NS_PER_US) * NS_PER_US;
}

static uint64_t float_bits(const uint8_t *p, size_t len)
{
	uint64_t bits;
	double v;

	if (len != 4 && len != 8)
		return 0;
	if (len == 4) {
		uint32_t half = wire_load32(p);
		float f;
		memcpy(&f, &half, sizeof(f));
		v = (double)f;
	} else {
		bits = wire_load64(p);
		memcpy(&v, &bits, sizeof(v));
	}
	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

/*
 * Juniper's common property 2, forwarding class and exception code in 16 bits: a code means that the packet was dropped,
 * for a reason that hangs on the platform. As forwardingStatus (RFC 7270 4.12): forwarded or dropped, unknown why.
 */
static uint64_t juniper_status(uint64_t v, size_t len)
{
	if (len != 2 || v >> 10 != 2)
		return 0;
	return v & 0x3ff ? 128 : 64;
}

/* VMware's tunnelType, which Open vSwitch sends, too. */
static uint64_t vmware_tunnel(uint64_t v)
{
	static const uint8_t kinds[] = {[1] = FLOW_TUNNEL_VXLAN, [2] = FLOW_TUNNEL_GRE, [7] = FLOW_TUNNEL_GENEVE};
	return v < sizeof(kinds) ? kinds[v] : 0;
}

static uint64_t number(const struct step *s, const uint8_t *p, size_t len)
{
	uint64_t v = wire_load_uint(p, len);

	switch ((enum ie_op)s->ie_op) {
	case IE_OP_VLAN:
	case IE_OP_LABEL: return v & ((1u << ie_op_bits(s->ie_op)) - 1);
	case IE_OP_SEC: return (v & 0xffffffff) * NS_PER_S;
	case IE_OP_MS: return v * NS_PER_MS;
	case IE_OP_NTP: return ntp(v, NS_PER_S);
	case IE_OP_NTP_US: return ntp_us(v);
	case IE_OP_ICMP_TYPE: return v >> 8 & 0xff;
	case IE_OP_ICMP_CODE: return v & 0xff;
	case IE_OP_IP_VERSION: return v == 4 ? 0x0800 : v == 6 ? 0x86dd : 0;
	case IE_OP_DSCP: return v << 2 & 0xfc;
	case IE_OP_FRAGMENT: return v >> 5 & 7;                  /* RFC 7012: fragmentFlags begins with the bits reserved, DF, MF */
	case IE_OP_SEGMENT: return v & 0xffffff;                 /* VXLAN and NVGRE ids have 24 bits; above is which of them */
	case IE_OP_VMWARE_TUNNEL: return vmware_tunnel(v);
	case IE_OP_JUNIPER: return juniper_status(v, len);
	case IE_OP_FLOAT: return float_bits(p, len);
	default: return v;
	}
}

static void store_number(const struct step *s, uint64_t v, struct record *r)
{
	if (s->width == IE_WIDTH_32) {
		uint32_t *to = at(r, s->target);
		if (!s->if_zero || *to == 0)
			*to = (uint32_t)v;
	} else {
		uint64_t *to = at(r, s->target);
		if (!s->if_zero || *to == 0)
			*to = v;
	}
}

static bool is_zero(const uint8_t *p, size_t len)
{
	uint8_t all = 0;

	for (size_t i = 0; i < len; i++)
		all |= p[i];
	return all == 0;
}

/* Where a template has addresses of both families, the one that is not in use is zero. */
static void store_addr(const struct step *s, const uint8_t *p, size_t len, struct record *r)
{
	struct ip_addr *to = at(r, s->target);

	if (len != 4 && len != 16)
		return;
	if (s->if_zero && to->len && (is_zero(p, len) || !is_zero(to->bytes, to->len)))
		return;
	*to = len == 4 ? ip_v4(p) : ip_v6(p);
}

static void append_number(const struct step *s, uint64_t v, struct record *r)
{
	uint32_t *n = at(r, s->target);
	uint32_t *values = at(r, s->array);

	if (*n < FLOW_ARRAY_MAX)
		values[(*n)++] = (uint32_t)v;
	else
		r->cut++;
}

static void append_addrs(const struct step *s, const uint8_t *p, size_t len, struct record *r)
{
	uint32_t *n = at(r, s->target);
	struct ip_addr *values = at(r, s->array);
	size_t one = len == 4 ? 4 : 16;

	for (; len >= one; p += one, len -= one) {
		if (is_zero(p, one))
			continue;
		if (*n < FLOW_ARRAY_MAX)
			values[(*n)++] = one == 4 ? ip_v4(p) : ip_v6(p);
		else
			r->cut++;
	}
}

/* RFC 3032 2.1: label 20 bits, experimental 3, bottom 1; exporters leave the TTL out (RFC 7012: mplsTopLabelStackSection). */
static void append_label(const struct step *s, const uint8_t *p, size_t len, struct record *r)
{
	uint64_t v = wire_load_uint(p, len);

	if (v != 0)
		append_number(s, len == 4 ? v >> 12 : v >> 4, r);
}

/* Cuts LEN so that no character is cut in two. */
static size_t whole_characters(const uint8_t *p, size_t len)
{
	size_t n = len;

	while (n > 0 && len - n < 4 && !utf8_valid((const char *)p, n))
		n--;
	return utf8_valid((const char *)p, n) ? n : len;
}

size_t record_text(char *out, size_t room, const uint8_t *p, size_t len)
{
	/* Texts in fields of fixed length are filled up with NULs or blanks. */
	const uint8_t *nul = memchr(p, 0, len);
	if (nul)
		len = (size_t)(nul - p);
	while (len > 0 && p[len - 1] == ' ')
		len--;
	if (len > room)
		len = whole_characters(p, room);
	memcpy(out, p, len);
	uint8_t all = 0;
	for (size_t i = 0; i < len; i++)
		all |= p[i];
	/* protobuf's string must be UTF-8 or its readers refuse the whole record; most are ASCII. */
	if (all >= 0x80 && !utf8_valid(out, len))
		for (size_t i = 0; i < len; i++)
			if ((unsigned char)out[i] >= 0x80)
				out[i] = '?';
	return len;
}

static void store_text(const struct step *s, const uint8_t *p, size_t len, struct record *r)
{
	uint32_t *n = at(r, s->target);

	if (!s->if_zero || *n == 0)
		*n = (uint32_t)record_text(at(r, s->array), FLOW_STR_MAX, p, len);
}

void record_value(const struct step *s, const uint8_t *p, size_t len, struct record *r)
{
	switch ((enum ie_op)s->ie_op) {
	case IE_OP_ADDR: store_addr(s, p, len, r); break;
	case IE_OP_TEXT: store_text(s, p, len, r); break;
	case IE_OP_NUMBER: append_number(s, wire_load_uint(p, len), r); break;
	case IE_OP_ADDRESS: append_addrs(s, p, len, r); break;
	case IE_OP_MPLS: append_label(s, p, len, r); break;
	case IE_OP_MAPPED: mapping_value(s, p, len, r); break;
	default: store_number(s, number(s, p, len), r); break;
	}
}
