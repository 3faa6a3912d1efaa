/*
 * pages.c -- see pages.h. Handlers run in threads of the HTTP server: they read counters, and ask workers for what only
 * those may touch.
 */
#include "collector/pages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/collector.h"
#include "collector/config.h"
#include "collector/decode.h"
#include "collector/tap.h"
#include "collector/transport.h"
#include "common/buf.h"
#include "common/http.h"
#include "common/ip.h"

static void show_metrics(void *arg, const struct http_request *req, struct http_response *res)
{
	(void)req;
	res->content_type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_write(arg, &res->body);
}

/* Ready: sockets are bound (else there were no pages), the transport can deliver, and it is not about to end. */
static void show_ready(void *arg, const struct http_request *req, struct http_response *res)
{
	struct collector *c = arg;
	char why[600] = "stopping";
	(void)req;
	bool stopping = __atomic_load_n(&c->stopping, __ATOMIC_ACQUIRE);
	http_say_ready(res, !stopping && c->transport->ops->ready(c->transport, why, sizeof(why)), why);
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

/* What /templates and /exporters ask each worker for. */
struct listing {
	void (*list)(struct decoder *d, const struct ip_addr *only, size_t limit, struct buf *out);
	const char *key;
	struct ip_addr only;
	bool one;
	size_t limit;
	struct buf *out;
};

static void list_worker(void *arg, struct worker *w, struct decoder *d)
{
	struct listing *l = arg;
	const char *name = worker_listen(w)->text;
	buf_puts(l->out, l->out->len > 1 ? ",\n{\"listener\":" : "{\"listener\":");
	buf_json_string(l->out, name, strlen(name));
	buf_printf(l->out, ",\"worker\":%u,\"%s\":", worker_number(w), l->key);
	l->list(d, l->one ? &l->only : NULL, l->limit, l->out);
	buf_puts(l->out, "}");
}

/* An array with an object a worker: each has its own exporters. */
static void show_listing(struct collector *c, struct listing *l, const struct http_request *req, struct http_response *res)
{
	const char *exporter = http_query(req, "exporter"), *limit = http_query(req, "limit");
	l->one = exporter != NULL;
	l->limit = limit ? strtoul(limit, NULL, 10) : 0;
	l->out = &res->body;
	if (exporter && ip_parse(exporter, &l->only) < 0) {
		res->status = 400;
		buf_puts(&res->body, "exporter is an address\n");
		return;
	}
	res->content_type = "application/json";
	buf_puts(&res->body, "[");
	for (size_t i = 0; i < c->n_workers; i++)
		(void)worker_ask(c->workers[i], list_worker, l);
	buf_puts(&res->body, "]\n");
}

static void show_templates(void *arg, const struct http_request *req, struct http_response *res)
{
	show_listing(arg, &(struct listing){.list = decoder_templates_json, .key = "templates"}, req, res);
}

static void show_exporters(void *arg, const struct http_request *req, struct http_response *res)
{
	show_listing(arg, &(struct listing){.list = decoder_exporters_json, .key = "exporters"}, req, res);
}

/* Goes by the name that --templates.path gives it. */
static bool is_templates_page(const struct collector *c, const struct http_request *req)
{
	return strcmp(http_path(req), c->config->templates_page) == 0;
}

static void show_other(void *arg, const struct http_request *req, struct http_response *res)
{
	if (is_templates_page(arg, req))
		return show_templates(arg, req, res);
	res->status = 404;
	buf_puts(&res->body, "there is nothing at this path\n");
}

static const struct http_route routes[] = {
	{"/metrics", "GET", show_metrics},
	{"/healthz", "GET", http_say_ok},
	{"/__health", "GET", http_say_ok}, /* as goflow2 calls it */
	{"/readyz", "GET", show_ready},
	{"/flows", "GET", show_flows},
	{"/exporters", "GET", show_exporters},
	{"/sflow", "GET", pages_sflow_json},
	{"/metrics/sflow", "GET", pages_sflow_metrics},
	{"/metrics/exporters", "GET", pages_exporter_metrics},
	{"/*", "GET", show_other},
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
