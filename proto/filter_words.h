/*
 * filter_words.h -- the vocabulary of the filter: what can be asked about (subjects) and names for values. Private to proto/.
 */
#ifndef WEIR_PROTO_FILTER_WORDS_H
#define WEIR_PROTO_FILTER_WORDS_H

#include "proto/filter_ast.h"

/* What stands behind a subject. */
enum filter_value_type {
	VALUE_NONE,      /* nothing: the subject is a whole question */
	VALUE_NUMBER,    /* 10, 1k, 0x1f, 10-20 */
	VALUE_TIME,      /* 2026-11-21T12:00, or seconds since 1970 */
	VALUE_DURATION,  /* ms, 5s */
	VALUE_ADDRESS,   /* address or prefix */
	VALUE_NET,       /* prefix, or address and mask */
	VALUE_MAC,
	VALUE_TEXT,
	VALUE_FLAGS,     /* TCP flags: letters, or a number that is the whole byte */
	VALUE_PROTO,     /* names, beside numbers, from here on */
	VALUE_ETYPE,
	VALUE_TYPE,
	VALUE_TUNNEL,
	VALUE_DIRECTION,
	VALUE_NAT_EVENT,
	VALUE_ASA_EVENT,
	VALUE_ASA_DENIED
};

/* Words before a subject. A field of a subject serves the sides that are its bits. */
enum filter_side { SIDE_SRC = 1, SIDE_DST = 2, SIDE_IN = 4, SIDE_OUT = 8 };

enum filter_subject_flag {
	SUBJECT_FIRST = 1, /* without a side only the first field counts */
	SUBJECT_TCP = 2,   /* and the protocol is TCP */
	SUBJECT_ICMP = 4,  /* and the protocol is ICMP or ICMPv6 */
	SUBJECT_DENIED = 8 /* and the event is "flow denied" */
};

enum { SUBJECT_FIELDS_MAX = 4 };

struct filter_subject {
	const char *words; /* "bgp next ip": as many tokens, letters of either case */
	enum filter_value_type value;
	enum filter_op op; /* of its tests; TEST_ANY: what the field's kind calls for */
	unsigned flags;
	uint16_t arg;
	uint64_t max; /* of numbers; 0: as wide as the field */
	struct { uint16_t field, side; } fields[SUBJECT_FIELDS_MAX];
	unsigned n_fields;
	const char *expected; /* for errors: "a port, 0 to 65535" */
};

/* The subject with the most words that the tokens at T begin with; *ret_words is how many. A name of fields.def is
 * a subject, too. False when there is none. */
bool filter_words_subject(const struct filter_token *t, struct filter_subject *ret_subject, size_t *ret_words);
/* Adds to LIST what the name T stands for; 1, 0 when it is no name of this TYPE, or -ENOMEM. */
int filter_words_value(enum filter_value_type type, const struct filter_token *t, struct filter_list *list);
/* Why a word that people may expect is none of ours, or NULL. */
const char *filter_words_absent(const struct filter_token *t);
/* Writes the word of ours that T is nearest to into OUT; false when none is near. */
bool filter_words_nearest(const struct filter_token *t, char *out, size_t out_len);
/* What the subjects that begin with this word go on with: "label, any, eos, ip". False: there are none. */
bool filter_words_following(const struct filter_token *t, char *out, size_t out_len);
/* "a number", "an address or a network" and so on. */
const char *filter_words_expected(enum filter_value_type type);

#endif
