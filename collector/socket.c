/*
 * socket.c -- see socket.h.
 *
 * The sockets of a group share a port by SO_REUSEPORT. Left alone the kernel would choose one by address and port, and
 * an exporter that sends templates from one port and data from another would meet two workers. A classic BPF program on
 * the group looks at the source address only; it needs no privilege.
 */
#include "collector/socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* A worker looks at its flags this often when nothing comes. */
enum { RECEIVE_TIMEOUT_US = 100000 };

static int set_int(int fd, int option, int value)
{
	return setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* As much as may be had: root is not bound by net.core.rmem_max. */
static void ask_buffer(int fd, uint64_t asked, struct socket_info *ret_info)
{
	int got = 0;
	socklen_t len = sizeof(got);
	if (set_int(fd, SO_RCVBUFFORCE, (int)asked) < 0)
		(void)set_int(fd, SO_RCVBUF, (int)asked);
	(void)getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &len);
	ret_info->buffer_asked = asked;
	ret_info->buffer_got = (uint64_t)got / 2; /* the kernel doubles what it is asked for */
}

/* A socket of TYPE for the listener's address, and that address. 0 or -errno. */
static int open_any(const struct listen_spec *spec, int type, int protocol, int *ret_fd, struct sockaddr_storage *ret_ss,
		    socklen_t *ret_len)
{
	bool any = spec->host.len == 0;
	struct ip_addr host = any ? (struct ip_addr){.len = 16} : spec->host;
	int off = 0;
	*ret_len = (socklen_t)ip_to_sockaddr(&host, spec->port, ret_ss);
	int fd = socket(ret_ss->ss_family, type | SOCK_CLOEXEC, protocol);
	if (fd < 0 && any && errno == EAFNOSUPPORT) { /* a kernel without IPv6 */
		host = (struct ip_addr){.len = 4};
		*ret_len = (socklen_t)ip_to_sockaddr(&host, spec->port, ret_ss);
		fd = socket(AF_INET, type | SOCK_CLOEXEC, protocol);
	}
	if (fd < 0)
		return -errno;
	if (any && ret_ss->ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

static int open_one(const struct listen_spec *spec, int *ret_fd, struct socket_info *ret_info)
{
	struct sockaddr_storage ss = {0};
	socklen_t len;
	int fd = -1;
	int rc = open_any(spec, SOCK_DGRAM, 0, &fd, &ss, &len);
	if (rc < 0)
		return rc;
	if (spec->count > 1)
		rc = set_int(fd, SO_REUSEPORT, 1);
	ask_buffer(fd, spec->buffer, ret_info);
	struct timeval timeout = {.tv_usec = RECEIVE_TIMEOUT_US};
	if (rc == 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
		rc = -errno;
	(void)set_int(fd, SO_TIMESTAMPNS, 1); /* without them: the time at which the datagram is read */
	(void)set_int(fd, SO_RXQ_OVFL, 1);
	if (rc == 0 && bind(fd, (struct sockaddr *)&ss, len) < 0)
		rc = -errno;
	if (rc < 0)
		close(fd);
	else
		*ret_fd = fd;
	return rc;
}

/*
 * A = sum of the source address's words, mixed; the result is A mod count.
 * Offsets are from the network header: IPv4 source at 12, IPv6 source at 8.
 */
static int steer(int fd, unsigned count)
{
#define NET(offset) (uint32_t)(SKF_NET_OFF + (offset))
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NET(0)),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 2, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET(12)), /* IPv4 */
		BPF_JUMP(BPF_JMP | BPF_JA, 10, 0, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET(8)),  /* IPv6 */
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET(12)),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET(16)),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET(20)),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1), /* mix; both families from here */
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
#undef NET
	struct sock_fprog prog = {.len = sizeof(program) / sizeof(program[0]), .filter = program};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)) < 0 ? -errno : 0;
}

static const char *cure(int error)
{
	switch (error) {
	case EADDRINUSE: return "; another program listens there (ss -lnp shows which)";
	case EPROTONOSUPPORT: return ": this kernel has no SCTP (modprobe sctp, if it comes as a module); ipfix+tcp:// goes everywhere";
	case EACCES:     return "; ports below 1024 need CAP_NET_BIND_SERVICE";
	case EADDRNOTAVAIL: return "; this host has no such address";
	}
	return "";
}

int socket_open_group(const struct listen_spec *spec, int *fds, struct socket_info *ret_info, char *err, size_t err_len)
{
	unsigned n = 0;
	int rc = 0;
	/* Sockets of one user may join each other's group: without this a second collector would take half of the
	 * datagrams in silence instead of being told that the port is in use. */
	struct listen_spec probe = *spec;
	probe.count = 1;
	if (spec->count > 1 && (rc = open_one(&probe, &fds[0], ret_info)) == 0)
		close(fds[0]);
	for (; rc == 0 && n < spec->count; n += rc == 0)
		rc = open_one(spec, &fds[n], ret_info);
	if (rc == 0 && n > 1)
		rc = steer(fds[0], n);
	if (rc == 0)
		return 0;
	snprintf(err, err_len, "--listen %s: %s%s", spec->text, strerror(-rc), cure(-rc));
	while (n > 0)
		close(fds[--n]);
	return rc;
}

int socket_drops(int fd, uint32_t *ret_drops)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);
	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
		return -errno;
	*ret_drops = info[SK_MEMINFO_DROPS];
	return 0;
}

int socket_open_stream(const struct listen_spec *spec, unsigned number, int *ret_fd, char *err, size_t err_len)
{
	struct sockaddr_storage ss = {0};
	socklen_t len;
	int fd = -1;
	/* RFC 7011 10.2: a message of SCTP is a whole IPFIX message. Their lengths cut the octets of a socket of this type as well,
	 * for it never mixes two messages. */
	int protocol = spec->kind == LISTEN_SCTP ? IPPROTO_SCTP : IPPROTO_TCP;
	int rc = open_any(spec, SOCK_STREAM | SOCK_NONBLOCK, protocol, &fd, &ss, &len);
	if (rc == 0) {
		(void)set_int(fd, SO_REUSEADDR, 1); /* connections of the last run linger */
		/* Only from the second on, and for the first once it is bound: another collector on the port is found out. */
		if (number > 0)
			(void)set_int(fd, SO_REUSEPORT, 1);
		if (bind(fd, (struct sockaddr *)&ss, len) < 0 || listen(fd, SOMAXCONN) < 0)
			rc = -errno;
		else if (number == 0 && spec->count > 1)
			rc = set_int(fd, SO_REUSEPORT, 1);
		if (rc < 0)
			close(fd);
	}
	if (rc == 0)
		*ret_fd = fd;
	else
		snprintf(err, err_len, "--listen %s: %s%s", spec->text, strerror(-rc), cure(-rc));
	return rc;
}
