/* fuzz_ipfix.c -- as fuzz_decode, and every datagram is an IPFIX message of the right length. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

static void prepare(uint8_t *data, size_t len)
{
	if (len >= 4) {
		input_put_u16(data, 10);
		input_put_u16(data + 2, len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_datagrams(data, size, prepare);
	return 0;
}
