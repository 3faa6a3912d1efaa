/*
 * engine.h -- ClickHouse as a library inside this process: libchdb.so, loaded when the program runs.
 *
 * Nothing of it is needed to build. A query gets a connection of its own (a third of a millisecond), so that what one
 * request SETs is gone for the next one and requests run side by side.
 */
#ifndef WEIR_EMBEDDED_ENGINE_H
#define WEIR_EMBEDDED_ENGINE_H

#include <stddef.h>
#include <stdint.h>

struct engine;
struct engine_result;

struct engine_setup {
	const char *library; /* libchdb.so, with a slash in it */
	const char *data;    /* folder of the tables; made when absent */
	const char *config;  /* server configuration in XML, NULL: none */
};

/* 0, -ENOENT (no such library), -EBUSY (another process has the folder open) or -EAGAIN (the tables cannot be loaded: worth
 * another try, but not in this process), with ERR. One engine a process. */
int engine_open(const struct engine_setup *setup, struct engine **ret_engine, char *err, size_t err_len);
const char *engine_version(const struct engine *e);
/* No query may be running. */
void engine_close(struct engine *e);

/* Runs PRELUDE (SET and USE statements; NULL: none), then SQL, both on one connection. Gives a result whatever happened,
 * NULL only when memory or the engine itself failed. Thread-safe. */
struct engine_result *engine_query(struct engine *e, const char *prelude, const char *sql, size_t sql_len,
				   const char *format);
const char *engine_error(const struct engine_result *r); /* "Code: 60. DB::Exception: ...", NULL when it went well */
int engine_error_code(const char *error);                /* 60, 0 when there is none in the text */
const char *engine_data(const struct engine_result *r, size_t *ret_len);
double engine_elapsed(const struct engine_result *r);
uint64_t engine_rows_read(const struct engine_result *r);
uint64_t engine_bytes_read(const struct engine_result *r);
void engine_result_free(struct engine_result *r);

/* Runs SQL for its effect: 0, or -EIO with the engine's words in ERR. */
int engine_run(struct engine *e, const char *sql, char *err, size_t err_len);
/* The one number that SQL selects, into *ret_value; 0 or -EIO. */
int engine_number(struct engine *e, const char *sql, uint64_t *ret_value);

#endif
