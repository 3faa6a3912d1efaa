/* fuzz_decode.c -- datagrams, each behind two bytes of length, through one decoder of any protocol; every flow is packed. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_datagrams(data, size, NULL);
	return 0;
}
