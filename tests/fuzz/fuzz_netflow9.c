/* fuzz_netflow9.c -- as fuzz_decode, and every datagram is NetFlow v9. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

static void prepare(uint8_t *data, size_t len)
{
	if (len >= 2)
		input_put_u16(data, 9);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_datagrams(data, size, prepare);
	return 0;
}
