/*
 * summary.c -- see summary.h. Its figures are rounded as the columns are, so it writes them by columns.
 */
#include "inserter/summary.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "proto/flow.h"

struct summary {
	struct columns *when, *packets, *bytes, *pps, *bps;
	struct flow total;
};

int summary_new(const struct columns_style *style, struct summary **ret_summary, char *err, size_t err_len)
{
	struct summary *s = calloc(1, sizeof(*s));
	if (!s) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	const struct {
		const char *format;
		struct columns **at;
	} pieces[] = {
		{"fmt:%ts", &s->when}, {"fmt:%pkt", &s->packets}, {"fmt:%byt", &s->bytes}, {"fmt:%pps", &s->pps}, {"fmt:%bps", &s->bps},
	};
	int status = 0;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]) && !status; i++)
		status = columns_new(pieces[i].format, style, pieces[i].at, err, err_len);
	if (status)
		summary_free(s);
	else
		*ret_summary = s;
	return status;
}

void summary_add(struct summary *s, const struct flow *f)
{
	struct flow *t = &s->total;
	uint64_t first = f->time_flow_start_ns ? f->time_flow_start_ns : f->time_received_ns;
	uint64_t last = f->time_flow_end_ns ? f->time_flow_end_ns : first;
	if (!t->flow_count || first < t->time_flow_start_ns)
		t->time_flow_start_ns = first;
	if (last > t->time_flow_end_ns)
		t->time_flow_end_ns = last;
	t->flow_count += f->flow_count ? f->flow_count : 1;
	t->bytes += f->bytes;
	t->packets += f->packets;
}

const struct flow *summary_total(const struct summary *s)
{
	return &s->total;
}

const char *summary_piece(struct columns *c, const struct flow *f, bool padded, char out[COLUMNS_LINE_MAX])
{
	size_t len = columns_line(c, f, 0, out);
	out[len - 1] = '\0';
	return out + (padded ? 0 : strspn(out, " "));
}

void summary_write(struct summary *s, struct buf *out)
{
	static char text[4][COLUMNS_LINE_MAX];
	const struct flow *t = &s->total;
	struct flow end = {.time_flow_start_ns = t->time_flow_end_ns};
	buf_printf(out, "Summary: total flows: %llu, total bytes: %s, total packets: %s, avg bps: %s, avg pps: %s, avg bpp: %llu\n",
		   (unsigned long long)t->flow_count, summary_piece(s->bytes, t, false, text[0]),
		   summary_piece(s->packets, t, false, text[1]), summary_piece(s->bps, t, false, text[2]),
		   summary_piece(s->pps, t, false, text[3]), (unsigned long long)(t->packets ? t->bytes / t->packets : 0));
	if (t->flow_count)
		buf_printf(out, "Time window: %.19s - %.19s\n", summary_piece(s->when, t, true, text[0]),
			   summary_piece(s->when, &end, true, text[1]));
}

void summary_clear(struct summary *s)
{
	flow_clear(&s->total);
}

void summary_free(struct summary *s)
{
	if (!s)
		return;
	struct columns *pieces[] = {s->when, s->packets, s->bytes, s->pps, s->bps};
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		columns_free(pieces[i]);
	free(s);
}
