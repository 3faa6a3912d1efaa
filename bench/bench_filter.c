/*
 * bench_filter.c -- ns a flow of filter_match, by filter, over flows of all kinds of exporters. `bench_filter [ROUNDS]`
 */
#include "bench/bench_flows.h"
#include "proto/filter.h"

/* "src ip in [ ... ]" with N networks. */
static char *long_list(int n)
{
	enum { ITEM = 20 };
	char *text = malloc((size_t)(n + 1) * ITEM);
	if (!text)
		abort();
	size_t len = (size_t)snprintf(text, ITEM, "src ip in [");
	for (int i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, ITEM, "%u.%u.%u.0/24 ", bench_below(256), bench_below(256), bench_below(256));
	snprintf(text + len, ITEM, "]");
	return text;
}

int main(int argc, char **argv)
{
	int rounds = bench_rounds(argc, argv, 500);
	const char *filters[] = {
		"any", "dst port 53", "proto udp and dst port 53", "src ip 10.0.0.0/8", "port in [53 80 443 8080]",
		"src ip 10.0.0.0/8 and dst port in [53 443] and not proto udp", "flags S and not flags AFRPU",
		"bytes > 1m or packets > 1k", "bps > 1m", "mac e8:ff:1e:d5:f4:16 or as 65001 or vlan 7", NULL, NULL};
	char *lists[] = {long_list(100), long_list(10000)};
	filters[10] = lists[0];
	filters[11] = lists[1];
	struct flow *flows = calloc(BENCH_FLOWS, sizeof(*flows));
	if (!flows)
		abort();
	for (int i = 0; i < BENCH_FLOWS; i++)
		bench_shapes[i % BENCH_SHAPES].make(&flows[i]);
	printf("%8s %8s   filter\n", "ns", "matches");
	for (size_t k = 0; k < sizeof(filters) / sizeof(filters[0]); k++) {
		struct filter *filter;
		char err[FILTER_ERR_MAX];
		if (filter_compile(filters[k], &filter, err, sizeof(err)) != 0) {
			fprintf(stderr, "%s: %s\n", filters[k], err);
			return 1;
		}
		int matches = 0;
		for (int i = 0; i < BENCH_FLOWS; i++)
			matches += filter_match(filter, &flows[i]);
		bool any = false;
		double ns = BENCH_NS(rounds, any |= filter_match(filter, &flows[i]); BENCH_USED(any));
		printf("%8.1f %7.1f%%   %.60s\n", ns, 100.0 * matches / BENCH_FLOWS, filters[k]);
		filter_free(filter);
	}
	free(lists[0]);
	free(lists[1]);
	free(flows);
	return 0;
}
