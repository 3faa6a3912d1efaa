/*
 * test_config.c -- what follows from a command line, goflow2's own among them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/config.h"

static struct config config;
static struct opt_result options;
static char err[500];

/* WORDS: separated by one blank each. */
static int read_line(const char *words)
{
	char *copy = strdup(words), *rest = copy, *word;
	char *argv[40] = {(char[]){"weir-collector"}};
	int argc = 1;
	while ((word = strsep(&rest, " ")))
		if (*word)
			argv[argc++] = word;
	err[0] = '\0';
	int rc = config_read(argc, argv, &config, &options, err, sizeof(err));
	free(copy);
	return rc;
}

static bool has_property(const char *text)
{
	for (size_t i = 0; i < config.kafka.properties.count; i++)
		if (strcmp(config.kafka.properties.items[i], text) == 0)
			return true;
	return false;
}

static void release(void)
{
	config_free(&config, &options);
}

static void defaults(void **state)
{
	(void)state;
	assert_int_equal(read_line(""), 0);
	assert_int_equal(config.transport, TRANSPORT_FILE);
	assert_int_equal(config.format, BATCH_JSON);
	assert_int_equal(config.listen.count, 2);
	assert_int_equal(config_sockets(&config), 2);
	assert_string_equal(config.addr, "localhost:8080");
	assert_true(*config.collector_id != '\0');
	assert_null(config.journal_path);
	release();
}

static void brokers_make_it_kafka(void **state)
{
	(void)state;
	assert_int_equal(read_line("--kafka.brokers b:9092 --workers 3 --listen netflow://:1,sflow://:2?count=2"), 0);
	assert_int_equal(config.transport, TRANSPORT_KAFKA);
	assert_int_equal(config.format, BATCH_BIN);
	assert_string_equal(config.kafka.topic, "flows");
	assert_int_equal(config.flows_a_batch, 0);
	assert_int_equal(config_sockets(&config), 5);
	assert_true(config_payload_bytes(&config) > config.batch_bytes);
	release();
	assert_int_equal(read_line("--kafka.brokers b:9092 --transport null"), 0);
	assert_int_equal(config.transport, TRANSPORT_NULL);
	release();
}

/* The line of a telemetry stack that was written for goflow2. */
static void goflow2_to_stdout(void **state)
{
	(void)state;
	assert_int_equal(read_line("-listen=netflow://:2055 -format=json -transport=file -transport.file="), 0);
	assert_int_equal(config.transport, TRANSPORT_FILE);
	assert_string_equal(config.file, "");
	assert_int_equal(config.listen.count, 1);
	release();
}

static void goflow2_to_kafka(void **state)
{
	(void)state;
	assert_int_equal(read_line("-transport=kafka -transport.kafka.brokers=k:9092 -transport.kafka.topic=flows -format=bin "
				   "-transport.kafka.compression=zstd -transport.kafka.tls -transport.kafka.tls.insecure "
				   "-transport.kafka.flushbytes=65536 -transport.kafka.flushfreq=2s -transport.kafka.version 2.8.0 "
				   "-loglevel=warn -logfmt json -templates.path=/t -produce=sample -templates.ttl=1h"), 0);
	assert_int_equal(config.transport, TRANSPORT_KAFKA);
	assert_int_equal(config.format, BATCH_BIN);
	assert_string_equal(config.kafka.brokers, "k:9092");
	assert_string_equal(config.kafka.topic, "flows");
	assert_int_equal(config.flows_a_batch, 1);
	assert_int_equal(config.batch_bytes, 65536);
	assert_true(config.batch_linger == 2000000000);
	assert_true(config.template_ttl == 3600000000000);
	assert_true(has_property("compression.codec=zstd"));
	assert_true(has_property("security.protocol=ssl"));
	assert_true(has_property("enable.ssl.certificate.verification=false"));
	assert_true(has_property("broker.version.fallback=2.8.0"));
	release();
	assert_int_equal(read_line("-transport=kafka"), 0);
	assert_string_equal(config.kafka.topic, "flow-messages");
	assert_int_equal(config.format, BATCH_JSON);
	assert_string_equal(config.kafka.brokers, "127.0.0.1:9092,[::1]:9092");
	release();
}

/* weir's own spelling comes behind and beats goflow2's. */
static void own_property_wins(void **state)
{
	(void)state;
	assert_int_equal(read_line("-transport.kafka.brokers k:1 -transport.kafka.compression=lz4 "
				   "--kafka.property compression.codec=none --kafka.batch.flows 50"), 0);
	assert_int_equal(config.kafka.properties.count, 2);
	assert_string_equal(config.kafka.properties.items[1], "compression.codec=none");
	assert_int_equal(config.flows_a_batch, 50);
	release();
}

static void sasl_needs_its_environment(void **state)
{
	(void)state;
	unsetenv("KAFKA_SASL_USER");
	unsetenv("KAFKA_SASL_PASS");
	assert_int_equal(read_line("-transport=kafka -transport.kafka.sasl=scram-sha512"), -EINVAL);
	assert_non_null(strstr(err, "KAFKA_SASL_USER"));
	release();
	setenv("KAFKA_SASL_USER", "u", 1);
	setenv("KAFKA_SASL_PASS", "p=q", 1);
	assert_int_equal(read_line("-transport=kafka -transport.kafka.sasl=scram-sha512 -transport.kafka.tls"), 0);
	assert_true(has_property("sasl.mechanism=SCRAM-SHA-512"));
	assert_true(has_property("sasl.password=p=q"));
	assert_true(has_property("security.protocol=sasl_ssl"));
	release();
	unsetenv("KAFKA_SASL_USER");
	unsetenv("KAFKA_SASL_PASS");
}

static void mistakes(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{"--transport nats", "file"},
		{"--format xml", "bin"},
		{"--listen netflow://", "--listen"},
		{"-transport.kafka.srv=x", "--kafka.brokers"},
		{"-transport=kafka -transport.kafka.hashing", "sequence number"},
		{"-err.cnt=5", "/metrics"},
		{"-err.int=5s", "/metrics"},
		{"-templates.sweep-interval=1m", "--templates.ttl"},
		{"-templates.ttl.extend-on-access", "--templates.ttl"},
		{"-produce=raw", "sample"},
		{"--kafka.batch.bytes 1GiB", "kafka.batch.bytes"},
		{"--workers 0", "workers"},
		{"--allow 10.0.0.0/40", "--allow"},
		{"--filter frob", "--filter: column 1"},
		{"--sampling-rate.by-exporter 10.0.0.0/8", "--sampling-rate.by-exporter"},
		{"stray", "stray"},
		{"--transport http", "--http.url URL is missing"},
		{"--http.url http://localhost/x --format text", "JSON lines"},
		{"--http.url nonsense", "--http.url"},
		{"--meter", "--pcap FILE"},
		{"--meter.sampler nobody", "not an address"},
		{"--mapping /nonexistent/file", "/nonexistent/file"},
		{"--listen ipfix+tls://:4739", "--tls.cert FILE"},
		{"--listen ipfix+tls://:4739 --tls.cert /nonexistent/c", "--tls.key FILE"},
		{"--listen ipfix+tls://:4739 --tls.cert /nonexistent/c --tls.key /nonexistent/k --tls.ca /nonexistent/a", "/nonexistent/"},
		{"--no-such-option", "no-such-option"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (read_line(rows[i].line) >= 0)
			fail_msg("%s: taken", rows[i].line);
		if (!strstr(err, rows[i].says))
			fail_msg("%s: said \"%s\"", rows[i].line, err);
		release();
	}
}

static void http_takes_json(void **state)
{
	(void)state;
	assert_int_equal(read_line("--http.url http://localhost/x --format json --collector-id here --sampling-rate 7"), 0);
	assert_int_equal(config.transport, TRANSPORT_HTTP);
	assert_int_equal(config.format, BATCH_BIN); /* in the journal */
	assert_string_equal(config.collector_id, "here");
	assert_null(config_decode_options(&config, NULL).overrides);
	release();
	assert_int_equal(read_line("--collector-id= --sampling-rate.by-exporter 10.0.0.0/8=5"), 0);
	assert_true(*config.collector_id != '\0');
	assert_ptr_equal(config_decode_options(&config, NULL).overrides, &config.overrides);
	release();
}

static void a_capture_is_the_only_socket(void **state)
{
	(void)state;
	assert_int_equal(read_line("--pcap /some/file --meter --meter.sampler 192.0.2.1"), 0);
	assert_int_equal(config_sockets(&config), 1);
	release();
	assert_int_equal(read_line("--listen pcap://lo,netflow://:1?queue_size=4000 --udp.receive-buffer 1MiB --workers 2 --meter.sampling 9"), 0);
	assert_int_equal(config.listen.specs[0].count, 1);
	assert_int_equal(config.listen.specs[0].sampling, 9);
	assert_true(config.listen.specs[1].buffer != 1 << 20);
	assert_int_equal(config_sockets(&config), 3);
	release();
}

static void goflow2_bounds(void **state)
{
	(void)state;
	assert_int_equal(read_line("-transport.kafka.brokers= -transport=kafka --kafka.topic own -transport.kafka.maxmsgbytes 5000 "
				   "-transport.kafka.flushbytes 1"), 0);
	assert_string_equal(config.kafka.brokers, "127.0.0.1:9092,[::1]:9092");
	assert_string_equal(config.kafka.topic, "own");
	assert_true(has_property("message.max.bytes=5000"));
	assert_int_equal(config.batch_bytes, 1024);
	release();
	setenv("KAFKA_SASL_USER", "u", 1);
	assert_int_equal(read_line("-transport=kafka -transport.kafka.sasl=plain -transport.kafka.flushbytes 9999999"), -EINVAL);
	unsetenv("KAFKA_SASL_USER");
	release();
	assert_int_equal(read_line("-transport=kafka -transport.kafka.flushbytes 9999999 -transport.kafka.tls.ca="), 0);
	assert_int_equal(config.batch_bytes, 800000);
	release();
}

static void state_directory(void **state)
{
	(void)state;
	setenv("STATE_DIRECTORY", "/var/lib/weir:/var/lib/other", 1);
	assert_int_equal(read_line("--kafka.brokers b"), 0);
	assert_string_equal(config.journal_path, "/var/lib/weir/journal");
	release();
	setenv("STATE_DIRECTORY", "", 1);
	assert_int_equal(read_line("--kafka.brokers b"), 0);
	assert_null(config.journal_path);
	release();
	setenv("STATE_DIRECTORY", "/var/lib/weir", 1);
	assert_int_equal(read_line("--kafka.brokers b --journal.path /j"), 0);
	assert_string_equal(config.journal_path, "/j");
	release();
	unsetenv("STATE_DIRECTORY");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(brokers_make_it_kafka),
		cmocka_unit_test(goflow2_to_stdout),
		cmocka_unit_test(goflow2_to_kafka),
		cmocka_unit_test(own_property_wins),
		cmocka_unit_test(sasl_needs_its_environment),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(http_takes_json),
		cmocka_unit_test(a_capture_is_the_only_socket),
		cmocka_unit_test(goflow2_bounds),
		cmocka_unit_test(state_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
