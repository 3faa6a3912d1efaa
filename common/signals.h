/*
 * signals.h -- signals as something to wait for: blocked in all threads, taken by main with a timeout.
 */
#ifndef WEIR_COMMON_SIGNALS_H
#define WEIR_COMMON_SIGNALS_H

#include <stdint.h>

/* Blocks SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 and ignores SIGPIPE. Call before the first thread starts. */
void signals_block(void);
/* The next one of them, or 0 when TIMEOUT_NS passed. */
int signals_wait(uint64_t timeout_ns);

#endif
