/*
 * test_produce.c -- the producing seam against librdkafka's own mock cluster (property test.mock.num.brokers), and
 * without any broker.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "kafka/header.h"
#include "kafka/options.h"
#include "kafka/produce.h"

enum { PATIENCE = 900, POLL_MS = 100 }; /* polls before a test gives up; nothing here takes that long */

struct seen {
	unsigned delivered, retry, too_large, refused, errors;
	uintptr_t opaques;
};

static struct seen seen;
static char err[500];

static void delivered(void *arg, void *opaque, const void *data, enum kafka_delivery how, const char *text)
{
	(void)data;
	assert_ptr_equal(arg, &seen);
	assert_true((how == KAFKA_DELIVERED) == (text == NULL));
	seen.opaques += (uintptr_t)opaque;
	seen.delivered += how == KAFKA_DELIVERED;
	seen.retry += how == KAFKA_RETRY;
	seen.too_large += how == KAFKA_TOO_LARGE;
	seen.refused += how == KAFKA_REFUSED;
}

static void event(void *arg, bool is_error, const char *text)
{
	assert_ptr_equal(arg, &seen);
	assert_non_null(text);
	seen.errors += is_error;
}

static int make(const char *const *properties, const char *brokers, struct kafka_producer **ret_producer)
{
	struct kafka_options options = {.brokers = strdup(brokers), .topic = strdup("flows")};
	for (; *properties; properties++)
		assert_int_equal(opt_list_add(&options.properties, *properties), 0);
	struct kafka_producer_setup setup = {
		.options = &options, .client_id = "test", .delivered = delivered, .event = event, .arg = &seen,
	};
	seen = (struct seen){0};
	int rc = kafka_producer_new(&setup, ret_producer, err, sizeof(err));
	opt_list_free(&options.properties);
	free(options.brokers);
	free(options.topic);
	return rc;
}

static const char *const mock[] = {"test.mock.num.brokers=1", NULL};

static int wait_partitions(struct kafka_producer *p)
{
	int n = 0;
	for (int i = 0; i < PATIENCE && n == 0; i++) {
		n = kafka_producer_partitions(p, POLL_MS);
		(void)kafka_producer_poll(p, 10);
	}
	return n;
}

static void messages_are_acknowledged(void **state)
{
	struct kafka_producer *p = NULL;
	struct kafka_stats stats;
	static const char payload[200000] = "flows";
	uint8_t header[KAFKA_HEADER_LEN];
	(void)state;
	assert_int_equal(make(mock, "", &p), 0);
	int partitions = wait_partitions(p);
	assert_true(partitions > 0);
	kafka_header_write(&(struct kafka_header){.sequence = 1}, header);
	uintptr_t sum = 0;
	for (uintptr_t i = 1; i <= 40; i++) {
		sum += i;
		assert_int_equal(kafka_producer_send(p, (int32_t)(i % (uintptr_t)partitions), payload, sizeof(payload), header,
						     i % 2 ? sizeof(header) : 0, (void *)i), 0);
	}
	for (int i = 0; i < PATIENCE && seen.delivered < 40; i++)
		(void)kafka_producer_poll(p, POLL_MS);
	assert_int_equal(seen.delivered, 40);
	assert_true(seen.opaques == sum);
	kafka_producer_stats(p, &stats);
	assert_int_equal(stats.sent, 40);
	assert_int_equal(stats.acknowledged, 40);
	assert_int_equal(stats.in_flight, 0);
	assert_true(stats.connected);
	assert_false(stats.fatal);
	kafka_producer_free(p);
}

/* Two requests under way; the broker refuses the first (a new topic whose leader is just being made) and takes the second. */
static void refuse_first_of_two(struct kafka_producer *p)
{
	enum { API_PRODUCE = 0, BROKER = 1, RTT_MS = 300 };
	static const char payload[600000] = "more than half of what a request may hold";
	rd_kafka_mock_cluster_t *cluster = rd_kafka_handle_mock_cluster(kafka_producer_handle(p));
	assert_non_null(cluster);
	assert_true(wait_partitions(p) > 0);
	assert_int_equal(rd_kafka_mock_broker_set_rtt(cluster, BROKER, RTT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
	rd_kafka_mock_push_request_errors(cluster, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
	assert_int_equal(kafka_producer_send(p, 0, payload, sizeof(payload), NULL, 0, (void *)(uintptr_t)1), 0);
	assert_int_equal(kafka_producer_send(p, 0, payload, sizeof(payload), NULL, 0, (void *)(uintptr_t)2), 0);
	for (int i = 0; i < PATIENCE && seen.delivered + seen.retry < 2; i++)
		(void)kafka_producer_poll(p, POLL_MS);
	assert_true(seen.opaques == 3);
}

static void taken_is_what_has_an_offset(void **state)
{
	struct kafka_producer *p = NULL;
	struct kafka_stats stats;
	(void)state;
	assert_int_equal(make(mock, "", &p), 0);
	refuse_first_of_two(p);
	assert_int_equal(seen.delivered, 1);
	assert_int_equal(seen.retry, 1);
	kafka_producer_stats(p, &stats);
	assert_int_equal(stats.acknowledged, 1);
	assert_int_equal(stats.failed, 1);
	kafka_producer_free(p);
}

/* Without idempotence librdkafka sends what was refused again; without acknowledgements nothing ever has an offset. */
static void without_idempotence(void **state)
{
	static const char *const plain[] = {"test.mock.num.brokers=1", "enable.idempotence=false", "acks=0", NULL};
	struct kafka_producer *p = NULL;
	(void)state;
	assert_int_equal(make(plain, "", &p), 0);
	refuse_first_of_two(p);
	assert_int_equal(seen.delivered, 2);
	kafka_producer_free(p);
}

static void no_broker(void **state)
{
	static const char *const none[] = {NULL};
	struct kafka_producer *p = NULL;
	struct kafka_stats stats;
	(void)state;
	assert_int_equal(make(none, "127.0.0.1:21999", &p), 0); /* nobody listens there */
	assert_int_equal(kafka_producer_partitions(p, 100), 0);
	assert_int_equal(kafka_producer_send(p, 0, "x", 1, NULL, 0, (void *)(uintptr_t)7), 0);
	for (int i = 0; i < PATIENCE && seen.errors == 0; i++)
		(void)kafka_producer_poll(p, POLL_MS);
	assert_true(seen.errors > 0);
	kafka_producer_stats(p, &stats);
	assert_false(stats.connected);
	assert_int_equal(stats.in_flight, 1);
	assert_int_equal(seen.retry, 0); /* nothing expires by itself */
	kafka_producer_free(p);
	assert_int_equal(seen.retry, 1);
	assert_true(seen.opaques == 7);
}

static void too_large_for_us(void **state)
{
	static const char *const small[] = {"test.mock.num.brokers=1", "message.max.bytes=2000", NULL};
	static const char payload[3000] = "";
	struct kafka_producer *p = NULL;
	(void)state;
	assert_int_equal(make(small, "", &p), 0);
	assert_int_equal(kafka_producer_send(p, 0, payload, sizeof(payload), NULL, 0, NULL), -EMSGSIZE);
	kafka_producer_free(p);
}

static void queue_full(void **state)
{
	static const char *const short_queue[] = {"queue.buffering.max.messages=5", NULL};
	struct kafka_producer *p = NULL;
	int rc = 0, sent = 0;
	(void)state;
	assert_int_equal(make(short_queue, "127.0.0.1:21999", &p), 0);
	while (sent < 100 && (rc = kafka_producer_send(p, 0, "x", 1, NULL, 0, NULL)) == 0)
		sent++;
	assert_int_equal(rc, -EAGAIN);
	assert_int_equal(sent, 5);
	kafka_producer_free(p);
	assert_int_equal(seen.retry, 5);
}

static void bad_properties(void **state)
{
	static const struct {
		const char *property, *says;
	} rows[] = {
		{"no.such.property=1", "no.such.property"}, {"compression.codec=brotli", "compression.codec"},
		{"linger.ms", "KEY=VALUE"}, {"enable.idempotence=maybe", "enable.idempotence"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const properties[] = {rows[i].property, NULL};
		struct kafka_producer *p = NULL;
		assert_int_equal(make(properties, "127.0.0.1:21999", &p), -EINVAL);
		if (!strstr(err, rows[i].says))
			fail_msg("%s: said \"%s\"", rows[i].property, err);
	}
	kafka_producer_free(NULL);
}

static void header_there_and_back(void **state)
{
	static const struct kafka_header h = {
		.format = 1, .flows = 0x01020304, .collector = 0x1112131415161718, .epoch = 0x2122232425262728, .sequence = 0x3132333435363738,
	};
	struct kafka_header back;
	uint8_t bytes[KAFKA_HEADER_LEN];
	(void)state;
	kafka_header_write(&h, bytes);
	assert_int_equal(bytes[0], KAFKA_HEADER_VERSION);
	assert_int_equal(bytes[24], 0x38); /* little endian: reinterpretAsUInt64() of ClickHouse */
	assert_int_equal(kafka_header_read(bytes, sizeof(bytes), &back), 0);
	assert_true(back.format == h.format && back.flows == h.flows && back.collector == h.collector);
	assert_true(back.epoch == h.epoch && back.sequence == h.sequence);
	for (size_t len = 0; len < sizeof(bytes); len++)
		assert_int_equal(kafka_header_read(bytes, len, &back), -ERR_TRUNCATED);
	bytes[0]++;
	assert_int_equal(kafka_header_read(bytes, sizeof(bytes), &back), -ERR_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_acknowledged),
		cmocka_unit_test(taken_is_what_has_an_offset),
		cmocka_unit_test(without_idempotence),
		cmocka_unit_test(no_broker),
		cmocka_unit_test(too_large_for_us),
		cmocka_unit_test(queue_full),
		cmocka_unit_test(bad_properties),
		cmocka_unit_test(header_there_and_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
