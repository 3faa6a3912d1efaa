/*
 * times.c -- see times.h. Parts that are left out are the beginning of the year, month, day, hour or minute that is named.
 */
#include "inserter/times.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A point in time of LEN characters; -EINVAL: it is none. */
static int parse(const char *text, size_t len, time_t *ret_time)
{
	static const char separators[] = "//.::"; /* behind year, month, day, hour, minute */
	int parts[6] = {0, 1, 1, 0, 0, 0};
	static const int max[6] = {2999, 12, 31, 23, 59, 60};
	const char *p = text, *end = text + len;
	for (size_t i = 0; i < 6; i++) {
		int value = 0, digits = 0;
		for (; p < end && *p >= '0' && *p <= '9' && digits < 4; p++, digits++)
			value = value * 10 + (*p - '0');
		if (!digits || value > max[i] || (i == 0 && digits != 4))
			return -EINVAL;
		parts[i] = value;
		if (p == end || i == 5)
			break;
		if (*p++ != separators[i])
			return -EINVAL;
	}
	struct tm tm = {.tm_year = parts[0] - 1900, .tm_mon = parts[1] - 1, .tm_mday = parts[2], .tm_hour = parts[3],
			.tm_min = parts[4], .tm_sec = parts[5], .tm_isdst = -1};
	*ret_time = mktime(&tm);
	return p == end && *ret_time >= 0 ? 0 : -EINVAL;
}

int times_filter(const char *window, char *out, size_t out_len, char *err, size_t err_len)
{
	time_t from, to = 0;
	size_t len = strcspn(window, "-");
	const char *last = window[len] ? window + len + 1 : NULL;
	if (parse(window, len, &from) || (last && parse(last, strlen(last), &to))) {
		snprintf(err, err_len, "'%s' is no window of time such as 2026/11/21.12:00:00-2026/11/21.12:30", window);
		return -EINVAL;
	}
	if (last && to < from) {
		snprintf(err, err_len, "'%s' ends before it begins", window);
		return -EINVAL;
	}
	size_t used = (size_t)snprintf(out, out_len, "first seen >= %lld", (long long)from);
	if (last)
		snprintf(out + used, out_len - used, " and last seen <= %lld", (long long)to);
	return 0;
}
