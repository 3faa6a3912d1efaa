/*
 * hold.h -- data sets whose template has not come yet: kept with what their datagram's header said, decoded when it comes.
 *
 * Bounded in bytes and in time; one exporter gets an eighth of the bytes at most, so that a flood of unknown sets
 * from one address leaves room for the others.
 */
#ifndef WEIR_COLLECTOR_HOLD_H
#define WEIR_COLLECTOR_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decode_result;
struct decoder;
struct domain;
struct hold;
struct record_source;

int hold_new(struct hold **ret_hold); /* 0 or -ERR_MEMORY */
void hold_free(struct hold *h);

/* Keeps a copy of a set. False when there is no room. */
bool hold_put(struct decoder *d, struct domain *dom, const struct record_source *src, uint16_t id, const uint8_t *data,
	size_t len);

/* Template ID of DOM has come: FN decodes each set that waited for it, in the order in which they came. */
typedef void hold_release_fn(struct decoder *d, struct domain *dom, const struct record_source *src, uint16_t id,
	const uint8_t *data, size_t len, struct decode_result *res);
void hold_release(struct decoder *d, struct domain *dom, uint16_t id, hold_release_fn *fn, struct decode_result *res);

/* Gives up what has waited too long. */
void hold_tick(struct decoder *d);

#endif
