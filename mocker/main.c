/*
 * main.c -- weir-mocker: a bounded generator of flow records that knows what it sent, and a player of captures.
 *
 * It sends, then says what it sent: a line for people on standard error, and with --summary a JSON object for tests.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/signals.h"
#include "mocker/options.h"
#include "mocker/run.h"
#include "mocker/summary.h"

enum { EXIT_USAGE = 2 };

static int write_summary(const char *path, const struct summary *s)
{
	struct buf json = {0};
	summary_json(s, &json);
	const bool to_stdout = strcmp(path, "-") == 0;
	FILE *out = to_stdout ? stdout : fopen(path, "w");
	bool good = out && !json.failed && fwrite(json.data, 1, json.len, out) == json.len;
	if (out && (to_stdout ? fflush(out) : fclose(out)) != 0)
		good = false;
	if (!good)
		fprintf(stderr, "weir-mocker: --summary %s: %s\n", path, strerror(errno));
	buf_free(&json);
	return good ? 0 : -EIO;
}

static void say(const struct mocker_options *o, const struct summary *s)
{
	if (o->kafka.brokers)
		fprintf(stderr, "sent %" PRIu64 " messages to topic %s at %s in %.1f s", s->datagrams, o->kafka.topic,
			o->kafka.brokers, s->seconds);
	else
		fprintf(stderr, "sent %" PRIu64 " datagrams (%" PRIu64 " of templates) to %s in %.1f s", s->datagrams,
			s->template_datagrams, o->to, s->seconds);
	if (s->total.flows)
		fprintf(stderr, ": %" PRIu64 " flows, %" PRIu64 " packets, %" PRIu64 " bytes", s->total.flows,
			s->total.packets, s->total.bytes);
	fputs("\n", stderr);
	if (s->refused)
		fprintf(stderr, "weir-mocker: nobody listens at %s: %" PRIu64 " datagrams were refused\n", o->to, s->refused);
}

static run_fn *choose(const struct mocker_options *o)
{
	if (o->kafka.brokers)
		return run_kafka;
	if (o->pcap)
		return o->meter ? run_meter : run_replay;
	return run_generate;
}

/* As exporters' own options have it, `--version 9` is the protocol's; alone, --version tells weir's. */
static void take_version_for_protocol(int argc, char **argv)
{
	static char words[] = "--protocol";
	for (int i = 1; i + 1 < argc; i++) {
		const char *p = argv[i + 1];
		const bool number = *p && strspn(p, "0123456789") == strlen(p);
		if (number && (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-version") == 0))
			argv[i] = words;
	}
}

int main(int argc, char **argv)
{
	struct mocker_options o = {0};
	struct opt_result parsed = {0};
	char err[512] = "no memory";
	struct summary *summary = NULL;
	int status = EXIT_USAGE;

	const struct opt_spec spec = mocker_options_spec();
	take_version_for_protocol(argc, argv);
	int r = opt_parse(&spec, argc, argv, &o, &parsed, err, sizeof(err));
	if (r < 0) {
		fprintf(stderr, "weir-mocker: %s\n", err);
		goto out;
	}
	status = 0;
	if (parsed.exit_now)
		goto out;
	if ((o.meter && !o.pcap) || (o.pcap && o.kafka.brokers)) {
		fprintf(stderr, "weir-mocker: %s\n", o.meter ? "--meter needs --pcap, whose packets it meters"
							       : "--pcap goes to --to, not to --kafka.brokers");
		status = EXIT_USAGE;
		goto out;
	}
	if (parsed.check)
		goto out;
	signals_block();
	r = choose(&o)(&o, &summary, err, sizeof(err));
	if (r < 0) {
		fprintf(stderr, "weir-mocker: %s\n", err);
		status = r == -EINVAL ? EXIT_USAGE : EXIT_FAILURE;
	}
	if (summary && !o.quiet)
		say(&o, summary);
	if (summary && o.summary && write_summary(o.summary, summary) < 0)
		status = EXIT_FAILURE;
out:
	free(summary);
	opt_free(&spec, &o, &parsed);
	return status;
}
