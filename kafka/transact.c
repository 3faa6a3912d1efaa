/*
 * transact.c -- see transact.h. The group's generation goes along with the offsets (KIP-447), so that a process whose
 * partitions were given to another cannot commit them any more.
 */
#include "kafka/transact.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>

#include "kafka/consume.h"
#include "kafka/produce.h"

/* ERROR, which is freed, as one of the three answers. */
static int answer(rd_kafka_error_t *error, const char *what, char *err, size_t err_len)
{
	if (!error)
		return 0;
	bool fatal = rd_kafka_error_is_fatal(error);
	rd_kafka_resp_err_t code = rd_kafka_error_code(error);
	snprintf(err, err_len, "%s: %s", what, rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	if (code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED)
		return -EBUSY;
	return fatal ? -EIO : -EAGAIN;
}

int kafka_transact_init(struct kafka_producer *p, int timeout_ms, char *err, size_t err_len)
{
	return answer(rd_kafka_init_transactions(kafka_producer_handle(p), timeout_ms), "transactions", err, err_len);
}

int kafka_transact_begin(struct kafka_producer *p, char *err, size_t err_len)
{
	return answer(rd_kafka_begin_transaction(kafka_producer_handle(p)), "begin of a transaction", err, err_len);
}

static int send_offsets(rd_kafka_t *rk, struct kafka_consumer *c, int timeout_ms, char *err, size_t err_len)
{
	rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(kafka_consumer_handle(c));
	rd_kafka_topic_partition_list_t *offsets = kafka_consumer_positions(c);
	rd_kafka_error_t *error = offsets->cnt ? rd_kafka_send_offsets_to_transaction(rk, offsets, group, timeout_ms) : NULL;
	rd_kafka_topic_partition_list_destroy(offsets);
	rd_kafka_consumer_group_metadata_destroy(group);
	return answer(error, "offsets of a transaction", err, err_len);
}

int kafka_transact_commit(struct kafka_producer *p, struct kafka_consumer *c, int timeout_ms, char *err, size_t err_len)
{
	rd_kafka_t *rk = kafka_producer_handle(p);
	int r = send_offsets(rk, c, timeout_ms, err, err_len);
	/* A commit whose answer did not come may be asked for again; it is the same commit. */
	for (int tries = 3; !r && tries > 0; tries--) {
		rd_kafka_error_t *error = rd_kafka_commit_transaction(rk, timeout_ms);
		if (error && rd_kafka_error_is_retriable(error) && tries > 1) {
			rd_kafka_error_destroy(error);
			continue;
		}
		return answer(error, "end of a transaction", err, err_len);
	}
	return r;
}

int kafka_transact_abort(struct kafka_producer *p, int timeout_ms, char *err, size_t err_len)
{
	return answer(rd_kafka_abort_transaction(kafka_producer_handle(p), timeout_ms), "taking back of a transaction", err, err_len);
}
