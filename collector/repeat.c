/*
 * repeat.c -- see repeat.h.
 *
 * To keep the source address the IP and UDP headers are written here (RFC 791, RFC 8200, RFC 768) and sent by a raw
 * socket, which does not fragment: what is longer than the interface takes goes by an ordinary socket instead, with this
 * host's address. So does everything that comes by another IP version than the target is reached by.
 */
#include "collector/repeat.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/counter.h"
#include "common/ip.h"

enum { V4_HEADER = 20, V6_HEADER = 40, UDP_HEADER = 8, HEADERS_MAX = V6_HEADER + UDP_HEADER };

struct target {
	struct sockaddr_storage to;
	socklen_t to_len;
	struct ip_addr addr;
	uint16_t port;
	int fd;  /* ordinary */
	int raw; /* -1: the source is not kept */
};

struct repeater {
	struct target targets[REPEAT_MAX];
	size_t count;
	struct mmsghdr messages[REPEAT_VLEN];
	uint8_t headers[REPEAT_VLEN][HEADERS_MAX];
	struct iovec parts[REPEAT_VLEN][2];
};

static int resolve(const char *text, struct target *t)
{
	char host[256];
	const char *colon = strrchr(text, ':');
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found;
	if (!colon || colon == text || !colon[1])
		return -EINVAL;
	size_t len = (size_t)(colon - text);
	if (text[0] == '[' && text[len - 1] == ']')
		snprintf(host, sizeof(host), "%.*s", (int)len - 2, text + 1);
	else
		snprintf(host, sizeof(host), "%.*s", (int)len, text);
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return -ENOENT;
	memcpy(&t->to, found->ai_addr, found->ai_addrlen);
	t->to_len = found->ai_addrlen;
	freeaddrinfo(found);
	t->addr = ip_from_sockaddr(&t->to, &t->port);
	return 0;
}

static int open_target(const char *text, bool keep_source, struct target *t, char *err, size_t err_len)
{
	int rc = resolve(text, t);
	t->fd = t->raw = -1;
	if (rc < 0) {
		snprintf(err, err_len, "--repeat %s: %s", text, rc == -EINVAL ? "HOST:PORT is wanted" : "no such host or port");
		return rc;
	}
	t->fd = socket(t->to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (t->fd >= 0 && keep_source)
		t->raw = socket(t->to.ss_family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (t->fd >= 0 && (!keep_source || t->raw >= 0))
		return 0;
	rc = -errno;
	snprintf(err, err_len, "--repeat %s: %s%s", text, strerror(-rc), t->fd >= 0 ? "; --repeat.keep-source needs CAP_NET_RAW" : "");
	return rc;
}

int repeat_new(const struct opt_list *targets, bool keep_source, struct repeater **ret_repeater, char *err, size_t err_len)
{
	struct repeater *r = NULL;
	int rc = 0;
	if (targets->count > REPEAT_MAX) {
		snprintf(err, err_len, "--repeat: %d places at most", REPEAT_MAX);
		return -EINVAL;
	}
	if (targets->count && !(r = calloc(1, sizeof(*r)))) {
		snprintf(err, err_len, "no memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < targets->count && rc == 0; i++) {
		rc = open_target(targets->items[i], keep_source, &r->targets[i], err, err_len);
		r->count++;
	}
	if (rc < 0)
		repeat_free(r);
	else
		*ret_repeater = r;
	return rc;
}

void repeat_free(struct repeater *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++) {
		if (r->targets[i].fd >= 0)
			close(r->targets[i].fd);
		if (r->targets[i].raw >= 0)
			close(r->targets[i].raw);
	}
	free(r);
}

static void put16(uint8_t *p, size_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* RFC 1071. */
static uint64_t sum_of(const uint8_t *p, size_t len, uint64_t sum)
{
	for (; len > 1; p += 2, len -= 2)
		sum += (uint64_t)p[0] << 8 | p[1];
	return len ? sum + ((uint64_t)p[0] << 8) : sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Both headers at OUT; gives their length. The kernel fills in what is 0 in the IPv4 one (id, checksum). */
static size_t write_headers(uint8_t *out, const struct target *t, const struct ip_addr *source, uint16_t port,
			    const struct iovec *data)
{
	bool v4 = source->len == 4;
	size_t ip = v4 ? V4_HEADER : V6_HEADER, udp_len = UDP_HEADER + data->iov_len;
	uint8_t *udp = out + ip;
	memset(out, 0, HEADERS_MAX);
	if (v4) {
		out[0] = 0x45;
		put16(out + 2, ip + udp_len);
		out[8] = 64;
		out[9] = IPPROTO_UDP;
		memcpy(out + 12, source->bytes, 4);
		memcpy(out + 16, t->addr.bytes, 4);
	} else {
		out[0] = 0x60;
		put16(out + 4, udp_len);
		out[6] = IPPROTO_UDP;
		out[7] = 64;
		memcpy(out + 8, source->bytes, 16);
		memcpy(out + 24, t->addr.bytes, 16);
	}
	put16(udp, port);
	put16(udp + 2, t->port);
	put16(udp + 4, udp_len);
	/* The pseudo header (RFC 768, RFC 8200 8.1): addresses, protocol, length. */
	uint64_t sum = sum_of(out + (v4 ? 12 : 8), v4 ? 8 : 32, IPPROTO_UDP + udp_len);
	sum = sum_of(udp, UDP_HEADER, sum);
	uint16_t checksum = fold(sum_of(data->iov_base, data->iov_len, sum));
	put16(udp + 6, checksum ? checksum : 0xffff);
	return ip + UDP_HEADER;
}

static bool send_raw(const struct target *t, uint8_t *headers, const struct iovec *data, const struct sockaddr_storage *from)
{
	uint16_t port;
	struct ip_addr source = ip_from_sockaddr(from, &port);
	struct sockaddr_storage to = t->to;
	if (t->raw < 0 || source.len != t->addr.len)
		return false;
	if (to.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&to)->sin6_port = 0; /* a raw socket takes the protocol there */
	struct iovec parts[2] = {{.iov_base = headers, .iov_len = write_headers(headers, t, &source, port, data)}, *data};
	struct msghdr m = {.msg_name = &to, .msg_namelen = t->to_len, .msg_iov = parts, .msg_iovlen = 2};
	return sendmsg(t->raw, &m, MSG_DONTWAIT) >= 0;
}

/* As many of [0, N) as go; gives how many. */
static unsigned send_plain(struct repeater *r, struct target *t, const struct iovec *data, unsigned n)
{
	unsigned sent = 0;
	for (unsigned i = 0; i < n; i++) {
		r->parts[i][0] = data[i];
		r->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &t->to, .msg_namelen = t->to_len, .msg_iov = r->parts[i], .msg_iovlen = 1,
		};
	}
	for (unsigned at = 0; at < n;) {
		int rc = sendmmsg(t->fd, r->messages + at, n - at, MSG_DONTWAIT);
		if (rc < 0 && errno == EAGAIN)
			break;
		sent += rc > 0 ? (unsigned)rc : 0;
		at += rc > 0 ? (unsigned)rc : 1; /* one that cannot be sent (refused, too long) does not hold up the others */
	}
	return sent;
}

void repeat_send(struct repeater *r, const struct iovec *data, const struct sockaddr_storage *from, unsigned n,
		 struct repeat_stats *stats)
{
	for (size_t k = 0; k < r->count; k++) {
		struct target *t = &r->targets[k];
		unsigned sent = 0;
		if (t->raw < 0)
			sent = send_plain(r, t, data, n);
		for (unsigned i = 0; t->raw >= 0 && i < n; i++)
			sent += send_raw(t, r->headers[i], &data[i], &from[i]) ? 1 : send_plain(r, t, &data[i], 1);
		counter_add(&stats->sent, sent);
		counter_add(&stats->failed, n - sent);
	}
}
