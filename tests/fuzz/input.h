/*
 * input.h -- what the targets share: a row of datagrams through a decoder, and an input as a file with a name.
 */
#ifndef WEIR_TESTS_FUZZ_INPUT_H
#define WEIR_TESTS_FUZZ_INPUT_H

#include <stdint.h>

#include "collector/decode.h"

/* May change the datagram, which is its own copy: to give it the version of the target, for instance. */
typedef void input_prepare_fn(uint8_t *data, size_t len);

/* A decoder with small tables, so that their ends are reached; flows are packed. */
struct decoder *input_decoder(void);
/* DATA is datagrams, each behind two bytes of length, all of one exporter, 100 ms apart. */
void input_datagrams(const uint8_t *data, size_t size, input_prepare_fn *prepare);
void input_put_u16(uint8_t *at, size_t v);
void input_put_u32(uint8_t *at, uint32_t v);
void input_put_u64(uint8_t *at, uint64_t v);

/* A file in memory that holds DATA; good until the next call. */
const char *input_file(const uint8_t *data, size_t size);

#endif
