/*
 * err.c -- the words and texts of err.def, as tables.
 *
 * Both are made from the same rows, so a reason cannot have a label without an explanation.
 */
#include "common/err.h"

static const char *const words[ERR_COUNT] = {
	[ERR_NONE] = "none",
#define REASON(symbol, word, text) [ERR_##symbol] = word,
#include "common/err.def"
#undef REASON
};

static const char *const texts[ERR_COUNT] = {
	[ERR_NONE] = "no error",
#define REASON(symbol, word, text) [ERR_##symbol] = text,
#include "common/err.def"
#undef REASON
};

const char *err_word(enum err e)
{
	return (unsigned)e < ERR_COUNT ? words[e] : "unknown";
}

const char *err_text(enum err e)
{
	return (unsigned)e < ERR_COUNT ? texts[e] : "unknown reason";
}
