/*
 * server.h -- ClickHouse's HTTP interface before the embedded engine, and what weir-embedded says about itself.
 */
#ifndef WEIR_EMBEDDED_SERVER_H
#define WEIR_EMBEDDED_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct broker;
struct engine;
struct http_server;

struct server {
	struct engine *engine;
	struct broker *broker;
	const char *address;
	const char *web;     /* folder of the page's files, NULL: none */
	uint64_t query_ns;   /* a query may take as long as this */
	uint64_t query_memory;
	uint64_t query_rows; /* of an answer; 0: any number */
	bool ready;          /* tables are there and the consumers have their partitions; set by main, atomically */
	uint64_t queries, failed, refused;
	struct http_server *http;
};

/* 0 or a negative errno with ERR. Until READY, /ping and queries answer 503. */
int server_start(struct server *s, char *err, size_t err_len);
void server_stop(struct server *s);

#endif
