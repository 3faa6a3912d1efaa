/*
 * reload.h -- SIGHUP: options marked so (log level, --allow, --filter, --rate-cap) are read again and put in force, the
 * output file is opened again. A configuration with a mistake changes nothing.
 */
#ifndef WEIR_COLLECTOR_RELOAD_H
#define WEIR_COLLECTOR_RELOAD_H

struct collector;

void reload(struct collector *c);

#endif
