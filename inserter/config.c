/*
 * config.c -- the groups of options: ours, Kafka's, one for each sink.
 */
#include "inserter/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/confine.h"

enum { OWN_GROUPS = 3, GROUPS_MAX = 32, ALIGN = 16 };

static const struct opt rows[] = {
	{"local", OPT_STRING, offsetof(struct inserter_options, local), NULL, "PREFIX,...",
	 "Networks whose addresses are clients. Without it: the private and unique-local ranges and the networks that this "
	 "host is connected to."},
	{"group", OPT_STRING, offsetof(struct inserter_options, group), NULL, "NAME",
	 "Consumer group for all sinks of this process. Without it, print and metrics read without a group, so that "
	 "each sees every flow; others use a group of their own name."},
	{"from", OPT_STRING, offsetof(struct inserter_options, from), "end", "WHERE",
	 "Where to begin: end, beginning, or a UTC time such as 2026-11-21T12:00. A group that has read before goes on "
	 "where it was."},
	{"dead-letter-topic", OPT_STRING, offsetof(struct inserter_options, dead_letters), NULL, "TOPIC",
	 "Messages that cannot be read, or not wholly, are kept in this topic, as they came."},
	{"filter", OPT_STRING, offsetof(struct inserter_options, filter), NULL, "FILTER",
	 "Only flows that match, in nfdump's language: 'dst port 53 and bytes > 1k' (docs/filter.md). Words behind the sinks are "
	 "a filter too.", .flags = OPT_RELOAD},
	{"filter-file", OPT_STRING, offsetof(struct inserter_options, filter_file), NULL, "FILE", "A file that holds such a filter.",
	 .letter = 'f', .flags = OPT_RELOAD},
	{"read", OPT_STRING, offsetof(struct inserter_options, read), NULL, "FILE|DIR",
	 "Read files that the sink file wrote instead of Kafka, then end; -: standard input.", .letter = 'r'},
	{"range", OPT_STRING, offsetof(struct inserter_options, range), NULL, "FIRST:LAST",
	 "Only files whose names lie between these: weir.202611211200:weir.202611211255, in --read DIR, or "
	 "/DIR/FIRST:LAST.", .letter = 'R'},
	{"dirs", OPT_STRING, offsetof(struct inserter_options, dirs), NULL, "DIR:DIR:...",
	 "The same --read (or --range) in each of these directories: /flows/192.0.2.1:192.0.2.2; those behind the first lie "
	 "beside it.", .letter = 'M'},
	{"time-window", OPT_STRING, offsetof(struct inserter_options, times), NULL, "FROM[-TO]",
	 "Only flows that began and ended in there: 2026/11/21.12:00:00-2026/11/21.12:30; parts may be left out, times are local.",
	 .letter = 't'},
	{"flush", OPT_DURATION, offsetof(struct inserter_options, flush_ns), "5s", "TIME",
	 "At least so often, what was read is stored and its offsets are committed.", .min = 1000000, .max = INT64_MAX},
	{"addr", OPT_STRING, offsetof(struct inserter_options, addr), NULL, "ADDRESS",
	 "Where /metrics, /healthz and /readyz are served: localhost:3434, :3434 (everywhere). With the sink metrics "
	 "localhost:3434, else nowhere."},
	{"health", OPT_BOOL, offsetof(struct inserter_options, health), NULL, NULL,
	 "Ask the inserter that runs here, at --addr, how it is, and exit: 0 well, 1 not. For health checks of containers."},
	{"loglevel", OPT_STRING, offsetof(struct inserter_options, log_level), "info", "LEVEL", "How much to say.",
	 .choices = "error|warn|warning|info|debug", .flags = OPT_RELOAD},
	{"logfmt", OPT_STRING, offsetof(struct inserter_options, log_format), "normal", "FORMAT",
	 "Log lines for people or as JSON.", .choices = "normal|json"},
	{"user", OPT_STRING, offsetof(struct inserter_options, user), NULL, "USER", CONFINE_USER_HELP},
	{"confine", OPT_STRING, offsetof(struct inserter_options, confine), "auto", "HOW", CONFINE_MODE_HELP,
	 .choices = CONFINE_CHOICES},
};

static struct opt_group groups[GROUPS_MAX];
static size_t group_of[GROUPS_MAX]; /* of each sink */

static struct opt_spec spec = {
	.program = "weir-inserter",
	.summary = "read flows from Kafka and put them somewhere",
	.usage = "SINK... [OPTION...] [FILTER]",
	.groups = groups,
	.positional = true,
	.man_section = 1,
};

static char description[8192];

/* docs/filter.md has all of it. */
static const char filter_summary[] =
	"\nThe filter is nfdump's language: tests, put together by and, or, not and parentheses.\n"
	"  [src|dst] ip A, net N, port N, as N, mask N, mac M, vlan N, geo CC, network TEXT, customer TEXT\n"
	"  [in|out] if N, bytes N, packets N;  proto P, flags F, icmp-type N, icmp-code N, tos N, ttl N, duration N\n"
	"  pps N, bps N, bpp N, flows N, next ip A, bgp next ip A, router ip A, nat ip A, nat port N, nat event E\n"
	"  mpls label N, vrf N, type T, sampling N, first seen T, last seen T, received T, any, @include FILE\n"
	"  any field of docs/fields.md by its name: flow_end_reason 3\n"
	"Comparisons are = != < > <= >=, or in [ ... ] for a list; numbers take k, m, g, t and ranges (8000-8100).\n"
	"  src ip 10.0.0.0/8 and dst port in [53 443] and not proto udp\n"
	"  bytes > 1m or (flags S and not flags AFRPU)\n";

static size_t rounded(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* Lays out the block; gives its size. */
static size_t lay_out(void)
{
	size_t at = rounded(sizeof(struct config));
	size_t n = OWN_GROUPS;
	size_t len = (size_t)snprintf(description, sizeof(description), "Sinks, one or several at once:\n");
	groups[0] = (struct opt_group){.title = "Reading", .rows = rows, .n_rows = sizeof(rows) / sizeof(rows[0]),
				       .base = offsetof(struct config, common)};
	groups[1] = (struct opt_group){.title = "Kafka", .rows = kafka_option_rows, .n_rows = kafka_option_rows_count,
				       .base = offsetof(struct config, kafka)};
	groups[2] = (struct opt_group){.title = "Enrichment", .rows = enrich_option_rows, .n_rows = ENRICH_OPTIONS,
				       .base = offsetof(struct config, enrich)};
	for (size_t i = 0; i < sink_kinds_count && n < GROUPS_MAX; i++) {
		const struct sink_kind *kind = sink_kinds[i];
		group_of[i] = n;
		groups[n++] = (struct opt_group){.title = kind->name, .rows = kind->rows, .n_rows = kind->n_rows, .base = at};
		for (size_t k = 0; k < kind->n_more && n < GROUPS_MAX; k++) {
			groups[n] = kind->more[k];
			groups[n++].base += at;
		}
		at += rounded(kind->options_size);
		len += (size_t)snprintf(description + len, sizeof(description) - len, "  %-10s %s\n", kind->name, kind->summary);
	}
	snprintf(description + len, sizeof(description) - len,
		 "\nExamples:\n"
		 "  weir-inserter print\n"
		 "  weir-inserter print metrics --local 192.168.1.0/24 --kafka.brokers localhost:9092\n"
		 "  weir-inserter print -A srcip -o 'fmt:%%ts , %%te , %%sa' -q -r DIR 'dst port 3389'\n"
		 "  weir-inserter print -o 'fmt:%%ts , %%te , %%sa' -c 10\n"
		 "%s"
		 "\nExit status: 0 done, 1 failed while running, 2 bad usage or configuration.\n", filter_summary);
	spec.description = description;
	spec.n_groups = n;
	return at;
}

int config_parse(int argc, char **argv, struct config **ret_config, struct opt_result *ret_result, char *err, size_t err_len)
{
	struct config *config = calloc(1, lay_out());
	if (!config) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	int r = opt_parse(&spec, argc, argv, config, ret_result, err, err_len);
	if (r)
		config_free(config, ret_result); /* what was set before the mistake */
	else
		*ret_config = config;
	return r;
}

const void *config_sink_options(const struct config *config, const struct sink_kind *kind)
{
	for (size_t i = 0; i < sink_kinds_count; i++)
		if (sink_kinds[i] == kind)
			return (const char *)config + groups[group_of[i]].base;
	return NULL;
}

void config_free(struct config *config, struct opt_result *result)
{
	if (!config)
		return;
	opt_free(&spec, config, result);
	free(config);
}
