/*
 * player.c -- plays a scenario: a text file that drives a whole decoder with a clock of its own, no sockets, no sleeps.
 *
 *   options NAME VALUE ...             before the first datagram: hold_bytes, hold_time, template_timeout, max_templates,
 *                                      max_domains, max_exporters, sampling_rate, biflow_one
 *   from ADDRESS [PORT]                who sends what follows
 *   session N                          TCP connection of what follows, 0: UDP; `session end N`
 *   advance TIME                       the clock goes on, with a tick a second
 *   jump [-]TIME                       the wall clock is set forth or back
 *   restart                            save the state, begin anew with it
 *   ipfix|v9 [domain N] [sequence N] [uptime MS] [time S]     begins a datagram, then its sets, in any order:
 *     template ID FIELD:SIZE ...       FIELD is NUMBER or PEN/NUMBER, SIZE a number or var
 *     options-template ID SCOPE:SIZE ... / FIELD:SIZE ...
 *     withdraw ID
 *     data ID VALUE ...
 *     hex OCTETS ...                   as they are (after `raw`: the whole datagram)
 *   raw                                begins a datagram of `hex` lines alone
 *   send [cut N]                       the decoder gets it, without its last N octets
 *   expect flows N                     N came out of the last send (or advance)
 *   expect reason WORD                 none, or why the datagram was dropped
 *   expect NAME N                      a counter of decode_stats.h
 *   flow I NAME VALUE ...              fields of the Ith of these flows, from 0
 *
 * Exit status 1 and FILE:LINE at the first thing that is not as expected.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "collector/decode.h"
#include "collector/decode_stats.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/opt.h"
#include "proto/flow.h"

enum { WORDS_MAX = 400, FLOWS_MAX = 1000, LINE_MAX_OCTETS = 65536 };

struct player {
	struct decode_options options;
	struct decoder *decoder;
	uint64_t now_ns;
	uint64_t wall_offset_ns; /* modulo 2^64 */
	struct datagram dg;
	struct decode_result result;
	struct flow *flows;
	unsigned n_flows;
	struct build build;
	char err[400];
};

typedef int command_fn(struct player *p, char **words, unsigned n);

static int fail(struct player *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(struct player *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(p->err, sizeof(p->err), format, args);
	va_end(args);
	return -1;
}

static void emit(void *arg, struct flow *flow)
{
	struct player *p = arg;
	if (p->n_flows < FLOWS_MAX)
		p->flows[p->n_flows++] = *flow;
}

static int need_decoder(struct player *p)
{
	p->options.emit = emit;
	p->options.emit_arg = p;
	if (!p->decoder && decoder_new(&p->options, &p->decoder) < 0)
		return fail(p, "no memory");
	return 0;
}

static int set_options(struct player *p, char **words, unsigned n)
{
	if (p->decoder)
		return fail(p, "options come first");
	for (unsigned i = 1; i + 1 < n; i += 2) {
		const char *value = words[i + 1];
		const struct {
			const char *name;
			size_t *size;
			uint64_t *time;
			bool *flag;
		} rows[] = {
			{"hold_bytes", &p->options.hold_bytes, NULL, NULL},
			{"max_templates", &p->options.max_templates, NULL, NULL},
			{"max_domains", &p->options.max_domains, NULL, NULL},
			{"max_exporters", &p->options.max_exporters, NULL, NULL},
			{"sampling_rate", &p->options.default_sampling_rate, NULL, NULL},
			{"hold_time", NULL, &p->options.hold_ns, NULL},
			{"template_timeout", NULL, &p->options.template_timeout_ns, NULL},
			{"biflow_one", NULL, NULL, &p->options.biflow_one},
		};
		size_t k = 0;
		while (k < sizeof(rows) / sizeof(rows[0]) && strcmp(rows[k].name, words[i]) != 0)
			k++;
		if (k == sizeof(rows) / sizeof(rows[0]))
			return fail(p, "no option %s", words[i]);
		if (rows[k].size)
			*rows[k].size = strtoull(value, NULL, 10);
		else if (rows[k].flag)
			*rows[k].flag = *value == '1';
		else if (opt_parse_duration(value, rows[k].time) < 0)
			return fail(p, "%s is no duration", value);
	}
	return 0;
}

static int set_from(struct player *p, char **words, unsigned n)
{
	if (n < 2 || ip_parse(words[1], &p->dg.source) < 0)
		return fail(p, "from ADDRESS [PORT]");
	p->dg.source_port = (uint16_t)(n > 2 ? strtoul(words[2], NULL, 10) : 2055);
	return 0;
}

static int set_session(struct player *p, char **words, unsigned n)
{
	if (n == 3 && strcmp(words[1], "end") == 0) {
		if (need_decoder(p) == 0)
			decoder_session_end(p->decoder, strtoull(words[2], NULL, 10));
		return 0;
	}
	p->dg.session = n == 2 ? strtoull(words[1], NULL, 10) : 0;
	return 0;
}

static int advance(struct player *p, char **words, unsigned n)
{
	uint64_t ns;
	if (n != 2 || opt_parse_duration(words[1], &ns) < 0)
		return fail(p, "advance TIME");
	if (need_decoder(p) < 0)
		return -1;
	p->n_flows = 0;
	for (const uint64_t end_ns = p->now_ns + ns; p->now_ns < end_ns;) {
		p->now_ns += end_ns - p->now_ns < NS_PER_S ? end_ns - p->now_ns : NS_PER_S;
		decoder_tick(p->decoder, p->now_ns);
	}
	return 0;
}

static int jump(struct player *p, char **words, unsigned n)
{
	uint64_t ns;
	const bool back = n == 2 && words[1][0] == '-';
	if (n != 2 || opt_parse_duration(words[1] + back, &ns) < 0)
		return fail(p, "jump [-]TIME");
	p->wall_offset_ns += back ? -ns : ns;
	return 0;
}

static int restart(struct player *p, char **words, unsigned n)
{
	(void)words, (void)n;
	struct buf saved = {0};
	if (need_decoder(p) < 0)
		return -1;
	int r = decoder_save(p->decoder, p->now_ns + p->wall_offset_ns, &saved);
	decoder_free(p->decoder);
	p->decoder = NULL;
	if (r == 0)
		r = need_decoder(p);
	if (r == 0)
		r = decoder_load(p->decoder, saved.data, saved.len);
	p->now_ns += p->wall_offset_ns; /* each run begins with the wall clock */
	p->wall_offset_ns = 0;
	buf_free(&saved);
	return r == 0 ? 0 : fail(p, "the state did not survive: %s", err_word((enum err)-r));
}

static int begin(struct player *p, char **words, unsigned n)
{
	return build_begin(&p->build, words, n, p->now_ns, p->err, sizeof(p->err));
}

static int begin_raw(struct player *p, char **words, unsigned n)
{
	(void)words, (void)n;
	p->build.w = put_to(p->build.octets, sizeof(p->build.octets));
	p->build.version = 0;
	return 0;
}

#define BUILD(name) \
	static int put_##name(struct player *p, char **words, unsigned n) \
	{ \
		return build_##name(&p->build, words, n, p->err, sizeof(p->err)); \
	}
BUILD(template)
BUILD(options_template)
BUILD(withdraw)
BUILD(data)
BUILD(hex)
#undef BUILD

static int send_it(struct player *p, char **words, unsigned n)
{
	if (need_decoder(p) < 0)
		return -1;
	const size_t len = build_end(&p->build);
	const size_t cut = n == 3 && strcmp(words[1], "cut") == 0 ? strtoul(words[2], NULL, 10) : 0;
	if (p->build.w.failed || cut > len)
		return fail(p, "the datagram got too long, or the cut is");
	p->dg.data = p->build.octets;
	p->dg.len = len - cut;
	p->dg.received_ns = p->now_ns + p->wall_offset_ns;
	p->dg.now_ns = p->now_ns;
	p->n_flows = 0;
	decoder_datagram(p->decoder, DECODE_ANY, &p->dg, &p->result);
	return 0;
}

#define COUNTER(name) {#name, offsetof(struct decode_stats, name)}
static const struct {
	const char *name;
	size_t offset;
} counters[] = {
	COUNTER(datagrams), COUNTER(decoded), COUNTER(partial), COUNTER(sets), COUNTER(sets_decoded), COUNTER(sets_held),
	COUNTER(sets_put_aside), COUNTER(sets_released), COUNTER(templates_added), COUNTER(templates_changed),
	COUNTER(templates_refreshed), COUNTER(templates_withdrawn), COUNTER(templates_expired), COUNTER(exporters_evicted),
	COUNTER(options_records), COUNTER(flows_without_sampling), COUNTER(sequence_lost), COUNTER(sequence_reordered),
	COUNTER(sequence_restarts), COUNTER(exporters), COUNTER(domains), COUNTER(templates), COUNTER(held_bytes),
};

static enum err reason_by_word(const char *word)
{
	for (unsigned i = 1; i < ERR_COUNT; i++)
		if (strcmp(err_word((enum err)i), word) == 0)
			return (enum err)i;
	return ERR_COUNT;
}

/* A counter by name; skipped_REASON and dropped_REASON for those that are counted by reason. */
static const uint64_t *counter(const struct player *p, const char *name)
{
	const struct decode_stats *s = decoder_stats(p->decoder);
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		if (strcmp(counters[i].name, name) == 0)
			return (const uint64_t *)(const void *)((const char *)s + counters[i].offset);
	enum err reason = strncmp(name, "skipped_", 8) == 0 || strncmp(name, "dropped_", 8) == 0 ? reason_by_word(name + 8)
												 : ERR_COUNT;
	if (reason == ERR_COUNT)
		return NULL;
	return name[0] == 's' ? &s->sets_skipped[reason] : &s->dropped[reason];
}

static int expect(struct player *p, char **words, unsigned n)
{
	if (n != 3 || need_decoder(p) < 0)
		return fail(p, "expect WHAT VALUE");
	if (strcmp(words[1], "reason") == 0) {
		const char *word = p->result.reason ? err_word(p->result.reason) : "none";
		return strcmp(word, words[2]) == 0 ? 0 : fail(p, "reason is %s, not %s", word, words[2]);
	}
	const uint64_t want = strtoull(words[2], NULL, 10);
	if (strcmp(words[1], "flows") == 0)
		return p->n_flows == want ? 0 : fail(p, "%u flows, not %" PRIu64, p->n_flows, want);
	const uint64_t *c = counter(p, words[1]);
	if (!c)
		return fail(p, "no counter %s", words[1]);
	return *c == want ? 0 : fail(p, "%s is %" PRIu64 ", not %" PRIu64, words[1], *c, want);
}

static int check_field(struct player *p, const struct flow *f, const char *name, const char *want)
{
	const int index = flow_field_by_name(name);
	if (index < 0)
		return fail(p, "no field %s", name);
	const struct flow_field_info *info = &flow_fields[index];
	const void *at = (const char *)f + info->offset;
	char text[FLOW_STR_MAX + 1] = "?";
	uint32_t u32;
	uint64_t u64;
	memcpy(&u32, at, sizeof(u32));
	if (info->kind == FLOW_KIND_U32) {
		snprintf(text, sizeof(text), "%" PRIu32, u32);
	} else if (info->kind == FLOW_KIND_U64) {
		memcpy(&u64, at, sizeof(u64));
		snprintf(text, sizeof(text), "%" PRIu64, u64);
	} else if (info->kind == FLOW_KIND_ADDR) {
		ip_format(at, text);
	} else if (info->kind == FLOW_KIND_STR) {
		snprintf(text, sizeof(text), "%.*s", (int)u32, (const char *)f + info->array_offset);
	}
	return strcmp(text, want) == 0 ? 0 : fail(p, "%s is %s, not %s", name, text, want);
}

static int check_flow(struct player *p, char **words, unsigned n)
{
	const unsigned index = n > 1 ? (unsigned)strtoul(words[1], NULL, 10) : FLOWS_MAX;
	if (index >= p->n_flows)
		return fail(p, "there is no such flow, only %u", p->n_flows);
	for (unsigned i = 2; i + 1 < n; i += 2)
		if (check_field(p, &p->flows[index], words[i], words[i + 1]) < 0)
			return -1;
	return 0;
}

static const struct {
	const char *name;
	command_fn *run;
} commands[] = {
	{"options", set_options}, {"from", set_from}, {"session", set_session}, {"advance", advance}, {"jump", jump},
	{"restart", restart},
	{"ipfix", begin}, {"v9", begin}, {"raw", begin_raw}, {"template", put_template},
	{"options-template", put_options_template}, {"withdraw", put_withdraw}, {"data", put_data}, {"hex", put_hex},
	{"send", send_it}, {"expect", expect}, {"flow", check_flow},
};

static int play_line(struct player *p, char *line)
{
	char *words[WORDS_MAX];
	unsigned n = 0;
	char *rest = line;
	line[strcspn(line, "#\n")] = '\0';
	for (char *word; n < WORDS_MAX && (word = strsep(&rest, " \t"));)
		if (*word)
			words[n++] = word;
	if (n == 0)
		return 0;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, words[0]) == 0)
			return commands[i].run(p, words, n);
	return fail(p, "unknown command %s", words[0]);
}

int main(int argc, char **argv)
{
	static struct player p;
	static char line[LINE_MAX_OCTETS];
	FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
	p.flows = calloc(FLOWS_MAX, sizeof(*p.flows));
	if (!file || !p.flows) {
		fprintf(stderr, "usage: scenario_player FILE\n");
		return 2;
	}
	p.now_ns = 1795262400ull * NS_PER_S; /* 2026-11-21T12:00:00Z */
	set_from(&p, (char *[]){(char[]){"from"}, (char[]){"192.0.2.1"}}, 2);
	int status = 0;
	for (unsigned at = 1; status == 0 && fgets(line, sizeof(line), file); at++) {
		if (play_line(&p, line) < 0) {
			fprintf(stderr, "%s:%u: %s\n", argv[1], at, p.err);
			status = 1;
		}
	}
	decoder_free(p.decoder);
	free(p.flows);
	fclose(file);
	return status;
}
