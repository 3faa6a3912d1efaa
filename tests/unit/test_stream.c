/*
 * test_stream.c -- IPFIX over connections: messages cut anywhere, nonsense, who is slow or silent, the bounds and who goes
 * for whom.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/stream.h"
#include "common/clock.h"

enum { TRIES = 3000, WAIT_MS = 20, SESSIONS = 8, SAME = 6 };

static struct {
	int listen_fd;
	struct sockaddr_in to;
	struct stream *stream;
	struct stream_stats stats;
	unsigned messages, ended;
	size_t last_len;
	uint64_t last_session;
	enum err why;
	bool deny, deny_message;
	uint64_t now_ns;
} t;

static bool admits(void *arg, const struct ip_addr *source, uint16_t port)
{
	(void)arg;
	assert_int_equal(source->len, 4);
	assert_true(port > 0);
	return !t.deny;
}

static bool message(void *arg, const struct session *s, const uint8_t *data, size_t len)
{
	(void)arg;
	if (t.deny_message)
		return false;
	assert_true(s->id > 0);
	assert_int_equal(data[0] << 8 | data[1], 10);
	assert_int_equal(data[2] << 8 | data[3], len);
	for (size_t i = 16; i < len; i++)
		assert_int_equal(data[i], (uint8_t)i);
	t.messages++;
	t.last_len = len;
	t.last_session = s->id;
	return true;
}

static void opened(void *arg, const struct session *s)
{
	(void)arg;
	assert_true(s->id > 0);
}

static void ended(void *arg, const struct session *s, enum err reason)
{
	(void)arg;
	assert_true(s->id > 0);
	t.why = reason;
	t.ended++;
}

static int setup(void **state)
{
	struct stream_options options = {
		.max_sessions = SESSIONS, .max_per_address = SAME, .idle_ns = 3600 * NS_PER_S, .message_ns = 30 * NS_PER_S,
		.admits = admits, .message = message, .opened = opened, .ended = ended, .stats = &t.stats,
	};
	socklen_t len = sizeof(t.to);
	(void)state;
	memset(&t, 0, sizeof(t));
	t.to.sin_family = AF_INET;
	t.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	t.now_ns = 1000000 * NS_PER_S;
	t.listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (bind(t.listen_fd, (struct sockaddr *)&t.to, len) < 0 || listen(t.listen_fd, 64) < 0 ||
	    getsockname(t.listen_fd, (struct sockaddr *)&t.to, &len) < 0)
		return -1;
	return stream_new(t.listen_fd, &options, &t.stream);
}

static uint64_t sum(const uint64_t *counts)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < ERR_COUNT; i++)
		n += counts[i];
	return n;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(t.stats.accepted, t.stats.open + sum(t.stats.ended));
	assert_int_equal(t.ended, sum(t.stats.ended));
	stream_free(t.stream);
	assert_int_equal(t.stats.open, 0);
	return 0;
}

static void step(void)
{
	(void)stream_turn(t.stream, WAIT_MS, t.now_ns);
}

/* From 127.0.0.HOST. */
static int client_of(unsigned host)
{
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host)};
	uint64_t before = t.stats.accepted + sum(t.stats.refused);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&t.to, sizeof(t.to)), 0);
	for (int i = 0; i < TRIES && before == t.stats.accepted + sum(t.stats.refused); i++)
		step();
	return fd;
}

static int client(void)
{
	return client_of(1);
}

static bool is_closed(int fd)
{
	char byte;
	return recv(fd, &byte, 1, 0) <= 0;
}

static size_t make_message(uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)i;
	out[0] = 0;
	out[1] = 10;
	out[2] = (uint8_t)(len >> 8);
	out[3] = (uint8_t)len;
	return len;
}

static void send_all(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void send_message(int fd)
{
	uint8_t data[20];
	send_all(fd, data, make_message(data, sizeof(data)));
}

static void wait_messages(unsigned n)
{
	for (int i = 0; i < TRIES && t.messages < n; i++)
		step();
	assert_int_equal(t.messages, n);
}

static void wait_ended(unsigned n, enum err why)
{
	for (int i = 0; i < TRIES && t.ended < n; i++)
		step();
	assert_int_equal(t.ended, n);
	assert_int_equal(t.why, why);
}

static void a_second_passes(uint64_t seconds)
{
	t.now_ns += seconds * NS_PER_S;
	stream_each_second(t.stream, t.now_ns);
}

/* Three messages, sent as two pieces with the cut at every place. */
static void cut_anywhere(void **state)
{
	uint8_t data[3 * 60];
	size_t len = make_message(data, 16);
	int fd = client();
	(void)state;
	len += make_message(data + len, 40);
	len += make_message(data + len, 60);
	for (size_t cut = 1; cut < len; cut++) {
		unsigned before = t.messages;
		send_all(fd, data, cut);
		step();
		send_all(fd, data + cut, len - cut);
		wait_messages(before + 3);
		assert_int_equal(t.last_len, 60);
	}
	close(fd);
	wait_ended(1, ERR_CLOSED);
}

/* Octet by octet, without sockets. */
static void frames(void **state)
{
	uint8_t data[20];
	size_t len = 0;
	(void)state;
	(void)make_message(data, sizeof(data));
	for (size_t have = 0; have < sizeof(data); have++)
		assert_int_equal(session_frame(data, have, &len), 0);
	assert_int_equal(session_frame(data, sizeof(data), &len), 1);
	assert_int_equal(len, sizeof(data));
	data[1] = 9; /* seen as soon as the version is there: v9 has no length */
	assert_int_equal(session_frame(data, 1, &len), 0);
	assert_int_equal(session_frame(data, 2, &len), -ERR_VERSION);
	data[1] = 10;
	data[3] = 15;
	assert_int_equal(session_frame(data, 3, &len), 0);
	assert_int_equal(session_frame(data, 4, &len), -ERR_BAD_LENGTH);
	data[3] = 16;
	assert_int_equal(session_frame(data, 16, &len), 1);
}

static void longest_message(void **state)
{
	static uint8_t data[65535];
	int fd = client();
	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		send_all(fd, data, make_message(data, sizeof(data)));
		wait_messages(i);
		assert_int_equal(t.last_len, sizeof(data));
	}
	close(fd);
}

static void nonsense_ends_it(void **state)
{
	static const struct {
		uint8_t head[16];
		enum err why;
	} bad[] = {{{"GET / HTTP/1.0\r\n"}, ERR_VERSION}, {{0, 9, 0, 20}, ERR_VERSION}, {{0, 10, 0, 15}, ERR_BAD_LENGTH},
		   {{0, 10, 0, 0}, ERR_BAD_LENGTH}};
	(void)state;
	int good = client();
	for (unsigned i = 0; i < 4; i++) {
		int fd = client();
		send_all(fd, bad[i].head, 16);
		wait_ended(i + 1, bad[i].why);
		assert_true(is_closed(fd));
		close(fd);
	}
	assert_int_equal(t.stats.ended[ERR_VERSION], 2);
	send_message(good); /* the others do not mind */
	wait_messages(1);
	close(good);
}

static void cut_short_is_counted(void **state)
{
	uint8_t data[100];
	int fd = client();
	(void)state;
	(void)make_message(data, 100);
	send_all(fd, data, 50);
	step();
	close(fd);
	wait_ended(1, ERR_TRUNCATED);
}

/* A message octet by octet, each in time: the whole must be in time. */
static void slow_one_ends(void **state)
{
	uint8_t data[100];
	int fd = client();
	(void)state;
	(void)make_message(data, 100);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(t.ended, 0);
		send_all(fd, data + i, 1);
		step();
		a_second_passes(5);
	}
	assert_int_equal(t.ended, 1);
	assert_int_equal(t.why, ERR_SLOW);
	close(fd);
}

/* When it was the collector that did not read. */
static void slow_reader_is_excused(void **state)
{
	uint8_t data[100];
	int fd = client();
	(void)state;
	(void)make_message(data, 100);
	send_all(fd, data, 50);
	step();
	t.now_ns += 60 * NS_PER_S;
	stream_excuse(t.stream, t.now_ns);
	stream_each_second(t.stream, t.now_ns);
	send_all(fd, data + 50, 50);
	wait_messages(1);
	close(fd);
}

static void idle_one_ends(void **state)
{
	(void)state;
	int fd = client(), other = client();
	send_message(fd);
	wait_messages(1);
	a_second_passes(3000);
	send_message(fd);
	wait_messages(2);
	a_second_passes(3000);
	assert_int_equal(t.ended, 1);
	assert_int_equal(t.stats.ended[ERR_IDLE], 1);
	assert_true(is_closed(other));
	send_message(fd);
	wait_messages(3);
	close(fd);
	close(other);
}

/* Its half of a message is forgiven when nobody could read it; then it resets. */
static void a_reset_is_told(void **state)
{
	struct linger at_once = {.l_onoff = 1};
	(void)state;
	int fd = client(), quiet = client();
	assert_int_equal(send(fd, "\0\12", 2, 0), 2);
	for (int i = 0; i < TRIES && t.stream && stream_turn(t.stream, WAIT_MS, t.now_ns) == 0; i++)
		;
	a_second_passes(20);
	stream_excuse(t.stream, t.now_ns);
	a_second_passes(20);
	assert_int_equal(t.ended, 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	close(fd);
	for (int i = 0; i < TRIES && t.ended == 0; i++)
		(void)stream_turn(t.stream, WAIT_MS, t.now_ns);
	assert_int_equal(t.stats.ended[ERR_RESET], 1);
	close(quiet);
}

static void may_not_send(void **state)
{
	(void)state;
	t.deny = true;
	int fd = client();
	assert_true(is_closed(fd));
	assert_int_equal(t.stats.refused[ERR_NOT_ALLOWED], 1);
	close(fd);
	t.deny = false;
	fd = client();
	t.deny_message = true; /* the list has changed meanwhile */
	send_message(fd);
	wait_ended(1, ERR_NOT_ALLOWED);
	close(fd);
}

static void the_bounds(void **state)
{
	int fds[SESSIONS], n = 0;
	(void)state;
	while (n < SAME)
		fds[n++] = client();
	int late = client();
	assert_true(is_closed(late)); /* one address cannot have them all */
	close(late);
	while (n < SESSIONS)
		fds[n++] = client_of(2);
	late = client_of(3);
	assert_true(is_closed(late));
	assert_int_equal(t.stats.refused[ERR_SESSION_LIMIT], 2);
	close(late);
	for (int i = 0; i < SESSIONS; i++) {
		if (i != 2 && i != 5)
			send_message(fds[i]);
	}
	wait_messages(SESSIONS - 2);
	a_second_passes(31);
	late = client_of(3); /* the oldest of those that never said anything goes */
	assert_int_equal(t.stats.refused[ERR_SESSION_LIMIT], 2);
	assert_int_equal(t.stats.ended[ERR_SESSION_LIMIT], 1);
	assert_true(is_closed(fds[2]));
	send_message(late);
	send_message(fds[5]);
	wait_messages(SESSIONS);
	int one_more = client_of(4); /* now all have proved what they are */
	assert_true(is_closed(one_more));
	assert_int_equal(t.stats.open, SESSIONS);
	for (int i = 0; i < SESSIONS; i++)
		close(fds[i]);
	close(late);
	close(one_more);
}

/* One that always has more does not keep the others from their turn. */
static void each_has_its_turn(void **state)
{
	static uint8_t data[60000];
	(void)state;
	int greedy = client(), small = client();
	size_t len = 0;
	while (len + 20 <= sizeof(data))
		len += make_message(data + len, 20);
	send_all(greedy, data, len);
	send_all(greedy, data, len);
	send_message(small);
	for (int i = 0; i < TRIES && t.messages < 2 * len / 20 + 1; i++) {
		unsigned before = t.messages;
		step();
		assert_true(t.messages - before <= SESSION_BUFFER / 20 + 1);
	}
	assert_int_equal(t.messages, 2 * len / 20 + 1);
	close(greedy);
	close(small);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames),  T(cut_anywhere),          T(longest_message), T(nonsense_ends_it), T(cut_short_is_counted),
		T(slow_one_ends),          T(slow_reader_is_excused), T(idle_one_ends),   T(may_not_send),     T(the_bounds),
		T(each_has_its_turn),        T(a_reset_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
