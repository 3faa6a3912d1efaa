/*
 * reload.h -- SIGHUP: options marked so (log level, --allow, --filter, --rate-cap, sampling rates, mapping) are read
 * again and put in force, the output file is opened again. A configuration with a mistake changes nothing.
 */
#ifndef WEIR_COLLECTOR_RELOAD_H
#define WEIR_COLLECTOR_RELOAD_H

struct collector;
struct decoding;

void reload(struct collector *c);
void reload_free(struct decoding *d); /* NULL is fine; no decoder may be at work with it */

#endif
