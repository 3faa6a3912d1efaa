/*
 * plain.h -- batches in plain memory, for transports that are done with a batch when they have written it.
 */
#ifndef WEIR_COLLECTOR_PLAIN_H
#define WEIR_COLLECTOR_PLAIN_H

#include <stddef.h>

struct batch;

struct batch *plain_batch_new(size_t payload_bytes); /* NULL: no memory */
void plain_batch_free(struct batch *b);

#endif
