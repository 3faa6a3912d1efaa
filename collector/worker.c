/*
 * worker.c -- see worker.h.
 */
#include "collector/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "collector/config.h"
#include "collector/gate.h"
#include "collector/input.h"
#include "collector/listen.h"
#include "common/clock.h"
#include "common/complain.h"
#include "common/counter.h"
#include "common/log.h"
#include "common/notify.h"

struct worker {
	struct worker_options options;
	struct worker_stats stats;
	struct outlet outlet;
	struct gate gate;
	struct decoder *decoder;
	pthread_t thread;
	bool stop, pulse;      /* atomic */
	bool joined;           /* main thread */
	uint64_t start_wall_ns, start_ns; /* at the start: wall clock, monotonic */
	uint64_t next_second_ns;
	struct complain bad_complain, denied_complain;

	pthread_mutex_t ask_lock;
	pthread_cond_t answered;
	worker_ask_fn *ask;    /* atomic: looked at without the lock */
	void *ask_arg;
	bool ended;
};

/* --- for its input ----------------------------------------------------------------------------------------------- */

struct worker_stats *worker_counters(struct worker *w)
{
	return &w->stats;
}

struct outlet *worker_outlet(struct worker *w)
{
	return &w->outlet;
}

struct decoder *worker_decoder(struct worker *w)
{
	return w->decoder;
}

static void explain(struct worker *w, const struct datagram *dg, const struct decode_result *r)
{
	char address[IP_TEXT_MAX];
	uint64_t swallowed;
	ip_format(&dg->source, address);
	if (r->reason && complain_now(&w->bad_complain, w->outlet.now_ns, &swallowed))
		log_warn(LOG_REMOTE, "%s port %u to %s: %s (%llu such datagrams before were not mentioned)", address, dg->source_port,
			 w->options.listen->text, err_text(r->reason), (unsigned long long)swallowed);
	bool waits = r->why_skipped == ERR_NO_TEMPLATE || r->why_skipped == ERR_HOLD_FULL;
	log_debug(LOG_REMOTE, "%s port %u: version %u, %zu bytes, %u/%u records%s%s%s%s%s", address, dg->source_port, r->version, dg->len,
		  r->flows, r->announced, r->reason ? ", dropped: " : "", r->reason ? err_text(r->reason) : "",
		  r->skipped ? "; sets were skipped: " : "", r->skipped ? err_text(r->why_skipped) : "",
		  waits ? " (a template can take as long as the exporter's refresh interval, 10 to 60 minutes)" : "");
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

uint64_t worker_now_ns(const struct worker *w)
{
	return w->start_wall_ns + (w->outlet.now_ns - w->start_ns);
}

bool worker_admits(struct worker *w, const struct ip_addr *source, uint16_t port)
{
	return gate_datagram(&w->gate, source, port, worker_now_ns(w));
}

bool worker_datagram(struct worker *w, const struct datagram *dg)
{
	struct decode_result result;
	if (!gate_datagram(&w->gate, &dg->source, dg->source_port, worker_now_ns(w))) {
		turn_away(w, dg);
		return false;
	}
	decoder_datagram(w->decoder, w->options.listen->scheme, dg, &result);
	outlet_commit(&w->outlet);
	if (__builtin_expect(result.reason != ERR_NONE || log_enabled(LOG_DEBUG), 0))
		explain(w, dg, &result);
	return true;
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

static void each_second(struct worker *w)
{
	if (w->outlet.now_ns < w->next_second_ns)
		return;
	w->next_second_ns = w->outlet.now_ns + NS_PER_S;
	decoder_tick(w->decoder, worker_now_ns(w));
	w->options.input->ops->each_second(w->options.input);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	struct input *in = w->options.input;
	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		in->ops->receive(in);
		outlet_tick(&w->outlet, w->outlet.now_ns, false);
		each_second(w);
		notify_turned(&w->pulse);
		if (__atomic_load_n(&w->ask, __ATOMIC_ACQUIRE))
			answer(w);
	}
	in->ops->drain(in);
	outlet_close(&w->outlet, w->outlet.now_ns);
	pthread_mutex_lock(&w->ask_lock);
	w->ended = true;
	pthread_cond_broadcast(&w->answered);
	pthread_mutex_unlock(&w->ask_lock);
	return NULL;
}

static void dispose(struct worker *w)
{
	outlet_close(&w->outlet, 0);
	decoder_free(w->decoder);
	gate_free(&w->gate);
	w->options.input->ops->free(w->options.input);
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
		options->input->ops->free(options->input);
		return -ENOMEM;
	}
	w->options = *options;
	w->start_wall_ns = clock_wall_ns();
	w->start_ns = clock_monotonic_ns();
	pthread_mutex_init(&w->ask_lock, NULL);
	pthread_cond_init(&w->answered, NULL);
	int rc = outlet_init(&w->outlet, &options->outlet);
	w->outlet.now_ns = w->start_ns;
	if (rc == 0) {
		struct decode_options decode = config_decode_options(options->config, &w->outlet);
		if (options->listen->kind != LISTEN_UDP)
			decode.template_timeout_ns = 0; /* RFC 7011 10.3.7 is about UDP: here they live as long as the session */
		rc = decoder_new(&decode, &w->decoder);
	}
	if (rc == 0 && (rc = gate_init(&w->gate, options->rules)) == 0)
		w->outlet.options.keep_arg = &w->gate;
	if (rc == 0) {
		refresh_keep(w);
		rc = options->input->ops->start(options->input, w);
	}
	if (rc == 0)
		rc = -pthread_create(&w->thread, NULL, run, w);
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

struct reloading {
	char *err;
	size_t err_len;
	int rc;
};

static void reload_input(void *arg, struct worker *w, struct decoder *d)
{
	struct reloading *r = arg;
	struct input *in = w->options.input;
	(void)d;
	if (in->ops->reload)
		r->rc = in->ops->reload(in, r->err, r->err_len);
}

int worker_reload(struct worker *w, char *err, size_t err_len)
{
	struct reloading r = {.err = err, .err_len = err_len};
	(void)worker_ask(w, reload_input, &r); /* one that has ended needs nothing */
	return r.rc;
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

bool *worker_pulse(struct worker *w)
{
	return &w->pulse;
}
