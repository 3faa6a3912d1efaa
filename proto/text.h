/*
 * text.h -- a flow as `key=value key=value ...`: goflow2's text format. Same keys, order and renderings as json.h.
 */
#ifndef WEIR_PROTO_TEXT_H
#define WEIR_PROTO_TEXT_H

#include <stddef.h>

struct flow;

enum { FLOW_TEXT_MAX = 65536 };

size_t flow_text(const struct flow *f, char *out);

#endif
