/*
 * bench_networks.c -- --enrich.networks with many prefixes: how long a file takes to read, what it takes in memory, and how
 * many addresses a second are looked up in it.
 *
 *     build/release/bench/bench_networks [PREFIXES]     a million by default
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/bench_flows.h"
#include "common/ip.h"
#include "enrich/networks.h"

enum { MILLION = 1000 * 1000, LOOKUPS = 4 * MILLION };

/* Prefixes of all lengths, one in four IPv6, each with a name of its own; customers have ten each. */
static void write_file(FILE *f, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t spread = i * 2654435761u;
		if (i % 4)
			fprintf(f, "%u.%u.%u.0/%u,net-%u,customer-%u\n", 1 + spread % 223, spread >> 8 & 255, spread >> 16 & 255,
				16 + i % 9, i, i / 10);
		else
			fprintf(f, "2001:%x:%x::/%u,net-%u,customer-%u\n", spread >> 16, spread & 0xffff, 32 + i % 17, i, i / 10);
	}
}

static void report_lookups(const struct networks *n)
{
	uint32_t found = 0;
	const double begin = bench_cpu_s();
	for (uint32_t i = 0; i < LOOKUPS; i++) {
		const uint32_t spread = i * 2246822519u;
		struct ip_addr a = ip_v4((const uint8_t[]){(uint8_t)(1 + spread % 223), (uint8_t)(spread >> 8), (uint8_t)(spread >> 16), 7});
		found += *networks_find(n, &a).network != '\0';
	}
	const double seconds = bench_cpu_s() - begin;
	printf("%d look-ups in %.2f s: %.1f million a second; %.0f %% found\n", LOOKUPS, seconds, LOOKUPS / seconds / MILLION,
	       100.0 * found / LOOKUPS);
}

int main(int argc, char **argv)
{
	const uint32_t count = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : MILLION;
	char path[] = "/tmp/bench-networks-XXXXXX", err[256];
	struct networks *n = NULL;
	const int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f)
		return 1;
	write_file(f, count);
	fclose(f);
	const struct mallinfo2 before = mallinfo2();
	const double begin = bench_cpu_s();
	const int r = networks_load(path, &n, err, sizeof(err));
	const double seconds = bench_cpu_s() - begin;
	const struct mallinfo2 after = mallinfo2();
	unlink(path);
	if (r) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	printf("%zu prefixes read in %.2f s, %.1f MB\n", networks_count(n), seconds,
	       (double)(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / MILLION);
	report_lookups(n);
	networks_free(n);
	return 0;
}
