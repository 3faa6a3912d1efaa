/*
 * main.c -- weir-collector: NetFlow, IPFIX and sFlow in, flows out.
 *
 * The way of a flow, in reading order: listen.c and socket.c open sockets, worker.c receives datagrams,
 * decode.c and its neighbours make flows of them, outlet.c packs flows into a batch, and a transport
 * (transport_kafka.c with journal.c, transport_file.c) takes the batch away.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/collector.h"
#include "collector/config.h"
#include "common/log.h"
#include "common/probe.h"
#include "common/signals.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int main(int argc, char **argv)
{
	static struct config config;
	struct opt_result options;
	char err[512];
	if (config_read(argc, argv, &config, &options, err, sizeof(err)) < 0) {
		fprintf(stderr, "weir-collector: %s\n", err);
		return EXIT_USAGE;
	}
	int status = EXIT_DONE;
	if (options.exit_now)
		goto out;
	if (options.check) {
		printf("weir-collector: configuration is fine\n");
		goto out;
	}
	if (config.health) {
		if (probe_http(config.addr, "/healthz", err, sizeof(err)) < 0) {
			fprintf(stderr, "weir-collector: %s\n", err);
			status = EXIT_FAILED;
		}
		goto out;
	}
	signals_block();
	log_init("weir-collector", config.log_level, config.log_format);
	if (collector_run(&config, argc, argv, err, sizeof(err)) < 0) {
		log_error(LOG_OURS, "%s", err);
		status = EXIT_FAILED;
	}
out:
	config_free(&config, &options);
	return status;
}
