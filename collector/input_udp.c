/*
 * input_udp.c -- a worker's UDP socket; see input.h.
 *
 * recvmmsg with MSG_WAITFORONE takes what is there, up to 64 datagrams, and waits (SO_RCVTIMEO) only for the first: 53 us
 * from wire to decoder when it is quiet, one system call for 64 datagrams when it is not. The buffers are one piece of
 * address space; a page of it becomes memory only when a datagram reaches it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "collector/input.h"
#include "collector/listen.h"
#include "collector/repeat.h"
#include "collector/socket.h"
#include "collector/worker.h"
#include "common/clock.h"
#include "common/counter.h"

enum {
	VLEN = 64,             /* datagrams a call */
	BUFFER = 65536,        /* the longest UDP datagram, and the size that a page table likes */
	CONTROL = 128,         /* time stamp and drop counter */
	ARENA = VLEN * BUFFER,
	PAUSE_MAX_NS = 2000000,
	SPARSE_NS = 250000,    /* between two datagrams: pausing is not worth it */
	PAUSE_BUFFER = 4 << 20 /* receive buffer without which there is no pausing */
};

struct udp {
	struct input base;
	int fd;
	struct worker *worker;
	struct worker_stats *stats; /* the worker's */
	struct repeater *repeater;  /* NULL: nothing is passed on */
	struct repeat_stats repeat_stats;
	bool may_pause;             /* see pause_for() */
	uint64_t last_call_ns, gap_ns;
	uint32_t last_drops;        /* the kernel's counter */

	uint8_t *arena;
	struct mmsghdr messages[VLEN];
	struct iovec iov[VLEN];
	struct sockaddr_storage from[VLEN];
	_Alignas(struct cmsghdr) char control[VLEN][CONTROL];
};

static struct udp *of(struct input *in)
{
	return (struct udp *)in;
}

static void prepare(struct udp *u)
{
	for (unsigned i = 0; i < VLEN; i++) {
		u->iov[i] = (struct iovec){.iov_base = u->arena + (size_t)i * BUFFER, .iov_len = BUFFER};
		u->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &u->from[i], .msg_namelen = sizeof(u->from[i]), .msg_iov = &u->iov[i], .msg_iovlen = 1,
			.msg_control = u->control[i], .msg_controllen = CONTROL,
		};
	}
}

/* The kernel counts modulo 2^32 since the socket was opened. */
static void note_drops(struct udp *u, uint32_t now)
{
	uint32_t more = now - u->last_drops;
	/* SO_RXQ_OVFL is stamped when a datagram is queued, SO_MEMINFO is of now: the former may come later and be less. */
	if (more == 0 || more > UINT32_MAX / 2)
		return;
	counter_add(&u->stats->kernel_drops, more);
	u->last_drops = now;
}

static void read_control(struct udp *u, struct msghdr *h, uint64_t *ret_received_ns)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec ts;
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			*ret_received_ns = (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
		} else if (c->cmsg_type == SO_RXQ_OVFL) {
			uint32_t drops;
			memcpy(&drops, CMSG_DATA(c), sizeof(drops));
			note_drops(u, drops);
		}
	}
}

static void one_datagram(struct udp *u, unsigned i, uint64_t wall_ns)
{
	struct mmsghdr *m = &u->messages[i];
	struct datagram dg = {.data = u->iov[i].iov_base, .len = m->msg_len, .received_ns = wall_ns,
			      .now_ns = worker_now_ns(u->worker)};
	dg.source = ip_from_sockaddr(&u->from[i], &dg.source_port);
	read_control(u, &m->msg_hdr, &dg.received_ns);
	if (m->msg_hdr.msg_flags & MSG_TRUNC)
		counter_inc(&u->stats->truncated);
	counter_add(&u->stats->bytes, m->msg_len);
	/* recvmmsg shortens these. */
	m->msg_hdr.msg_namelen = sizeof(u->from[i]);
	m->msg_hdr.msg_controllen = CONTROL;
	(void)worker_datagram(u->worker, &dg);
}

static void pass_on(struct udp *u, unsigned n)
{
	struct iovec data[VLEN];
	for (unsigned i = 0; i < n; i++)
		data[i] = (struct iovec){.iov_base = u->iov[i].iov_base, .iov_len = u->messages[i].msg_len};
	repeat_send(u->repeater, data, u->from, n, &u->repeat_stats);
	counter_add(&u->stats->repeated, u->repeat_stats.sent);
	counter_add(&u->stats->repeat_failed, u->repeat_stats.failed);
	u->repeat_stats = (struct repeat_stats){0};
}

/* One call and what it gave; 0: nothing came. */
static unsigned take(struct udp *u, int flags)
{
	int n = recvmmsg(u->fd, u->messages, VLEN, flags, NULL);
	outlet_begin(worker_outlet(u->worker), clock_monotonic_ns());
	if (n <= 0) {
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			counter_inc(&u->stats->receive_errors);
		return 0;
	}
	uint64_t wall_ns = clock_wall_ns();
	if (u->repeater)
		pass_on(u, (unsigned)n);
	for (unsigned i = 0; i < (unsigned)n; i++)
		one_datagram(u, i, wall_ns);
	counter_add(&u->stats->datagrams, (uint64_t)n);
	counter_inc(&u->stats->batches);
	return (unsigned)n;
}

static void read_drops(struct udp *u)
{
	uint32_t drops;
	if (socket_drops(u->fd, &drops) == 0)
		note_drops(u, drops);
}

/*
 * A receive call that has to wait for the next datagram costs a wake-up, more than ten datagrams' worth of work. So
 * when traffic is dense the worker sleeps until about TARGET should be there, by the rate it sees, two milliseconds
 * at most; when a call came back full there is more, and it does not sleep at all. Only with a receive buffer that holds many
 * times what can come meanwhile.
 */
static void pause_for(struct udp *u, unsigned got)
{
	enum { TARGET = VLEN * 3 / 4 };
	uint64_t now = clock_monotonic_ns();
	uint64_t each = got ? (now - u->last_call_ns) / got : SPARSE_NS;
	u->last_call_ns = now;
	/* An average over some eight calls: traffic comes in bursts. */
	u->gap_ns = (u->gap_ns * 7 + (each < SPARSE_NS ? each : SPARSE_NS)) / 8;
	if (got == VLEN || !u->may_pause || u->gap_ns >= SPARSE_NS / 2)
		return;
	uint64_t pause = u->gap_ns * TARGET;
	clock_sleep_ns(pause < PAUSE_MAX_NS ? pause : PAUSE_MAX_NS);
}

static int start(struct input *in, struct worker *w)
{
	struct udp *u = of(in);
	u->worker = w;
	u->stats = worker_counters(w);
	return 0;
}

static void receive(struct input *in)
{
	struct udp *u = of(in);
	pause_for(u, take(u, MSG_WAITFORONE));
}

static void each_second(struct input *in)
{
	read_drops(of(in));
}

/* What is in the receive buffer now was sent before we were told to stop; what still comes is not waited for. */
static void drain(struct input *in)
{
	struct udp *u = of(in);
	for (unsigned left = LISTEN_BUFFER_MAX / VLEN / 1024, n = 1; left > 0 && n > 0; left--)
		n = take(u, MSG_DONTWAIT);
	read_drops(u);
}

static void udp_free(struct input *in)
{
	struct udp *u = of(in);
	if (u->arena)
		munmap(u->arena, ARENA);
	repeat_free(u->repeater);
	close(u->fd);
	free(u);
}

static const struct input_ops ops = {
	.start = start,
	.receive = receive,
	.each_second = each_second,
	.drain = drain,
	.free = udp_free,
};

int input_udp_new(int fd, uint64_t buffer_got, struct repeater *repeater, struct input **ret_input)
{
	struct udp *u = calloc(1, sizeof(*u));
	if (!u) {
		close(fd);
		repeat_free(repeater);
		return -ENOMEM;
	}
	u->base.ops = &ops;
	u->fd = fd;
	u->repeater = repeater;
	u->may_pause = buffer_got >= PAUSE_BUFFER;
	u->gap_ns = SPARSE_NS;
	void *arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (arena == MAP_FAILED) {
		udp_free(&u->base);
		return -ENOMEM;
	}
	u->arena = arena;
	prepare(u);
	*ret_input = &u->base;
	return 0;
}
