/*
 * listen.h -- --listen: "sflow://:6343,netflow://:2055?count=2" -> what to open.
 *
 * goflow2's form: SCHEME://[HOST]:PORT[?KEY=VALUE&...], several with commas between; and pcap://INTERFACE. In values
 * %20 stands for an octet and + for a space, as in any URL.
 */
#ifndef WEIR_COLLECTOR_LISTEN_H
#define WEIR_COLLECTOR_LISTEN_H

#include <stddef.h>
#include <stdint.h>

#include "collector/decode.h"
#include "common/ip.h"

enum { LISTEN_MAX = 32, LISTEN_COUNT_MAX = 64, LISTEN_BUFFER_MAX = 1 << 30, LISTEN_TEXT_MAX = 256 };

enum listen_kind { LISTEN_UDP, LISTEN_TCP, LISTEN_TLS, LISTEN_SCTP, LISTEN_PCAP, LISTEN_KINDS };

struct listen_spec {
	enum listen_kind kind;
	enum decode_scheme scheme;
	char text[96];        /* "netflow://:2055": the listener's name in logs and metrics */
	struct ip_addr host;  /* len 0: every address, both families */
	uint16_t port;
	unsigned count;       /* sockets, each with its worker; 0: as --workers says */
	uint64_t buffer;      /* receive buffer that queue_size asks for, 0: as --udp.receive-buffer says */
	char cert[LISTEN_TEXT_MAX], key[LISTEN_TEXT_MAX], ca[LISTEN_TEXT_MAX]; /* TLS; empty: as --tls.* says */
	char interface[64];              /* pcap */
	char filter[LISTEN_TEXT_MAX];
	uint32_t sampling;               /* one packet of so many; 0: as --meter.sampling says */
};

struct listen_set {
	struct listen_spec specs[LISTEN_MAX];
	size_t count;
};

const char *listen_scheme_name(const struct listen_spec *spec);

/* Adds the listeners of TEXT. 0, or -EINVAL with one line in ERR. */
int listen_parse(struct listen_set *set, const char *text, char *err, size_t err_len) MUST_CHECK;

#endif
