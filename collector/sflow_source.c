/*
 * sflow_source.c -- data sources of sFlow agents: an index of bounded size, and the numbering of flow samples.
 *
 * Every data source numbers its samples. A gap there is what was lost on the way or in the agent; `drops` is what the
 * agent had to leave out for lack of resources. Both are counted, neither is made up for: the sampling rate holds.
 *
 * The index is set-associative: a source has 8 places, and the one that was silent longest gives way. A flood of
 * invented sources costs evictions, never memory, nor more than a look at 8 places.
 */
#include <stdlib.h>

#include "collector/sflow_internal.h"

/* A gap larger than this is a restart of the agent, not a loss. */
enum { GAP_MAX = 10000 };

struct sequence_state {
	uint32_t next;
	uint32_t drops;
};

struct sflow_sequences {
	struct sflow_index index;
	struct sequence_state states[SFLOW_SOURCES];
};

uint64_t sflow_source_hash(const struct sflow_datagram *s)
{
	struct sflow_source_key key = {.agent = s->agent, .sub_agent = s->sub_agent};
	return hash_bytes(&s->d->key, &key, sizeof(key));
}

/* The keyed hash is taken once a datagram; the samples in it differ by their source. Two rounds of multiply and
 * shift spread these, and a sender that finds collisions nevertheless gains evictions among its own sources. */
static uint64_t mix(uint64_t agent_hash, const struct sflow_source_id *id)
{
	uint64_t h = agent_hash ^ ((uint64_t)id->type << 32 | id->index) * 0x9e3779b97f4a7c15;
	h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9;
	return h ^ h >> 32;
}

size_t sflow_source_slot(struct sflow_index *index, const struct sflow_datagram *s, const struct sflow_source_id *id,
                         bool *ret_new, bool *ret_evicted)
{
	struct sflow_source_key key = {.agent = s->agent, .sub_agent = s->sub_agent, .type = id->type, .index = id->index};
	size_t first = mix(s->agent_hash, id) % (SFLOW_SOURCES / SFLOW_SOURCE_WAYS) * SFLOW_SOURCE_WAYS;
	size_t oldest = first;
	for (size_t i = first; i < first + SFLOW_SOURCE_WAYS; i++) {
		if (index->slots[i].last_seen_ns && memcmp(&index->slots[i].key, &key, sizeof(key)) == 0) {
			index->slots[i].last_seen_ns = s->dg->received_ns | 1;
			*ret_new = *ret_evicted = false;
			return i;
		}
		if (index->slots[i].last_seen_ns < index->slots[oldest].last_seen_ns)
			oldest = i;
	}
	*ret_new = true;
	*ret_evicted = index->slots[oldest].last_seen_ns;
	index->slots[oldest].key = key;
	index->slots[oldest].last_seen_ns = s->dg->received_ns | 1; /* never 0, which is free */
	return oldest;
}

struct sflow_sequences *sflow_source_new(void)
{
	return calloc(1, sizeof(struct sflow_sequences));
}

void sflow_source_free(struct sflow_sequences *t)
{
	free(t);
}

void sflow_source_note(struct sflow_datagram *s, const struct sflow_source_id *id, uint32_t sequence, uint32_t drops)
{
	struct sflow_sequences *t = s->d->sflow ? s->d->sflow->sequences : NULL;
	if (!t)
		return;
	bool is_new, evicted;
	struct sequence_state *state = &t->states[sflow_source_slot(&t->index, s, id, &is_new, &evicted)];
	if (evicted)
		counter_inc(&s->d->stats.sources_evicted);
	if (!is_new) {
		uint32_t gap = sequence - state->next;
		uint32_t dropped = drops - state->drops;
		if (gap && gap <= GAP_MAX)
			counter_add(&s->d->stats.samples_lost, gap);
		else if (gap > UINT32_MAX - GAP_MAX)
			return; /* late: the ones after it came first */
		if (dropped && dropped <= INT32_MAX)
			counter_add(&s->d->stats.samples_dropped, dropped);
	}
	state->next = sequence + 1;
	state->drops = drops;
}
