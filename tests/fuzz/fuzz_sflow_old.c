/* fuzz_sflow_old.c -- as fuzz_decode, and every datagram is sFlow version 2 or 4. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

static void prepare(uint8_t *data, size_t len)
{
	if (len >= 4)
		input_put_u32(data, data[3] & 1 ? 4 : 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_datagrams(data, size, prepare);
	return 0;
}
