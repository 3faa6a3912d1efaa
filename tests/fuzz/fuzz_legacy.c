/* fuzz_legacy.c -- as fuzz_decode, and every datagram is NetFlow v1, v5, v6, v7 or v8. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

static void prepare(uint8_t *data, size_t len)
{
	static const uint8_t versions[] = {1, 5, 6, 7, 8};
	for (size_t i = 0; i < sizeof(versions); i++)
		if (len < 2 || (data[0] == 0 && data[1] == versions[i]))
			return;
	input_put_u16(data, versions[data[1] % sizeof(versions)]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_datagrams(data, size, prepare);
	return 0;
}
