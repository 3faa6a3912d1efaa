/*
 * trouble.h -- what librdkafka says went wrong, in a few words: the label `reason` of the counters, and what an operator can do.
 *
 * librdkafka knows some 150 errors, and says each in its own words; which line of the configuration to look at is what
 * it does not say.
 */
#ifndef WEIR_KAFKA_TROUBLE_H
#define WEIR_KAFKA_TROUBLE_H

#include <stddef.h>

enum kafka_trouble {
	KAFKA_TROUBLE_CONNECTION,     /* nobody answers, or no more */
	KAFKA_TROUBLE_TLS,            /* certificates */
	KAFKA_TROUBLE_AUTHENTICATION, /* name and password */
	KAFKA_TROUBLE_AUTHORIZATION,  /* known, but may not */
	KAFKA_TROUBLE_TOPIC,          /* topic or partition is not there */
	KAFKA_TROUBLE_REPLICAS,       /* no leader, or too few replicas in sync */
	KAFKA_TROUBLE_SIZE,           /* message too large */
	KAFKA_TROUBLE_OTHER,
	KAFKA_TROUBLES
};

/* Of an rd_kafka_resp_err_t and what librdkafka says beside it: a certificate that the broker refuses is "Receive failed" to it. */
enum kafka_trouble kafka_trouble_of(int code, const char *reason);
const char *kafka_trouble_word(enum kafka_trouble trouble);
/* REASON, as librdkafka gave it, and where the cure is looked for. */
void kafka_trouble_text(int code, const char *reason, char *text, size_t text_len);

#endif
