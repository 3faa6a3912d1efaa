/*
 * bench_load.c -- the load of the whole-process benchmarks: bounded export traffic to a port of this machine.
 *
 * A pool of datagrams is built once, with records drawn from a seed, and sent over and over with sendmmsg; only the
 * sequence number and the export time are patched on the way, so that the sender costs little and collectors see a
 * stream without gaps. Templates go first, and again every 2,000 datagrams. Sources are addresses of 127.0.0.0/8. It
 * always ends: after --count datagrams. The IPFIX layout is that of the figures in docs/performance.md: 19 fields,
 * 16 records a datagram.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/opt.h"

enum { POOL = 1024, TEMPLATES = 4, BATCH_MAX = 256, SOURCES_MAX = 20000, DATAGRAM_MAX = 32768, FIELDS_MAX = 128 };

struct load {
	char *protocol;
	int64_t port, count, rate, sources, records, burst, templates, fields, seed;
	bool home;
};

static const struct opt rows[] = {
	{"protocol", OPT_STRING, offsetof(struct load, protocol), "ipfix", "NAME", "What to send.",
	 .choices = "v5|v9|ipfix|varlen|sflow"},
	{"port", OPT_INT, offsetof(struct load, port), "2055", "PORT", "UDP port on 127.0.0.1.", 1, 65535},
	{"count", OPT_INT, offsetof(struct load, count), "100000", "N", "Datagrams to send.", 1, 1000000000},
	{"rate", OPT_INT, offsetof(struct load, rate), "10000", "N", "Datagrams a second, 0: as fast as it goes.", 0, 100000000},
	{"sources", OPT_INT, offsetof(struct load, sources), "4", "N", "Exporters: 127.1.0.1, 127.1.0.2, ...", 1, SOURCES_MAX},
	{"records", OPT_INT, offsetof(struct load, records), "16", "N", "Records a datagram.", 1, 60},
	{"burst", OPT_INT, offsetof(struct load, burst), "32", "N", "Datagrams back to back.", 1, BATCH_MAX},
	{"templates", OPT_INT, offsetof(struct load, templates), "1", "N", "Templates of each exporter; the first one is used.", .min = 1,
	 .max = 80},
	{"fields", OPT_INT, offsetof(struct load, fields), "19", "N", "Fields of the IPFIX template; past 19 of four octets each.", 1,
	 FIELDS_MAX},
	{"seed", OPT_INT, offsetof(struct load, seed), "12345", "N", "Where the records are drawn from.", 1, INT32_MAX},
	{"home", OPT_BOOL, offsetof(struct load, home), NULL, NULL,
	 "Of each flow one end is in 10.0.0.0/16, the other in 96.0.0.0/8: up and down by turns of chance. Without it both are in 10.0.0.0/16."},
};

static const struct opt_group groups[] = {{"Load", OPT_ROWS(rows), 0}};
static const struct opt_spec spec = {
	.program = "bench_load",
	.summary = "bounded export traffic to 127.0.0.1",
	.usage = "[OPTION...]",
	.groups = groups,
	.n_groups = 1,
};

/* Fields of the template: element, length. Of the v9 one, times are relative to the uptime. */
struct field {
	uint16_t id, len;
};

static const struct field ipfix_fields[] = {
	{8, 4}, {12, 4}, {7, 2}, {11, 2}, {4, 1}, {6, 1}, {5, 1}, {10, 4}, {14, 4}, {1, 8},
	{2, 8}, {152, 8}, {153, 8}, {16, 4}, {17, 4}, {15, 4}, {9, 1}, {13, 1}, {58, 2},
};
static const struct field v9_fields[] = {
	{8, 4}, {12, 4}, {7, 2}, {11, 2}, {4, 1}, {6, 1}, {5, 1}, {10, 4}, {14, 4}, {1, 8},
	{2, 8}, {22, 4}, {21, 4}, {16, 4}, {17, 4}, {15, 4}, {9, 1}, {13, 1}, {58, 2},
};
/* The same with an application name of variable length in front (RFC 7011 7). */
static const struct field varlen_fields[] = {
	{96, 65535}, {8, 4}, {12, 4}, {7, 2}, {11, 2}, {4, 1}, {6, 1}, {5, 1}, {10, 4}, {14, 4}, {1, 8},
	{2, 8}, {152, 8}, {153, 8}, {16, 4}, {17, 4}, {15, 4}, {9, 1}, {13, 1}, {58, 2},
};

/* N fields of the IPFIX layout; what it does not have are elements that weir has no field for. */
static void more_fields(struct field *out, size_t n)
{
	size_t have = sizeof(ipfix_fields) / sizeof(ipfix_fields[0]);
	for (size_t i = 0; i < n; i++)
		out[i] = i < have ? ipfix_fields[i] : (struct field){(uint16_t)(400 + i), 4};
}

struct datagram {
	uint8_t data[DATAGRAM_MAX];
	size_t len;
};

struct out {
	uint8_t *p;
	uint32_t random;
	uint64_t now_ms;
	bool home, down;
};

static void put(struct out *o, uint64_t v, size_t len)
{
	while (len--)
		*o->p++ = (uint8_t)(v >> (8 * len));
}

static void put_at(uint8_t *p, uint64_t v, size_t len)
{
	while (len--)
		*p++ = (uint8_t)(v >> (8 * len));
}

static uint32_t draw(struct out *o, uint32_t below)
{
	o->random ^= o->random << 13;
	o->random ^= o->random >> 17;
	o->random ^= o->random << 5;
	return o->random % below;
}

/* The source is drawn first; with --home the destination is then on the other side. */
static uint32_t draw_address(struct out *o, bool is_source)
{
	if (o->home && is_source)
		o->down = draw(o, 2);
	return o->home && o->down == is_source ? 0x60000000u | draw(o, 1u << 24) : 0x0a000000u | draw(o, 1u << 16);
}

static void put_field(struct out *o, const struct field *f)
{
	switch (f->id) {
	case 96:
		put(o, 6, 1);
		for (int i = 0; i < 6; i++)
			put(o, 'a' + draw(o, 26), 1);
		break;
	case 4: put(o, draw(o, 2) ? 6 : 17, 1); break;
	case 8: put(o, draw_address(o, true), 4); break;
	case 12: put(o, draw_address(o, false), 4); break;
	case 15: put(o, 0x0a000000u | draw(o, 1u << 16), 4); break;
	case 10: case 14: put(o, 1 + draw(o, 500), f->len); break;
	case 16: case 17: put(o, 1 + draw(o, 65535), f->len); break;
	case 21: case 22: put(o, 99000 + draw(o, 1000), 4); break;
	case 152: case 153: put(o, o->now_ms - draw(o, 1000), 8); break;
	case 1: put(o, 40 + draw(o, 100000), f->len); break;
	case 2: put(o, 1 + draw(o, 1000), f->len); break;
	default: put(o, draw(o, 1u << 16), f->len); break;
	}
}

static void put_templates(struct out *o, unsigned set_id, const struct field *fields, size_t n, int64_t templates)
{
	uint8_t *set = o->p;
	put(o, set_id, 2);
	put(o, 0, 2);
	for (int64_t t = 0; t < templates; t++) {
		put(o, 256 + (uint64_t)t, 2);
		put(o, n, 2);
		for (size_t i = 0; i < n; i++) {
			put(o, fields[i].id, 2);
			put(o, fields[i].len, 2);
		}
	}
	put_at(set + 2, (uint64_t)(o->p - set), 2);
}

static void put_data(struct out *o, const struct field *fields, size_t n, int64_t records)
{
	uint8_t *set = o->p;
	put(o, 256, 2);
	put(o, 0, 2);
	for (int64_t r = 0; r < records; r++)
		for (size_t i = 0; i < n; i++)
			put_field(o, &fields[i]);
	while ((o->p - set) % 4)
		put(o, 0, 1);
	put_at(set + 2, (uint64_t)(o->p - set), 2);
}

static void build_ipfix(struct out *o, int64_t templates, int64_t records, const struct field *fields, size_t n)
{
	uint8_t *start = o->p;
	put(o, 10, 2);
	put(o, 0, 2);
	put(o, o->now_ms / 1000, 4);
	put(o, 0, 4);
	put(o, 1, 4);
	if (templates)
		put_templates(o, 2, fields, n, templates);
	put_data(o, fields, n, records);
	put_at(start + 2, (uint64_t)(o->p - start), 2);
}

static void build_v9(struct out *o, int64_t templates, int64_t records)
{
	size_t n = sizeof(v9_fields) / sizeof(v9_fields[0]);
	put(o, 9, 2);
	put(o, (uint64_t)(records + templates), 2);
	put(o, 100000, 4);
	put(o, o->now_ms / 1000, 4);
	put(o, 0, 4);
	put(o, 1, 4);
	if (templates)
		put_templates(o, 0, v9_fields, n, templates);
	put_data(o, v9_fields, n, records);
}

static void build_v5(struct out *o, int64_t records)
{
	static const struct field v5_fields[] = {
		{8, 4}, {12, 4}, {15, 4}, {10, 2}, {14, 2}, {2, 4}, {1, 4}, {22, 4}, {21, 4}, {7, 2}, {11, 2},
		{0, 1}, {6, 1}, {4, 1}, {5, 1}, {16, 2}, {17, 2}, {9, 1}, {13, 1}, {0, 2},
	};
	put(o, 5, 2);
	put(o, (uint64_t)records, 2);
	put(o, 100000, 4);
	put(o, o->now_ms / 1000, 4);
	put(o, 0, 4);
	put(o, 0, 4);
	put(o, 0, 4);
	for (int64_t r = 0; r < records; r++)
		for (size_t i = 0; i < sizeof(v5_fields) / sizeof(v5_fields[0]); i++)
			put_field(o, &v5_fields[i]);
}

/* A flow sample with one raw Ethernet header: IPv4, TCP. */
static void put_sflow_sample(struct out *o)
{
	uint8_t *start = o->p;
	put(o, 1, 4);
	put(o, 0, 4);
	put(o, draw(o, 1u << 20), 4); /* sequence */
	put(o, 3, 4);                 /* source id */
	put(o, 1000, 4);              /* rate */
	put(o, 100000, 4);            /* pool */
	put(o, 0, 4);                 /* drops */
	put(o, 3, 4);
	put(o, 4, 4);
	put(o, 1, 4);                 /* records */
	put(o, 1, 4);                 /* raw packet header */
	put(o, 16 + 56, 4);
	put(o, 1, 4);
	put(o, 64 + draw(o, 1400), 4);
	put(o, 4, 4);
	put(o, 54, 4);
	put(o, 0x020000000000ull | draw(o, 1000), 6);
	put(o, 0x020000000000ull | draw(o, 1000), 6);
	put(o, 0x0800, 2);
	put(o, 0x4500, 2);
	put(o, 40 + draw(o, 1400), 2);
	put(o, draw(o, 65536), 2);
	put(o, 0x4000, 2);
	put(o, 0x4006, 2);
	put(o, 0, 2);
	put(o, 0x0a000000u | draw(o, 1u << 16), 4);
	put(o, 0x0a000000u | draw(o, 1u << 16), 4);
	put(o, draw(o, 65536), 2);
	put(o, 443, 2);
	put(o, 0, 4);
	put(o, 0, 4);
	put(o, 0x5018, 2);
	put(o, 0xffff, 2);
	put(o, 0, 4);
	put(o, 0, 2); /* XDR padding */
	put_at(start + 4, (uint64_t)(o->p - start - 8), 4);
}

static void build_sflow(struct out *o, int64_t samples)
{
	put(o, 5, 4);
	put(o, 1, 4);
	put(o, 0x7f000001, 4);
	put(o, 0, 4);
	put(o, 0, 4);
	put(o, 100000, 4);
	put(o, (uint64_t)samples, 4);
	for (int64_t i = 0; i < samples; i++)
		put_sflow_sample(o);
}

/* Where the sequence number stands, and by how much it grows a datagram. */
struct shape {
	const char *name;
	size_t sequence_at;
	bool per_record, templates;
};

static const struct shape shapes[] = {
	{"v5", 16, true, false}, {"v9", 12, false, true}, {"ipfix", 8, true, true},
	{"varlen", 8, true, true}, {"sflow", 16, false, false},
};

static void build(struct datagram *d, const struct load *l, struct out *o, bool with_template)
{
	int64_t templates = with_template ? l->templates : 0;
	struct field fields[FIELDS_MAX];
	more_fields(fields, (size_t)l->fields);
	o->p = d->data;
	if (!strcmp(l->protocol, "v5"))
		build_v5(o, l->records > 30 ? 30 : l->records);
	else if (!strcmp(l->protocol, "v9"))
		build_v9(o, templates, l->records);
	else if (!strcmp(l->protocol, "sflow"))
		build_sflow(o, l->records);
	else if (!strcmp(l->protocol, "varlen"))
		build_ipfix(o, templates, l->records, varlen_fields, sizeof(varlen_fields) / sizeof(varlen_fields[0]));
	else
		build_ipfix(o, templates, l->records, fields, (size_t)l->fields);
	d->len = (size_t)(o->p - d->data);
}

/* One socket for all: the source address goes with each datagram (IP_PKTINFO), so ten thousand exporters need one descriptor. */
struct sender {
	int fd;
	struct sockaddr_in to;
	struct mmsghdr messages[BATCH_MAX];
	struct iovec parts[BATCH_MAX];
	union {
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} controls[BATCH_MAX];
};

static void address(struct sender *s, size_t i, int64_t source)
{
	struct msghdr *h = &s->messages[i].msg_hdr;
	h->msg_control = s->controls[i].room;
	h->msg_controllen = sizeof(s->controls[i].room);
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
	struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(0x7f010001u + (uint32_t)source)};
	memcpy(CMSG_DATA(c), &info, sizeof(info));
}

static size_t fill(struct sender *s, struct datagram *pool, const struct load *l, const struct shape *shape,
		   int64_t done, uint32_t *sequences)
{
	size_t n = (size_t)(l->count - done < l->burst ? l->count - done : l->burst);
	int64_t source = done / l->burst % l->sources;
	bool first = done / l->burst < l->sources; /* its first burst: the template goes ahead */
	for (size_t i = 0; i < n; i++) {
		int64_t at = done + (int64_t)i;
		bool with_template = shape->templates && ((first && i == 0) || at % 2000 == 0);
		struct datagram *d = with_template ? &pool[i % TEMPLATES] : &pool[TEMPLATES + at % (POOL - TEMPLATES)];
		put_at(d->data + shape->sequence_at, sequences[source], 4);
		sequences[source] += shape->per_record ? (uint32_t)l->records : 1;
		s->parts[i] = (struct iovec){.iov_base = d->data, .iov_len = d->len};
		address(s, i, source);
	}
	return n;
}

static int64_t run(struct sender *s, struct datagram *pool, const struct load *l, const struct shape *shape)
{
	uint32_t *sequences = calloc((size_t)l->sources, sizeof(*sequences));
	if (!sequences)
		return -1;
	uint64_t start = clock_monotonic_ns();
	int64_t sent = 0;
	while (sent < l->count) {
		size_t n = fill(s, pool, l, shape, sent, sequences);
		size_t done = 0;
		while (done < n) {
			int r = sendmmsg(s->fd, s->messages + done, (unsigned)(n - done), 0);
			if (r < 0 && errno != EINTR && errno != ENOBUFS && errno != ECONNREFUSED) {
				free(sequences);
				return -1;
			}
			done += r > 0 ? (size_t)r : 0;
		}
		sent += (int64_t)n;
		while (l->rate) {
			uint64_t due = start + (uint64_t)sent * NS_PER_S / (uint64_t)l->rate;
			uint64_t now = clock_monotonic_ns();
			if (now >= due)
				break;
			clock_sleep_ns(due - now > 50 * NS_PER_US ? due - now : 50 * NS_PER_US);
		}
	}
	free(sequences);
	double seconds = (double)(clock_monotonic_ns() - start) / 1e9;
	printf("{\"datagrams\": %lld, \"flows\": %lld, \"seconds\": %.3f, \"flows_per_second\": %.0f, \"octets_a_datagram\": %zu}\n",
	       (long long)sent, (long long)(sent * l->records), seconds, (double)(sent * l->records) / seconds,
	       pool[TEMPLATES].len);
	return sent;
}

int main(int argc, char **argv)
{
	struct load l = {0};
	struct opt_result result = {0};
	char err[256];
	if (opt_parse(&spec, argc, argv, &l, &result, err, sizeof(err))) {
		fprintf(stderr, "bench_load: %s\n", err);
		return 2;
	}
	if (result.exit_now)
		return 0;
	const struct shape *shape = shapes;
	while (strcmp(shape->name, l.protocol))
		shape++;
	if (!strcmp(l.protocol, "v5") && l.records > 30)
		l.records = 30;

	struct datagram *pool = calloc(POOL, sizeof(*pool));
	struct sender *s = calloc(1, sizeof(*s));
	if (!pool || !s)
		return 1;
	struct out o = {.random = (uint32_t)l.seed, .now_ms = clock_wall_ns() / NS_PER_MS, .home = l.home};
	for (size_t i = 0; i < POOL; i++)
		build(&pool[i], &l, &o, i < TEMPLATES);
	s->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)l.port)};
	s->to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (size_t i = 0; i < BATCH_MAX; i++) {
		struct msghdr *h = &s->messages[i].msg_hdr;
		h->msg_iov = &s->parts[i];
		h->msg_iovlen = 1;
		h->msg_name = &s->to;
		h->msg_namelen = sizeof(s->to);
	}
	int64_t sent = s->fd < 0 ? -1 : run(s, pool, &l, shape);
	if (sent < 0)
		perror("bench_load: send");
	free(s);
	free(pool);
	opt_free(&spec, &l, &result);
	return sent < 0;
}
