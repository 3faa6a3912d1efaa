/*
 * config.h -- everything weir-collector can be told, and what follows from it.
 */
#ifndef WEIR_COLLECTOR_CONFIG_H
#define WEIR_COLLECTOR_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "collector/batch.h"
#include "collector/listen.h"
#include "collector/sampling.h"
#include "common/opt.h"
#include "kafka/options.h"
#include "output/http_lines.h"

struct outlet;

enum transport_kind { TRANSPORT_FILE, TRANSPORT_KAFKA, TRANSPORT_HTTP, TRANSPORT_NULL, TRANSPORT_KINDS };

/* goflow2's spelling of what --kafka.* says; see config_goflow2.c. */
struct config_goflow2 {
	char *brokers, *topic, *compression, *sasl, *version;
	char *tls_ca, *tls_cert, *tls_key;
	bool tls, tls_insecure, hashing;
	int64_t max_message_bytes;
	int64_t flush_bytes;
	uint64_t flush_frequency;
};

struct config {
	/* The rows fill these. */
	struct opt_list listen_urls;
	char *pcap;
	int64_t workers;
	uint64_t receive_buffer;
	char *tls_cert, *tls_key, *tls_ca;
	int64_t stream_sessions, stream_sessions_per_address;
	uint64_t stream_idle, stream_message_time;
	bool meter;
	uint64_t meter_active, meter_inactive;
	int64_t meter_max_flows, meter_sampling;
	char *meter_sampler;
	uint64_t sampling_rate;
	char *sampling_by_exporter;
	bool biflow, decapsulate;
	uint64_t template_ttl;
	uint64_t hold_bytes, hold_time;
	char *produce;
	struct opt_list allow;
	char *filter;
	int64_t rate_cap;
	char *redis, *redis_password;
	uint64_t redis_interval;
	struct opt_list repeat;
	bool repeat_keep_source;
	char *state_path;
	uint64_t state_interval;
	char *format_word;
	char *transport_word;
	char *file;
	char *separator;
	struct kafka_options kafka;
	struct http_lines_options http;
	struct config_goflow2 goflow2;
	uint64_t batch_bytes;
	int64_t batch_flows; /* -1: not given */
	uint64_t batch_linger;
	char *journal_path;
	uint64_t journal_max;
	char *collector_id;
	uint64_t shutdown_timeout;
	char *addr;
	bool health;
	char *templates_page;
	char *mapping_path;
	char *log_level, *log_format;
	char *user, *confine;

	/* These follow. */
	struct listen_set listen;
	struct sampling_overrides overrides;
	struct mapping *mapping;  /* NULL: the built-in one */
	struct ip_addr meter_address; /* of meter_sampler; len 0: not given */
	enum transport_kind transport;
	enum batch_format format;
	struct batch_encoding encoding;
	uint32_t flows_a_batch;   /* 0: no limit */
	uint64_t collector_hash;  /* of collector_id, as it stands in the message header */
};

struct opt_spec config_spec(void);

/* 0, or -EINVAL with one line in ERR. */
int config_read(int argc, char **argv, struct config *ret_config, struct opt_result *ret_result, char *err, size_t err_len);
void config_free(struct config *config, struct opt_result *result);

/* Of one batch's memory: batch_bytes, and room for what goes past it. */
size_t config_payload_bytes(const struct config *config);

/* Sockets that will be opened, each with its worker. */
unsigned config_sockets(const struct config *config);
struct decode_options config_decode_options(const struct config *config, struct outlet *outlet);

/* config_goflow2.c: rows, and their meaning in weir's terms. */
extern const struct opt config_goflow2_rows[];
extern const size_t config_goflow2_rows_count;
int config_goflow2_apply(struct config *config, char *err, size_t err_len);

#endif
