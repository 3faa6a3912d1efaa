/*
 * config_goflow2.c -- goflow2's own options that weir spells otherwise, and those it refuses.
 *
 * Who says -transport=kafka or -transport.kafka.brokers= gets goflow2's defaults with it: topic flow-messages, JSON, one
 * flow a message. Any of weir's spellings of these beats them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/config.h"
#include "common/clock.h"

#define ROW(name, type, member, arg, help) \
	{name, type, offsetof(struct config_goflow2, member), NULL, arg, help, .flags = OPT_HIDDEN}
#define GONE(name, help) {name, OPT_STRING, 0, NULL, NULL, help, .flags = OPT_GONE}

const struct opt config_goflow2_rows[] = {
	ROW("transport.kafka.brokers", OPT_STRING, brokers, "HOST:PORT,...", "--kafka.brokers, with goflow2's defaults."),
	ROW("transport.kafka.topic", OPT_STRING, topic, "TOPIC", "--kafka.topic."),
	{"transport.kafka.compression", OPT_STRING, offsetof(struct config_goflow2, compression), NULL, "CODEC",
	 "--kafka.property compression.codec=.", .flags = OPT_HIDDEN, .choices = "none|gzip|snappy|lz4|zstd"},
	ROW("transport.kafka.version", OPT_STRING, version, "N.N.N", "--kafka.property broker.version.fallback=."),
	ROW("transport.kafka.maxmsgbytes", OPT_INT, max_message_bytes, "N", "--kafka.property message.max.bytes=."),
	ROW("transport.kafka.flushbytes", OPT_INT, flush_bytes, "N", "--kafka.batch.bytes, at most 800,000."),
	ROW("transport.kafka.flushfreq", OPT_DURATION, flush_frequency, "TIME", "--kafka.batch.linger."),
	ROW("transport.kafka.tls", OPT_BOOL, tls, NULL, "--kafka.property security.protocol=ssl (sasl_ssl with SASL)."),
	ROW("transport.kafka.tls.ca", OPT_STRING, tls_ca, "FILE", "--kafka.property ssl.ca.location=."),
	ROW("transport.kafka.tls.client", OPT_STRING, tls_cert, "FILE", "--kafka.property ssl.certificate.location=."),
	ROW("transport.kafka.tls.key", OPT_STRING, tls_key, "FILE", "--kafka.property ssl.key.location=."),
	ROW("transport.kafka.tls.insecure", OPT_BOOL, tls_insecure, NULL,
	    "--kafka.property enable.ssl.certificate.verification=false."),
	{"transport.kafka.sasl", OPT_STRING, offsetof(struct config_goflow2, sasl), NULL, "HOW",
	 "SASL with name and password from KAFKA_SASL_USER and KAFKA_SASL_PASS.", .flags = OPT_HIDDEN,
	 .choices = "none|plain|scram-sha256|scram-sha512"},
	ROW("transport.kafka.hashing", OPT_BOOL, hashing, NULL, "Only false: see docs/collector.md."),
	GONE("transport.kafka.srv", "give --kafka.brokers the names that the SRV record lists; one that answers is enough"),
	GONE("templates.sweep-interval", "old templates are looked for every second; --templates.ttl says when they are old"),
	GONE("templates.ttl.extend-on-access", "only an exporter's refresh keeps a template alive (RFC 7011 8.1); raise --templates.ttl"),
	GONE("templates.json.path", "--state.path DIR keeps templates, samplers and names over a restart"),
	GONE("templates.json.interval", "--state.interval TIME says how often they are written"),
	GONE("err.cnt", "complaints that repeat calm down by themselves; /metrics counts all of them"),
	GONE("err.int", "complaints that repeat calm down by themselves; /metrics counts all of them"),
};

const size_t config_goflow2_rows_count = sizeof(config_goflow2_rows) / sizeof(config_goflow2_rows[0]);

/* KEY=VALUE for librdkafka, in front of what the user said by weir's own names, which therefore wins. */
static int add_property(struct config *c, const char *key, const char *value)
{
	char text[1024];
	if (!value || !*value)
		return 0;
	snprintf(text, sizeof(text), "%s=%s", key, value);
	struct opt_list *list = &c->kafka.properties;
	int rc = opt_list_add(list, text);
	if (rc < 0)
		return rc;
	char *last = list->items[list->count - 1];
	memmove(&list->items[1], &list->items[0], (list->count - 1) * sizeof(list->items[0]));
	list->items[0] = last;
	return 0;
}

static int apply_security(struct config *c, char *err, size_t err_len)
{
	static const struct { const char *word, *mechanism; } sasl[] = {
		{"plain", "PLAIN"}, {"scram-sha256", "SCRAM-SHA-256"}, {"scram-sha512", "SCRAM-SHA-512"},
	};
	struct config_goflow2 *g = &c->goflow2;
	const char *mechanism = NULL;
	for (unsigned i = 0; g->sasl && i < 3; i++)
		mechanism = strcmp(g->sasl, sasl[i].word) == 0 ? sasl[i].mechanism : mechanism;
	if (mechanism && (!getenv("KAFKA_SASL_USER") || !getenv("KAFKA_SASL_PASS"))) {
		snprintf(err, err_len, "--transport.kafka.sasl %s: KAFKA_SASL_USER and KAFKA_SASL_PASS are not in the environment",
			 g->sasl);
		return -EINVAL;
	}
	static const char *const protocol[2][2] = {{NULL, "ssl"}, {"sasl_plaintext", "sasl_ssl"}};
	int rc = add_property(c, "security.protocol", protocol[mechanism != NULL][g->tls]);
	if (mechanism) {
		rc |= add_property(c, "sasl.mechanism", mechanism);
		rc |= add_property(c, "sasl.username", getenv("KAFKA_SASL_USER"));
		rc |= add_property(c, "sasl.password", getenv("KAFKA_SASL_PASS"));
	}
	rc |= add_property(c, "ssl.ca.location", g->tls_ca);
	rc |= add_property(c, "ssl.certificate.location", g->tls_cert);
	rc |= add_property(c, "ssl.key.location", g->tls_key);
	rc |= add_property(c, "enable.ssl.certificate.verification", g->tls_insecure ? "false" : NULL);
	return rc;
}

static int set(char **member, const char *text)
{
	char *copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*member);
	*member = copy;
	return 0;
}

int config_goflow2_apply(struct config *c, char *err, size_t err_len)
{
	struct config_goflow2 *g = &c->goflow2;
	char number[32];
	int rc = 0;
	bool kafka_asked = c->transport_word && strcmp(c->transport_word, "kafka") == 0;
	snprintf(err, err_len, "no memory");
	if (g->hashing) {
		snprintf(err, err_len, "--transport.kafka.hashing: weir spreads batches over the partitions by their sequence number; "
			 "a key would put flows of one message into one partition. Leave it out");
		return -EINVAL;
	}
	if (!c->kafka.brokers && (g->brokers || kafka_asked)) {
		rc |= set(&c->kafka.brokers, g->brokers && *g->brokers ? g->brokers : "127.0.0.1:9092,[::1]:9092");
		if (strcmp(c->kafka.topic, "flows") == 0)
			rc |= set(&c->kafka.topic, "flow-messages");
		if (!c->format_word)
			rc |= set(&c->format_word, "json");
		if (!c->transport_word)
			rc |= set(&c->transport_word, "kafka");
		c->batch_flows = c->batch_flows < 0 ? 1 : c->batch_flows;
	}
	if (g->topic)
		rc |= set(&c->kafka.topic, g->topic);
	rc |= add_property(c, "compression.codec", g->compression);
	rc |= add_property(c, "broker.version.fallback", g->version);
	if (g->max_message_bytes) {
		snprintf(number, sizeof(number), "%lld", (long long)g->max_message_bytes);
		rc |= add_property(c, "message.max.bytes", number);
	}
	if (g->flush_bytes > 0)
		c->batch_bytes = g->flush_bytes < 1024 ? 1024 : g->flush_bytes > 800000 ? 800000 : (uint64_t)g->flush_bytes;
	if (g->flush_frequency)
		c->batch_linger = g->flush_frequency;
	return rc < 0 ? rc : apply_security(c, err, err_len);
}
