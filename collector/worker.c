/*
 * worker.c -- see worker.h.
 *
 * recvmmsg with MSG_WAITFORONE takes what is there, up to 64 datagrams, and waits (SO_RCVTIMEO) only for the first: 53 us
 * from wire to decoder when it is quiet, one system call for 64 datagrams when it is not. The buffers are one piece of
 * address space; a page of it becomes memory only when a datagram reaches it.
 */
#include "collector/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "collector/config.h"
#include "collector/gate.h"
#include "collector/listen.h"
#include "collector/repeat.h"
#include "collector/socket.h"
#include "collector/stream.h"
#include "common/clock.h"
#include "common/complain.h"
#include "common/counter.h"
#include "common/log.h"

enum {
	VLEN = 64,             /* datagrams a call */
	BUFFER = 65536,        /* the longest UDP datagram, and the size that a page table likes */
	CONTROL = 128,         /* time stamp and drop counter */
	ARENA = VLEN * BUFFER,
	STREAM_WAIT_MS = 100,
	PAUSE_MAX_NS = 2000000,
	SPARSE_NS = 250000,    /* between two datagrams: pausing is not worth it */
	PAUSE_BUFFER = 4 << 20 /* receive buffer without which there is no pausing */
};

struct worker {
	struct worker_options options;
	struct worker_stats stats;
	struct outlet outlet;
	struct gate gate;
	struct repeater *repeater; /* NULL: nothing is passed on */
	struct stream *stream;     /* NULL: UDP */
	struct repeat_stats repeat_stats;
	struct decoder *decoder;
	pthread_t thread;
	bool stop;             /* atomic */
	bool joined;           /* main thread */
	bool may_pause;        /* see pause_for() */
	uint64_t last_call_ns, gap_ns;
	uint32_t last_drops;   /* the kernel's counter */
	uint64_t next_second_ns;
	struct complain bad_complain, denied_complain;

	pthread_mutex_t ask_lock;
	pthread_cond_t answered;
	worker_ask_fn *ask;    /* atomic: looked at without the lock */
	void *ask_arg;
	bool ended;

	uint8_t *arena;
	struct mmsghdr messages[VLEN];
	struct iovec iov[VLEN];
	struct sockaddr_storage from[VLEN];
	_Alignas(struct cmsghdr) char control[VLEN][CONTROL];
};

/* --- receiving ------------------------------------------------------------------------------------------------- */

static void prepare(struct worker *w)
{
	for (unsigned i = 0; i < VLEN; i++) {
		w->iov[i] = (struct iovec){.iov_base = w->arena + (size_t)i * BUFFER, .iov_len = BUFFER};
		w->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &w->from[i], .msg_namelen = sizeof(w->from[i]), .msg_iov = &w->iov[i], .msg_iovlen = 1,
			.msg_control = w->control[i], .msg_controllen = CONTROL,
		};
	}
}

/* The kernel counts modulo 2^32 since the socket was opened. */
static void note_drops(struct worker *w, uint32_t now)
{
	uint32_t more = now - w->last_drops;
	/* SO_RXQ_OVFL is stamped when a datagram is queued, SO_MEMINFO is of now: the former may come later and be less. */
	if (more == 0 || more > UINT32_MAX / 2)
		return;
	counter_add(&w->stats.kernel_drops, more);
	w->last_drops = now;
}

static void read_control(struct worker *w, struct msghdr *h, uint64_t *ret_received_ns)
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
			note_drops(w, drops);
		}
	}
}

/* --- one datagram ------------------------------------------------------------------------------------------------ */

static void explain(struct worker *w, const struct datagram *dg, const struct decode_result *r)
{
	char address[IP_TEXT_MAX];
	uint64_t swallowed;
	ip_format(&dg->source, address);
	if (r->reason && complain_now(&w->bad_complain, w->outlet.now_ns, &swallowed))
		log_warn(LOG_REMOTE, "%s port %u to %s: %s (%llu such datagrams before were not mentioned)", address, dg->source_port,
			 w->options.listen->text, err_text(r->reason), (unsigned long long)swallowed);
	log_debug(LOG_REMOTE, "%s port %u: version %u, %zu bytes, %u/%u records%s%s%s", address, dg->source_port, r->version, dg->len,
		  r->flows, r->announced, r->reason ? ", dropped: " : "", r->reason ? err_text(r->reason) : "",
		  r->skipped ? "; sets were skipped (a template can take as long as the exporter's refresh interval, 10 to 60 minutes)"
			     : "");
}

static void turn_away(struct worker *w, const struct datagram *dg)
{
	char address[IP_TEXT_MAX];
	uint64_t swallowed;
	counter_inc(&w->stats.not_allowed);
	ip_format(&dg->source, address);
	if (complain_now(&w->denied_complain, w->outlet.now_ns, &swallowed))
		log_warn(LOG_REMOTE, "%s port %u to %s: %s (%llu such datagrams before were not mentioned)", address, dg->source_port,
			 w->options.listen->text, err_text(ERR_NOT_ALLOWED), (unsigned long long)swallowed);
}

/* However it came. */
static void one_message(struct worker *w, const struct datagram *dg)
{
	struct decode_result result;
	counter_add(&w->stats.bytes, dg->len);
	if (!gate_datagram(&w->gate, &dg->source, dg->source_port, dg->received_ns)) {
		turn_away(w, dg);
		return;
	}
	decoder_datagram(w->decoder, w->options.listen->scheme, dg, &result);
	outlet_commit(&w->outlet);
	if (__builtin_expect(result.reason != ERR_NONE || log_enabled(LOG_DEBUG), 0))
		explain(w, dg, &result);
}

static void one_datagram(struct worker *w, unsigned i, uint64_t wall_ns)
{
	struct mmsghdr *m = &w->messages[i];
	struct datagram dg = {.data = w->iov[i].iov_base, .len = m->msg_len, .received_ns = wall_ns};
	dg.source = ip_from_sockaddr(&w->from[i], &dg.source_port);
	read_control(w, &m->msg_hdr, &dg.received_ns);
	if (m->msg_hdr.msg_flags & MSG_TRUNC)
		counter_inc(&w->stats.truncated);
	/* recvmmsg shortens these. */
	m->msg_hdr.msg_namelen = sizeof(w->from[i]);
	m->msg_hdr.msg_controllen = CONTROL;
	one_message(w, &dg);
}

static void pass_on(struct worker *w, unsigned n)
{
	struct iovec data[VLEN];
	for (unsigned i = 0; i < n; i++)
		data[i] = (struct iovec){.iov_base = w->iov[i].iov_base, .iov_len = w->messages[i].msg_len};
	repeat_send(w->repeater, data, w->from, n, &w->repeat_stats);
	counter_add(&w->stats.repeated, w->repeat_stats.sent);
	counter_add(&w->stats.repeat_failed, w->repeat_stats.failed);
	w->repeat_stats = (struct repeat_stats){0};
}

static bool on_welcome(void *arg, const struct ip_addr *source, uint16_t port)
{
	struct worker *w = arg;
	struct datagram nothing = {.source = *source, .source_port = port};
	if (gate_datagram(&w->gate, source, port, clock_wall_ns()))
		return true;
	turn_away(w, &nothing);
	return false;
}

static void on_message(void *arg, const struct datagram *dg)
{
	one_message(arg, dg);
}

static void on_end(void *arg, uint64_t session)
{
	decoder_session_end(((struct worker *)arg)->decoder, session);
}

static unsigned receive_stream(struct worker *w, int timeout_ms)
{
	outlet_begin(&w->outlet, clock_monotonic_ns());
	unsigned n = stream_receive(w->stream, timeout_ms, w->outlet.now_ns, clock_wall_ns());
	const struct stream_stats *s = stream_stats(w->stream);
	counter_add(&w->stats.datagrams, n);
	counter_add(&w->stats.batches, n > 0);
	counter_add(&w->stats.tcp_accepted, s->accepted - w->stats.tcp_accepted);
	counter_add(&w->stats.tcp_refused, s->refused - w->stats.tcp_refused);
	counter_add(&w->stats.tcp_broken, s->broken - w->stats.tcp_broken);
	__atomic_store_n(&w->stats.tcp_sessions, s->sessions, __ATOMIC_RELAXED);
	return n;
}

/* One call and what it gave; 0: nothing came. */
static unsigned receive(struct worker *w, int flags)
{
	if (w->stream)
		return receive_stream(w, flags & MSG_DONTWAIT ? 0 : STREAM_WAIT_MS);
	int n = recvmmsg(w->options.fd, w->messages, VLEN, flags, NULL);
	outlet_begin(&w->outlet, clock_monotonic_ns());
	if (n <= 0) {
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			counter_inc(&w->stats.receive_errors);
		return 0;
	}
	uint64_t wall_ns = clock_wall_ns();
	if (w->repeater)
		pass_on(w, (unsigned)n);
	for (unsigned i = 0; i < (unsigned)n; i++)
		one_datagram(w, i, wall_ns);
	counter_add(&w->stats.datagrams, (uint64_t)n);
	counter_inc(&w->stats.batches);
	return (unsigned)n;
}

/* --- the thread -------------------------------------------------------------------------------------------------- */

static void answer(struct worker *w)
{
	pthread_mutex_lock(&w->ask_lock);
	if (w->ask)
		w->ask(w->ask_arg, w, w->decoder);
	__atomic_store_n(&w->ask, NULL, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&w->answered);
	pthread_mutex_unlock(&w->ask_lock);
}

static void read_drops(struct worker *w)
{
	uint32_t drops;
	if (!w->stream && socket_drops(w->options.fd, &drops) == 0)
		note_drops(w, drops);
}

static void each_second(struct worker *w)
{
	if (w->outlet.now_ns < w->next_second_ns)
		return;
	w->next_second_ns = w->outlet.now_ns + NS_PER_S;
	decoder_tick(w->decoder, clock_wall_ns());
	read_drops(w);
}

/*
 * A receive call that has to wait for the next datagram costs a wake-up, more than ten datagrams' worth of work. So
 * when traffic is dense the worker sleeps until about TARGET should be there, by the rate it sees, two milliseconds
 * at most; when a call came back full there is more, and it does not sleep at all. Only with a receive buffer that holds many
 * times what can come meanwhile.
 */
static void pause_for(struct worker *w, unsigned got)
{
	enum { TARGET = VLEN * 3 / 4 };
	uint64_t now = clock_monotonic_ns();
	uint64_t each = got ? (now - w->last_call_ns) / got : SPARSE_NS;
	w->last_call_ns = now;
	/* An average over some eight calls: traffic comes in bursts. */
	w->gap_ns = (w->gap_ns * 7 + (each < SPARSE_NS ? each : SPARSE_NS)) / 8;
	if (got == VLEN || !w->may_pause || w->gap_ns >= SPARSE_NS / 2)
		return;
	uint64_t pause = w->gap_ns * TARGET;
	clock_sleep_ns(pause < PAUSE_MAX_NS ? pause : PAUSE_MAX_NS);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		pause_for(w, receive(w, MSG_WAITFORONE));
		outlet_tick(&w->outlet, w->outlet.now_ns, false);
		each_second(w);
		if (__atomic_load_n(&w->ask, __ATOMIC_ACQUIRE))
			answer(w);
	}
	/* What is in the receive buffer now was sent before we were told to stop; what still comes is not waited for. */
	for (unsigned left = LISTEN_BUFFER_MAX / VLEN / 1024, n = 1; left > 0 && n > 0; left--)
		n = receive(w, MSG_DONTWAIT);
	read_drops(w);
	outlet_close(&w->outlet, w->outlet.now_ns);
	pthread_mutex_lock(&w->ask_lock);
	w->ended = true;
	pthread_cond_broadcast(&w->answered);
	pthread_mutex_unlock(&w->ask_lock);
	return NULL;
}

static void dispose(struct worker *w)
{
	if (w->arena)
		munmap(w->arena, ARENA);
	stream_free(w->stream); /* while there is a decoder to tell */
	outlet_close(&w->outlet, 0);
	decoder_free(w->decoder);
	gate_free(&w->gate);
	repeat_free(w->repeater);
	close(w->options.fd);
	pthread_cond_destroy(&w->answered);
	pthread_mutex_destroy(&w->ask_lock);
	free(w);
}

/* A flow is asked about only when some rule could say no. */
static void refresh_keep(struct worker *w)
{
	w->outlet.options.keep = gate_asks_flows(&w->gate) ? gate_flow : NULL;
}

int worker_start(const struct worker_options *options, struct worker **ret_worker)
{
	struct worker *w = calloc(1, sizeof(*w));
	if (!w) {
		close(options->fd);
		repeat_free(options->repeater);
		return -ENOMEM;
	}
	w->options = *options;
	w->repeater = options->repeater;
	w->may_pause = options->buffer_got >= PAUSE_BUFFER && !options->listen->tcp;
	w->gap_ns = SPARSE_NS;
	pthread_mutex_init(&w->ask_lock, NULL);
	pthread_cond_init(&w->answered, NULL);
	void *arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	w->arena = arena == MAP_FAILED ? NULL : arena;
	int rc = w->arena ? outlet_init(&w->outlet, &options->outlet) : -ENOMEM;
	if (rc == 0) {
		struct decode_options decode = config_decode_options(options->config, outlet_emit, &w->outlet);
		rc = decoder_new(&decode, &w->decoder);
	}
	if (rc == 0 && options->listen->tcp) {
		struct stream_handlers handlers = {.welcome = on_welcome, .message = on_message, .end = on_end, .arg = w};
		w->stream = stream_new(options->fd, &handlers);
		rc = w->stream ? 0 : -ENOMEM;
	}
	if (rc == 0 && (rc = gate_init(&w->gate, options->rules)) == 0)
		w->outlet.options.keep_arg = &w->gate;
	if (rc == 0) {
		refresh_keep(w);
		prepare(w);
		rc = -pthread_create(&w->thread, NULL, run, w);
	}
	if (rc < 0)
		dispose(w);
	else
		*ret_worker = w;
	return rc;
}

void worker_stop(struct worker *w)
{
	__atomic_store_n(&w->stop, true, __ATOMIC_RELEASE);
}

void worker_join(struct worker *w)
{
	if (!w->joined)
		pthread_join(w->thread, NULL);
	w->joined = true;
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	worker_stop(w);
	worker_join(w);
	dispose(w);
}

int worker_ask(struct worker *w, worker_ask_fn *fn, void *arg)
{
	pthread_mutex_lock(&w->ask_lock);
	while (w->ask && !w->ended) /* another's turn */
		pthread_cond_wait(&w->answered, &w->ask_lock);
	w->ask_arg = arg;
	__atomic_store_n(&w->ask, fn, __ATOMIC_RELEASE);
	while (w->ask == fn && w->ask_arg == arg && !w->ended)
		pthread_cond_wait(&w->answered, &w->ask_lock);
	int rc = w->ended && w->ask ? -ESHUTDOWN : 0;
	pthread_mutex_unlock(&w->ask_lock);
	return rc;
}

void worker_ask_or_do(struct worker *w, worker_ask_fn *fn, void *arg)
{
	if (w->joined || worker_ask(w, fn, arg) < 0)
		fn(arg, w, w->decoder);
}

struct new_rules {
	const struct gate_rules *rules;
	const struct senders *senders;
	int rc;
};

static void take_rules(void *arg, struct worker *w, struct decoder *d)
{
	struct new_rules *new = arg;
	(void)d;
	if (new->rules)
		new->rc = gate_swap_rules(&w->gate, new->rules);
	if (new->senders) {
		w->gate.senders = new->senders;
		w->gate.sender = NULL;
	}
	refresh_keep(w);
}

int worker_set_rules(struct worker *w, const struct gate_rules *rules)
{
	struct new_rules new = {.rules = rules};
	int rc = worker_ask(w, take_rules, &new);
	return rc < 0 ? rc : new.rc;
}

int worker_set_senders(struct worker *w, const struct senders *senders)
{
	struct new_rules new = {.senders = senders};
	return worker_ask(w, take_rules, &new);
}

const struct worker_stats *worker_stats(const struct worker *w)
{
	return &w->stats;
}

const struct decode_stats *worker_decode_stats(const struct worker *w)
{
	return decoder_stats(w->decoder);
}

const struct outlet_stats *worker_outlet_stats(const struct worker *w)
{
	return &w->outlet.stats;
}

const struct listen_spec *worker_listen(const struct worker *w)
{
	return w->options.listen;
}

unsigned worker_number(const struct worker *w)
{
	return w->options.number;
}
