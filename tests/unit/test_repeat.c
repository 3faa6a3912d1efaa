/*
 * test_repeat.c -- datagrams passed on unchanged, over loopback, with this host's address and with the exporter's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/repeat.h"
#include "common/ip.h"

struct receiver {
	int fd;
	char place[64];
};

static struct receiver receiver_on(const char *address)
{
	struct receiver r;
	struct ip_addr a;
	struct sockaddr_storage ss = {0};
	uint16_t port;
	struct timeval timeout = {.tv_sec = 60};
	assert_int_equal(ip_parse(address, &a), 0);
	socklen_t len = (socklen_t)ip_to_sockaddr(&a, 0, &ss);
	r.fd = socket(ss.ss_family, SOCK_DGRAM, 0);
	assert_true(r.fd >= 0);
	assert_int_equal(bind(r.fd, (struct sockaddr *)&ss, len), 0);
	len = sizeof(ss);
	assert_int_equal(getsockname(r.fd, (struct sockaddr *)&ss, &len), 0);
	assert_int_equal(setsockopt(r.fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)), 0);
	(void)ip_from_sockaddr(&ss, &port);
	snprintf(r.place, sizeof(r.place), a.len == 16 ? "[%s]:%u" : "%s:%u", address, port);
	return r;
}

static size_t take(const struct receiver *r, void *data, size_t len, char from[IP_TEXT_MAX], uint16_t *ret_port)
{
	struct sockaddr_storage ss = {0};
	socklen_t ss_len = sizeof(ss);
	ssize_t n = recvfrom(r->fd, data, len, 0, (struct sockaddr *)&ss, &ss_len);
	assert_true(n >= 0);
	struct ip_addr a = ip_from_sockaddr(&ss, ret_port);
	ip_format(&a, from);
	return (size_t)n;
}

static struct repeater *repeater_to(const struct receiver *r, size_t n, bool keep)
{
	struct opt_list targets = {0};
	struct repeater *repeater = NULL;
	char err[300] = "";
	for (size_t i = 0; i < n; i++)
		assert_int_equal(opt_list_add(&targets, r[i].place), 0);
	int rc = repeat_new(&targets, keep, &repeater, err, sizeof(err));
	opt_list_free(&targets);
	if (keep && (rc == -EPERM || rc == -EACCES)) {
		assert_non_null(strstr(err, "CAP_NET_RAW"));
		return NULL;
	}
	assert_int_equal(rc, 0);
	return repeater;
}

static struct sockaddr_storage source(const char *address, uint16_t port)
{
	struct ip_addr a;
	struct sockaddr_storage ss = {0};
	assert_int_equal(ip_parse(address, &a), 0);
	(void)ip_to_sockaddr(&a, port, &ss);
	return ss;
}

static void unchanged_to_all(void **state)
{
	struct receiver r[2] = {receiver_on("127.0.0.1"), receiver_on("::1")};
	struct repeater *repeater = repeater_to(r, 2, false);
	struct repeat_stats stats = {0};
	struct iovec data[3] = {{(char[]){"one"}, 3}, {(char[]){""}, 0}, {(char[]){"three"}, 5}};
	struct sockaddr_storage from[3] = {source("192.0.2.1", 1), source("192.0.2.1", 1), source("192.0.2.1", 1)};
	char got[100], sender[IP_TEXT_MAX];
	uint16_t port;
	(void)state;
	repeat_send(repeater, data, from, 3, &stats);
	assert_int_equal(stats.sent, 6);
	assert_int_equal(stats.failed, 0);
	for (int k = 0; k < 2; k++) {
		for (int i = 0; i < 3; i++) {
			assert_int_equal(take(&r[k], got, sizeof(got), sender, &port), data[i].iov_len);
			assert_memory_equal(got, data[i].iov_base, data[i].iov_len);
		}
		close(r[k].fd);
	}
	repeat_free(repeater);
}

static void source_is_kept(void **state)
{
	static const struct {
		const char *to, *from, *seen;
	} rows[] = {
		{"127.0.0.1", "127.9.8.7", "127.9.8.7"},
		{"127.0.0.1", "2001:db8::1", "127.0.0.1"}, /* cannot be: this host's */
		{"::1", "::1", "::1"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct receiver r = receiver_on(rows[i].to);
		struct repeater *repeater = repeater_to(&r, 1, true);
		struct repeat_stats stats = {0};
		char payload[1401], got[2000], sender[IP_TEXT_MAX];
		uint16_t port;
		for (size_t k = 0; k < sizeof(payload); k++)
			payload[k] = (char)(k * 7);
		struct iovec data = {payload, sizeof(payload)};
		struct sockaddr_storage from = source(rows[i].from, 4711);
		if (!repeater)
			skip(); /* not privileged */
		repeat_send(repeater, &data, &from, 1, &stats);
		assert_int_equal(stats.sent, 1);
		assert_int_equal(take(&r, got, sizeof(got), sender, &port), sizeof(payload));
		assert_memory_equal(got, payload, sizeof(payload));
		assert_string_equal(sender, rows[i].seen);
		if (strcmp(rows[i].from, rows[i].seen) == 0)
			assert_int_equal(port, 4711);
		repeat_free(repeater);
		close(r.fd);
	}
}

static void mistakes(void **state)
{
	static const char *const bad[] = {"", "host", ":2055", "127.0.0.1:", "no.such.host.invalid:1"};
	char err[300];
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct opt_list targets = {0};
		struct repeater *repeater = NULL;
		assert_int_equal(opt_list_add(&targets, bad[i]), 0);
		assert_true(repeat_new(&targets, false, &repeater, err, sizeof(err)) < 0);
		assert_non_null(strstr(err, "--repeat"));
		opt_list_free(&targets);
	}
	struct opt_list many = {0};
	struct repeater *repeater = NULL;
	assert_int_equal(repeat_new(&many, false, &repeater, err, sizeof(err)), 0);
	assert_null(repeater);
	for (int i = 0; i <= REPEAT_MAX; i++)
		assert_int_equal(opt_list_add(&many, "127.0.0.1:9"), 0);
	assert_int_equal(repeat_new(&many, false, &repeater, err, sizeof(err)), -EINVAL);
	opt_list_free(&many);
	repeat_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unchanged_to_all),
		cmocka_unit_test(source_is_kept),
		cmocka_unit_test(mistakes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
