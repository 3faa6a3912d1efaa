/*
 * child.h -- a program of weir as the child of a test: started with arguments, its output read with a deadline.
 */
#ifndef WEIR_TESTS_CHILD_H
#define WEIR_TESTS_CHILD_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_TEXT = 1 << 20, CHILD_WAIT_MS = 90000 };

struct child {
	pid_t pid;
	int fds[2];               /* stdout, stderr */
	char text[2][CHILD_TEXT]; /* what came from them */
	size_t len[2];
};

/* ARGV[0] is the name of a program in build/<preset>/bin. */
static inline void child_start(struct child *c, const char *const argv[])
{
	int out[2], err[2];
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	assert_true(n > 0);
	path[n] = '\0';
	*strrchr(path, '/') = '\0'; /* build/<preset>/tests */
	char *folder = strrchr(path, '/');
	snprintf(folder, sizeof(path) - (size_t)(folder - path), "/bin/%s", argv[0]);
	memset(c, 0, offsetof(struct child, text));
	memset(c->len, 0, sizeof(c->len));
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (c->pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		execv(path, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(out[1]);
	close(err[1]);
	c->fds[0] = out[0];
	c->fds[1] = err[0];
}

/* One round of reading; false when both ends are closed or nothing came within TIMEOUT_MS. */
static inline int child_read(struct child *c, int timeout_ms)
{
	struct pollfd p[2] = {{.fd = c->fds[0], .events = POLLIN}, {.fd = c->fds[1], .events = POLLIN}};
	if (c->fds[0] < 0 && c->fds[1] < 0)
		return 0;
	if (poll(p, 2, timeout_ms) <= 0)
		return 0;
	for (int i = 0; i < 2; i++) {
		if (!p[i].revents)
			continue;
		ssize_t n = read(c->fds[i], c->text[i] + c->len[i], CHILD_TEXT - 1 - c->len[i]);
		if (n > 0) {
			c->len[i] += (size_t)n;
		} else {
			close(c->fds[i]);
			c->fds[i] = -1;
		}
		c->text[i][c->len[i]] = '\0';
	}
	return 1;
}

/* Reads until WORD has come from stdout (0) or stderr (1). */
static inline void child_expect(struct child *c, int from, const char *word)
{
	c->text[from][c->len[from]] = '\0';
	while (!strstr(c->text[from], word))
		if (!child_read(c, CHILD_WAIT_MS))
			break;
	if (!strstr(c->text[from], word))
		print_error("expected '%s' in:\n%s\n", word, c->text[from]);
	assert_non_null(strstr(c->text[from], word));
}

/* Reads on until the child has ended; its exit status, or -signal. */
static inline int child_end(struct child *c, int signal_number)
{
	int status;
	if (signal_number)
		kill(c->pid, signal_number);
	while (child_read(c, CHILD_WAIT_MS))
		;
	for (int i = 0; i < 2; i++)
		if (c->fds[i] >= 0)
			close(c->fds[i]);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline size_t child_lines(const char *text, const char *word)
{
	size_t n = 0;
	for (const char *p = text; (p = strstr(p, word)); p += strlen(word))
		n++;
	return n;
}

/* The port that the child said it serves on. */
static inline uint16_t child_port(struct child *c)
{
	child_expect(c, 1, "served on port ");
	return (uint16_t)strtoul(strstr(c->text[1], "served on port ") + 15, NULL, 10);
}

/* A port that is free just now. */
static inline uint16_t child_free_port(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (void *)&in, len), 0);
	assert_int_equal(getsockname(fd, (void *)&in, &len), 0);
	close(fd);
	return (uint16_t)(in.sin_port >> 8 | in.sin_port << 8);
}

/* GET http://HOST:PORT/PATH: the whole answer into OUT; false when nobody listens. */
static inline int child_get(int family, uint16_t port, const char *path, char *out, size_t max)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = family == AF_INET ? connect(fd, (void *)&in, sizeof(in)) : connect(fd, (void *)&in6, sizeof(in6));
	size_t len = 0;
	if (r == 0) {
		dprintf(fd, "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path);
		for (ssize_t n; len + 1 < max && (n = read(fd, out + len, max - 1 - len)) > 0;)
			len += (size_t)n;
	}
	out[len] = '\0';
	close(fd);
	return r == 0;
}

#endif
