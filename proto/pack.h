/*
 * pack.h -- struct flow -> length-prefixed protobuf record (flow.proto), straight into the caller's memory.
 *
 * The encoder is straight-line code made from fields.def; for every flow its bytes are those that protobuf-c
 * would write (tests/unit/test_pack.c), only faster.
 */
#ifndef WEIR_PROTO_PACK_H
#define WEIR_PROTO_PACK_H

#include <stddef.h>
#include <stdint.h>

struct flow;

/* No packed flow is longer, its length prefix included. */
enum { FLOW_PACK_MAX = 12288 };

/* Writes F at OUT, which has FLOW_PACK_MAX bytes of room; gives the number written. Cannot fail. */
size_t flow_pack(const struct flow *f, uint8_t *out);

/* What flow_pack does on processors without fast bit deposit; for tests and benchmarks. */
size_t flow_pack_portable(const struct flow *f, uint8_t *out);

#endif
