/*
 * files.c -- weir-inserter file: what nfcapd does, from the topic. A new file every so often, compressed; a directory for each
 * exporter or for chosen ones; a command for each file; old ones go. `weir-inserter print --read` reads them back.
 *
 * In the format bin a file is what a Kafka message is: length-prefixed records of flow.proto, so that any reader of the
 * topic reads files too. Slots go by the time of reception at this program, as nfcapd's do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/complain.h"
#include "common/confine.h"
#include "common/counter.h"
#include "common/log.h"
#include "common/promtext.h"
#include "inserter/sink.h"
#include "inserter/tally.h"
#include "output/expire.h"
#include "output/hook.h"
#include "output/rotate.h"
#include "proto/flow.h"
#include "proto/json.h"
#include "proto/pack.h"
#include "proto/text.h"

enum { EXPIRE_EVERY_S = 60, CHOSEN_MAX = 256, PATH_LEN = 4096 };

struct files_options {
	char *dir, *format, *prefix, *hook;
	struct opt_list only;
	uint64_t every_ns, max_bytes, keep_ns, keep_bytes;
	int64_t zstd_level, max_exporters;
	bool per_exporter;
};

/* --file.only NAME=ADDRESS[/BITS] */
struct chosen {
	char *name;
	struct ip_prefix prefix;
	struct rotate *rotate;
};

struct files {
	const struct files_options *o;
	char suffix[16];
	struct rotate *all;       /* one directory for everything, and for exporters beyond the limit */
	struct tally *exporters;  /* struct ip_addr -> struct rotate * */
	struct chosen chosen[CHOSEN_MAX];
	size_t n_chosen;
	struct hook *hook;
	uint64_t now_ns;
	uint64_t next_expire_ns;
	struct complain complain;
	uint64_t flows, bytes, complete, expired, kept_bytes, not_chosen, beyond, errors;
	uint8_t record[FLOW_JSON_MAX];
};

static const struct opt rows[] = {
	{"file.dir", OPT_STRING, offsetof(struct files_options, dir), NULL, "DIR", "Directory for the files; made when missing."},
	{"file.format", OPT_STRING, offsetof(struct files_options, format), "bin", "FORMAT",
	 "bin: length-prefixed protobuf, which print --read reads back; or JSON or text lines.", .choices = "bin|json|text"},
	{"file.every", OPT_DURATION, offsetof(struct files_options, every_ns), "5m", "TIME",
	 "A new file so often, aligned (12:00, 12:05 ...); 0: only by size.", .max = 366 * 86400 * 1000000000ll},
	{"file.max-size", OPT_SIZE, offsetof(struct files_options, max_bytes), NULL, "SIZE",
	 "A new file when one reaches this size before compression; 0: any.", .max = INT64_MAX},
	{"file.zstd", OPT_INT, offsetof(struct files_options, zstd_level), "3", "LEVEL", "Compression by zstd; 0: none.", .max = 19},
	{"file.prefix", OPT_STRING, offsetof(struct files_options, prefix), "weir", "NAME", "Files are NAME.202611211220."},
	{"file.per-exporter", OPT_BOOL, offsetof(struct files_options, per_exporter), NULL, NULL,
	 "A directory for each exporter, named by its address (nfcapd's -M)."},
	{"file.max-exporters", OPT_INT, offsetof(struct files_options, max_exporters), "256", "N",
	 "Exporters with a directory; flows of more go into the directory 'other'.", .min = 1, .max = 10000},
	{"file.only", OPT_LIST, offsetof(struct files_options, only), NULL, "NAME=ADDRESS[/BITS]",
	 "Only exporters with this address, into the directory NAME (nfcapd's -n). May be given many times."},
	{"file.hook", OPT_STRING, offsetof(struct files_options, hook), NULL, "COMMAND",
	 "Shell command for each file that is complete (nfcapd's -x): %d directory, %f file, %t and %u its time, %i last part of the "
	 "directory."},
	{"file.keep", OPT_DURATION, offsetof(struct files_options, keep_ns), NULL, "TIME", "Files older than this go; 0: never."},
	{"file.keep-size", OPT_SIZE, offsetof(struct files_options, keep_bytes), NULL, "SIZE",
	 "The oldest files go until the rest is not larger; 0: any size.", .max = INT64_MAX},
};

static void on_done(void *arg, const char *dir, const char *name, uint64_t slot_ns)
{
	struct files *s = arg;
	counter_inc(&s->complete);
	if (s->hook)
		hook_run(s->hook, dir, name, slot_ns);
}

static int open_dir(struct files *s, const char *sub, struct rotate **ret_rotate, char *err, size_t err_len)
{
	char dir[PATH_LEN];
	snprintf(dir, sizeof(dir), "%s%s%s", s->o->dir, sub ? "/" : "", sub ? sub : "");
	struct rotate_options options = {
		.dir = dir, .prefix = s->o->prefix, .suffix = s->suffix, .every_ns = s->o->every_ns, .max_bytes = s->o->max_bytes,
		.zstd_level = (int)s->o->zstd_level, .done = on_done, .arg = s};
	return rotate_open(&options, ret_rotate, err, err_len);
}

static int add_chosen(struct files *s, const char *text, char *err, size_t err_len)
{
	const char *eq = strchr(text, '=');
	struct chosen *c = &s->chosen[s->n_chosen];
	if (s->n_chosen == CHOSEN_MAX || !eq || eq == text || memchr(text, '/', (size_t)(eq - text)) ||
	    ip_prefix_parse(eq + 1, &c->prefix)) {
		snprintf(err, err_len, "--file.only %s: expected NAME=ADDRESS or NAME=ADDRESS/BITS", text);
		return -EINVAL;
	}
	c->name = strndup(text, (size_t)(eq - text));
	if (!c->name)
		return -ENOMEM;
	s->n_chosen++;
	return open_dir(s, c->name, &c->rotate, err, err_len);
}

static int files_close(void *self);

static int files_open(const void *options, const struct sink_env *env, void **ret_self, char *err, size_t err_len)
{
	const struct files_options *o = options;
	(void)env;
	if (!o->dir) {
		snprintf(err, err_len, "file: say where files are to go: --file.dir DIR");
		return -EINVAL;
	}
	if (strchr(o->prefix, '/') || !*o->prefix) {
		snprintf(err, err_len, "--file.prefix %s: a name without a slash is wanted", o->prefix);
		return -EINVAL;
	}
	struct files *s = calloc(1, sizeof(*s));
	int r = s ? tally_new(sizeof(struct ip_addr), sizeof(struct rotate *), (size_t)o->max_exporters, &s->exporters) : -ENOMEM;
	if (r) {
		free(s);
		snprintf(err, err_len, "file: out of memory");
		return r;
	}
	s->o = o;
	s->now_ns = clock_wall_ns();
	const char *ending = strcmp(o->format, "json") == 0 ? ".json" : strcmp(o->format, "text") == 0 ? ".txt" : "";
	snprintf(s->suffix, sizeof(s->suffix), "%s%s", ending, o->zstd_level ? ".zst" : "");
	if (o->hook)
		r = hook_new(o->hook, &s->hook);
	for (size_t i = 0; i < o->only.count && !r; i++)
		r = add_chosen(s, o->only.items[i], err, err_len);
	if (!r && !s->n_chosen)
		r = open_dir(s, o->per_exporter ? "other" : NULL, &s->all, err, err_len);
	if (r)
		(void)files_close(s);
	else
		*ret_self = s;
	return r;
}

/* Where flows of EXPORTER go, NULL: nowhere. */
static struct rotate *rotate_for(struct files *s, const struct ip_addr *exporter)
{
	char name[IP_TEXT_MAX], err[256];
	for (size_t i = 0; i < s->n_chosen; i++)
		if (ip_prefix_has(&s->chosen[i].prefix, exporter))
			return s->chosen[i].rotate;
	if (s->n_chosen)
		return NULL;
	struct rotate **at = s->o->per_exporter && exporter->len ? tally_get(s->exporters, exporter) : NULL;
	if (!at) {
		counter_add(&s->beyond, s->o->per_exporter);
		return s->all;
	}
	if (!*at) {
		ip_format(exporter, name);
		if (open_dir(s, name, at, err, sizeof(err))) {
			uint64_t swallowed;
			counter_inc(&s->errors);
			if (complain_now(&s->complain, s->now_ns, &swallowed))
				log_warn(LOG_OURS, "file: %s; its flows go into other", err);
			*at = s->all;
		}
	}
	return *at;
}

static size_t to_record(struct files *s, const struct flow *f)
{
	switch (s->o->format[0]) {
	case 'j': return flow_json(f, (char *)s->record);
	case 't': return flow_text(f, (char *)s->record);
	default: return flow_pack(f, s->record);
	}
}

static enum sink_answer files_flow(void *self, const struct flow *f)
{
	struct files *s = self;
	struct rotate *r = rotate_for(s, &f->sampler_address);
	if (!r) {
		counter_inc(&s->not_chosen);
		return SINK_MORE;
	}
	size_t len = to_record(s, f);
	rotate_write(r, s->record, len, s->now_ns);
	counter_inc(&s->flows);
	counter_add(&s->bytes, len);
	return rotate_waiting(r) ? SINK_FULL : SINK_MORE;
}

/* FN for every file that may be open; the first error. */
static int each(struct files *s, int (*fn)(struct files *s, struct rotate *r))
{
	int r = s->all ? fn(s, s->all) : 0;
	for (size_t i = 0; i < s->n_chosen; i++) {
		int one = s->chosen[i].rotate ? fn(s, s->chosen[i].rotate) : 0;
		r = r ? r : one;
	}
	for (size_t i = 0; i < tally_count(s->exporters); i++) {
		struct rotate *rotate = *(struct rotate **)tally_value(s->exporters, i);
		int one = rotate && rotate != s->all ? fn(s, rotate) : 0;
		r = r ? r : one;
	}
	return r;
}

static int sync_one(struct files *s, struct rotate *r)
{
	(void)s;
	return rotate_sync(r);
}

static int tick_one(struct files *s, struct rotate *r)
{
	rotate_tick(r, s->now_ns);
	return 0;
}

static int close_one(struct files *s, struct rotate *r)
{
	(void)s;
	return rotate_close(r);
}

static int files_flush(void *self)
{
	struct files *s = self;
	uint64_t swallowed;
	int r = each(s, sync_one);
	if (!r) {
		if (complain_over(&s->complain))
			log_info(LOG_OURS, "file: %s can be written again", s->o->dir);
		return 0;
	}
	counter_inc(&s->errors);
	if (complain_now(&s->complain, clock_monotonic_ns(), &swallowed))
		log_error(LOG_OURS, "file: %s: %s", s->o->dir, strerror(-r));
	return r;
}

static void expire(struct files *s)
{
	struct expire_limits limits = {.max_age_ns = s->o->keep_ns, .max_bytes = s->o->keep_bytes};
	struct expire_result result;
	s->next_expire_ns = s->now_ns + EXPIRE_EVERY_S * NS_PER_S;
	if ((!limits.max_age_ns && !limits.max_bytes) || expire_files(s->o->dir, s->o->prefix, &limits, s->now_ns, &result))
		return;
	counter_add(&s->expired, result.removed);
	__atomic_store_n(&s->kept_bytes, result.kept_bytes, __ATOMIC_RELAXED);
}

static void files_tick(void *self, uint64_t now_ns)
{
	struct files *s = self;
	s->now_ns = now_ns;
	(void)each(s, tick_one);
	if (s->hook)
		hook_tick(s->hook);
	if (now_ns >= s->next_expire_ns)
		expire(s);
}

static void files_metrics(void *self, struct buf *b)
{
	static const struct prom_row counters[] = {
		{"weir_inserter_file_flows_total", "counter", "Flows written to files.", offsetof(struct files, flows)},
		{"weir_inserter_file_bytes_total", "counter", "Bytes of them before compression.", offsetof(struct files, bytes)},
		{"weir_inserter_file_complete_total", "counter", "Files that are complete.", offsetof(struct files, complete)},
		{"weir_inserter_file_expired_total", "counter", "Files removed for age or size.", offsetof(struct files, expired)},
		{"weir_inserter_file_kept_bytes", "gauge", "Bytes of all files, when limits are set.", offsetof(struct files, kept_bytes)},
		{"weir_inserter_file_not_chosen_total", "counter", "Flows of exporters that --file.only does not name.",
		 offsetof(struct files, not_chosen)},
		{"weir_inserter_file_beyond_total", "counter", "Flows of exporters beyond --file.max-exporters.",
		 offsetof(struct files, beyond)},
		{"weir_inserter_file_errors_total", "counter", "Times that a file could not be written.", offsetof(struct files, errors)},
	};
	struct files *s = self;
	struct hook_stats hooks = {0};
	prom_rows(b, counters, sizeof(counters) / sizeof(counters[0]), s);
	if (!s->hook)
		return;
	hook_stats(s->hook, &hooks);
	prom_head(b, "weir_inserter_file_hooks_total", "counter", "Commands for files: started, failed, dropped (too many waited).");
	prom_u64(b, "weir_inserter_file_hooks_total", hooks.started, "result", "started", NULL);
	prom_u64(b, "weir_inserter_file_hooks_total", hooks.failed, "result", "failed", NULL);
	prom_u64(b, "weir_inserter_file_hooks_total", hooks.dropped, "result", "dropped", NULL);
}

static int files_close(void *self)
{
	struct files *s = self;
	int r = each(s, close_one);
	hook_free(s->hook);
	for (size_t i = 0; i < s->n_chosen; i++)
		free(s->chosen[i].name);
	tally_free(s->exporters);
	free(s);
	return r;
}

static void files_confine(const void *options, struct confine_options *ret_confine)
{
	const struct files_options *o = options;
	confine_directory(ret_confine, o->dir);
	ret_confine->starts_programs |= o->hook != NULL;
}

extern const struct sink_kind sink_file;
const struct sink_kind sink_file = {
	.name = "file",
	.summary = "rotating, compressed files, as nfcapd's; print --read reads them back",
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.options_size = sizeof(struct files_options),
	.group = "weir-file",
	.confine = files_confine,
	.open = files_open,
	.flow = files_flow,
	.flush = files_flush,
	.tick = files_tick,
	.metrics = files_metrics,
	.close = files_close,
};
