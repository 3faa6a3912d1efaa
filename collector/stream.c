/*
 * stream.c -- see stream.h.
 */
#include "collector/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collector/tls.h"
#include "common/counter.h"

enum {
	EVENTS = 64,
	ACCEPT_EACH_TURN = 64,
	KEEPALIVE_IDLE_S = 60, KEEPALIVE_EACH_S = 15, KEEPALIVE_PROBES = 4 /* a dead host is known after two minutes */
};

struct stream {
	struct stream_options options;
	int listen_fd, epoll_fd;
	bool deaf;                      /* no descriptors left: listens again a second later */
	size_t count;
	uint64_t next_id;
	struct session *oldest, *newest;
};

static int watch(struct stream *s, int op, int fd, uint32_t events, struct session *session)
{
	struct epoll_event e = {.events = events, .data.ptr = session}; /* NULL: the listening socket */
	return epoll_ctl(s->epoll_fd, op, fd, &e) < 0 ? -errno : 0;
}

int stream_new(int listen_fd, const struct stream_options *options, struct stream **ret_stream)
{
	struct stream *s = calloc(1, sizeof(*s));
	if (!s) {
		close(listen_fd);
		tls_free(options->tls);
		return -ENOMEM;
	}
	s->options = *options;
	s->listen_fd = listen_fd;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	int rc = s->epoll_fd < 0 ? -errno : watch(s, EPOLL_CTL_ADD, listen_fd, EPOLLIN, NULL);
	if (rc < 0)
		stream_free(s);
	else
		*ret_stream = s;
	return rc;
}

/* Closing takes it out of the epoll set. */
static void drop(struct stream *s, struct session *session)
{
	*(session->prev ? &session->prev->next : &s->oldest) = session->next;
	*(session->next ? &session->next->prev : &s->newest) = session->prev;
	s->count--;
	counter_add(&s->options.stats->open, (uint64_t)-1);
	session_free(session);
}

static void end_session(struct stream *s, struct session *session, enum err reason)
{
	counter_inc(&s->options.stats->ended[reason]);
	s->options.ended(s->options.arg, session, reason);
	drop(s, session);
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	while (s->oldest)
		drop(s, s->oldest);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	close(s->listen_fd);
	tls_free(s->options.tls);
	free(s);
}

void stream_set_tls(struct stream *s, struct tls *tls)
{
	tls_free(s->options.tls);
	s->options.tls = tls;
}

/* --- accepting --------------------------------------------------------------------------------------------------- */

/* Room for one more from SOURCE; makes it when somebody never said anything. */
static bool make_room(struct stream *s, const struct ip_addr *source, uint64_t now_ns)
{
	struct session *silent = NULL;
	size_t same = 0;
	for (struct session *i = s->newest; i; i = i->prev) {
		same += ip_equal(&i->source, source);
		if (!i->messages && now_ns - i->opened_ns >= s->options.message_ns)
			silent = i;
	}
	if (same >= s->options.max_per_address)
		return false;
	if (s->count < s->options.max_sessions)
		return true;
	if (silent)
		end_session(s, silent, ERR_SESSION_LIMIT);
	return silent != NULL;
}

/* The rest are of no use on SCTP, which refuses them and watches its paths itself. */
static void set_options(int fd)
{
	static const int tcp[][2] = {
		{TCP_KEEPIDLE, KEEPALIVE_IDLE_S}, {TCP_KEEPINTVL, KEEPALIVE_EACH_S}, {TCP_KEEPCNT, KEEPALIVE_PROBES},
	};
	int on = 1;
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	for (size_t i = 0; i < sizeof(tcp) / sizeof(tcp[0]); i++)
		(void)setsockopt(fd, IPPROTO_TCP, tcp[i][0], &tcp[i][1], sizeof(tcp[i][1]));
}

/* 0, or why not (enum err). FD is the session's when it is 0. */
static int admit(struct stream *s, int fd, const struct sockaddr_storage *from, uint64_t now_ns)
{
	struct session *session;
	uint16_t port;
	struct ip_addr source = ip_from_sockaddr(from, &port);
	if (!s->options.admits(s->options.arg, &source, port))
		return ERR_NOT_ALLOWED;
	if (!make_room(s, &source, now_ns))
		return ERR_SESSION_LIMIT;
	if (session_new(fd, s->options.tls, &session) < 0)
		return ERR_MEMORY;
	if (watch(s, EPOLL_CTL_ADD, fd, EPOLLIN, session) < 0) {
		session->fd = -1;
		session_free(session);
		return ERR_MEMORY;
	}
	set_options(fd);
	session->id = ++s->next_id;
	session->source = source;
	session->port = port;
	session->opened_ns = session->last_ns = now_ns;
	session->prev = s->newest;
	*(s->newest ? &s->newest->next : &s->oldest) = session;
	s->newest = session;
	s->count++;
	counter_inc(&s->options.stats->open);
	counter_inc(&s->options.stats->accepted);
	s->options.opened(s->options.arg, session);
	return 0;
}

static void accept_all(struct stream *s, uint64_t now_ns)
{
	for (int i = 0; i < ACCEPT_EACH_TURN; i++) {
		struct sockaddr_storage from = {0};
		socklen_t len = sizeof(from);
		int fd = accept4(s->listen_fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
			/* It would be reported as ready again and again. */
			counter_inc(&s->options.stats->refused[ERR_MEMORY]);
			s->deaf = watch(s, EPOLL_CTL_DEL, s->listen_fd, 0, NULL) == 0;
		}
		if (fd < 0)
			return;
		int reason = admit(s, fd, &from, now_ns);
		if (!reason)
			continue;
		counter_inc(&s->options.stats->refused[reason]);
		close(fd);
	}
}

/* --- reading ------------------------------------------------------------------------------------------------------- */

static void read_one(struct stream *s, struct session *session, uint64_t now_ns)
{
	bool wanted = session->wants_write;
	int reason = session_read(session, now_ns, s->options.message, s->options.arg);
	if (!reason && session->wants_write != wanted &&
	    watch(s, EPOLL_CTL_MOD, session->fd, session->wants_write ? EPOLLOUT : EPOLLIN, session) < 0)
		reason = ERR_MEMORY;
	if (reason)
		end_session(s, session, (enum err)reason);
}

unsigned stream_turn(struct stream *s, int timeout_ms, uint64_t now_ns)
{
	struct epoll_event events[EVENTS];
	bool knocks = false;
	int n = epoll_wait(s->epoll_fd, events, EVENTS, timeout_ms);
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			read_one(s, events[i].data.ptr, now_ns);
		else
			knocks = true;
	}
	/* Last: making room ends a session, and no event of this turn may be left for it. */
	if (knocks)
		accept_all(s, now_ns);
	return n > 0 ? (unsigned)n : 0;
}

/* --- time ---------------------------------------------------------------------------------------------------------- */

static enum err overdue(const struct stream *s, const struct session *i, uint64_t now_ns)
{
	const struct stream_options *o = &s->options;
	bool shaking = i->tls && !tls_session_ready(i->tls);
	if (i->begun_ns && now_ns - i->begun_ns >= o->message_ns)
		return ERR_SLOW;
	if (shaking && now_ns - i->opened_ns >= o->message_ns)
		return ERR_SLOW;
	if (o->idle_ns && now_ns - i->last_ns >= o->idle_ns)
		return ERR_IDLE;
	return ERR_NONE;
}

void stream_each_second(struct stream *s, uint64_t now_ns)
{
	if (s->deaf)
		s->deaf = watch(s, EPOLL_CTL_ADD, s->listen_fd, EPOLLIN, NULL) < 0;
	for (struct session *i = s->oldest, *next; i; i = next) {
		next = i->next;
		enum err reason = overdue(s, i, now_ns);
		if (reason)
			end_session(s, i, reason);
	}
}

void stream_excuse(struct stream *s, uint64_t now_ns)
{
	for (struct session *i = s->oldest; i; i = i->next) {
		i->last_ns = now_ns;
		i->begun_ns = i->begun_ns ? now_ns : 0;
		if (i->tls && !tls_session_ready(i->tls))
			i->opened_ns = now_ns;
	}
}
