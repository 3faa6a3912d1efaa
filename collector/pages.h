/*
 * pages.h -- the collector over HTTP: /metrics, /healthz, /readyz, /templates, /exporters, /flows, /sflow.
 */
#ifndef WEIR_COLLECTOR_PAGES_H
#define WEIR_COLLECTOR_PAGES_H

#include <stddef.h>

#include "common/err.h"

struct buf;
struct collector;
struct http_request;
struct http_response;

/* Nothing to do when --addr is empty. 0, or negative with one line in ERR. */
int pages_start(struct collector *c, char *err, size_t err_len) MUST_CHECK;
void pages_stop(struct collector *c);

/* pages_sflow.c: what sFlow agents count about themselves */
void pages_sflow_json(void *arg, const struct http_request *req, struct http_response *res);
void pages_sflow_metrics(void *arg, const struct http_request *req, struct http_response *res);

/* metrics_exporters.c */
void pages_exporter_metrics(void *arg, const struct http_request *req, struct http_response *res);

/* metrics.c */
void metrics_write(struct collector *c, struct buf *out);
/* metrics_input.c: of it, what is about connections and packets. */
void metrics_input(const struct collector *c, struct buf *out);

#endif
