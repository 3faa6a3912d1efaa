/*
 * promtext.h -- Prometheus text exposition format 0.0.4, written by hand.
 *
 *     prom_head(b, "weir_collector_datagrams_total", "counter", "Datagrams received.");
 *     prom_u64(b, "weir_collector_datagrams_total", n, "listener", "netflow://:2055", NULL);
 */
#ifndef WEIR_COMMON_PROMTEXT_H
#define WEIR_COMMON_PROMTEXT_H

#include <stddef.h>
#include <stdint.h>

struct buf;

void prom_head(struct buf *b, const char *name, const char *type, const char *help);
/* Labels are pairs of name and value, ended by NULL; values are escaped here. */
void prom_u64(struct buf *b, const char *name, uint64_t value, ...) __attribute__((sentinel));
void prom_double(struct buf *b, const char *name, double value, ...) __attribute__((sentinel));
/* A counter or gauge (uint64_t) inside a struct: a table of them is a page of metrics. */
struct prom_row {
	const char *name, *type, *help;
	size_t offset;
};

/* All of ROWS, which lie in the struct at BASE and may be counted up meanwhile. */
void prom_rows(struct buf *b, const struct prom_row *rows, size_t n, const void *base);
/* The process's own: process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds,
 * process_start_time_seconds, weir_build_info{program,version}. */
void prom_process(struct buf *b, const char *program);

#endif
