/* fuzz_filter.c -- a filter's text: compiled, matched, and as SQL; both ways take the same texts. */
#include "common/buf.h"
#include "proto/filter.h"
#include "proto/filter_sql.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/flow_random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct flow flow;
	char err[FILTER_ERR_MAX];
	struct filter *filter;
	struct buf sql = {0};
	char *text = malloc(size + 1);
	FUZZ_ASSERT(text);
	memcpy(text, data, size);
	text[size] = '\0';
	/* Not from files: the input would say which. */
	if (filter_sql(text, &sql, err, sizeof(err)) == 0) {
		FUZZ_ASSERT(filter_compile(text, &filter, err, sizeof(err)) == 0);
		struct flow_random r = {size};
		random_flow(&r, 50, &flow);
		filter_match(filter, &flow);
		filter_free(filter);
	}
	buf_free(&sql);
	free(text);
	return 0;
}
