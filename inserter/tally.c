/*
 * tally.c -- open addressing over an index of 32-bit entry numbers; entries themselves stay in one array.
 */
#include "inserter/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

enum { FIRST_CAP = 256, ALIGN = 8 };

struct tally {
	struct hash_key hash_key;
	size_t key_len;
	size_t value_at; /* offset of the value in an entry */
	size_t entry_len;
	size_t max;
	size_t cap;      /* entries there is room for */
	size_t count;
	uint8_t *entries;
	uint32_t *slots; /* entry number + 1, 0: free; 2 * cap of them, a power of two */
};

static uint8_t *entry_of(const struct tally *t, size_t i)
{
	return t->entries + i * t->entry_len;
}

static size_t slot_of(const struct tally *t, const void *key)
{
	size_t mask = 2 * t->cap - 1;
	size_t i = (size_t)hash_bytes(&t->hash_key, key, t->key_len) & mask;
	while (t->slots[i] && memcmp(entry_of(t, t->slots[i] - 1), key, t->key_len) != 0)
		i = (i + 1) & mask;
	return i;
}

static void index_all(struct tally *t)
{
	memset(t->slots, 0, 2 * t->cap * sizeof(*t->slots));
	for (size_t i = 0; i < t->count; i++)
		t->slots[slot_of(t, entry_of(t, i))] = (uint32_t)i + 1;
}

static int grow(struct tally *t)
{
	size_t cap = t->cap ? t->cap * 2 : FIRST_CAP;
	uint8_t *entries = realloc(t->entries, cap * t->entry_len);
	if (!entries)
		return -ENOMEM;
	t->entries = entries;
	uint32_t *slots = realloc(t->slots, 2 * cap * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	t->slots = slots;
	t->cap = cap;
	index_all(t);
	return 0;
}

int tally_new(size_t key_len, size_t value_len, size_t max, struct tally **ret_tally)
{
	struct tally *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->hash_key = hash_key_random();
	t->key_len = key_len;
	t->value_at = (key_len + ALIGN - 1) / ALIGN * ALIGN;
	t->entry_len = (t->value_at + value_len + ALIGN - 1) / ALIGN * ALIGN;
	t->max = max < UINT32_MAX - 1 ? max : UINT32_MAX - 1;
	if (grow(t)) {
		tally_free(t);
		return -ENOMEM;
	}
	*ret_tally = t;
	return 0;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	free(t->entries);
	free(t->slots);
	free(t);
}

void *tally_get(struct tally *t, const void *key)
{
	size_t slot = slot_of(t, key);
	if (t->slots[slot])
		return entry_of(t, t->slots[slot] - 1) + t->value_at;
	if (t->count >= t->max)
		return NULL;
	if (t->count == t->cap) {
		if (grow(t))
			return NULL;
		slot = slot_of(t, key);
	}
	uint8_t *entry = entry_of(t, t->count);
	memset(entry, 0, t->entry_len);
	memcpy(entry, key, t->key_len);
	t->slots[slot] = (uint32_t)++t->count;
	return entry + t->value_at;
}

void *tally_find(struct tally *t, const void *key)
{
	size_t slot = slot_of(t, key);
	return t->slots[slot] ? entry_of(t, t->slots[slot] - 1) + t->value_at : NULL;
}

size_t tally_count(const struct tally *t)
{
	return t->count;
}

const void *tally_key(const struct tally *t, size_t i)
{
	return entry_of(t, i);
}

void *tally_value(const struct tally *t, size_t i)
{
	return entry_of(t, i) + t->value_at;
}

void tally_remove_if(struct tally *t, bool (*gone)(const void *arg, const void *key, void *value), const void *arg)
{
	size_t kept = 0;
	for (size_t i = 0; i < t->count; i++) {
		if (gone(arg, tally_key(t, i), tally_value(t, i)))
			continue;
		if (kept != i)
			memcpy(entry_of(t, kept), entry_of(t, i), t->entry_len);
		kept++;
	}
	if (kept == t->count)
		return;
	t->count = kept;
	index_all(t);
}

void tally_clear(struct tally *t)
{
	t->count = 0;
	index_all(t);
}
