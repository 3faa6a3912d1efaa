/*
 * text.c -- the text line: the same keys and renderings as JSON, without its punctuation.
 */
#include "proto/text.h"

#include "proto/line.h"

size_t flow_text(const struct flow *f, char *out)
{
	char *o = out;
#define KEY(name) \
	o = line_put(o, #name "="); \
	o = line_value(o, f, &line_rows[FLOW_F_##name], LINE_TEXT); \
	*o++ = ' ';
#include "proto/line.def"
#undef KEY
	o = line_own(o - 1, f, LINE_TEXT);
	*o++ = '\n';
	return (size_t)(o - out);
}
