/* fuzz_decode.c -- datagrams, each behind two bytes of length, through one decoder of any protocol; every flow is packed. */
#include "collector/decode.h"
#include "common/wire.h"
#include "proto/flow.h"
#include "proto/pack.h"
#include "tests/fuzz/fuzz.h"

static void emit(void *arg, struct flow *flow)
{
	static uint8_t packed[FLOW_PACK_MAX];
	FUZZ_ASSERT(flow_pack(flow, packed) <= FLOW_PACK_MAX);
	++*(uint32_t *)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t emitted = 0, flows = 0;
	const struct decode_options options = {.emit = emit, .emit_arg = &emitted, .hold_bytes = 1 << 16, .hold_ns = 1000000000};
	struct decoder *decoder;
	FUZZ_ASSERT(decoder_new(&options, &decoder) == 0);
	struct wire w = wire_of(data, size);
	for (uint64_t now = 1763726400000000000; wire_left(&w) > 2; now += 100000000) {
		size_t len = wire_u16(&w);
		struct wire datagram = wire_sub(&w, len < wire_left(&w) ? len : wire_left(&w));
		struct datagram dg = {.data = datagram.p, .len = wire_left(&datagram), .source = ip_v4((const uint8_t[]){10, 0, 0, 1}),
				      .source_port = 2055, .received_ns = now};
		struct decode_result result;
		decoder_datagram(decoder, DECODE_ANY, &dg, &result);
		FUZZ_ASSERT(!result.reason || !result.flows);
		flows += result.flows;
		decoder_tick(decoder, now);
	}
	FUZZ_ASSERT(flows <= emitted); /* more came out of held data */
	decoder_free(decoder);
	return 0;
}
