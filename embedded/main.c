/*
 * main.c -- weir-embedded: broker, ClickHouse and its HTTP interface in one process, for one machine.
 *
 * Order matters. Privileges go before the first thread is there, as Landlock holds for threads that start later. The HTTP port
 * is taken next, so that a second one fails at once. At the end the engine comes before the broker: libchdb never
 * leaves its consumer group, and dropping a Kafka table without its broker takes a quarter of a minute.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/confine.h"
#include "common/http.h"
#include "common/ip.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/opt.h"
#include "common/probe.h"
#include "common/signals.h"
#include "embedded/again.h"
#include "embedded/broker.h"
#include "embedded/engine.h"
#include "embedded/forward.h"
#include "embedded/places.h"
#include "embedded/schema.h"
#include "embedded/server.h"

enum { ERR_LEN = 2048, READY_S = 60, STOP_S = 15 };

struct config {
	char *addr;
	char *brokers;
	char *kafka_addr;
	char *topic;
	int64_t partitions;
	int64_t consumers;
	uint64_t flush;
	uint64_t window;
	char *data;
	char *sql;
	char *proto;
	char *web;
	char *lib;
	int64_t keep;
	char *local;
	uint64_t query_time;
	uint64_t query_memory;
	int64_t query_rows;
	char *ready_file;
	char *confine;
	bool health;
	char *log_level;
	char *log_format;
};

#define AT(member) offsetof(struct config, member)

static const struct opt rows[] = {
	{"addr", OPT_STRING, AT(addr), "localhost:8123", "HOST:PORT",
	 "Where ClickHouse's HTTP interface and the page listen. localhost is 127.0.0.1 and ::1; port 0 takes a free one. There are "
	 "no users and no passwords: think before making it more than localhost."},
	{"kafka.brokers", OPT_STRING, AT(brokers), NULL, "HOST:PORT,...",
	 "Read from this Kafka instead of a broker of its own, so that only the database is embedded."},
	{"kafka.addr", OPT_STRING, AT(kafka_addr), "localhost:9092", "HOST:PORT",
	 "A known address for the broker. Clients learn the broker's own port, on 127.0.0.1, from it. Port 0 takes a free one."},
	{"kafka.topic", OPT_STRING, AT(topic), "flows", "TOPIC", "Topic of the flows."},
	{"kafka.partitions", OPT_INT, AT(partitions), "16", "N", "Partitions of the topic. The broker keeps about 5 MB of each.",
	 .min = 1, .max = 64},
	{"kafka.consumers", OPT_INT, AT(consumers), "1", "N",
	 "Threads that read the topic into ClickHouse. One does 150,000 flows a second and more.", .min = 1, .max = 2},
	{"kafka.window", OPT_SIZE, AT(window), "4MiB", "BYTES",
	 "What a partition may hold that ClickHouse has not stored; producers are held back beyond it.", .min = 3 << 20, .max = 4 << 20},
	{"flush", OPT_DURATION, AT(flush), "500ms", "TIME", "How long flows are gathered before they are stored.",
	 .min = 100000000, .max = 60000000000},
	{"data", OPT_STRING, AT(data), NULL, "DIR",
	 "Where the tables are kept. Without it they are in a temporary folder that goes when the program ends."},
	{"keep", OPT_INT, AT(keep), "20000", "DAYS", "How many days flows are kept.", .min = 1, .max = 20000},
	{"local", OPT_STRING, AT(local), NULL, "PREFIX,...",
	 "The home's networks, for home_flows. Without it: the private ones and those this host is connected to."},
	{"sql", OPT_STRING, AT(sql), NULL, "DIR", "The numbered files that make the tables: sql/clickhouse."},
	{"proto", OPT_STRING, AT(proto), NULL, "FILE", "flow.proto."},
	{"web", OPT_STRING, AT(web), NULL, "DIR", "The files of the page at /dashboard."},
	{"lib", OPT_STRING, AT(lib), NULL, "FILE",
	 "The ClickHouse engine, libchdb.so. Without it: $WEIR_CHDB, .cache/chdb/ (where scripts/fetch-chdb puts it), "
	 "/usr/lib/weir/."},
	{"query.time", OPT_DURATION, AT(query_time), "60s", "TIME", "A query may take this long.", .min = 1000000000},
	{"query.memory", OPT_SIZE, AT(query_memory), "2GiB", "BYTES", "A query may use this much memory."},
	{"query.rows", OPT_INT, AT(query_rows), "10000000", "N",
	 "An answer may have this many rows. A query's own max_result_rows, in its URL, beats it. 0 is no limit.", .max = 1000000000000},
	{"health", OPT_BOOL, AT(health), NULL, NULL,
	 "Ask the one that runs here, at --addr, how it is, and exit: 0 when it has its tables and its partitions, 1 not. For "
	 "health checks of containers."},
	{"ready-file", OPT_STRING, AT(ready_file), NULL, "FILE",
	 "Written when all is ready: lines http=PORT, kafka=HOST:PORT and broker=HOST:PORT (the broker's own)."},
	{"confine", OPT_STRING, AT(confine), "auto", "HOW", CONFINE_MODE_HELP, .choices = CONFINE_CHOICES},
	{"loglevel", OPT_STRING, AT(log_level), "info", "LEVEL", "How much to say.", .choices = "error|warn|warning|info|debug"},
	{"logfmt", OPT_STRING, AT(log_format), "normal", "FORMAT", "Log lines for people or as JSON.", .choices = "normal|json"},
};

static const struct opt_group groups[] = {{"Options", OPT_ROWS(rows), 0}};

static const struct opt_spec spec = {
	.program = "weir-embedded",
	.summary = "a broker and a ClickHouse for one machine, in one process",
	.usage = "[OPTION...]",
	.description = "Give weir-collector --kafka.brokers localhost:9092 and ask http://localhost:8123/?query=SHOW+TABLES. "
		       "The broker keeps no message longer than it must and none over a restart: for more than one machine, or for "
		       "years, use Kafka and a ClickHouse server (compose/). Exit status: 0 done, 1 failed while running, 2 bad usage.",
	.groups = groups,
	.n_groups = 1,
};

struct program {
	struct config config;
	struct places places;
	struct buf local;      /* --local or its default, as a list */
	struct engine *engine;
	struct broker *broker;
	struct forward *forward;
	struct server server;
};

static int start_engine(struct program *p, char *err)
{
	const struct engine_setup setup = {
		.library = p->places.lib, .data = p->places.data, .config = p->places.engine_config,
	};
	return engine_open(&setup, &p->engine, err, ERR_LEN);
}

static const char *brokers(const struct program *p)
{
	return p->config.brokers ? p->config.brokers : broker_address(p->broker);
}

static int start_broker(struct program *p, const char *group, char *err)
{
	const struct broker_setup setup = {
		.topic = p->config.topic, .partitions = (int)p->config.partitions, .group = group, .window = p->config.window,
	};
	if (p->config.brokers)
		return 0;
	int r = broker_start(&setup, &p->broker, err, ERR_LEN);
	if (r)
		return r;
	const char *colon = strrchr(broker_address(p->broker), ':');
	return forward_start(p->config.kafka_addr, (uint16_t)strtoul(colon + 1, NULL, 10), &p->forward, err, ERR_LEN);
}

/* The same networks as weir-inserter's --local, checked and written out. */
static int find_local(struct program *p, char *err)
{
	struct ip_set set = {0};
	char text[IP_PREFIX_TEXT_MAX];
	int r;
	if (p->config.local)
		r = ip_set_parse(&set, p->config.local, err, ERR_LEN);
	else if (!(r = ip_set_add_private(&set)))
		r = ip_set_add_connected(&set);
	for (size_t i = 0; !r && i < set.count; i++) {
		ip_prefix_format(&set.items[i], text);
		buf_printf(&p->local, i ? ",%s" : "%s", text);
	}
	ip_set_free(&set);
	if (r && !*err)
		snprintf(err, ERR_LEN, "the local networks are not known: %s; --local names them", strerror(-r));
	return r;
}

static int make_tables(struct program *p, const char *group, char *err)
{
	char schema[PATH_MAX + 32], consumers[8], flush[24], keep[16];
	snprintf(schema, sizeof(schema), "%s:FlowMessage", p->places.proto);
	snprintf(consumers, sizeof(consumers), "%d", (int)p->config.consumers);
	snprintf(flush, sizeof(flush), "%llu", (unsigned long long)(p->config.flush / NS_PER_MS));
	snprintf(keep, sizeof(keep), "%d", (int)p->config.keep);
	const struct schema_var vars[] = {
		{"KAFKA_BROKERS", brokers(p)}, {"KAFKA_TOPIC", p->config.topic}, {"KAFKA_GROUP", group},
		{"KAFKA_SCHEMA", schema}, {"KAFKA_CONSUMERS", consumers}, {"KAFKA_FLUSH_MS", flush}, {"KAFKA_BLOCK_ROWS", "65536"},
		{"RAW_DAYS", keep}, {"ROLLUP_MINUTE_DAYS", keep},
		{"ROLLUP_5M_DAYS", keep}, {"ROLLUP_HOUR_DAYS", keep}, {"LOCAL", p->local.data},
	};
	return schema_apply(p->engine, p->places.sql, vars, sizeof(vars) / sizeof(vars[0]), err, ERR_LEN);
}

/* The consumers have all partitions: what is produced from now on is read at once. */
static int wait_for_consumers(struct program *p, char *err)
{
	uint64_t end = clock_monotonic_ns() + READY_S * NS_PER_S;
	/* With --sql of one's own there may be nothing that reads. */
	uint64_t readers = 1;
	if (engine_number(p->engine, "SELECT count() FROM system.tables WHERE engine = 'Kafka'", &readers) == 0 && readers == 0)
		return 0;
	/* Of a Kafka that others run, the number of partitions is not ours to know. */
	uint64_t wanted = p->broker ? (uint64_t)p->config.partitions : 1;
	while (clock_monotonic_ns() < end) {
		uint64_t assigned = 0;
		if (engine_number(p->engine, "SELECT sum(length(assignments.partition_id)) FROM system.kafka_consumers", &assigned) == 0 &&
		    assigned >= wanted)
			return 0;
		int sig = signals_wait(20 * NS_PER_MS);
		if (sig) {
			snprintf(err, ERR_LEN, "stopped while starting");
			return -EINTR;
		}
	}
	snprintf(err, ERR_LEN, "ClickHouse did not get its partitions within %d s", READY_S);
	return -ETIMEDOUT;
}

static int write_ready_file(struct program *p, char *err)
{
	if (!p->config.ready_file)
		return 0;
	char part[PATH_MAX];
	snprintf(part, sizeof(part), "%s.part", p->config.ready_file);
	FILE *f = fopen(part, "we");
	int r = f ? 0 : -errno;
	if (f) {
		fprintf(f, "http=%u\nbroker=%s\n", http_server_port(p->server.http), brokers(p));
		if (p->forward)
			fprintf(f, "kafka=127.0.0.1:%u\n", forward_port(p->forward));
		if (fclose(f) || rename(part, p->config.ready_file))
			r = -errno;
	}
	if (r)
		snprintf(err, ERR_LEN, "%s: %s (--ready-file)", p->config.ready_file, strerror(-r));
	return r;
}

/* ClickHouse is large and reads what anybody writes into a query: it may write its tables, and start nothing. */
static int give_up_privileges(const struct program *p, char *err)
{
	static struct confine_path ready, above;
	struct confine_options options = {.mode = p->config.confine, .makes_links = true};
	char said[CONFINE_SAID_MAX];
	confine_directory(&options, p->places.data);
	confine_file(&options, p->config.ready_file, &ready);
	if (p->places.data_is_ours) {
		snprintf(above.text, sizeof(above.text), "%s", p->places.data);
		*strrchr(above.text, '/') = '\0';
		options.removes_in = above.text;
	} else {
		options.starts_itself = true; /* again.h; of a new folder no table can fail to load */
	}
	int r = confine_apply(&options, said, sizeof(said), err, ERR_LEN);
	if (!r && *said)
		log_info(LOG_OURS, "confined: %s", said);
	return r;
}

static int start(struct program *p, char *err)
{
	p->server = (struct server){
		.address = p->config.addr, .query_ns = p->config.query_time, .query_memory = p->config.query_memory,
		.query_rows = (uint64_t)p->config.query_rows,
	};
	const struct places_given given = {
		.sql = p->config.sql, .proto = p->config.proto, .web = p->config.web, .lib = p->config.lib, .data = p->config.data,
	};
	int r = find_local(p, err);
	if (!r)
		r = places_find(&given, &p->places, err, ERR_LEN);
	if (!r)
		r = give_up_privileges(p, err);
	if (!r)
		r = server_start(&p->server, err, ERR_LEN);
	if (!r)
		r = start_broker(p, "clickhouse", err);
	if (!r)
		r = start_engine(p, err);
	if (r)
		return r;
	p->server.engine = p->engine;
	p->server.broker = p->broker;
	p->server.web = p->places.web;
	r = make_tables(p, "clickhouse", err);
	if (!r)
		r = wait_for_consumers(p, err);
	if (!r)
		__atomic_store_n(&p->server.ready, true, __ATOMIC_RELEASE);
	return r ? r : write_ready_file(p, err);
}

static void say_where(const struct program *p)
{
	unsigned port = http_server_port(p->server.http);
	log_info(LOG_OURS, "ClickHouse %s: http://localhost:%u/", engine_version(p->engine), port);
	if (p->places.web)
		log_info(LOG_OURS, "the page: http://localhost:%u/dashboard", port);
	char own[32] = "";
	if (p->forward)
		snprintf(own, sizeof(own), "localhost:%u", forward_port(p->forward));
	log_info(LOG_OURS, "Kafka: %s, topic %s; tables in %s%s", p->forward ? own : brokers(p), p->config.topic, p->places.data,
		 p->places.data_is_ours ? " (gone at the end)" : "");
}

/* Says what the broker lost, if it did; the rest of the time it sleeps. The watchdog is fed after the broker has answered. */
static void serve(struct program *p)
{
	uint64_t gap = 0, watchdog = notify_watchdog_ns();
	for (;;) {
		int sig = signals_wait(watchdog && watchdog < NS_PER_S ? watchdog : NS_PER_S);
		if (sig == SIGINT || sig == SIGTERM)
			return;
		struct broker_status s;
		if (p->broker && broker_status(p->broker, &s) == 0 && s.gap > gap) {
			log_error(LOG_BROKER, "%llu messages were lost before ClickHouse read them", (unsigned long long)(s.gap - gap));
			gap = s.gap;
		}
		if (watchdog)
			notify_send("WATCHDOG=1");
	}
}

/* ARG: the data folder, when it is ours. */
static void *give_up(void *arg)
{
	clock_sleep_ns(STOP_S * NS_PER_S);
	if (arg)
		places_remove(arg);
	_exit(1);
}

/* A query that hangs in the engine must not keep the process, nor its temporary folder: it gets this long. */
static void stop(struct program *p)
{
	static char data[PATH_MAX];
	pthread_t overdue;
	if (p->places.data_is_ours)
		snprintf(data, sizeof(data), "%s", p->places.data);
	if (pthread_create(&overdue, NULL, give_up, *data ? data : NULL) == 0)
		pthread_detach(overdue);
	__atomic_store_n(&p->server.ready, false, __ATOMIC_RELEASE);
	server_stop(&p->server);
	forward_stop(p->forward);
	engine_close(p->engine);
	broker_stop(p->broker);
	if (p->config.ready_file)
		unlink(p->config.ready_file);
	places_free(&p->places);
	buf_free(&p->local);
}

static void say_no_more_tries(int reason)
{
	if (reason == -ELOOP)
		log_error(LOG_OURS, "given up after %d tries", again_tries() + 1);
	else
		log_error(LOG_OURS, "no further try: %s", strerror(-reason));
}

int main(int argc, char **argv)
{
	static struct program p;
	struct opt_result result = {0};
	char err[ERR_LEN] = "";
	if (opt_parse(&spec, argc, argv, &p.config, &result, err, sizeof(err))) {
		fprintf(stderr, "weir-embedded: %s\n", err);
		return 2;
	}
	if (result.exit_now || result.check)
		return 0;
	if (p.config.health) {
		if (probe_http(p.config.addr, "/ping", err, sizeof(err)) == 0)
			return 0;
		fprintf(stderr, "weir-embedded: %s\n", err);
		return 1;
	}
	log_init("weir-embedded", p.config.log_level, p.config.log_format);
	signals_block();
	int r = start(&p, err);
	if (r == -EAGAIN) {
		log_warn(LOG_OURS, "%s", err);
	} else if (r) {
		log_error(LOG_OURS, "%s", err);
	} else {
		say_where(&p);
		notify_send("READY=1");
		serve(&p);
		notify_send("STOPPING=1");
	}
	stop(&p);
	if (r == -EAGAIN)
		say_no_more_tries(again_exec(argv));
	opt_free(&spec, &p.config, &result);
	return r == 0 || r == -EINTR ? 0 : r == -EINVAL || r == -ENOENT ? 2 : 1;
}
