/*
 * header.c -- see header.h. (Little endian, which common/wire.h is not: this is weir's own format, not an exporter's.)
 */
#include "kafka/header.h"

static void put(uint8_t *out, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *in, int bytes)
{
	uint64_t value = 0;
	for (int i = 0; i < bytes; i++)
		value |= (uint64_t)in[i] << (8 * i);
	return value;
}

void kafka_header_write(const struct kafka_header *h, uint8_t out[KAFKA_HEADER_LEN])
{
	put(out, KAFKA_HEADER_VERSION, 1);
	put(out + 1, h->format, 1);
	put(out + 2, 0, 2); /* reserved */
	put(out + 4, h->flows, 4);
	put(out + 8, h->collector, 8);
	put(out + 16, h->epoch, 8);
	put(out + 24, h->sequence, 8);
}

int kafka_header_read(const void *data, uint64_t len, struct kafka_header *ret_header)
{
	const uint8_t *in = data;
	if (len < KAFKA_HEADER_LEN)
		return -ERR_TRUNCATED;
	if (in[0] != KAFKA_HEADER_VERSION)
		return -ERR_VERSION;
	*ret_header = (struct kafka_header){
		.format = in[1],
		.flows = (uint32_t)get(in + 4, 4),
		.collector = get(in + 8, 8),
		.epoch = get(in + 16, 8),
		.sequence = get(in + 24, 8),
	};
	return 0;
}
