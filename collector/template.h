/*
 * template.h -- templates as they came, compiled to a program that turns a record into a flow.
 *
 * A template is one block of memory: its fields, for listings and the state file, and its steps. A step is one field's
 * way: where in the record, how to read it, where in struct record it goes. Variable-length fields (RFC 7011 7) cut a
 * record into segments; a step says in which segment and at which offset its bytes are, so that a record is walked
 * once a variable field, not once a field.
 *
 * A template id has several variants only where one address sends contradicting templates from two ports (two
 * exporters behind one NAT): then the port decides. With one variant the port is not looked at.
 */
#ifndef WEIR_COLLECTOR_TEMPLATE_H
#define WEIR_COLLECTOR_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct decoder;
struct domain;
struct fuse;
struct ie_map;
struct mapping;
struct record_source;

enum {
	TEMPLATE_FIELDS_MAX = 1024,
	TEMPLATE_VARS_MAX = 128,       /* variable-length fields */
	TEMPLATE_VARIANTS_MAX = 8,
	TEMPLATES_DEFAULT = 1024,      /* a domain */
	TEMPLATE_VARIABLE = 65535,     /* field length: RFC 7011 7 */
	TEMPLATE_ID_MIN = 256
};

struct template_field {
	uint32_t pen;
	uint16_t id;
	uint16_t len;
};

/* How a step's bytes are read. Those before STEP_SLOW overwrite; the order in which they run is free. */
enum step_op {
	STEP_32_1, STEP_32_2, STEP_32_4, STEP_32_N, STEP_64_4, STEP_64_8, STEP_64_6, STEP_64_N, STEP_V4, STEP_V6, STEP_MS,
	STEP_SLOW, /* by ie_op; honours if_zero */
	STEP_CALL
};

struct step {
	uint8_t op;       /* enum step_op */
	uint8_t ie_op;
	uint8_t width;    /* enum ie_width of the target */
	bool var;         /* the field has variable length: SEG alone says where */
	bool if_zero;     /* only where the target is zero still */
	uint8_t seg;
	uint16_t offset;  /* in its segment */
	uint16_t len;
	uint16_t target, array;
	uint16_t field;   /* index in fields */
};

/* Relative times that the fields hold. */
enum template_relative {
	TEMPLATE_START_UPTIME = 1, TEMPLATE_END_UPTIME = 2, TEMPLATE_START_AGO = 4, TEMPLATE_END_AGO = 8,
	TEMPLATE_DURATION = 16
};

struct template {
	struct template *variant;   /* the next one of this id */
	uint64_t seen_ns;           /* last time it came */
	uint64_t first_ns;
	uint64_t changes;           /* how often the id got another layout */
	uint64_t sets;              /* data sets decoded with it */
	uint32_t size;              /* of the block */
	uint32_t min_len;           /* of a record */
	uint16_t id;
	uint16_t port;              /* it came from last */
	uint16_t n_fields;
	uint16_t n_scope;           /* options templates: the first fields */
	uint16_t n_steps, n_reverse, n_vars;
	bool options;
	bool extra;                 /* some step fills struct record_extra */
	bool sampling;              /* and that its sampling */
	bool lists;                 /* some step is a STEP_CALL */
	bool post;                  /* post_* may have to stand in */
	bool icmp;                  /* has type and code of its own */
	bool ends;                  /* has a source or destination address */
	uint8_t relative;           /* enum template_relative */
	struct step *steps;         /* n_steps, then n_reverse that fill the other direction */
	struct fuse *fuse;          /* straight to protobuf; NULL: not yet, or not possible */
	uint16_t *runs;             /* n_vars + 1: bytes of fixed fields before, between and behind the variable ones */
	struct template_field fields[];
};

/* A template as parsed. */
struct template_spec {
	uint16_t id;
	uint16_t n_fields;
	uint16_t n_scope;
	bool options;
	struct template_field fields[TEMPLATE_FIELDS_MAX];
};

/* Of one domain: open addressing by id. */
struct templates {
	struct template **slots;
	uint32_t mask;
	uint32_t count;             /* templates, variants included */
	uint32_t multiplier;        /* odd, drawn from the decoder's key */
	struct template *last;      /* found last, when it is the only variant */
};

/* compile.c */
int template_compile(const struct template_spec *spec, const struct mapping *m, struct template **ret_template);
void template_free(struct template *t);
/* False when LEN bytes cannot be a value of the kind that ROW reads. */
bool template_value_fits(const struct ie_map *row, size_t len);

/*
 * The template of SPEC came with a datagram of SRC. Counts it as added, changed or refreshed. 0, or the reason why it is not kept:
 * -ERR_BAD_TEMPLATE, -ERR_TEMPLATE_LIMIT, -ERR_MEMORY. *ret_new: it is not what was known before (held data may go on).
 */
int template_learn(struct decoder *d, struct domain *dom, const struct record_source *src,
	const struct template_spec *spec, bool *ret_new);

/* Compiles the templates of DOM again, after d->mapping changed. */
int template_recompile(struct decoder *d, struct domain *dom);

/* NULL when there is none, or it is older than the timeout. */
struct template *template_find(struct decoder *d, struct domain *dom, uint16_t id, uint16_t port);

/* T is in use: from now on its records go straight to protobuf, where they can (fuse.h). */
void template_fuse(struct decoder *d, struct template *t);

void template_withdraw(struct decoder *d, struct domain *dom, uint16_t id);
void template_withdraw_all(struct decoder *d, struct domain *dom, bool options);
/* Drops templates of DOM that timed out. */
void template_expire(struct decoder *d, struct domain *dom);
void templates_free(struct decoder *d, struct domain *dom);

/* Calls FN for each template of DOM. */
void template_each(struct domain *dom, void (*fn)(void *arg, struct domain *dom, struct template *t), void *arg);

#endif
