/*
 * notify.h -- systemd's sd_notify protocol: one datagram to $NOTIFY_SOCKET. Without it, nothing happens.
 */
#ifndef WEIR_COMMON_NOTIFY_H
#define WEIR_COMMON_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void notify_send(const char *state);   /* "READY=1", "STOPPING=1", "STATUS=..." */
void notify_reloading(void);           /* a reload begins; "READY=1" says that it is over */
uint64_t notify_watchdog_ns(void);     /* interval to feed the watchdog in, 0 when none is wanted */

/* A thread's sign of life: its loop sets the flag each time it turns. */
static inline void notify_turned(bool *pulse)
{
	__atomic_store_n(pulse, true, __ATOMIC_RELAXED);
}

/* Feeds the watchdog when each of N loops has turned since it was fed last; false: one has not, and it stays hungry. */
bool notify_watchdog_feed(bool *const pulses[], size_t n);

#endif
