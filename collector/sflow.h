/*
 * sflow.h -- sFlow's own state: what agents count about themselves, for /metrics.
 */
#ifndef WEIR_COLLECTOR_SFLOW_H
#define WEIR_COLLECTOR_SFLOW_H

#include <stddef.h>

struct buf;
struct decoder;

/* Writes the counter samples that the N decoders hold, as Prometheus text: each metric once, all decoders below it.
 * May be called from any thread while the decoders work. */
void sflow_counters_prom(struct decoder *const *decoders, size_t n, struct buf *out);
/* The same as a JSON array: {"agent":...,"interface":N,"if_in_octets":N,...}. */
void sflow_counters_json(struct decoder *const *decoders, size_t n, struct buf *out);

/* For decoder_free(). */
void sflow_free(struct decoder *d);

#endif
