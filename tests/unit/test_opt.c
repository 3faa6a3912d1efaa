/*
 * test_opt.c -- options: all spellings, precedence of the four sources, errors that name the place, and that no
 * secret is ever printed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/opt.h"

struct kafka {
	char *brokers;
	struct opt_list properties;
};

struct config {
	int64_t workers;
	uint64_t size;
	uint64_t linger;
	bool fast;
	char *format;
	char *file;
	char *password;
	struct opt_list listen;
	struct kafka kafka;
};

static const struct opt main_rows[] = {
	{"workers", OPT_INT, offsetof(struct config, workers), "2", "N", "Threads.", .min = 1, .max = 64, .letter = 'c'},
	{"batch.size", OPT_SIZE, offsetof(struct config, size), "1M", "BYTES", "Size.", .min = 1024, .max = 1 << 30},
	{"linger", OPT_DURATION, offsetof(struct config, linger), "100ms", "TIME", "Wait.", .min = 1000000,
	 .max = 3600000000000, .flags = OPT_RELOAD},
	{"fast", OPT_BOOL, offsetof(struct config, fast), NULL, NULL, "Faster.", .letter = 'f'},
	{"format", OPT_STRING, offsetof(struct config, format), "json", "FORMAT", "What is written.",
	 .choices = "json|bin|text", .letter = 'o'},
	{"transport.file", OPT_STRING, offsetof(struct config, file), NULL, "FILE", "Where to."},
	{"password", OPT_STRING, offsetof(struct config, password), NULL, "TEXT", "Secret.", .flags = OPT_SECRET},
	{"listen", OPT_LIST, offsetof(struct config, listen), "netflow://:2055", "URL,...", "Where from."},
	{"mapping", OPT_STRING, 0, NULL, "FILE", "write fields.map instead", .flags = OPT_GONE},
};

static const struct opt kafka_rows[] = {
	{"kafka.brokers", OPT_STRING, offsetof(struct kafka, brokers), "localhost:9092", "HOST:PORT", "Brokers.",
	 .letter = 'b'},
	{"transport.kafka.brokers", OPT_STRING, offsetof(struct kafka, brokers), NULL, "HOST:PORT", "goflow2's name.",
	 .flags = OPT_HIDDEN},
	{"kafka.property", OPT_LIST, offsetof(struct kafka, properties), NULL, "NAME=VALUE", "A property of librdkafka.",
	 .section = "kafka"},
};

static const struct opt_group groups[] = {
	{"Main", OPT_ROWS(main_rows), 0},
	{"Kafka", OPT_ROWS(kafka_rows), offsetof(struct config, kafka)},
};

static const struct opt_spec spec = {.program = "weir-test", .summary = "tests options", .groups = groups, .n_groups = 2,
				     .description = "Examples:\n\n    weir-test --fast\n"};
static const struct opt_spec with_words = {.program = "weir-test", .summary = "tests options", .groups = groups,
					   .n_groups = 2, .positional = true};

static struct config config;
static struct opt_result result;
static char err[500];
static char path[] = "/tmp/weir-test-opt-XXXXXX";

/* Splits LINE at bars and parses it: "--workers|3". */
static int parse_with(const struct opt_spec *s, const char *line)
{
	static char copy[1000];
	char *argv[40] = {copy};
	int argc = 1;
	memset(&config, 0xa5, sizeof(config)); /* opt_parse() relies on nothing */
	err[0] = '\0';
	(void)snprintf(copy, sizeof(copy), "weir-test|%s", line);
	for (char *p = copy; *line && (p = strchr(p, '|'));) {
		*p++ = '\0';
		argv[argc++] = p;
	}
	return opt_parse(s, argc, argv, &config, &result, err, sizeof(err));
}

static int parse(const char *line)
{
	return parse_with(&spec, line);
}

static void done(void)
{
	opt_free(&spec, &config, &result);
}

static void assert_error(const char *line, const char *part)
{
	assert_int_equal(parse(line), -EINVAL);
	if (!strstr(err, part))
		fail_msg("'%s' gives '%s', which lacks '%s'", line, err, part);
	assert_null(strchr(err, '\n'));
	done();
}

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
}

/* parse() with --config PATH before LINE. */
static int parse_file(const char *text, const char *line)
{
	char all[1000];
	write_file(text);
	(void)snprintf(all, sizeof(all), "--config|%s%s%s", path, *line ? "|" : "", line);
	return parse(all);
}

static void assert_file_error(const char *text, unsigned number, const char *part)
{
	char where[100];
	assert_int_equal(parse_file(text, ""), -EINVAL);
	(void)snprintf(where, sizeof(where), "%s:%u: ", path, number);
	if (!strstr(err, where) || !strstr(err, part))
		fail_msg("'%s' gives '%s', which lacks '%s' or '%s'", text, err, where, part);
	done();
}

static void test_defaults(void **state)
{
	(void)state;
	assert_int_equal(parse(""), 0);
	assert_int_equal(config.workers, 2);
	assert_true(config.size == 1 << 20);
	assert_true(config.linger == 100 * NS_PER_MS);
	assert_false(config.fast);
	assert_string_equal(config.format, "json");
	assert_null(config.file);
	assert_int_equal(config.listen.count, 1);
	assert_string_equal(config.listen.items[0], "netflow://:2055");
	assert_string_equal(config.kafka.brokers, "localhost:9092");
	assert_int_equal(config.kafka.properties.count, 0);
	assert_false(result.check || result.exit_now);
	done();
}

static void test_spellings(void **state)
{
	static const char *const same[] = {"--workers|9", "--workers=9", "-workers|9", "-workers=9", "-c|9", "-c9", "-c=9"};
	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_int_equal(parse(same[i]), 0);
		assert_int_equal(config.workers, 9);
		done();
	}
	assert_int_equal(parse("-f|-o|bin|--check|-transport.file=|-b|x:1"), 0);
	assert_true(config.fast && result.check);
	assert_string_equal(config.format, "bin");
	assert_string_equal(config.file, "");
	assert_string_equal(config.kafka.brokers, "x:1");
	done();
	assert_int_equal(parse("--fast=false|--check=no"), 0);
	assert_false(config.fast || result.check);
	done();
	/* A later one wins, under either name. */
	assert_int_equal(parse("-transport.kafka.brokers=a|--kafka.brokers=b|-workers|3|-workers|4"), 0);
	assert_string_equal(config.kafka.brokers, "b");
	assert_int_equal(config.workers, 4);
	done();
	assert_int_equal(parse("-transport.kafka.brokers=a"), 0);
	assert_string_equal(config.kafka.brokers, "a");
	done();
	/* A value may look like a short option or a negative number. */
	assert_int_equal(parse("--transport.file|-|--password|-x"), 0);
	assert_string_equal(config.file, "-");
	assert_string_equal(config.password, "-x");
	done();
}

static void test_words(void **state)
{
	(void)state;
	assert_int_equal(parse_with(&with_words, "dst|-c|3|port|53|-|--|--fast"), 0);
	assert_int_equal(result.words.count, 5);
	assert_string_equal(result.words.items[0], "dst");
	assert_string_equal(result.words.items[3], "-");
	assert_string_equal(result.words.items[4], "--fast");
	assert_false(config.fast);
	done();
	assert_error("dst", "unexpected word 'dst'");
}

static void test_errors(void **state)
{
	(void)state;
	assert_error("--worker|3", "did you mean --workers");
	assert_error("-brokers=x", "did you mean --kafka.brokers");
	assert_error("--zzzzzzzz", "unknown option '--zzzzzzzz'; --help lists them");
	assert_error("--workers", "--workers needs a value (N)");
	assert_error("--transport.file|--fast", "'--fast' is an option");
	assert_error("--workers=x", "--workers: 'x' is no whole number");
	assert_error("--workers=", "--workers: '' is no whole number");
	assert_error("--workers=99999999999999999999", "no whole number");
	assert_error("--workers=0", "--workers: must be between 1 and 64");
	assert_error("--batch.size=1", "must be between 1k and 1G");
	assert_error("--batch.size=1X", "'1X' is no size");
	assert_error("--linger=1w", "'1w' is no duration");
	assert_error("--linger=2h", "must be between 1ms and 1h");
	assert_error("--fast=maybe", "neither true nor false");
	assert_error("--format=xml", "--format: 'xml' is none of json|bin|text");
	assert_error("--format=jso", "none of");
	assert_error("-mapping=x", "write fields.map instead");
	assert_error("-fx", "unknown option '-fx'");
	assert_error("--config|/nonexistent/weir.conf", "/nonexistent/weir.conf: No such file");
	assert_error("--help=pdf", "none of");
}

static void test_precedence(void **state)
{
	const char *file = "workers = 3\nformat = bin\nlisten = a\nlisten = b\nkafka.brokers = file:1\n";
	(void)state;
	assert_int_equal(parse_file(file, ""), 0);
	assert_int_equal(config.workers, 3);
	assert_int_equal(config.listen.count, 2); /* the default is gone */
	assert_string_equal(config.kafka.brokers, "file:1");
	assert_string_equal(result.config_file, path);
	done();

	assert_int_equal(setenv("WEIR_WORKERS", "4", 1), 0);
	assert_int_equal(setenv("WEIR_LISTEN", "c\nd\ne", 1), 0);
	assert_int_equal(setenv("WEIR_TRANSPORT_KAFKA_BROKERS", "env:1", 1), 0);
	assert_int_equal(setenv("WEIR_FORMAT", "", 1), 0); /* as good as not set */
	assert_int_equal(parse_file(file, ""), 0);
	assert_int_equal(config.workers, 4);
	assert_int_equal(config.listen.count, 3);
	assert_string_equal(config.listen.items[2], "e");
	assert_string_equal(config.format, "bin");
	assert_string_equal(config.kafka.brokers, "env:1");
	done();

	assert_int_equal(parse_file(file, "-c5|--listen|x,y|--kafka.brokers=flag:1"), 0);
	assert_int_equal(config.workers, 5);
	assert_int_equal(config.listen.count, 1); /* not split at commas */
	assert_string_equal(config.listen.items[0], "x,y");
	assert_string_equal(config.kafka.brokers, "flag:1");
	done();

	assert_int_equal(setenv("WEIR_WORKERS", "many", 1), 0);
	assert_error("", "WEIR_WORKERS: 'many' is no whole number");
	assert_int_equal(unsetenv("WEIR_WORKERS"), 0);
	assert_int_equal(unsetenv("WEIR_LISTEN"), 0);
	assert_int_equal(unsetenv("WEIR_FORMAT"), 0);
	assert_int_equal(unsetenv("WEIR_TRANSPORT_KAFKA_BROKERS"), 0);

	write_file("workers = 7\n");
	assert_int_equal(setenv("WEIR_CONFIG", path, 1), 0);
	assert_int_equal(parse(""), 0);
	assert_int_equal(config.workers, 7);
	done();
	assert_int_equal(unsetenv("WEIR_CONFIG"), 0);
}

static void test_file(void **state)
{
	(void)state;
	assert_int_equal(parse_file("# a comment\n\n ; another\n  workers=6  \r\nfast = true\n"
				    "password = p;a # ss\ntransport.file = \" spaced \"\nkafka.property = a=b=c\n"
				    "[kafka]\ncompression.type = lz4\nsasl.password = \"x\"\n[ kafka ]\nacks=all",
				    "--kafka.property|acks=1"), 0);
	assert_int_equal(config.workers, 6);
	assert_true(config.fast);
	assert_string_equal(config.password, "p;a # ss");
	assert_string_equal(config.file, " spaced ");
	/* A list with a section adds up, the flag's last. */
	static const char *const properties[] = {"a=b=c", "compression.type=lz4", "sasl.password=\"x\"", "acks=all", "acks=1"};
	assert_int_equal(config.kafka.properties.count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(config.kafka.properties.items[i], properties[i]);
	done();

	/* A line may be long. */
	char long_line[5000] = "transport.file = ";
	memset(long_line + 17, 'x', sizeof(long_line) - 18);
	assert_int_equal(parse_file(long_line, ""), 0);
	assert_int_equal(strlen(config.file), sizeof(long_line) - 18);
	done();

	assert_file_error("workers = 1\nworkers = x\n", 2, "workers: 'x' is no whole number");
	assert_file_error("\n\nworkrs = 1\n", 3, "did you mean 'workers'");
	assert_file_error("workers\n", 1, "is no 'name = value'");
	assert_file_error("workers = 1\n[redis]\n", 2, "no section [redis] is known here, only [kafka]");
	assert_file_error("[kafka\n", 1, "lacks its ']'");
	assert_file_error("mapping = x\n", 1, "write fields.map instead");
	assert_file_error("check = true\n", 1, "unknown option 'check'");
	assert_file_error("config = x\n", 1, "unknown option 'config'");
	assert_error("--config|/tmp", "/tmp: Is a directory");
}

static void test_secrets(void **state)
{
	(void)state;
	write_file("hunter2\nmore\n");
	assert_int_equal(setenv("WEIR_PASSWORD_FILE", path, 1), 0);
	assert_int_equal(parse(""), 0);
	assert_string_equal(config.password, "hunter2");
	done();
	assert_int_equal(setenv("WEIR_PASSWORD_FILE", "/nonexistent", 1), 0);
	assert_error("", "WEIR_PASSWORD_FILE: /nonexistent: No such file");
	/* What is set directly is taken first. */
	assert_int_equal(setenv("WEIR_PASSWORD", "direct", 1), 0);
	assert_int_equal(parse(""), 0);
	assert_string_equal(config.password, "direct");
	done();
	assert_int_equal(unsetenv("WEIR_PASSWORD"), 0);
	assert_int_equal(unsetenv("WEIR_PASSWORD_FILE"), 0);
}

/* What opt_parse() prints for LINE. */
static const char *printed(const char *line)
{
	static char out[1 << 16];
	char name[] = "/tmp/weir-test-opt-out-XXXXXX";
	int fd = mkstemp(name);
	int stdout_fd = dup(STDOUT_FILENO);
	assert_true(fd >= 0 && stdout_fd >= 0);
	(void)fflush(stdout);
	assert_true(dup2(fd, STDOUT_FILENO) >= 0);
	int r = parse(line);
	(void)fflush(stdout);
	assert_true(dup2(stdout_fd, STDOUT_FILENO) >= 0);
	close(stdout_fd);
	ssize_t n = pread(fd, out, sizeof(out) - 1, 0);
	close(fd);
	(void)unlink(name);
	assert_int_equal(r, 0);
	assert_true(result.exit_now);
	assert_true(n > 0);
	out[n] = '\0';
	done();
	return out;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' lacks '%s'", text, part);
}

static void test_help(void **state)
{
	const char *out;
	(void)state;
	assert_string_equal(printed("--version"), "weir-test " WEIR_VERSION "\n");
	assert_string_equal(printed("-v"), "weir-test " WEIR_VERSION "\n");
	assert_int_equal(setenv("COLUMNS", "72", 1), 0);
	assert_has(printed("--nonsense|--help"), "Usage: weir-test"); /* a mistake before it does not matter */
	out = printed("-h");
	assert_has(out, "\nKafka:\n  -b, --kafka.brokers HOST:PORT\n");
	assert_has(out, "Threads. (default: 2) [WEIR_WORKERS]\n");
	assert_has(out, "One of json|bin|text.");
	assert_has(out, "    weir-test --fast\n");
	assert_null(strstr(out, "mapping"));
	assert_null(strstr(out, "transport.kafka"));
	for (const char *line = out; *line;) {
		size_t len = strcspn(line, "\n");
		assert_true(len <= 72);
		line += len + 1;
	}
	out = printed("--help=mdoc");
	assert_has(out, ".Dt WEIR-TEST 8\n");
	assert_has(out, ".It Fl c , Fl \\-workers Ar \"N\"\n");
	out = printed("--help=markdown");
	assert_has(out, "| `-o`, `--format FORMAT` | `WEIR_FORMAT` | `json` | What is written. One of `json\\|bin\\|text`. |");
	assert_has(printed("--help=conf"), "\n# What is written.\n# One of json|bin|text.\n#format = json\n");
	out = printed("--help=markdown");
	assert_has(out, "| `--mapping` | Refused. write fields.map instead |");
	assert_has(out, "| `--transport.kafka.brokers` | `--kafka.brokers`");
}

static void test_dump(void **state)
{
	char again[1 << 16];
	(void)state;
	const char *out = printed("--dump-config|-c|3|--batch.size|1536|--linger=90s|--password=hunter2|--transport.file= x|"
				  "--kafka.property=sasl.password=hunter2|--kafka.property=acks=all|--listen=u|--listen=v");
	assert_has(out, "\nworkers = 3\n");
	assert_has(out, "\nbatch.size = 1536\n");
	assert_has(out, "\nlinger = 90s\n");
	assert_has(out, "\n# format = json\n");
	assert_has(out, "\ntransport.file = \" x\"\n");
	assert_has(out, "\nlisten = u\nlisten = v\n");
	assert_has(out, "\nkafka.property = acks=all\n");
	assert_null(strstr(out, "hunter2"));
	/* It is a configuration file that gives the same again. */
	(void)snprintf(again, sizeof(again), "%s", out);
	assert_int_equal(parse_file(again, ""), 0);
	assert_true(config.size == 1536);
	assert_int_equal(config.workers, 3);
	assert_true(config.linger == 90 * NS_PER_S);
	assert_string_equal(config.file, " x");
	assert_int_equal(config.listen.count, 2);
	done();
}

static void test_units(void **state)
{
	static const struct { const char *text; uint64_t value; } sizes[] = {
		{"0", 0}, {"512", 512}, {"512B", 512}, {"1k", 1024}, {"1KiB", 1024}, {"1.5M", 1572864}, {"2gb", 2ull << 30},
		{"16MiB", 16 << 20}, {"1T", 1ull << 40},
	};
	static const struct { const char *text; uint64_t value; } times[] = {
		{"5", 5 * NS_PER_S}, {"100ms", 100 * NS_PER_MS}, {"1.5s", 1500 * NS_PER_MS}, {"1h30m", 5400 * NS_PER_S},
		{"7d", 7 * 86400 * NS_PER_S}, {"1m0s", 60 * NS_PER_S}, {"250us", 250000}, {"0", 0}, {"15ns", 15},
	};
	static const char *const bad[] = {"",      "k",    "-1",                   "1 k",        "1kk",
					  "1.5.5", "0x10", "99999999999999999999", "99999999T1", "1e3"};
	uint64_t v;
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(opt_parse_size(sizes[i].text, &v), 0);
		assert_true(v == sizes[i].value);
	}
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		assert_int_equal(opt_parse_duration(times[i].text, &v), 0);
		assert_true(v == times[i].value);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(opt_parse_size(bad[i], &v), -EINVAL);
		assert_int_equal(opt_parse_duration(bad[i], &v), -EINVAL);
	}
}

static int make_file(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_spellings),  cmocka_unit_test(test_words),
		cmocka_unit_test(test_errors),   cmocka_unit_test(test_precedence), cmocka_unit_test(test_file),
		cmocka_unit_test(test_secrets),  cmocka_unit_test(test_help),       cmocka_unit_test(test_dump),
		cmocka_unit_test(test_units),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
