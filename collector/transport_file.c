/*
 * transport_file.c -- batches to a file or standard output, one write() a batch.
 *
 * A worker writes its own batch; a lock keeps the blocks of two workers apart. How soon a line is seen is the linger
 * time; on a terminal it is at once. When the reader of standard output goes away (EPIPE) the collector ends
 * quietly, as any filter does; when a disk is full it goes on and counts what could not be written.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/batch.h"
#include "collector/config.h"
#include "collector/plain.h"
#include "collector/transport.h"
#include "common/complain.h"
#include "common/log.h"
#include "output/file.h"

struct transport_file {
	struct transport base;
	pthread_mutex_t lock; /* around writer and the counters */
	struct file_writer *writer;
	size_t payload_bytes;
	uint64_t put, written, dropped, bytes;
	int last_error;       /* of the last write, 0: fine */
	bool reader_gone;
	struct complain complain;
};

static struct transport_file *of(struct transport *t)
{
	return (struct transport_file *)t;
}

static struct batch *take(struct transport *t)
{
	return plain_batch_new(of(t)->payload_bytes);
}

static struct batch *swap(struct transport *t, struct batch *full, uint64_t now_ns)
{
	struct transport_file *f = of(t);
	(void)now_ns;
	if (full->len == 0)
		return full;
	pthread_mutex_lock(&f->lock);
	int rc = f->reader_gone ? -EPIPE : file_write(f->writer, full->data, full->len);
	f->put += full->flows;
	f->last_error = -rc;
	if (rc == 0) {
		f->written += full->flows;
		f->bytes += full->len;
	} else {
		f->dropped += full->flows;
		f->reader_gone |= rc == -EPIPE;
	}
	pthread_mutex_unlock(&f->lock);
	batch_reset(full);
	return full;
}

static void give_back(struct transport *t, struct batch *last, uint64_t now_ns)
{
	plain_batch_free(swap(t, last, now_ns));
}

static void reopen(struct transport *t, char *said, size_t said_len)
{
	struct transport_file *f = of(t);
	snprintf(said, said_len, "%s", "");
	if (file_is_stdout(f->writer))
		return;
	pthread_mutex_lock(&f->lock);
	int rc = file_reopen(f->writer);
	pthread_mutex_unlock(&f->lock);
	if (rc < 0)
		snprintf(said, said_len, "%s: cannot be reopened (%s), the old file stays in use", file_name(f->writer), strerror(-rc));
	else
		snprintf(said, said_len, "%s reopened", file_name(f->writer));
}

static bool ready(struct transport *t, char *why_not, size_t why_len)
{
	struct transport_file *f = of(t);
	pthread_mutex_lock(&f->lock);
	int error = f->last_error;
	pthread_mutex_unlock(&f->lock);
	snprintf(why_not, why_len, "%s: %s", file_name(f->writer), strerror(error));
	return error == 0;
}

static bool alive(struct transport *t)
{
	struct transport_file *f = of(t);
	pthread_mutex_lock(&f->lock);
	bool gone = f->reader_gone;
	pthread_mutex_unlock(&f->lock);
	return !gone;
}

static void totals(struct transport *t, struct transport_totals *ret_totals)
{
	struct transport_file *f = of(t);
	*ret_totals = (struct transport_totals){0};
	pthread_mutex_lock(&f->lock);
	ret_totals->put = f->put;
	ret_totals->acknowledged = f->written;
	ret_totals->dropped[ERR_WRITE] = f->dropped;
	pthread_mutex_unlock(&f->lock);
}

static void tick(struct transport *t, uint64_t now_ns)
{
	struct transport_file *f = of(t);
	uint64_t swallowed;
	pthread_mutex_lock(&f->lock);
	int error = f->last_error;
	uint64_t dropped = f->dropped;
	pthread_mutex_unlock(&f->lock);
	if (error && error != EPIPE && complain_now(&f->complain, now_ns, &swallowed))
		log_error(LOG_OURS, "%s: cannot write: %s; %llu flows lost so far", file_name(f->writer), strerror(error),
			  (unsigned long long)dropped);
	if (!error && complain_over(&f->complain))
		log_info(LOG_OURS, "%s: writing again", file_name(f->writer));
}

static void file_free(struct transport *t)
{
	struct transport_file *f = of(t);
	file_close(f->writer);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static const struct transport_ops file_ops = {
	.name = "file",
	.take = take,
	.swap = swap,
	.give_back = give_back,
	.reopen = reopen,
	.ready = ready,
	.alive = alive,
	.behind = transport_is_never_behind,
	.totals = totals,
	.metrics = transport_no_metrics,
	.tick = tick,
	.flush = tick,
	.free = file_free,
};

int transport_file_open(const struct config *config, struct transport **ret_transport, char *err, size_t err_len)
{
	struct transport_file *f = calloc(1, sizeof(*f));
	if (!f) {
		snprintf(err, err_len, "no memory");
		return -ENOMEM;
	}
	int rc = file_open(config->file, &f->writer, err, err_len);
	if (rc < 0) {
		free(f);
		return rc;
	}
	f->base.ops = &file_ops;
	f->payload_bytes = config_payload_bytes(config);
	pthread_mutex_init(&f->lock, NULL);
	*ret_transport = &f->base;
	return 0;
}
