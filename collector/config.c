/*
 * config.c -- the rows of weir-collector's options, and what follows from what they were given.
 *
 * Names are goflow2's where goflow2 has the option, so that its command lines work; what weir cannot or need not do
 * is refused by a row that names the replacement (OPT_GONE), never ignored.
 */
#include "collector/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/gate.h"
#include "collector/mapping.h"
#include "collector/outlet.h"
#include "collector/tls.h"
#include "common/confine.h"

/* For the flows of the datagram that fills a batch; few make more. */
enum { DATAGRAM_ROOM = 32 * 1024 };

#define ROW(name, type, member, value, arg, ...) {name, type, offsetof(struct config, member), value, arg, __VA_ARGS__}

static const struct opt input_rows[] = {
	ROW("listen", OPT_LIST, listen_urls, "sflow://:6343,netflow://:2055", "URL,...",
	    "Where to listen: netflow:// (v1, v5 to v9, IPFIX), sflow://, or flow:// (told apart by their first bytes), "
	    "[HOST]:PORT, and ?count=N for N sockets with a worker each. Without a host: every address, IPv4 and IPv6. "
	    "ipfix+tcp://, ipfix+tls:// and ipfix+sctp:// take IPFIX over connections; pcap://INTERFACE makes flows of the packets "
	    "there, ?sampling=N of one in N, ?filter=EXPRESSION (tcpdump's, + for a space) of some."),
	ROW("pcap", OPT_STRING, pcap, NULL, "FILE",
	    "Decode the UDP datagrams of a capture file (- is standard input) instead of listening, and exit at its end."),
	ROW("workers", OPT_INT, workers, "1", "N", "Sockets, each with its worker thread, for a listener without count. "
	    "An exporter always meets the same worker.", .min = 1, .max = LISTEN_COUNT_MAX),
	ROW("udp.receive-buffer", OPT_SIZE, receive_buffer, "32MiB", "SIZE",
	    "Kernel receive buffer of each socket; net.core.rmem_max may cap it, which is said once.",
	    .min = 4096, .max = LISTEN_BUFFER_MAX),
};

static const struct opt stream_rows[] = {
	ROW("tls.cert", OPT_STRING, tls_cert, NULL, "FILE", "Certificate chain for ipfix+tls://, PEM. Or ?cert= at the listener."),
	ROW("tls.key", OPT_STRING, tls_key, NULL, "FILE", "Its key, PEM. Or ?key=."),
	ROW("tls.ca", OPT_STRING, tls_ca, NULL, "FILE",
	    "Take only exporters with a certificate that one of these has signed, PEM. Or ?ca=."),
	ROW("stream.sessions", OPT_INT, stream_sessions, "1024", "N", "Connections at a time, of one listener.", .min = 1, .max = 16384),
	ROW("stream.sessions-per-address", OPT_INT, stream_sessions_per_address, "64", "N", "Of these, from one address.",
	    .min = 1, .max = 65536),
	ROW("stream.idle", OPT_DURATION, stream_idle, "24h", "TIME", "End a connection on which nothing came for so long. 0: never."),
	ROW("stream.message-time", OPT_DURATION, stream_message_time, "30s", "TIME",
	    "A message that has begun, or a TLS handshake, must be whole within this.", .min = 1000000000,
	    .max = 3600ll * 1000000000),
};

static const struct opt meter_rows[] = {
	ROW("meter", OPT_BOOL, meter, NULL, NULL, "With --pcap: make flows of the packets, instead of decoding datagrams in it."),
	ROW("meter.active", OPT_DURATION, meter_active, "60s", "TIME", "A flow that lasts longer is reported, and goes on as another.",
	    .min = 1000000000, .max = 86400ll * 1000000000),
	ROW("meter.inactive", OPT_DURATION, meter_inactive, "15s", "TIME", "A flow without packets for so long is over.",
	    .min = 1000000000, .max = 86400ll * 1000000000),
	ROW("meter.max-flows", OPT_INT, meter_max_flows, "65536", "N", "Flows at a time; one more, and the most silent one is reported.",
	    .min = 16, .max = 1 << 24),
	ROW("meter.sampling", OPT_INT, meter_sampling, "1", "N", "Look at one packet of N.", .min = 1, .max = UINT32_MAX),
	ROW("meter.sampler", OPT_STRING, meter_sampler, NULL, "ADDRESS",
	    "sampler_address of these flows. Default: the address of the interface; of a capture, 127.0.0.1."),
};

static const struct opt decode_rows[] = {
	ROW("sampling-rate", OPT_SIZE, sampling_rate, NULL, "N",
	    "Sampling rate of exporters that do not say theirs. 0: unknown.", .min = 0, .max = UINT32_MAX, .flags = OPT_RELOAD),
	ROW("sampling-rate.by-exporter", OPT_STRING, sampling_by_exporter, NULL, "PREFIX=N,...",
	    "Sampling rate of the exporters in a prefix, whatever they say: 10.0.0.0/8=1000,192.0.2.1=1.", .flags = OPT_RELOAD),
	ROW("mapping", OPT_STRING, mapping_path, NULL, "FILE",
	    "Which information element fills which field, beyond what is built in: docs/mapping.md.", .flags = OPT_RELOAD),
	ROW("biflow", OPT_BOOL, biflow, NULL, NULL,
	    "Keep both directions of a bidirectional flow (RFC 5103) in one flow instead of making two of it."),
	ROW("decapsulate", OPT_BOOL, decapsulate, NULL, NULL,
	    "In sampled packets of tunnels the innermost packet takes the place of the outer one."),
	ROW("templates.ttl", OPT_DURATION, template_ttl, "24h", "TIME",
	    "Forget a template that was not refreshed for so long. 0: never."),
	ROW("hold.bytes", OPT_SIZE, hold_bytes, "4MiB", "SIZE",
	    "Keep so much data that came before its template. 0: none.", .max = 1ll << 32),
	ROW("hold.time", OPT_DURATION, hold_time, "5m", "TIME", "And for so long."),
	ROW("state.path", OPT_STRING, state_path, NULL, "DIR",
	    "Keep templates, samplers and names there over a restart. Default: $STATE_DIRECTORY/state where systemd sets it, "
	    "else they are learnt again."),
	ROW("state.interval", OPT_DURATION, state_interval, "1m", "TIME", "How often they are written, and at the end.",
	    .min = 1000000000, .max = 86400ll * 1000000000),
	ROW("produce", OPT_STRING, produce, "sample", NULL, "goflow2's -produce: only `sample` is there.",
	    .flags = OPT_HIDDEN, .choices = "sample"),
};

static const struct opt sender_rows[] = {
	ROW("allow", OPT_LIST, allow, NULL, "PREFIX,...", "Take datagrams from these addresses only. May be given several times.",
	    .flags = OPT_RELOAD),
	ROW("filter", OPT_STRING, filter, NULL, "FILTER",
	    "Keep only flows that it holds for: 'src ip 10.0.0.0/8 and dst port in [53 443]' (nfdump's language, docs/filter.md).",
	    .flags = OPT_RELOAD),
	ROW("rate-cap", OPT_INT, rate_cap, "0", "N",
	    "Keep about N flows a second of each exporter at most, and multiply the sampling rate of those kept. 0: no cap.",
	    .min = 0, .max = 1000000000, .flags = OPT_RELOAD),
	ROW("redis", OPT_STRING, redis, NULL, "HOST:PORT",
	    "Take datagrams only from the senders in Redis's set `senders` (IP/Port, port 0: any), and keep only flows of the "
	    "networks in the set `sender:IP/Port`."),
	ROW("redis.password", OPT_STRING, redis_password, NULL, "TEXT", "Its password; better in WEIR_REDIS_PASSWORD.",
	    .flags = OPT_SECRET),
	ROW("redis.interval", OPT_DURATION, redis_interval, "5s", "TIME", "How often it is asked for changes.",
	    .min = 100000000, .max = 3600ll * 1000000000),
	ROW("repeat", OPT_LIST, repeat, NULL, "HOST:PORT",
	    "Pass every datagram on, unchanged, to this place. May be given up to 8 times."),
	ROW("repeat.keep-source", OPT_BOOL, repeat_keep_source, NULL, NULL,
	    "Pass them on with the exporter's address as source; needs CAP_NET_RAW."),
};

static const struct opt output_rows[] = {
	ROW("transport", OPT_STRING, transport_word, NULL, "WHERE",
	    "Where flows go; kafka when --kafka.brokers is given, http when --http.url is, else file.",
	    .choices = "file|kafka|http|null"),
	ROW("format", OPT_STRING, format_word, NULL, "FORMAT",
	    "How: bin (protobuf, each record behind its length), json or text lines. bin to Kafka, else json; by HTTP always json.",
	    .choices = "bin|json|text"),
	ROW("transport.file", OPT_STRING, file, NULL, "PATH",
	    "File to append to, reopened at SIGHUP. Empty: standard output."),
	ROW("transport.file.sep", OPT_STRING, separator, NULL, "TEXT",
	    "What stands between records of a file: a line end after json and text, nothing after bin."),
};

static const struct opt batch_rows[] = {
	ROW("kafka.batch.bytes", OPT_SIZE, batch_bytes, "512KiB", "SIZE", "A Kafka message is sent when it is so large.",
	    .min = 1024, .max = 800000),
	ROW("kafka.batch.flows", OPT_INT, batch_flows, "-1", "N",
	    "Or has so many flows. 1: a message a flow, without the header \"weir\", as goflow2 does it. -1: no limit.",
	    .min = -1, .max = 1000000),
	ROW("kafka.batch.linger", OPT_DURATION, batch_linger, "250ms", "TIME", "Or is so old. For a file and HTTP: the same.",
	    .max = 60ll * 1000000000),
	ROW("journal.path", OPT_STRING, journal_path, NULL, "DIR",
	    "Keep flows that Kafka has not acknowledged in files there, so that they outlive the collector. Default: "
	    "$STATE_DIRECTORY/journal where systemd sets it, else memory only."),
	ROW("journal.max-bytes", OPT_SIZE, journal_max, "1GiB", "SIZE",
	    "Cap of the journal, on disk or in memory; past it the oldest flows go, counted.", .min = 1 << 20),
	ROW("collector-id", OPT_STRING, collector_id, NULL, "NAME",
	    "Name of this collector in the message header \"weir\". Default: the host's name."),
};

static const struct opt run_rows[] = {
	ROW("addr", OPT_STRING, addr, "localhost:8080", "HOST:PORT",
	    "HTTP: /metrics, /healthz, /readyz, /templates, /exporters, /flows. `:8080` is every address; empty: none."),
	ROW("health", OPT_BOOL, health, NULL, NULL,
	    "Ask the collector that runs here, at --addr, how it is, and exit: 0 well, 1 not. For health checks of containers."),
	ROW("templates.path", OPT_STRING, templates_page, "/templates", "PATH", "HTTP path of the templates."),
	ROW("shutdown-timeout", OPT_DURATION, shutdown_timeout, "10s", "TIME",
	    "At SIGTERM: time to deliver what is held. The rest stays in the journal."),
	ROW("loglevel", OPT_STRING, log_level, "info", "LEVEL", "error, warn, info or debug.",
	    .choices = "error|warn|warning|info|debug", .flags = OPT_RELOAD),
	ROW("logfmt", OPT_STRING, log_format, "normal", "FORMAT", "normal or json.", .choices = "normal|json"),
	ROW("user", OPT_STRING, user, NULL, "USER", CONFINE_USER_HELP),
	ROW("confine", OPT_STRING, confine, "auto", "HOW", CONFINE_MODE_HELP, .choices = CONFINE_CHOICES),
};

static const struct opt_group *groups(size_t *ret_n)
{
	static struct opt_group all[12];
	size_t n = 0;
	all[n++] = (struct opt_group){.title = "Input", OPT_ROWS(input_rows)};
	all[n++] = (struct opt_group){.title = "IPFIX over connections", OPT_ROWS(stream_rows)};
	all[n++] = (struct opt_group){.title = "Metering packets", OPT_ROWS(meter_rows)};
	all[n++] = (struct opt_group){.title = "Decoding", OPT_ROWS(decode_rows)};
	all[n++] = (struct opt_group){.title = "Who may send, and what is passed on", OPT_ROWS(sender_rows)};
	all[n++] = (struct opt_group){.title = "Output", OPT_ROWS(output_rows)};
	all[n++] = (struct opt_group){.title = "Kafka", .rows = kafka_option_rows, .n_rows = kafka_option_rows_count,
				      .base = offsetof(struct config, kafka)};
	all[n++] = (struct opt_group){.title = "HTTP", .rows = http_lines_rows, .n_rows = HTTP_LINES_OPTIONS,
				      .base = offsetof(struct config, http)};
	all[n++] = (struct opt_group){.title = "Batches and journal", OPT_ROWS(batch_rows)};
	all[n++] = (struct opt_group){.title = "Running", OPT_ROWS(run_rows)};
	all[n++] = (struct opt_group){.title = "As goflow2 has it", .rows = config_goflow2_rows,
				      .n_rows = config_goflow2_rows_count, .base = offsetof(struct config, goflow2)};
	*ret_n = n;
	return all;
}

struct opt_spec config_spec(void)
{
	struct opt_spec spec = {
		.program = "weir-collector",
		.summary = "collects NetFlow, IPFIX and sFlow and passes the flows on to Kafka, a file or standard output",
		.usage = "[OPTION...]",
		.description =
			"Without options it listens on UDP ports 2055 (NetFlow, IPFIX) and 6343 (sFlow) and prints flows as\n"
			"JSON lines. goflow2's command lines work as they are.\n"
			"\n"
			"    weir-collector --kafka.brokers localhost:9092\n"
			"    weir-collector --listen netflow://:2055?count=4 --transport file --transport.file /var/log/flows\n"
			"    weir-collector --pcap capture.pcap --transport file --format json\n"
			"\n"
			"SIGTERM and SIGINT end it after what it holds is delivered (see --shutdown-timeout); SIGHUP reopens the\n"
			"output file.\n"
			"\n"
			"Exit status: 0 done, 1 failed while running, 2 bad usage or configuration.\n",
	};
	spec.groups = groups(&spec.n_groups);
	return spec;
}

static enum transport_kind transport_asked(const struct config *c)
{
	static const char *const names[TRANSPORT_KINDS] = {"file", "kafka", "http", "null"};
	for (unsigned i = 0; c->transport_word && i < TRANSPORT_KINDS; i++) {
		if (strcmp(c->transport_word, names[i]) == 0)
			return (enum transport_kind)i;
	}
	return c->kafka.brokers ? TRANSPORT_KAFKA : c->http.url ? TRANSPORT_HTTP : TRANSPORT_FILE;
}

static int resolve_transport(struct config *c, char *err, size_t err_len)
{
	static const struct {
		const char *format; /* when none was asked for */
		const char *missing;
	} kinds[TRANSPORT_KINDS] = {
		[TRANSPORT_FILE] = {"json", NULL},
		[TRANSPORT_KAFKA] = {"bin", "--transport kafka: --kafka.brokers HOST:PORT is missing"},
		[TRANSPORT_HTTP] = {"bin", "--transport http: --http.url URL is missing"}, /* in the journal; see transport_http.c */
		[TRANSPORT_NULL] = {"bin", NULL},
	};
	c->transport = transport_asked(c);
	if ((c->transport == TRANSPORT_KAFKA && !c->kafka.brokers) || (c->transport == TRANSPORT_HTTP && !c->http.url)) {
		snprintf(err, err_len, "%s", kinds[c->transport].missing);
		return -EINVAL;
	}
	if (c->transport == TRANSPORT_HTTP && c->format_word && strcmp(c->format_word, "json") != 0) {
		snprintf(err, err_len, "--format %s: by HTTP flows go as JSON lines; leave it out", c->format_word);
		return -EINVAL;
	}
	if (c->transport == TRANSPORT_HTTP && http_lines_check(&c->http, err, err_len))
		return -EINVAL;
	const char *format = c->format_word && c->transport != TRANSPORT_HTTP ? c->format_word : kinds[c->transport].format;
	(void)batch_format_parse(format, &c->format); /* the row's choices are these */
	c->encoding = batch_encoding_of(c->format, c->transport == TRANSPORT_FILE ? c->separator : NULL);
	c->flows_a_batch = c->batch_flows > 0 ? (uint32_t)c->batch_flows : 0;
	return 0;
}

/* FNV-1a, 64 bits: a consumer that knows the name can work it out. Not a table's hash. */
static uint64_t name_hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325;
	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3;
	return h;
}

static int default_names(struct config *c)
{
	const char *state = getenv("STATE_DIRECTORY");
	char text[512] = "weir-collector";
	if (!c->collector_id || !*c->collector_id) {
		(void)gethostname(text, sizeof(text) - 1);
		free(c->collector_id);
		c->collector_id = strdup(text);
	}
	char **const paths[] = {&c->journal_path, &c->state_path};
	static const char *const names[] = {"journal", "state"};
	for (int i = 0; i < 2 && state && *state; i++) {
		if (*paths[i])
			continue;
		/* systemd gives several with colons between; the first is ours. */
		snprintf(text, sizeof(text), "%.*s/%s", (int)strcspn(state, ":"), state, names[i]);
		if (!(*paths[i] = strdup(text)))
			return -ENOMEM;
	}
	return c->collector_id ? 0 : -ENOMEM;
}

static void default_text(char *text, const char *otherwise)
{
	if (!*text && otherwise)
		snprintf(text, LISTEN_TEXT_MAX, "%s", otherwise);
}

static int resolve_listener(const struct config *c, struct listen_spec *spec, char *err, size_t err_len)
{
	spec->count = spec->count ? spec->count : spec->kind == LISTEN_PCAP ? 1 : (unsigned)c->workers;
	spec->buffer = spec->buffer || spec->kind != LISTEN_UDP ? spec->buffer : c->receive_buffer;
	spec->sampling = spec->sampling ? spec->sampling : (uint32_t)c->meter_sampling;
	default_text(spec->cert, c->tls_cert);
	default_text(spec->key, c->tls_key);
	default_text(spec->ca, c->tls_ca);
	if (spec->kind != LISTEN_TLS)
		return 0;
	if (!*spec->cert || !*spec->key) {
		snprintf(err, err_len, "--listen %s: TLS needs --tls.cert FILE and --tls.key FILE", spec->text);
		return -EINVAL;
	}
	const struct tls_files files = {.cert = spec->cert, .key = spec->key, .ca = *spec->ca ? spec->ca : NULL};
	return tls_check(&files, err, err_len);
}

static int resolve(struct config *c, char *err, size_t err_len)
{
	int rc = config_goflow2_apply(c, err, err_len);
	if (rc == 0)
		rc = resolve_transport(c, err, err_len);
	if (rc == 0 && default_names(c) < 0) {
		snprintf(err, err_len, "no memory");
		rc = -ENOMEM;
	}
	for (size_t i = 0; rc == 0 && i < c->listen_urls.count; i++)
		rc = listen_parse(&c->listen, c->listen_urls.items[i], err, err_len);
	if (rc == 0 && c->sampling_by_exporter) {
		char why[200];
		rc = sampling_overrides_parse(c->sampling_by_exporter, &c->overrides, why, sizeof(why));
		if (rc < 0)
			snprintf(err, err_len, "--sampling-rate.by-exporter: %s", why);
	}
	if (rc == 0 && c->mapping_path)
		rc = mapping_read(c->mapping_path, &c->mapping, err, err_len);
	if (rc == 0 && c->listen.count == 0 && !c->pcap) {
		snprintf(err, err_len, "--listen: nothing to listen on");
		rc = -EINVAL;
	}
	struct gate_rules *rules = NULL;
	if (rc == 0 && (rc = gate_rules_new(c, &rules, err, err_len)) == 0)
		gate_rules_free(rules); /* they can be made: that is all that is asked here */
	if (rc < 0)
		return rc;
	c->collector_hash = name_hash(c->collector_id);
	for (size_t i = 0; i < c->listen.count; i++) {
		struct listen_spec *spec = &c->listen.specs[i];
		rc = resolve_listener(c, spec, err, err_len);
		if (rc < 0)
			return rc;
	}
	if (c->meter_sampler && ip_parse(c->meter_sampler, &c->meter_address) < 0) {
		snprintf(err, err_len, "--meter.sampler %s: not an address", c->meter_sampler);
		return -EINVAL;
	}
	if (c->meter && !c->pcap) {
		snprintf(err, err_len, "--meter goes with --pcap FILE; an interface is --listen pcap://NAME");
		return -EINVAL;
	}
	return 0;
}

int config_read(int argc, char **argv, struct config *ret_config, struct opt_result *ret_result, char *err, size_t err_len)
{
	struct opt_spec spec = config_spec();
	*ret_config = (struct config){0};
	int rc = opt_parse(&spec, argc, argv, ret_config, ret_result, err, err_len);
	if (rc == 0 && !ret_result->exit_now)
		rc = resolve(ret_config, err, err_len);
	return rc;
}

void config_free(struct config *config, struct opt_result *result)
{
	struct opt_spec spec = config_spec();
	opt_free(&spec, config, result);
	sampling_overrides_free(&config->overrides);
	mapping_free(config->mapping);
}

size_t config_payload_bytes(const struct config *config)
{
	return (size_t)config->batch_bytes + config->encoding.room + DATAGRAM_ROOM;
}

unsigned config_sockets(const struct config *config)
{
	unsigned n = config->pcap ? 1 : 0;
	for (size_t i = 0; !config->pcap && i < config->listen.count; i++)
		n += config->listen.specs[i].count;
	return n;
}

struct decode_options config_decode_options(const struct config *config, struct outlet *outlet)
{
	return (struct decode_options){
		.emit = outlet_emit,
		.window = outlet_window,
		.packed = outlet_packed,
		.emit_arg = outlet,
		.template_timeout_ns = config->template_ttl,
		.hold_bytes = config->hold_bytes,
		.hold_ns = config->hold_time,
		.default_sampling_rate = config->sampling_rate,
		.overrides = config->overrides.count ? &config->overrides : NULL,
		.mapping = config->mapping,
		.biflow_one = config->biflow,
		.inner_instead = config->decapsulate,
	};
}
