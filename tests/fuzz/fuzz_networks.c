/* fuzz_networks.c -- --enrich.networks' file of prefixes. */
#include <string.h>

#include "common/ip.h"
#include "enrich/networks.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char err[400] = "";
	struct networks *networks;
	if (networks_load(input_file(data, size), &networks, err, sizeof(err)) < 0) {
		FUZZ_ASSERT(*err && !strchr(err, '\n'));
		return 0;
	}
	for (size_t i = 0; i + 16 <= size && i < 256; i += 4) {
		struct ip_addr four = ip_v4(data + i), six = ip_v6(data + i);
		struct network_names names = networks_find(networks, &four);
		FUZZ_ASSERT(strlen(names.network) <= size && strlen(names.customer) <= size);
		names = networks_find(networks, &six);
		FUZZ_ASSERT(strlen(names.network) <= size && strlen(names.customer) <= size);
	}
	networks_free(networks);
	return 0;
}
