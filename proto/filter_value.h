/*
 * filter_value.h -- a token of a filter -> the value it stands for. Private to proto/.
 */
#ifndef WEIR_PROTO_FILTER_VALUE_H
#define WEIR_PROTO_FILTER_VALUE_H

#include "proto/filter_words.h"

/* Adds what T stands for as a number of TYPE; 1, 0 when it does not, or -ENOMEM. */
int filter_value_number(enum filter_value_type type, const struct filter_token *t, struct filter_list *list);
/* An address or prefix, also "10/8" and, with two tokens, "10.0.0.0 255.0.0.0"; how many tokens were taken, 0: none. */
size_t filter_value_prefix(const struct filter_token *t, bool net, struct ip_prefix *ret_prefix);
/* Flags as letters; false when there are others. */
bool filter_value_flags(const struct filter_token *t, uint64_t *ret_mask);

#endif
