/*
 * socket.h -- UDP sockets as a collector wants them: a group on one port, steered by exporter, with the kernel's receive
 * stamps and drop counters; and sockets that listen for connections.
 */
#ifndef WEIR_COLLECTOR_SOCKET_H
#define WEIR_COLLECTOR_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/listen.h"
#include "common/err.h"

struct socket_info {
	uint64_t buffer_asked, buffer_got; /* bytes of payload and bookkeeping, as SO_RCVBUF counts them */
};

/* Opens SPEC->count sockets into FDS. 0, or a negative errno with one line in ERR; RET_INFO is of the first. */
int socket_open_group(const struct listen_spec *spec, int *fds, struct socket_info *ret_info, char *err, size_t err_len) MUST_CHECK;

/* Opens the NUMBER-th (from 0) of SPEC->count listening sockets for connections, TCP or SCTP. 0, or a negative errno with
 * one line in ERR. */
int socket_open_stream(const struct listen_spec *spec, unsigned number, int *ret_fd, char *err,
		       size_t err_len) MUST_CHECK;

/* What the kernel has dropped at this socket since it was opened, as it says now (it wraps at 2^32). 0 or -errno. */
int socket_drops(int fd, uint32_t *ret_drops) MUST_CHECK;

#endif
