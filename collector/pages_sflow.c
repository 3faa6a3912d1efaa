/*
 * pages_sflow.c -- /sflow and /metrics/sflow: the counter samples of sFlow agents. A page of their own, for there may be
 * many thousands of them, and who scrapes the collector's health does not want them.
 */
#include <stdlib.h>

#include "collector/collector.h"
#include "collector/pages.h"
#include "collector/sflow.h"
#include "common/http.h"

static void tell_decoder(void *arg, struct worker *w, struct decoder *d)
{
	struct decoder **ret_decoder = arg;
	(void)w;
	*ret_decoder = d;
}

/* The decoders of all workers that run. What sflow.h reads in them has a lock of its own. */
static size_t find_decoders(const struct collector *c, struct decoder **ret_decoders)
{
	size_t n = 0;
	for (size_t i = 0; i < c->n_workers; i++)
		n += worker_ask(c->workers[i], tell_decoder, &ret_decoders[n]) == 0;
	return n;
}

void pages_sflow_json(void *arg, const struct http_request *req, struct http_response *res)
{
	struct decoder *decoders[COLLECTOR_WORKERS_MAX];
	(void)req;
	res->content_type = "application/json";
	sflow_counters_json(decoders, find_decoders(arg, decoders), &res->body);
}

void pages_sflow_metrics(void *arg, const struct http_request *req, struct http_response *res)
{
	struct decoder *decoders[COLLECTOR_WORKERS_MAX];
	(void)req;
	res->content_type = "text/plain; version=0.0.4; charset=utf-8";
	sflow_counters_prom(decoders, find_decoders(arg, decoders), &res->body);
}
