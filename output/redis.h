/*
 * redis.h -- the little of Redis that weir uses: a seam around hiredis (redis.c alone has hiredis.h).
 */
#ifndef WEIR_OUTPUT_REDIS_H
#define WEIR_OUTPUT_REDIS_H

#include <stddef.h>

#include "common/err.h"

struct redis;

/* ADDRESS is "HOST:PORT" or "[IPv6]:PORT"; PASSWORD may be NULL. Does not connect yet. 0 or -EINVAL, -ENOMEM. */
int redis_new(const char *address, const char *password, struct redis **ret_redis) MUST_CHECK;
void redis_free(struct redis *r);

/* Calls FN for each member of the set KEY; a set that is not there is empty. Connects when it has to, and waits two
 * seconds at most. 0, or -EIO with one line in ERR; then the next call connects anew. */
typedef void redis_member_fn(void *arg, const char *member);
int redis_members(struct redis *r, const char *key, redis_member_fn *fn, void *arg, char *err, size_t err_len) MUST_CHECK;

/* One value of the hash KEY as a number, -1 when it is not there. */
int redis_hash_number(struct redis *r, const char *key, const char *field, long long *ret_number, char *err,
		      size_t err_len) MUST_CHECK;

/* Commands that take effect together or not at all (MULTI, EXEC): begin, add any number, run. -EIO with a line in ERR may
 * mean either when the connection broke while the answer was on its way. */
int redis_begin(struct redis *r, char *err, size_t err_len) MUST_CHECK;
void redis_add(struct redis *r, int argc, const char *const argv[]);
int redis_run(struct redis *r, char *err, size_t err_len) MUST_CHECK;

#endif
