/*
 * mock_cluster.h -- librdkafka's mock broker inside a test, and a producer to fill it.
 */
#ifndef WEIR_TESTS_MOCK_CLUSTER_H
#define WEIR_TESTS_MOCK_CLUSTER_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>
#include <string.h>

#include "kafka/options.h"

struct cluster {
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *mock;
	struct kafka_options options; /* for consumers; the mock lets a group whose last member left wait for the session timeout */
};

static inline int cluster_up(void **state)
{
	static char session[] = "session.timeout.ms=6000", heartbeat[] = "heartbeat.interval.ms=1000";
	static char *properties[] = {session, heartbeat};
	char why[256];
	struct cluster *cl = calloc(1, sizeof(*cl));
	assert_non_null(cl);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why));
	rd_kafka_conf_set(conf, "linger.ms", "5", why, sizeof(why));
	cl->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	assert_non_null(cl->rk);
	cl->mock = rd_kafka_mock_cluster_new(cl->rk, 1);
	assert_non_null(cl->mock);
	rd_kafka_brokers_add(cl->rk, rd_kafka_mock_cluster_bootstraps(cl->mock));
	cl->options.brokers = strdup(rd_kafka_mock_cluster_bootstraps(cl->mock));
	cl->options.topic = strdup("flows");
	cl->options.properties = (struct opt_list){properties, 2};
	*state = cl;
	return 0;
}

static inline int cluster_down(void **state)
{
	struct cluster *cl = *state;
	rd_kafka_mock_cluster_destroy(cl->mock);
	rd_kafka_destroy(cl->rk);
	free(cl->options.brokers);
	free(cl->options.topic);
	free(cl);
	return 0;
}

static inline void cluster_create(struct cluster *cl, int partitions)
{
	assert_int_equal(rd_kafka_mock_topic_create(cl->mock, "flows", partitions, 1), 0);
}

static inline void cluster_send(struct cluster *cl, int32_t partition, const void *data, size_t len, const void *header,
				size_t header_len)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
	if (header)
		rd_kafka_header_add(headers, "weir", -1, header, (ssize_t)header_len);
	rd_kafka_resp_err_t err = rd_kafka_producev(cl->rk, RD_KAFKA_V_TOPIC("flows"), RD_KAFKA_V_PARTITION(partition),
		RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE((void *)(uintptr_t)data, len),
		RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
	assert_int_equal(err, 0);
}

/* Everything sent is acknowledged on return. */
static inline void cluster_flush(struct cluster *cl)
{
	assert_int_equal(rd_kafka_flush(cl->rk, 20000), 0);
}

#endif
