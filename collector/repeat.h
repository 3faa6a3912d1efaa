/*
 * repeat.h -- passes received datagrams on, unchanged, to other collectors (nfcapd's -R).
 *
 * With the source kept, the other collector sees the exporter's address; that takes CAP_NET_RAW. Nothing waits for the
 * other side: what does not fit into the send buffer is counted and gone.
 */
#ifndef WEIR_COLLECTOR_REPEAT_H
#define WEIR_COLLECTOR_REPEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/err.h"
#include "common/opt.h"

enum { REPEAT_MAX = 8 /* places */, REPEAT_VLEN = 64 };

struct repeater;

struct repeat_stats {
	uint64_t sent, failed; /* copies */
};

/* TARGETS are HOST:PORT. NULL in *ret_repeater when there are none. 0, or negative with one line in ERR. */
int repeat_new(const struct opt_list *targets, bool keep_source, struct repeater **ret_repeater, char *err,
	       size_t err_len) MUST_CHECK;
void repeat_free(struct repeater *r);
/* N (up to REPEAT_VLEN) datagrams: their octets, and where each came from. STATS is written by this thread alone. */
void repeat_send(struct repeater *r, const struct iovec *data, const struct sockaddr_storage *from, unsigned n,
		 struct repeat_stats *stats);

#endif
