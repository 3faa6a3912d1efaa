/*
 * main.c -- weir-enricher: from the topic `flows` to `flows-enriched`, exactly once (topic.h).
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/confine.h"
#include "common/http.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/opt.h"
#include "common/probe.h"
#include "common/promtext.h"
#include "common/signals.h"
#include "enrich/enrich.h"
#include "enricher/topic.h"
#include "kafka/options.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct enricher_options {
	char *output, *group, *from, *transactional_id, *addr, *log_level, *log_format, *user, *confine;
	uint64_t commit_ns;
	int64_t commit_messages;
	bool health;
};

struct config {
	struct enricher_options own;
	struct kafka_options kafka;
	struct enrich_options enrich;
};

struct program {
	struct config config;
	struct topic *topic;
	struct enrich *enrich;
	struct http_server *http;
	char id[128];
	int result;
	char err[512];
};

static atomic_bool stop;

static const struct opt rows[] = {
	{"output-topic", OPT_STRING, offsetof(struct enricher_options, output), "flows-enriched", "TOPIC", "Topic to write."},
	{"group", OPT_STRING, offsetof(struct enricher_options, group), "weir-enricher", "NAME",
	 "Consumer group; several enrichers share the work when they have the same."},
	{"from", OPT_STRING, offsetof(struct enricher_options, from), "end", "WHERE",
	 "Where a new group begins: end, beginning, or a UTC time such as 2026-11-21T12:00."},
	{"transactional-id", OPT_STRING, offsetof(struct enricher_options, transactional_id), NULL, "ID",
	 "Name of this process in Kafka's transactions; each needs its own, and the same after a restart. Without it: "
	 "weir-enricher- and the name of the host."},
	{"commit", OPT_DURATION, offsetof(struct enricher_options, commit_ns), "1s", "TIME",
	 "How long a transaction lasts; flows can be read when it ends.", .min = 1000000, .max = 30 * 1000000000ll},
	{"commit-messages", OPT_INT, offsetof(struct enricher_options, commit_messages), "2000", "N",
	 "Messages in a transaction at most.", .min = 1, .max = 100000},
	{"addr", OPT_STRING, offsetof(struct enricher_options, addr), NULL, "ADDRESS",
	 "Where /metrics, /healthz and /readyz are served: localhost:8082, :8082 (everywhere). Without it: nowhere."},
	{"health", OPT_BOOL, offsetof(struct enricher_options, health), NULL, NULL,
	 "Ask the enricher that runs here, at --addr, how it is, and exit: 0 well, 1 not. For health checks of containers."},
	{"loglevel", OPT_STRING, offsetof(struct enricher_options, log_level), "info", "LEVEL", "How much to say.",
	 .choices = "error|warn|warning|info|debug"},
	{"logfmt", OPT_STRING, offsetof(struct enricher_options, log_format), "normal", "FORMAT",
	 "Log lines for people or as JSON.", .choices = "normal|json"},
	{"user", OPT_STRING, offsetof(struct enricher_options, user), NULL, "USER", CONFINE_USER_HELP},
	{"confine", OPT_STRING, offsetof(struct enricher_options, confine), "auto", "HOW", CONFINE_MODE_HELP,
	 .choices = CONFINE_CHOICES},
};

static struct opt_group groups[] = {
	{.title = "Topics", .rows = rows, .n_rows = sizeof(rows) / sizeof(rows[0]), .base = offsetof(struct config, own)},
	{.title = "Enrichment", .rows = enrich_option_rows, .n_rows = ENRICH_OPTIONS, .base = offsetof(struct config, enrich)},
	{.title = "Kafka", .rows = kafka_option_rows, .base = offsetof(struct config, kafka)},
};

static const struct opt_spec spec = {
	.program = "weir-enricher",
	.summary = "add countries, AS numbers and names to the flows of a topic",
	.usage = "[OPTION...]",
	.description = "Reads the topic flows, writes flows-enriched; by Kafka's transactions each flow is there once, over\n"
		       "crashes of any side. Readers of the output should read committed messages only (isolation.level=read_committed,\n"
		       "the default of librdkafka and so of weir-inserter).\n"
		       "\nExample:\n"
		       "  weir-enricher --enrich.country GeoLite2-Country.mmdb --enrich.networks networks.csv\n"
		       "\nExit status: 0 done, 1 failed while running, 2 bad usage or configuration.\n",
	.groups = groups,
	.n_groups = sizeof(groups) / sizeof(groups[0]),
};

static void serve_metrics(void *arg, const struct http_request *req, struct http_response *res)
{
	struct program *p = arg;
	(void)req;
	res->content_type = "text/plain; version=0.0.4; charset=utf-8";
	topic_metrics(p->topic, &res->body);
	prom_process(&res->body, "weir-enricher");
}

static void serve_ready(void *arg, const struct http_request *req, struct http_response *res)
{
	struct program *p = arg;
	(void)req;
	http_say_ready(res, topic_ready(p->topic), "no partitions yet");
}

static const struct http_route routes[] = {
	{"/metrics", "GET", serve_metrics},
	{"/healthz", "GET", http_say_ok},
	{"/readyz", "GET", serve_ready},
};

static void *work(void *arg)
{
	struct program *p = arg;
	p->result = topic_run(p->topic, p->err, sizeof(p->err));
	stop = true;
	kill(getpid(), SIGUSR2); /* wakes main */
	return NULL;
}

/* Before build(): the first consumer starts threads. No file is written. */
static int give_up_privileges(const struct enricher_options *o, char *err, size_t err_len)
{
	struct confine_options options = {.mode = o->confine, .user = o->user};
	char said[CONFINE_SAID_MAX];
	int r = confine_apply(&options, said, sizeof(said), err, err_len);
	if (r == 0 && *said)
		log_info(LOG_OURS, "confined: %s", said);
	return r;
}

static int build(struct program *p, char *err, size_t err_len)
{
	struct enricher_options *o = &p->config.own;
	char host[64] = "host";
	if (!p->config.kafka.brokers)
		p->config.kafka.brokers = strdup("localhost:9092");
	(void)gethostname(host, sizeof(host) - 1);
	snprintf(p->id, sizeof(p->id), "%s%s", o->transactional_id ? o->transactional_id : "weir-enricher-",
		 o->transactional_id ? "" : host);
	if (strcmp(o->output, p->config.kafka.topic) == 0) {
		snprintf(err, err_len, "--output-topic and --kafka.topic are both '%s': flows would go round for ever", o->output);
		return -EINVAL;
	}
	int r = enrich_new(&p->config.enrich, &p->enrich, err, err_len);
	if (r)
		return r;
	if (!p->enrich) {
		snprintf(err, err_len, "nothing to add: name a file with --enrich.country, --enrich.as or --enrich.networks");
		return -EINVAL;
	}
	struct topic_setup setup = {.kafka = &p->config.kafka, .output = o->output, .group = o->group, .from = o->from,
		.transactional_id = p->id, .commit_ns = o->commit_ns, .commit_messages = (size_t)o->commit_messages,
		.enrich = p->enrich, .stop = &stop};
	return topic_new(&setup, &p->topic, err, err_len);
}

static int serve(struct program *p, char *err, size_t err_len)
{
	struct http_options options = {.address = p->config.own.addr, .routes = routes,
		.n_routes = sizeof(routes) / sizeof(routes[0]), .arg = p};
	if (!options.address)
		return 0;
	int r = http_server_start(&options, &p->http, err, err_len);
	if (!r)
		log_info(LOG_OURS, "/metrics is served on port %u", http_server_port(p->http));
	return r;
}

static int ask_health(const struct program *p, char *err, size_t err_len)
{
	if (p->config.own.addr)
		return probe_http(p->config.own.addr, "/healthz", err, err_len);
	snprintf(err, err_len, "--health: the address of the running one is wanted, --addr or WEIR_ADDR");
	return -EINVAL;
}

static int run(struct program *p, char *err, size_t err_len)
{
	pthread_t thread;
	signals_block();
	int r = serve(p, err, err_len);
	if (!r)
		r = -pthread_create(&thread, NULL, work, p);
	if (r)
		return r;
	notify_send("READY=1");
	uint64_t watchdog = notify_watchdog_ns();
	while (!stop) {
		int number = signals_wait(watchdog ? watchdog : 10 * NS_PER_S);
		if (number == SIGINT || number == SIGTERM)
			stop = true;
		else if (watchdog)
			(void)notify_watchdog_feed((bool *[]){topic_pulse(p->topic)}, 1);
	}
	notify_send("STOPPING=1");
	pthread_join(thread, NULL);
	topic_log_summary(p->topic);
	if (p->result)
		snprintf(err, err_len, "%s", p->err);
	return p->result;
}

int main(int argc, char **argv)
{
	static struct program p;
	struct opt_result result = {0};
	char err[512] = "";
	groups[sizeof(groups) / sizeof(groups[0]) - 1].n_rows = kafka_option_rows_count;
	int r = opt_parse(&spec, argc, argv, &p.config, &result, err, sizeof(err));
	bool parsed = !r;
	if (!r && !result.exit_now && p.config.own.health) {
		r = ask_health(&p, err, sizeof(err));
		result.exit_now = true;
	}
	if (!r && !result.exit_now)
		r = log_init("weir-enricher", p.config.own.log_level, p.config.own.log_format);
	if (!r && !result.exit_now && !result.check)
		r = give_up_privileges(&p.config.own, err, sizeof(err));
	if (!r && !result.exit_now)
		r = build(&p, err, sizeof(err));
	if (!r && !result.exit_now && !result.check)
		r = run(&p, err, sizeof(err));
	if (r)
		fprintf(stderr, "weir-enricher: %s\n", err);
	http_server_stop(p.http);
	topic_free(p.topic);
	enrich_free(p.enrich);
	if (parsed)
		opt_free(&spec, &p.config, &result);
	return !r ? EXIT_SUCCESS : r == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
}
