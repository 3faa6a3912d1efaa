/*
 * consumer.c -- a complete consumer in C: flows of a topic that pass a filter, as JSON lines on stdout.
 *
 *     cc consumer.c -o consumer $(pkg-config --cflags --libs weirflow rdkafka)
 *     ./consumer localhost:9092 flows 'proto udp and dst port 53'
 *
 * Offsets are stored only once the lines are out: after a crash some lines may come twice, none is lost.
 */
#include <signal.h>
#include <stdio.h>

#include <librdkafka/rdkafka.h>
#include <weirflow.h>

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	stop = number;
}

/* A message is 1 to N flows. */
static void print_flows(const rd_kafka_message_t *message, const struct filter *filter)
{
	static struct flow flow;
	static char line[FLOW_JSON_MAX];
	struct flow_iter it;
	int got;
	flow_iter_message(&it, message->payload, message->len);
	while ((got = flow_iter_next(&it, &flow)) != 0) {
		if (got < 0)
			fprintf(stderr, "offset %lld: %s\n", (long long)message->offset, err_text((enum err)-got));
		else if (filter_match(filter, &flow))
			fwrite(line, flow_json(&flow, line), 1, stdout);
	}
}

int main(int argc, char **argv)
{
	char err[512] = "usage: consumer BROKERS TOPIC [FILTER]";
	struct filter *filter;
	if (argc < 3 || filter_compile(argc > 3 ? argv[3] : "any", &filter, err, sizeof(err)) < 0) {
		fprintf(stderr, "%s\n", err);
		return 2;
	}
	const char *settings[][2] = {{"bootstrap.servers", argv[1]}, {"group.id", "example-c"},
				     {"auto.offset.reset", "earliest"}, {"enable.auto.offset.store", "false"}};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		rd_kafka_conf_set(conf, settings[i][0], settings[i][1], err, sizeof(err));
	rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, err, sizeof(err));
	if (!consumer) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(topics, argv[2], RD_KAFKA_PARTITION_UA);
	rd_kafka_subscribe(consumer, topics);
	rd_kafka_topic_partition_list_destroy(topics);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	while (!stop) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 500);
		if (message && message->err)
			fprintf(stderr, "%s\n", rd_kafka_message_errstr(message));
		else if (message)
			print_flows(message, filter);
		if (message && !message->err && fflush(stdout) == 0)
			rd_kafka_offset_store(message->rkt, message->partition, message->offset);
		if (message)
			rd_kafka_message_destroy(message);
	}
	rd_kafka_consumer_close(consumer); /* commits what is stored */
	rd_kafka_destroy(consumer);
	filter_free(filter);
	return 0;
}
