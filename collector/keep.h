/*
 * keep.h -- templates, samplers and names over a restart: a file a worker in --state.path.
 *
 * Each worker is given all files at the start, its own and the others': the number of workers may have changed, and with
 * it who meets which exporter. What it does not need expires.
 */
#ifndef WEIR_COLLECTOR_KEEP_H
#define WEIR_COLLECTOR_KEEP_H

struct collector;

void keep_load(struct collector *c);
/* Asks each worker in turn and writes its file; nobody waits for a disk but the caller. */
void keep_save(struct collector *c);

#endif
