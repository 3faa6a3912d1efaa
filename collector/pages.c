/*
 * pages.c -- see pages.h. Handlers run in threads of the HTTP server: they read counters, and ask workers for what only
 * those may touch.
 */
#include "collector/pages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/collector.h"
#include "collector/config.h"
#include "collector/tap.h"
#include "collector/transport.h"
#include "common/buf.h"
#include "common/http.h"

static void show_metrics(void *arg, const struct http_request *req, struct http_response *res)
{
	(void)req;
	res->content_type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_write(arg, &res->body);
}

/* Alive: it answers. */
static void show_health(void *arg, const struct http_request *req, struct http_response *res)
{
	(void)arg;
	(void)req;
	buf_puts(&res->body, "OK\n");
}

/* Ready: sockets are bound (else there were no pages), the transport can deliver, and it is not about to end. */
static void show_ready(void *arg, const struct http_request *req, struct http_response *res)
{
	struct collector *c = arg;
	char why[300];
	(void)req;
	if (__atomic_load_n(&c->stopping, __ATOMIC_ACQUIRE))
		snprintf(why, sizeof(why), "stopping");
	else if (c->transport->ops->ready(c->transport, why, sizeof(why)))
		return show_health(arg, req, res);
	res->status = 503;
	buf_printf(&res->body, "not ready: %s\n", why);
}

static void show_flows(void *arg, const struct http_request *req, struct http_response *res)
{
	struct collector *c = arg;
	const char *text = http_query(req, "limit");
	char *end = NULL;
	unsigned long long limit = text ? strtoull(text, &end, 10) : 0;
	if (text && (*text < '0' || *text > '9' || *end)) {
		res->status = 400;
		buf_puts(&res->body, "limit is the number of flows to show; without it there is no end\n");
		return;
	}
	struct tap_reader *reader = tap_reader_new(c->tap, limit);
	if (!reader) {
		res->status = 503;
		buf_printf(&res->body, "%d readers are there already\n", TAP_READERS_MAX);
		return;
	}
	res->content_type = "application/x-ndjson";
	res->stream = tap_reader_read;
	res->stream_free = tap_reader_free;
	res->stream_arg = reader;
}

static const struct http_route routes[] = {
	{"/metrics", "GET", show_metrics},
	{"/healthz", "GET", show_health},
	{"/__health", "GET", show_health}, /* as goflow2 calls it */
	{"/readyz", "GET", show_ready},
	{"/flows", "GET", show_flows},
	{"/sflow", "GET", pages_sflow_json},
	{"/metrics/sflow", "GET", pages_sflow_metrics},
};

int pages_start(struct collector *c, char *err, size_t err_len)
{
	if (!*c->config->addr)
		return 0;
	struct http_options options = {
		.address = c->config->addr,
		.routes = routes,
		.n_routes = sizeof(routes) / sizeof(routes[0]),
		.arg = c,
	};
	return http_server_start(&options, &c->http, err, err_len);
}

void pages_stop(struct collector *c)
{
	http_server_stop(c->http);
	c->http = NULL;
}
