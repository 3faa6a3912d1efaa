/*
 * listen.h -- --listen: "sflow://:6343,netflow://:2055?count=2" -> what to open.
 *
 * goflow2's form: SCHEME://[HOST]:PORT[?KEY=VALUE&...], several with commas between. Schemes: netflow, sflow, flow over
 * UDP, ipfix+tcp.
 */
#ifndef WEIR_COLLECTOR_LISTEN_H
#define WEIR_COLLECTOR_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/decode.h"
#include "common/ip.h"

enum { LISTEN_MAX = 32, LISTEN_COUNT_MAX = 64, LISTEN_BUFFER_MAX = 1 << 30 };

struct listen_spec {
	enum decode_scheme scheme;
	bool tcp;             /* ipfix+tcp:// */
	char text[96];        /* "netflow://:2055": the listener's name in logs and metrics */
	struct ip_addr host;  /* len 0: every address, both families */
	uint16_t port;
	unsigned count;       /* sockets, each with its worker; 0: as --workers says */
	uint64_t buffer;      /* receive buffer that queue_size asks for, 0: as --udp.receive-buffer says */
};

struct listen_set {
	struct listen_spec specs[LISTEN_MAX];
	size_t count;
};

const char *listen_scheme_name(const struct listen_spec *spec);

/* Adds the listeners of TEXT. 0, or -EINVAL with one line in ERR. */
int listen_parse(struct listen_set *set, const char *text, char *err, size_t err_len) MUST_CHECK;

#endif
