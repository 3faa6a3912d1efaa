/*
 * fuzz_mmdb.c -- a MaxMind database as --enrich.country and --enrich.as take it: opened, and asked about addresses. It is
 * libmaxminddb that reads it; what is held here is that nothing it gives back is taken on trust.
 */
#include <string.h>

#include "common/ip.h"
#include "enrich/geo.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

/* libmaxminddb 1.7 loses 5 KB when it refuses a database whose languages or description are broken (corpus: languages). */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libmaxminddb\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char err[400] = "", country[2];
	struct geo *geo;
	if (geo_open(input_file(data, size), &geo, err, sizeof(err)) < 0) {
		FUZZ_ASSERT(*err && !strchr(err, '\n'));
		return 0;
	}
	static const char *const addresses[] = {"192.0.2.1", "10.0.0.1", "255.255.255.255", "0.0.0.0", "2001:db8::1", "::1"};
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct ip_addr a;
		FUZZ_ASSERT(ip_parse(addresses[i], &a) == 0);
		FUZZ_ASSERT(geo_country(geo, &a, country) <= sizeof(country));
		(void)geo_as(geo, &a);
	}
	geo_close(geo);
	return 0;
}
