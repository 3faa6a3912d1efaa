/*
 * What weir-inserter print does differently in front of a terminal: colour, unless NO_COLOR asks for none, and a line about
 * how far the reading of files is, until the report comes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pty.h>

#include "proto/flow.h"
#include "proto/pack.h"
#include "tests/unit/child.h"

#define ARROW "\033[36m <- \033[0m"

/* A program whose stdout and stderr are a terminal. */
struct seat {
	pid_t pid;
	int terminal, feed; /* what it shows, its stdin */
	char text[1 << 16];
	size_t len;
};

static struct seat seat, quiet;

static void sit_down(struct seat *s, const char *no_color, const char *const argv[])
{
	char path[4096];
	int in[2], side;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	assert_true(n > 0);
	path[n] = '\0';
	*strrchr(path, '/') = '\0'; /* build/<preset>/tests */
	char *folder = strrchr(path, '/');
	snprintf(folder, sizeof(path) - (size_t)(folder - path), "/bin/%s", argv[0]);
	memset(s, 0, sizeof(*s));
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(openpty(&s->terminal, &side, NULL, NULL, NULL), 0);
	fcntl(s->terminal, F_SETFD, FD_CLOEXEC);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(side, STDOUT_FILENO);
		dup2(side, STDERR_FILENO);
		close(side);
		if (no_color)
			setenv("NO_COLOR", no_color, 1);
		else
			unsetenv("NO_COLOR");
		execv(path, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(side);
	close(in[0]);
	s->feed = in[1];
}

/* One round of reading; false at the end (EIO: nobody has the terminal any more). */
static bool look(struct seat *s, int timeout_ms)
{
	struct pollfd p = {.fd = s->terminal, .events = POLLIN};
	if (poll(&p, 1, timeout_ms) <= 0)
		return true;
	ssize_t n = read(s->terminal, s->text + s->len, sizeof(s->text) - 1 - s->len);
	s->len += n > 0 ? (size_t)n : 0;
	s->text[s->len] = '\0';
	return n > 0;
}

static int stand_up(struct seat *s)
{
	int status;
	close(s->feed);
	while (look(s, CHILD_WAIT_MS))
		;
	close(s->terminal);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* 4096 flows: so often a reader looks at the clock. False when they could not all be written. */
static bool feed(struct seat *s)
{
	static uint8_t some[4096 * 64 + FLOW_PACK_MAX];
	static size_t len;
	struct flow f;
	flow_clear(&f);
	f.dst_addr = ip_v4((const uint8_t[]){192, 168, 1, 50});
	f.proto = 6;
	f.bytes = 100;
	for (int i = 0; len == 0 || i; i = (i + 1) % 4096)
		len += flow_pack(&f, some + len);
	for (size_t done = 0; done < len;) {
		ssize_t n = write(s->feed, some + done, len - done);
		if (n < 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static void home_line(const char *no_color, const char *option, const char *value, bool coloured)
{
	const char *const argv[] = {"weir-inserter", "print", "-c", "1", "-r", "-", option, value, NULL};
	sit_down(&seat, no_color, argv);
	(void)feed(&seat); /* it may have seen enough before all is written */
	assert_int_equal(stand_up(&seat), 0);
	assert_non_null(strstr(seat.text, "<-"));
	assert_int_equal(strstr(seat.text, ARROW) != NULL, coloured);
	if (no_color && *no_color && !coloured)
		assert_null(strchr(seat.text, '\033')); /* the log's lines neither */
}

static void test_colour_is_the_terminals_and_the_users(void **state)
{
	(void)state;
	home_line(NULL, NULL, NULL, true);
	home_line("1", NULL, NULL, false);
	home_line("", NULL, NULL, true); /* https://no-color.org: empty is not set */
	home_line("1", "--colour", "always", true);
	home_line(NULL, "--colour", "never", false);
}

static void test_progress_until_the_report(void **state)
{
	const char *const argv[] = {"weir-inserter", "print", "-s", "dstip/bytes", "-r", "-", NULL};
	const char *const calm[] = {"weir-inserter", "print", "-s", "dstip/bytes", "-q", "-r", "-", NULL};
	(void)state;
	sit_down(&quiet, NULL, calm); /* has had longer than the other when that one shows its line */
	sit_down(&seat, NULL, argv);
	for (int i = 0; i < CHILD_WAIT_MS / 10 && !strstr(seat.text, "flows read"); i++) {
		assert_true(feed(&quiet) && feed(&seat));
		assert_true(look(&seat, 10));
	}
	assert_non_null(strstr(seat.text, " flows read, file 1 of 1"));
	assert_int_equal(stand_up(&seat), 0);
	assert_int_equal(stand_up(&quiet), 0);
	const char *wiped = strstr(seat.text, "\r\033[K"), *report = strstr(seat.text, "Top 10 ");
	assert_true(wiped && report && wiped < report);
	assert_null(strstr(report, "flows read"));
	assert_null(strstr(quiet.text, "flows read"));
	assert_non_null(strstr(quiet.text, "192.168.1.50"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_colour_is_the_terminals_and_the_users),
		cmocka_unit_test(test_progress_until_the_report),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
