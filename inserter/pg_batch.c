/*
 * pg_batch.c -- see pg_batch.h. The binary format is that of PostgreSQL's manual, "COPY": for each row the number of
 * columns, then length and bytes of each, big endian; a timestamp is microseconds since 2000.
 */
#include "inserter/pg_batch.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "inserter/tally.h"
#include "kafka/consume.h"
#include "proto/flow.h"

enum {
	ROW_MAX = 256,
	COLUMNS = 13,
	PG_AF_INET = 2,  /* PostgreSQL's own numbers, the same on every system */
	PG_AF_INET6 = 3,
	ROLLUP_S = 300
};

#define EPOCH_2000_US 946684800000000ull

static char *put16(char *out, uint16_t v)
{
	v = htobe16(v);
	memcpy(out, &v, sizeof(v));
	return out + sizeof(v);
}

static char *put32(char *out, uint32_t v)
{
	v = htobe32(v);
	memcpy(out, &v, sizeof(v));
	return out + sizeof(v);
}

static char *put64(char *out, uint64_t v)
{
	v = htobe64(v);
	memcpy(out, &v, sizeof(v));
	return out + sizeof(v);
}

static char *put_int4(char *out, uint32_t v)
{
	return put32(put32(out, 4), v > INT32_MAX ? INT32_MAX : v);
}

/* A counter above 2^63 is nonsense that must not turn negative. */
static char *put_int8(char *out, uint64_t v)
{
	return put64(put32(out, 8), v > INT64_MAX ? INT64_MAX : v);
}

static char *put_inet(char *out, const struct ip_addr *a)
{
	if (!a->len)
		return put32(out, UINT32_MAX); /* NULL */
	out = put32(out, 4 + a->len);
	*out++ = a->len == 4 ? PG_AF_INET : PG_AF_INET6;
	*out++ = (char)(a->len * 8);
	*out++ = 0; /* not a cidr */
	*out++ = (char)a->len;
	memcpy(out, a->bytes, a->len);
	return out + a->len;
}

static uint64_t us_since_2000(uint64_t ns)
{
	uint64_t us = ns / NS_PER_US;
	return us > EPOCH_2000_US ? us - EPOCH_2000_US : 0;
}

static int room(void **items, size_t *cap, size_t count, size_t size)
{
	if (count < *cap)
		return 0;
	size_t more = *cap ? *cap * 2 : 1024;
	void *grown = reallocarray(*items, more, size);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	*cap = more;
	return 0;
}

int pg_batch_message(struct pg_batch *b, const struct kafka_message *m)
{
	void *items = b->messages;
	int r = room(&items, &b->cap_messages, b->n_messages, sizeof(*b->messages));
	b->messages = items;
	if (r)
		return r;
	struct pg_message *message = &b->messages[b->n_messages++];
	*message = (struct pg_message){.part = m->partition, .offset = m->offset, .row_at = b->rows.len,
				       .row_end = b->rows.len, .sum_at = b->n_sums, .sum_end = b->n_sums};
	message->has_header = m->header && kafka_header_read(m->header, m->header_len, &message->header) == 0;
	return 0;
}

int pg_batch_flow(struct pg_batch *b, const struct flow *f)
{
	void *items = b->sums;
	int r = room(&items, &b->cap_sums, b->n_sums, sizeof(*b->sums));
	b->sums = items;
	char *start = r ? NULL : buf_reserve(&b->rows, ROW_MAX);
	if (!start)
		return -ENOMEM;
	char *p = put16(start, COLUMNS);
	p = put64(put32(p, 8), us_since_2000(f->time_flow_start_ns ? f->time_flow_start_ns : f->time_received_ns));
	p = put_int4(p, f->type);
	p = put_int8(p, f->sampling_rate);
	p = put_int8(p, f->src_as);
	p = put_int8(p, f->dst_as);
	p = put_inet(p, &f->src_addr);
	p = put_inet(p, &f->dst_addr);
	p = put_int8(p, f->bytes);
	p = put_int8(p, f->packets);
	p = put_int4(p, f->etype);
	p = put_int4(p, f->proto);
	p = put_int4(p, f->src_port);
	p = put_int4(p, f->dst_port);
	b->rows.len += (size_t)(p - start);
	uint64_t slot = f->time_received_ns / NS_PER_S / ROLLUP_S * ROLLUP_S * NS_PER_S;
	b->sums[b->n_sums++] = (struct pg_sum){.timeslot = (int64_t)us_since_2000(slot), .src_as = f->src_as,
		.dst_as = f->dst_as, .etype = (int32_t)(f->etype & INT32_MAX), .bytes = f->bytes, .packets = f->packets};
	struct pg_message *m = &b->messages[b->n_messages - 1];
	m->row_end = b->rows.len;
	m->sum_end = b->n_sums;
	return 0;
}

void pg_batch_clear(struct pg_batch *b)
{
	buf_reset(&b->rows);
	b->n_messages = 0;
	b->n_sums = 0;
}

void pg_batch_free(struct pg_batch *b)
{
	buf_free(&b->rows);
	free(b->messages);
	free(b->sums);
	*b = (struct pg_batch){0};
}

static int add_sum(struct tally *sums, const struct pg_sum *one)
{
	struct pg_sum_key key = {one->timeslot, one->src_as, one->dst_as, one->etype};
	struct pg_sum_value *v = tally_get(sums, &key);
	if (!v)
		return -ENOMEM;
	v->bytes += one->bytes;
	v->packets += one->packets;
	v->count++;
	return 0;
}

int pg_batch_sums(const struct pg_batch *b, struct tally **ret_sums)
{
	struct tally *sums = NULL;
	/* Never more keys than flows: the limit is the batch's own. */
	int r = tally_new(sizeof(struct pg_sum_key), sizeof(struct pg_sum_value), b->n_sums + 1, &sums);
	for (size_t i = 0; i < b->n_messages && !r; i++)
		for (size_t k = b->messages[i].sum_at; b->messages[i].keep && k < b->messages[i].sum_end && !r; k++)
			r = add_sum(sums, &b->sums[k]);
	if (r)
		tally_free(sums);
	else
		*ret_sums = sums;
	return r;
}
