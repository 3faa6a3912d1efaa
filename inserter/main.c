/*
 * main.c -- weir-inserter: from the topic to wherever its words say.
 *
 * One process, any number of sinks. Sinks are put on feeds by their group (feed.h), each feed is a thread; this thread
 * waits for signals. SIGINT and SIGTERM let every feed store what it has, commit and say what it counted.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/confine.h"
#include "common/http.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/probe.h"
#include "common/promtext.h"
#include "common/signals.h"
#include "inserter/config.h"
#include "inserter/feed.h"
#include "inserter/sides.h"
#include "inserter/times.h"
#include "proto/filter.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, FEEDS_MAX = 16 };

struct program {
	int argc;
	char **argv;
	struct config *config;
	struct ip_set local;
	struct filter *filter;
	struct sink_env env;
	struct feed *feeds[FEEDS_MAX];
	size_t n_feeds;
	bool serves;
	struct http_server *http;
};

static const char DEFAULT_ADDRESS[] = "localhost:3434";
static atomic_bool stop;

/* A feed has ended by itself: wake the main thread. */
static void feed_has_ended(void)
{
	kill(getpid(), SIGUSR2);
}

/* -- HTTP -- */

static void serve_metrics(void *arg, const struct http_request *req, struct http_response *res)
{
	struct program *p = arg;
	(void)req;
	res->content_type = "text/plain; version=0.0.4; charset=utf-8";
	feed_metrics(p->feeds, p->n_feeds, &res->body);
	prom_process(&res->body, "weir-inserter");
}

static void serve_ready(void *arg, const struct http_request *req, struct http_response *res)
{
	struct program *p = arg;
	bool ready = true;
	(void)req;
	for (size_t i = 0; i < p->n_feeds; i++)
		ready &= feed_ready(p->feeds[i]);
	http_say_ready(res, ready, "no partitions yet");
}

static const struct http_route routes[] = {
	{"/metrics", "GET", serve_metrics},
	{"/healthz", "GET", http_say_ok},
	{"/readyz", "GET", serve_ready},
};

static int serve(struct program *p, char *err, size_t err_len)
{
	const char *addr = p->config->common.addr;
	if (!addr && p->serves)
		addr = DEFAULT_ADDRESS;
	if (!addr)
		return 0;
	struct http_options options = {
		.address = addr, .routes = routes, .n_routes = sizeof(routes) / sizeof(routes[0]), .arg = p};
	int r = http_server_start(&options, &p->http, err, err_len);
	if (!r)
		log_info(LOG_OURS, "/metrics is served on port %u", http_server_port(p->http));
	return r;
}

/* -- feeds -- */

static struct feed *feed_for(struct program *p, const char *group, char *err, size_t err_len)
{
	for (size_t i = 0; i < p->n_feeds; i++) {
		const char *has = feed_group(p->feeds[i]);
		if (has == group || (has && group && strcmp(has, group) == 0))
			return p->feeds[i];
	}
	if (p->n_feeds == FEEDS_MAX) {
		snprintf(err, err_len, "more than %d groups", FEEDS_MAX);
		return NULL;
	}
	struct feed_setup setup = {
		.kafka = &p->config->kafka,
		.group = group,
		.from = p->config->common.from,
		.dead_letters = p->config->common.dead_letters,
		.read = p->config->common.read,
		.range = p->config->common.range,
		.dirs = p->config->common.dirs,
		.filter = p->filter,
		.flush_ns = p->config->common.flush_ns,
		.stop = &stop,
		.ended = feed_has_ended,
	};
	if (enrich_new(&p->config->enrich, &setup.enrich, err, err_len))
		return NULL;
	if (feed_new(&setup, &p->feeds[p->n_feeds], err, err_len))
		return NULL;
	return p->feeds[p->n_feeds++];
}

static int add_sink(struct program *p, const char *name, char *err, size_t err_len)
{
	const struct sink_kind *kind = sink_by_name(name);
	if (!kind) {
		snprintf(err, err_len, "'%s' is no sink; --help lists them", name);
		return -EINVAL;
	}
	const char *group = p->config->common.group ? p->config->common.group : kind->group;
	if (p->config->common.read) {
		group = NULL;
		if (kind->begin) {
			snprintf(err, err_len, "%s keeps its place in Kafka's topic; --read has none to keep", kind->name);
			return -EINVAL;
		}
	}
	struct feed *feed = feed_for(p, group, err, err_len);
	if (!feed)
		return -EINVAL;
	if (!feed_empty(feed) && (kind->begin || feed_keeps_offsets(feed))) {
		snprintf(err, err_len, "%s keeps its own offsets: with --group, run it in a process of its own", kind->name);
		return -EINVAL;
	}
	p->env.group = group;
	p->serves |= kind->serves;
	return feed_add(feed, kind, config_sink_options(p->config, kind), &p->env, err, err_len);
}

/* One of the texts that must all match. Compiled by itself, so that a mistake is told by its place in that text. */
static int add_filter(struct buf *all, const char *name, const char *text, char *err, size_t err_len)
{
	char why[FILTER_ERR_MAX];
	struct filter *alone = NULL;
	if (!text || !*text)
		return 0;
	int r = filter_compile(text, &alone, why, sizeof(why));
	filter_free(alone);
	if (r)
		snprintf(err, err_len, "%s: %s", name, r == -ENOMEM ? "out of memory" : why);
	buf_printf(all, "%s(%s\n)", all->len ? " and " : "", text);
	return r;
}

/* The first word must be one; what follows the last is the filter. */
static size_t count_sinks(const struct opt_list *words)
{
	size_t n = 1;
	while (n < words->count && sink_by_name(words->items[n]))
		n++;
	return n;
}

/* --filter, --filter-file, -t, and the words that are no sinks. */
static int compile_filter(const struct inserter_options *o, const struct opt_list *words, struct filter **ret_filter, char *err,
			  size_t err_len)
{
	size_t first = count_sinks(words);
	struct buf all = {0}, typed = {0}, file = {0};
	char window[128] = "", why[FILTER_ERR_MAX];
	int r = o->times ? times_filter(o->times, window, sizeof(window), err, err_len) : 0;
	for (size_t i = first; i < words->count; i++)
		buf_printf(&typed, "%s%s", i > first ? " " : "", words->items[i]);
	if (o->filter_file)
		buf_printf(&file, "@include \"%s\"", o->filter_file);
	if (!r)
		r = add_filter(&all, "--filter", o->filter, err, err_len);
	if (!r)
		r = add_filter(&all, "--filter-file", file.data, err, err_len);
	if (!r)
		r = add_filter(&all, "filter", typed.data, err, err_len);
	if (!r)
		r = add_filter(&all, "--time-window", window, err, err_len);
	if (!r && (all.failed || typed.failed || file.failed))
		r = -ENOMEM;
	if (!r && (r = filter_compile(all.data ? all.data : "", ret_filter, why, sizeof(why))))
		snprintf(err, err_len, "filter: %s", why);
	if (r == -ENOMEM)
		snprintf(err, err_len, "filter: out of memory");
	buf_free(&all);
	buf_free(&typed);
	buf_free(&file);
	return r;
}

/* nfdump's ways to name files: -R may hold the directory, and -M stands for several. */
static int find_files(struct inserter_options *o, char *err, size_t err_len)
{
	struct stat st;
	char *colon = o->range ? strchr(o->range, ':') : NULL;
	char *slash = o->range ? memrchr(o->range, '/', colon ? (size_t)(colon - o->range) : strlen(o->range)) : NULL;
	if (o->read || !o->range || (!slash && o->dirs)) {
		if (!o->read && o->dirs)
			o->read = strdup("");
		return !o->dirs || o->read ? 0 : -ENOMEM;
	}
	if (o->dirs) {
		snprintf(err, err_len, "--range %s: with --dirs it names files only", o->range);
		return -EINVAL;
	}
	if (!colon && stat(o->range, &st) == 0 && S_ISDIR(st.st_mode)) {
		o->read = o->range;
		o->range = NULL;
		return 0;
	}
	o->read = slash ? strndup(o->range, (size_t)(slash - o->range) + (slash == o->range)) : strdup(".");
	if (slash)
		memmove(o->range, slash + 1, strlen(slash + 1) + 1);
	return o->read ? 0 : -ENOMEM;
}

static int build(struct program *p, const struct opt_result *result, char *err, size_t err_len)
{
	struct inserter_options *o = &p->config->common;
	const struct opt_list *words = &result->words;
	if (words->count == 0) {
		snprintf(err, err_len, "say where flows are to go, such as: weir-inserter print; --help lists the sinks");
		return -EINVAL;
	}
	if (o->dead_letters && strcmp(o->dead_letters, p->config->kafka.topic) == 0) {
		snprintf(err, err_len, "--dead-letter-topic is the topic that is read: it would never end");
		return -EINVAL;
	}
	if (!p->config->kafka.brokers)
		p->config->kafka.brokers = strdup("localhost:9092");
	int r = sides_parse(o->local, &p->local, err, err_len);
	if (!r)
		r = find_files(o, err, err_len);
	p->env.local = &p->local;
	p->env.topic = p->config->kafka.topic;
	p->env.stop = &stop;
	p->env.check = result->check;
	if (!r && sink_by_name(words->items[0]))
		r = compile_filter(o, words, &p->filter, err, err_len);
	for (size_t i = 0; i < count_sinks(words) && !r; i++)
		r = add_sink(p, words->items[i], err, err_len);
	return r;
}

/* Before build(): the first consumer starts threads. */
static int give_up_privileges(const struct program *p, const struct opt_list *words, char *err, size_t err_len)
{
	struct confine_options options = {.mode = p->config->common.confine, .user = p->config->common.user};
	char said[CONFINE_SAID_MAX];
	for (size_t i = 0; i < words->count; i++) {
		const struct sink_kind *kind = sink_by_name(words->items[i]);
		if (!kind)
			break; /* the filter */
		if (kind->confine)
			kind->confine(config_sink_options(p->config, kind), &options);
	}
	int r = confine_apply(&options, said, sizeof(said), err, err_len);
	if (r == 0 && *said)
		log_info(LOG_OURS, "confined: %s", said);
	return r;
}

static bool all_ended(const struct program *p)
{
	for (size_t i = 0; i < p->n_feeds; i++)
		if (!feed_ended(p->feeds[i]))
			return false;
	return true;
}

static void feed_watchdog(struct program *p)
{
	bool *pulses[FEEDS_MAX];
	for (size_t i = 0; i < p->n_feeds; i++)
		pulses[i] = feed_pulse(p->feeds[i]);
	(void)notify_watchdog_feed(pulses, p->n_feeds);
}

/* SIGHUP: everything is read again, the filter and the log level come into force. A mistake leaves the old ones. */
static void reload(struct program *p)
{
	struct config *fresh = NULL;
	struct opt_result result = {0};
	struct filter *filters[FEEDS_MAX] = {NULL};
	char err[512];
	int r = config_parse(p->argc, p->argv, &fresh, &result, err, sizeof(err));
	for (size_t i = 0; i < p->n_feeds && !r; i++)
		r = compile_filter(&fresh->common, &result.words, &filters[i], err, sizeof(err));
	for (size_t i = 0; i < p->n_feeds; i++) {
		if (r)
			filter_free(filters[i]);
		else
			feed_set_filter(p->feeds[i], filters[i]);
	}
	if (r) {
		log_error(LOG_OURS, "SIGHUP: %s; the old configuration stays in force", err);
	} else {
		(void)log_set_level(fresh->common.log_level);
		log_info(LOG_OURS, "SIGHUP: log level %s, filter read again", fresh->common.log_level);
	}
	config_free(fresh, &result);
}

static int run(struct program *p, char *err, size_t err_len)
{
	int r = serve(p, err, err_len);
	for (size_t i = 0; i < p->n_feeds && !r; i++)
		r = feed_start(p->feeds[i], err, err_len);
	if (r)
		return r;
	*err = '\0';
	notify_send("READY=1");
	uint64_t watchdog = notify_watchdog_ns();
	while (!stop && !all_ended(p)) {
		int signal_number = signals_wait(watchdog ? watchdog : 10 * NS_PER_S);
		if (signal_number == SIGINT || signal_number == SIGTERM)
			stop = true;
		if (signal_number == SIGHUP)
			reload(p);
		if (watchdog)
			feed_watchdog(p);
	}
	notify_send("STOPPING=1");
	stop = true;
	http_server_stop(p->http); /* first: it asks the feeds */
	p->http = NULL;
	for (size_t i = 0; i < p->n_feeds; i++) {
		int one = feed_join(p->feeds[i]);
		feed_log_summary(p->feeds[i]);
		if (one && !*err)
			snprintf(err, err_len, "not everything was done: %s", strerror(-one));
		r = r ? r : one;
	}
	return r;
}

static void tear_down(struct program *p)
{
	stop = true;
	http_server_stop(p->http);
	for (size_t i = 0; i < p->n_feeds; i++)
		feed_free(p->feeds[i]);
	filter_free(p->filter);
	ip_set_free(&p->local);
}

int main(int argc, char **argv)
{
	struct program p = {.argc = argc, .argv = argv};
	struct opt_result result = {0};
	char err[512] = "";
	int status = EXIT_USAGE;
	int r = config_parse(argc, argv, &p.config, &result, err, sizeof(err));
	if (!r && result.exit_now)
		goto out;
	if (!r && p.config->common.health) {
		const char *addr = p.config->common.addr;
		r = probe_http(addr ? addr : DEFAULT_ADDRESS, "/healthz", err, sizeof(err));
		if (r)
			fprintf(stderr, "weir-inserter: %s\n", err);
		status = EXIT_FAILED;
		goto out;
	}
	if (!r)
		r = log_init("weir-inserter", p.config->common.log_level, p.config->common.log_format);
	if (!r && !result.check)
		r = give_up_privileges(&p, &result.words, err, sizeof(err));
	if (!r)
		r = build(&p, &result, err, sizeof(err));
	status = r == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	if (!r && !result.check) {
		signals_block();
		r = run(&p, err, sizeof(err));
		status = r == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	}
	if (r)
		fprintf(stderr, "weir-inserter: %s\n", err);
	tear_down(&p);
out:
	config_free(p.config, &result);
	return r ? status : EXIT_SUCCESS;
}
