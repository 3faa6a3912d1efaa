/*
 * senders.h -- who may send, and which of their networks are kept: netflow.io's layout.
 *
 * A sender is "IP/Port" (port 0: any); with it go networks, and a flow is kept when its source or its destination lies
 * in one of them. Built once, then only read, by any number of threads.
 */
#ifndef WEIR_COLLECTOR_SENDERS_H
#define WEIR_COLLECTOR_SENDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/ip.h"

struct flow;

enum { SENDERS_MAX = 100000 };

struct sender {
	struct ip_addr addr;
	uint16_t port;
	struct ip_set networks;
};

struct senders {
	struct sender *items; /* by address, then port */
	size_t count, cap;
};

struct senders *senders_new(void);
void senders_free(struct senders *s);
/* TEXT is "10.0.0.1/1337" or "2001:db8::1/0". The sender comes back to add networks to, until the next call. 0, -EINVAL,
 * -ENOMEM, -E2BIG (SENDERS_MAX). */
int senders_add(struct senders *s, const char *text, struct sender **ret_sender) MUST_CHECK;
/* When all were added. */
void senders_sort(struct senders *s);
/* NULL: may not send. An entry with the very port goes before one with port 0. */
const struct sender *senders_find(const struct senders *s, const struct ip_addr *addr, uint16_t port);
bool sender_keeps(const struct sender *s, const struct flow *flow);

#endif
