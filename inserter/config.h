/*
 * config.h -- weir-inserter's command line: the program's own options, then those of every sink, in one block of
 * memory that the option rows of sinks.c lay out.
 */
#ifndef WEIR_INSERTER_CONFIG_H
#define WEIR_INSERTER_CONFIG_H

#include <stdbool.h>

#include "common/opt.h"
#include "enrich/enrich.h"
#include "inserter/sink.h"
#include "kafka/options.h"

struct inserter_options {
	char *group;
	char *from;
	char *dead_letters;
	char *local;
	char *filter;
	char *read;
	char *range;
	char *dirs;
	char *times;
	char *filter_file;
	char *addr;
	bool health;
	char *log_level;
	char *log_format;
	char *user, *confine;
	uint64_t flush_ns;
};

struct config {
	struct inserter_options common;
	struct kafka_options kafka;
	struct enrich_options enrich;
	/* the sinks' options follow; config_sink_options() finds them */
};

/* 0, or -EINVAL with a line in ERR. When RET_RESULT->exit_now is set, nothing more is to be done. */
int config_parse(int argc, char **argv, struct config **ret_config, struct opt_result *ret_result, char *err, size_t err_len);
const void *config_sink_options(const struct config *config, const struct sink_kind *kind);
void config_free(struct config *config, struct opt_result *result);

#endif
