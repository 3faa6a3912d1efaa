/*
 * send.h -- a UDP socket that sends many datagrams a call, from many loopback addresses when asked.
 */
#ifndef WEIR_MOCKER_SEND_H
#define WEIR_MOCKER_SEND_H

#include <stddef.h>
#include <stdint.h>

#include "common/ip.h"

enum { SEND_BATCH = 32 };

struct send;

struct send_item {
	const uint8_t *data;
	size_t len;
	struct ip_addr source; /* len 0: the kernel's choice */
};

/* TARGET is HOST:PORT or [IPV6]:PORT. 0, or a negative errno with a line in ERR. */
int send_open(const char *target, struct send **ret_send, char *err, size_t err_len);
/* Sends all N (at most SEND_BATCH); refusals by a closed port are counted and tried again. 0 or a negative errno. */
int send_all(struct send *s, const struct send_item *items, unsigned n);
uint64_t send_refused(const struct send *s);
void send_close(struct send *s);

#endif
