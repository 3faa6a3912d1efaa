/*
 * exporter.h -- who sends: exporters by address, and under each its observation domains by version and id.
 *
 * An exporter is an address (RFC 7011 knows transport sessions; over UDP the source port changes with every restart
 * and is no part of it) or one TCP connection. A domain is (exporter, version, observation domain id; v9: source id;
 * v5: engine; sFlow: sub agent) and has templates, samplers, names and the sequence number.
 *
 * Both tables are bounded. At the bound the exporter goes that was never seen to send anything of use, oldest
 * first; when all have, one that was silent for long; else the new one is refused: spoofed addresses cannot push
 * out a working exporter.
 */
#ifndef WEIR_COLLECTOR_EXPORTER_H
#define WEIR_COLLECTOR_EXPORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/decode_stats.h"
#include "common/err.h"
#include "common/hash.h"
#include "common/ip.h"

struct decoder;
struct domain;
struct exporter;
struct metadata;
struct sampling;
struct templates;

enum {
	EXPORTERS_DEFAULT = 16384,
	DOMAINS_DEFAULT = 256, /* an exporter */
	DOMAIN_INITS = 4,
	SEQUENCE_OTHERS = 7,
};

struct sequence_stream {
	uint32_t next;      /* expected */
	uint32_t late_next; /* what follows the one that came late ... */
	uint32_t late_units; /* ... and what that held */
	uint64_t last_ns;
	uint16_t port;      /* it came from last */
	bool seen, late;
	bool roams;         /* it has gone on from another port */
};

/* Sequence numbers of a domain, RFC 7011 3.1, RFC 3954 5.1. LOST never goes down: what came after all, but late, is in
 * REORDERED, so lost - reordered is what never came, and units + lost - reordered what was sent. */
struct sequence {
	struct sequence_stream first;
	struct sequence_stream *others; /* of further exporters at this address (NAT): SEQUENCE_OTHERS of them, or NULL */
	struct sequence_stream *at;     /* noted last */
	uint64_t units, lost, reordered, restarts;
};

/* systemInitTimeMilliseconds, as one port said it. */
struct domain_init {
	uint64_t ns; /* 0: none */
	uint64_t seen_ns;
	uint16_t port;
};

struct exporter_link {
	struct exporter_link *prev, *next;
};

struct exporter {
	struct ip_addr addr;
	uint64_t session;          /* TCP connection, 0 for UDP */
	struct exporter *bucket;   /* next of the hash bucket */
	struct exporter_link age;  /* oldest first, of its class */
	struct domain *domains;
	uint32_t n_domains;
	bool proven;               /* decoded data has come from it more than once */
	uint32_t good;             /* datagrams that gave flows, up to the number that proves it */
	uint64_t first_seen_ns, last_seen_ns;
	uint64_t datagrams, flows; /* flows: emitted */
	uint64_t missing_templates;
	size_t held_bytes;         /* hold.c */
	uint64_t sampling_rate;    /* last one used, for the listing */
	uint64_t override_rate;    /* configured for its address; 0: none */
	uint64_t default_rate;     /* configured default, where it has said none itself */
};

struct domain {
	struct exporter *exporter;
	struct domain *bucket;     /* next of the hash bucket */
	struct domain *sibling;    /* next domain of the exporter */
	uint32_t version;          /* as decode_result.version */
	uint32_t id;
	struct sequence sequence;
	struct templates *templates; /* NULL until the first one */
	struct sampling *sampling;
	struct metadata *metadata;
	struct domain_init init[DOMAIN_INITS]; /* from options data; several where ports contradict each other */
	uint64_t last_seen_ns;
};

struct exporters {
	struct exporter **buckets;
	struct domain **domain_buckets;
	size_t mask, domain_mask;
	size_t count, domain_count;
	size_t max, max_domains;
	struct exporter_link fresh, proven; /* ends of the two age lists: .next is the oldest, .prev the newest */
	struct domain *last;                /* the one found last */
	size_t tick;                        /* bucket that exporters_tick() saw last */
};

int exporters_init(struct exporters *t, size_t max, size_t max_domains); /* 0 or -ENOMEM */
void exporters_free(struct decoder *d);

/*
 * The domain of (ADDR, SESSION, VERSION, ID), made when it is new. Sets d->exporter and notes that it was seen now.
 * NULL at a bound, with the reason (else ERR_NONE): ERR_EXPORTER_LIMIT, ERR_DOMAIN_LIMIT, ERR_MEMORY. What needs no state may be
 * decoded nevertheless.
 */
struct domain *exporter_domain(struct decoder *d, const struct ip_addr *addr, uint64_t session, uint32_t version,
	uint32_t id, enum err *ret_reason);

/* Forgets exporters that were never of use, the oldest first, but not the one at hand, until there is room for BYTES of
 * state. False when there is none. */
bool exporters_make_room(struct decoder *d, size_t bytes);
/* NULL when it is not known. */
struct exporter *exporter_find(struct decoder *d, const struct ip_addr *addr, uint64_t session);

/* The datagram at hand gave flows: its exporter is worth keeping. */
void exporter_useful(struct decoder *d);
void exporter_prove(struct decoder *d, struct exporter *e);
void exporters_each(struct decoder *d, void (*fn)(void *arg, struct exporter *e), void *arg);
void exporter_drop_session(struct decoder *d, uint64_t session);
/* Forgets domains and exporters that were silent for long; looks at a bounded number a call. */
void exporters_tick(struct decoder *d);

/* When the exporter at PORT was started, 0 unknown: what PORT said, else what was said last. */
uint64_t exporter_init_ns(const struct domain *dom, uint16_t port);
void exporter_learn_init(struct domain *dom, uint16_t port, uint64_t now_ns, uint64_t init_ns);

/* Counts GOT, the number of the first unit of a datagram from PORT that holds UNITS of them, in SEQ and d's stats. */
void sequence_note(struct decoder *d, struct sequence *seq, uint16_t port, uint32_t got, uint32_t units);
/* Nobody knows how many units the datagram noted last held: the next one's number is taken as it comes. */
void sequence_unsure(struct sequence *seq);
void sequence_free(struct decoder *d, struct sequence *seq);

#endif
