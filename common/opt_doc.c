/*
 * opt_doc.c -- the rows as a manual page (mdoc), as a page of docs/options/ (Markdown), and as the configuration file that the
 * packages install, in which every option is a comment.
 *
 * The files are kept in the tree; scripts/check-docs holds them equal to what the programs print.
 */
#include <ctype.h>
#include <string.h>

#include "common/buf.h"
#include "common/opt_internal.h"

enum { LINE_MAX_LEN = 4096 };

/* Text for mdoc: backslashes are doubled by name, and a dot or quote that opens a line is defused. Each sentence
 * starts a line of its own, as mandoc wants it, unless the text is LITERAL. */
static void mdoc_text(struct buf *b, const char *text, bool literal)
{
	bool start = true;
	for (const char *p = text; *p; p++) {
		if (start && (*p == '.' || *p == '\''))
			buf_puts(b, "\\&");
		start = false;
		if (*p == '\\')
			buf_puts(b, "\\e");
		else if (*p == '-')
			buf_puts(b, "\\-");
		else if (!literal && *p == ' ' && p > text && strchr(".?!", p[-1]) && isupper((unsigned char)p[1])) {
			buf_puts(b, "\n");
			start = true;
		} else
			buf_add(b, p, 1);
	}
	buf_puts(b, "\n");
}

/* A word for a macro line: quoted, quotation marks doubled by name. */
static void mdoc_word(struct buf *b, const char *text)
{
	buf_puts(b, " \"");
	for (const char *p = text; *p; p++) {
		if (*p == '"')
			buf_puts(b, "\\(dq");
		else if (*p == '\\')
			buf_puts(b, "\\e");
		else
			buf_add(b, p, 1);
	}
	buf_puts(b, "\"");
}

static void mdoc_row(struct buf *b, const struct opt *row, bool builtin)
{
	char env[OPT_ENV_MAX];
	opt_env_name(row->name, env);
	buf_puts(b, ".It");
	if (row->letter)
		buf_printf(b, " Fl %c ,", row->letter);
	buf_printf(b, " Fl \\-%s", row->name);
	if (row->arg) {
		/* --help alone has a value that may be left out. */
		buf_puts(b, builtin && row->letter == 'h' ? " Ns Op Ns = Ns Ar" : " Ar");
		mdoc_word(b, row->arg);
	}
	buf_puts(b, "\n");
	mdoc_text(b, row->help, false);
	if (row->choices) {
		char text[LINE_MAX_LEN];
		(void)snprintf(text, sizeof(text), "One of %s.", row->choices);
		mdoc_text(b, text, false);
	}
	if (row->value && *row->value) {
		buf_puts(b, "Default:\n.Ql");
		mdoc_word(b, row->value);
		buf_puts(b, " .\n");
	}
	if (!builtin || strcmp(row->name, "config") == 0)
		buf_printf(b, "Environment:\n.Ev %s .\n", env);
}

static void mdoc_description(struct buf *b, const char *cursor)
{
	bool literal = false, paragraph = false;
	struct opt_line line;
	while (opt_help_line(&cursor, &line)) {
		if (literal && line.kind != OPT_LINE_LITERAL && line.kind != OPT_LINE_BLANK) {
			buf_puts(b, ".Ed\n");
			literal = false;
		}
		if (line.kind == OPT_LINE_HEADING) {
			buf_printf(b, ".Ss %s\n", line.text);
		} else if (line.kind == OPT_LINE_LITERAL) {
			buf_puts(b, literal ? paragraph ? "\n" : "" : ".Bd -literal -offset indent\n");
			literal = true;
			mdoc_text(b, line.text, true);
		} else if (line.kind == OPT_LINE_TEXT) {
			buf_puts(b, paragraph ? ".Pp\n" : "");
			mdoc_text(b, line.text, false);
		}
		paragraph = line.kind == OPT_LINE_BLANK;
	}
	if (literal)
		buf_puts(b, ".Ed\n");
}

static bool shown(const struct opt_entry *e)
{
	return !(e->row->flags & (OPT_HIDDEN | OPT_GONE));
}

/* A summary as the .Nd of a page wants it: no full stop, no capital first. */
static void mdoc_name(struct buf *b, const struct opt_spec *spec)
{
	char summary[LINE_MAX_LEN];
	(void)snprintf(summary, sizeof(summary), "%s", spec->summary);
	size_t len = strlen(summary);
	if (len && summary[len - 1] == '.')
		summary[len - 1] = '\0';
	char program[100];
	size_t i = 0;
	for (; spec->program[i] && i + 1 < sizeof(program); i++)
		program[i] = (char)toupper((unsigned char)spec->program[i]);
	program[i] = '\0';
	buf_printf(b, ".\\\" Made by %s --help=mdoc; change the option rows instead.\n.Dd %s\n.Dt %s %d\n.Os\n"
		      ".Sh NAME\n.Nm %s\n.Nd %s\n.Sh SYNOPSIS\n.Nm\n.Ar",
		   spec->program, WEIR_DATE, program, spec->man_section ? spec->man_section : 8, spec->program,
		   summary);
	mdoc_word(b, spec->usage ? spec->usage : "[OPTION...]");
	buf_puts(b, "\n.Sh DESCRIPTION\n");
}

void opt_help_mdoc(const struct opt_run *run, struct buf *b)
{
	const struct opt_group *group = NULL;
	mdoc_name(b, run->spec);
	if (run->spec->description)
		mdoc_description(b, run->spec->description);
	buf_puts(b, ".Sh OPTIONS\nAn option may be written with one dash or two, and its value behind a space or behind an "
		    "equals sign.\n"
		    "The environment sets the same, and so does the file that\n.Fl \\-config\nnames, as\n"
		    ".Ql \"name = value\" .\nA flag beats the environment, and that the file.\n");
	for (size_t i = 0; i < run->count; i++) {
		const struct opt_entry *e = &run->entries[i];
		if (!shown(e))
			continue;
		if (e->group != group) {
			buf_puts(b, group ? ".El\n" : "");
			buf_printf(b, ".Ss %s\n.Bl -tag -width Ds\n", e->group->title);
		}
		group = e->group;
		mdoc_row(b, e->row, e->group == &opt_builtin_group);
	}
	buf_puts(b, ".El\n");
	buf_puts(b, ".Sh EXIT STATUS\n0 done, 1 failed while running, 2 bad usage or configuration.\n");
}

/* --- Markdown ------------------------------------------------------------------------------------------ */

static void cell(struct buf *b, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p == '|')
			buf_puts(b, "\\|");
		else if (*p == '<')
			buf_puts(b, "&lt;");
		else
			buf_add(b, p, 1);
	}
}

static void code(struct buf *b, const char *text)
{
	if (!text || !*text)
		return;
	buf_puts(b, "`");
	for (const char *p = text; *p; p++)
		buf_puts(b, *p == '|' ? "\\|" : (char[]){*p, '\0'});
	buf_puts(b, "`");
}

static void markdown_row(struct buf *b, const struct opt *row, bool builtin)
{
	char env[OPT_ENV_MAX];
	opt_env_name(row->name, env);
	buf_puts(b, "| `");
	if (row->letter)
		buf_printf(b, "-%c`, `", row->letter);
	bool may_lack = builtin && row->letter == 'h';
	buf_printf(b, "--%s%s", row->name, may_lack ? "[=" : row->arg ? " " : "");
	for (const char *p = row->arg ? row->arg : ""; *p; p++)
		buf_puts(b, *p == '|' ? "\\|" : (char[]){*p, '\0'});
	buf_puts(b, may_lack ? "]` | " : "` | ");
	if (!builtin || strcmp(row->name, "config") == 0)
		code(b, env);
	buf_puts(b, " | ");
	code(b, row->value);
	buf_puts(b, " | ");
	cell(b, row->help);
	if (row->choices) {
		buf_puts(b, " One of ");
		code(b, row->choices);
		buf_puts(b, ".");
	}
	if (row->flags & OPT_RELOAD)
		buf_puts(b, " *SIGHUP changes it.*");
	buf_puts(b, " |\n");
}

/* Other names, and flags of other programs that are refused. */
static void markdown_others(const struct opt_run *run, struct buf *b)
{
	bool first = true;
	for (size_t i = 0; i < run->count; i++) {
		const struct opt_entry *e = &run->entries[i];
		if (shown(e))
			continue;
		if (first)
			buf_puts(b, "\n## Other names\n\n| option | meaning |\n|---|---|\n");
		first = false;
		buf_printf(b, "| `--%s` | ", e->row->name);
		if (e->row->flags & OPT_GONE)
			buf_puts(b, "Refused. ");
		if (e->first != e)
			buf_printf(b, "`--%s` ", e->first->row->name);
		else
			cell(b, e->row->help ? e->row->help : "");
		buf_puts(b, " |\n");
	}
}

static void markdown_description(struct buf *b, const char *cursor)
{
	enum opt_line_kind before = OPT_LINE_BLANK;
	struct opt_line line;
	while (opt_help_line(&cursor, &line)) {
		/* A block of code begins behind an empty line. */
		if (line.kind == OPT_LINE_LITERAL && before != OPT_LINE_LITERAL && before != OPT_LINE_BLANK)
			buf_puts(b, "\n");
		buf_printf(b, "%s%s%s\n", line.kind == OPT_LINE_LITERAL ? "    " : "", line.text,
			   line.kind == OPT_LINE_HEADING ? ":" : "");
		before = line.kind;
	}
}

void opt_help_markdown(const struct opt_run *run, struct buf *b)
{
	const struct opt_spec *spec = run->spec;
	const struct opt_group *group = NULL;
	buf_printf(b, "<!-- Made by %s --help=markdown; change the option rows instead. -->\n# %s\n\n%s\n\n    %s %s\n\n",
		   spec->program, spec->program, spec->summary, spec->program, spec->usage ? spec->usage : "[OPTION...]");
	if (spec->description)
		markdown_description(b, spec->description);
	buf_puts(b, "\nOne dash or two, `--name value` or `--name=value`. In the file that `--config` names the same is "
		    "`name = value`.\nA flag beats the environment, and that the file.\n");
	for (size_t i = 0; i < run->count; i++) {
		const struct opt_entry *e = &run->entries[i];
		if (!shown(e))
			continue;
		if (e->group != group)
			buf_printf(b, "\n## %s\n\n| option | environment | default | meaning |\n|---|---|---|---|\n",
				   e->group->title);
		group = e->group;
		markdown_row(b, e->row, e->group == &opt_builtin_group);
	}
	markdown_others(run, b);
	buf_puts(b, "\nExit status: 0 done, 1 failed while running, 2 bad usage or configuration.\n");
}

/* --- a configuration file ------------------------------------------------------------------------------ */

enum { CONF_WIDTH = 100 };

/* TEXT as comment lines. */
static void comment(struct buf *b, const char *text)
{
	size_t column = 0;
	for (const char *p = text; *p;) {
		size_t word = strcspn(p, " \n");
		bool breaks = column == 0 || column + 1 + word > CONF_WIDTH;
		buf_puts(b, breaks ? column ? "\n# " : "# " : " ");
		column = breaks ? 1 + word : column + 1 + word;
		buf_add(b, p, word);
		p += word;
		p += strspn(p, " \n");
	}
	buf_puts(b, "\n");
}

static void conf_row(struct buf *b, const struct opt *row)
{
	buf_puts(b, "\n");
	comment(b, row->help);
	if (row->choices)
		buf_printf(b, "# One of %s.\n", row->choices);
	const char *value = row->value ? row->value : row->type == OPT_BOOL ? "false" : row->arg ? row->arg : "";
	buf_printf(b, "#%s = %s\n", row->name, value);
	if (row->section)
		buf_printf(b, "# The same, a property a line: at the end of this file, behind a line [%s].\n", row->section);
}

void opt_help_conf(const struct opt_run *run, struct buf *b)
{
	const struct opt_group *group = NULL;
	const char *program = run->spec->program;
	buf_printf(b, "# Options of %s, each with its default, or with what it looks like where there is none.\n"
		      "# Take the # away from what you change. \"%s --config THIS-FILE --check\" says whether all is well.\n",
		   program, program);
	for (size_t i = 0; i < run->count; i++) {
		const struct opt_entry *e = &run->entries[i];
		if (!shown(e) || e->group == &opt_builtin_group)
			continue;
		if (e->group != group)
			buf_printf(b, "\n# --- %s\n", e->group->title);
		group = e->group;
		conf_row(b, e->row);
	}
}
