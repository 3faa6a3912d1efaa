/*
 * fuzz_frame.c -- the headers of a packet, as sFlow, IPFIX packet sections and the flow meter have them. Byte 0 says what the
 * packet begins with and what becomes of a tunnel's inner packet.
 */
#include "packet/frame.h"
#include "proto/flow.h"
#include "proto/pack.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct flow flow;
	static uint8_t packed[FLOW_PACK_MAX];
	if (size < 1)
		return 0;
	enum frame_start start = (enum frame_start)(data[0] % (FRAME_MPLS + 1));
	enum frame_inner inner = data[0] & 0x80 ? FRAME_INNER_INSTEAD : FRAME_INNER_BESIDE;
	flow_clear(&flow);
	(void)frame_decode(data + 1, size - 1, start, inner, &flow);
	FUZZ_ASSERT(flow_pack(&flow, packed) <= FLOW_PACK_MAX);
	return 0;
}
