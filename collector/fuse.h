/*
 * fuse.h -- records straight from the wire to protobuf, without struct flow between: for most templates, where nobody
 * has to look at a flow on its way (no filter, no reader of /flows, no JSON), on processors with AVX-512 VBMI.
 *
 * A program is made from a template's compiled steps. The small fields of a record are lanes: eight of them are taken
 * from the record, made varints and given their tags at once. Slots, in ascending order of the fields' numbers, say
 * which lanes to write, and what comes between them. What comes out is byte for byte what record.c, finish.c and pack.c
 * give together (tests/unit/test_fuse.c); whatever is unusual is left to them: a record that fuse_record() does not take
 * goes that way.
 */
#ifndef WEIR_COLLECTOR_FUSE_H
#define WEIR_COLLECTOR_FUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/decode.h"
#include "proto/put.h"

struct flow;
struct record_run;
struct segments;
struct template;

enum {
	FUSE_AFTER = 2,        /* sets: a template that is never used is never fused */
	FUSE_STEPS_MAX = 255,
	FUSE_GROUPS_MAX = 12,
	FUSE_LANES = 8,        /* of a group */
	FUSE_GROUP_BYTES = 128, /* of the record, that a group's lanes are taken from */
	FUSE_SHARED_MAX = 12,  /* fields that all records of a set share */
	FUSE_SHARED_BYTES = 32 /* more than one of them takes: tag, length, address */
};

/* Eight fields of which each, tag included, is no longer than eight bytes; longer values go the long way. */
struct fuse_group {
	uint8_t index[FUSE_LANES][8];    /* from which byte each byte of a lane is, lowest first */
	uint64_t mask[FUSE_LANES];       /* what of it is the value */
	uint64_t tag[FUSE_LANES];
	uint8_t tag_bits[FUSE_LANES];
	uint64_t have[2];                /* which of the 128 bytes are the record's */
	uint16_t at;                     /* where they begin, in the segment */
	uint8_t seg;
	uint8_t raw;                     /* bit a lane: IPv4 addresses, which go out as they are */
};

enum fuse_op {
	FUSE_LANE, FUSE_SHARED,
	FUSE_WIRE_6, FUSE_WIRE_8, FUSE_WIRE_MS, FUSE_WIRE_V6, /* in the record */
	FUSE_U32, FUSE_U64, FUSE_ADDR, FUSE_U32S, FUSE_ADDRS, FUSE_STR /* in struct record, where steps put it; as enum flow_kind */
};

struct fuse_slot {
	uint8_t op;          /* enum fuse_op */
	uint8_t seg;         /* WIRE: see struct step */
	uint16_t at;         /* WIRE: in the segment; LANE, SHARED: the first of COUNT; else the offset in struct record */
	union {
		uint16_t count;
		uint16_t array;  /* the offset of the storage */
	};
	struct put_tag tag;
};

struct fuse {
	uint16_t n_slots, n_shared, n_groups, n_settled, n_reset;
	uint16_t etype;              /* of all records; 0: it stands in them, or hangs on them */
	bool settles;                /* finish_fused() has something to do */
	bool may_be_icmp;            /* ICMP's records have to go the long way */
	uint8_t proto_seg;           /* where the protocol is, one byte, */
	uint16_t proto_at;
	bool proto_settled;          /* or it is in struct record */
	uint8_t *settled;            /* steps that fill struct record, by their index */
	uint8_t *reset;              /* slots whose member is to be as in the base before */
	struct fuse_slot *slots;     /* n_slots, then n_shared */
	struct fuse_group groups[];
};

/* One set at work. */
struct fuse_run {
	struct decode_window window; /* its AT moves on */
	uint8_t *begin;              /* the window's AT at first */
	uint32_t flows;              /* written since */
	size_t prefix;               /* bytes that the last record's length took */
	/* What records share, as protobuf: one piece for each stretch of neighbouring fields. */
	uint8_t shared_len[FUSE_SHARED_MAX];
	uint8_t shared[(FUSE_SHARED_MAX + 1) * FUSE_SHARED_BYTES]; /* the last: run over, see proto/put.h */
};

/* fuse_compile.c: T's program to *ret_fuse, NULL when T's records have to go the long way; its size to *ret_size.
 * 0 or -ERR_MEMORY. */
int fuse_compile(const struct template *t, struct fuse **ret_fuse, size_t *ret_size);

/* fuse.c: whether this processor can. */
bool fuse_here(void);
/*
 * Readies X for the records of RUN; false when they have to go the long way. BASE, what they share, is made what the
 * long way would make of it in each of them.
 */
bool fuse_begin(const struct record_run *run, struct flow *base, struct fuse_run *x);
/* False: this record has to go the long way, between fuse_end() and fuse_resume(). */
bool fuse_record(const struct record_run *run, struct fuse_run *x, const struct segments *g);
void fuse_end(const struct record_run *run, struct fuse_run *x);
void fuse_resume(const struct record_run *run, struct fuse_run *x);

#endif
