/*
 * test_notify.c -- what the service manager hears, on a real socket, and signals that are waited for.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/notify.h"
#include "common/signals.h"

static int listen_at(const char *path, size_t len)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	memcpy(at.sun_path, path, len);
	socklen_t at_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, at_len), 0);
	return fd;
}

static void assert_heard(int fd, const char *want)
{
	char got[100] = "";
	ssize_t n = recv(fd, got, sizeof(got) - 1, 0);
	assert_int_equal(n, (ssize_t)strlen(want));
	assert_string_equal(got, want);
}

static void test_notify(void **state)
{
	char dir[] = "/tmp/weir-test-notify-XXXXXX";
	char path[100], name[100];
	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/socket", dir);
	int fd = listen_at(path, strlen(path));
	assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
	notify_send("READY=1");
	assert_heard(fd, "READY=1");
	close(fd);
	(void)unlink(path);
	(void)rmdir(dir);
	notify_send("STOPPING=1"); /* nobody there: nothing happens */

	/* The abstract namespace: '@' stands for a NUL. */
	int len = snprintf(name, sizeof(name), "@weir-test-%ld", (long)getpid());
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	name[0] = '\0';
	fd = listen_at(name, (size_t)len);
	notify_send("STATUS=fine");
	assert_heard(fd, "STATUS=fine");

	assert_int_equal(setenv("NOTIFY_SOCKET", "relative", 1), 0);
	notify_send("READY=1");
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	notify_send("READY=1");
	char byte;
	assert_true(recv(fd, &byte, 1, 0) < 0 && errno == EAGAIN);
	close(fd);
}

static void test_watchdog_of_threads(void **state)
{
	char name[100], text[100] = "";
	bool first = true, second = false;
	bool *const both[] = {&first, &second};
	(void)state;
	int len = snprintf(name, sizeof(name), "@weir-pulse-%ld", (long)getpid());
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	name[0] = '\0';
	int fd = listen_at(name, (size_t)len);
	assert_false(notify_watchdog_feed(both, 2)); /* the second hangs */
	assert_true(recv(fd, text, 1, 0) < 0 && errno == EAGAIN);
	notify_turned(&second);
	assert_true(notify_watchdog_feed(both, 2));
	assert_heard(fd, "WATCHDOG=1");
	assert_false(notify_watchdog_feed(both, 2)); /* nobody has turned since */
	notify_reloading();
	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	assert_int_equal(strncmp(text, "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	assert_true(strtoull(text + 27, NULL, 10) > 0);
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	close(fd);
}

static void test_watchdog(void **state)
{
	char pid[30];
	(void)state;
	assert_true(notify_watchdog_ns() == 0);
	assert_int_equal(setenv("WATCHDOG_USEC", "30000000", 1), 0);
	assert_true(notify_watchdog_ns() == 15 * NS_PER_S);
	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
	assert_true(notify_watchdog_ns() == 15 * NS_PER_S);
	assert_int_equal(setenv("WATCHDOG_PID", "1", 1), 0); /* meant for another process */
	assert_true(notify_watchdog_ns() == 0);
	assert_int_equal(unsetenv("WATCHDOG_PID"), 0);
	assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
}

static void test_signals(void **state)
{
	static const int all[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
	(void)state;
	signals_block();
	assert_int_equal(signals_wait(0), 0);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(kill(getpid(), all[i]), 0);
		assert_int_equal(signals_wait(10 * NS_PER_S), all[i]);
	}
	assert_int_equal(raise(SIGPIPE), 0); /* ignored, or we would be gone */
	assert_int_equal(signals_wait(NS_PER_MS), 0);
}

static void test_clocks(void **state)
{
	(void)state;
	uint64_t a = clock_monotonic_ns();
	clock_sleep_ns(2 * NS_PER_MS);
	uint64_t b = clock_monotonic_ns();
	assert_true(b - a >= 2 * NS_PER_MS);
	assert_true(clock_wall_ns() > 1700000000 * NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notify), cmocka_unit_test(test_watchdog), cmocka_unit_test(test_watchdog_of_threads),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_clocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
