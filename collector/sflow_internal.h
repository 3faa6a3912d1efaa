/*
 * sflow_internal.h -- what the parts of the sFlow decoder share: the datagram at hand, and the sample at hand.
 *
 *     sflow.c           datagram, samples (version 5)
 *     sflow_old.c       the same of versions 2 and 4
 *     sflow_sample.c    flow samples and discarded packets -> flows
 *     sflow_record.c    the records inside them
 *     sflow_counters.c  counter samples
 *     sflow_source.c    data sources: a bounded index, and their sample sequence numbers
 */
#ifndef WEIR_COLLECTOR_SFLOW_INTERNAL_H
#define WEIR_COLLECTOR_SFLOW_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/decoder.h"
#include "common/wire.h"

/* enum header_protocol: what a sampled header begins with. */
enum sflow_header {
	SFLOW_HEADER_ETHERNET = 1, SFLOW_HEADER_PPP = 7, SFLOW_HEADER_IPV4 = 11, SFLOW_HEADER_IPV6 = 12,
	SFLOW_HEADER_MPLS = 13, SFLOW_HEADER_POS = 14
};

struct sflow_datagram {
	struct decoder *d;
	const struct datagram *dg;
	struct decode_result *res;
	struct ip_addr agent;
	uint32_t sub_agent;
	uint32_t sequence;
	uint64_t agent_hash; /* of agent and sub agent */
	enum decode_version version;
};

/* sflow_data_source: the type is 0 for an interface (index: ifIndex), 1 for a VLAN, 2 for a physical entity. */
struct sflow_source_id {
	uint32_t type, index;
};

/* Of the records that say how long the packet was, the one nearest to the wire wins. */
enum sflow_length { SFLOW_LENGTH_NONE, SFLOW_LENGTH_IP, SFLOW_LENGTH_ETHERNET, SFLOW_LENGTH_HEADER };

struct sflow_sample {
	struct sflow_datagram *dg;
	struct flow *f;
	uint32_t length;               /* octets of the packet */
	enum sflow_length length_from;
};

struct sflow_as_path {
	uint32_t own, src, src_peer;
	uint32_t n, last;
};

/* The samples of a version 2 or 4 datagram, at W. */
void sflow_old_samples(struct sflow_datagram *s, struct wire *w, uint32_t count);

/* Each decodes one sample, alone in W, and emits or stores. 0, or -ERR_BAD_SAMPLE. */
int sflow_sample_flow(struct sflow_datagram *s, struct wire *w);
int sflow_sample_flow_expanded(struct sflow_datagram *s, struct wire *w);
int sflow_sample_drop(struct sflow_datagram *s, struct wire *w);
int sflow_counters_sample(struct sflow_datagram *s, struct wire *w);
int sflow_counters_sample_expanded(struct sflow_datagram *s, struct wire *w);

/* A source id of 32 bits: type in the top 8. */
struct sflow_source_id sflow_sample_source(struct wire *w);
/* Makes the decoder's flow ready: everything that is not in the records. */
void sflow_sample_begin(struct sflow_datagram *s, struct sflow_sample *sample);
/* An interface of 32 bits: 2 bits of format, 30 of value. */
void sflow_sample_interfaces(struct flow *f, uint32_t input, uint32_t output);
/* packets, bytes, times; then hands the flow on. */
void sflow_sample_end(struct sflow_sample *sample);

/* One record of FORMAT, alone in W. 0, or -ERR_BAD_SAMPLE when the record is a packet's own and does not fit. */
int sflow_record(struct sflow_sample *sample, uint32_t format, struct wire *w);
/* Pieces of records that versions 2 and 4 have too. False, and nothing set: W is too short. */
bool sflow_record_header(struct sflow_sample *sample, struct wire *w, bool stripped);
bool sflow_record_ipv4(struct sflow_sample *sample, struct wire *w);
bool sflow_record_ipv6(struct sflow_sample *sample, struct wire *w);
bool sflow_record_switch(struct sflow_sample *sample, struct wire *w);
bool sflow_record_router(struct sflow_sample *sample, struct wire *w);
bool sflow_record_gateway(struct sflow_sample *sample, struct wire *w);
/* The path's systems go into the flow at once, its length and the rest with sflow_record_set_as(). */
bool sflow_record_as_path(struct sflow_sample *sample, struct wire *w, bool segments, struct sflow_as_path *ret_path);
void sflow_record_set_as(struct flow *f, const struct sflow_as_path *path);
bool sflow_record_url(struct sflow_sample *sample, struct wire *w);
/* A string, its padding included. */
struct wire sflow_record_string(struct wire *w);
void sflow_record_set_string(struct sflow_sample *sample, char *out, uint32_t *ret_len, const struct wire *text);
/* An address with its type in front; false for a type nobody knows. A type of 0 gives the absent address. */
bool sflow_record_addr(struct wire *w, struct ip_addr *ret_addr);

/* One record of counters, alone in W, of SOURCE. */
void sflow_counters_record(struct sflow_datagram *s, const struct sflow_source_id *source, uint32_t format, struct wire *w);

/*
 * Data sources by (agent, sub agent, type, index) -> a slot below SFLOW_SOURCES. Bounded: 8 slots a hash bucket, of
 * which the one that was silent longest gives way.
 */
enum { SFLOW_SOURCES = 8192, SFLOW_SOURCE_WAYS = 8 };

struct sflow_source_key {
	struct ip_addr agent;
	uint32_t sub_agent, type, index;
};

/* Of the datagram's agent: agent_hash. */
uint64_t sflow_source_hash(const struct sflow_datagram *s);

struct sflow_index {
	struct {
		struct sflow_source_key key;
		uint64_t last_seen_ns; /* 0: free */
	} slots[SFLOW_SOURCES];
};

/* The slot of the source; RET_NEW when it had another owner or none. RET_EVICTED when another one had to go. */
size_t sflow_source_slot(struct sflow_index *index, const struct sflow_datagram *s, const struct sflow_source_id *id,
                         bool *ret_new, bool *ret_evicted);
/* Notes the sequence number of a flow sample, and how many the agent says it had to drop. */
void sflow_source_note(struct sflow_datagram *s, const struct sflow_source_id *id, uint32_t sequence, uint32_t drops);

struct sflow_counters;
struct sflow_sequences;

/* All state of sFlow in a decoder; made when the first datagram of the kind comes. */
struct sflow_state {
	struct sflow_sequences *sequences;
	struct sflow_counters *counters;
};

struct sflow_sequences *sflow_source_new(void);
void sflow_source_free(struct sflow_sequences *t);
struct sflow_counters *sflow_counters_new(void);
void sflow_counters_free(struct sflow_counters *t);

#endif
