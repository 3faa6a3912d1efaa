/* fuzz_sql.c -- the query that a page sends to weir-embedded, as its scanner sees it before the engine does. */
#include <string.h>

#include "embedded/sqlscan.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char format[64];
	char *text = malloc(size ? size : 1); /* no NUL behind it is looked for: the length says where it ends */
	FUZZ_ASSERT(text);
	memcpy(text, data, size);
	const char *out = sql_reaches_out(text, size, false), *more = sql_reaches_out(text, size, true);
	FUZZ_ASSERT(!out || more);
	if (sql_format(text, size, format, sizeof(format)))
		FUZZ_ASSERT(strlen(format) < sizeof(format));
	free(text);
	return 0;
}
