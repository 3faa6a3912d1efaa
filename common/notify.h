/*
 * notify.h -- systemd's sd_notify protocol: one datagram to $NOTIFY_SOCKET. Without it, nothing happens.
 */
#ifndef WEIR_COMMON_NOTIFY_H
#define WEIR_COMMON_NOTIFY_H

#include <stdint.h>

void notify_send(const char *state);   /* "READY=1", "STOPPING=1", "STATUS=...", "WATCHDOG=1" */
uint64_t notify_watchdog_ns(void);     /* interval to send WATCHDOG=1 in, 0 when none is wanted */

#endif
