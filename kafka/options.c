/*
 * options.c -- the rows of kafka/options.h.
 *
 * Few rows on purpose: librdkafka has some 200 properties with good names and documentation of their own, so they are
 * passed through by those names instead of being given a second one here.
 */
#include "kafka/options.h"

const struct opt kafka_option_rows[] = {
	{"kafka.brokers", OPT_STRING, offsetof(struct kafka_options, brokers), NULL, "HOST:PORT,...",
	 "Kafka brokers to start from."},
	{"kafka.topic", OPT_STRING, offsetof(struct kafka_options, topic), "flows", "TOPIC", "Topic of the flows."},
	/* Secret: sasl.password may be among them. */
	{"kafka.property", OPT_LIST, offsetof(struct kafka_options, properties), NULL, "KEY=VALUE",
	 "A property of librdkafka, passed on untouched: compression.codec=zstd, security.protocol=ssl, "
	 "ssl.ca.location=/etc/ssl/ca.pem ... May be given many times; the lines of the section [kafka] of the "
	 "configuration file are the same thing. Passwords belong there, or into the environment.",
	 .flags = OPT_SECRET, .section = "kafka"},
};

const size_t kafka_option_rows_count = sizeof(kafka_option_rows) / sizeof(kafka_option_rows[0]);
