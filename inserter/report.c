/*
 * report.c -- see report.h. A statistic's table, its widths, percentages and summary are nfdump's.
 */
#include "inserter/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "inserter/group.h"
#include "inserter/sorted.h"
#include "inserter/summary.h"
#include "proto/flow.h"

enum { STATS_MAX = 8, ORDERS_MAX = 4, TOP_DEFAULT = 10, LIST_LEN = 64 };

/* One -s, or -a/-A. */
struct stat {
	struct group *group;
	enum group_order orders[ORDERS_MAX];
	size_t n_orders;
	bool by_proto;             /* -s srcip:p */
	bool records;              /* whole lines (-a, -A, -s record) instead of a table of one element */
	struct columns *value;     /* the element's column */
	struct columns *line;      /* the line of records */
};

struct report {
	const struct report_options *o;
	struct stat stats[STATS_MAX];
	size_t n_stats;
	bool quiet;
	struct sorted *sorted;     /* -O alone */
	struct columns *when, *packets, *bytes, *pps, *bps, *proto; /* pieces of a table's line */
	struct summary *summary;
	uint64_t window_end_ns;
};

const struct opt report_option_rows[REPORT_OPTIONS] = {
	{"aggregate", OPT_BOOL, offsetof(struct report_options, connection), NULL, NULL,
	 "Sum flows up by protocol, addresses and ports; print at the end.", .letter = 'a'},
	{"aggregate-by", OPT_STRING, offsetof(struct report_options, by), NULL, "ELEMENT,...",
	 "Sum flows up by these: srcip, dstip, srcip4/24, srcip6/64, srcport, proto, srcas, inif, router ...", .letter = 'A'},
	{"both-ways", OPT_BOOL, offsetof(struct report_options, both_ways), NULL, NULL,
	 "As -a, but a flow and its answers are one line: out packets and bytes are the answers'.", .letter = 'b'},
	{"guess-client", OPT_BOOL, offsetof(struct report_options, guess), NULL, NULL,
	 "As -b, and the end with the higher range of ports comes first: most likely the client.", .letter = 'B'},
	{"statistic", OPT_LIST, offsetof(struct report_options, stats), NULL, "ELEMENT[:p][/ORDER...]",
	 "The largest by an element: srcip/bytes, ip/flows/bytes, dstport:p/packets, record/bytes. May be given many times.",
	 .letter = 's'},
	{"top", OPT_INT, offsetof(struct report_options, top), "-1", "N",
	 "How many lines of a statistic (10 by default), of -a, -A, -b or -O (all); 0: all.", .min = -1, .max = INT64_MAX, .letter = 'n'},
	{"order", OPT_STRING, offsetof(struct report_options, order), NULL, "ORDER",
	 "Sort by flows, packets, bytes, pps, bps, bpp, opkg, obyte, tstart, tend or duration: the lines of -a, -A or -b, "
	 "or else the flows, at the end.", .letter = 'O'},
	{"window", OPT_DURATION, offsetof(struct report_options, window_ns), NULL, "TIME",
	 "Print -a, -A, -b, -s and -O so often and start anew, instead of once at the end.", .max = INT64_MAX},
	{"max-groups", OPT_INT, offsetof(struct report_options, max_groups), "1000000", "N",
	 "Groups (and flows for -O) that are kept. Beyond it the small ones are dropped, and the report says so.", .min = 16,
	 .max = 100000000},
};

/* -- what is asked for -- */

static int parse_order(const char *word, size_t len, enum group_order *ret_order, char *err, size_t err_len)
{
	int order = group_order_by_name(word, len);
	if (order < 0) {
		snprintf(err, err_len, "'%.*s' is no order; there are flows, packets, bytes, pps, bps, bpp, opkg, obyte, tstart, "
			 "tend, duration", (int)len, word);
		return -EINVAL;
	}
	*ret_order = (enum group_order)order;
	return 0;
}

static int add_records(struct report *r, struct stat *s, const char *by, const struct columns_style *style, char *err,
		       size_t err_len)
{
	char format[512];
	enum group_kind kind = r->o->guess ? GROUP_GUESS : r->o->both_ways ? GROUP_BOTH_WAYS : GROUP_PLAIN;
	int status = group_new(by, kind, (size_t)r->o->max_groups, &s->group, err, err_len);
	if (status)
		return status;
	s->records = true;
	group_keep(s->group, s->orders[0]);
	/* nfdump's own: blanks twice; for whole connections its line. */
	snprintf(format, sizeof(format), "fmt:%%ts %%td  %s  %%pkt %%byt %%bps %%bpp %%fl", group_columns(s->group));
	const char *line = kind != GROUP_PLAIN ? "biline" : strcmp(by, GROUP_CONNECTION) == 0 ? "line" : format;
	return columns_new(line, style, &s->line, err, err_len);
}

/* "srcip", "srcip:p", "record" and what follows behind slashes. */
static int add_stat(struct report *r, const char *text, const struct columns_style *style, char *err, size_t err_len)
{
	char list[LIST_LEN], format[LIST_LEN];
	struct stat *s = &r->stats[r->n_stats];
	if (r->n_stats == STATS_MAX) {
		snprintf(err, err_len, "more than %d statistics", STATS_MAX);
		return -EINVAL;
	}
	r->n_stats++;
	/* A slash may belong to the element (srcip4/24): orders begin with a letter. */
	size_t len = strcspn(text, "/:");
	while (text[len] == '/' && text[len + 1] >= '0' && text[len + 1] <= '9')
		len += 1 + strcspn(text + len + 1, "/:");
	const char *rest = text + len;
	s->by_proto = strncmp(rest, ":p", 2) == 0;
	rest += s->by_proto ? 2 : 0;
	bool of_proto = len == 5 && strncmp(text, "proto", len) == 0; /* its name stands in the column of :p */
	int status = 0;
	while (*rest == '/' && s->n_orders < ORDERS_MAX && !status) {
		size_t word = strcspn(rest + 1, "/");
		status = parse_order(rest + 1, word, &s->orders[s->n_orders++], err, err_len);
		rest += 1 + word;
	}
	if (!status && *rest) {
		snprintf(err, err_len, "-s %s: not understood at '%s'", text, rest);
		status = -EINVAL;
	}
	if (status)
		return status;
	if (!s->n_orders)
		s->orders[s->n_orders++] = GROUP_FLOWS;
	if (len == 6 && strncmp(text, "record", len) == 0)
		return add_records(r, s, r->o->by ? r->o->by : GROUP_CONNECTION, style, err, err_len);
	snprintf(list, sizeof(list), "%.*s%s", (int)(len < 48 ? len : 48), text, s->by_proto && !of_proto ? ",proto" : "");
	s->by_proto |= of_proto;
	status = group_new(list, GROUP_EITHER, (size_t)r->o->max_groups, &s->group, err, err_len);
	if (status)
		return status;
	group_keep(s->group, s->orders[0]);
	/* The bare number, also where %pr and %dp would make words or ICMP's types of it. */
	if (of_proto || (len == 7 && strncmp(text, "dstport", len) == 0))
		return columns_new(of_proto ? "fmt:%{proto}" : "fmt:%{dst_port}", style, &s->value, err, err_len);
	snprintf(format, sizeof(format), "fmt:%.*s", (int)strcspn(group_columns(s->group), " "), group_columns(s->group));
	return columns_new(format, style, &s->value, err, err_len);
}

static int add_aggregate(struct report *r, const struct columns_style *style, char *err, size_t err_len)
{
	struct stat *s = &r->stats[r->n_stats++];
	s->n_orders = 1;
	s->orders[0] = GROUP_NO_ORDER;
	int status = r->o->order ? parse_order(r->o->order, strlen(r->o->order), &s->orders[0], err, err_len) : 0;
	return status ? status : add_records(r, s, r->o->by ? r->o->by : GROUP_CONNECTION, style, err, err_len);
}

static int make_pieces(struct report *r, const struct columns_style *style, char *err, size_t err_len)
{
	const struct {
		const char *format;
		struct columns **at;
	} pieces[] = {{"fmt:%ts %td", &r->when}, {"fmt:%pkt", &r->packets}, {"fmt:%byt", &r->bytes}, {"fmt:%pps", &r->pps},
		      {"fmt:%bps", &r->bps}, {"fmt:%pr", &r->proto}};
	int status = 0;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]) && !status; i++)
		status = columns_new(pieces[i].format, style, pieces[i].at, err, err_len);
	return status;
}

static bool sums_up(const struct report_options *o)
{
	return o->connection || o->by || o->both_ways || o->guess || o->stats.count;
}

static int add_sorted(struct report *r, char *err, size_t err_len)
{
	enum group_order order;
	int status = parse_order(r->o->order, strlen(r->o->order), &order, err, err_len);
	return status ? status : sorted_new(order, (size_t)r->o->max_groups, &r->sorted);
}

static int check(const struct report_options *o, char *err, size_t err_len)
{
	if ((o->both_ways || o->guess) && o->by) {
		snprintf(err, err_len, "-b and -B sum up by protocol, addresses and ports: leave -A out");
		return -EINVAL;
	}
	if (o->window_ns && !sums_up(o) && !o->order) {
		snprintf(err, err_len, "--window belongs to -a, -A, -b, -s or -O");
		return -EINVAL;
	}
	return 0;
}

int report_new(const struct report_options *options, const struct columns_style *style, bool quiet, struct report **ret_report,
	       char *err, size_t err_len)
{
	*ret_report = NULL;
	int status = check(options, err, err_len);
	if (status || (!sums_up(options) && !options->order))
		return status;
	struct report *r = calloc(1, sizeof(*r));
	if (!r) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	r->o = options;
	r->quiet = quiet;
	status = make_pieces(r, style, err, err_len);
	if (!status)
		status = summary_new(style, &r->summary, err, err_len);
	for (size_t i = 0; i < options->stats.count && !status; i++)
		status = add_stat(r, options->stats.items[i], style, err, err_len);
	if (!status && !sums_up(options))
		status = add_sorted(r, err, err_len);
	else if (!status && !options->stats.count)
		status = add_aggregate(r, style, err, err_len);
	if (status)
		report_free(r);
	else
		*ret_report = r;
	return status;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	struct columns *pieces[] = {r->when, r->packets, r->bytes, r->pps, r->bps, r->proto};
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		columns_free(pieces[i]);
	summary_free(r->summary);
	sorted_free(r->sorted);
	for (size_t i = 0; i < r->n_stats; i++) {
		group_free(r->stats[i].group);
		columns_free(r->stats[i].value);
		columns_free(r->stats[i].line);
	}
	free(r);
}

/* -- counting -- */

void report_add(struct report *r, const struct flow *f)
{
	summary_add(r->summary, f);
	if (r->sorted)
		sorted_add(r->sorted, f);
	for (size_t i = 0; i < r->n_stats; i++)
		group_add(r->stats[i].group, f);
}

bool report_sorts(const struct report *r)
{
	return r->sorted != NULL;
}

bool report_due(struct report *r, uint64_t now_ns)
{
	if (!r->o->window_ns)
		return false;
	uint64_t end = now_ns - now_ns % r->o->window_ns + r->o->window_ns;
	bool due = r->window_end_ns && now_ns >= r->window_end_ns;
	if (due || !r->window_end_ns)
		r->window_end_ns = end;
	return due;
}

/* -- printing -- */

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void table_line(struct report *r, const struct stat *s, const struct flow *f, struct buf *out)
{
	const struct flow *total = summary_total(r->summary);
	static char text[6][COLUMNS_LINE_MAX];
	struct flow as_flows = {.packets = f->flow_count};
	const char *proto = s->by_proto ? summary_piece(r->proto, f, false, text[1]) : "any";
	buf_printf(out, "%s %-5s %17s %s(%4.1f) ", summary_piece(r->when, f, true, text[0]), proto,
		   summary_piece(s->value, f, false, text[2]), summary_piece(r->packets, &as_flows, true, text[3]),
		   percent(f->flow_count, total->flow_count));
	buf_printf(out, "%s(%4.1f) %s(%4.1f) %s %s %5llu\n", summary_piece(r->packets, f, true, text[0]),
		   percent(f->packets, total->packets), summary_piece(r->bytes, f, true, text[1]),
		   percent(f->bytes, total->bytes), summary_piece(r->pps, f, true, text[2]),
		   summary_piece(r->bps, f, true, text[3]), (unsigned long long)(f->packets ? f->bytes / f->packets : 0));
}

static const char *order_text(enum group_order order)
{
	static const char *const texts[] = {"flows", "packets", "bytes", "pps", "bps", "bpp", "out packets", "out bytes", "first seen",
					    "last seen", "duration", "arrival"};
	return texts[order];
}

static void write_stat(struct report *r, struct stat *s, enum group_order order, report_line_fn *line, void *arg,
		       const char *heading, struct buf *out)
{
	static char text[COLUMNS_LINE_MAX * 4]; /* as long as any line of the caller's */
	struct flow f;
	bool ranked = r->o->stats.count > 0;
	int64_t top = r->o->top >= 0 ? r->o->top : ranked ? TOP_DEFAULT : 0;
	group_sort(s->group, order);
	if (ranked && !r->quiet)
		buf_printf(out, top ? "Top %lld %s ordered by %s:\n" : "Top %.0lld%s ordered by %s:\n", (long long)top,
			   s->records ? "flows" : group_text(s->group), order_text(order));
	if (!s->records && !r->quiet)
		buf_printf(out, "Date first seen                 Duration Proto %17s    Flows(%%)     Packets(%%)       Bytes(%%)         "
			   "pps      bps   bpp\n", group_text(s->group));
	if (s->records && !line && !r->quiet)
		buf_add(out, text, columns_heading(s->line, text));
	else if (s->records && heading)
		buf_puts(out, heading);
	for (size_t i = 0; i < group_count(s->group) && (!top || i < (size_t)top); i++) {
		group_flow(s->group, i, &f);
		if (!s->records)
			table_line(r, s, &f, out);
		else if (line)
			buf_add(out, text, line(arg, &f, text));
		else
			buf_add(out, text, columns_line(s->line, &f, i + 1, text));
	}
	struct group_lost lost = group_lost(s->group);
	if (lost.groups)
		buf_printf(out, "More than %lld groups: %llu small ones were dropped; each sum may be too low by at most %llu flows, "
			   "%llu packets, %llu bytes\n", (long long)r->o->max_groups, (unsigned long long)lost.groups,
			   (unsigned long long)lost.flows, (unsigned long long)lost.packets, (unsigned long long)lost.bytes);
	if (ranked && !s->records && !r->quiet)
		buf_puts(out, "\n");
}

static void write_sorted(struct report *r, report_line_fn *line, void *arg, const char *heading, struct buf *out)
{
	static char text[COLUMNS_LINE_MAX * 4];
	static struct flow f;
	size_t n = sorted_count(r->sorted);
	if (r->o->top > 0 && n > (size_t)r->o->top)
		n = (size_t)r->o->top;
	sorted_finish(r->sorted);
	if (heading)
		buf_puts(out, heading);
	for (size_t i = 0; i < n; i++) {
		sorted_flow(r->sorted, i, &f);
		buf_add(out, text, line(arg, &f, text));
	}
	if (sorted_dropped(r->sorted))
		buf_printf(out, "More than %lld flows: %llu of the lower ones were dropped\n", (long long)r->o->max_groups,
			   (unsigned long long)sorted_dropped(r->sorted));
	sorted_clear(r->sorted);
}

void report_write(struct report *r, report_line_fn *line, void *arg, const char *heading, struct buf *out)
{
	if (r->sorted)
		write_sorted(r, line, arg, heading, out);
	for (size_t i = 0; i < r->n_stats; i++)
		for (size_t k = 0; k < r->stats[i].n_orders; k++)
			write_stat(r, &r->stats[i], r->stats[i].orders[k], line, arg, heading, out);
	if (!r->quiet)
		summary_write(r->summary, out);
	for (size_t i = 0; i < r->n_stats; i++)
		group_clear(r->stats[i].group);
	summary_clear(r->summary);
}
