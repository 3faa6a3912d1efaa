/*
 * signals.c -- signals without handlers.
 *
 * A handler may do next to nothing and can hit any thread. Here the signals are blocked before the first thread
 * starts (threads inherit that), and main takes them one by one with sigtimedwait(), which is its tick as well.
 */
#include "common/signals.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "common/clock.h"

static sigset_t waited_for(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	return set;
}

void signals_block(void)
{
	sigset_t set = waited_for();
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	(void)sigaction(SIGPIPE, &ignore, NULL);
}

/* An interruption (EINTR: a debugger, or a stop and continue) looks like a timeout that came early; main's loop
 * looks at the clock anyway. */
int signals_wait(uint64_t timeout_ns)
{
	sigset_t set = waited_for();
	struct timespec ts = {.tv_sec = (time_t)(timeout_ns / NS_PER_S), .tv_nsec = (long)(timeout_ns % NS_PER_S)};
	int sig = sigtimedwait(&set, NULL, &ts);
	return sig > 0 ? sig : 0;
}
