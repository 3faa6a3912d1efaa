/*
 * metadata.h -- what options data say besides rates: names of interfaces, VRFs and applications, the system's start,
 * types of enterprise elements (RFC 5610). Kept by domain, bounded, overwritten by what comes later; where two ports of
 * one address contradict each other (two exporters behind one NAT), kept apart by port.
 */
#ifndef WEIR_COLLECTOR_METADATA_H
#define WEIR_COLLECTOR_METADATA_H

#include <stddef.h>
#include <stdint.h>

struct decoder;
struct domain;
struct flow;
struct metadata;
struct record_source;
struct template;

enum {
	METADATA_NAMES_MAX = 4096, /* a domain, all kinds together */
	METADATA_NAME_MAX = 128    /* bytes; longer ones are cut */
};

enum metadata_kind { METADATA_INTERFACE, METADATA_VRF, METADATA_APPLICATION, METADATA_KINDS };

/* One options data record of template T, [DATA, DATA + LEN). Gives its length, or -ERR_BAD_RECORD. */
long metadata_record(struct decoder *d, struct domain *dom, const struct record_source *src, const struct template *t,
	const uint8_t *data, size_t len);

/* Fills the names that F, come from PORT, has numbers for and no name of its own. */
void metadata_names(const struct decoder *d, const struct domain *dom, uint16_t port, struct flow *f);

struct metadata_key {
	enum metadata_kind kind;
	uint16_t port; /* it came from */
	uint64_t id;
};
void metadata_learn(struct decoder *d, struct domain *dom, const struct metadata_key *key, const uint8_t *p, size_t len);
void metadata_each(const struct domain *dom,
	void (*fn)(void *arg, enum metadata_kind kind, uint64_t id, uint16_t port, const char *text, size_t len), void *arg);
void metadata_free(struct decoder *d, struct metadata *m);

#endif
