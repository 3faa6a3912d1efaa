/*
 * Enrichment: MaxMind databases made here, longest prefixes against a slow search, files that change or are wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enrich/enrich.h"
#include "enrich/geo.h"
#include "enrich/networks.h"
#include "proto/flow.h"
#include "tests/unit/mmdb_writer.h"

static char dir[64], countries[128], as_numbers[128], networks[128];
static struct mmdb_writer writer;

static void put(const char *path, const char *text)
{
	char fresh[200];
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	FILE *f = fopen(fresh, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(rename(fresh, path), 0);
}

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;
	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static struct flow flow_of(const char *src, const char *dst)
{
	struct flow f;
	flow_clear(&f);
	f.src_addr = addr(src);
	f.dst_addr = addr(dst);
	return f;
}

static void expect_text(const char *at, uint32_t len, const char *text)
{
	assert_int_equal(len, strlen(text));
	assert_memory_equal(at, text, len);
}

static int up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/weir-test-enrich-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(countries, sizeof(countries), "%s/country.mmdb", dir);
	snprintf(as_numbers, sizeof(as_numbers), "%s/as.mmdb", dir);
	snprintf(networks, sizeof(networks), "%s/networks.csv", dir);
	mmdb_init(&writer);
	mmdb_country(&writer, "192.0.2.0/24", "DE");
	mmdb_country(&writer, "198.51.100.0/25", "US");
	mmdb_country(&writer, "2001:db8::/32", "NL");
	mmdb_write(&writer, countries);
	mmdb_init(&writer);
	mmdb_as(&writer, "192.0.2.0/24", 64500);
	mmdb_as(&writer, "2001:db8::/32", 4200000001);
	mmdb_write(&writer, as_numbers);
	put(networks, "prefix,network,customer\n"
		      "# a comment\n"
		      "192.0.2.0/24,office,\n"
		      "192.0.2.128/25,\"lab, upper\",\"Example \"\"Inc\"\"\"\n"
		      "2001:db8::/32,hosting,Other\r\n"
		      "\n");
	return 0;
}

static int down(void **state)
{
	char line[128];
	(void)state;
	snprintf(line, sizeof(line), "rm -rf %s", dir);
	return system(line);
}

static void test_a_flow_gets_what_is_known(void **state)
{
	struct enrich_options o = {.country = countries, .as = as_numbers, .networks = networks};
	struct enrich *e = NULL;
	struct enrich_stats stats;
	char err[256];
	(void)state;
	assert_int_equal(enrich_new(&o, &e, err, sizeof(err)), 0);
	for (int round = 0; round < 2; round++) { /* the second time from the cache */
		struct flow f = flow_of("192.0.2.200", "2001:db8::1");
		f.src_as = 65001; /* the exporter knows better */
		enrich_flow(e, &f);
		expect_text(f.src_country, f.n_src_country, "DE");
		expect_text(f.dst_country, f.n_dst_country, "NL");
		assert_int_equal(f.src_as, 65001);
		assert_int_equal(f.dst_as, 4200000001);
		expect_text(f.src_network, f.n_src_network, "lab, upper");
		expect_text(f.src_customer, f.n_src_customer, "Example \"Inc\"");
		expect_text(f.dst_network, f.n_dst_network, "hosting");
		expect_text(f.dst_customer, f.n_dst_customer, "Other");
	}
	struct flow unknown = flow_of("203.0.113.1", "198.51.100.200");
	enrich_flow(e, &unknown);
	assert_int_equal(unknown.n_src_country + unknown.n_dst_country + unknown.n_src_network + unknown.n_dst_customer, 0);
	assert_int_equal(unknown.src_as + unknown.dst_as, 0);
	enrich_stats(e, &stats);
	assert_int_equal(stats.flows, 3);
	assert_int_equal(stats.countries, 2);
	assert_int_equal(stats.as_numbers, 2);
	assert_int_equal(stats.names, 2);
	enrich_free(e);
}

static void test_as_always(void **state)
{
	struct enrich_options o = {.as = as_numbers, .as_always = true};
	struct enrich *e = NULL;
	char err[256];
	(void)state;
	assert_int_equal(enrich_new(&o, &e, err, sizeof(err)), 0);
	struct flow f = flow_of("192.0.2.1", "203.0.113.1");
	f.src_as = 65001;
	f.dst_as = 65002; /* not in the database: stays */
	enrich_flow(e, &f);
	assert_int_equal(f.src_as, 64500);
	assert_int_equal(f.dst_as, 65002);
	enrich_free(e);
}

static void test_changed_files_are_read_again(void **state)
{
	struct enrich_options o = {.country = countries, .networks = networks};
	struct enrich *e = NULL;
	struct enrich_stats stats;
	char err[256] = "";
	(void)state;
	assert_int_equal(enrich_new(&o, &e, err, sizeof(err)), 0);
	struct flow f = flow_of("192.0.2.1", "192.0.2.2");
	enrich_flow(e, &f);
	expect_text(f.src_network, f.n_src_network, "office");
	put(networks, "192.0.2.0/24,moved,\n");
	mmdb_init(&writer);
	mmdb_country(&writer, "192.0.2.0/24", "FR");
	mmdb_write(&writer, countries);
	assert_int_equal(enrich_tick(e, err, sizeof(err)), 0);
	f = flow_of("192.0.2.1", "192.0.2.2");
	enrich_flow(e, &f);
	expect_text(f.src_network, f.n_src_network, "moved");
	expect_text(f.dst_country, f.n_dst_country, "FR");
	put(networks, "192.0.2.0/24,again,\nnonsense\n");
	assert_int_equal(enrich_tick(e, err, sizeof(err)), -22);
	assert_non_null(strstr(err, "networks.csv:2: no prefix"));
	f = flow_of("192.0.2.1", "192.0.2.2");
	enrich_flow(e, &f);
	expect_text(f.src_network, f.n_src_network, "moved"); /* the old one stays */
	assert_int_equal(enrich_tick(e, err, sizeof(err)), 0);
	enrich_stats(e, &stats);
	assert_int_equal(stats.reloads, 2);
	assert_int_equal(stats.reload_errors, 1);
	enrich_free(e);
}

static uint64_t random_state = 88172645463325252u;

static uint32_t random_u32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16);
}

static struct ip_addr random_addr(void)
{
	/* Few different bits, so that prefixes lie inside each other. */
	uint32_t v = 0x0a000000u | (random_u32() & random_u32() & 0xffffffu);
	uint8_t bytes[16] = {0x20, 0x01, (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
	static const uint8_t heads[4] = {10, 10, 0, 255};
	uint8_t v4[4] = {heads[random_u32() % 4], (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
	return random_u32() % 3 ? ip_v4(v4) : ip_v6(bytes);
}

static void test_longest_prefix_against_a_slow_search(void **state)
{
	enum { PREFIXES = 3000, QUESTIONS = 3000 };
	static struct ip_prefix prefixes[PREFIXES];
	struct networks *n = NULL;
	struct buf text = {0};
	char err[256], line[IP_PREFIX_TEXT_MAX];
	(void)state;
	for (uint32_t i = 0; i < PREFIXES; i++) {
		struct ip_addr a = random_addr();
		prefixes[i].bits = a.len == 4 ? 1 + random_u32() % 32 : 16 + random_u32() % 40;
		prefixes[i].addr = ip_mask(&a, prefixes[i].bits);
		ip_prefix_format(&prefixes[i], line);
		buf_printf(&text, "%s,n%u,c%u\n", line, i % 7, i);
	}
	put(networks, text.data);
	buf_free(&text);
	assert_int_equal(networks_load(networks, &n, err, sizeof(err)), 0);
	assert_int_equal(networks_count(n), PREFIXES);
	size_t found = 0;
	for (int q = 0; q < QUESTIONS; q++) {
		struct ip_addr a = q ? random_addr() : addr("255.255.255.255");
		int best = -1;
		for (int i = 0; i < PREFIXES; i++)
			if (ip_prefix_has(&prefixes[i], &a) && (best < 0 || prefixes[i].bits > prefixes[best].bits))
				best = i;
		struct network_names names = networks_find(n, &a);
		if (best < 0) {
			assert_string_equal(names.customer, "");
			continue;
		}
		found++;
		/* The same prefix may be there twice, with any of its names. */
		assert_int_equal(names.customer[0], 'c');
		assert_true(ip_prefix_has(&prefixes[strtol(names.customer + 1, NULL, 10)], &a));
		assert_int_equal(prefixes[strtol(names.customer + 1, NULL, 10)].bits, prefixes[best].bits);
	}
	assert_in_range(found, QUESTIONS / 4, QUESTIONS);
	networks_free(n);
}

static void test_a_million_prefixes(void **state)
{
	struct networks *n = NULL;
	char err[256];
	(void)state;
	FILE *f = fopen(networks, "w");
	assert_non_null(f);
	for (uint32_t i = 0; i < 1000000; i++)
		fprintf(f, "%u.%u.%u.%u/28,net%u,\n", 1 + (i >> 20), i >> 12 & 255, i >> 4 & 255, i << 4 & 255, i);
	fclose(f);
	assert_int_equal(networks_load(networks, &n, err, sizeof(err)), 0);
	assert_int_equal(networks_count(n), 1000000);
	struct ip_addr a = addr("1.100.7.37");
	assert_string_equal(networks_find(n, &a).network, "net409714");
	a.len = 0;
	assert_string_equal(networks_find(n, &a).network, "");
	networks_free(n);
}

static void test_wrong_files_are_named(void **state)
{
	char nowhere[] = "/nowhere/x", *paths[] = {nowhere, networks};
	char err[256];
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct enrich *e = NULL;
		struct enrich_options o = {.country = paths[i]};
		assert_int_equal(enrich_new(&o, &e, err, sizeof(err)), -22);
		assert_null(e);
		assert_non_null(strstr(err, paths[i]));
	}
	struct networks *n = NULL;
	assert_int_equal(networks_load(nowhere, &n, err, sizeof(err)), -2);
	assert_non_null(strstr(err, nowhere));
	networks_free(NULL);
	struct enrich *e = NULL;
	struct enrich_options nothing = {0};
	assert_int_equal(enrich_new(&nothing, &e, err, sizeof(err)), 0);
	assert_null(e);
	struct flow f = flow_of("192.0.2.1", "192.0.2.2");
	enrich_flow(NULL, &f);
	assert_int_equal(f.n_src_country, 0);
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, up, down)
	const struct CMUnitTest tests[] = {
		IN_DIR(test_a_flow_gets_what_is_known), IN_DIR(test_as_always), IN_DIR(test_changed_files_are_read_again),
		IN_DIR(test_longest_prefix_against_a_slow_search), IN_DIR(test_a_million_prefixes), IN_DIR(test_wrong_files_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
