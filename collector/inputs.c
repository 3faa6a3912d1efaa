/*
 * inputs.c -- see inputs.h.
 */
#include "collector/inputs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector/config.h"
#include "collector/input.h"
#include "collector/packets.h"
#include "collector/repeat.h"
#include "collector/socket.h"

static int no_memory(char *err, size_t err_len)
{
	snprintf(err, err_len, "no memory");
	return -ENOMEM;
}

static void free_all(struct input **inputs, unsigned n)
{
	while (n-- > 0)
		inputs[n]->ops->free(inputs[n]);
}

static int open_udp(const struct config *config, const struct listen_spec *spec, struct input **ret_inputs,
		    struct socket_info *ret_info, char *err, size_t err_len)
{
	int fds[LISTEN_COUNT_MAX];
	int rc = socket_open_group(spec, fds, ret_info, err, err_len);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < spec->count; i++) {
		struct repeater *repeater = NULL;
		rc = repeat_new(&config->repeat, config->repeat_keep_source, &repeater, err, err_len);
		if (rc < 0)
			close(fds[i]);
		else if ((rc = input_udp_new(fds[i], ret_info->buffer_got, repeater, &ret_inputs[i])) < 0)
			no_memory(err, err_len);
		if (rc == 0)
			continue;
		free_all(ret_inputs, i);
		while (++i < spec->count)
			close(fds[i]);
		return rc;
	}
	return 0;
}

static int open_stream_one(const struct config *config, const struct listen_spec *spec, int fd, struct input **ret_input, char *err,
			   size_t err_len)
{
	struct input_stream_options options = {
		.name = spec->text,
		.max_sessions = (size_t)config->stream_sessions,
		.max_per_address = (size_t)config->stream_sessions_per_address,
		.idle_ns = config->stream_idle,
		.message_ns = config->stream_message_time,
	};
	if (spec->kind == LISTEN_TLS)
		options.tls = (struct tls_files){.cert = spec->cert, .key = spec->key, .ca = *spec->ca ? spec->ca : NULL};
	return input_stream_new(fd, &options, ret_input, err, err_len);
}

static int open_stream(const struct config *config, const struct listen_spec *spec, struct input **ret_inputs,
		       struct socket_info *ret_info, char *err, size_t err_len)
{
	*ret_info = (struct socket_info){0};
	for (unsigned i = 0; i < spec->count; i++) {
		int fd;
		int rc = socket_open_stream(spec, i, &fd, err, err_len);
		if (rc == 0)
			rc = open_stream_one(config, spec, fd, &ret_inputs[i], err, err_len);
		if (rc < 0) {
			free_all(ret_inputs, i);
			return rc;
		}
	}
	return 0;
}

static int open_packets(const struct config *config, const struct listen_spec *spec, struct input **ret_inputs,
			struct socket_info *ret_info, char *err, size_t err_len)
{
	*ret_info = (struct socket_info){0};
	return packets_open(config, spec, &ret_inputs[0], err, err_len);
}

typedef int open_fn(const struct config *config, const struct listen_spec *spec, struct input **ret_inputs,
		    struct socket_info *ret_info, char *err, size_t err_len);

int inputs_open(const struct config *config, const struct listen_spec *spec, struct input **ret_inputs,
		struct socket_info *ret_info, char *err, size_t err_len)
{
	static open_fn *const opens[LISTEN_KINDS] = {
		[LISTEN_UDP] = open_udp,     [LISTEN_TCP] = open_stream,   [LISTEN_TLS] = open_stream,
		[LISTEN_SCTP] = open_stream, [LISTEN_PCAP] = open_packets,
	};
	return opens[spec->kind](config, spec, ret_inputs, ret_info, err, err_len);
}
