/*
 * record.h -- data records -> flows.
 *
 * A template is compiled (template.h) into steps; record_set() checks a set's length once and runs the steps over each
 * of its records. What hangs on more than one element (relative times, sampling, the two directions of a biflow)
 * is gathered in struct record_extra and settled by record_finish().
 */
#ifndef WEIR_COLLECTOR_RECORD_H
#define WEIR_COLLECTOR_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/decode.h"
#include "collector/decode_stats.h"
#include "common/ip.h"
#include "proto/flow.h"

struct decoder;
struct domain;
struct mapping;
struct step;
struct template;

struct record_sampling {
	uint64_t rate;       /* said outright (samplingInterval, samplerRandomInterval) */
	uint64_t interval, space;   /* RFC 5477 8.2.2: INTERVAL packets taken, SPACE left out */
	uint64_t size, population;  /* RFC 5477 8.2.6: SIZE of POPULATION */
	double probability;
};

/* Cleared for each record of a template that fills any of it. */
struct record_extra {
	uint64_t init_ms;                    /* systemInitTimeMilliseconds */
	uint64_t start_uptime, end_uptime;   /* ms since the exporter's start */
	uint64_t start_ago_us, end_ago_us;   /* before the export time */
	uint64_t duration_ms, duration_us;
	uint64_t frame_type, section_offset, section_octets; /* RFC 7133 4: of a packet section */
	struct record_sampling sampling;     /* the last: template.sampling rests on it */
};

/* Where steps write to: offsets in here are what a step's target is. */
struct record {
	struct flow flow;
	struct record_extra extra;
	uint32_t sub_records; /* emitted from inside a list instead of the record itself */
	uint32_t cut;         /* repeated values that found no room */
	const struct mapping *mapping; /* of the decoder; never changes */
};

/* What a datagram's header says about the records in it; kept with held data. */
struct record_source {
	enum decode_version v;
	enum flow_type type;
	uint32_t domain_id;
	uint32_t sequence;
	uint64_t received_ns;
	uint64_t export_ns;
	bool has_uptime;
	uint32_t uptime_ms;   /* when exported */
	uint32_t sampling;    /* v5: of the header */
	uint16_t port;
	struct ip_addr addr;
	uint64_t session;
	uint8_t engine_type, engine_id;
};

/* What is known of it before the header is read. */
static inline struct record_source record_source_of(const struct datagram *dg, enum decode_version v, enum flow_type type)
{
	return (struct record_source){.v = v, .type = type, .received_ns = dg->received_ns, .port = dg->source_port,
				      .addr = dg->source, .session = dg->session};
}

/*
 * How many records of a set of LEN bytes are taken: more only when they are shorter than eight bytes on average, which no flow
 * is that says something. Otherwise a byte on the wire could become a flow of a hundred bytes behind it.
 */
static inline size_t record_budget(size_t len)
{
	return 16 + len / 8;
}

/* One set at work. */
struct record_run {
	struct decoder *d;
	struct domain *dom;              /* NULL: an exporter without state (v1 to v8 at the bound) */
	const struct record_source *src;
	const struct template *t;
	const struct flow *base;         /* what all records of the set share */
	struct decode_result *res;
	bool look_up_rate;               /* the rate hangs on the flow's selector or interface */
	unsigned depth;                  /* of lists within lists */
};

/*
 * Decodes the records of one data set, [DATA, DATA + LEN), with template T; the flows go to decoder_emit(). Gives the
 * number of records in *ret_records. 0, or a negative reason why the rest of the set was given up.
 */
int record_set(struct decoder *d, struct domain *dom, const struct record_source *src, const struct template *t,
	const uint8_t *data, size_t len, uint32_t *ret_records, struct decode_result *res);

/* Puts what one record of RUN's template at DATA holds into R. Gives its length, or -ERR_BAD_RECORD. */
long record_fill(const struct record_run *run, const uint8_t *data, size_t len, struct record *r);
/* The same, but only where R has nothing yet. */
long record_fill_open(const struct record_run *run, const uint8_t *data, size_t len, struct record *r);

/* record_value.c: the steps that are not plain copies. */
void record_value(const struct step *s, const uint8_t *p, size_t len, struct record *r);
/* Text of P as UTF-8 without its filling, cut to ROOM bytes; gives its length. No NUL. */
size_t record_text(char *out, size_t room, const uint8_t *p, size_t len);

/* finish.c: what all records of a set share; then what hangs on more than one element of a record; and off it goes. */
void finish_base(struct record_run *run, struct flow *base);
void finish_record(const struct record_run *run, struct record *r);
/* For fuse.c: whether all records of a set share a field (enum flow_field), the ethertype of an address of so many bytes, whether
 * a protocol's records may have more to settle, and what there is to settle in all others. */
bool finish_shares(size_t field);
uint16_t finish_etype(uint32_t addr_len);
bool finish_is_icmp(uint32_t proto);
void finish_fused(const struct record_run *run, struct record *r);
/* finish_record() in two steps, for the two directions of a biflow. */
void finish_settle(const struct record_run *run, struct record *r);
void finish_reverse_start(const struct record *forward, struct record *reverse);
void finish_emit_both(const struct record_run *run, struct record *forward, struct record *reverse);

/* structured.c: lists and packets within a record. CALL is an enum ie_call. */
void structured_call(const struct record_run *run, unsigned call, const uint8_t *p, size_t len, struct record *r);

#endif
