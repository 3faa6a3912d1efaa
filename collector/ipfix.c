/*
 * ipfix.c -- IPFIX messages: RFC 7011.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   |       Version (10)            |            Length             |
 *   |                           Export Time (s)                     |
 *   |                       Sequence Number                         |
 *   |                    Observation Domain ID                      |
 *   then Sets: id, length (with these four bytes), content          3.1, 3.3.2
 *
 * A message is one datagram, or a piece of a TCP stream that was cut out by Length (listen.c).
 */
#include "collector/decoder.h"
#include "collector/record.h"
#include "collector/set.h"
#include "collector/template.h"
#include "common/clock.h"
#include "common/wire.h"

enum {
	HEADER_LEN = 16,
	SET_TEMPLATE = 2,         /* 3.3.2 */
	SET_OPTIONS_TEMPLATE = 3,
	SET_DATA_MIN = 256,
	ENTERPRISE_BIT = 0x8000   /* 3.2 */
};

static bool read_header(struct wire *w, uint16_t *ret_len, struct record_source *ret_src)
{
	wire_skip(w, 2);
	*ret_len = wire_u16(w);
	ret_src->export_ns = wire_u32(w) * NS_PER_S;
	ret_src->sequence = wire_u32(w);
	ret_src->domain_id = wire_u32(w);
	return !wire_failed(w);
}

/* 3.2: element, length, and the enterprise number when the first bit says so. */
static bool read_field(struct wire *w, struct template_field *ret_field)
{
	uint16_t id = wire_u16(w);

	ret_field->len = wire_u16(w);
	ret_field->id = id & (ENTERPRISE_BIT - 1);
	ret_field->pen = 0;
	if (id & ENTERPRISE_BIT)
		ret_field->pen = wire_u32(w);
	return !wire_failed(w);
}

/* The COUNT fields of d->spec, kept as far as there is room; the wire is behind them afterwards. */
static int read_fields(struct wire *w, uint16_t count, struct template_spec *spec)
{
	struct template_field f;

	for (uint16_t i = 0; i < count; i++) {
		if (!read_field(w, &f))
			return -ERR_BAD_TEMPLATE;
		if (i < TEMPLATE_FIELDS_MAX)
			spec->fields[i] = f;
	}
	spec->n_fields = count;
	return count > TEMPLATE_FIELDS_MAX ? -ERR_FIELD_LIMIT : 0;
}

/*
 * 8.1: a template of no fields takes the template of that id back; one whose id is the set's own takes all of its kind. Over UDP
 * there are none (8.4): templates end by their lifetime there, and a forged withdrawal must not stop an exporter.
 */
static int withdraw(struct decoder *d, struct domain *dom, uint16_t set_id, uint16_t id)
{
	if (!dom->exporter->session)
		return -ERR_BAD_TEMPLATE;
	if (id == set_id)
		template_withdraw_all(d, dom, set_id == SET_OPTIONS_TEMPLATE);
	else
		template_withdraw(d, dom, id);
	return 0;
}

/* 3.4.1, 3.4.2.2: one template record. */
static int one_template(struct decoder *d, struct domain *dom, const struct record_source *src, uint16_t set_id,
	struct wire *w, struct decode_result *res)
{
	struct template_spec *spec = d->spec;
	uint16_t id = wire_u16(w);
	uint16_t count = wire_u16(w);

	if (count == 0)
		return withdraw(d, dom, set_id, id);
	spec->id = id;
	spec->options = set_id == SET_OPTIONS_TEMPLATE;
	spec->n_scope = 0;
	if (spec->options)
		spec->n_scope = wire_u16(w);
	int r = read_fields(w, count, spec);
	if (r)
		return r;
	if (id < SET_DATA_MIN || spec->n_scope > count)
		return -ERR_BAD_TEMPLATE;
	return set_template(d, dom, src, res);
}

static int template_set(struct decoder *d, struct domain *dom, const struct record_source *src, uint16_t set_id,
	struct wire *w, struct decode_result *res)
{
	int worst = 0;

	while (wire_left(w) >= 4) {
		struct wire look = *w;
		if (wire_u32(&look) == 0)
			break; /* 3.3.1: padding */
		int r = one_template(d, dom, src, set_id, w, res);
		worst = r ? r : worst;
	}
	return worst;
}

/* Gives the number of data records in the set, or SET_RECORDS_UNKNOWN. */
static long one_set(struct decoder *d, struct domain *dom, const struct record_source *src, uint16_t id,
	struct wire *body, struct decode_result *res)
{
	int r = -ERR_RESERVED_SET;

	if (id >= SET_DATA_MIN)
		return set_data(d, dom, src, id, body->p, wire_left(body), res);
	if (id == SET_TEMPLATE || id == SET_OPTIONS_TEMPLATE)
		r = template_set(d, dom, src, id, body, res);
	if (r < 0)
		decoder_set_skip(d, (enum err)-r, res);
	else
		decoder_set_done(d);
	return 0;
}

/* Sets up to the end of the message; *ret_records is SET_RECORDS_UNKNOWN when one of them hides its number. */
static void all_sets(struct decoder *d, struct domain *dom, const struct record_source *src, struct wire *w,
	struct decode_result *res, long *ret_records)
{
	long total = 0;
	bool unsure = false;

	while (wire_left(w) >= 4) {
		uint16_t id = wire_u16(w);
		uint16_t len = wire_u16(w);
		if (id == 0 && len == 0)
			break; /* zeros behind the last set */
		struct wire body = wire_sub(w, len < 4 ? SIZE_MAX : len - 4u);
		if (wire_failed(&body)) {
			decoder_set_skip(d, ERR_BAD_LENGTH, res);
			unsure = true;
			break;
		}
		long n = one_set(d, dom, src, id, &body, res);
		unsure |= n == SET_RECORDS_UNKNOWN;
		total += n > 0 ? n : 0;
	}
	*ret_records = unsure ? SET_RECORDS_UNKNOWN : total;
}

void ipfix_decode(struct decoder *d, const struct datagram *dg, struct decode_result *res)
{
	struct wire w = wire_of(dg->data, dg->len);
	struct record_source src = record_source_of(dg, DECODE_V10, FLOW_TYPE_IPFIX);
	uint16_t len;
	long records;

	res->version = 10;
	if (!read_header(&w, &len, &src)) {
		res->reason = ERR_TRUNCATED;
		return;
	}
	if (len < HEADER_LEN) {
		res->reason = ERR_BAD_LENGTH;
		return;
	}
	struct domain *dom = exporter_domain(d, &dg->source, dg->session, 10, src.domain_id, &res->reason);
	if (!dom)
		return;
	/* A datagram is one message (10.3), so what Length says besides is only right or wrong; in a stream it is what cut this
	 * message out. */
	if (len != dg->len)
		decoder_set_skip(d, ERR_BAD_LENGTH, res);
	all_sets(d, dom, &src, &w, res, &records);
	/* 3.1: the number counts data records, options data too, before this message. */
	sequence_note(d, &dom->sequence, src.port, src.sequence, records > 0 ? (uint32_t)records : 0);
	if (records == SET_RECORDS_UNKNOWN || len != dg->len)
		sequence_unsure(&dom->sequence);
}
