/*
 * legacy.h -- the fixed record layouts of NetFlow v1 to v8, as templates: legacy.def has them, and their records go the
 * same way as those of v9 and IPFIX (record.h).
 */
#ifndef WEIR_COLLECTOR_LEGACY_H
#define WEIR_COLLECTOR_LEGACY_H

#include <stdint.h>

struct decoder;
struct template;

int legacy_new(struct decoder *d); /* 0 or -ERR_MEMORY */
void legacy_free(struct decoder *d);

/* NULL when the layout is not public. AGGREGATION is v8's, 0 for the others; LEN of a record, 0 where there is but one. */
const struct template *legacy_layout(const struct decoder *d, unsigned version, unsigned aggregation, unsigned len);

#endif
