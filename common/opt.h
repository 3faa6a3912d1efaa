/*
 * opt.h -- options are rows. Flag, environment, file, --help, man page, docs and --dump-config come from them.
 *
 * `--kafka.brokers x`, `-kafka.brokers=x` (one dash or two), WEIR_KAFKA_BROKERS=x, or `kafka.brokers = x` in the file
 * that --config names. Flag beats environment beats file beats default. A [section] of the file goes to the row that
 * names it (opt.section), line by line and untouched. An empty environment variable counts as not set. For a list in
 * the environment each line is an item. A secret can come from a file: WEIR_X_FILE=/run/secrets/x for WEIR_X.
 */
#ifndef WEIR_COMMON_OPT_H
#define WEIR_COMMON_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum opt_type {
	OPT_BOOL,     /* bool */
	OPT_INT,      /* int64_t, with min and max */
	OPT_SIZE,     /* uint64_t bytes: 512k, 1M, 1GiB (powers of 1024) */
	OPT_DURATION, /* uint64_t ns: 100ms, 5s, 10m, 2h, 7d; a bare number is seconds */
	OPT_STRING,   /* char *, allocated */
	OPT_LIST      /* struct opt_list: given again it adds; not split at commas. A flag's list replaces the
	               * environment's, and that the file's; a list with a section adds up instead, flags last */
};

enum opt_flag {
	OPT_SECRET = 1,  /* never printed */
	OPT_RELOAD = 2,  /* SIGHUP may change it */
	OPT_HIDDEN = 4,  /* works, but not in --help */
	OPT_GONE = 8     /* another program's flag that weir refuses: HELP names the replacement */
};

struct opt_list {
	char **items;
	size_t count;
};

struct opt {
	const char *name;        /* "kafka.brokers" */
	enum opt_type type;
	size_t offset;           /* of the member in the group's struct */
	const char *value;       /* default, as text; NULL: zero, NULL, empty */
	const char *arg;         /* what stands for the value in --help: "HOST:PORT,..." */
	const char *help;        /* one or more sentences */
	int64_t min, max;        /* OPT_INT, OPT_SIZE and OPT_DURATION (in the unit stored); both 0: no bounds */
	unsigned flags;
	char letter;             /* short form, 0: none */
	const char *choices;     /* OPT_STRING: "json|bin|text", NULL: anything */
	const char *section;     /* OPT_LIST: lines of this [section] of the file are added as "key=value" */
};

struct opt_group {
	const char *title;       /* "Kafka" */
	const struct opt *rows;
	size_t n_rows;
	size_t base;             /* offset of the group's struct inside the whole configuration */
};

struct opt_spec {
	const char *program;     /* "weir-collector" */
	const char *summary;     /* one line */
	const char *usage;       /* "[OPTION...] [FILTER]" */
	/* For --help's foot and the man page: paragraphs with empty lines between; a line that ends in ':' alone is
	 * a heading ("Examples:"), lines indented by four spaces stand as they are. The exit status is added. */
	const char *description;
	const struct opt_group *groups;
	size_t n_groups;
	bool positional;         /* words that are no options are allowed (else an error) */
	int man_section;         /* of the manual page; 0: 8 */
};

struct opt_result {
	struct opt_list words;   /* the positional ones */
	bool exit_now;           /* --help, --version or --dump-config has been answered: exit with 0 */
	bool check;              /* --check was given */
	char *config_file;       /* --config, or NULL */
};

#define OPT_ROWS(array) (array), sizeof(array) / sizeof((array)[0])

/* Fills CONFIG (sets defaults first). 0, or -EINVAL with one line in ERR that says what and where. Every program
 * has --help (--help=mdoc, --help=markdown), --version, --config FILE, --check and --dump-config beside its rows.
 * Two rows may share a member: the second, OPT_HIDDEN, is another name for the first. For SIGHUP call it again with
 * the same arguments and a fresh CONFIG: environment and file are read again, errors are the same. */
int opt_parse(const struct opt_spec *spec, int argc, char **argv, void *config, struct opt_result *ret_result,
	      char *err, size_t err_len);
/* Frees what the rows hold; for a failed opt_parse() too. */
void opt_free(const struct opt_spec *spec, void *config, struct opt_result *result);

/* "WEIR_KAFKA_BROKERS" from "kafka.brokers". OUT has OPT_ENV_MAX bytes. */
enum { OPT_ENV_MAX = 128 };
void opt_env_name(const char *name, char *out);
int opt_parse_size(const char *text, uint64_t *ret_bytes);   /* 0 or -EINVAL */
int opt_parse_duration(const char *text, uint64_t *ret_ns);
int opt_list_add(struct opt_list *list, const char *text);   /* copies; 0 or -ENOMEM */
void opt_list_free(struct opt_list *list);

#endif
