/*
 * fuzz_options.c -- weir-collector's configuration file, and whatever stands in it: listeners, prefixes, rates, filters, sizes
 * and durations. It is refused with one line, or taken.
 */
#include <stdio.h>
#include <string.h>

#include "collector/config.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config config;
	struct opt_result result = {0};
	char err[512] = "";
	char program[] = "weir-collector", option[] = "--config", path[64];
	char *argv[] = {program, option, path, NULL};
	snprintf(path, sizeof(path), "%s", input_file(data, size));
	if (config_read(3, argv, &config, &result, err, sizeof(err)) < 0)
		FUZZ_ASSERT(*err && !strchr(err, '\n'));
	config_free(&config, &result);
	return 0;
}
