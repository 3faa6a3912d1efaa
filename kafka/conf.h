/*
 * conf.h -- properties into librdkafka's configuration, for produce.c and consume.c.
 */
#ifndef WEIR_KAFKA_CONF_H
#define WEIR_KAFKA_CONF_H

#include <stddef.h>

#include "common/err.h"

struct kafka_options;
struct rd_kafka_conf_s;

struct conf_row {
	const char *key, *value; /* VALUE NULL: left at librdkafka's default */
};

/* Our own rows first, then the user's, which beat them. Log lines of librdkafka are shut off unless the user sets
 * `debug`: what matters comes by the error callback. 0 or -EINVAL, with one line in ERR that shows no value: it may be
 * a password. */
int conf_fill(struct rd_kafka_conf_s *conf, const struct conf_row *own, size_t n_own, const struct kafka_options *options,
	      char *err, size_t err_len) MUST_CHECK;

#endif
