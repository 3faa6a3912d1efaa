/*
 * netflow9.c -- NetFlow version 9: RFC 3954.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   |       Version (9)             |            Count              |
 *   |                           sysUpTime (ms)                      |
 *   |                           UNIX Secs                           |
 *   |                       Sequence Number                         |
 *   |                        Source ID                              |
 *   then FlowSets: id, length (with these four bytes), content
 *
 * Count is the number of records of all FlowSets together (5.1), but several exporters write the number of FlowSets,
 * or nothing sensible: it is a hint here and bounds no loop.
 */
#include "collector/decoder.h"
#include "collector/record.h"
#include "collector/set.h"
#include "collector/template.h"
#include "common/clock.h"
#include "common/wire.h"

enum {
	HEADER_LEN = 20,
	SET_TEMPLATE = 0,         /* 5.2 */
	SET_OPTIONS_TEMPLATE = 1, /* 6.1 */
	SET_DATA_MIN = 256,       /* 5.3 */
	FIELD_LEN = 4
};

static bool read_header(struct wire *w, uint16_t *ret_count, struct record_source *ret_src)
{
	wire_skip(w, 2);
	*ret_count = wire_u16(w);
	ret_src->uptime_ms = wire_u32(w);
	ret_src->has_uptime = true;
	ret_src->export_ns = wire_u32(w) * NS_PER_S;
	ret_src->sequence = wire_u32(w);
	ret_src->domain_id = wire_u32(w);
	return !wire_failed(w);
}

/* Reads COUNT type and length pairs behind those that SPEC has. False when there are too many. */
static bool read_fields(struct wire *w, size_t count, struct template_spec *spec)
{
	for (size_t i = 0; i < count; i++) {
		struct template_field f = {0};
		f.id = wire_u16(w);
		f.len = wire_u16(w);
		if (wire_failed(w) || spec->n_fields == TEMPLATE_FIELDS_MAX)
			return false;
		spec->fields[spec->n_fields++] = f;
	}
	return true;
}

/* 5.2: template id, field count, fields; several in a set. What is left, shorter than a header, is padding. */
static int template_set(struct decoder *d, struct domain *dom, const struct record_source *src, struct wire *w,
	struct decode_result *res)
{
	struct template_spec *spec = d->spec;
	int worst = 0;

	while (wire_left(w) >= FIELD_LEN) {
		uint16_t id = wire_u16(w);
		uint16_t count = wire_u16(w);
		struct wire fields = wire_sub(w, (size_t)count * FIELD_LEN);
		if (id < SET_DATA_MIN && count == 0)
			break; /* zeros: padding */
		*spec = (struct template_spec){.id = id};
		int r = -ERR_BAD_TEMPLATE;
		if (!wire_failed(&fields) && id >= SET_DATA_MIN)
			r = read_fields(&fields, count, spec) ? set_template(d, dom, src, res) : -ERR_FIELD_LIMIT;
		worst = r ? r : worst;
	}
	return worst;
}

/* 6.1: template id, bytes of scope fields, bytes of option fields, fields; several in a set. */
static int options_set(struct decoder *d, struct domain *dom, const struct record_source *src, struct wire *w,
	struct decode_result *res)
{
	struct template_spec *spec = d->spec;
	int worst = 0;

	while (wire_left(w) >= 6) {
		uint16_t id = wire_u16(w);
		uint16_t scope_len = wire_u16(w);
		uint16_t option_len = wire_u16(w);
		if (id < SET_DATA_MIN && scope_len == 0 && option_len == 0)
			break;
		struct wire fields = wire_sub(w, (size_t)scope_len + option_len);
		size_t n_scope = scope_len / FIELD_LEN;
		*spec = (struct template_spec){.id = id, .options = true, .n_scope = (uint16_t)n_scope};
		int r = -ERR_BAD_TEMPLATE;
		if (!wire_failed(&fields) && id >= SET_DATA_MIN && scope_len % FIELD_LEN == 0 && option_len % FIELD_LEN == 0)
			r = read_fields(&fields, n_scope + option_len / FIELD_LEN, spec) ? set_template(d, dom, src, res)
				: -ERR_FIELD_LIMIT;
		worst = r ? r : worst;
	}
	return worst;
}

static void one_set(struct decoder *d, struct domain *dom, const struct record_source *src, uint16_t id,
	struct wire *body, struct decode_result *res)
{
	int r;

	if (id >= SET_DATA_MIN) {
		set_data(d, dom, src, id, body->p, wire_left(body), res);
		return;
	}
	if (id == SET_TEMPLATE)
		r = template_set(d, dom, src, body, res);
	else if (id == SET_OPTIONS_TEMPLATE)
		r = options_set(d, dom, src, body, res);
	else
		r = -ERR_RESERVED_SET;
	if (r < 0)
		decoder_set_skip(d, (enum err)-r, res);
	else
		decoder_set_done(d);
}

void netflow9_decode(struct decoder *d, const struct datagram *dg, struct decode_result *res)
{
	struct wire w = wire_of(dg->data, dg->len);
	struct record_source src = record_source_of(dg, DECODE_V9, FLOW_TYPE_NETFLOW_V9);
	uint16_t count;

	res->version = 9;
	if (!read_header(&w, &count, &src)) {
		res->reason = ERR_TRUNCATED;
		return;
	}
	if (dg->session) {
		/* The header has no length: nothing says where in a stream the next one begins. */
		res->reason = ERR_UNSUPPORTED;
		return;
	}
	struct domain *dom = exporter_domain(d, &dg->source, 0, 9, src.domain_id, &res->reason);
	if (!dom)
		return;
	sequence_note(d, &dom->sequence, src.port, src.sequence, 1); /* 5.1: counts datagrams */
	while (wire_left(&w) >= 4) {
		uint16_t id = wire_u16(&w);
		uint16_t len = wire_u16(&w);
		if (id == 0 && len == 0)
			break; /* zeros behind the last set: padding */
		struct wire body = wire_sub(&w, len < 4 ? SIZE_MAX : len - 4u);
		if (wire_failed(&body)) {
			decoder_set_skip(d, ERR_BAD_LENGTH, res);
			break;
		}
		one_set(d, dom, &src, id, &body, res);
	}
	if (res->announced < count)
		res->announced = count;
}
