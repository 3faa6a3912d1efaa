/*
 * trouble.c -- see trouble.h.
 */
#include "kafka/trouble.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *word, *cure;
} rows[KAFKA_TROUBLES] = {
	[KAFKA_TROUBLE_CONNECTION] = {"connection", NULL},
	[KAFKA_TROUBLE_TLS] = {"tls", "see ssl.ca.location, whether the certificates are still valid, and where the broker wants one, "
				      "ssl.certificate.location and ssl.key.location (docs/kafka.md, The connection)"},
	[KAFKA_TROUBLE_AUTHENTICATION] = {"authentication", "see sasl.mechanism, sasl.username and sasl.password (docs/kafka.md, "
							    "The connection)"},
	[KAFKA_TROUBLE_AUTHORIZATION] = {"authorization", "the user may not do that: kafka-acls --add"},
	[KAFKA_TROUBLE_TOPIC] = {"topic", "see --kafka.topic, or create it"},
	[KAFKA_TROUBLE_REPLICAS] = {"replicas", "kafka-topics --describe shows leaders and replicas in sync"},
	[KAFKA_TROUBLE_SIZE] = {"size", "--kafka.batch.bytes should be less than the topic's max.message.bytes"},
	[KAFKA_TROUBLE_OTHER] = {"other", NULL},
};

enum kafka_trouble kafka_trouble_of(int code, const char *reason)
{
	if (strstr(reason, "SSL routines") || strstr(reason, "SSL handshake"))
		return KAFKA_TROUBLE_TLS;
	switch (code) {
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
	case RD_KAFKA_RESP_ERR__RESOLVE:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
	case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
		return KAFKA_TROUBLE_CONNECTION;
	case RD_KAFKA_RESP_ERR__SSL:
		return KAFKA_TROUBLE_TLS;
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
	case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
		return KAFKA_TROUBLE_AUTHENTICATION;
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
		return KAFKA_TROUBLE_AUTHORIZATION;
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
	case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
		return KAFKA_TROUBLE_TOPIC;
	case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
	case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
	case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
	case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
		return KAFKA_TROUBLE_REPLICAS;
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
		return KAFKA_TROUBLE_SIZE;
	default:
		return KAFKA_TROUBLE_OTHER;
	}
}

const char *kafka_trouble_word(enum kafka_trouble trouble)
{
	return rows[trouble].word;
}

void kafka_trouble_text(int code, const char *reason, char *text, size_t text_len)
{
	const char *cure = rows[kafka_trouble_of(code, reason)].cure;
	/* librdkafka gives its own hint in brackets, on further lines. */
	size_t len = strcspn(reason, "\n");
	snprintf(text, text_len, "%.*s%s%s", (int)len, reason, cure ? "; " : "", cure ? cure : "");
}
