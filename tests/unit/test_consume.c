/*
 * Consuming, against librdkafka's mock cluster, which lives in this process: where reading starts, what a group
 * remembers, what a revoked consumer hands over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "kafka/consume.h"
#include "tests/unit/mock_cluster.h"

enum { ROUNDS = 1800, POLL_MS = 50 };

/* Sends the numbers FIRST .. FIRST+COUNT-1, one message each, round robin over PARTITIONS; acknowledged on return. */
static void send_numbers(struct cluster *cl, int first, int count, int partitions)
{
	for (int i = first; i < first + count; i++)
		cluster_send(cl, i % partitions, &i, sizeof(i), &i, sizeof(i));
	cluster_flush(cl);
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
	(void)is_error;
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
	cluster_create(cl, 4);
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
	cluster_create(cl, 2);
	send_numbers(cl, 0, 10, 2);
	struct seen a = {0};
	open_consumer(cl, &a, NULL, "beginning");
	poll_until(&a, 10);
	close_consumer(&a);
}

static void test_lag_is_what_is_still_to_be_read(void **state)
{
	struct cluster *cl = *state;
	cluster_create(cl, 1);
	send_numbers(cl, 0, 10, 1);
	struct seen a = {0};
	open_consumer(cl, &a, NULL, "beginning");
	for (int i = 0; i < ROUNDS && a.total < 4; i++)
		poll_once(&a);
	assert_int_equal(kafka_consumer_lag(a.c), 6);
	poll_until(&a, 10);
	assert_int_equal(kafka_consumer_lag(a.c), 0);
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
	cluster_create(cl, 1);
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
	cluster_create(cl, 4);
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
	cluster_create(cl, 1);
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
		WITH_CLUSTER(test_lag_is_what_is_still_to_be_read),
		WITH_CLUSTER(test_topic_that_comes_later_is_read_whole),
		WITH_CLUSTER(test_caller_keeps_offsets),
		WITH_CLUSTER(test_group_goes_on_where_it_committed),
		WITH_CLUSTER(test_uncommitted_comes_again),
		WITH_CLUSTER(test_bad_settings_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
