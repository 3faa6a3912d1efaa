/*
 * tally.h -- a bounded table from keys of one length to values of one length, for counting what strangers send:
 * SipHash with a random key, a limit on entries, entries in one array so that they can be walked and sorted.
 */
#ifndef WEIR_INSERTER_TALLY_H
#define WEIR_INSERTER_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally;

int tally_new(size_t key_len, size_t value_len, size_t max, struct tally **ret_tally); /* 0 or -ENOMEM */
void tally_free(struct tally *t);

/* The value of KEY, zeroed when it is new; NULL when it is new and the table is full (or memory is short). Values
 * move when one is added. */
void *tally_get(struct tally *t, const void *key);
/* The same, but NULL when it is not there. */
void *tally_find(struct tally *t, const void *key);

size_t tally_count(const struct tally *t);
const void *tally_key(const struct tally *t, size_t i); /* in order of arrival until the first removal */
void *tally_value(const struct tally *t, size_t i);
void tally_remove_if(struct tally *t, bool (*gone)(const void *arg, const void *key, void *value), const void *arg);
void tally_clear(struct tally *t);

#endif
