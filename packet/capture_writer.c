/*
 * capture_writer.c -- writes capture files: the classic pcap layout (draft-ietf-opsawg-pcap), nanoseconds, Ethernet.
 *
 * The layout is two small headers in the writer's own byte order, so no library is needed for it. A datagram gets an
 * Ethernet, IP and UDP header around it, unfragmented whatever its size, with checksums, so that any tool reads it.
 */
#include "packet/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "packet/etype.h"
#include "packet/iphdr.h"

enum {
	MAGIC_NS = 0xa1b23c4d,
	LINK_ETHERNET = 1,
	SNAPLEN = 262144,
	UDP_MAX = 65507, /* 65,535 less the IPv4 and UDP headers */
	HEADERS = 14 + 40 + 8
};

struct capture_writer {
	FILE *file;
	bool failed;
};

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t reserved[2];
	uint32_t snaplen;
	uint32_t link;
};

struct packet_header {
	uint32_t seconds, nanoseconds;
	uint32_t captured, original;
};

static void put(struct capture_writer *w, const void *data, size_t len)
{
	if (fwrite(data, 1, len, w->file) != len)
		w->failed = true;
}

int capture_writer_open(const char *path, struct capture_writer **ret_writer, char *err, size_t err_len)
{
	struct capture_writer *w = calloc(1, sizeof(*w));
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "wbe");
	if (!w || !file) {
		snprintf(err, err_len, "%s: %s", path, w ? strerror(errno) : "no memory");
		if (file && file != stdout)
			fclose(file);
		free(w);
		return -EINVAL;
	}
	w->file = file;
	struct file_header h = {.magic = MAGIC_NS, .major = 2, .minor = 4, .snaplen = SNAPLEN, .link = LINK_ETHERNET};
	put(w, &h, sizeof(h));
	*ret_writer = w;
	return 0;
}

static void put_packet_header(struct capture_writer *w, uint64_t time_ns, size_t len)
{
	struct packet_header h = {
		.seconds = (uint32_t)(time_ns / NS_PER_S), .nanoseconds = (uint32_t)(time_ns % NS_PER_S),
		.captured = (uint32_t)len, .original = (uint32_t)len,
	};
	put(w, &h, sizeof(h));
}

void capture_writer_add(struct capture_writer *w, uint64_t time_ns, const void *frame, size_t len)
{
	put_packet_header(w, time_ns, len);
	put(w, frame, len);
}

static void store16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* RFC 1071: the sum of 16 bit words, added to SUM. */
static uint32_t sum16(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += wire_load16(p + i);
	if (len & 1)
		sum += (uint32_t)p[len - 1] << 8;
	return (sum & 0xffff) + (sum >> 16);
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The IP header at P for LEN octets of UDP; gives its own length. */
static size_t make_ip(uint8_t *p, const struct capture_udp *udp, size_t len)
{
	if (udp->src.len == 4) {
		p[0] = 0x45;
		store16(p + 2, 20 + len);
		p[6] = 0x40; /* DF */
		p[8] = 64;
		p[9] = IPHDR_UDP;
		memcpy(p + 12, udp->src.bytes, 4);
		memcpy(p + 16, udp->dst.bytes, 4);
		store16(p + 10, fold(sum16(0, p, 20)));
		return 20;
	}
	p[0] = 0x60;
	store16(p + 4, len);
	p[6] = IPHDR_UDP;
	p[7] = 64;
	memcpy(p + 8, udp->src.bytes, 16);
	memcpy(p + 24, udp->dst.bytes, 16);
	return 40;
}

int capture_writer_add_udp(struct capture_writer *w, const struct capture_udp *udp)
{
	if (udp->len > UDP_MAX)
		return -EMSGSIZE;
	if (udp->src.len != udp->dst.len || (udp->src.len != 4 && udp->src.len != 16))
		return -EINVAL;
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}; /* locally administered */
	uint8_t h[HEADERS] = {0};
	memcpy(h, macs, sizeof(macs));
	store16(h + 12, udp->src.len == 4 ? ETYPE_IPV4 : ETYPE_IPV6);
	size_t udp_len = 8 + udp->len;
	uint8_t *u = h + 14 + make_ip(h + 14, udp, udp_len);
	store16(u, udp->src_port);
	store16(u + 2, udp->dst_port);
	store16(u + 4, udp_len);
	uint32_t sum = sum16(IPHDR_UDP + (uint32_t)udp_len, udp->src.bytes, udp->src.len);
	sum = sum16(sum, udp->dst.bytes, udp->dst.len);
	sum = sum16(sum, u, 8);
	uint16_t check = fold(sum16(sum, udp->data, udp->len));
	store16(u + 6, check ? check : 0xffff); /* RFC 768: 0 means none */
	size_t header_len = (size_t)(u + 8 - h);
	put_packet_header(w, udp->time_ns, header_len + udp->len);
	put(w, h, header_len);
	put(w, udp->data, udp->len);
	return 0;
}

int capture_writer_close(struct capture_writer *w)
{
	if (!w)
		return 0;
	bool failed = w->failed;
	if (w->file == stdout)
		failed |= fflush(stdout) != 0;
	else
		failed |= fclose(w->file) != 0;
	free(w);
	return failed ? -EIO : 0;
}
