/*
 * sflow_record.c -- the records of a flow sample (sflow.org/sflow_version_5.txt, and the extensions of
 * sflow.org/developers/structures.php): one small reader a format, found in a table.
 *
 * Records 1 to 4 are the packet itself: when one does not fit, the sample is bad. The others add to it: when one
 * does not fit, the flow goes without, and the record is counted. A reader looks at all it needs before it sets
 * anything. Formats without a reader, other enterprises' too, are passed over by their length.
 */
#include "collector/sflow_internal.h"
#include "common/utf8.h"
#include "packet/etype.h"
#include "packet/frame.h"
#include "packet/iphdr.h"

static void set_length(struct sflow_sample *sample, uint32_t length, enum sflow_length from)
{
	if (from < sample->length_from)
		return;
	sample->length = length;
	sample->length_from = from;
}

static void count_cut(struct sflow_sample *sample, uint64_t n)
{
	if (n)
		counter_add(&sample->dg->d->stats.cut_arrays, n);
}

bool sflow_record_addr(struct wire *w, struct ip_addr *ret_addr)
{
	const uint8_t *p;
	*ret_addr = (struct ip_addr){0};
	switch (wire_u32(w)) { /* enum address_type */
	case 0:
		return !wire_failed(w);
	case 1:
		if ((p = wire_bytes(w, 4)))
			*ret_addr = ip_v4(p);
		return p;
	case 2:
		if ((p = wire_bytes(w, 16)))
			*ret_addr = ip_v6(p);
		return p;
	}
	return false;
}

struct wire sflow_record_string(struct wire *w)
{
	uint32_t len = wire_u32(w);
	struct wire text = wire_sub(w, len);
	/* RFC 4506 4.11: padded to a multiple of four, but the last one's padding may be missing. */
	size_t padding = -len & 3u;
	wire_skip(w, padding < wire_left(w) ? padding : wire_left(w));
	return text;
}

void sflow_record_set_string(struct sflow_sample *sample, char *out, uint32_t *ret_len, const struct wire *text)
{
	size_t len = strnlen((const char *)text->p, wire_left(text));
	if (len > FLOW_STR_MAX) {
		len = FLOW_STR_MAX;
		while (len > FLOW_STR_MAX - 4 && !utf8_valid((const char *)text->p, len))
			len--; /* not through the middle of a character */
		count_cut(sample, 1);
	}
	memcpy(out, text->p, len);
	*ret_len = (uint32_t)len;
}

/* 1: sampled_header. */
bool sflow_record_header(struct sflow_sample *sample, struct wire *w, bool stripped)
{
	static const struct {
		uint8_t known;
		uint16_t etype; /* 0: Ethernet */
	} protocols[] = {
		[SFLOW_HEADER_ETHERNET] = {1, 0},      [SFLOW_HEADER_PPP] = {1, ETYPE_PPP},   [SFLOW_HEADER_IPV4] = {1, ETYPE_IPV4},
		[SFLOW_HEADER_IPV6] = {1, ETYPE_IPV6}, [SFLOW_HEADER_MPLS] = {1, ETYPE_MPLS}, [SFLOW_HEADER_POS] = {1, ETYPE_PPP},
	};
	uint32_t protocol = wire_u32(w);
	uint32_t frame_length = wire_u32(w);
	if (stripped)
		wire_skip(w, 4); /* octets of the frame that are not in the header: its length has them */
	uint32_t header_length = wire_u32(w);
	struct wire header = wire_sub(w, header_length);
	if (wire_failed(w))
		return false;
	set_length(sample, frame_length, SFLOW_LENGTH_HEADER);
	if (protocol >= sizeof(protocols) / sizeof(protocols[0]) || !protocols[protocol].known)
		return true; /* token ring, frame relay ...: the flow has its length and interfaces */
	const struct decode_options *options = &sample->dg->d->options;
	struct frame_info info = {0};
	/* A header too short to be read is no reason to forget that the packet was there. */
	(void)frame_decode_etype(header.p, wire_left(&header), protocols[protocol].etype,
	                         options->inner_instead ? FRAME_INNER_INSTEAD : FRAME_INNER_BESIDE, sample->f, &info);
	count_cut(sample, info.cut);
	return true;
}

static bool read_header(struct sflow_sample *sample, struct wire *w)
{
	return sflow_record_header(sample, w, true);
}

/* 2: sampled_ethernet. XDR pads each address to eight octets; agents that do not are told by the length. */
static bool read_ethernet(struct sflow_sample *sample, struct wire *w)
{
	size_t padding = wire_left(w) >= 24 ? 2 : 0;
	uint32_t length = wire_u32(w);
	uint64_t src = wire_uint(w, 6);
	wire_skip(w, padding);
	uint64_t dst = wire_uint(w, 6);
	wire_skip(w, padding);
	uint32_t etype = wire_u32(w);
	if (wire_failed(w))
		return false;
	set_length(sample, length, SFLOW_LENGTH_ETHERNET);
	sample->f->src_mac = src;
	sample->f->dst_mac = dst;
	sample->f->etype = etype;
	return true;
}

/* 3, 4: sampled_ipv4 and sampled_ipv6 differ in the addresses only. */
static bool read_ip(struct sflow_sample *sample, struct wire *w, uint32_t addr_len)
{
	uint32_t length = wire_u32(w);
	uint32_t proto = wire_u32(w);
	const uint8_t *src = wire_bytes(w, addr_len);
	const uint8_t *dst = wire_bytes(w, addr_len);
	uint32_t src_port = wire_u32(w);
	uint32_t dst_port = wire_u32(w);
	uint32_t tcp_flags = wire_u32(w);
	uint32_t tos = wire_u32(w);
	if (wire_failed(w))
		return false;
	set_length(sample, length, SFLOW_LENGTH_IP);
	struct flow *f = sample->f;
	f->src_addr = addr_len == 4 ? ip_v4(src) : ip_v6(src);
	f->dst_addr = addr_len == 4 ? ip_v4(dst) : ip_v6(dst);
	f->etype = addr_len == 4 ? ETYPE_IPV4 : ETYPE_IPV6;
	f->proto = proto;
	f->ip_tos = tos;
	f->src_port = src_port;
	f->dst_port = dst_port;
	f->tcp_flags = tcp_flags;
	return true;
}

bool sflow_record_ipv4(struct sflow_sample *sample, struct wire *w)
{
	return read_ip(sample, w, 4);
}

bool sflow_record_ipv6(struct sflow_sample *sample, struct wire *w)
{
	return read_ip(sample, w, 16);
}

/* 1001; agents that do not know a VLAN send all ones. */
bool sflow_record_switch(struct sflow_sample *sample, struct wire *w)
{
	uint32_t src_vlan = wire_u32(w);
	wire_skip(w, 4); /* priority */
	uint32_t dst_vlan = wire_u32(w);
	wire_skip(w, 4);
	if (wire_failed(w))
		return false;
	sample->f->src_vlan = src_vlan == UINT32_MAX ? 0 : src_vlan;
	sample->f->dst_vlan = dst_vlan == UINT32_MAX ? 0 : dst_vlan;
	return true;
}

/* 1002 */
bool sflow_record_router(struct sflow_sample *sample, struct wire *w)
{
	struct ip_addr next_hop;
	bool known = sflow_record_addr(w, &next_hop);
	uint32_t src_len = wire_u32(w);
	uint32_t dst_len = wire_u32(w);
	if (wire_failed(w) || !known)
		return false;
	sample->f->next_hop = next_hop;
	sample->f->src_net = src_len;
	sample->f->dst_net = dst_len;
	return true;
}

/* A list of numbers goes behind those that OUT has already. */
static void take_numbers(struct sflow_sample *sample, struct wire *w, uint32_t *out, uint32_t *n)
{
	uint32_t count = wire_u32(w);
	if (count > wire_left(w) / 4) {
		wire_fail(w);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t number = wire_u32(w);
		if (*n < FLOW_ARRAY_MAX)
			out[(*n)++] = number;
		else
			count_cut(sample, 1);
	}
}

bool sflow_record_as_path(struct sflow_sample *sample, struct wire *w, bool segments, struct sflow_as_path *ret_path)
{
	struct sflow_as_path p = {.own = wire_u32(w)};
	p.src = wire_u32(w);
	p.src_peer = wire_u32(w);
	/* Each segment, be it a set or a sequence, goes behind the one before; older versions have one sequence. */
	uint32_t count = segments ? wire_u32(w) : 1;
	for (uint32_t i = 0; i < count && !wire_failed(w); i++) {
		if (segments)
			wire_skip(w, 4);
		const uint8_t *list = w->p;
		take_numbers(sample, w, sample->f->as_path, &p.n);
		if (!wire_failed(w) && w->p - list > 4)
			p.last = wire_load32(w->p - 4); /* also when it did not fit */
	}
	*ret_path = p;
	return !wire_failed(w);
}

void sflow_record_set_as(struct flow *f, const struct sflow_as_path *p)
{
	/* Without a path the destination lies in the router's own system; a source of 0 too. */
	f->n_as_path = p->n;
	f->dst_as = p->n ? p->last : p->own;
	f->next_hop_as = p->n ? f->as_path[0] : 0;
	f->src_as = p->src ? p->src : p->own;
	f->bgp_prev_adjacent_as = p->src_peer;
	f->bgp_next_adjacent_as = f->next_hop_as;
}

/* 1003: own, source and peer systems, path; in version 4 without the next hop before it. */
bool sflow_record_gateway(struct sflow_sample *sample, struct wire *w)
{
	struct flow *f = sample->f;
	struct sflow_as_path path;
	uint32_t n = 0;
	if (!sflow_record_as_path(sample, w, true, &path))
		return false;
	take_numbers(sample, w, f->bgp_communities, &n);
	uint32_t local_pref = wire_u32(w);
	if (wire_failed(w))
		return false;
	sflow_record_set_as(f, &path);
	f->n_bgp_communities = n;
	f->local_pref = local_pref;
	return true;
}

static bool read_gateway(struct sflow_sample *sample, struct wire *w)
{
	struct ip_addr next_hop;
	if (!sflow_record_addr(w, &next_hop) || !sflow_record_gateway(sample, w))
		return false;
	sample->f->bgp_next_hop = next_hop;
	return true;
}

/* 1004: the source's user; the destination's where there is no other. */
static bool read_user(struct sflow_sample *sample, struct wire *w)
{
	wire_skip(w, 4); /* character set, a MIBenum */
	struct wire src = sflow_record_string(w);
	wire_skip(w, 4);
	struct wire dst = sflow_record_string(w);
	if (wire_failed(w))
		return false;
	sflow_record_set_string(sample, sample->f->user_name, &sample->f->n_user_name, wire_left(&src) ? &src : &dst);
	return true;
}

/* 1005; a host may follow, in version 5 */
bool sflow_record_url(struct sflow_sample *sample, struct wire *w)
{
	wire_skip(w, 4); /* direction */
	struct wire url = sflow_record_string(w);
	if (wire_failed(w))
		return false;
	sflow_record_set_string(sample, sample->f->url, &sample->f->n_url, &url);
	return true;
}

/* 1006: the labels that came in, where the header does not have them. */
static bool read_mpls(struct sflow_sample *sample, struct wire *w)
{
	struct flow *f = sample->f;
	struct ip_addr next_hop;
	bool known = sflow_record_addr(w, &next_hop);
	uint32_t stack[FLOW_ARRAY_MAX];
	uint32_t n = 0;
	take_numbers(sample, w, stack, &n);
	if (wire_failed(w) || !known)
		return false;
	if (!f->next_hop.len)
		f->next_hop = next_hop;
	if (f->n_mpls_label)
		return true;
	f->n_mpls_label = f->n_mpls_ttl = n;
	for (uint32_t i = 0; i < n; i++) {
		f->mpls_label[i] = stack[i] >> 12; /* RFC 3032 2.1 */
		f->mpls_ttl[i] = stack[i] & 0xff;
	}
	return true;
}

/* 1007 */
static bool read_nat(struct sflow_sample *sample, struct wire *w)
{
	struct ip_addr src, dst;
	if (!sflow_record_addr(w, &src) || !sflow_record_addr(w, &dst))
		return false;
	sample->f->post_nat_src_addr = src;
	sample->f->post_nat_dst_addr = dst;
	return true;
}

/* 1020 */
static bool read_nat_port(struct sflow_sample *sample, struct wire *w)
{
	uint32_t src = wire_u32(w);
	uint32_t dst = wire_u32(w);
	if (wire_failed(w))
		return false;
	sample->f->post_nat_src_port = src;
	sample->f->post_nat_dst_port = dst;
	return true;
}

/* 1023 to 1026: the IP header around the sampled packet, in the layout of 3 and 4. It says what kind of tunnel. */
static bool read_tunnel(struct sflow_sample *sample, struct wire *w, uint32_t addr_len)
{
	static const struct {
		uint8_t proto;
		uint16_t port; /* 0: any */
		uint32_t tunnel;
	} kinds[] = {
		{IPHDR_IPIP, 0, FLOW_TUNNEL_IPIP},     {IPHDR_IPV6, 0, FLOW_TUNNEL_IPIP},     {IPHDR_GRE, 0, FLOW_TUNNEL_GRE},
		{IPHDR_UDP, 4789, FLOW_TUNNEL_VXLAN},  {IPHDR_UDP, 8472, FLOW_TUNNEL_VXLAN},  {IPHDR_UDP, 6081, FLOW_TUNNEL_GENEVE},
		{IPHDR_UDP, 2152, FLOW_TUNNEL_GTPU},   {IPHDR_UDP, 3544, FLOW_TUNNEL_TEREDO},
	};
	wire_skip(w, 4);
	uint32_t proto = wire_u32(w);
	wire_skip(w, 2 * (size_t)addr_len + 4);
	uint32_t port = wire_u32(w);
	if (wire_failed(w))
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !sample->f->tunnel_type; i++) {
		if (kinds[i].proto == proto && (!kinds[i].port || kinds[i].port == port))
			sample->f->tunnel_type = kinds[i].tunnel;
	}
	return true;
}

static bool read_tunnel4(struct sflow_sample *sample, struct wire *w)
{
	return read_tunnel(sample, w, 4);
}

static bool read_tunnel6(struct sflow_sample *sample, struct wire *w)
{
	return read_tunnel(sample, w, 16);
}

/* 1029, 1030 */
static bool read_vni(struct sflow_sample *sample, struct wire *w)
{
	uint32_t vni = wire_u32(w);
	if (wire_failed(w))
		return false;
	sample->f->tunnel_id = vni;
	return true;
}

/* 1011: the prefix of the label's forwarding class, where the router record gave none. */
static bool read_fec(struct sflow_sample *sample, struct wire *w)
{
	uint32_t len = wire_u32(w);
	if (wire_failed(w))
		return false;
	if (!sample->f->dst_net)
		sample->f->dst_net = len;
	return true;
}

/* 1043: when the packet was seen, ns since 1970; 0 is an agent without a clock. */
static bool read_timestamp(struct sflow_sample *sample, struct wire *w)
{
	uint64_t ns = wire_u64(w);
	if (wire_failed(w))
		return false;
	if (ns)
		sample->f->time_flow_start_ns = sample->f->time_flow_end_ns = ns;
	return true;
}

/* 1012, 1034, 1035: the VLAN tags, each TPID and TCI, that a frame has (or had, 1012); the outermost one's id. */
static bool read_vlan_stack(struct wire *w, uint32_t *ret_vlan)
{
	uint32_t count = wire_u32(w);
	uint32_t tag = count ? wire_u32(w) : 0;
	if (wire_failed(w))
		return false;
	if (count)
		*ret_vlan = tag & 0xfff;
	return true;
}

static bool read_vlan_tunnel(struct sflow_sample *sample, struct wire *w)
{
	return read_vlan_stack(w, &sample->f->vlan_id);
}

static bool read_vlan_in(struct sflow_sample *sample, struct wire *w)
{
	return read_vlan_stack(w, &sample->f->src_vlan);
}

static bool read_vlan_out(struct sflow_sample *sample, struct wire *w)
{
	return read_vlan_stack(w, &sample->f->dst_vlan);
}

/* 2100, 2101: the socket that served a transaction; the sample has no packet, so the peer is the source. */
static bool read_socket(struct sflow_sample *sample, struct wire *w, uint32_t addr_len)
{
	uint32_t proto = wire_u32(w);
	const uint8_t *local = wire_bytes(w, addr_len);
	const uint8_t *remote = wire_bytes(w, addr_len);
	uint32_t local_port = wire_u32(w);
	uint32_t remote_port = wire_u32(w);
	struct flow *f = sample->f;
	if (wire_failed(w))
		return false;
	if (f->etype)
		return true; /* a packet says it better */
	f->src_addr = addr_len == 4 ? ip_v4(remote) : ip_v6(remote);
	f->dst_addr = addr_len == 4 ? ip_v4(local) : ip_v6(local);
	f->etype = addr_len == 4 ? ETYPE_IPV4 : ETYPE_IPV6;
	f->proto = proto;
	f->src_port = remote_port;
	f->dst_port = local_port;
	return true;
}

static bool read_socket4(struct sflow_sample *sample, struct wire *w)
{
	return read_socket(sample, w, 4);
}

static bool read_socket6(struct sflow_sample *sample, struct wire *w)
{
	return read_socket(sample, w, 16);
}

/* 2206: http_request; sizes and times of the transaction are no packet's. */
static bool read_http(struct sflow_sample *sample, struct wire *w)
{
	wire_skip(w, 8); /* method, version */
	struct wire uri = sflow_record_string(w);
	for (int i = 0; i < 4; i++)
		(void)sflow_record_string(w); /* host, referrer, user agent, forwarded for */
	struct wire user = sflow_record_string(w);
	if (wire_failed(w))
		return false;
	sflow_record_set_string(sample, sample->f->url, &sample->f->n_url, &uri);
	if (wire_left(&user))
		sflow_record_set_string(sample, sample->f->user_name, &sample->f->n_user_name, &user);
	return true;
}

typedef bool record_fn(struct sflow_sample *sample, struct wire *w);

enum { EXTENDED = 1001, APPLICATION = 2100 };

static record_fn *const packets[] = {
	[1] = read_header, [2] = read_ethernet, [3] = sflow_record_ipv4, [4] = sflow_record_ipv6,
};

static record_fn *const extended[] = {
	[1001 - EXTENDED] = sflow_record_switch,
	[1002 - EXTENDED] = sflow_record_router,
	[1003 - EXTENDED] = read_gateway,
	[1004 - EXTENDED] = read_user,
	[1005 - EXTENDED] = sflow_record_url,
	[1006 - EXTENDED] = read_mpls,
	[1007 - EXTENDED] = read_nat,
	[1011 - EXTENDED] = read_fec,
	[1012 - EXTENDED] = read_vlan_tunnel,
	[1020 - EXTENDED] = read_nat_port,
	[1023 - EXTENDED] = read_tunnel4,
	[1024 - EXTENDED] = read_tunnel4,
	[1025 - EXTENDED] = read_tunnel6,
	[1026 - EXTENDED] = read_tunnel6,
	[1029 - EXTENDED] = read_vni,
	[1030 - EXTENDED] = read_vni,
	[1034 - EXTENDED] = read_vlan_in,
	[1035 - EXTENDED] = read_vlan_out,
	[1043 - EXTENDED] = read_timestamp,
};

static record_fn *const application[] = {
	[2100 - APPLICATION] = read_socket4,
	[2101 - APPLICATION] = read_socket6,
	[2206 - APPLICATION] = read_http,
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static record_fn *reader_of(uint32_t format)
{
	if (format - EXTENDED < COUNT(extended))
		return extended[format - EXTENDED];
	return format - APPLICATION < COUNT(application) ? application[format - APPLICATION] : NULL;
}

int sflow_record(struct sflow_sample *sample, uint32_t format, struct wire *w)
{
	if (format < COUNT(packets) && packets[format])
		return packets[format](sample, w) ? 0 : -ERR_BAD_SAMPLE;
	record_fn *reader = reader_of(format);
	if (!reader)
		counter_inc(&sample->dg->d->stats.records_passed_over);
	else if (!reader(sample, w))
		counter_inc(&sample->dg->d->stats.records_ignored);
	return 0;
}
