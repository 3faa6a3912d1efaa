/*
 * redis.c -- see redis.h.
 */
#include "output/redis.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static const struct timeval patience = {.tv_sec = 2};

struct redis {
	char *host;
	int port;
	char *password;
	redisContext *context; /* NULL: not connected */
	size_t added;          /* commands since redis_begin() */
};

static int parse_address(const char *address, char **ret_host, int *ret_port)
{
	const char *colon = strrchr(address, ':');
	char *end;
	if (!colon)
		return -EINVAL;
	long port = strtol(colon + 1, &end, 10);
	size_t len = (size_t)(colon - address);
	if (colon[1] < '0' || colon[1] > '9' || *end || port < 1 || port > 65535 || len == 0)
		return -EINVAL;
	if (address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	*ret_host = strndup(address, len);
	*ret_port = (int)port;
	return *ret_host ? 0 : -ENOMEM;
}

int redis_new(const char *address, const char *password, struct redis **ret_redis)
{
	struct redis *r = calloc(1, sizeof(*r));
	int rc = r ? parse_address(address, &r->host, &r->port) : -ENOMEM;
	if (rc == 0 && password && *password && !(r->password = strdup(password)))
		rc = -ENOMEM;
	if (rc < 0)
		redis_free(r);
	else
		*ret_redis = r;
	return rc;
}

static void disconnect(struct redis *r)
{
	if (r->context)
		redisFree(r->context);
	r->context = NULL;
}

void redis_free(struct redis *r)
{
	if (!r)
		return;
	disconnect(r);
	free(r->password);
	free(r->host);
	free(r);
}

/* REPLY is an error, or NULL: the reason into ERR, and the connection is closed. */
static void give_up(struct redis *r, redisReply *reply, char *err, size_t err_len)
{
	snprintf(err, err_len, "redis %s:%d: %s", r->host, r->port, reply ? reply->str : r->context->errstr);
	if (reply)
		freeReplyObject(reply);
	disconnect(r);
}

/* NULL when it failed, with the reason in ERR; then there is no connection any more. */
static redisReply *command(struct redis *r, const char *verb, const char *argument, char *err, size_t err_len)
{
	const char *argv[] = {verb, argument};
	redisReply *reply = redisCommandArgv(r->context, 2, argv, NULL);
	if (reply && reply->type != REDIS_REPLY_ERROR)
		return reply;
	give_up(r, reply, err, err_len);
	return NULL;
}

static int connect_to(struct redis *r, char *err, size_t err_len)
{
	r->context = redisConnectWithTimeout(r->host, r->port, patience);
	if (!r->context || r->context->err) {
		snprintf(err, err_len, "redis %s:%d: %s", r->host, r->port, r->context ? r->context->errstr : "no memory");
		disconnect(r);
		return -EIO;
	}
	(void)redisSetTimeout(r->context, patience);
	if (!r->password)
		return 0;
	redisReply *reply = command(r, "AUTH", r->password, err, err_len);
	if (!reply)
		return -EIO;
	freeReplyObject(reply);
	return 0;
}

int redis_members(struct redis *r, const char *key, redis_member_fn *fn, void *arg, char *err, size_t err_len)
{
	int rc = r->context ? 0 : connect_to(r, err, err_len);
	if (rc < 0)
		return rc;
	redisReply *reply = command(r, "SMEMBERS", key, err, err_len);
	if (!reply)
		return -EIO;
	for (size_t i = 0; i < reply->elements; i++) {
		const redisReply *member = reply->element[i];
		if (member->type == REDIS_REPLY_STRING)
			fn(arg, member->str);
	}
	freeReplyObject(reply);
	return 0;
}

int redis_hash_number(struct redis *r, const char *key, const char *field, long long *ret_number, char *err, size_t err_len)
{
	const char *argv[] = {"HGET", key, field};
	int rc = r->context ? 0 : connect_to(r, err, err_len);
	if (rc < 0)
		return rc;
	redisReply *reply = redisCommandArgv(r->context, 3, argv, NULL);
	if (!reply || reply->type == REDIS_REPLY_ERROR) {
		give_up(r, reply, err, err_len);
		return -EIO;
	}
	*ret_number = reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : -1;
	freeReplyObject(reply);
	return 0;
}

int redis_begin(struct redis *r, char *err, size_t err_len)
{
	static const char *const multi[] = {"MULTI"};
	int rc = r->context ? 0 : connect_to(r, err, err_len);
	if (rc < 0)
		return rc;
	r->added = 0;
	redis_add(r, 1, multi);
	return 0;
}

void redis_add(struct redis *r, int argc, const char *const argv[])
{
	/* Out of memory shows when the answers are read. */
	(void)redisAppendCommandArgv(r->context, argc, (const char **)(uintptr_t)argv, NULL);
	r->added++;
}

int redis_run(struct redis *r, char *err, size_t err_len)
{
	static const char *const exec[] = {"EXEC"};
	redis_add(r, 1, exec);
	for (size_t i = 0; i < r->added; i++) {
		void *reply = NULL;
		int rc = redisGetReply(r->context, &reply);
		if (rc != REDIS_OK || ((redisReply *)reply)->type == REDIS_REPLY_ERROR) {
			give_up(r, reply, err, err_len);
			return -EIO;
		}
		freeReplyObject(reply);
	}
	return 0;
}
