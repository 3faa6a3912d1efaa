/*
 * decode.h -- datagrams in, flows out: the one door into all decoders.
 *
 * Pure: bytes, time and state go in, flows come out through a callback. No clock, no socket, no log, no file.
 * A decoder has all the state of its exporters (templates, samplers, names, sequence numbers) and belongs to one
 * thread; counters may be read by others.
 */
#ifndef WEIR_COLLECTOR_DECODE_H
#define WEIR_COLLECTOR_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/ip.h"

struct buf;
struct decoder;
struct flow;
struct mapping;
struct sampling_overrides;

enum decode_scheme {
	DECODE_NETFLOW, /* netflow://: v1, v5-v9, IPFIX */
	DECODE_SFLOW,   /* sflow:// */
	DECODE_ANY      /* flow://: told apart by the first bytes */
};

struct datagram {
	const uint8_t *data;
	size_t len;
	struct ip_addr source;
	uint16_t source_port;
	uint64_t received_ns; /* wall clock, the kernel's stamp where there is one */
	uint64_t now_ns;      /* for ages: a clock that never jumps; 0: as received_ns */
	uint64_t session;     /* TCP connection, 0 for UDP: templates of one are unknown to the others (RFC 7011 8) */
};

/* FLOW is the decoder's own and valid during the call; the callee may change it. */
typedef void decode_emit_fn(void *arg, struct flow *flow);

/* Room for packed records (proto/pack.h), so that a flow need not be a struct flow on its way. */
struct decode_window {
	uint8_t *at, *end;
	uint32_t flows; /* how many may be written; each has FLOW_PACK_MAX bytes before END */
};
/* False: flows are to be emitted. */
typedef bool decode_window_fn(void *arg, struct decode_window *ret_window);
/* BYTES of the window were written, FLOWS flows. */
typedef void decode_packed_fn(void *arg, size_t bytes, uint32_t flows);

struct decode_options {
	decode_emit_fn *emit;
	decode_window_fn *window;      /* with packed: beside emit, where packed flows are as good; NULL: always emit */
	decode_packed_fn *packed;
	void *emit_arg;                /* of all three */
	size_t max_exporters;          /* 0: defaults, see exporter.h */
	size_t max_domains;            /* an exporter */
	size_t max_templates;          /* a domain */
	size_t max_state_bytes;        /* memory of domains, templates, samplers, names of all exporters; 0: 256 MiB */
	uint64_t template_timeout_ns;  /* UDP; 0: never */
	size_t hold_bytes;             /* data waiting for its template, all exporters together; 0: none */
	uint64_t hold_ns;
	uint64_t default_sampling_rate;
	const struct sampling_overrides *overrides; /* the caller's; outlives the decoder or decoder_set_sampling() */
	const struct mapping *mapping; /* elements to fields; NULL: the built-in rows. The caller's, as above */
	bool biflow_one;               /* RFC 5103: one flow with both counters instead of two */
	bool inner_instead;            /* tunnels: FRAME_INNER_INSTEAD */
};

/* What became of one datagram. Every datagram is exactly one of decoded (reason 0, partial 0), decoded in part
 * (reason 0, partial > 0) or dropped (reason). */
struct decode_result {
	enum err reason;
	uint32_t version;      /* 1, 5-10 for NetFlow and IPFIX; 0x105 for sFlow 5; 0 unknown */
	uint32_t announced;    /* records or samples its header announced (or its sets hold) */
	uint32_t flows;        /* emitted */
	uint32_t skipped;      /* sets or samples that were not decoded (held ones included) */
	enum err why_skipped;  /* the last of them */
};

int decoder_new(const struct decode_options *options, struct decoder **ret_decoder); /* 0 or -ENOMEM */
void decoder_free(struct decoder *d);
void decoder_datagram(struct decoder *d, enum decode_scheme scheme, const struct datagram *dg, struct decode_result *ret_result);
/* A TCP connection has ended: its templates go. */
void decoder_session_end(struct decoder *d, uint64_t session);
/* Expires what is old; call about once a second. NOW_NS is of the clock of datagram.now_ns. */
void decoder_tick(struct decoder *d, uint64_t now_ns);

/* Adds to OUT what must outlive a restart: templates, samplers, names (state.c has the format). NOW_NS: wall clock.
 * 0 or -ERR_MEMORY. */
int decoder_save(struct decoder *d, uint64_t now_ns, struct buf *out);
/* Takes in what decoder_save() wrote, beside what is known already. 0, or why the whole was refused: -ERR_TRUNCATED,
 * -ERR_VERSION, -ERR_BAD_RECORD (checksum). What finds its table full is left out. */
int decoder_load(struct decoder *d, const void *data, size_t len);

/* Puts other rates or another mapping in force (NULL: none, the built-in one); templates are compiled anew. */
void decoder_set_sampling(struct decoder *d, const struct sampling_overrides *overrides, uint64_t default_rate);
int decoder_set_mapping(struct decoder *d, const struct mapping *mapping); /* 0, or -ERR_MEMORY: some templates are forgotten */

/* JSON arrays for /templates and /exporters: those of the exporter ONLY (NULL: of all), LIMIT entries at most (0: 1000).
 * Like all but decoder_stats(), to be called by the decoder's own thread. */
void decoder_templates_json(struct decoder *d, const struct ip_addr *only, size_t limit, struct buf *out);
void decoder_exporters_json(struct decoder *d, const struct ip_addr *only, size_t limit, struct buf *out);

/* Counters: see decode_stats.h. */
const struct decode_stats *decoder_stats(const struct decoder *d);

#endif
