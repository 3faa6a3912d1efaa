/*
 * fuzz_state.c -- a state file, as --state.path keeps it: what comes of it is used (a data set for each of the first ids), written,
 * listed and read again. Bit 0 of byte 0: the file's head, length and checksum are made right, so that the items behind
 * them are reached.
 */
#include <string.h>

#include "common/buf.h"
#include "common/hash.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

enum { HEAD = 28, TAIL = 8, ROOM = 1 << 16 };

static void use(struct decoder *d, const uint8_t *data, size_t size)
{
	uint8_t message[16 + 4 + 64] = {0, 10, 0, sizeof(message)};
	struct datagram dg = {.data = message, .len = sizeof(message), .source = ip_v4((const uint8_t[]){10, 0, 0, 1}),
			      .source_port = 2055, .received_ns = 1763726400000000000};
	struct decode_result result;
	memcpy(message + 20, data, size < 64 ? size : 64);
	input_put_u16(message + 18, 68);
	for (size_t id = 256; id < 272; id++) {
		input_put_u16(message + 16, id);
		decoder_datagram(d, DECODE_NETFLOW, &dg, &result);
	}
	decoder_tick(d, dg.received_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hash_key zero;
	static uint8_t file[ROOM];
	struct buf saved = {0}, listed = {0};
	if (size < 1 || size > ROOM)
		return 0;
	size_t len = size - 1;
	memcpy(file, data + 1, len);
	if (data[0] & 1 && len >= HEAD + TAIL) {
		memcpy(file, "WEIRSTAT\0\0\0\1", 12);
		input_put_u64(file + 20, len - HEAD - TAIL);
		input_put_u64(file + len - TAIL, hash_bytes(&zero, file, len - TAIL));
	}
	struct decoder *decoder = input_decoder(), *second = input_decoder();
	if (decoder_load(decoder, file, len) == 0) {
		use(decoder, data, size);
		FUZZ_ASSERT(decoder_save(decoder, 1763726400000000000, &saved) == 0);
		FUZZ_ASSERT(decoder_load(second, saved.data, saved.len) == 0);
	}
	decoder_templates_json(decoder, NULL, 0, &listed);
	decoder_exporters_json(decoder, NULL, 0, &listed);
	FUZZ_ASSERT(!listed.failed);
	buf_free(&saved);
	buf_free(&listed);
	decoder_free(decoder);
	decoder_free(second);
	return 0;
}
