/*
 * sflow_counters.c -- counter samples: what agents count about their interfaces and hosts, kept per data source as it
 * came last, and shown as Prometheus text or JSON. They are no flows: nothing of this goes to Kafka.
 *
 * The layout of every record is a list of rows (sflow_counters.def), read by one loop. The table has a lock of its own:
 * an agent sends its counters every 20 seconds or so, so the worker meets it rarely, and a scrape holds it only while
 * it copies one source out.
 *
 * All ones mean "not counted here" (sflow_version_5.txt, counters), and are left out.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/sflow.h"
#include "collector/sflow_internal.h"
#include "common/buf.h"
#include "common/promtext.h"

enum kind { KIND_COUNTER, KIND_GAUGE, KIND_FLOAT, KIND_GROUP, KIND_OPTIONAL };

struct row {
	enum kind kind;
	uint32_t width;  /* group: its format */
	const char *name;
};

static const struct row rows[] = {
#define GROUP(format, prefix)    {KIND_GROUP, format, #prefix},
#define COUNTER(width, name)     {KIND_COUNTER, width, #name},
#define GAUGE(width, name)       {KIND_GAUGE, width, #name},
#define FLOAT(name)              {KIND_FLOAT, 4, #name},
#define OPTIONAL                 {KIND_OPTIONAL, 0, NULL},
#include "collector/sflow_counters.def"
#undef GROUP
#undef COUNTER
#undef GAUGE
#undef FLOAT
#undef OPTIONAL
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]), PORT_NAME_MAX = 64, FORMAT_PORT_NAME = 1005, NAME_MAX_LEN = 96 };

/* What one source has said: values[i] belongs to rows[i], and is there when its bit in KNOWN is set. */
struct source {
	uint64_t known[(ROWS + 63) / 64];
	uint64_t values[ROWS];
	char port_name[PORT_NAME_MAX];
};

/* A format and where its rows begin. LEN is that of its shortest record. */
struct group {
	uint32_t format;
	size_t first, len;
};

enum { GROUPS_MAX = 16 };

struct sflow_counters {
	struct group groups[GROUPS_MAX];
	size_t n_groups;
	pthread_mutex_t lock;
	struct sflow_index index;
	struct source sources[SFLOW_SOURCES];
};

/* Done once, so that a record of the wire costs a look at a few groups and nothing when it is too short. */
static void find_groups(struct sflow_counters *t)
{
	bool optional = false;
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].kind == KIND_GROUP) {
			t->groups[t->n_groups++] = (struct group){.format = rows[i].width, .first = i + 1};
			optional = false;
		} else if (rows[i].kind == KIND_OPTIONAL) {
			optional = true;
		} else if (!optional) {
			t->groups[t->n_groups - 1].len += rows[i].width;
		}
	}
}

struct sflow_counters *sflow_counters_new(void)
{
	struct sflow_counters *t = calloc(1, sizeof(*t)); /* pages that no source uses are never touched */
	if (!t)
		return NULL;
	pthread_mutex_init(&t->lock, NULL);
	find_groups(t);
	return t;
}

void sflow_counters_free(struct sflow_counters *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static void set_value(struct source *src, size_t row, uint64_t value)
{
	uint64_t bit = 1ull << (row % 64);
	bool counted = value != (rows[row].width == 8 ? UINT64_MAX : UINT32_MAX);
	src->values[row] = value;
	src->known[row / 64] = counted ? src->known[row / 64] | bit : src->known[row / 64] & ~bit;
}

static bool is_known(const struct source *src, size_t row)
{
	return src->known[row / 64] >> (row % 64) & 1;
}

/* W has the rows from FIRST to the next group or to where the record may end. */
static void read_group(struct source *src, size_t first, struct wire *w)
{
	for (size_t i = first; i < ROWS && rows[i].kind != KIND_GROUP; i++) {
		if (rows[i].kind == KIND_OPTIONAL)
			continue;
		uint64_t value = wire_uint(w, rows[i].width);
		if (wire_failed(w))
			return;
		set_value(src, i, value);
	}
}

static void read_port_name(struct source *src, const struct wire *text)
{
	size_t len = strnlen((const char *)text->p, wire_left(text));
	if (len >= sizeof(src->port_name))
		len = sizeof(src->port_name) - 1;
	memcpy(src->port_name, text->p, len);
	src->port_name[len] = '\0';
}

static const struct group *find_group(const struct sflow_counters *t, uint32_t format)
{
	for (size_t i = 0; i < t->n_groups; i++) {
		if (t->groups[i].format == format)
			return &t->groups[i];
	}
	return NULL;
}

void sflow_counters_record(struct sflow_datagram *s, const struct sflow_source_id *id, uint32_t format, struct wire *w)
{
	struct sflow_counters *t = s->d->sflow ? s->d->sflow->counters : NULL;
	const struct group *group = t ? find_group(t, format) : NULL;
	if (!t || (!group && format != FORMAT_PORT_NAME))
		return;
	struct wire text = group ? *w : sflow_record_string(w);
	if (wire_failed(w) || (group && wire_left(w) < group->len)) {
		counter_inc(&s->d->stats.records_ignored);
		return;
	}
	bool is_new, evicted;
	pthread_mutex_lock(&t->lock);
	struct source *src = &t->sources[sflow_source_slot(&t->index, s, id, &is_new, &evicted)];
	if (is_new)
		memset(src, 0, sizeof(*src));
	if (group)
		read_group(src, group->first, w);
	else
		read_port_name(src, &text);
	pthread_mutex_unlock(&t->lock);
	if (evicted)
		counter_inc(&s->d->stats.sources_evicted);
}

static int read_records(struct sflow_datagram *s, const struct sflow_source_id *id, struct wire *w)
{
	uint32_t count = wire_u32(w);
	for (uint32_t i = 0; i < count && !wire_failed(w); i++) {
		uint32_t format = wire_u32(w);
		uint32_t len = wire_u32(w);
		struct wire record = wire_sub(w, len);
		if (!wire_failed(w))
			sflow_counters_record(s, id, format, &record);
	}
	if (wire_failed(w))
		return -ERR_BAD_SAMPLE;
	counter_inc(&s->d->stats.counter_samples);
	return 0;
}

int sflow_counters_sample(struct sflow_datagram *s, struct wire *w)
{
	wire_skip(w, 4); /* sequence number: a lost one is made good by the next */
	struct sflow_source_id id = sflow_sample_source(w);
	return read_records(s, &id, w);
}

int sflow_counters_sample_expanded(struct sflow_datagram *s, struct wire *w)
{
	wire_skip(w, 4);
	struct sflow_source_id id;
	id.type = wire_u32(w);
	id.index = wire_u32(w);
	return read_records(s, &id, w);
}

/* A copy of one source, to be formatted without the lock; false when the slot is free. */
static bool copy_out(const struct decoder *d, size_t slot, struct sflow_source_key *ret_key, struct source *ret_src)
{
	struct sflow_state *state = __atomic_load_n(&d->sflow, __ATOMIC_ACQUIRE);
	if (!state || !state->counters)
		return false;
	struct sflow_counters *t = state->counters;
	pthread_mutex_lock(&t->lock);
	bool used = t->index.slots[slot].last_seen_ns;
	if (used) {
		*ret_key = t->index.slots[slot].key;
		*ret_src = t->sources[slot];
	}
	pthread_mutex_unlock(&t->lock);
	return used;
}

/* All sources of all decoders, copied: Prometheus wants one metric of all of them after the other. */
struct snapshot {
	size_t count, cap;
	struct {
		struct sflow_source_key key;
		struct source src;
	} *items;
};

static void snapshot_take(struct decoder *const *decoders, size_t n, struct snapshot *snap)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t slot = 0; slot < SFLOW_SOURCES; slot++) {
			if (snap->count == snap->cap) {
				size_t cap = snap->cap ? snap->cap * 2 : 64;
				void *items = realloc(snap->items, cap * sizeof(*snap->items));
				if (!items)
					return;
				snap->items = items;
				snap->cap = cap;
			}
			snap->count += copy_out(decoders[i], slot, &snap->items[snap->count].key, &snap->items[snap->count].src);
		}
	}
}

static double float_of(uint64_t bits)
{
	uint32_t low = (uint32_t)bits;
	float value;
	memcpy(&value, &low, sizeof(value));
	return isfinite(value) ? (double)value : 0; /* JSON has no word for the others */
}

static void prom_row(const struct snapshot *snap, size_t row, const char *group, struct buf *out)
{
	char name[NAME_MAX_LEN];
	bool head = false;
	snprintf(name, sizeof(name), "weir_sflow_%s_%s%s", group, rows[row].name, rows[row].kind == KIND_COUNTER ? "_total" : "");
	for (size_t i = 0; i < snap->count; i++) {
		const struct source *src = &snap->items[i].src;
		const struct sflow_source_key *key = &snap->items[i].key;
		if (!is_known(src, row))
			continue;
		if (!head)
			prom_head(out, name, rows[row].kind == KIND_COUNTER ? "counter" : "gauge", "As the sFlow agent counts it.");
		head = true;
		char agent[IP_TEXT_MAX], sub[16], source[32];
		ip_format(&key->agent, agent);
		snprintf(sub, sizeof(sub), "%u", key->sub_agent);
		snprintf(source, sizeof(source), "%u:%u", key->type, key->index);
		if (rows[row].kind == KIND_FLOAT)
			prom_double(out, name, float_of(src->values[row]), "agent", agent, "sub_agent", sub, "source", source, "name",
			            src->port_name, NULL);
		else
			prom_u64(out, name, src->values[row], "agent", agent, "sub_agent", sub, "source", source, "name",
			         src->port_name, NULL);
	}
}

void sflow_counters_prom(struct decoder *const *decoders, size_t n, struct buf *out)
{
	struct snapshot snap = {0};
	snapshot_take(decoders, n, &snap);
	const char *group = "";
	for (size_t row = 0; row < ROWS; row++) {
		if (rows[row].kind == KIND_GROUP)
			group = rows[row].name;
		else if (rows[row].kind != KIND_OPTIONAL)
			prom_row(&snap, row, group, out);
	}
	free(snap.items);
}

static void json_source(const struct sflow_source_key *key, const struct source *src, struct buf *out)
{
	char agent[IP_TEXT_MAX];
	ip_format(&key->agent, agent);
	buf_printf(out, "{\"agent\":\"%s\",\"sub_agent\":%u,\"source_type\":%u,\"source_index\":%u,\"name\":", agent,
	           key->sub_agent, key->type, key->index);
	buf_json_string(out, src->port_name, strlen(src->port_name));
	const char *group = "";
	for (size_t row = 0; row < ROWS; row++) {
		if (rows[row].kind == KIND_GROUP)
			group = rows[row].name;
		else if (rows[row].kind == KIND_FLOAT && is_known(src, row))
			buf_printf(out, ",\"%s_%s\":%.2f", group, rows[row].name, float_of(src->values[row]));
		else if (rows[row].kind != KIND_OPTIONAL && is_known(src, row))
			buf_printf(out, ",\"%s_%s\":%llu", group, rows[row].name, (unsigned long long)src->values[row]);
	}
	buf_puts(out, "}");
}

void sflow_counters_json(struct decoder *const *decoders, size_t n, struct buf *out)
{
	struct snapshot snap = {0};
	snapshot_take(decoders, n, &snap);
	buf_puts(out, "[");
	for (size_t i = 0; i < snap.count; i++) {
		buf_puts(out, i ? ",\n" : "\n");
		json_source(&snap.items[i].key, &snap.items[i].src, out);
	}
	buf_puts(out, "]\n");
	free(snap.items);
}
