/* fuzz_sflow.c -- as fuzz_decode, and every datagram is sFlow version 5. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

static void prepare(uint8_t *data, size_t len)
{
	if (len >= 4)
		input_put_u32(data, 5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_datagrams(data, size, prepare);
	return 0;
}
