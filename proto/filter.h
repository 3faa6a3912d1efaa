/*
 * filter.h -- nfdump's filter language, compiled once, matched against flows. docs/filter.md is the language.
 *
 *     struct filter *filter;
 *     char err[FILTER_ERR_MAX];
 *     if (filter_compile("src ip 10.0.0.0/8 and dst port in [53 443]", &filter, err, sizeof(err)) < 0)
 *             ... err says where and what: "column 9: ..."
 *     if (filter_match(filter, &flow))
 *             ...
 *     filter_free(filter);
 *
 * A filter is never changed once it is compiled: any number of threads may match with it.
 */
#ifndef WEIR_PROTO_FILTER_H
#define WEIR_PROTO_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct filter;
struct flow;

enum {
	FILTER_ERR_MAX = 256,       /* room that every error fits in */
	FILTER_TEXT_MAX = 1 << 20,  /* bytes of a filter, and of each file it includes */
	FILTER_TESTS_MAX = 8192,    /* primitives; a list counts once however long it is */
	FILTER_DEPTH_MAX = 64,      /* parentheses and nots inside each other */
	FILTER_INCLUDE_MAX = 8      /* files inside each other */
};

/* 0, -EINVAL when TEXT is no filter or a file that it includes cannot be read (ERR says where and why), or -ENOMEM.
 * An empty text matches everything. The filter is the caller's: filter_free(). */
int filter_compile(const char *text, struct filter **ret_filter, char *err, size_t err_len) MUST_CHECK;
/* A filter of NULL matches everything. */
bool filter_match(const struct filter *filter, const struct flow *flow);
void filter_free(struct filter *filter);

#endif
