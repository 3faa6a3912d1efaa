/*
 * capture.c -- libpcap behind a small door: the one file that includes pcap.h.
 *
 * Link types: Ethernet, Linux cooked (SLL and SLL2), raw IP, BSD loopback (NULL and LOOP). Times are nanoseconds
 * whatever the file has. libpcap reads pcap and pcapng; of the latter only files whose interfaces are all of one type.
 *
 * UDP payloads are found through 802.1Q tags and IP fragments, not through tunnels: this is for captures of export
 * traffic, taken where the exporter's packets pass.
 */
#include "packet/capture.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/wire.h"
#include "packet/defrag.h"
#include "packet/etype.h"
#include "packet/iphdr.h"

enum { SNAPLEN_MAX = 262144, LIVE_TIMEOUT_MS = 100, LIVE_BUFFER = 16 << 20 };

struct capture {
	pcap_t *pcap;
	int link;
	bool live;
	bool stop;             /* atomic */
	struct defrag *defrag; /* made when the first fragment comes */
	struct capture_stats stats;
	char error[PCAP_ERRBUF_SIZE + 64];
};

/* Each link type: how to get from its header to an ethertype. */
struct link_type {
	int link;
	bool (*strip)(struct wire *w, uint16_t *ret_etype);
};

static uint16_t etype_of_ip(const struct wire *w)
{
	return wire_left(w) && *w->p >> 4 == 6 ? ETYPE_IPV6 : ETYPE_IPV4;
}

static bool strip_ethernet(struct wire *w, uint16_t *ret_etype)
{
	*ret_etype = 0;
	return wire_left(w) >= 14;
}

static bool strip_raw(struct wire *w, uint16_t *ret_etype)
{
	*ret_etype = etype_of_ip(w);
	return wire_left(w) > 0;
}

/* Linux cooked v1: packet type, ARPHRD, address length, 8 octets of address, protocol. */
static bool strip_sll(struct wire *w, uint16_t *ret_etype)
{
	wire_skip(w, 14);
	*ret_etype = wire_u16(w);
	return !wire_failed(w) && *ret_etype > ETYPE_LENGTH_MAX;
}

/* Linux cooked v2: the protocol first, then 18 octets of interface, type and address. */
static bool strip_sll2(struct wire *w, uint16_t *ret_etype)
{
	*ret_etype = wire_u16(w);
	wire_skip(w, 18);
	return !wire_failed(w) && *ret_etype > ETYPE_LENGTH_MAX;
}

/* BSD loopback: four octets of address family in the byte order of who wrote it; the version nibble says it better. */
static bool strip_null(struct wire *w, uint16_t *ret_etype)
{
	wire_skip(w, 4);
	*ret_etype = etype_of_ip(w);
	return wire_left(w) > 0;
}

static const struct link_type link_types[] = {
	{DLT_EN10MB, strip_ethernet}, {DLT_LINUX_SLL, strip_sll}, {DLT_LINUX_SLL2, strip_sll2}, {DLT_RAW, strip_raw},
	{DLT_IPV4, strip_raw},        {DLT_IPV6, strip_raw},      {DLT_NULL, strip_null},       {DLT_LOOP, strip_null},
};

static const struct link_type *find_link(int link)
{
	for (size_t i = 0; i < sizeof(link_types) / sizeof(link_types[0]); i++) {
		if (link_types[i].link == link)
			return &link_types[i];
	}
	return NULL;
}

/* Takes over PCAP, also when it fails. */
static int open_common(const char *what, pcap_t *pcap, bool live, struct capture **ret_capture, char *err, size_t err_len)
{
	int link = pcap_datalink(pcap);
	if (!find_link(link)) {
		const char *name = pcap_datalink_val_to_name(link);
		snprintf(err, err_len, "%s: link type %s (%d) is not supported; Ethernet, Linux cooked, raw IP and loopback are",
		         what, name ? name : "unknown", link);
		pcap_close(pcap);
		return -EINVAL;
	}
	struct capture *c = calloc(1, sizeof(*c));
	if (!c) {
		snprintf(err, err_len, "%s: no memory", what);
		pcap_close(pcap);
		return -EINVAL;
	}
	c->pcap = pcap;
	c->link = link;
	c->live = live;
	*ret_capture = c;
	return 0;
}

int capture_open(const char *path, struct capture **ret_capture, char *err, size_t err_len)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
	if (!pcap) {
		size_t n = strlen(path);
		bool named = strncmp(why, path, n) == 0 && strncmp(why + n, ": ", 2) == 0;
		snprintf(err, err_len, "%s: %s", name, named ? why + n + 2 : why);
		return -EINVAL;
	}
	return open_common(name, pcap, false, ret_capture, err, err_len);
}

int capture_open_live(const char *interface, size_t snaplen, struct capture **ret_capture, char *err, size_t err_len)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap = pcap_create(interface, why);
	if (!pcap) {
		snprintf(err, err_len, "%s: %s", interface, why);
		return -EINVAL;
	}
	pcap_set_snaplen(pcap, snaplen && snaplen < SNAPLEN_MAX ? (int)snaplen : SNAPLEN_MAX);
	pcap_set_promisc(pcap, 1);
	pcap_set_timeout(pcap, LIVE_TIMEOUT_MS);
	pcap_set_buffer_size(pcap, LIVE_BUFFER);
	pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
	int rc = pcap_activate(pcap);
	if (rc < 0) {
		const char *what = pcap_statustostr(rc);
		const char *more = pcap_geterr(pcap);
		bool both = *more && strcmp(more, what) != 0;
		snprintf(err, err_len, "%s: %s%s%s", interface, what, both ? ": " : "", both ? more : "");
		pcap_close(pcap);
		return -EINVAL;
	}
	/* On Linux a blocking pcap_next_ex waits for ever when nothing comes, whatever the timeout: wait_live() waits. */
	if (pcap_setnonblock(pcap, 1, why) < 0) {
		snprintf(err, err_len, "%s: %s", interface, why);
		pcap_close(pcap);
		return -EINVAL;
	}
	return open_common(interface, pcap, true, ret_capture, err, err_len);
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	pcap_close(c->pcap);
	defrag_free(c->defrag);
	free(c);
}

int capture_filter(struct capture *c, const char *filter, char *err, size_t err_len)
{
	struct bpf_program program;
	if (pcap_compile(c->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		snprintf(err, err_len, "filter '%s': %s", filter, pcap_geterr(c->pcap));
		return -EINVAL;
	}
	int rc = pcap_setfilter(c->pcap, &program);
	pcap_freecode(&program);
	if (rc < 0) {
		snprintf(err, err_len, "filter '%s': %s", filter, pcap_geterr(c->pcap));
		return -EINVAL;
	}
	return 0;
}

const char *capture_error(const struct capture *c)
{
	return c->error;
}

void capture_stop(struct capture *c)
{
	__atomic_store_n(&c->stop, true, __ATOMIC_RELEASE); /* pcap_breakloop alone is not seen when nothing comes */
	pcap_breakloop(c->pcap);
}

void capture_stats(struct capture *c, struct capture_stats *ret_stats)
{
	struct pcap_stat ps;
	if (c->live && pcap_stats(c->pcap, &ps) == 0)
		c->stats.dropped = ps.ps_drop;
	if (c->defrag) {
		const struct defrag_stats *ds = defrag_stats(c->defrag);
		c->stats.fragments_given_up = ds->expired + ds->evicted + ds->bad;
	}
	*ret_stats = c->stats;
}

static uint64_t time_of(const struct pcap_pkthdr *h)
{
	/* With nanosecond precision tv_usec holds nanoseconds. */
	return (uint64_t)h->ts.tv_sec * NS_PER_S + (uint64_t)h->ts.tv_usec;
}

/* Waits until there may be something to read, for LIVE_TIMEOUT_MS at most; false when there is not. */
static bool wait_live(struct capture *c)
{
	struct pollfd fd = {.fd = pcap_get_selectable_fd(c->pcap), .events = POLLIN};
	return c->live && poll(&fd, 1, LIVE_TIMEOUT_MS) > 0;
}

int capture_next(struct capture *c, struct capture_packet *ret_packet)
{
	const struct link_type *type = find_link(c->link);
	for (;;) {
		struct pcap_pkthdr *h;
		const u_char *data;
		int rc = pcap_next_ex(c->pcap, &h, &data);
		if (rc == 0 && wait_live(c))
			rc = pcap_next_ex(c->pcap, &h, &data);
		if (rc == PCAP_ERROR_BREAK || __atomic_load_n(&c->stop, __ATOMIC_ACQUIRE))
			return 0; /* also the end of a file */
		if (rc == 0)
			return -EAGAIN;
		if (rc < 0) {
			snprintf(c->error, sizeof(c->error), "after packet %llu: %s", (unsigned long long)c->stats.packets,
			         pcap_geterr(c->pcap));
			return -EIO;
		}
		c->stats.packets++;
		c->stats.cut += h->caplen < h->len;
		struct wire w = wire_of(data, h->caplen);
		uint16_t etype;
		if (!type->strip(&w, &etype)) {
			c->stats.unknown++;
			continue;
		}
		size_t stripped = (size_t)(w.p - data);
		*ret_packet = (struct capture_packet){
			.time_ns = time_of(h), .data = w.p, .len = wire_left(&w), .etype = etype,
			.wire_len = h->len > h->caplen ? h->len - stripped : wire_left(&w),
		};
		return 1;
	}
}

/* Takes Ethernet's header and VLAN tags off; gives the ethertype. */
static uint16_t skip_to_network(struct wire *w, uint16_t etype)
{
	if (!etype) {
		wire_skip(w, 12);
		etype = wire_u16(w);
	}
	while (etype == ETYPE_VLAN || etype == ETYPE_SERVICE_VLAN || etype == ETYPE_OLD_QINQ) {
		wire_skip(w, 2);
		etype = wire_u16(w);
	}
	return etype;
}

/* Walks IPv6 extension headers up to the fragment header or the payload; gives the protocol there. */
static uint8_t skip_extensions(struct wire *w, uint8_t proto, struct iphdr_frag *frag)
{
	/* What a cut header gives is 0, which is an option too. */
	while (iphdr_is_option(proto) && !wire_failed(w)) {
		uint8_t next = wire_u8(w);
		uint8_t words = wire_u8(w);
		wire_skip(w, 6 + (size_t)words * 8);
		proto = next;
	}
	return proto == IPHDR_FRAGMENT ? iphdr_fragment6(w, frag) : proto;
}

/* Gives the fragment to the table; true when that made W the window of a whole payload. */
static bool assemble(struct capture *c, const struct capture_packet *packet, const struct iphdr *ip, uint8_t proto,
                     const struct capture_udp *udp, struct wire *w)
{
	c->stats.fragments++;
	if (ip->cut || packet->len < packet->wire_len)
		return false; /* a hole in it that nothing will fill */
	if (!c->defrag && !(c->defrag = defrag_new()))
		return false;
	struct defrag_piece piece = {
		.src = udp->src, .dst = udp->dst, .id = ip->frag.id, .proto = proto, .offset = ip->frag.offset,
		.more = ip->frag.more, .data = w->p, .len = wire_left(w),
	};
	size_t len;
	const uint8_t *whole = defrag_add(c->defrag, &piece, packet->time_ns, &len);
	if (whole)
		*w = wire_of(whole, len);
	return whole != NULL;
}

/* The UDP header at W (RFC 768). False: its length contradicts what came. */
static bool read_udp(struct wire w, bool cut, struct capture_udp *udp)
{
	udp->src_port = wire_u16(&w);
	udp->dst_port = wire_u16(&w);
	size_t len = wire_u16(&w);
	wire_skip(&w, 2);
	if (wire_failed(&w))
		return false;
	if (!len) /* RFC 2675 4: a jumbogram */
		len = wire_left(&w) + 8;
	if (len < 8)
		return false;
	udp->data = w.p;
	udp->len = len - 8;
	udp->cut = false;
	if (udp->len > wire_left(&w)) {
		if (!cut)
			return false;
		udp->len = wire_left(&w);
		udp->cut = true;
	}
	return true;
}

/* 1: UDP holds a datagram; 0: nothing of that kind in PACKET, and it was counted. */
static int udp_of(struct capture *c, const struct capture_packet *packet, struct capture_udp *udp)
{
	struct wire w = wire_of(packet->data, packet->len);
	uint16_t etype = skip_to_network(&w, packet->etype);
	struct iphdr ip;
	if ((etype != ETYPE_IPV4 && etype != ETYPE_IPV6) || !iphdr_read(w, &ip)) {
		c->stats.not_udp++;
		return 0;
	}
	*udp = (struct capture_udp){.time_ns = packet->time_ns};
	udp->src = ip.version == 4 ? ip_v4(ip.src) : ip_v6(ip.src);
	udp->dst = ip.version == 4 ? ip_v4(ip.dst) : ip_v6(ip.dst);
	w = ip.payload;
	uint8_t proto = ip.version == 4 ? ip.proto : skip_extensions(&w, ip.proto, &ip.frag);
	if (proto != IPHDR_UDP || wire_failed(&w)) {
		c->stats.not_udp++;
		return 0;
	}
	if ((ip.frag.offset || ip.frag.more) && !assemble(c, packet, &ip, proto, udp, &w))
		return 0;
	if (!read_udp(w, ip.cut, udp)) {
		c->stats.bad++;
		return 0;
	}
	c->stats.udp++;
	return 1;
}

int capture_next_udp(struct capture *c, struct capture_udp *ret_udp)
{
	for (;;) {
		struct capture_packet packet;
		int rc = capture_next(c, &packet);
		if (rc != 1)
			return rc;
		struct capture_udp udp;
		if (udp_of(c, &packet, &udp)) {
			*ret_udp = udp;
			return 1;
		}
	}
}
