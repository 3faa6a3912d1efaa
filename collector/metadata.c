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
	uint32_t seen_s;
	uint16_t port;    /* it came from last */
	uint8_t kind;     /* enum metadata_kind */
	uint8_t variant;  /* 0, 1 ...: each says something else of (kind, id), and came from another port */
	uint8_t variants; /* of the first: how many there are */
	uint8_t len;      /* 0: the slot is free */
	char text[METADATA_NAME_MAX];
};

/* Open addressing; grows to METADATA_NAMES_MAX names. */
struct metadata {
	struct name *slots;
	size_t mask, count;
};

enum { SLOTS_MIN = 16, VARIANTS_MAX = 8, SCOPE_V9_SYSTEM = 1, SCOPE_V9_INTERFACE = 2 };

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

/* Where variant V of (KIND, ID) is, or would be. */
static struct name *slot_of(const struct decoder *d, const struct metadata *m, enum metadata_kind kind, uint64_t id,
	unsigned variant)
{
	uint64_t key[2] = {id, (uint64_t)kind << 8 | variant};
	size_t i = hash_bytes(&d->key, key, sizeof(key)) & m->mask;

	while (m->slots[i].len && (m->slots[i].id != id || m->slots[i].kind != kind || m->slots[i].variant != variant))
		i = (i + 1) & m->mask;
	return &m->slots[i];
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
			*slot_of(d, m, before[i].kind, before[i].id, before[i].variant) = before[i];
	free(before);
	return true;
}

/*
 * The variant that takes what KEY's port says: its own; or one that says the same (an exporter restarted, or with several
 * ports); or a further one, for this port contradicts the others, which may be a second exporter's; or, all places being
 * taken, the oldest. Its slot may be free.
 */
static unsigned own_variant(const struct decoder *d, const struct metadata *m, const struct metadata_key *key,
	const char *text, size_t len)
{
	unsigned n = slot_of(d, m, key->kind, key->id, 0)->variants;
	unsigned same = n;
	unsigned oldest = 0;
	uint32_t oldest_s = UINT32_MAX;

	for (unsigned v = 0; v < n; v++) {
		const struct name *at = slot_of(d, m, key->kind, key->id, v);
		if (at->port == key->port)
			return v;
		if (at->len == len && memcmp(at->text, text, len) == 0)
			same = v;
		if (at->seen_s < oldest_s) {
			oldest = v;
			oldest_s = at->seen_s;
		}
	}
	return same < VARIANTS_MAX ? same : oldest;
}

/* Room for one more name. */
static bool make_room(struct decoder *d, struct metadata *m)
{
	return m->count < METADATA_NAMES_MAX && ((m->count + 1) * 4 <= (m->mask + 1) * 3 || grow(d, m));
}

void metadata_learn(struct decoder *d, struct domain *dom, const struct metadata_key *key, const uint8_t *p, size_t len)
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
	unsigned variant = own_variant(d, m, key, text, n);
	struct name *at = slot_of(d, m, key->kind, key->id, variant);
	if (!at->len) {
		if (!make_room(d, m)) {
			counter_inc(&d->stats.metadata_refused);
			return;
		}
		at = slot_of(d, m, key->kind, key->id, variant);
		*at = (struct name){.id = key->id, .kind = (uint8_t)key->kind, .variant = (uint8_t)variant};
		m->count++;
	}
	at->seen_s = (uint32_t)(d->now_ns / NS_PER_S);
	at->port = key->port;
	at->len = (uint8_t)n;
	memcpy(at->text, text, n);
	struct name *first = slot_of(d, m, key->kind, key->id, 0);
	first->variants = (uint8_t)(variant < first->variants ? first->variants : variant + 1);
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
	/* RFC 7011 6.2: a float64 may come as a float32. */
	if (len == 4) {
		uint32_t bits = wire_load32(p);
		float f;
		memcpy(&f, &bits, sizeof(f));
		s->sampling.probability = (double)f;
	} else if (len == 8) {
		uint64_t bits = wire_load64(p);
		memcpy(&s->sampling.probability, &bits, sizeof(bits));
	}
	s->has_sampling |= len == 4 || len == 8;
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

static void keep(struct decoder *d, struct domain *dom, uint16_t port, struct said *s)
{
	struct metadata_key key = {.port = port};

	if (s->has_sampling)
		sampling_learn(d, dom, port, &s->about, sampling_rate(&s->sampling));
	/* The short name (ifName) where there is one, else the description. */
	if (s->about.has_in_if && (s->has_name || s->has_description)) {
		key.kind = METADATA_INTERFACE;
		key.id = s->about.in_if;
		if (s->has_name)
			metadata_learn(d, dom, &key, s->name, s->name_len);
		else
			metadata_learn(d, dom, &key, s->description, s->description_len);
	}
	if (s->has_vrf && s->has_vrf_name) {
		key.kind = METADATA_VRF;
		key.id = s->vrf;
		metadata_learn(d, dom, &key, s->vrf_name, s->vrf_name_len);
	}
	if (s->has_application && s->has_application_name) {
		key.kind = METADATA_APPLICATION;
		key.id = s->application;
		metadata_learn(d, dom, &key, s->application_name, s->application_name_len);
	}
	if (s->init_ms)
		exporter_learn_init(dom, port, d->now_ns, s->init_ms * NS_PER_MS);
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
	keep(d, dom, src->port, &s);
	return w.p - data;
}

/* What PORT said of (KIND, ID); where it said nothing, what was said last. */
static const struct name *find(const struct decoder *d, const struct metadata *m, const struct metadata_key *key)
{
	const struct name *best = slot_of(d, m, key->kind, key->id, 0);

	if (!best->len)
		return NULL;
	for (unsigned v = 1, n = best->variants; v < n && best->port != key->port; v++) {
		const struct name *other = slot_of(d, m, key->kind, key->id, v);
		if (other->port == key->port || other->seen_s >= best->seen_s)
			best = other;
	}
	return best;
}

static void fill(const struct decoder *d, const struct metadata *m, const struct metadata_key *key, char *text,
	uint32_t *n_text)
{
	if (!key->id || *n_text)
		return;
	const struct name *n = find(d, m, key);
	if (!n)
		return;
	memcpy(text, n->text, n->len);
	*n_text = n->len;
}

void metadata_names(const struct decoder *d, const struct domain *dom, uint16_t port, struct flow *f)
{
	const struct metadata *m = dom->metadata;

	if (!m->slots)
		return;
#define FILL(kind_, number, name) \
	fill(d, m, &(struct metadata_key){.kind = (kind_), .port = port, .id = f->number}, f->name, &f->n_##name)
	FILL(METADATA_INTERFACE, in_if, in_if_name);
	FILL(METADATA_INTERFACE, out_if, out_if_name);
	FILL(METADATA_VRF, in_vrf_id, vrf_name);
	FILL(METADATA_APPLICATION, application_id, application_name);
#undef FILL
}

void metadata_each(const struct domain *dom,
	void (*fn)(void *arg, enum metadata_kind kind, uint64_t id, uint16_t port, const char *text, size_t len), void *arg)
{
	const struct metadata *m = dom->metadata;

	for (size_t i = 0; m && m->slots && i <= m->mask; i++)
		if (m->slots[i].len)
			fn(arg, m->slots[i].kind, m->slots[i].id, m->slots[i].port, m->slots[i].text, m->slots[i].len);
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
