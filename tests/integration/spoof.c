/*
 * spoof.c -- UDP datagrams with made-up IPv4 sources, each with a NetFlow v9 template and a record for it, written as whole
 * frames to one end of a veth pair: `spoof INTERFACE MAC ADDRESS PORT COUNT SEED [one]`
 *
 * MAC and ADDRESS are those of the other end, where a collector listens. With `one` they all come from one address and domain, under one
 * template id: a template that changes with every datagram. As fast as the interface takes them. For test_flood.py,
 * in a network namespace of its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, ROOM = 600, FIELDS_MAX = 30, ETH = 14, IP = 20, UDP = 8, TTL = 64, SETS_AT = ETH + IP + UDP + 20 };

static uint64_t state;
static uint8_t frames[BATCH][ROOM];

static uint32_t any(void)
{
	state = state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(state >> 32);
}

static uint8_t *put(uint8_t *at, uint32_t v, size_t len)
{
	for (size_t i = len; i-- > 0; v >>= 8)
		at[i] = (uint8_t)v;
	return at + len;
}

/* Of what a router would forward: no network 0, 127, and nothing from 224 up. */
static uint32_t any_source(void)
{
	for (;;) {
		uint32_t a = any();
		if (a >> 24 != 0 && a >> 24 != 127 && a >> 24 < 224)
			return a;
	}
}

static uint16_t checksum(const uint8_t *header)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < IP; i += 2)
		sum += (uint32_t)header[i] << 8 | header[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The two sets: a template of any length, and one record. Returns where they end. */
static uint8_t *put_sets(uint8_t *at, uint32_t id)
{
	size_t n = 1 + any() % FIELDS_MAX, octets = 0;
	at = put(at, 0, 2);
	at = put(at, (uint32_t)(8 + 4 * n), 2);
	at = put(at, id, 2);
	at = put(at, (uint32_t)n, 2);
	for (size_t i = 0; i < n; i++) {
		uint32_t len = 1u << any() % 4;
		at = put(at, 1 + any() % 400, 2);
		at = put(at, len, 2);
		octets += len;
	}
	at = put(at, id, 2);
	at = put(at, (uint32_t)(octets + 4), 2);
	memset(at, 0, octets);
	return at + octets;
}

static size_t make(uint8_t *frame, const uint8_t *mac, uint32_t to, uint16_t port, bool one)
{
	uint8_t *end = put_sets(frame + SETS_AT, one ? 256 : 256 + any() % 60000);
	size_t len = (size_t)(end - frame) - ETH;
	uint8_t *at = frame;
	memcpy(at, mac, ETH_ALEN);
	at = put(at + ETH_ALEN, 0x02000000, 4);
	at = put(at, 1, 2);
	at = put(at, ETHERTYPE_IP, 2);
	uint8_t *ip = at;
	at = put(at, 0x4500, 2);
	at = put(at, (uint32_t)len, 2);
	at = put(at, 0, 4);
	at = put(at, TTL << 8 | IPPROTO_UDP, 2);
	at = put(at, 0, 2);
	at = put(at, one ? 0xc0000242 : any_source(), 4); /* 192.0.2.66 */
	at = put(at, to, 4);
	put(ip + 10, checksum(ip), 2);
	at = put(at, one ? 9999 : 1024 + any() % 60000, 2);
	at = put(at, port, 2);
	at = put(at, (uint32_t)(len - IP), 2);
	at = put(at, 0, 2);
	at = put(at, 9 << 16 | 2, 4);
	at = put(at, 1000, 4);
	at = put(at, 1700000000, 4);
	at = put(at, any(), 4);
	put(at, one ? 1 : any() % 8, 4);
	return len + ETH;
}

static int send_all(int fd, unsigned n, size_t lens[BATCH])
{
	struct mmsghdr messages[BATCH] = {0};
	struct iovec parts[BATCH];
	for (unsigned i = 0; i < n; i++) {
		parts[i] = (struct iovec){frames[i], lens[i]};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
	}
	for (unsigned sent = 0; sent < n;) {
		int r = sendmmsg(fd, messages + sent, n - sent, 0);
		if (r < 0 && errno != ENOBUFS && errno != EINTR)
			return -errno;
		sent += r > 0 ? (unsigned)r : 0;
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint8_t mac[ETH_ALEN];
	struct in_addr to;
	if (argc < 7 || inet_pton(AF_INET, argv[3], &to) != 1 ||
	    sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]) != ETH_ALEN) {
		fprintf(stderr, "usage: spoof INTERFACE MAC ADDRESS PORT COUNT SEED [one]\n");
		return 2;
	}
	struct sockaddr_ll where = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1])};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&where, sizeof(where)) < 0) {
		perror("spoof: a packet socket");
		return 1;
	}
	state = strtoull(argv[6], NULL, 10);
	unsigned long left = strtoul(argv[5], NULL, 10);
	while (left) {
		unsigned n = left < BATCH ? (unsigned)left : BATCH;
		size_t lens[BATCH];
		for (unsigned i = 0; i < n; i++)
			lens[i] = make(frames[i], mac, ntohl(to.s_addr), (uint16_t)strtoul(argv[4], NULL, 10), argc > 7);
		int rc = send_all(fd, n, lens);
		if (rc < 0) {
			fprintf(stderr, "spoof: %s: %s\n", argv[1], strerror(-rc));
			return 1;
		}
		left -= n;
	}
	close(fd);
	return 0;
}
