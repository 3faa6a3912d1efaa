/*
 * pages.h -- the collector over HTTP: /metrics, /healthz, /readyz, /templates, /exporters, /flows.
 */
#ifndef WEIR_COLLECTOR_PAGES_H
#define WEIR_COLLECTOR_PAGES_H

#include <stddef.h>

#include "common/err.h"

struct buf;
struct collector;

/* Nothing to do when --addr is empty. 0, or negative with one line in ERR. */
int pages_start(struct collector *c, char *err, size_t err_len) MUST_CHECK;
void pages_stop(struct collector *c);

/* metrics.c */
void metrics_write(struct collector *c, struct buf *out);

#endif
