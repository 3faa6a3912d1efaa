/* fuzz_columns.c -- weir-inserter print's -o: a format is refused with one line, or writes a flow within its bound. */
#include <string.h>

#include "inserter/columns.h"
#include "proto/flow.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/flow_random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct flow flow;
	static char line[COLUMNS_LINE_MAX];
	char err[300] = "";
	struct columns *columns;
	struct columns_style style = {.plain_numbers = size & 1, .long_ipv6 = size & 2};
	char *text = malloc(size + 1);
	FUZZ_ASSERT(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (columns_new(text, &style, &columns, err, sizeof(err)) == 0) {
		struct flow_random r = {size};
		random_flow(&r, 50, &flow);
		FUZZ_ASSERT(columns_heading(columns, line) <= COLUMNS_LINE_MAX);
		FUZZ_ASSERT(columns_line(columns, &flow, 1, line) <= COLUMNS_LINE_MAX);
		columns_free(columns);
	} else {
		FUZZ_ASSERT(*err);
	}
	free(text);
	return 0;
}
