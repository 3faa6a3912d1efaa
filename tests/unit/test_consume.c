/*
 * Consuming, against librdkafka's mock cluster, which lives in this process: where reading starts, what a group
 * remembers, what a revoked consumer hands over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "kafka/consume.h"
#include "kafka/options.h"

enum { ROUNDS = 600, POLL_MS = 50 };

struct cluster {
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *mock;
	struct kafka_options options;
};

static int cluster_up(void **state)
{
	char why[256];
	struct cluster *cl = calloc(1, sizeof(*cl));
	assert_non_null(cl);
	cl->rk = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof(why));
	assert_non_null(cl->rk);
	cl->mock = rd_kafka_mock_cluster_new(cl->rk, 1);
	assert_non_null(cl->mock);
	rd_kafka_brokers_add(cl->rk, rd_kafka_mock_cluster_bootstraps(cl->mock));
	cl->options.brokers = strdup(rd_kafka_mock_cluster_bootstraps(cl->mock));
	cl->options.topic = strdup("flows");
	/* The mock lets a group whose last member left wait for the session timeout before it takes a new one. */
	static char session[] = "session.timeout.ms=6000", heartbeat[] = "heartbeat.interval.ms=1000";
	static char *properties[] = {session, heartbeat};
	cl->options.properties = (struct opt_list){properties, 2};
	*state = cl;
	return 0;
}

static int cluster_down(void **state)
{
	struct cluster *cl = *state;
	rd_kafka_mock_cluster_destroy(cl->mock);
	rd_kafka_destroy(cl->rk);
	free(cl->options.brokers);
	free(cl->options.topic);
	free(cl);
	return 0;
}

static void create(struct cluster *cl, int partitions)
{
	assert_int_equal(rd_kafka_mock_topic_create(cl->mock, "flows", partitions, 1), 0);
}

/* Sends the numbers FIRST .. FIRST+COUNT-1, one message each, round robin over PARTITIONS; acknowledged on return. */
static void send_numbers(struct cluster *cl, int first, int count, int partitions)
{
	for (int i = first; i < first + count; i++) {
		rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
		rd_kafka_header_add(headers, "weir", -1, &i, sizeof(i));
		rd_kafka_resp_err_t err = rd_kafka_producev(cl->rk, RD_KAFKA_V_TOPIC("flows"),
			RD_KAFKA_V_PARTITION(i % partitions), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
			RD_KAFKA_V_VALUE(&i, sizeof(i)), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
		assert_int_equal(err, 0);
	}
	assert_int_equal(rd_kafka_flush(cl->rk, 20000), 0);
}

struct seen {
	struct kafka_consumer *c;
	int count[100]; /* of each number */
	int total;
	int revoked;
	int absent; /* "is not there yet" was said */
	int64_t begin;
};

static void on_event(void *arg, bool is_error, const char *text)
{
	struct seen *s = arg;
	if (getenv("V"))
		fprintf(stderr, "%d %s\n", is_error, text);
	if (strstr(text, "is not there yet"))
		s->absent++;
}

static void on_revoked(void *arg)
{
	struct seen *s = arg;
	s->revoked++;
	if (s->c)
		assert_int_equal(kafka_consumer_commit(s->c, true), 0);
}

static int64_t on_begin(void *arg, int32_t partition)
{
	struct seen *s = arg;
	(void)partition;
	return s->begin;
}

static void open_consumer(struct cluster *cl, struct seen *s, const char *group, const char *from)
{
	struct kafka_consumer_setup setup = {.options = &cl->options, .group = group, .from = from, .client_id = "test",
		.event = on_event, .revoked = on_revoked, .begin = s->begin ? on_begin : NULL, .arg = s};
	char err[256];
	assert_int_equal(kafka_consumer_new(&setup, &s->c, err, sizeof(err)), 0);
}

static void poll_once(struct seen *s)
{
	struct kafka_message m;
	int r = kafka_consumer_poll(s->c, POLL_MS, &m);
	assert_true(r >= 0);
	if (!r)
		return;
	int n;
	assert_int_equal(m.len, sizeof(n));
	memcpy(&n, m.data, sizeof(n));
	assert_int_equal(m.header_len, sizeof(n));
	assert_memory_equal(m.header, &n, sizeof(n));
	assert_string_equal(m.topic, "flows");
	assert_in_range(n, 0, 99);
	s->count[n]++;
	s->total++;
}

static void poll_until_ready(struct seen *s)
{
	for (int i = 0; i < ROUNDS && !kafka_consumer_ready(s->c); i++)
		poll_once(s);
	assert_true(kafka_consumer_ready(s->c));
}

static void poll_until(struct seen *s, int total)
{
	for (int i = 0; i < ROUNDS && s->total < total; i++)
		poll_once(s);
	for (int i = 0; i < 4; i++) /* and nothing more */
		poll_once(s);
	assert_int_equal(s->total, total);
}

static void close_consumer(struct seen *s)
{
	kafka_consumer_free(s->c);
	s->c = NULL;
}

static void test_no_group_starts_at_the_end(void **state)
{
	struct cluster *cl = *state;
	create(cl, 4);
	send_numbers(cl, 0, 10, 4);
	struct seen a = {0}, b = {0};
	open_consumer(cl, &a, NULL, "end");
	open_consumer(cl, &b, NULL, NULL);
	poll_until_ready(&a);
	poll_until_ready(&b);
	send_numbers(cl, 10, 20, 4);
	poll_until(&a, 20);
	poll_until(&b, 20); /* two without a group: each sees all */
	for (int i = 10; i < 30; i++)
		assert_int_equal(a.count[i], 1);
	assert_int_equal(kafka_consumer_lag(a.c), 0);
	assert_int_equal(kafka_consumer_commit(a.c, true), 0);
	close_consumer(&a);
	close_consumer(&b);
}

static void test_no_group_from_the_beginning(void **state)
{
	struct cluster *cl = *state;
	create(cl, 2);
	send_numbers(cl, 0, 10, 2);
	struct seen a = {0};
	open_consumer(cl, &a, NULL, "beginning");
	poll_until(&a, 10);
	close_consumer(&a);
}

static void test_topic_that_comes_later_is_read_whole(void **state)
{
	struct cluster *cl = *state;
	/* The mock makes every topic that is asked for; a broker that does not is played by this error. */
	rd_kafka_mock_topic_set_error(cl->mock, "flows", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	struct seen a = {0};
	open_consumer(cl, &a, NULL, "end");
	poll_until_ready(&a);
	assert_int_equal(a.absent, 1);
	rd_kafka_mock_topic_set_error(cl->mock, "flows", RD_KAFKA_RESP_ERR_NO_ERROR);
	send_numbers(cl, 0, 8, 2);
	poll_until(&a, 8);
	close_consumer(&a);
}

static void test_caller_keeps_offsets(void **state)
{
	struct cluster *cl = *state;
	create(cl, 1);
	send_numbers(cl, 0, 10, 1);
	struct seen a = {.begin = 7}, b = {.begin = 4};
	open_consumer(cl, &a, NULL, "end");
	poll_until(&a, 3);
	close_consumer(&a);
	open_consumer(cl, &b, "own", "end");
	poll_until(&b, 6);
	close_consumer(&b);
}

static void test_group_goes_on_where_it_committed(void **state)
{
	struct cluster *cl = *state;
	create(cl, 4);
	send_numbers(cl, 0, 10, 4);
	struct seen a = {0}, b = {0}, c = {0};
	open_consumer(cl, &a, "g", "stored");
	poll_until_ready(&a);
	assert_int_equal(a.total, 0); /* a new group starts at the end */
	close_consumer(&a);
	send_numbers(cl, 10, 10, 4); /* nobody is there, but the group had started */
	open_consumer(cl, &b, "g", "stored");
	poll_until(&b, 10);
	close_consumer(&b); /* commits in on_revoked() */
	assert_int_equal(b.revoked, 1);
	send_numbers(cl, 20, 5, 4);
	open_consumer(cl, &c, "g", "beginning"); /* stored offsets win */
	poll_until(&c, 5);
	close_consumer(&c);
}

static void test_uncommitted_comes_again(void **state)
{
	struct cluster *cl = *state;
	create(cl, 1);
	send_numbers(cl, 0, 10, 1);
	struct seen a = {0}, b = {0};
	struct kafka_consumer_setup setup = {.options = &cl->options, .group = "u", .from = "beginning", .client_id = "test",
		.event = on_event, .arg = &a};
	char err[256];
	assert_int_equal(kafka_consumer_new(&setup, &a.c, err, sizeof(err)), 0);
	poll_until(&a, 10);
	close_consumer(&a); /* without a commit */
	open_consumer(cl, &b, "u", "beginning");
	poll_until(&b, 10);
	close_consumer(&b);
}

static void test_bad_settings_are_named(void **state)
{
	struct cluster *cl = *state;
	struct kafka_consumer *c = NULL;
	char err[256] = "";
	struct kafka_consumer_setup setup = {.options = &cl->options, .from = "yesterday", .client_id = "test"};
	assert_int_equal(kafka_consumer_new(&setup, &c, err, sizeof(err)), -22);
	assert_non_null(strstr(err, "--from yesterday"));
	setup.from = NULL;
	char property[] = "no.such.thing=1";
	char *items[] = {property};
	cl->options.properties = (struct opt_list){items, 1};
	assert_int_equal(kafka_consumer_new(&setup, &c, err, sizeof(err)), -22);
	assert_non_null(strstr(err, "no.such.thing"));
	assert_null(c);
}

int main(void)
{
#define WITH_CLUSTER(test) cmocka_unit_test_setup_teardown(test, cluster_up, cluster_down)
	const struct CMUnitTest tests[] = {
		WITH_CLUSTER(test_no_group_starts_at_the_end),
		WITH_CLUSTER(test_no_group_from_the_beginning),
		WITH_CLUSTER(test_topic_that_comes_later_is_read_whole),
		WITH_CLUSTER(test_caller_keeps_offsets),
		WITH_CLUSTER(test_group_goes_on_where_it_committed),
		WITH_CLUSTER(test_uncommitted_comes_again),
		WITH_CLUSTER(test_bad_settings_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
