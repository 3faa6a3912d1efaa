/*
 * fuzz_structured.c -- structured data (RFC 6313) and packet sections inside IPFIX records. The templates are sound and there
 * from the start; the input is data sets: a byte that chooses the template, two of length, the records.
 */
#include <string.h>

#include "common/wire.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

enum { IDS = 8, HEADER = 16 };

/* Element and length; each row a template, 256 on, ended by 0. 65535: variable. */
static const uint16_t layouts[IDS][14] = {
	{8, 4, 12, 4, 7, 2, 11, 2, 1, 4, 2, 4},
	{8, 4, 291, 65535},
	{8, 4, 292, 65535},
	{8, 4, 293, 65535},
	{291, 65535, 292, 65535, 293, 65535},
	{313, 65535, 312, 2, 315, 65535, 316, 65535},
	{82, 65535, 10, 4, 291, 65535, 291, 65535},
	{315, 128, 292, 65535, 103, 2},
};

static size_t make_templates(uint8_t *at)
{
	size_t len = HEADER + 4;
	memset(at, 0, HEADER + 4);
	for (size_t i = 0; i < IDS; i++) {
		size_t n = 0, head = len;
		len += 4;
		for (; n < 7 && layouts[i][2 * n]; n++, len += 4) {
			input_put_u16(at + len, layouts[i][2 * n]);
			input_put_u16(at + len + 2, layouts[i][2 * n + 1]);
		}
		input_put_u16(at + head, 256 + i);
		input_put_u16(at + head + 2, n);
	}
	input_put_u16(at + HEADER, 2);
	input_put_u16(at + HEADER + 2, len - HEADER);
	return len;
}

static void message(struct decoder *d, uint8_t *data, size_t len)
{
	struct decode_result result;
	input_put_u16(data, 10);
	input_put_u16(data + 2, len);
	struct datagram dg = {.data = data, .len = len, .source = ip_v4((const uint8_t[]){10, 0, 0, 1}), .source_port = 4739,
			      .received_ns = 1763726400000000000};
	decoder_datagram(d, DECODE_NETFLOW, &dg, &result);
	FUZZ_ASSERT(!result.reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t room[1 << 16];
	struct decoder *decoder = input_decoder();
	message(decoder, room, make_templates(room));
	struct wire w = wire_of(data, size);
	while (wire_left(&w) > 3) {
		size_t id = 256 + wire_u8(&w) % IDS;
		size_t len = wire_u16(&w);
		len = len < wire_left(&w) ? len : wire_left(&w);
		len = len < sizeof(room) - HEADER - 4 - 1 ? len : sizeof(room) - HEADER - 4 - 1;
		uint8_t *copy = room + sizeof(room) - len - HEADER - 4;
		memset(copy, 0, HEADER);
		input_put_u16(copy + HEADER, id);
		input_put_u16(copy + HEADER + 2, len + 4);
		memcpy(copy + HEADER + 4, wire_bytes(&w, len), len);
		message(decoder, copy, len + HEADER + 4);
	}
	decoder_free(decoder);
	return 0;
}
