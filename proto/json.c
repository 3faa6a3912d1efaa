/*
 * json.c -- the JSON line: line.def's keys one after the other as straight-line code (see line.h).
 */
#include "proto/json.h"

#include "proto/line.h"

size_t flow_json(const struct flow *f, char *out)
{
	char *o = out;
#define KEY(name) \
	o = line_put(o, ",\"" #name "\":"); \
	o = line_value(o, f, &line_rows[FLOW_F_##name], LINE_JSON);
#include "proto/line.def"
#undef KEY
	out[0] = '{'; /* where the first key's comma is */
	o = line_own(o, f, LINE_JSON);
	o = line_put(o, "}\n");
	return (size_t)(o - out);
}
