/*
 * options.c -- the option rows of weir-mocker.
 */
#include "mocker/options.h"

#include <stddef.h>

#include "mocker/home.h"
#include "mocker/make.h"

#define AT(member) offsetof(struct mocker_options, member)

static const struct opt where_rows[] = {
	{.name = "to", .type = OPT_STRING, .offset = AT(to), .value = "127.0.0.1:2055", .arg = "HOST:PORT",
	 .help = "Where the collector listens; an IPv6 address stands in brackets."},
	{.name = "count", .type = OPT_INT, .offset = AT(count), .value = "100", .arg = "N", .min = 0, .max = INT64_MAX,
	 .help = "Data datagrams to send; templates come on top. 0: until --duration is over or a signal comes."},
	{.name = "rate", .type = OPT_INT, .offset = AT(rate), .value = "100", .arg = "N", .min = 0, .max = 10000000,
	 .help = "Datagrams a second, never more. 0: as fast as the socket takes them."},
	{.name = "duration", .type = OPT_DURATION, .offset = AT(duration_ns), .arg = "TIME",
	 .help = "Stop after this time, whatever --count says. 0: no such end."},
	{.name = "sources", .type = OPT_INT, .offset = AT(sources), .value = "1", .arg = "N", .min = 1, .max = 65536,
	 .help = "Exporters: with a target on 127.0.0.0/8 they send from 127.0.0.1, 127.0.0.2 and so on; the exporters "
		 "of a capture get these addresses in the order in which they appear."},
};

static const struct opt what_rows[] = {
	{.name = "protocol", .type = OPT_STRING, .offset = AT(protocol), .value = "ipfix", .arg = "LIST",
	 .help = "v1, v5, v6, v7, v8 (its 14 aggregations in turn), v9, ipfix, sflow, sflow2, sflow4; of several (v5,v9) each "
		 "datagram takes the next. `--version 9` is `--protocol v9`, `--version 10` `--protocol ipfix`."},
	{.name = "profile", .type = OPT_STRING, .offset = AT(profile), .value = "home", .arg = "KIND",
	 .choices = "home|campus|backbone|scan|flood",
	 .help = "home: clients that up- and download; campus: 2,000 machines in 8 networks; backbone: 64 AS, 16 "
		 "interfaces; scan: 10.66.0.6 tries port after port; flood: everybody sends to 10.1.0.80."},
	{.name = "flows", .type = OPT_INT, .offset = AT(flows), .value = "10", .arg = "N", .min = 1, .max = MAKE_FLOWS_MAX,
	 .help = "Flow records a datagram; v5 holds 30 at most, v1 24, v6, v7 and v8 27, sFlow 256."},
	{.name = "seed", .type = OPT_INT, .offset = AT(seed), .value = "1", .arg = "N", .min = 0, .max = INT64_MAX,
	 .help = "The same seed makes the same traffic."},
	{.name = "ipv6", .type = OPT_INT, .offset = AT(ipv6), .value = "30", .arg = "PERCENT", .min = 0, .max = 100,
	 .help = "Share of IPv6, for protocols that can carry it."},
	{.name = "clients", .type = OPT_INT, .offset = AT(clients), .value = "8", .arg = "N", .min = 1,
	 .max = HOME_CLIENTS_MAX, .help = "Machines in the made-up home: 192.168.1.50 and up, 2001:db8:1::32 and up."},
	{.name = "sampling-rate", .type = OPT_INT, .offset = AT(sampling_rate), .arg = "N", .min = 0, .max = 16383,
	 .help = "Say that one packet of N was looked at (v5: header; v9, ipfix: options data; sFlow: each sample). "
		 "0: say nothing."},
	{.name = "templates-every", .type = OPT_INT, .offset = AT(templates_every), .value = "50", .arg = "N", .min = 1,
	 .max = INT64_MAX, .help = "Repeat templates and options after so many data datagrams of an exporter."},
	{.name = "domain", .type = OPT_INT, .offset = AT(domain), .value = "1", .arg = "ID", .min = 0, .max = UINT32_MAX,
	 .help = "Observation domain (v9: source id; v5: engine id, low octet; sFlow: sub-agent)."},
};

static const struct opt replay_rows[] = {
	{.name = "pcap", .type = OPT_STRING, .offset = AT(pcap), .arg = "FILE",
	 .help = "Send the UDP payloads of this capture instead, all of them; --count and the traffic options do not count then."},
	{.name = "meter", .type = OPT_BOOL, .offset = AT(meter),
	 .help = "Meter the packets of --pcap and send the flows in --protocol, as an exporter would; --sampling-rate N "
		 "looks at one packet of N."},
	{.name = "speed", .type = OPT_STRING, .offset = AT(speed), .value = "1", .arg = "X",
	 .help = "How fast against the capture's own time: 1 as captured, 10 ten times as fast, 0 as --rate says."},
};

static const struct opt output_rows[] = {
	{.name = "summary", .type = OPT_STRING, .offset = AT(summary), .arg = "FILE",
	 .help = "Write what was sent as one JSON object; - is standard output."},
	{.name = "quiet", .type = OPT_BOOL, .offset = AT(quiet), .letter = 'q', .help = "No progress, no closing line."},
};

static struct opt_group groups[] = {
	{"Where to, how much", OPT_ROWS(where_rows), 0},
	{"Traffic", OPT_ROWS(what_rows), 0},
	{"Playing a capture", OPT_ROWS(replay_rows), 0},
	{"Straight to Kafka, instead of --to: a message instead of each datagram", NULL, 0, AT(kafka)},
	{"Output", OPT_ROWS(output_rows), 0},
};
enum { KAFKA_GROUP = 3 };

struct opt_spec mocker_options_spec(void)
{
	groups[KAFKA_GROUP].rows = kafka_option_rows;
	groups[KAFKA_GROUP].n_rows = kafka_option_rows_count;
	return (struct opt_spec){
		.program = "weir-mocker",
		.summary = "sends made-up or captured flow records, and knows what it sent",
		.usage = "[OPTION...]",
		.description = "Traffic is made up from a seed, or a capture's. It ends by itself.\n\n"
			       "    weir-mocker --to 127.0.0.1:2055 --protocol v5,v9,ipfix --count 1000 --summary -\n"
			       "    weir-mocker --pcap router.pcap --speed 10 --to collector:2055\n"
			       "    weir-mocker --pcap packets.pcap --meter --version 9 --speed 0\n"
			       "    weir-mocker --kafka.brokers localhost:9092 --count 0 --duration 1m\n\n"
			       "Exit status: 0 all was sent, 1 sending failed, 2 bad usage.\n",
		.groups = groups,
		.n_groups = sizeof(groups) / sizeof(groups[0]),
		.man_section = 1,
	};
}
