/*
 * postgres.c -- weir-inserter postgres: every flow once. The one file that knows libpq.
 *
 * A batch is one transaction: it locks the rows of weir_offsets for its partitions, leaves out what they say is stored
 * already, leaves out messages that weir_seen says came before (their collector sent them twice), copies the rest,
 * adds to the rollup, and moves the offsets. So it does not matter which side crashes when, whether a COMMIT was lost
 * on the way back, or whether two inserters hold the same partition for a moment: Kafka's own offsets only say where
 * to begin reading, and they are committed afterwards.
 *
 * A topic that was deleted and made anew begins at offset 0 again. We see it when the consumer was told to begin at N
 * and gets less than N; then the stored offset is void.
 */
#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/complain.h"
#include "common/counter.h"
#include "common/log.h"
#include "common/promtext.h"
#include "inserter/pg_batch.h"
#include "inserter/postgres_sql.h"
#include "inserter/sink.h"
#include "inserter/tally.h"
#include "kafka/consume.h"

enum { PARTS_MAX = 10000, MAINTAIN_S = 3600 };

struct postgres_options {
	char *conninfo;
	bool create;
	int64_t batch;
	uint64_t keep_flows_ns, keep_sums_ns, keep_seen_ns;
};

struct part {
	int64_t told;   /* begin() said so, -1: it did not */
	int64_t stored; /* weir_offsets, read in the transaction */
	bool anew;      /* the topic was made anew: stored means nothing */
	bool in_batch;
	int64_t next;   /* behind the last message of the batch */
};

struct postgres {
	const struct postgres_options *options;
	char *topic;
	PGconn *conn;
	bool prepared;        /* schema and partitions are there */
	uint64_t maintain_ns; /* when to do so again, monotonic */
	struct pg_batch batch;
	struct part *parts;
	int32_t n_parts;
	struct complain complain;
	uint64_t rows, batches, repeated, known, errors, connected;
};

static const struct opt rows[] = {
	{"postgres", OPT_STRING, offsetof(struct postgres_options, conninfo), "", "CONNINFO",
	 "How to connect, as libpq has it: 'host=db dbname=flows user=weir', or postgres://weir@db/flows. A password belongs into "
	 "the environment (PGPASSWORD) or ~/.pgpass.", .flags = OPT_SECRET},
	{"postgres.create", OPT_BOOL, offsetof(struct postgres_options, create), "true", NULL,
	 "Make the tables that are missing (sql/postgres/)."},
	{"postgres.batch", OPT_INT, offsetof(struct postgres_options, batch), "50000", "N",
	 "Flows in one transaction; --flush bounds it in time.", .min = 1, .max = 5000000},
	{"postgres.keep", OPT_DURATION, offsetof(struct postgres_options, keep_flows_ns), "30d", "TIME",
	 "Days of flows older than this are dropped; 0: never."},
	{"postgres.keep-sums", OPT_DURATION, offsetof(struct postgres_options, keep_sums_ns), "730d", "TIME",
	 "Rows of flows_5m older than this go; 0: never."},
	{"postgres.keep-seen", OPT_DURATION, offsetof(struct postgres_options, keep_seen_ns), "7d", "TIME",
	 "For so long, a message that its collector sends again is recognised; 0: for ever."},
};

/* -- talking to the server -- */

static void say(struct postgres *p, const char *what, const char *why)
{
	uint64_t swallowed;
	counter_inc(&p->errors);
	if (complain_now(&p->complain, clock_monotonic_ns(), &swallowed))
		log_warn(LOG_DB, "postgres: %s: %.*s", what, (int)strcspn(why, "\n"), why);
}

/* Runs SQL with text parameters; NULL (said already) when it failed. */
static PGresult *query(struct postgres *p, const char *what, const char *sql, int n, const char *const params[])
{
	PGresult *res = PQexecParams(p->conn, sql, n, NULL, params, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(res);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_COPY_IN)
		return res;
	say(p, what, PQerrorMessage(p->conn));
	PQclear(res);
	return NULL;
}

static int run(struct postgres *p, const char *what, const char *sql, int n, const char *const params[])
{
	PGresult *res = query(p, what, sql, n, params);
	PQclear(res);
	return res ? 0 : -EIO;
}

static const char *interval(uint64_t ns, char out[32])
{
	snprintf(out, 32, "%llu s", (unsigned long long)(ns / NS_PER_S));
	return ns ? out : NULL;
}

static int maintain(struct postgres *p)
{
	char keep[3][32];
	const char *const params[] = {interval(p->options->keep_flows_ns, keep[0]), interval(p->options->keep_sums_ns, keep[1]),
				      interval(p->options->keep_seen_ns, keep[2])};
	int r = run(p, "partitions could not be made", "SELECT weir_maintain($1::interval, $2::interval, $3::interval)", 3, params);
	if (!r)
		p->maintain_ns = clock_monotonic_ns() + MAINTAIN_S * NS_PER_S;
	return r;
}

static int prepare(struct postgres *p)
{
	if (p->options->create) {
		PGresult *res = PQexec(p->conn, "SET client_min_messages = warning");
		PQclear(res);
		res = PQexec(p->conn, postgres_sql);
		bool ok = PQresultStatus(res) == PGRES_COMMAND_OK;
		PQclear(res);
		if (!ok) {
			say(p, "the tables could not be made", PQerrorMessage(p->conn));
			return -EIO;
		}
	}
	int r = maintain(p);
	p->prepared = !r;
	return r;
}

static int connect_again(struct postgres *p)
{
	/* Later ones win: what the user says beats what stands before it. */
	const char *const keys[] = {"connect_timeout", "keepalives_idle", "tcp_user_timeout", "application_name", "dbname", NULL};
	const char *const values[] = {"5", "15", "30000", "weir-inserter", p->options->conninfo, NULL};
	if (p->conn && PQstatus(p->conn) == CONNECTION_OK && p->prepared)
		return 0;
	if (!p->conn || PQstatus(p->conn) != CONNECTION_OK) {
		PQfinish(p->conn);
		p->prepared = false;
		p->conn = PQconnectdbParams(keys, values, 1);
	}
	if (PQstatus(p->conn) != CONNECTION_OK) {
		__atomic_store_n(&p->connected, 0, __ATOMIC_RELAXED);
		say(p, "cannot connect", PQerrorMessage(p->conn));
		return -EIO;
	}
	int r = prepare(p);
	if (r)
		return r;
	__atomic_store_n(&p->connected, 1, __ATOMIC_RELAXED);
	log_info(LOG_DB, "postgres: connected to %s, database %s", PQhost(p->conn), PQdb(p->conn));
	(void)complain_over(&p->complain);
	return 0;
}

/* -- partitions -- */

static struct part *part_of(struct postgres *p, int32_t partition)
{
	if (partition < 0 || partition >= PARTS_MAX)
		return NULL;
	if (partition >= p->n_parts) {
		struct part *grown = reallocarray(p->parts, (size_t)partition + 1, sizeof(*grown));
		if (!grown)
			return NULL;
		for (int32_t i = p->n_parts; i <= partition; i++)
			grown[i] = (struct part){.told = -1};
		p->parts = grown;
		p->n_parts = partition + 1;
	}
	return &p->parts[partition];
}

static int64_t postgres_begin(void *self, int32_t partition)
{
	struct postgres *p = self;
	struct part *part = part_of(p, partition);
	char number[16];
	const char *const params[] = {p->topic, number};
	if (!part || connect_again(p))
		return -1;
	snprintf(number, sizeof(number), "%d", partition);
	PGresult *res = query(p, "offsets could not be read",
			      "SELECT next_offset FROM weir_offsets WHERE topic = $1 AND part = $2::int", 2, params);
	part->told = res && PQntuples(res) == 1 ? strtoll(PQgetvalue(res, 0, 0), NULL, 10) : -1;
	part->anew = false;
	PQclear(res);
	return part->told;
}

/* -- the transaction -- */

static void add_number(struct buf *b, int64_t v)
{
	buf_printf(b, "%s%lld", b->len ? "," : "{", (long long)v);
}

/* An array as SQL has it, for a parameter. */
static const char *array_text(struct buf *b)
{
	buf_puts(b, b->len ? "}" : "{}");
	return b->failed ? "{}" : b->data;
}

/* Locks the offsets of the batch's partitions and reads them. */
static int lock_offsets(struct postgres *p)
{
	struct buf parts = {0};
	for (int32_t i = 0; i < p->n_parts; i++)
		p->parts[i].in_batch = false;
	for (size_t i = 0; i < p->batch.n_messages; i++) {
		struct part *part = &p->parts[p->batch.messages[i].part];
		part->in_batch = true;
		part->next = p->batch.messages[i].offset + 1;
	}
	for (int32_t i = 0; i < p->n_parts; i++)
		if (p->parts[i].in_batch)
			add_number(&parts, i);
	const char *const params[] = {p->topic, array_text(&parts)};
	int r = run(p, "offsets could not be made",
		    "INSERT INTO weir_offsets SELECT $1, unnest($2::int[]), 0 ON CONFLICT DO NOTHING", 2, params);
	PGresult *res = r ? NULL : query(p, "offsets could not be locked",
		"SELECT part, next_offset FROM weir_offsets WHERE topic = $1 AND part = ANY($2::int[]) ORDER BY part FOR UPDATE", 2,
		params);
	for (int i = 0; res && i < PQntuples(res); i++) {
		struct part *part = part_of(p, (int32_t)strtol(PQgetvalue(res, i, 0), NULL, 10));
		if (part)
			part->stored = strtoll(PQgetvalue(res, i, 1), NULL, 10);
	}
	r = res ? 0 : -EIO;
	PQclear(res);
	buf_free(&parts);
	return r;
}

/* Keeps what is not stored yet; gives how many messages of those have a header. */
static size_t leave_out_stored(struct postgres *p)
{
	size_t with_header = 0;
	for (size_t i = 0; i < p->batch.n_messages; i++) {
		struct pg_message *m = &p->batch.messages[i];
		const struct part *part = &p->parts[m->part];
		m->keep = part->anew || m->offset >= part->stored;
		with_header += m->keep && m->has_header;
	}
	return with_header;
}

struct place {
	int64_t part, offset;
};

/* Enters the kept messages into weir_seen; those that are there already are kept no longer. */
static int leave_out_seen(struct postgres *p)
{
	struct buf columns[5] = {{0}};
	struct tally *fresh = NULL;
	const char *params[5];
	for (size_t i = 0; i < p->batch.n_messages; i++) {
		const struct pg_message *m = &p->batch.messages[i];
		if (!m->keep || !m->has_header)
			continue;
		/* 64 bits that PostgreSQL takes for signed: the same value for the same message is all that counts. */
		add_number(&columns[0], (int64_t)m->header.collector);
		add_number(&columns[1], (int64_t)m->header.epoch);
		add_number(&columns[2], (int64_t)m->header.sequence);
		add_number(&columns[3], m->part);
		add_number(&columns[4], m->offset);
	}
	for (size_t i = 0; i < 5; i++)
		params[i] = array_text(&columns[i]);
	PGresult *res = query(p, "messages could not be noted",
		"INSERT INTO weir_seen (collector, epoch, sequence, part, off) "
		"SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int4[], $5::int8[]) "
		"ON CONFLICT DO NOTHING RETURNING part, off", 5, params);
	int r = res && !tally_new(sizeof(struct place), 1, p->batch.n_messages + 1, &fresh) ? 0 : -EIO;
	for (int i = 0; !r && i < PQntuples(res); i++) {
		struct place at = {strtoll(PQgetvalue(res, i, 0), NULL, 10), strtoll(PQgetvalue(res, i, 1), NULL, 10)};
		char *mark = tally_get(fresh, &at);
		if (mark)
			*mark = 1;
	}
	for (size_t i = 0; !r && i < p->batch.n_messages; i++) {
		struct pg_message *m = &p->batch.messages[i];
		struct place at = {m->part, m->offset};
		const char *mark = m->keep && m->has_header ? tally_get(fresh, &at) : NULL;
		if (mark && !*mark)
			m->keep = false;
	}
	PQclear(res);
	tally_free(fresh);
	for (size_t i = 0; i < 5; i++)
		buf_free(&columns[i]);
	return r;
}

static int put(struct postgres *p, const char *data, size_t len)
{
	enum { PIECE = 1 << 20 };
	for (size_t at = 0; at < len; at += PIECE) {
		size_t n = len - at < PIECE ? len - at : PIECE;
		if (PQputCopyData(p->conn, data + at, (int)n) != 1)
			return -EIO;
	}
	return 0;
}

static int copy_rows(struct postgres *p)
{
	static const char head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0"; /* signature, no flags, no extension */
	PGresult *res = query(p, "COPY", "COPY flows (" PG_BATCH_COLUMNS ") FROM STDIN BINARY", 0, NULL);
	if (!res)
		return -EIO;
	PQclear(res);
	int r = put(p, head, sizeof(head));
	for (size_t i = 0; i < p->batch.n_messages && !r; i++) {
		const struct pg_message *m = &p->batch.messages[i];
		if (m->keep)
			r = put(p, p->batch.rows.data + m->row_at, m->row_end - m->row_at);
	}
	if (!r)
		r = put(p, "\377\377", 2); /* the end */
	if (PQputCopyEnd(p->conn, r ? "weir-inserter gave up" : NULL) != 1)
		r = -EIO;
	while ((res = PQgetResult(p->conn))) {
		if (PQresultStatus(res) != PGRES_COMMAND_OK)
			r = -EIO;
		PQclear(res);
	}
	if (r)
		say(p, "flows could not be copied", PQerrorMessage(p->conn));
	return r;
}

static int add_sums(struct postgres *p)
{
	struct buf columns[7] = {{0}};
	struct tally *sums = NULL;
	const char *params[7];
	int r = pg_batch_sums(&p->batch, &sums);
	for (size_t i = 0; !r && i < tally_count(sums); i++) {
		const struct pg_sum_key *key = tally_key(sums, i);
		const struct pg_sum_value *v = tally_value(sums, i);
		const int64_t numbers[7] = {key->timeslot / 1000000, key->src_as, key->dst_as, key->etype, (int64_t)v->bytes,
					    (int64_t)v->packets, (int64_t)v->count};
		for (size_t k = 0; k < 7; k++)
			add_number(&columns[k], numbers[k]);
	}
	for (size_t k = 0; k < 7; k++)
		params[k] = array_text(&columns[k]);
	if (!r && tally_count(sums)) /* in order: two inserters that lock rows in different orders would stop each other */
		r = run(p, "sums could not be added",
			"INSERT INTO flows_5m AS t SELECT timestamp '2000-01-01' + s * interval '1 s', a, d, e, b, p, c "
			"FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int4[], $5::int8[], $6::int8[], $7::int8[]) "
			"AS u(s, a, d, e, b, p, c) ORDER BY 1, 2, 3, 4 ON CONFLICT (timeslot, src_as, dst_as, etype) "
			"DO UPDATE SET bytes = t.bytes + excluded.bytes, packets = t.packets + excluded.packets, "
			"count = t.count + excluded.count", 7, params);
	tally_free(sums);
	for (size_t k = 0; k < 7; k++)
		buf_free(&columns[k]);
	return r;
}

static int move_offsets(struct postgres *p)
{
	struct buf parts = {0}, offsets = {0};
	for (int32_t i = 0; i < p->n_parts; i++) {
		const struct part *part = &p->parts[i];
		if (!part->in_batch || (!part->anew && part->next <= part->stored))
			continue;
		add_number(&parts, i);
		add_number(&offsets, part->next);
	}
	const char *const params[] = {p->topic, array_text(&parts), array_text(&offsets)};
	int r = parts.len > 2 ? run(p, "offsets could not be moved",
		"UPDATE weir_offsets o SET next_offset = n FROM unnest($2::int4[], $3::int8[]) AS u(q, n) "
		"WHERE o.topic = $1 AND o.part = q", 3, params) : 0;
	buf_free(&parts);
	buf_free(&offsets);
	return r;
}

static int transaction(struct postgres *p)
{
	int r = run(p, "BEGIN", "BEGIN", 0, NULL);
	if (!r)
		r = lock_offsets(p);
	if (!r && leave_out_stored(p))
		r = leave_out_seen(p);
	if (!r)
		r = copy_rows(p);
	if (!r)
		r = add_sums(p);
	if (!r)
		r = move_offsets(p);
	if (!r)
		return run(p, "COMMIT", "COMMIT", 0, NULL);
	PQclear(PQexec(p->conn, "ROLLBACK"));
	return r;
}

static void count_batch(struct postgres *p)
{
	uint64_t stored = 0, known = 0, repeated = 0;
	for (size_t i = 0; i < p->batch.n_messages; i++) {
		const struct pg_message *m = &p->batch.messages[i];
		const struct part *part = &p->parts[m->part];
		if (m->keep)
			stored += m->sum_end - m->sum_at;
		else if (!part->anew && m->offset < part->stored)
			known++;
		else
			repeated++;
	}
	counter_add(&p->rows, stored);
	counter_add(&p->known, known);
	counter_add(&p->repeated, repeated);
	counter_inc(&p->batches);
	for (int32_t i = 0; i < p->n_parts; i++)
		if (p->parts[i].in_batch)
			p->parts[i].anew = false;
}

/* -- the sink -- */

static int postgres_flush(void *self)
{
	struct postgres *p = self;
	if (p->batch.n_messages == 0)
		return 0;
	int r = connect_again(p);
	if (!r && clock_monotonic_ns() >= p->maintain_ns)
		r = maintain(p);
	if (!r)
		r = transaction(p);
	if (r)
		return r;
	count_batch(p);
	pg_batch_clear(&p->batch);
	return 0;
}

static int postgres_ready(void *self)
{
	return connect_again(self);
}

static enum sink_answer postgres_message(void *self, const struct kafka_message *m)
{
	struct postgres *p = self;
	struct part *part = part_of(p, m->partition);
	if (part && part->told > m->offset) {
		log_warn(LOG_DB, "postgres: %s [%d] begins anew at offset %lld, %lld was stored: the topic was made anew", p->topic,
			 m->partition, (long long)m->offset, (long long)part->told);
		part->anew = true;
	}
	if (part)
		part->told = -1;
	if (!part || pg_batch_message(&p->batch, m)) {
		log_error(LOG_OURS, "postgres: out of memory");
		abort(); /* nothing is lost by it: nothing of this batch was committed */
	}
	return SINK_MORE;
}

static enum sink_answer postgres_flow(void *self, const struct flow *f)
{
	struct postgres *p = self;
	if (pg_batch_flow(&p->batch, f)) {
		log_error(LOG_OURS, "postgres: out of memory");
		abort();
	}
	return p->batch.n_sums >= (size_t)p->options->batch ? SINK_FULL : SINK_MORE;
}

static int postgres_open(const void *options, const struct sink_env *env, void **ret_self, char *err, size_t err_len)
{
	const struct postgres_options *o = options;
	char *why = NULL;
	PQconninfoOption *parsed = PQconninfoParse(o->conninfo, &why);
	if (!parsed) {
		const char *text = why ? why : "not understood";
		snprintf(err, err_len, "--postgres: %.*s", (int)strcspn(text, "\n"), text);
		PQfreemem(why);
		return -EINVAL;
	}
	PQconninfoFree(parsed);
	struct postgres *p = calloc(1, sizeof(*p));
	if (p)
		p->topic = strdup(env->topic);
	if (!p || !p->topic) {
		free(p);
		snprintf(err, err_len, "postgres: out of memory");
		return -ENOMEM;
	}
	p->options = o;
	*ret_self = p;
	return 0;
}

static void postgres_metrics(void *self, struct buf *b)
{
	static const struct prom_row counters[] = {
		{"weir_inserter_postgres_rows_total", "counter", "Flows stored.", offsetof(struct postgres, rows)},
		{"weir_inserter_postgres_batches_total", "counter", "Transactions.", offsetof(struct postgres, batches)},
		{"weir_inserter_postgres_repeated_messages_total", "counter",
		 "Messages dropped because their collector had sent them before.",
		 offsetof(struct postgres, repeated)},
		{"weir_inserter_postgres_known_messages_total", "counter", "Messages read again that were stored already.",
		 offsetof(struct postgres, known)},
		{"weir_inserter_postgres_errors_total", "counter", "Statements and connections that failed.",
		 offsetof(struct postgres, errors)},
		{"weir_inserter_postgres_connected", "gauge", "1 while connected.", offsetof(struct postgres, connected)},
	};
	prom_rows(b, counters, sizeof(counters) / sizeof(counters[0]), self);
}

static int postgres_close(void *self)
{
	struct postgres *p = self;
	PQfinish(p->conn);
	pg_batch_free(&p->batch);
	free(p->parts);
	free(p->topic);
	free(p);
	return 0;
}

extern const struct sink_kind sink_postgres;
const struct sink_kind sink_postgres = {
	.name = "postgres",
	.summary = "every flow once into PostgreSQL, with a 5-minute rollup",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.options_size = sizeof(struct postgres_options),
	.group = "weir-postgres",
	.open = postgres_open,
	.ready = postgres_ready,
	.begin = postgres_begin,
	.message = postgres_message,
	.flow = postgres_flow,
	.flush = postgres_flush,
	.metrics = postgres_metrics,
	.close = postgres_close,
};
