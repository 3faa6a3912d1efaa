/*
 * opt.c -- command line, environment and file into a configuration.
 *
 * The command line is read first but applied last: it names the file, and --help must be answered even when the
 * file is broken. What gives a value (default, file, environment, flag) is remembered for each member, so that a
 * list of a stronger source replaces that of a weaker one.
 */
#include "common/opt.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/opt_internal.h"

enum { BUILTIN_CONFIG = 2 };

static const struct opt builtin_rows[] = {
	{"help", OPT_STRING, offsetof(struct opt_builtin, help), NULL, "FORMAT",
	 "Show this help, or the manual page (--help=mdoc), documentation (--help=markdown) or a commented configuration file "
	 "(--help=conf) made from it.",
	 .letter = 'h', .choices = "text|mdoc|markdown|conf"},
	{"version", OPT_BOOL, offsetof(struct opt_builtin, version), NULL, NULL, "Show the version.", .letter = 'V'},
	[BUILTIN_CONFIG] = {"config", OPT_STRING, offsetof(struct opt_builtin, config), NULL, "FILE",
	 "Read options from FILE, one 'name = value' a line. Flags and environment beat it."},
	{"check", OPT_BOOL, offsetof(struct opt_builtin, check), NULL, NULL,
	 "Validate options and files, then exit: 0 when all is well, 2 when not."},
	{"dump-config", OPT_BOOL, offsetof(struct opt_builtin, dump), NULL, NULL,
	 "Show the options in force as a configuration file, secrets left out, and exit."},
};

const struct opt_group opt_builtin_group = {.title = "General", OPT_ROWS(builtin_rows)};

/* An option as it stood on the command line. */
struct given {
	struct opt_entry *entry;
	const char *value;
};

int opt_fail(struct opt_run *run, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vsnprintf(run->err, run->err_len, format, args);
	va_end(args);
	return -EINVAL;
}

void opt_env_name(const char *name, char *out)
{
	size_t at = (size_t)snprintf(out, OPT_ENV_MAX, "WEIR_");
	for (; *name && at + 1 < OPT_ENV_MAX; name++)
		out[at++] = *name == '.' || *name == '-' ? '_' : (char)toupper((unsigned char)*name);
	out[at] = '\0';
}

struct opt_entry *opt_find(struct opt_run *run, const char *name, size_t len)
{
	for (size_t i = 0; i < run->count; i++) {
		const char *known = run->entries[i].row->name;
		if (strlen(known) == len && memcmp(known, name, len) == 0)
			return &run->entries[i];
	}
	return NULL;
}

static struct opt_entry *find_letter(struct opt_run *run, char letter)
{
	for (size_t i = 0; i < run->count; i++)
		if (run->entries[i].row->letter == letter)
			return &run->entries[i];
	/* goflow2 and many others say -v; a program may have another use for it. */
	return letter == 'v' ? opt_find(run, "version", 7) : NULL;
}

/* How many letters must be changed, added or removed to make A of B (Levenshtein). */
static size_t distance(const char *a, size_t a_len, const char *b)
{
	enum { MAX = 64 };
	size_t row[MAX + 1];
	size_t b_len = strlen(b);
	if (b_len > MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t corner = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t change = corner + (a[i - 1] != b[j - 1]);
			size_t least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
			corner = row[j];
			row[j] = change < least ? change : least;
		}
	}
	return row[b_len];
}

const char *opt_nearest(const struct opt_run *run, const char *name, size_t len)
{
	const char *best = NULL;
	size_t best_distance = len / 3 > 2 ? len / 3 + 1 : 3;
	for (size_t i = 0; i < run->count; i++) {
		const struct opt *row = run->entries[i].row;
		size_t known = strlen(row->name);
		if (row->flags & (OPT_HIDDEN | OPT_GONE))
			continue;
		size_t d = distance(name, len, row->name);
		/* "brokers" for "kafka.brokers" */
		if (known > len && row->name[known - len - 1] == '.' && memcmp(row->name + known - len, name, len) == 0)
			d = 0;
		if (d < best_distance) {
			best_distance = d;
			best = row->name;
		}
	}
	return best;
}

/* --- entries ------------------------------------------------------------------------------------------- */

static void add_group(struct opt_run *run, const struct opt_group *group, void *base)
{
	for (size_t i = 0; i < group->n_rows; i++) {
		struct opt_entry *e = &run->entries[run->count];
		*e = (struct opt_entry){.row = &group->rows[i], .group = group, .first = e};
		e->member = (char *)base + group->base + e->row->offset;
		for (size_t j = 0; j < run->count && !(e->row->flags & OPT_GONE); j++) {
			if (run->entries[j].member == e->member && !(run->entries[j].row->flags & OPT_GONE)) {
				e->first = &run->entries[j];
				break;
			}
		}
		run->count++;
	}
}

static int open_run(struct opt_run *run, const struct opt_spec *spec, void *config)
{
	size_t n = opt_builtin_group.n_rows;
	for (size_t i = 0; i < spec->n_groups; i++)
		n += spec->groups[i].n_rows;
	run->entries = calloc(n, sizeof(*run->entries));
	if (!run->entries)
		return -ENOMEM;
	run->spec = spec;
	for (size_t i = 0; i < spec->n_groups; i++)
		add_group(run, &spec->groups[i], config);
	add_group(run, &opt_builtin_group, &run->builtin);
	return 0;
}

static void zero_member(const struct opt *row, void *member)
{
	switch (row->type) {
	case OPT_BOOL: *(bool *)member = false; return;
	case OPT_INT: *(int64_t *)member = 0; return;
	case OPT_SIZE:
	case OPT_DURATION: *(uint64_t *)member = 0; return;
	case OPT_STRING: *(char **)member = NULL; return;
	case OPT_LIST: *(struct opt_list *)member = (struct opt_list){0}; return;
	}
}

static int set_defaults(struct opt_run *run)
{
	for (size_t i = 0; i < run->count; i++)
		if (!(run->entries[i].row->flags & OPT_GONE))
			zero_member(run->entries[i].row, run->entries[i].member);
	int r = 0;
	for (size_t i = 0; i < run->count && r == 0; i++) {
		struct opt_entry *e = &run->entries[i];
		if (e->row->value && !(e->row->flags & OPT_GONE))
			r = opt_assign(run, e, OPT_FROM_DEFAULT, "default", e->row->value);
	}
	return r;
}

int opt_assign(struct opt_run *run, struct opt_entry *e, enum opt_source source, const char *where, const char *text)
{
	char why[400] = "no memory";
	if (e->row->flags & OPT_GONE)
		return opt_fail(run, "%s: '%s' is not an option of weir: %s", where, e->row->name, e->row->help);
	if (e->row->type == OPT_LIST && e->first->source != source && !e->first->row->section)
		opt_value_clear(e->row, e->member);
	e->first->source = source;
	int r = opt_value_set(e->row, e->member, text, why, sizeof(why));
	if (r == 0)
		return 0;
	if (e->row->flags & OPT_SECRET)
		return opt_fail(run, "%s: %s: not a valid value", where, e->row->name);
	if (source == OPT_FROM_FLAG || source == OPT_FROM_ENVIRONMENT)
		return opt_fail(run, "%s: %s", where, why);
	return opt_fail(run, "%s: %s: %s", where, e->row->name, why);
}

/* --- the command line ---------------------------------------------------------------------------------- */

static int unknown(struct opt_run *run, const char *arg, const char *name, size_t len)
{
	const char *near = opt_nearest(run, name, len);
	return opt_fail(run, "unknown option '%.*s'%s%s; --help lists them", (int)(name + len - arg), arg,
			near ? "; did you mean --" : "", near ? near : "");
}

/* Whether ARG is surely meant as an option: then the one before it lacks its value. */
static bool looks_like_option(struct opt_run *run, const char *arg)
{
	if (strncmp(arg, "--", 2) != 0)
		return false;
	return opt_find(run, arg + 2, strcspn(arg + 2, "=")) != NULL;
}

/* Reads argv[*I], and the word after it where that is its value. */
static int read_arg(struct opt_run *run, int argc, char **argv, int *i, struct given *ret_given)
{
	const char *arg = argv[*i];
	const char *name = arg + (arg[1] == '-' ? 2 : 1);
	size_t len = strcspn(name, "=");
	const char *value = name[len] ? name + len + 1 : NULL;
	struct opt_entry *e = opt_find(run, name, len);
	if (!e && arg[1] != '-') {
		e = find_letter(run, name[0]);
		/* "-c10", but not "-brokers" as -b with the value "rokers". */
		if (e && len > 1 && (e->row->type == OPT_BOOL || opt_nearest(run, name, len)))
			e = NULL;
		if (e && len > 1)
			value = name + 1;
	}
	if (!e)
		return unknown(run, arg, name, len);
	*ret_given = (struct given){.entry = e, .value = value};
	if (value || (e->row->flags & OPT_GONE))
		return 0;
	if (e->member == &run->builtin.help)
		ret_given->value = "text";
	else if (e->row->type == OPT_BOOL)
		ret_given->value = "true";
	else if (*i + 1 >= argc)
		return opt_fail(run, "--%s needs a value (%s)", e->row->name, e->row->arg ? e->row->arg : "VALUE");
	else if (looks_like_option(run, argv[*i + 1]))
		return opt_fail(run, "--%s needs a value; '%s' is an option (write --%s=%s if you mean it)", e->row->name,
				argv[*i + 1], e->row->name, argv[*i + 1]);
	else
		ret_given->value = argv[++*i];
	return 0;
}

static int add_word(struct opt_run *run, struct opt_list *words, const char *arg)
{
	if (!run->spec->positional)
		return opt_fail(run, "unexpected word '%s'; --help shows the usage", arg);
	return opt_list_add(words, arg);
}

static int read_args(struct opt_run *run, int argc, char **argv, struct given *given, struct opt_list *words)
{
	bool only_words = false;
	int r = 0;
	for (int i = 1; i < argc && r == 0; i++) {
		if (!only_words && strcmp(argv[i], "--") == 0) {
			only_words = true;
		} else if (only_words || argv[i][0] != '-' || argv[i][1] == '\0') {
			r = add_word(run, words, argv[i]);
		} else {
			r = read_arg(run, argc, argv, &i, given++);
		}
	}
	return r;
}

/* GIVEN ends with an empty one. */
static int apply_args(struct opt_run *run, const struct given *given, bool builtins)
{
	int r = 0;
	for (; given->entry && r == 0; given++) {
		char where[OPT_ENV_MAX];
		struct opt_entry *e = given->entry;
		(void)snprintf(where, sizeof(where), "--%s", e->row->name);
		if ((e->group == &opt_builtin_group) == builtins)
			r = opt_assign(run, e, OPT_FROM_FLAG, where, given->value);
	}
	return r;
}

/* --- the environment ----------------------------------------------------------------------------------- */

/* WEIR_X_FILE: the first line of that file is the secret. */
static int secret_file(struct opt_run *run, struct opt_entry *e, const char *where, const char *path)
{
	char *line = NULL;
	size_t cap = 0;
	FILE *f = fopen(path, "re");
	if (!f)
		return opt_fail(run, "%s: %s: %s", where, path, strerror(errno));
	if (getline(&line, &cap, f) < 0 && !line)
		line = strdup("");
	(void)fclose(f);
	if (!line)
		return -ENOMEM;
	line[strcspn(line, "\r\n")] = '\0';
	int r = opt_assign(run, e, OPT_FROM_ENVIRONMENT, where, line);
	free(line);
	return r;
}

static int env_list(struct opt_run *run, struct opt_entry *e, const char *where, const char *text)
{
	char *copy = strdup(text);
	char *rest = copy;
	int r = copy ? 0 : -ENOMEM;
	for (char *line; r == 0 && (line = strsep(&rest, "\n"));)
		if (*line)
			r = opt_assign(run, e, OPT_FROM_ENVIRONMENT, where, line);
	free(copy);
	return r;
}

static int read_environment(struct opt_run *run)
{
	int r = 0;
	for (size_t i = 0; i < run->count && r == 0; i++) {
		struct opt_entry *e = &run->entries[i];
		char name[OPT_ENV_MAX + 8];
		opt_env_name(e->row->name, name);
		const char *text = getenv(name);
		if (e->group == &opt_builtin_group || (e->row->flags & OPT_GONE))
			continue;
		if (text && *text)
			r = e->row->type == OPT_LIST ? env_list(run, e, name, text)
						     : opt_assign(run, e, OPT_FROM_ENVIRONMENT, name, text);
		else if (e->row->flags & OPT_SECRET) {
			(void)snprintf(name + strlen(name), 8, "_FILE");
			text = getenv(name);
			if (text && *text)
				r = secret_file(run, e, name, text);
		}
	}
	return r;
}

/* --- all together -------------------------------------------------------------------------------------- */

static size_t terminal_width(void)
{
	struct winsize size;
	size_t width = 80;
	const char *columns = getenv("COLUMNS");
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		width = size.ws_col;
	else if (columns)
		width = strtoul(columns, NULL, 10);
	return width < 60 ? 60 : width > 120 ? 120 : width;
}

static int print(struct opt_run *run, struct buf *b)
{
	bool bad = b->failed || fwrite(b->data, 1, b->len, stdout) != b->len || fflush(stdout) != 0;
	buf_free(b);
	return bad ? opt_fail(run, "standard output could not be written") : 0;
}

/* Answers --help and --version; gives 1 when there was one to answer. */
static int answer(struct opt_run *run)
{
	struct buf b = {0};
	if (run->builtin.version) {
		buf_printf(&b, "%s %s\n", run->spec->program, WEIR_VERSION);
	} else if (run->builtin.help) {
		if (strcmp(run->builtin.help, "mdoc") == 0)
			opt_help_mdoc(run, &b);
		else if (strcmp(run->builtin.help, "markdown") == 0)
			opt_help_markdown(run, &b);
		else if (strcmp(run->builtin.help, "conf") == 0)
			opt_help_conf(run, &b);
		else
			opt_help_text(run, &b, terminal_width());
	} else {
		return 0;
	}
	int r = print(run, &b);
	return r < 0 ? r : 1;
}

static int load(struct opt_run *run, int argc, char **argv, struct opt_result *res)
{
	struct given *given = calloc((size_t)argc + 1, sizeof(*given));
	const char *config = getenv("WEIR_CONFIG");
	int r = given ? set_defaults(run) : -ENOMEM;
	if (r < 0)
		goto out;
	r = read_args(run, argc, argv, given, &res->words);
	int builtin = apply_args(run, given, true);
	/* A wish for help is answered even behind a mistake. */
	for (int i = 1; r < 0 && i < argc && !run->builtin.help; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-help") == 0)
			run->builtin.help = strdup("text");
	int answered = answer(run);
	if (answered) {
		res->exit_now = answered > 0;
		r = answered < 0 ? answered : 0;
		goto out;
	}
	if (r < 0 || (r = builtin) < 0)
		goto out;
	if (!run->builtin.config && config && *config)
		r = opt_value_set(&builtin_rows[BUILTIN_CONFIG], &run->builtin.config, config, run->err, run->err_len);
	if (r == 0 && run->builtin.config && *run->builtin.config)
		r = opt_file_read(run, run->builtin.config);
	if (r == 0)
		r = read_environment(run);
	if (r == 0)
		r = apply_args(run, given, false);
	if (r == 0 && run->builtin.dump) {
		struct buf b = {0};
		opt_help_dump(run, &b);
		r = print(run, &b);
		res->exit_now = r == 0;
	}
out:
	free(given);
	return r;
}

int opt_parse(const struct opt_spec *spec, int argc, char **argv, void *config, struct opt_result *ret_result,
	      char *err, size_t err_len)
{
	struct opt_run run = {.err = err, .err_len = err_len};
	struct opt_result res = {0};
	int r = open_run(&run, spec, config);
	if (r == 0)
		r = load(&run, argc, argv, &res);
	if (r == -ENOMEM)
		r = opt_fail(&run, "no memory");
	res.check = run.builtin.check;
	res.config_file = run.builtin.config;
	free(run.builtin.help);
	free(run.entries);
	*ret_result = res;
	return r;
}

void opt_free(const struct opt_spec *spec, void *config, struct opt_result *result)
{
	for (size_t g = 0; g < spec->n_groups; g++) {
		const struct opt_group *group = &spec->groups[g];
		for (size_t i = 0; i < group->n_rows; i++)
			if (!(group->rows[i].flags & OPT_GONE))
				opt_value_clear(&group->rows[i], (char *)config + group->base + group->rows[i].offset);
	}
	if (result) {
		opt_list_free(&result->words);
		free(result->config_file);
		*result = (struct opt_result){0};
	}
}
