/*
 * notify.c -- tells systemd how we are, sd_notify(3), without linking libsystemd.
 *
 * The protocol is one datagram to the socket named in NOTIFY_SOCKET; a leading '@' means the abstract namespace.
 * A failure is nobody's business: the service manager notices silence by itself. libsystemd would bring a library, and what
 * that needs, into every program for this one sendto().
 *
 * The watchdog is there for a thread that hangs, so the main thread, which hardly can, does not feed it of its own accord.
 */
#include "common/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"

void notify_send(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	if (!path || (path[0] != '/' && path[0] != '@'))
		return;
	size_t len = strlen(path);
	if (len >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	socklen_t to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&to, to_len);
	close(fd);
}

/* sd_notify(3), RELOADING=1: the time lets the manager tell this reload from the one before. */
void notify_reloading(void)
{
	char text[64];
	(void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
		       (unsigned long long)(clock_monotonic_ns() / NS_PER_US));
	notify_send(text);
}

bool notify_watchdog_feed(bool *const pulses[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!__atomic_load_n(pulses[i], __ATOMIC_RELAXED))
			return false;
	for (size_t i = 0; i < n; i++)
		__atomic_store_n(pulses[i], false, __ATOMIC_RELAXED);
	notify_send("WATCHDOG=1");
	return true;
}

/* sd_watchdog_enabled(3): the time is meant for WATCHDOG_PID alone; half of it is a safe interval. */
uint64_t notify_watchdog_ns(void)
{
	const char *pid = getenv("WATCHDOG_PID");
	const char *usec = getenv("WATCHDOG_USEC");
	if (!usec || (pid && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	return strtoull(usec, NULL, 10) * NS_PER_US / 2;
}
