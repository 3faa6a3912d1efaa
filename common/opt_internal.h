/*
 * opt_internal.h -- what the opt*.c files share: the rows of a program, laid out flat, each with its member.
 */
#ifndef WEIR_COMMON_OPT_INTERNAL_H
#define WEIR_COMMON_OPT_INTERNAL_H

#include "common/opt.h"

/* Later ones beat earlier ones. */
enum opt_source { OPT_FROM_DEFAULT, OPT_FROM_FILE, OPT_FROM_ENVIRONMENT, OPT_FROM_FLAG };

struct opt_entry {
	const struct opt *row;
	const struct opt_group *group;
	void *member;
	struct opt_entry *first; /* the first entry with this member: itself, or the one this is another name for */
	enum opt_source source;  /* kept in FIRST */
};

/* What every program has beside its rows. */
struct opt_builtin {
	char *help; /* "text", "mdoc", "markdown", "conf" */
	bool version;
	char *config;
	bool check;
	bool dump;
};

struct opt_run {
	const struct opt_spec *spec;
	struct opt_entry *entries;
	size_t count;
	struct opt_builtin builtin;
	char *err;
	size_t err_len;
};

extern const struct opt_group opt_builtin_group;

/* Writes the one line of an error and gives -EINVAL. */
int opt_fail(struct opt_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* By its name of LEN bytes; NULL when there is none. */
struct opt_entry *opt_find(struct opt_run *run, const char *name, size_t len);
/* The known name that is most like NAME, or NULL. */
const char *opt_nearest(const struct opt_run *run, const char *name, size_t len);
/* Sets the member from TEXT (LEN bytes) as SOURCE has it; WHERE opens the error ("weir.conf:3"). */
int opt_assign(struct opt_run *run, struct opt_entry *e, enum opt_source source, const char *where, const char *text);

/* opt_value.c: the text of a value into a member. 0, -EINVAL (WHY says why) or -ENOMEM. */
int opt_value_set(const struct opt *row, void *member, const char *text, char *why, size_t why_len);
void opt_value_clear(const struct opt *row, void *member); /* frees and zeroes */
/* The member as text that opt_value_set() takes; ITEM counts through a list. False: there is no such item. */
bool opt_value_text(const struct opt *row, const void *member, size_t item, char *out, size_t out_len);

int opt_file_read(struct opt_run *run, const char *path);

struct buf;
/* A line of the description. HEADING has lost its ':', LITERAL up to four of its leading spaces. */
struct opt_line {
	enum opt_line_kind { OPT_LINE_BLANK, OPT_LINE_TEXT, OPT_LINE_LITERAL, OPT_LINE_HEADING } kind;
	char text[1000];
};

/* The next line at *CURSOR. Several blank ones are one, none stands at the end, and the exit status is left out: the
 * pages say it by themselves. */
bool opt_help_line(const char **cursor, struct opt_line *ret_line);
void opt_help_text(const struct opt_run *run, struct buf *b, size_t width);
void opt_help_mdoc(const struct opt_run *run, struct buf *b);
void opt_help_markdown(const struct opt_run *run, struct buf *b);
void opt_help_conf(const struct opt_run *run, struct buf *b);
void opt_help_dump(const struct opt_run *run, struct buf *b);

#endif
