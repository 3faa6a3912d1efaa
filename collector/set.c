/*
 * set.c -- see set.h.
 */
#include "collector/set.h"

#include "collector/decoder.h"
#include "collector/fuse.h"
#include "collector/hold.h"
#include "collector/metadata.h"
#include "collector/record.h"
#include "collector/template.h"

static int options_set(struct decoder *d, struct domain *dom, const struct record_source *src,
	const struct template *t, const uint8_t *data, size_t len, uint32_t *ret_records)
{
	const uint8_t *end = data + len;

	*ret_records = 0;
	while ((size_t)(end - data) >= t->min_len) {
		if (*ret_records >= record_budget(len))
			return -ERR_RECORD_LIMIT;
		long n = metadata_record(d, dom, src, t, data, (size_t)(end - data));
		if (n < 0)
			break; /* padding, or a record cut short */
		data += n;
		++*ret_records;
	}
	return *ret_records > 0 || len == 0 ? 0 : -ERR_BAD_RECORD;
}

static void no_template(struct decoder *d, struct domain *dom, const struct record_source *src, uint16_t id,
	const uint8_t *data, size_t len, struct decode_result *res)
{
	dom->exporter->missing_templates++;
	if (d->options.hold_bytes == 0) {
		decoder_set_skip(d, ERR_NO_TEMPLATE, res);
	} else if (!hold_put(d, dom, src, id, data, len)) {
		decoder_set_skip(d, ERR_HOLD_FULL, res);
	} else {
		counter_inc(&d->stats.sets);
		res->skipped++;
		res->why_skipped = ERR_NO_TEMPLATE;
	}
}

long set_data(struct decoder *d, struct domain *dom, const struct record_source *src, uint16_t id, const uint8_t *data,
	size_t len, struct decode_result *res)
{
	struct template *t = template_find(d, dom, id, src->port);
	uint32_t records = 0;
	int r;

	if (!t) {
		no_template(d, dom, src, id, data, len, res);
		return SET_RECORDS_UNKNOWN;
	}
	if (++t->sets == FUSE_AFTER)
		template_fuse(d, t);
	if (t->options)
		r = options_set(d, dom, src, t, data, len, &records);
	else
		r = record_set(d, dom, src, t, data, len, &records, res);
	res->announced += records;
	if (r < 0) {
		decoder_set_skip(d, (enum err)-r, res);
		return records;
	}
	decoder_set_done(d);
	return records;
}

static void release(struct decoder *d, struct domain *dom, const struct record_source *src, uint16_t id,
	const uint8_t *data, size_t len, struct decode_result *res)
{
	set_data(d, dom, src, id, data, len, res);
}

int set_template(struct decoder *d, struct domain *dom, const struct record_source *src, struct decode_result *res)
{
	bool fresh;
	int r = template_learn(d, dom, src, d->spec, &fresh);

	if (r == 0 && fresh)
		hold_release(d, dom, d->spec->id, release, res);
	return r;
}
