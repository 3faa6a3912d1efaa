/*
 * decoder.h -- the inside of a decoder: what the decoders of the single protocols share.
 *
 * decode.c owns it and counts datagrams; a protocol's decode function counts sets and says in its result what
 * became of the datagram. Each protocol is a row of decode.c's table.
 */
#ifndef WEIR_COLLECTOR_DECODER_H
#define WEIR_COLLECTOR_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/decode.h"
#include "collector/decode_stats.h"
#include "collector/exporter.h"
#include "collector/typeinfo.h"
#include "common/counter.h"
#include "common/hash.h"
#include "proto/flow.h"

struct hold;
struct legacy;
struct mapping;
struct record;
struct sflow_state;
struct template_spec;

struct decoder {
	struct decode_options options;
	struct decode_stats stats;
	struct hash_key key;               /* of every table in here */
	struct exporters exporters;
	struct exporter *exporter;         /* of the datagram at hand; NULL when it has none */
	uint64_t now_ns;                   /* of the datagram at hand, or the last tick: for ages, never jumps */
	uint64_t wall_offset_ns;           /* wall clock less now_ns, modulo 2^64, at the last datagram */
	struct flow flow;                  /* the record at hand */
	const struct mapping *mapping;     /* elements -> fields, the one in force */
	struct mapping *built_in;          /* the one without a user's rows */
	struct typeinfos types;            /* of enterprise elements */
	struct template_spec *spec;        /* the template at hand */
	struct record *record;             /* the data record at hand, before its flow is handed on */
	struct record *reverse;            /* the other direction of a biflow */
	struct hold *hold;
	struct legacy *legacy;             /* compiled layouts of v1 to v8 */
	size_t state_bytes;                /* memory of all domains, templates, samplers and names */
	struct sflow_state *sflow;         /* NULL until the first sFlow datagram; sflow_free() */
};

/*
 * Decodes one datagram. RET_RESULT is zeroed before. Sets version, announced, skipped, and reason when the whole
 * datagram is dropped; flows are counted by decoder_emit(). Counts stats.sets, .sets_decoded, .sets_skipped[].
 */
typedef void decode_fn(struct decoder *d, const struct datagram *dg, struct decode_result *ret_result);

decode_fn netflow1_decode, netflow5_decode, netflow6_decode, netflow7_decode, netflow8_decode, netflow9_decode;
decode_fn ipfix_decode, sflow_decode;

static inline bool decoder_has_room(const struct decoder *d, size_t bytes)
{
	return d->state_bytes + bytes <= d->options.max_state_bytes;
}

/* A set or sample was decoded. */
static inline void decoder_set_done(struct decoder *d)
{
	counter_inc(&d->stats.sets);
	counter_inc(&d->stats.sets_decoded);
}

/* A set or sample is given up for REASON. */
static inline void decoder_set_skip(struct decoder *d, enum err reason, struct decode_result *res)
{
	counter_inc(&d->stats.sets);
	counter_inc(&d->stats.sets_skipped[reason]);
	res->skipped++;
	res->why_skipped = reason;
}

/*
 * Hands F on: applies the configured sampling rate (override, then default where the exporter gave none), counts,
 * calls the callback. F is whole but for that.
 */
void decoder_emit(struct decoder *d, enum decode_version version, struct flow *f, struct decode_result *res);
/* Its parts, for flows that were packed into the caller's window: the rate that is in force where an exporter said RATE, and
 * the counting of FLOWS of that rate. */
uint64_t decoder_rate(const struct decoder *d, uint64_t rate);
void decoder_count(struct decoder *d, enum decode_version version, uint32_t flows, uint64_t rate, struct decode_result *res);

#endif
