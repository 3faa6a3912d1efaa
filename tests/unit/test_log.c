/*
 * test_log.c -- log lines as they arrive on stderr: form, levels, nothing forged, nothing mixed.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"

static int saved = -1;
static FILE *captured;
static char text[1 << 20];

static void capture(void)
{
	captured = tmpfile();
	assert_non_null(captured);
	saved = dup(STDERR_FILENO);
	/* O_APPEND: several threads write to one place, as to a terminal or a journal. */
	assert_int_equal(fcntl(fileno(captured), F_SETFL, O_APPEND), 0);
	assert_true(dup2(fileno(captured), STDERR_FILENO) >= 0);
}

static const char *release(void)
{
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	rewind(captured);
	size_t n = fread(text, 1, sizeof(text) - 1, captured);
	text[n] = '\0';
	(void)fclose(captured);
	return text;
}

static void assert_matches(const char *line, const char *pattern)
{
	regex_t re;
	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&re, line, 0, NULL, 0) != 0)
		fail_msg("'%s' does not match '%s'", line, pattern);
	regfree(&re);
}

#define TIME "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"

static void test_normal(void **state)
{
	(void)state;
	assert_int_equal(log_init("weir-test", "info", "normal"), 0);
	capture();
	errno = ENOENT;
	log_warn(LOG_BROKER, "down for %d s", 5);
	log_info(LOG_OURS, "ready");
	log_debug(LOG_OURS, "not said");
	assert_int_equal(errno, ENOENT);
	const char *got = release();
	assert_matches(got, "^" TIME " warn  broker: down for 5 s\n" TIME " info  ready\n$");
}

static void test_nothing_forged(void **state)
{
	(void)state;
	assert_int_equal(log_init("weir-test", "info", "normal"), 0);
	capture();
	log_error(LOG_REMOTE, "%s", "name\n2026-01-01T00:00:00Z error forged\x1b[2J\x7f");
	const char *got = release();
	assert_matches(got, "exporter: name\\\\x0a2026-01-01T00:00:00Z error forged\\\\x1b\\[2J\\\\x7f\n$");
	assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1);
}

static void test_json(void **state)
{
	(void)state;
	assert_int_equal(log_init("weir-test", "debug", "json"), 0);
	capture();
	log_debug(LOG_DB, "a \"word\"\n");
	const char *got = release();
	assert_matches(got, "^\\{\"time\":\"" TIME "\",\"level\":\"debug\",\"program\":\"weir-test\","
			    "\"culprit\":\"database\",\"text\":\"a \\\\\"word\\\\\"\\\\n\"\\}\n$");
}

static void test_levels(void **state)
{
	(void)state;
	assert_int_equal(log_init("weir-test", "loud", "normal"), -EINVAL);
	assert_int_equal(log_init("weir-test", "info", "xml"), -EINVAL);
	assert_int_equal(log_init("weir-test", "WARNING", "normal"), 0);
	assert_true(log_enabled(LOG_ERROR) && log_enabled(LOG_WARN));
	assert_false(log_enabled(LOG_INFO));
	assert_int_equal(log_set_level("error"), 0);
	assert_false(log_enabled(LOG_WARN));
	assert_int_equal(log_set_level("nothing"), -EINVAL);
	assert_false(log_enabled(LOG_WARN));
}

static void *many(void *arg)
{
	for (int i = 0; i < 200; i++)
		log_error(LOG_OURS, "%s and a rather long tail that would be cut apart by another thread", (char *)arg);
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[4];
	char name[] = "thread";
	(void)state;
	assert_int_equal(log_init("weir-test", "info", "normal"), 0);
	capture();
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, many, name), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	size_t lines = 0;
	char *rest = NULL;
	(void)release();
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest), lines++)
		assert_matches(line, "^" TIME " error thread and a rather long .* another thread$");
	assert_int_equal(lines, 800);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normal), cmocka_unit_test(test_nothing_forged), cmocka_unit_test(test_json),
		cmocka_unit_test(test_levels), cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
