/*
 * json.h, the JSON line of a flow: a contract (docs/json.md), goflow2's 50 keys in their order, then weir's own
 * fields where they are not zero.
 */
#ifndef WEIR_PROTO_JSON_H
#define WEIR_PROTO_JSON_H

#include <stddef.h>

struct flow;

/* No line is longer, its newline included. */
enum { FLOW_JSON_MAX = 65536 };

/* Writes F as one line, '\n' included and no NUL, at OUT, which has FLOW_JSON_MAX bytes of room. */
size_t flow_json(const struct flow *f, char *out);

#endif
