/*
 * opt_help.c -- --help for people, and --dump-config: the rows as text.
 *
 * Two columns where the terminal is wide enough; a name too long for the left one gets a line of its own.
 */
#include <ctype.h>
#include <string.h>

#include "common/buf.h"
#include "common/opt_internal.h"

enum { LEFT = 30, VALUE_MAX = 4096 };

static void spaces(struct buf *b, size_t n)
{
	buf_printf(b, "%*s", (int)n, "");
}

/* TEXT broken at spaces; the cursor stands in column AT, further lines are indented by INDENT. */
static void wrap(struct buf *b, const char *text, size_t at, size_t indent, size_t width)
{
	while (*text) {
		size_t len = strcspn(text, " ");
		if (at > indent && at + 1 + len > width) {
			buf_puts(b, "\n");
			spaces(b, indent);
			at = indent;
		} else if (at > indent) {
			buf_puts(b, " ");
			at++;
		}
		buf_add(b, text, len);
		at += len;
		text += len;
		text += strspn(text, " ");
	}
}

static void row_text(struct buf *b, const struct opt_entry *e, size_t width)
{
	const struct opt *row = e->row;
	struct buf text = {0};
	char env[OPT_ENV_MAX];
	size_t start = b->len;
	bool builtin = e->group == &opt_builtin_group;

	if (row->letter)
		buf_printf(b, "  -%c, --%s", row->letter, row->name);
	else
		buf_printf(b, "      --%s", row->name);
	if (row->arg)
		buf_printf(b, builtin && row->letter == 'h' ? "[=%s]" : " %s", row->arg);
	size_t at = b->len - start;
	if (at + 2 > LEFT) {
		buf_puts(b, "\n");
		at = 0;
	}
	spaces(b, LEFT - at);

	opt_env_name(row->name, env);
	buf_puts(&text, row->help);
	if (row->choices && !builtin)
		buf_printf(&text, " One of %s.", row->choices);
	if (row->value && *row->value)
		buf_printf(&text, " (default: %s)", row->value);
	if (!builtin || strcmp(row->name, "config") == 0)
		buf_printf(&text, " [%s]", env);
	if (!text.failed)
		wrap(b, text.data, LEFT, LEFT, width);
	buf_puts(b, "\n");
	buf_free(&text);
}

static const char *after_line(const char *text)
{
	text += strcspn(text, "\n");
	return text + (*text == '\n');
}

static bool is_status(const char *line)
{
	return strncmp(line, "Exit status:", 12) == 0;
}

bool opt_help_line(const char **cursor, struct opt_line *ret_line)
{
	const char *text = *cursor;
	bool blank = false;
	for (; *text == '\n' || is_status(text); text = after_line(text))
		blank |= *text == '\n';
	if (!*text)
		return false;
	size_t len = strcspn(text, "\n");
	size_t indent = strspn(text, " ");
	ret_line->text[0] = '\0';
	if (blank) {
		ret_line->kind = OPT_LINE_BLANK;
		*cursor = text;
		return true;
	}
	ret_line->kind = indent ? OPT_LINE_LITERAL : OPT_LINE_TEXT;
	*cursor = after_line(text);
	indent = indent < 4 ? indent : 4;
	if (!indent && text[len - 1] == ':' && len < 60 && !memchr(text, '.', len)) {
		ret_line->kind = OPT_LINE_HEADING;
		len--;
	}
	(void)snprintf(ret_line->text, sizeof(ret_line->text), "%.*s", (int)(len - indent), text + indent);
	return true;
}

static void description(struct buf *b, const char *cursor, size_t width)
{
	struct opt_line line;
	while (opt_help_line(&cursor, &line)) {
		if (line.kind == OPT_LINE_LITERAL)
			buf_printf(b, "    %s", line.text);
		else
			wrap(b, line.text, 0, 0, width);
		buf_puts(b, line.kind == OPT_LINE_HEADING ? ":\n" : "\n");
	}
}

void opt_help_text(const struct opt_run *run, struct buf *b, size_t width)
{
	const struct opt_spec *spec = run->spec;
	const struct opt_group *group = NULL;
	buf_printf(b, "%s %s: %s\n\nUsage: %s %s\n", spec->program, WEIR_VERSION, spec->summary, spec->program,
		   spec->usage ? spec->usage : "[OPTION...]");
	for (size_t i = 0; i < run->count; i++) {
		const struct opt_entry *e = &run->entries[i];
		if (e->row->flags & (OPT_HIDDEN | OPT_GONE))
			continue;
		if (e->group != group)
			buf_printf(b, "\n%s:\n", e->group->title);
		group = e->group;
		row_text(b, e, width);
	}
	buf_puts(b, "\n");
	wrap(b, "The name in brackets sets the same in the environment; in the file that --config names it is 'name = "
		"value'. A flag beats the environment, and that the file.", 0, 0, width);
	buf_puts(b, "\n");
	if (spec->description) {
		buf_puts(b, "\n");
		description(b, spec->description, width);
	}
	buf_puts(b, "\n");
	wrap(b, "Exit status: 0 done, 1 failed while running, 2 bad usage or configuration.", 0, 0, width);
	buf_puts(b, "\n");
}

/* librdkafka's properties and the like: which of them hold a secret is known by their names. */
static bool secret_property(const char *text)
{
	static const char *const words[] = {"password", "secret", "key.pem", "oauthbearer", "token"};
	char name[VALUE_MAX];
	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "="), text);
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(name, words[i]))
			return true;
	return false;
}

void opt_help_dump(const struct opt_run *run, struct buf *b)
{
	static const char *const sources[] = {"default", "file", "environment", "flag"};
	const struct opt_group *group = NULL;
	buf_printf(b, "# %s %s\n", run->spec->program, WEIR_VERSION);
	for (size_t i = 0; i < run->count; i++) {
		const struct opt_entry *e = &run->entries[i];
		char text[VALUE_MAX];
		if ((e->row->flags & OPT_GONE) || e->first != e || e->group == &opt_builtin_group ||
		    ((e->row->flags & OPT_HIDDEN) && e->source == OPT_FROM_DEFAULT))
			continue;
		if (e->group != group)
			buf_printf(b, "\n# %s\n", e->group->title);
		group = e->group;
		for (size_t item = 0; opt_value_text(e->row, e->member, item, text, sizeof(text)); item++) {
			bool quote = *text && (text[0] == ' ' || text[0] == '"' || text[strlen(text) - 1] == ' ');
			if (e->row->flags & OPT_SECRET)
				buf_printf(b, "# %s is set, not shown (%s)\n", e->row->name, sources[e->source]);
			else if (e->row->section && secret_property(text))
				buf_printf(b, "# %s %.*s is set, not shown\n", e->row->name, (int)strcspn(text, "="), text);
			else
				buf_printf(b, "%s%s = %s%s%s\n", e->source == OPT_FROM_DEFAULT ? "# " : "", e->row->name,
					   quote ? "\"" : "", text, quote ? "\"" : "");
		}
	}
}
