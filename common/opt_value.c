/*
 * opt_value.c -- the text of an option's value into its member, and back.
 *
 * Each type has one reader; bounds and choices are looked at here, so that flag, environment and file give the
 * same complaint.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/opt_internal.h"

struct unit {
	const char *word;
	uint64_t factor;
};

static const struct unit sizes[] = {
	{"", 1}, {"B", 1},
	{"k", 1ull << 10}, {"kB", 1ull << 10}, {"KiB", 1ull << 10},
	{"M", 1ull << 20}, {"MB", 1ull << 20}, {"MiB", 1ull << 20},
	{"G", 1ull << 30}, {"GB", 1ull << 30}, {"GiB", 1ull << 30},
	{"T", 1ull << 40}, {"TB", 1ull << 40}, {"TiB", 1ull << 40},
	{0},
};

static const struct unit durations[] = {
	{"", NS_PER_S}, {"ns", 1}, {"us", NS_PER_US}, {"ms", NS_PER_MS}, {"s", NS_PER_S},
	{"m", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S}, {"d", 86400 * NS_PER_S},
	{0},
};

static const struct unit *find_unit(const struct unit *units, const char *word, size_t len)
{
	for (; units->word; units++)
		if (strlen(units->word) == len && strncasecmp(units->word, word, len) == 0)
			return units;
	return NULL;
}

/* "10", "1.5": a number times FACTOR, in whole units; digits after the point that are too small to matter are
 * read and dropped. */
static int scaled(const char **p, uint64_t *ret_whole, uint64_t *ret_fraction, uint64_t *ret_denominator)
{
	const char *c = *p;
	uint64_t whole = 0, fraction = 0, denominator = 1;
	if (*c < '0' || *c > '9')
		return -EINVAL;
	for (; *c >= '0' && *c <= '9'; c++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*c - '0'), &whole))
			return -EINVAL;
	if (*c == '.') {
		for (c++; *c >= '0' && *c <= '9'; c++) {
			if (denominator >= 1000000)
				continue;
			fraction = fraction * 10 + (uint64_t)(*c - '0');
			denominator *= 10;
		}
	}
	*p = c;
	*ret_whole = whole;
	*ret_fraction = fraction;
	*ret_denominator = denominator;
	return 0;
}

static uint64_t share(uint64_t factor, uint64_t fraction, uint64_t denominator)
{
	return (uint64_t)((unsigned __int128)factor * fraction / denominator);
}

/* One or (MANY) several numbers with a unit each, summed: "90s", "1h30m". */
static int parse_units(const struct unit *units, bool many, const char *text, uint64_t *ret)
{
	uint64_t sum = 0;
	const char *p = text;
	do {
		uint64_t whole, fraction, denominator, part;
		if (scaled(&p, &whole, &fraction, &denominator) < 0)
			return -EINVAL;
		size_t len = strcspn(p, "0123456789.");
		const struct unit *unit = find_unit(units, p, len);
		if (!unit || __builtin_mul_overflow(whole, unit->factor, &part) ||
		    __builtin_add_overflow(part, share(unit->factor, fraction, denominator), &part) ||
		    __builtin_add_overflow(sum, part, &sum))
			return -EINVAL;
		p += len;
	} while (many && *p);
	if (*p)
		return -EINVAL;
	*ret = sum;
	return 0;
}

int opt_parse_size(const char *text, uint64_t *ret_bytes)
{
	return parse_units(sizes, false, text, ret_bytes);
}

int opt_parse_duration(const char *text, uint64_t *ret_ns)
{
	return parse_units(durations, true, text, ret_ns);
}

/* The largest unit that says it in a whole number. */
static void format_units(const struct unit *units, uint64_t value, const char *zero, char *out, size_t out_len)
{
	const char *word = "";
	uint64_t factor = 1;
	if (value == 0) {
		(void)snprintf(out, out_len, "%s", zero);
		return;
	}
	for (; units->word; units++) {
		/* A bare number has the unit of "": bytes, but seconds, so that "ns" must be said. */
		if (*units->word && value % units->factor == 0 && (units->factor > factor || units == durations + 1)) {
			word = units->word;
			factor = units->factor;
		}
	}
	(void)snprintf(out, out_len, "%" PRIu64 "%s", value / factor, word);
}

static void format_number(enum opt_type type, int64_t value, char *out, size_t out_len)
{
	if (type == OPT_SIZE)
		format_units(sizes, (uint64_t)value, "0", out, out_len);
	else if (type == OPT_DURATION)
		format_units(durations, (uint64_t)value, "0s", out, out_len);
	else
		(void)snprintf(out, out_len, "%" PRId64, value);
}

static int check_bounds(const struct opt *row, int64_t value, char *why, size_t why_len)
{
	char min[40], max[40];
	if (row->min == 0 && row->max == 0)
		return 0;
	format_number(row->type, row->min, min, sizeof(min));
	format_number(row->type, row->max, max, sizeof(max));
	if (row->max < row->min && value < row->min)
		(void)snprintf(why, why_len, "must be at least %s", min);
	else if (row->max >= row->min && (value < row->min || value > row->max))
		(void)snprintf(why, why_len, "must be between %s and %s", min, max);
	else
		return 0;
	return -EINVAL;
}

static int set_bool(const char *text, bool *ret)
{
	static const char *const words[] = {"false", "true", "0", "1", "no", "yes", "off", "on"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*ret = i % 2 == 1;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_int(const struct opt *row, const char *text, int64_t *ret, char *why, size_t why_len)
{
	char *end;
	errno = 0;
	int64_t v = strtoll(text, &end, 10);
	if (end == text || *end || errno) {
		(void)snprintf(why, why_len, "'%s' is no whole number", text);
		return -EINVAL;
	}
	int r = check_bounds(row, v, why, why_len);
	if (r == 0)
		*ret = v;
	return r;
}

static int set_units(const struct opt *row, const char *text, uint64_t *ret, char *why, size_t why_len)
{
	bool size = row->type == OPT_SIZE;
	uint64_t v;
	if (parse_units(size ? sizes : durations, !size, text, &v) < 0 || v > INT64_MAX) {
		(void)snprintf(why, why_len, "'%s' is no %s", text,
			       size ? "size (65536, 512k, 16M, 1GiB)" : "duration (100ms, 5s, 10m, 2h, 7d)");
		return -EINVAL;
	}
	int r = check_bounds(row, (int64_t)v, why, why_len);
	if (r == 0)
		*ret = v;
	return r;
}

static bool is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);
	for (const char *p = choices; p; p = strchr(p, '|')) {
		p += *p == '|';
		if (strcspn(p, "|") == len && strncmp(p, text, len) == 0)
			return true;
	}
	return false;
}

static int set_string(const struct opt *row, const char *text, char **member, char *why, size_t why_len)
{
	if (row->choices && !is_choice(row->choices, text)) {
		(void)snprintf(why, why_len, "'%s' is none of %s", text, row->choices);
		return -EINVAL;
	}
	char *copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*member);
	*member = copy;
	return 0;
}

int opt_value_set(const struct opt *row, void *member, const char *text, char *why, size_t why_len)
{
	switch (row->type) {
	case OPT_BOOL:
		if (set_bool(text, member) == 0)
			return 0;
		(void)snprintf(why, why_len, "'%s' is neither true nor false", text);
		return -EINVAL;
	case OPT_INT: return set_int(row, text, member, why, why_len);
	case OPT_SIZE:
	case OPT_DURATION: return set_units(row, text, member, why, why_len);
	case OPT_STRING: return set_string(row, text, member, why, why_len);
	case OPT_LIST: return opt_list_add(member, text);
	}
	return -EINVAL;
}

void opt_value_clear(const struct opt *row, void *member)
{
	switch (row->type) {
	case OPT_BOOL: *(bool *)member = false; return;
	case OPT_INT: *(int64_t *)member = 0; return;
	case OPT_SIZE:
	case OPT_DURATION: *(uint64_t *)member = 0; return;
	case OPT_STRING:
		free(*(char **)member);
		*(char **)member = NULL;
		return;
	case OPT_LIST: opt_list_free(member); return;
	}
}

bool opt_value_text(const struct opt *row, const void *member, size_t item, char *out, size_t out_len)
{
	if (row->type == OPT_LIST) {
		const struct opt_list *list = member;
		if (item >= list->count)
			return false;
		(void)snprintf(out, out_len, "%s", list->items[item]);
		return true;
	}
	if (item > 0)
		return false;
	if (row->type == OPT_STRING) {
		const char *text = *(char *const *)member;
		(void)snprintf(out, out_len, "%s", text ? text : "");
		return text != NULL;
	}
	if (row->type == OPT_BOOL)
		(void)snprintf(out, out_len, "%s", *(const bool *)member ? "true" : "false");
	else
		format_number(row->type, *(const int64_t *)member, out, out_len);
	return true;
}

int opt_list_add(struct opt_list *list, const char *text)
{
	char **items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->count] = strdup(text);
	if (!items[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

void opt_list_free(struct opt_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct opt_list){0};
}
