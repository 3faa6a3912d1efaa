/*
 * bench_receive.c -- the floor under every collector: CPU a datagram of a program that receives and does nothing else.
 *
 * It takes datagrams with recvmmsg as collector/input_udp.c does, counts them, and says at SIGTERM what the kernel charged
 * it. What weir needs above this is weir's own; what it needs up to here only another kernel could save. Its options switch
 * on and off what a collector may ask of the kernel, so that each has a price: docs/performance.md has them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/clock.h"
#include "common/opt.h"

enum { VLEN_MAX = 1024, ROOM = 65536, CONTROL = 128 };

struct setup {
	int64_t port, vlen, buffer, busy_poll, stride;
	uint64_t pause;
	bool stamps, drops, gro, huge, untouched;
};

static const struct opt rows[] = {
	{"port", OPT_INT, offsetof(struct setup, port), "2055", "PORT", "UDP port on 127.0.0.1.", 1, 65535},
	{"vlen", OPT_INT, offsetof(struct setup, vlen), "64", "N", "Datagrams a call.", 1, VLEN_MAX},
	{"buffer", OPT_INT, offsetof(struct setup, buffer), "33554432", "BYTES", "Receive buffer.", 4096, 1 << 30},
	{"pause", OPT_DURATION, offsetof(struct setup, pause), "0", "TIME", "Sleep after a call that was not full.", 0, 0},
	{"busy-poll", OPT_INT, offsetof(struct setup, busy_poll), "0", "US", "SO_BUSY_POLL.", 0, 1000000},
	{"stride", OPT_INT, offsetof(struct setup, stride), "65536", "BYTES", "From one datagram's buffer to the next.", 65536, 1 << 20},
	{"stamps", OPT_BOOL, offsetof(struct setup, stamps), NULL, NULL, "SO_TIMESTAMPNS with each datagram."},
	{"drops", OPT_BOOL, offsetof(struct setup, drops), NULL, NULL, "SO_RXQ_OVFL with each datagram."},
	{"gro", OPT_BOOL, offsetof(struct setup, gro), NULL, NULL, "UDP_GRO."},
	{"huge", OPT_BOOL, offsetof(struct setup, huge), NULL, NULL, "Huge pages for the buffers."},
	{"untouched", OPT_BOOL, offsetof(struct setup, untouched), NULL, NULL,
	 "MSG_TRUNC into buffers of one octet: all but the copy."},
};

static const struct opt_group groups[] = {{"Receiver", OPT_ROWS(rows), 0}};
static const struct opt_spec spec = {
	.program = "bench_receive",
	.summary = "receives datagrams until SIGTERM and says what that cost",
	.usage = "[OPTION...]",
	.groups = groups,
	.n_groups = 1,
};

static volatile sig_atomic_t stop;

static void on_signal(int signal_number)
{
	(void)signal_number;
	stop = 1;
}

static struct mmsghdr messages[VLEN_MAX];
static struct iovec parts[VLEN_MAX];
static struct sockaddr_storage from[VLEN_MAX];
static _Alignas(struct cmsghdr) char control[VLEN_MAX][CONTROL];

static int open_socket(const struct setup *s)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
	struct timeval timeout = {.tv_usec = 100000};
	int on = 1, buffer = (int)s->buffer, poll_us = (int)s->busy_poll;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)))
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	if ((s->stamps && setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on))) ||
	    (s->drops && setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on))) ||
	    (s->gro && setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on))) ||
	    (s->busy_poll && setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &poll_us, sizeof(poll_us))))
		return -1;
	return bind(fd, (struct sockaddr *)&at, sizeof(at)) ? -1 : fd;
}

static void prepare(const struct setup *s, uint8_t *arena)
{
	for (size_t i = 0; i < (size_t)s->vlen; i++) {
		parts[i] = (struct iovec){.iov_base = arena + i * (size_t)s->stride, .iov_len = s->untouched ? 1 : ROOM};
		messages[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_iov = &parts[i], .msg_iovlen = 1};
	}
}

static void receive(const struct setup *s, int fd, uint64_t *ret_datagrams, uint64_t *ret_octets, uint64_t *ret_calls)
{
	uint64_t datagrams = 0, octets = 0, calls = 0;
	int flags = MSG_WAITFORONE | (s->untouched ? MSG_TRUNC : 0);
	while (!stop) {
		for (size_t i = 0; i < (size_t)s->vlen; i++) {
			messages[i].msg_hdr.msg_namelen = sizeof(from[i]);
			messages[i].msg_hdr.msg_control = s->stamps || s->drops || s->gro ? control[i] : NULL;
			messages[i].msg_hdr.msg_controllen = s->stamps || s->drops || s->gro ? CONTROL : 0;
		}
		int n = recvmmsg(fd, messages, (unsigned)s->vlen, flags, NULL);
		if (n <= 0)
			continue;
		calls++;
		datagrams += (uint64_t)n;
		for (int i = 0; i < n; i++)
			octets += messages[i].msg_len;
		if (s->pause && n < s->vlen)
			clock_sleep_ns(s->pause);
	}
	*ret_datagrams = datagrams;
	*ret_octets = octets;
	*ret_calls = calls;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	struct setup s = {0};
	struct opt_result result = {0};
	char err[256];
	if (opt_parse(&spec, argc, argv, &s, &result, err, sizeof(err))) {
		fprintf(stderr, "bench_receive: %s\n", err);
		return 2;
	}
	if (result.exit_now)
		return 0;
	struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: it ends a call that waits */
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	size_t arena_len = (size_t)s.vlen * (size_t)s.stride;
	void *arena = mmap(NULL, arena_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int fd = open_socket(&s);
	if (fd < 0 || arena == MAP_FAILED) {
		perror("bench_receive: socket");
		return 1;
	}
	if (s.huge && madvise(arena, arena_len, MADV_HUGEPAGE))
		perror("bench_receive: madvise");
	prepare(&s, arena);
	uint64_t datagrams, octets, calls;
	receive(&s, fd, &datagrams, &octets, &calls);
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	printf("{\"datagrams\": %llu, \"octets\": %llu, \"calls\": %llu, \"user_s\": %.4f, \"system_s\": %.4f}\n",
	       (unsigned long long)datagrams, (unsigned long long)octets, (unsigned long long)calls, seconds(used.ru_utime),
	       seconds(used.ru_stime));
	return 0;
}
