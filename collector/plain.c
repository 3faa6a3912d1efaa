/*
 * plain.c -- see plain.h.
 */
#include "collector/plain.h"

#include <stdlib.h>

#include "collector/batch.h"

struct batch *plain_batch_new(size_t payload_bytes)
{
	struct batch *b = calloc(1, sizeof(*b));
	uint8_t *data = malloc(payload_bytes);
	if (!b || !data) {
		free(b);
		free(data);
		return NULL;
	}
	b->data = data;
	b->cap = payload_bytes;
	batch_reset(b);
	return b;
}

void plain_batch_free(struct batch *b)
{
	if (!b)
		return;
	free(b->data);
	free(b);
}
