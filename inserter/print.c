/*
 * print.c -- weir-inserter print: flows as lines.
 *
 * Lines are made by hand in one large buffer, which is written when it is full or when there is nothing more to read:
 * prompt on a quiet network, one write for some thousand lines on a busy one. The home collector's line goes to
 * stderr, as that collector's did; everything else to stdout, as nfdump's does. Who waits in front of a terminal for what
 * comes at the end only is told how far the reading of files is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/counter.h"
#include "common/log.h"
#include "common/promtext.h"
#include "inserter/columns.h"
#include "inserter/home.h"
#include "inserter/replay.h"
#include "inserter/report.h"
#include "inserter/sink.h"
#include "inserter/summary.h"
#include "proto/flow.h"
#include "proto/json.h"
#include "proto/text.h"

enum { BUFFER = 256 * 1024, ROOM = FLOW_JSON_MAX };

struct print_options {
	char *output;
	char *colour;
	bool quiet;
	bool plain_numbers;
	bool long_ipv6;
	int64_t count;
	struct report_options report;
};

struct print {
	const struct print_options *options;
	const struct ip_set *local;
	struct columns *columns;
	struct report *report; /* -a, -A, -b, -s, -O: NULL otherwise */
	struct summary *summary; /* below columns that are no report's; NULL: none */
	bool idle;          /* --check: nothing is to be shown */
	size_t (*line)(struct print *p, const struct flow *f, char *out);
	int fd;
	bool colour;
	bool progress, shown; /* a line about it is wanted, is on the terminal */
	int error;          /* errno of a write that failed */
	uint64_t sides[SIDE_COUNT];
	uint64_t lines;
	size_t used;
	char buffer[BUFFER];
};

static const struct opt rows[] = {
	{"output", OPT_STRING, offsetof(struct print_options, output), "home", "FORMAT",
	 "How a flow is shown: home (client, arrow, server, on stderr), line, long, extended, csv, json, text, or a format of "
	 "your own in nfdump's codes: 'fmt:%ts %td %pr %sap -> %dap %pkt %byt %fl'.", .letter = 'o'},
	{"count", OPT_INT, offsetof(struct print_options, count), NULL, "N", "End after N flows; 0: never.", .max = INT64_MAX,
	 .letter = 'c'},
	{"quiet", OPT_BOOL, offsetof(struct print_options, quiet), NULL, NULL, "No heading, and no summary at the end.", .letter = 'q'},
	{"plain-numbers", OPT_BOOL, offsetof(struct print_options, plain_numbers), NULL, NULL,
	 "Whole numbers in columns: 150123456, not 150.1 M; seconds, and protocols by number.", .letter = 'N'},
	{"long-ipv6", OPT_BOOL, offsetof(struct print_options, long_ipv6), NULL, NULL,
	 "Room for whole IPv6 addresses in columns.", .letter = '6'},
	{"colour", OPT_STRING, offsetof(struct print_options, colour), "auto", "WHEN",
	 "Colour in the home line; auto: on a terminal, unless NO_COLOR is set.", .choices = "auto|always|never"},
};

static size_t home(struct print *p, const struct flow *f, char *out)
{
	enum side side = sides_of(p->local, f);
	counter_inc(&p->sides[side]);
	return home_line(f, side, p->colour, out);
}

static size_t json(struct print *p, const struct flow *f, char *out)
{
	(void)p;
	return flow_json(f, out);
}

static size_t text(struct print *p, const struct flow *f, char *out)
{
	(void)p;
	return flow_text(f, out);
}

static size_t in_columns(struct print *p, const struct flow *f, char *out)
{
	return columns_line(p->columns, f, p->lines, out);
}

static const struct {
	const char *name;
	size_t (*line)(struct print *p, const struct flow *f, char *out);
	int fd;
} outputs[] = {
	{"home", home, STDERR_FILENO},
	{"json", json, STDOUT_FILENO},
	{"text", text, STDOUT_FILENO},
};

static int choose(struct print *p, char *err, size_t err_len)
{
	const struct print_options *o = p->options;
	struct columns_style style = {.plain_numbers = o->plain_numbers, .long_ipv6 = o->long_ipv6};
	int r = report_new(&o->report, &style, o->quiet, &p->report, err, err_len);
	if (r)
		return r;
	const char *output = o->output;
	if (p->report && strcmp(output, "home") == 0) {
		p->fd = STDOUT_FILENO;
		if (!report_sorts(p->report))
			return 0; /* columns that fit the groups: the report has them */
		output = "line";
	}
	for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
		if (strcmp(outputs[i].name, output) == 0) {
			p->line = outputs[i].line;
			p->fd = outputs[i].fd;
			return 0;
		}
	}
	p->line = in_columns;
	p->fd = STDOUT_FILENO;
	r = columns_new(output, &style, &p->columns, err, err_len);
	if (r || o->quiet || p->report)
		return r;
	p->used = columns_heading(p->columns, p->buffer);
	return columns_are_plain(p->columns) ? 0 : summary_new(&style, &p->summary, err, err_len);
}

static void write_all(struct print *p, const char *data, size_t len)
{
	while (len && !p->error) {
		ssize_t n = write(p->fd, data, len);
		if (n >= 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno != EINTR) {
			p->error = errno;
		}
	}
}

static void write_out(struct print *p)
{
	write_all(p, p->buffer, p->used);
	p->used = 0;
}

/* Only where no flow is shown meanwhile: in front of a report, or when lines go into a file. */
static bool wants_progress(const struct print *p)
{
	struct stat st;
	bool into_file = p->fd == STDOUT_FILENO && fstat(p->fd, &st) == 0 && S_ISREG(st.st_mode);
	return !p->options->quiet && isatty(STDERR_FILENO) && (p->report || into_file);
}

static int print_open(const void *options, const struct sink_env *env, void **ret_self, char *err, size_t err_len)
{
	const struct print_options *o = options;
	struct print *p = calloc(1, sizeof(*p));
	if (!p) {
		snprintf(err, err_len, "print: out of memory");
		return -ENOMEM;
	}
	p->options = o;
	p->local = env->local;
	p->idle = env->check;
	int r = choose(p, err, err_len);
	if (r) {
		report_free(p->report);
		columns_free(p->columns);
		free(p);
		return r;
	}
	p->colour = strcmp(o->colour, "always") == 0 || (strcmp(o->colour, "auto") == 0 && log_wants_colour(p->fd));
	p->progress = wants_progress(p);
	*ret_self = p;
	return 0;
}

static size_t one_line(void *arg, const struct flow *f, char *out)
{
	struct print *p = arg;
	return p->line(p, f, out);
}

static void write_report(struct print *p)
{
	struct buf b = {0};
	char heading[COLUMNS_LINE_MAX] = "";
	if (p->columns && !p->options->quiet)
		heading[columns_heading(p->columns, heading)] = '\0';
	report_write(p->report, p->line ? one_line : NULL, p, heading, &b);
	write_all(p, b.data, b.len);
	buf_free(&b);
}

static void write_summary(struct print *p)
{
	struct buf b = {0};
	summary_write(p->summary, &b);
	write_all(p, b.data, b.len);
	buf_free(&b);
}

static enum sink_answer to_report(struct print *p, const struct flow *f)
{
	report_add(p->report, f);
	counter_inc(&p->lines);
	return p->options->count && p->lines >= (uint64_t)p->options->count ? SINK_DONE : SINK_MORE;
}

static enum sink_answer print_flow(void *self, const struct flow *f)
{
	struct print *p = self;
	if (p->report)
		return to_report(p, f);
	if (p->used > BUFFER - ROOM)
		write_out(p);
	counter_inc(&p->lines);
	if (p->summary)
		summary_add(p->summary, f);
	p->used += p->line(p, f, p->buffer + p->used);
	bool enough = p->options->count && p->lines >= (uint64_t)p->options->count;
	return enough || p->error ? SINK_DONE : SINK_MORE;
}

static void print_idle(void *self)
{
	write_out(self);
}

static void print_tick(void *self, uint64_t now_ns)
{
	struct print *p = self;
	if (p->report && report_due(p->report, now_ns))
		write_report(p);
}

static void print_metrics(void *self, struct buf *b)
{
	struct print *p = self;
	prom_head(b, "weir_inserter_print_lines_total", "counter", "Flows printed.");
	prom_u64(b, "weir_inserter_print_lines_total", counter_get(&p->lines), NULL);
	prom_head(b, "weir_inserter_print_sides_total", "counter",
		  "Flows in the home line by which end is local: up, down, neither, both.");
	for (size_t i = 0; i < SIDE_COUNT; i++)
		prom_u64(b, "weir_inserter_print_sides_total", counter_get(&p->sides[i]), "side", side_names[i], NULL);
}

static void print_progress(void *self, const struct replay_stats *so_far)
{
	struct print *p = self;
	if (!p->progress)
		return;
	fprintf(stderr, "\r%llu flows read, file %llu of %llu ", (unsigned long long)so_far->flows,
		(unsigned long long)so_far->files + 1, (unsigned long long)so_far->of_files);
	p->shown = true;
}

static int print_close(void *self)
{
	struct print *p = self;
	if (p->shown)
		fputs("\r\033[K", stderr);
	if (p->report && !p->idle)
		write_report(p);
	if (!p->idle)
		write_out(p);
	if (p->summary && !p->idle)
		write_summary(p);
	/* A reader that has seen enough (| head) is no failure. */
	int r = p->error == EPIPE ? 0 : -p->error;
	columns_free(p->columns);
	report_free(p->report);
	summary_free(p->summary);
	free(p);
	return r;
}

static const struct opt_group more[] = {
	{.title = "print: sums and statistics", .rows = report_option_rows, .n_rows = REPORT_OPTIONS,
	 .base = offsetof(struct print_options, report)},
};

extern const struct sink_kind sink_print;
const struct sink_kind sink_print = {
	.name = "print",
	.summary = "flows as lines on the terminal",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.options_size = sizeof(struct print_options),
	.more = more,
	.n_more = sizeof(more) / sizeof(more[0]),
	.open = print_open,
	.flow = print_flow,
	.idle = print_idle,
	.tick = print_tick,
	.progress = print_progress,
	.metrics = print_metrics,
	.close = print_close,
};
