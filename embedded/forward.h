/*
 * forward.h -- a known address for the broker, whose own port is another one at each start.
 */
#ifndef WEIR_EMBEDDED_FORWARD_H
#define WEIR_EMBEDDED_FORWARD_H

#include <stddef.h>
#include <stdint.h>

struct forward;

/* Passes TCP connections to ADDRESS ("localhost:9092") on to 127.0.0.1:PORT. 0 or a negative errno with ERR. */
int forward_start(const char *address, uint16_t port, struct forward **ret_forward, char *err, size_t err_len);
unsigned forward_port(const struct forward *f);
void forward_stop(struct forward *f);

#endif
