/*
 * engine.c -- the seam around libchdb.so, the ClickHouse that the npm package @chdb/lib-linux-x64-gnu ships.
 *
 * The library is 560 MB and nobody's build should want it: it is opened with dlopen, its few functions are looked up by
 * name, and its absence is one line that tells how to get it. Its C interface reports errors as text inside a result, so
 * every result is looked at here. chdb_close_conn must come before exit, or the process may crash on its way out.
 */
#include "embedded/engine.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

typedef void *chdb_conn; /* what a chdb_connection points to */

struct chdb {
	chdb_conn *(*connect)(int argc, char **argv);
	void (*close_conn)(chdb_conn *conn);
	void *(*query_n)(chdb_conn conn, const char *sql, size_t sql_len, const char *format, size_t format_len);
	void (*destroy_query_result)(void *result);
	char *(*result_buffer)(void *result);
	size_t (*result_length)(void *result);
	const char *(*result_error)(void *result);
	double (*result_elapsed)(void *result);
	uint64_t (*result_storage_rows_read)(void *result);
	uint64_t (*result_storage_bytes_read)(void *result);
	void (*set_signal_handlers_enabled)(bool enabled);
};

struct engine {
	struct chdb api;
	void *library;
	chdb_conn *base; /* keeps the engine alive while no query runs */
	char *arg_path;
	char *arg_config;
	char version[32];
};

struct engine_result {
	const struct chdb *api;
	chdb_conn *conn;
	void *result;
	const char *error;
};

static const struct {
	const char *name;
	size_t offset;
} symbols[] = {
	{"chdb_connect", offsetof(struct chdb, connect)},
	{"chdb_close_conn", offsetof(struct chdb, close_conn)},
	{"chdb_query_n", offsetof(struct chdb, query_n)},
	{"chdb_destroy_query_result", offsetof(struct chdb, destroy_query_result)},
	{"chdb_result_buffer", offsetof(struct chdb, result_buffer)},
	{"chdb_result_length", offsetof(struct chdb, result_length)},
	{"chdb_result_error", offsetof(struct chdb, result_error)},
	{"chdb_result_elapsed", offsetof(struct chdb, result_elapsed)},
	{"chdb_result_storage_rows_read", offsetof(struct chdb, result_storage_rows_read)},
	{"chdb_result_storage_bytes_read", offsetof(struct chdb, result_storage_bytes_read)},
	{"chdb_set_signal_handlers_enabled", offsetof(struct chdb, set_signal_handlers_enabled)},
};

static int load(struct engine *e, const char *path, char *err, size_t err_len)
{
	e->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!e->library) {
		snprintf(err, err_len, "%s", dlerror());
		return -ENOENT;
	}
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *at = dlsym(e->library, symbols[i].name);
		if (!at) {
			snprintf(err, err_len, "%s: no function %s in it: not a libchdb.so of 26.5 or later", path, symbols[i].name);
			return -ENOENT;
		}
		memcpy((char *)&e->api + symbols[i].offset, &at, sizeof(at));
	}
	return 0;
}

/* A Kafka table left by a run that was killed would look for a broker that is gone, and dropping it would wait for it. It
 * holds no rows: its file is taken away before the engine looks. */
static void forget_kafka_tables(const char *data)
{
	static const char *const names[] = {"flows.sql", "flows_consumer.sql"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char pattern[4096];
		glob_t found;
		snprintf(pattern, sizeof(pattern), "%s/store/*/*/%s", data, names[i]);
		if (glob(pattern, 0, NULL, &found) == 0) {
			for (size_t n = 0; n < found.gl_pathc; n++)
				unlink(found.gl_pathv[n]);
			globfree(&found);
		}
	}
}

static chdb_conn *new_connection(struct engine *e)
{
	char program[] = "clickhouse";
	char *argv[] = {program, e->arg_path, e->arg_config, NULL};
	return e->api.connect(e->arg_config ? 3 : 2, argv);
}

/* The engine locks this file while it has the folder open. Looked at here because its own words are about a file "status",
 * and because the one who waits for the other to end would wait in vain. */
static bool in_use(const char *data)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/status", data);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool locked = flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
	close(fd);
	return locked;
}

int engine_open(const struct engine_setup *setup, struct engine **ret_engine, char *err, size_t err_len)
{
	struct engine *e = calloc(1, sizeof(*e));
	if (!e) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	int r = load(e, setup->library, err, err_len);
	if (r)
		goto fail;
	r = -ENOMEM;
	if (asprintf(&e->arg_path, "--path=%s", setup->data) < 0 ||
	    (setup->config && asprintf(&e->arg_config, "--config-file=%s", setup->config) < 0)) {
		snprintf(err, err_len, "out of memory");
		goto fail;
	}
	r = -EBUSY;
	if (in_use(setup->data)) {
		snprintf(err, err_len, "%s: in use by another weir-embedded or clickhouse-local (--data)", setup->data);
		goto fail;
	}
	setenv("TZ", "UTC", 1); /* DateTime columns are printed in the server's zone: weir's are in UTC */
	forget_kafka_tables(setup->data);
	e->api.set_signal_handlers_enabled(false);
	r = -EAGAIN;
	e->base = new_connection(e);
	if (!e->base) {
		snprintf(err, err_len, "%s: the ClickHouse engine cannot open its tables; what it says is above (--data)", setup->data);
		goto fail;
	}
	struct engine_result *v = engine_query(e, NULL, "SELECT version()", strlen("SELECT version()"), "TabSeparated");
	size_t len = 0;
	const char *text = v ? engine_data(v, &len) : NULL;
	if (text && !engine_error(v))
		snprintf(e->version, sizeof(e->version), "%.*s", (int)strcspn(text, "\n"), text);
	engine_result_free(v);
	*ret_engine = e;
	return 0;
fail:
	engine_close(e);
	return r;
}

const char *engine_version(const struct engine *e)
{
	return e->version;
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	if (e->base)
		e->api.close_conn(e->base);
	free(e->arg_path);
	free(e->arg_config);
	free(e); /* the library stays mapped: its threads may still be on their way out */
}

static bool run_prelude(struct engine_result *r, const char *prelude)
{
	r->result = r->api->query_n(*r->conn, prelude, strlen(prelude), "Null", strlen("Null"));
	if (r->result)
		r->error = r->api->result_error(r->result);
	if (!r->result || r->error)
		return false;
	r->api->destroy_query_result(r->result);
	r->result = NULL;
	return true;
}

struct engine_result *engine_query(struct engine *e, const char *prelude, const char *sql, size_t sql_len,
				   const char *format)
{
	struct engine_result *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->api = &e->api;
	r->conn = new_connection(e);
	if (!r->conn) {
		free(r);
		return NULL;
	}
	if (!prelude || !*prelude || run_prelude(r, prelude)) {
		r->result = e->api.query_n(*r->conn, sql, sql_len, format, strlen(format));
		if (r->result)
			r->error = e->api.result_error(r->result);
	}
	if (!r->result) {
		engine_result_free(r);
		return NULL;
	}
	return r;
}

const char *engine_error(const struct engine_result *r)
{
	return r->error;
}

int engine_error_code(const char *error)
{
	const char *at = error ? strstr(error, "Code: ") : NULL;
	return at ? (int)strtol(at + strlen("Code: "), NULL, 10) : 0;
}

const char *engine_data(const struct engine_result *r, size_t *ret_len)
{
	*ret_len = r->api->result_length(r->result);
	return r->api->result_buffer(r->result);
}

double engine_elapsed(const struct engine_result *r)
{
	return r->api->result_elapsed(r->result);
}

uint64_t engine_rows_read(const struct engine_result *r)
{
	return r->api->result_storage_rows_read(r->result);
}

uint64_t engine_bytes_read(const struct engine_result *r)
{
	return r->api->result_storage_bytes_read(r->result);
}

void engine_result_free(struct engine_result *r)
{
	if (!r)
		return;
	if (r->result)
		r->api->destroy_query_result(r->result);
	r->api->close_conn(r->conn);
	free(r);
}

int engine_run(struct engine *e, const char *sql, char *err, size_t err_len)
{
	struct engine_result *r = engine_query(e, NULL, sql, strlen(sql), "Null");
	int rc = r && !engine_error(r) ? 0 : -EIO;
	if (rc)
		snprintf(err, err_len, "%s", r ? engine_error(r) : "the ClickHouse engine gave no answer");
	engine_result_free(r);
	return rc;
}

int engine_number(struct engine *e, const char *sql, uint64_t *ret_value)
{
	struct engine_result *r = engine_query(e, NULL, sql, strlen(sql), "TabSeparated");
	size_t len = 0;
	const char *text = r && !engine_error(r) ? engine_data(r, &len) : NULL;
	int rc = text && len > 0 && isdigit((unsigned char)text[0]) ? 0 : -EIO;
	if (!rc)
		*ret_value = strtoull(text, NULL, 10);
	engine_result_free(r);
	return rc;
}
