/*
 * conf.c -- see conf.h.
 */
#include "kafka/conf.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

#include "kafka/options.h"

static int set(rd_kafka_conf_t *conf, const char *key, const char *value, char *err, size_t err_len)
{
	char why[256];
	if (rd_kafka_conf_set(conf, key, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
		return 0;
	snprintf(err, err_len, "kafka property '%s': %s", key, why);
	return -EINVAL;
}

static int set_user_properties(rd_kafka_conf_t *conf, const struct opt_list *list, char *err, size_t err_len)
{
	for (size_t i = 0; i < list->count; i++) {
		char key[128];
		const char *eq = strchr(list->items[i], '=');
		if (!eq || (size_t)(eq - list->items[i]) >= sizeof(key)) {
			snprintf(err, err_len, "kafka property number %zu: KEY=VALUE is wanted", i + 1);
			return -EINVAL;
		}
		snprintf(key, sizeof(key), "%.*s", (int)(eq - list->items[i]), list->items[i]);
		int rc = set(conf, key, eq + 1, err, err_len);
		if (rc < 0)
			return rc;
		if (strcmp(key, "debug") == 0)
			rd_kafka_conf_set_log_cb(conf, rd_kafka_log_print);
	}
	return 0;
}

int conf_fill(struct rd_kafka_conf_s *conf, const struct conf_row *own, size_t n_own, const struct kafka_options *options,
	      char *err, size_t err_len)
{
	rd_kafka_conf_set_opaque(conf, NULL);
	rd_kafka_conf_set_log_cb(conf, NULL);
	for (size_t i = 0; i < n_own; i++) {
		int rc = own[i].value ? set(conf, own[i].key, own[i].value, err, err_len) : 0;
		if (rc < 0)
			return rc;
	}
	return set_user_properties(conf, &options->properties, err, err_len);
}
