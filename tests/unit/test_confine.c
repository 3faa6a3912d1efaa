/*
 * test_confine.c -- what a confined process can still do, and what it cannot. Each case runs in a process of its own; where the
 * kernel has no Landlock or no seccomp, it is skipped and says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/confine.h"

enum { ALL_WELL = 0, NOT_HERE = 77 };

static char dir[64], inside[96], outside[96];
static struct confine_options options;

#define EXPECT(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s does not hold: %s\n", __FILE__, __LINE__, #condition, strerror(errno)); \
			_exit(1); \
		} \
	} while (0)

/* Runs BODY confined, in a child. */
static void in_child(void (*body)(void))
{
	pid_t child = fork();
	int status;
	if (child == 0) {
		char said[CONFINE_SAID_MAX], err[300] = "";
		int rc = confine_apply(&options, said, sizeof(said), err, sizeof(err));
		if (rc == -ENOSYS || rc == -EOPNOTSUPP)
			_exit(NOT_HERE);
		if (rc < 0)
			fprintf(stderr, "confine: %s\n", err);
		EXPECT(rc == 0);
		body();
		_exit(ALL_WELL);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NOT_HERE)
		skip();
	assert_int_equal(WEXITSTATUS(status), ALL_WELL);
}

static int setup(void **state)
{
	(void)state;
	memcpy(dir, "/tmp/weir-test-confine-XXXXXX", 30);
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	snprintf(inside, sizeof(inside), "%s/state", dir);
	snprintf(outside, sizeof(outside), "%s/other", dir);
	options = (struct confine_options){.mode = "require"};
	confine_directory(&options, inside);
	return 0;
}

static int teardown(void **state)
{
	char path[128];
	(void)state;
	snprintf(path, sizeof(path), "%s/kept", inside);
	unlink(path);
	rmdir(inside);
	unlink(outside);
	return rmdir(dir);
}

static int make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 0 : -errno;
}

static void files(void)
{
	char path[128], fresh[128];
	struct stat st;
	snprintf(path, sizeof(path), "%s/kept", inside);
	snprintf(fresh, sizeof(fresh), "%s/kept.new", inside);
	EXPECT(make(fresh) == 0 && rename(fresh, path) == 0 && stat(path, &st) == 0);
	EXPECT(make("/dev/null") == 0);
	EXPECT(make(outside) == -EACCES);
	EXPECT(mkdir(outside, 0700) < 0 && errno == EACCES);
	EXPECT(rename(path, outside) < 0 && errno == EACCES);
	EXPECT(symlink("/etc/passwd", outside) < 0 && errno == EACCES);
	EXPECT(open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0);
	EXPECT(open("/etc/passwd", O_WRONLY | O_CLOEXEC) < 0);
}

static void writes_only_below_its_directories(void **state)
{
	(void)state;
	in_child(files);
	assert_int_equal(access(outside, F_OK), -1);
}

static void programs(void)
{
	char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"true"}, NULL};
	pid_t pid;
	EXPECT(execv("/bin/sh", argv) < 0 && (errno == EPERM || errno == EACCES));
	EXPECT(fork() < 0 && errno == EPERM);
	EXPECT(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, NULL) == EPERM);
	EXPECT(system("true") != 0);
	EXPECT(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 && errno == EPERM);
	EXPECT(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EAFNOSUPPORT);
#ifndef __SANITIZE_THREAD__ /* it has a thread of its own, older than the filter: there setuid() works, and glibc aborts as they differ */
	EXPECT(setuid(0) < 0 && errno == EPERM);
#endif
}

static void starts_no_program(void **state)
{
	(void)state;
	in_child(programs);
}

static void itself(void)
{
	char *sh[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"true"}, NULL}, *again[] = {(char[]){"again"}, NULL};
	EXPECT(execv("/bin/sh", sh) < 0 && errno == EACCES);
	EXPECT(fork() < 0 && errno == EPERM);
	execv("/proc/self/exe", again); /* main() ends it well */
	EXPECT(false);
}

static void starts_itself_alone(void **state)
{
	(void)state;
	options.starts_itself = true;
	in_child(itself);
}

static void removal(void)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/kept", inside);
	EXPECT(rmdir(inside) < 0 && errno == ENOTEMPTY);
	EXPECT(unlink(path) == 0 && rmdir(inside) == 0);
	EXPECT(unlink(outside) < 0 && errno == EACCES);
	EXPECT(mkdir(inside, 0700) < 0 && errno == EACCES);
}

static void removes_its_own_directory(void **state)
{
	char path[128];
	(void)state;
	snprintf(path, sizeof(path), "%s/kept", inside);
	assert_int_equal(mkdir(inside, 0700), 0);
	assert_int_equal(make(path), 0);
	assert_int_equal(make(outside), 0);
	options.removes_in = dir;
	in_child(removal);
}

static void *thread(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

static void ordinary(void)
{
	struct addrinfo *found = NULL;
	pthread_t id;
	int ran = 0, fd = socket(AF_INET6, SOCK_DGRAM, 0);
	EXPECT(pthread_create(&id, NULL, thread, &ran) == 0 && pthread_join(id, NULL) == 0 && ran);
	EXPECT(getaddrinfo("localhost", "80", NULL, &found) == 0);
	freeaddrinfo(found);
	EXPECT(fd >= 0 || errno == EAFNOSUPPORT);
	FILE *f = fopen("/proc/self/status", "re");
	char line[200];
	int privileges = -1, calls = -1;
	while (f && fgets(line, sizeof(line), f)) {
		(void)sscanf(line, "NoNewPrivs: %d", &privileges);
		(void)sscanf(line, "Seccomp: %d", &calls);
	}
	EXPECT(privileges == 1 && calls == 2);
}

static void threads_and_names_go_on(void **state)
{
	(void)state;
	in_child(ordinary);
}

static void user(void)
{
	const struct passwd *p = getpwnam("nobody");
	char path[128];
	EXPECT(p && getuid() == p->pw_uid && geteuid() == p->pw_uid && getgid() == p->pw_gid && setuid(0) < 0);
	snprintf(path, sizeof(path), "%s/kept", inside);
	EXPECT(make(path) == 0); /* the directory was made for it */
	EXPECT(access("/proc/self/fd", R_OK) == 0);
}

static void becomes_the_user(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	options.user = "nobody";
	in_child(user);
}

static void bad_users_are_named(void **state)
{
	char said[CONFINE_SAID_MAX], err[300];
	(void)state;
	options.user = "no-such-user";
	assert_int_equal(confine_apply(&options, said, sizeof(said), err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "--user no-such-user: there is no such user");
}

static void a_directory_that_cannot_be_made_is_left_out(void **state)
{
	(void)state;
	confine_directory(&options, "/proc/no/such");
	in_child(files);
	in_child(ordinary);
}

static void off_changes_nothing(void **state)
{
	char said[CONFINE_SAID_MAX], err[300];
	(void)state;
	options.mode = "off";
	assert_int_equal(confine_apply(&options, said, sizeof(said), err, sizeof(err)), 0);
	assert_string_equal(said, "");
	assert_int_equal(make(outside), 0);
	assert_int_equal(access(inside, F_OK), -1);
}

static void of_a_file_its_directory(void **state)
{
	static struct confine_path rooms[4];
	(void)state;
	options.n_writable = 0;
	confine_file(&options, "/no/such/file", &rooms[0]);
	confine_file(&options, "here", &rooms[1]);
	confine_file(&options, "/top", &rooms[2]);
	confine_file(&options, "/dev/null", &rooms[3]);
	confine_file(&options, "-", &rooms[3]);
	confine_file(&options, "", &rooms[3]);
	confine_directory(&options, NULL);
	assert_int_equal(options.n_writable, 4);
	assert_string_equal(options.writable[0], "/no/such");
	assert_string_equal(options.writable[1], ".");
	assert_string_equal(options.writable[2], "/");
	assert_string_equal(options.writable[3], "/dev/null");
}

int main(int argc, char **argv)
{
	if (argc == 1 && strcmp(argv[0], "again") == 0)
		return ALL_WELL; /* itself() started it */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_only_below_its_directories, setup, teardown),
		cmocka_unit_test_setup_teardown(starts_no_program, setup, teardown),
		cmocka_unit_test_setup_teardown(starts_itself_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(removes_its_own_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(threads_and_names_go_on, setup, teardown),
		cmocka_unit_test_setup_teardown(becomes_the_user, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_users_are_named, setup, teardown),
		cmocka_unit_test_setup_teardown(a_directory_that_cannot_be_made_is_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(off_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(of_a_file_its_directory, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
