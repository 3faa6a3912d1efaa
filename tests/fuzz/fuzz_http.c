/*
 * fuzz_http.c -- bytes on a connection to weir-collector's pages: whatever they are, an answer or an end comes. The server is
 * the real one, on a port of 127.0.0.1, with the pages' own handlers behind it.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/collector.h"
#include "collector/config.h"
#include "collector/pages.h"
#include "collector/tap.h"
#include "collector/transport.h"
#include "common/clock.h"
#include "common/http.h"
#include "tests/fuzz/fuzz.h"

static struct collector collector;
static struct config config;
static nlink_t threads; /* of a server that nobody asks anything */

static nlink_t count_threads(void)
{
	struct stat st;
	FUZZ_ASSERT(stat("/proc/self/task", &st) == 0);
	return st.st_nlink;
}

static void start(void)
{
	static char words[][32] = {"weir-collector", "--transport=null", "--addr=127.0.0.1:0"};
	static char *argv[] = {words[0], words[1], words[2], NULL};
	static struct opt_result result;
	char err[512];
	FUZZ_ASSERT(config_read(3, argv, &config, &result, err, sizeof(err)) == 0);
	collector.config = &config;
	FUZZ_ASSERT(transport_open(&config, &collector.transport, err, sizeof(err)) == 0);
	FUZZ_ASSERT((collector.tap = tap_new()));
	FUZZ_ASSERT(pages_start(&collector, err, sizeof(err)) == 0);
	threads = count_threads();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct linger at_once = {.l_onoff = 1};
	static char answer[1 << 16];
	if (!collector.http)
		start();
	to.sin_port = htons((uint16_t)http_server_port(collector.http));
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	FUZZ_ASSERT(fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)); /* no port waits for two minutes */
	for (size_t sent = 0; sent < size;) {
		ssize_t n = send(fd, data + sent, size - sent, MSG_NOSIGNAL);
		if (n <= 0)
			break; /* the server has had enough */
		sent += (size_t)n;
	}
	(void)shutdown(fd, SHUT_WR);
	while (recv(fd, answer, sizeof(answer), 0) > 0)
		;
	close(fd);
	/* A thread that still answers what nobody reads any more has memory that looks like a leak. */
	for (int tries = 0; tries < 50000 && count_threads() > threads; tries++)
		clock_sleep_ns(100 * NS_PER_US);
	return 0;
}
