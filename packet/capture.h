/*
 * capture.h -- packets from a capture file, from standard input or from an interface, and capture files written.
 *
 * The link layer's own header is taken off here, except Ethernet's, so that what reads packets (packet/frame.h) has
 * two cases only: an Ethernet frame, or something of a known ethertype.
 */
#ifndef WEIR_PACKET_CAPTURE_H
#define WEIR_PACKET_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/ip.h"

struct capture;
struct capture_writer;

struct capture_packet {
	uint64_t time_ns;    /* since 1970 */
	const uint8_t *data; /* valid until the next call */
	size_t len;          /* octets at data */
	size_t wire_len;     /* octets the packet had; more than len when it was cut */
	uint16_t etype;      /* 0: data is an Ethernet frame; else what data begins with */
};

struct capture_udp {
	uint64_t time_ns;    /* of the fragment that completed it */
	struct ip_addr src, dst;
	uint16_t src_port, dst_port;
	const uint8_t *data; /* valid until the next call */
	size_t len;
	bool cut;            /* the capture holds only the first LEN octets of it */
};

struct capture_stats {
	uint64_t packets;
	uint64_t cut;       /* of these, packets of which the capture holds a part only */
	uint64_t unknown;   /* of a link layer header that says no ethertype weir knows */
	uint64_t udp;       /* datagrams given by capture_next_udp */
	uint64_t not_udp;   /* passed over by it: other protocols */
	uint64_t bad;       /* passed over by it: lengths that contradict */
	uint64_t fragments; /* IP fragments seen by it */
	uint64_t fragments_given_up; /* datagrams that never became whole */
	uint64_t dropped;   /* by the kernel, live only */
};

/* PATH is a pcap or pcapng file, "-" is standard input. 0, or -EINVAL with one line in ERR. */
int capture_open(const char *path, struct capture **ret_capture, char *err, size_t err_len) MUST_CHECK;
/* An interface ("any" for all); SNAPLEN octets a packet, 0 for all of it. */
int capture_open_live(const char *interface, size_t snaplen, struct capture **ret_capture, char *err, size_t err_len) MUST_CHECK;
void capture_close(struct capture *c);

/* Lets only packets through for which the tcpdump expression FILTER holds. 0, or -EINVAL with a line in ERR. */
int capture_filter(struct capture *c, const char *filter, char *err, size_t err_len) MUST_CHECK;

/* 1: a packet; 0: the end (of a file; or capture_stop was called); -EAGAIN: nothing came for 100 ms (live);
 * -EIO: capture_error() says what. */
int capture_next(struct capture *c, struct capture_packet *ret_packet) MUST_CHECK;
/* The same, for the UDP datagrams in it, IPv4 and IPv6, fragments put together. */
int capture_next_udp(struct capture *c, struct capture_udp *ret_udp) MUST_CHECK;
const char *capture_error(const struct capture *c);
/* Makes a capture_next that waits give 0. May be called from a signal handler or another thread. */
void capture_stop(struct capture *c);
void capture_stats(struct capture *c, struct capture_stats *ret_stats);

/* Writes a pcap file (nanoseconds, Ethernet); "-" is standard output. 0, or -EINVAL with a line in ERR. */
int capture_writer_open(const char *path, struct capture_writer **ret_writer, char *err, size_t err_len) MUST_CHECK;
void capture_writer_add(struct capture_writer *w, uint64_t time_ns, const void *frame, size_t len);
/* Makes the frame around a datagram. -EMSGSIZE: longer than 65,507 octets; -EINVAL: addresses of two families. */
int capture_writer_add_udp(struct capture_writer *w, const struct capture_udp *udp);
/* Flushes and closes; 0, or -EIO when something could not be written. */
int capture_writer_close(struct capture_writer *w) MUST_CHECK;

#endif
