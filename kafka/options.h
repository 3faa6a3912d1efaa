/*
 * options.h -- the option rows of everything that talks to Kafka, and what they fill.
 */
#ifndef WEIR_KAFKA_OPTIONS_H
#define WEIR_KAFKA_OPTIONS_H

#include "common/opt.h"

struct kafka_options {
	char *brokers;               /* --kafka.brokers, NULL: no Kafka */
	char *topic;                 /* --kafka.topic, "flows" */
	struct opt_list properties;  /* --kafka.property key=value, [kafka] of the file: librdkafka's own, untouched */
};

/* Rows with names kafka.*, offsets into struct kafka_options. */
extern const struct opt kafka_option_rows[];
extern const size_t kafka_option_rows_count;

#endif
