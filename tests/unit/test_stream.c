/*
 * test_stream.c -- IPFIX over TCP: messages cut anywhere, nonsense, the bound, and who goes for whom.
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/stream.h"
#include "common/clock.h"

enum { TRIES = 200, WAIT_MS = 20 };

static struct {
	int listen_fd;
	struct sockaddr_in to;
	struct stream *stream;
	unsigned messages, ended;
	size_t bytes, last_len;
	uint64_t last_session;
	bool deny;
	uint64_t now_ns;
} t;

static bool welcome(void *arg, const struct ip_addr *source, uint16_t port)
{
	(void)arg;
	assert_int_equal(source->len, 4);
	assert_true(port > 0);
	return !t.deny;
}

static void message(void *arg, const struct datagram *dg)
{
	(void)arg;
	assert_true(dg->session > 0);
	assert_int_equal(dg->data[0] << 8 | dg->data[1], 10);
	assert_int_equal(dg->data[2] << 8 | dg->data[3], dg->len);
	for (size_t i = 16; i < dg->len; i++)
		assert_int_equal(dg->data[i], (uint8_t)i);
	t.messages++;
	t.bytes += dg->len;
	t.last_len = dg->len;
	t.last_session = dg->session;
}

static void end(void *arg, uint64_t session)
{
	(void)arg;
	assert_true(session > 0);
	t.ended++;
}

static int setup(void **state)
{
	static const struct stream_handlers handlers = {.welcome = welcome, .message = message, .end = end};
	socklen_t len = sizeof(t.to);
	(void)state;
	memset(&t, 0, sizeof(t));
	t.to.sin_family = AF_INET;
	t.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	t.now_ns = 1000 * NS_PER_S;
	t.listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (bind(t.listen_fd, (struct sockaddr *)&t.to, len) < 0 || listen(t.listen_fd, 64) < 0 ||
	    getsockname(t.listen_fd, (struct sockaddr *)&t.to, &len) < 0)
		return -1;
	t.stream = stream_new(t.listen_fd, &handlers);
	return t.stream ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	uint64_t sessions = stream_stats(t.stream)->sessions;
	unsigned ended = t.ended;
	stream_free(t.stream);
	assert_int_equal(t.ended, ended + sessions);
	close(t.listen_fd);
	return 0;
}

static unsigned step(void)
{
	return stream_receive(t.stream, WAIT_MS, t.now_ns, 5 * NS_PER_S);
}

static int client(void)
{
	uint64_t before = stream_stats(t.stream)->accepted + stream_stats(t.stream)->refused;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&t.to, sizeof(t.to)), 0);
	for (int i = 0; i < TRIES && before == stream_stats(t.stream)->accepted + stream_stats(t.stream)->refused && !t.deny; i++)
		(void)step();
	return fd;
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

static void wait_messages(unsigned n)
{
	for (int i = 0; i < TRIES && t.messages < n; i++)
		(void)step();
	assert_int_equal(t.messages, n);
}

static void wait_ended(unsigned n)
{
	for (int i = 0; i < TRIES && t.ended < n; i++)
		(void)step();
	assert_int_equal(t.ended, n);
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
		(void)step();
		send_all(fd, data + cut, len - cut);
		wait_messages(before + 3);
		assert_int_equal(t.last_len, 60);
	}
	assert_int_equal(stream_stats(t.stream)->broken, 0);
	close(fd);
	wait_ended(1);
	assert_int_equal(stream_stats(t.stream)->broken, 0);
}

static void longest_message(void **state)
{
	static uint8_t data[STREAM_MESSAGE_MAX];
	int fd = client();
	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		send_all(fd, data, make_message(data, sizeof(data)));
		wait_messages(i);
		assert_int_equal(t.last_len, STREAM_MESSAGE_MAX);
	}
	close(fd);
}

static void nonsense_ends_it(void **state)
{
	static const uint8_t bad[][16] = {{"GET / HTTP/1.0\r\n"}, {0, 9, 0, 20}, {0, 10, 0, 15}, {0, 10, 0, 0}};
	(void)state;
	int good = client();
	for (unsigned i = 0; i < 4; i++) {
		int fd = client();
		send_all(fd, bad[i], 16);
		wait_ended(i + 1);
		assert_int_equal(stream_stats(t.stream)->broken, i + 1);
		close(fd);
	}
	uint8_t data[20];
	send_all(good, data, make_message(data, 20)); /* the others do not mind */
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
	(void)step();
	close(fd);
	wait_ended(1);
	assert_int_equal(stream_stats(t.stream)->broken, 1);
	fd = client();
	send_all(fd, data, 50);
	(void)step();
	t.now_ns += 61 * NS_PER_S; /* stopped in the middle */
	wait_ended(2);
	assert_int_equal(stream_stats(t.stream)->broken, 2);
	close(fd);
}

static void not_welcome(void **state)
{
	char byte;
	(void)state;
	t.deny = true;
	int fd = client();
	for (int i = 0; i < 5; i++)
		(void)step();
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	assert_int_equal(stream_stats(t.stream)->accepted, 0);
	close(fd);
}

static void the_bound(void **state)
{
	static int fds[STREAM_SESSIONS_MAX];
	struct rlimit limit;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_max < 2 * STREAM_SESSIONS_MAX + 100)
		skip();
	limit.rlim_cur = 2 * STREAM_SESSIONS_MAX + 100;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < STREAM_SESSIONS_MAX; i++)
		fds[i] = client();
	assert_int_equal(stream_stats(t.stream)->sessions, STREAM_SESSIONS_MAX);
	int late = client();
	assert_int_equal(stream_stats(t.stream)->refused, 1);
	close(late);
	t.now_ns += 61 * NS_PER_S;
	uint8_t data[20];
	size_t len = make_message(data, sizeof(data));
	for (int i = 1; i < STREAM_SESSIONS_MAX; i++)
		send_all(fds[i], data, len); /* all but the first are busy */
	wait_messages(STREAM_SESSIONS_MAX - 1);
	late = client();
	assert_int_equal(stream_stats(t.stream)->refused, 1);
	assert_int_equal(t.ended, 1);
	char byte;
	assert_int_equal(recv(fds[0], &byte, 1, 0), 0);
	send_all(late, data, len);
	wait_messages(STREAM_SESSIONS_MAX);
	for (int i = 0; i < STREAM_SESSIONS_MAX; i++)
		close(fds[i]);
	close(late);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(cut_anywhere), T(longest_message), T(nonsense_ends_it), T(cut_short_is_counted), T(not_welcome), T(the_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
