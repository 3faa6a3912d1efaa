/* fuzz_mapping.c -- --mapping's file; a decoder takes what comes of it. */
#include <string.h>

#include "collector/mapping.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char err[300] = "";
	struct mapping *mapping;
	char *text = malloc(size + 1);
	FUZZ_ASSERT(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (mapping_parse(text, "mapping", &mapping, err, sizeof(err)) == 0) {
		struct decoder *decoder = input_decoder();
		FUZZ_ASSERT(decoder_set_mapping(decoder, mapping) == 0);
		decoder_free(decoder);
		mapping_free(mapping);
	} else {
		FUZZ_ASSERT(*err && !strchr(err, '\n'));
	}
	free(text);
	return 0;
}
