/* fuzz_unpack.c -- a Kafka message -> flows -> record, JSON, text; what was read is written and read again the same. */
#include "proto/json.h"
#include "proto/pack.h"
#include "proto/text.h"
#include "proto/unpack.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/flow_pb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct flow flow, again;
	static uint8_t packed[FLOW_PACK_MAX];
	static char line[FLOW_JSON_MAX];
	struct flow_iter it, back;
	int got;
	flow_iter_init(&it, data, size);
	while ((got = flow_iter_next(&it, &flow)) != 0) {
		if (got < 0)
			continue;
		size_t len = flow_pack(&flow, packed);
		FUZZ_ASSERT(len <= FLOW_PACK_MAX);
		flow_iter_init(&back, packed, len);
		FUZZ_ASSERT(flow_iter_next(&back, &again) == 1);
		FUZZ_ASSERT(!flow_differs(&flow, &again));
		FUZZ_ASSERT(flow_json(&flow, line) <= FLOW_JSON_MAX);
		FUZZ_ASSERT(flow_text(&flow, line) <= FLOW_TEXT_MAX);
	}
	return 0;
}
