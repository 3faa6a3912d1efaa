/*
 * sinks.c -- the subcommands of weir-inserter, in the order that --help shows them.
 */
#include <string.h>

#include "inserter/sink.h"

extern const struct sink_kind sink_print, sink_metrics, sink_postgres, sink_file, sink_http, sink_redis;

const struct sink_kind *const sink_kinds[] = {
	&sink_print,
	&sink_metrics,
	&sink_postgres,
	&sink_file,
	&sink_http,
	&sink_redis,
};

const size_t sink_kinds_count = sizeof(sink_kinds) / sizeof(sink_kinds[0]);

const struct sink_kind *sink_by_name(const char *name)
{
	for (size_t i = 0; i < sink_kinds_count; i++)
		if (strcmp(sink_kinds[i]->name, name) == 0)
			return sink_kinds[i];
	return NULL;
}
