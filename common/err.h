/*
 * err.h -- the reasons of err.def as numbers. Functions return 0 or a negative reason, -ERR_TRUNCATED say;
 * functions that wrap a system call return a negative errno instead and say so.
 */
#ifndef WEIR_COMMON_ERR_H
#define WEIR_COMMON_ERR_H

enum err {
	ERR_NONE = 0,
#define REASON(symbol, word, text) ERR_##symbol,
#include "common/err.def"
#undef REASON
	ERR_COUNT
};

const char *err_word(enum err e); /* "no_template": for labels and logs */
const char *err_text(enum err e); /* for people */

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
