/*
 * senders.c -- see senders.h.
 */
#include "collector/senders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/flow.h"

struct senders *senders_new(void)
{
	return calloc(1, sizeof(struct senders));
}

void senders_free(struct senders *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		ip_set_free(&s->items[i].networks);
	free(s->items);
	free(s);
}

static int parse(const char *text, struct ip_addr *ret_addr, uint16_t *ret_port)
{
	char address[IP_TEXT_MAX];
	const char *slash = strrchr(text, '/');
	char *end;
	if (!slash || slash[1] < '0' || slash[1] > '9' || (size_t)(slash - text) >= sizeof(address))
		return -EINVAL;
	unsigned long port = strtoul(slash + 1, &end, 10);
	if (*end || port > 65535)
		return -EINVAL;
	snprintf(address, sizeof(address), "%.*s", (int)(slash - text), text);
	*ret_port = (uint16_t)port;
	return ip_parse(address, ret_addr);
}

int senders_add(struct senders *s, const char *text, struct sender **ret_sender)
{
	struct sender new = {.port = 0};
	int rc = parse(text, &new.addr, &new.port);
	if (rc < 0)
		return rc;
	if (s->count == SENDERS_MAX)
		return -E2BIG;
	if (s->count == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct sender *grown = reallocarray(s->items, cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		s->items = grown;
		s->cap = cap;
	}
	s->items[s->count] = new;
	*ret_sender = &s->items[s->count++];
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct sender *x = a, *y = b;
	int by_addr = memcmp(&x->addr, &y->addr, sizeof(x->addr));
	return by_addr ? by_addr : (x->port > y->port) - (x->port < y->port);
}

void senders_sort(struct senders *s)
{
	if (s->count)
		qsort(s->items, s->count, sizeof(s->items[0]), compare);
}

const struct sender *senders_find(const struct senders *s, const struct ip_addr *addr, uint16_t port)
{
	struct sender key = {.addr = *addr, .port = port};
	if (!s->count)
		return NULL;
	const struct sender *found = bsearch(&key, s->items, s->count, sizeof(key), compare);
	key.port = 0;
	return found ? found : bsearch(&key, s->items, s->count, sizeof(key), compare);
}

bool sender_keeps(const struct sender *s, const struct flow *flow)
{
	return ip_set_has(&s->networks, &flow->src_addr) || ip_set_has(&s->networks, &flow->dst_addr);
}
