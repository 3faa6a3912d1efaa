/*
 * forward.c -- a TCP forwarder: one thread, poll, a bounded number of connections.
 *
 * The mock broker takes whatever port is free and tells clients that one in its metadata, so only a client's first
 * questions come this way; the flows go straight to the broker. That is why this may be simple.
 */
#include "embedded/forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/http_listen.h"

enum { PAIRS_MAX = 64, BLOCK = 16384, LISTEN_FIRST = 1, PAIR_FIRST = LISTEN_FIRST + HTTP_SOCKETS_MAX };

struct forward {
	struct http_sockets listen;
	uint16_t port;
	int wake[2];
	pthread_t thread;
	bool thread_runs;
	/* [0] is what wakes, then the listening sockets, then pairs: client, broker, client, broker ... */
	struct pollfd fds[PAIR_FIRST + 2 * PAIRS_MAX];
	uint64_t heard[PAIRS_MAX]; /* which round of poll() something last came in */
	uint64_t round;
};

static void close_pair(struct forward *f, size_t i)
{
	close(f->fds[i].fd);
	close(f->fds[i + 1].fd);
	f->fds[i].fd = f->fds[i + 1].fd = -1;
}

static int connect_broker(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static uint64_t *heard(struct forward *f, size_t i)
{
	return &f->heard[(i - PAIR_FIRST) / 2];
}

/* A free place, or that of whoever has been silent for longest: clients of Kafka connect again when they need to. */
static size_t find_place(struct forward *f)
{
	size_t quietest = PAIR_FIRST;
	for (size_t i = PAIR_FIRST; i < PAIR_FIRST + 2 * PAIRS_MAX; i += 2) {
		if (f->fds[i].fd < 0)
			return i;
		if (*heard(f, i) < *heard(f, quietest))
			quietest = i;
	}
	close_pair(f, quietest);
	return quietest;
}

static void take_client(struct forward *f, int listen_fd)
{
	int client = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (client < 0)
		return;
	int broker = connect_broker(f->port);
	if (broker < 0) {
		close(client);
		return;
	}
	/* A peer that does not read must not hold up the others for long. */
	struct timeval patience = {.tv_sec = 1};
	setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(broker, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	size_t i = find_place(f);
	f->fds[i] = (struct pollfd){.fd = client, .events = POLLIN};
	f->fds[i + 1] = (struct pollfd){.fd = broker, .events = POLLIN};
	*heard(f, i) = f->round;
}

static bool pass_on(int from, int to)
{
	char block[BLOCK];
	ssize_t n = recv(from, block, sizeof(block), 0);
	for (ssize_t done = 0; n > 0 && done < n;) {
		ssize_t sent = send(to, block + done, (size_t)(n - done), MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		done += sent;
	}
	return n > 0;
}

static void *run(void *arg)
{
	struct forward *f = arg;
	size_t n_fds = sizeof(f->fds) / sizeof(f->fds[0]);
	while (poll(f->fds, (nfds_t)n_fds, -1) >= 0 || errno == EINTR) {
		if (f->fds[0].revents)
			break;
		f->round++;
		for (size_t i = LISTEN_FIRST; i < PAIR_FIRST; i++) {
			if (f->fds[i].fd >= 0 && f->fds[i].revents)
				take_client(f, f->fds[i].fd);
		}
		for (size_t i = PAIR_FIRST; i < n_fds; i += 2) {
			bool ok = true;
			if (f->fds[i].fd >= 0 && (f->fds[i].revents || f->fds[i + 1].revents))
				*heard(f, i) = f->round;
			if (f->fds[i].fd >= 0 && f->fds[i].revents)
				ok = pass_on(f->fds[i].fd, f->fds[i + 1].fd);
			if (ok && f->fds[i].fd >= 0 && f->fds[i + 1].revents)
				ok = pass_on(f->fds[i + 1].fd, f->fds[i].fd);
			if (!ok)
				close_pair(f, i);
		}
	}
	return NULL;
}

int forward_start(const char *address, uint16_t port, struct forward **ret_forward, char *err, size_t err_len)
{
	struct forward *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->port = port;
	f->wake[0] = f->wake[1] = -1;
	for (size_t i = 0; i < sizeof(f->fds) / sizeof(f->fds[0]); i++)
		f->fds[i].fd = -1;
	int r = http_listen(address, &f->listen, err, err_len);
	if (r)
		goto fail;
	if (pipe(f->wake) < 0) {
		r = -errno;
		snprintf(err, err_len, "no pipe: %s", strerror(errno));
		goto fail;
	}
	f->fds[0] = (struct pollfd){.fd = f->wake[0], .events = POLLIN};
	for (size_t i = 0; i < f->listen.count; i++)
		f->fds[LISTEN_FIRST + i] = (struct pollfd){.fd = f->listen.fds[i], .events = POLLIN};
	r = -pthread_create(&f->thread, NULL, run, f);
	if (r) {
		snprintf(err, err_len, "no thread: %s", strerror(-r));
		goto fail;
	}
	f->thread_runs = true;
	*ret_forward = f;
	return 0;
fail:
	forward_stop(f);
	return r;
}

unsigned forward_port(const struct forward *f)
{
	return f->listen.port;
}

void forward_stop(struct forward *f)
{
	if (!f)
		return;
	if (f->thread_runs) {
		(void)!write(f->wake[1], "", 1);
		pthread_join(f->thread, NULL);
	}
	for (size_t i = PAIR_FIRST; i < PAIR_FIRST + 2 * PAIRS_MAX; i += 2) {
		if (f->fds[i].fd >= 0)
			close_pair(f, i);
	}
	http_listen_close(&f->listen);
	if (f->wake[0] >= 0) {
		close(f->wake[0]);
		close(f->wake[1]);
	}
	free(f);
}
