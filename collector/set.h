/*
 * set.h -- what NetFlow v9 and IPFIX have in common once their headers are read: data sets and templates.
 */
#ifndef WEIR_COLLECTOR_SET_H
#define WEIR_COLLECTOR_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decode_result;
struct decoder;
struct domain;
struct record_source;

enum { SET_RECORDS_UNKNOWN = -1 };

/* One data set: decoded, held until its template comes, or skipped, and counted so. Gives its number of records, or
 * SET_RECORDS_UNKNOWN when it has no template. */
long set_data(struct decoder *d, struct domain *dom, const struct record_source *src, uint16_t id, const uint8_t *data,
	size_t len, struct decode_result *res);

/* d->spec was read: keeps it as a template, decodes what waited for it. 0 or a negative reason. */
int set_template(struct decoder *d, struct domain *dom, const struct record_source *src, struct decode_result *res);

#endif
