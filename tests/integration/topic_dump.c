/*
 * topic_dump.c -- every message of a topic, from its beginning, as a line: partition, offset, the header "weir" in hex
 * (- when there is none), the payload in hex. Runs until it is killed. For harness.py, which takes the payload apart
 * itself, so that neither packing nor unpacking judges itself.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka/consume.h"
#include "kafka/options.h"

static void say(void *arg, bool is_error, const char *text)
{
	(void)arg;
	if (is_error)
		fprintf(stderr, "topic_dump: %s\n", text);
}

static void put_hex(const uint8_t *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[data[i] >> 4];
		out[2 * i + 1] = digits[data[i] & 15];
	}
	out[2 * len] = '\0';
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: topic_dump BROKERS TOPIC\n");
		return 2;
	}
	struct kafka_options options = {.brokers = argv[1], .topic = argv[2]};
	const struct kafka_consumer_setup setup = {
		.options = &options, .from = "beginning", .client_id = "topic_dump", .event = say,
	};
	struct kafka_consumer *consumer;
	char err[400];
	if (kafka_consumer_new(&setup, &consumer, err, sizeof(err)) < 0) {
		fprintf(stderr, "topic_dump: %s\n", err);
		return 1;
	}
	for (;;) {
		struct kafka_message m;
		const int r = kafka_consumer_poll(consumer, 100, &m);
		if (r < 0)
			return 1;
		if (r == 0) {
			fflush(stdout);
			continue;
		}
		char *hex = malloc(2 * (m.len + m.header_len) + 4);
		if (!hex)
			return 1;
		put_hex(m.header, m.header_len, hex);
		printf("%" PRId32 " %" PRId64 " %s ", m.partition, m.offset, m.header_len ? hex : "-");
		put_hex(m.data, m.len, hex);
		puts(hex);
		free(hex);
	}
}
