/*
 * metadata.c -- options data records: each field by its meaning, into the samplers (sampling.c), the names, the types of
 * enterprise elements (typeinfo.c), the system's start.
 *
 * A record says something (a rate, a name) about something (a sampler, an interface, an application): about what, its
 * scope fields say in principle (RFC 7011 3.4.2.1); in practice exporters put the id among the other fields as well,
 * so both are looked at.
 */
#include "collector/metadata.h"

#include <stdlib.h>
#include <string.h>

#include "collector/decoder.h"
#include "collector/ie.h"
#include "collector/record.h"
#include "collector/sampling.h"
#include "collector/template.h"
#include "collector/typeinfo.h"
#include "common/clock.h"
#include "common/wire.h"

struct name {
	uint64_t id;
	uint8_t kind;   /* enum metadata_kind */
	uint8_t len;    /* 0: the slot is free */
	char text[METADATA_NAME_MAX];
};

/* Open addressing; grows to METADATA_NAMES_MAX names. */
struct metadata {
	struct name *slots;
	size_t mask, count;
};

enum { SLOTS_MIN = 16, SCOPE_V9_SYSTEM = 1, SCOPE_V9_INTERFACE = 2 };

/* What one options record says. */
struct said {
	struct sampling_key about;
	struct record_sampling sampling;
	bool has_sampling, has_vrf, has_application, has_name, has_description, has_vrf_name, has_application_name;
	uint64_t vrf, application, init_ms;
	const uint8_t *name, *description, *vrf_name, *application_name;
	size_t name_len, description_len, vrf_name_len, application_name_len;
	struct typeinfo type;
};

static size_t slot_of(const struct decoder *d, const struct metadata *m, enum metadata_kind kind, uint64_t id)
{
	uint64_t key[2] = {id, (uint64_t)kind};
	size_t i = hash_bytes(&d->key, key, sizeof(key)) & m->mask;

	while (m->slots[i].len && (m->slots[i].id != id || m->slots[i].kind != kind))
		i = (i + 1) & m->mask;
	return i;
}

static bool grow(struct decoder *d, struct metadata *m)
{
	size_t old = m->mask + 1;
	struct name *before = m->slots;
	size_t cap = before ? old * 2 : SLOTS_MIN;

	if (!decoder_has_room(d, cap * sizeof(*before)))
		return false;
	m->slots = calloc(cap, sizeof(*m->slots));
	if (!m->slots) {
		m->slots = before;
		return false;
	}
	m->mask = cap - 1;
	d->state_bytes += (cap - (before ? old : 0)) * sizeof(*before);
	for (size_t i = 0; before && i < old; i++)
		if (before[i].len)
			m->slots[slot_of(d, m, before[i].kind, before[i].id)] = before[i];
	free(before);
	return true;
}

void metadata_learn(struct decoder *d, struct domain *dom, enum metadata_kind kind, uint64_t id, const uint8_t *p,
	size_t len)
{
	char text[METADATA_NAME_MAX];
	size_t n = record_text(text, sizeof(text), p, len);

	if (n == 0)
		return;
	if (!dom->metadata)
		dom->metadata = calloc(1, sizeof(*dom->metadata));
	struct metadata *m = dom->metadata;
	if (!m)
		return;
	if (!m->slots && !grow(d, m)) {
		counter_inc(&d->stats.metadata_refused);
		return;
	}
	struct name *at = &m->slots[slot_of(d, m, kind, id)];
	if (!at->len) {
		if (m->count >= METADATA_NAMES_MAX || ((m->count + 1) * 4 > (m->mask + 1) * 3 && !grow(d, m))) {
			counter_inc(&d->stats.metadata_refused);
			return;
		}
		at = &m->slots[slot_of(d, m, kind, id)];
		m->count++;
	}
	at->id = id;
	at->kind = (uint8_t)kind;
	at->len = (uint8_t)n;
	memcpy(at->text, text, n);
}

/* RFC 3954 6.1: scope types of NetFlow v9 are numbers of their own. */
static void hear_v9_scope(uint16_t type, const uint8_t *p, size_t len, struct said *s)
{
	if (type != SCOPE_V9_INTERFACE)
		return;
	s->about.has_in_if = true;
	s->about.in_if = (uint32_t)wire_load_uint(p, len);
}

static void hear_interface(const uint8_t *p, size_t len, struct said *s)
{
	s->about.has_in_if = true;
	s->about.in_if = (uint32_t)wire_load_uint(p, len);
}

static void hear_selector(const uint8_t *p, size_t len, struct said *s)
{
	s->about.has_selector = true;
	s->about.selector = wire_load_uint(p, len);
}

#define HEAR_NUMBER(function, member) \
	static void function(const uint8_t *p, size_t len, struct said *s) \
	{ \
		s->member = wire_load_uint(p, len); \
		s->has_sampling = true; \
	}
HEAR_NUMBER(hear_rate, sampling.rate)
HEAR_NUMBER(hear_interval, sampling.interval)
HEAR_NUMBER(hear_space, sampling.space)
HEAR_NUMBER(hear_size, sampling.size)
HEAR_NUMBER(hear_population, sampling.population)

static void hear_probability(const uint8_t *p, size_t len, struct said *s)
{
	if (len != 8)
		return;
	uint64_t bits = wire_load64(p);
	memcpy(&s->sampling.probability, &bits, sizeof(bits));
	s->has_sampling = true;
}

static void hear_init(const uint8_t *p, size_t len, struct said *s)
{
	s->init_ms = wire_load_uint(p, len);
}

static void hear_vrf(const uint8_t *p, size_t len, struct said *s)
{
	s->vrf = wire_load_uint(p, len);
	s->has_vrf = true;
}

static void hear_application(const uint8_t *p, size_t len, struct said *s)
{
	s->application = wire_load_uint(p, len);
	s->has_application = true;
}

#define HEAR_TEXT(function, member) \
	static void function(const uint8_t *p, size_t len, struct said *s) \
	{ \
		s->member = p; \
		s->member##_len = len; \
		s->has_##member = true; \
	}
HEAR_TEXT(hear_name, name)
HEAR_TEXT(hear_description, description)
HEAR_TEXT(hear_vrf_name, vrf_name)
HEAR_TEXT(hear_application_name, application_name)

static void hear_type_pen(const uint8_t *p, size_t len, struct said *s)
{
	s->type.pen = (uint32_t)wire_load_uint(p, len);
}

static void hear_type_id(const uint8_t *p, size_t len, struct said *s)
{
	s->type.id = (uint16_t)(wire_load_uint(p, len) & 0x7fff); /* RFC 5610 3.3: the enterprise bit is none of it */
	s->type.has_id = true;
}

static void hear_type_type(const uint8_t *p, size_t len, struct said *s)
{
	s->type.type = (uint8_t)ie_type_of_wire(wire_load_uint(p, len));
}

static void hear_type_name(const uint8_t *p, size_t len, struct said *s)
{
	s->type.name_len = (uint8_t)record_text(s->type.name, sizeof(s->type.name), p, len);
}

static const struct {
	uint16_t element;
	void (*hear)(const uint8_t *p, size_t len, struct said *s);
} hears[] = {
	{IE_ingressInterface, hear_interface}, {IE_egressInterface, hear_interface},
	{IE_samplingInterval, hear_rate}, {IE_samplerId, hear_selector}, {IE_samplerRandomInterval, hear_rate},
	{IE_interfaceName, hear_name}, {IE_interfaceDescription, hear_description},
	{IE_applicationId, hear_application}, {IE_applicationName, hear_application_name},
	{IE_systemInitTimeMilliseconds, hear_init}, {IE_ingressVRFID, hear_vrf}, {IE_egressVRFID, hear_vrf},
	{IE_VRFname, hear_vrf_name}, {IE_selectorId, hear_selector},
	{IE_samplingPacketInterval, hear_interval}, {IE_samplingPacketSpace, hear_space},
	{IE_samplingSize, hear_size}, {IE_samplingPopulation, hear_population},
	{IE_samplingProbability, hear_probability}, {IE_informationElementId, hear_type_id},
	{IE_informationElementDataType, hear_type_type}, {IE_informationElementName, hear_type_name},
	{IE_privateEnterpriseNumber, hear_type_pen},
};

static void hear(const struct template_field *f, bool v9_scope, const uint8_t *p, size_t len, struct said *s)
{
	if (len == 0)
		return;
	if (v9_scope && f->id <= 5) {
		hear_v9_scope(f->id, p, len, s);
		return;
	}
	for (size_t i = 0; f->pen == 0 && i < sizeof(hears) / sizeof(hears[0]); i++)
		if (hears[i].element == f->id) {
			hears[i].hear(p, len, s);
			return;
		}
}

static void keep(struct decoder *d, struct domain *dom, struct said *s)
{
	if (s->has_sampling)
		sampling_learn(d, dom, &s->about, sampling_rate(&s->sampling));
	/* The short name (ifName) where there is one, else the description. */
	if (s->has_name && s->about.has_in_if)
		metadata_learn(d, dom, METADATA_INTERFACE, s->about.in_if, s->name, s->name_len);
	else if (s->has_description && s->about.has_in_if)
		metadata_learn(d, dom, METADATA_INTERFACE, s->about.in_if, s->description, s->description_len);
	if (s->has_vrf && s->has_vrf_name)
		metadata_learn(d, dom, METADATA_VRF, s->vrf, s->vrf_name, s->vrf_name_len);
	if (s->has_application && s->has_application_name)
		metadata_learn(d, dom, METADATA_APPLICATION, s->application, s->application_name, s->application_name_len);
	if (s->init_ms)
		dom->init_ns = s->init_ms * NS_PER_MS;
	if (s->type.has_id && s->type.pen)
		typeinfo_learn(d, &s->type);
}

long metadata_record(struct decoder *d, struct domain *dom, const struct record_source *src, const struct template *t,
	const uint8_t *data, size_t len)
{
	struct wire w = wire_of(data, len);
	struct said s = {0};
	bool v9 = src->v == DECODE_V9;

	for (uint16_t i = 0; i < t->n_fields; i++) {
		size_t field_len = t->fields[i].len;
		if (field_len == TEMPLATE_VARIABLE) {
			field_len = wire_u8(&w);
			if (field_len == 255)
				field_len = wire_u16(&w);
		}
		const uint8_t *p = wire_bytes(&w, field_len);
		if (!p)
			return -ERR_BAD_RECORD;
		hear(&t->fields[i], v9 && i < t->n_scope, p, field_len, &s);
	}
	counter_inc(&d->stats.options_records);
	keep(d, dom, &s);
	return w.p - data;
}

static const struct name *find(const struct decoder *d, const struct metadata *m, enum metadata_kind kind, uint64_t id)
{
	const struct name *n = &m->slots[slot_of(d, m, kind, id)];
	return n->len ? n : NULL;
}

static void fill(const struct decoder *d, const struct metadata *m, enum metadata_kind kind, uint64_t id, char *text,
	uint32_t *n_text)
{
	if (!id || *n_text)
		return;
	const struct name *n = find(d, m, kind, id);
	if (!n)
		return;
	memcpy(text, n->text, n->len);
	*n_text = n->len;
}

void metadata_names(const struct decoder *d, const struct domain *dom, struct flow *f)
{
	const struct metadata *m = dom->metadata;

	if (!m->slots)
		return;
	fill(d, m, METADATA_INTERFACE, f->in_if, f->in_if_name, &f->n_in_if_name);
	fill(d, m, METADATA_INTERFACE, f->out_if, f->out_if_name, &f->n_out_if_name);
	fill(d, m, METADATA_VRF, f->in_vrf_id, f->vrf_name, &f->n_vrf_name);
	fill(d, m, METADATA_APPLICATION, f->application_id, f->application_name, &f->n_application_name);
}

void metadata_each(const struct domain *dom,
	void (*fn)(void *arg, enum metadata_kind kind, uint64_t id, const char *text, size_t len), void *arg)
{
	const struct metadata *m = dom->metadata;

	for (size_t i = 0; m && m->slots && i <= m->mask; i++)
		if (m->slots[i].len)
			fn(arg, m->slots[i].kind, m->slots[i].id, m->slots[i].text, m->slots[i].len);
}

void metadata_free(struct decoder *d, struct metadata *m)
{
	if (!m)
		return;
	if (m->slots)
		d->state_bytes -= (m->mask + 1) * sizeof(*m->slots);
	free(m->slots);
	free(m);
}
