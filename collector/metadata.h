/*
 * metadata.h -- what options data say besides rates: names of interfaces, VRFs and applications, the system's start,
 * types of enterprise elements (RFC 5610). Kept by domain, bounded, overwritten by what comes later.
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

/* Fills the names that F has numbers for and no name of its own. */
void metadata_names(const struct decoder *d, const struct domain *dom, struct flow *f);

void metadata_learn(struct decoder *d, struct domain *dom, enum metadata_kind kind, uint64_t id, const uint8_t *p,
	size_t len);
void metadata_each(const struct domain *dom,
	void (*fn)(void *arg, enum metadata_kind kind, uint64_t id, const char *text, size_t len), void *arg);
void metadata_free(struct decoder *d, struct metadata *m);

#endif
