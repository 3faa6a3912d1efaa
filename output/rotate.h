/*
 * rotate.h -- a directory of files, a new one every so often: PREFIX.202611211220, named by the local time at which its
 * slot begins, as nfcapd names its own.
 *
 * The file being written ends in ".part"; it gets its name when it is complete. What a crash left behind as .part gets
 * its name at the next start.
 */
#ifndef WEIR_OUTPUT_ROTATE_H
#define WEIR_OUTPUT_ROTATE_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct rotate;

/* A file is complete: DIR/NAME, whose slot began at SLOT_NS. */
typedef void rotate_done_fn(void *arg, const char *dir, const char *name, uint64_t slot_ns);

struct rotate_options {
	const char *dir;     /* made when missing */
	const char *prefix;  /* "weir" */
	const char *suffix;  /* "", ".json", ".zst" ... */
	uint64_t every_ns;   /* aligned slots of this length; 0: none */
	uint64_t max_bytes;  /* of a file; 0: any */
	int zstd_level;      /* 0: plain */
	rotate_done_fn *done;
	void *arg;
};

/* 0 or a negative errno, with one line in ERR. */
int rotate_open(const struct rotate_options *options, struct rotate **ret_rotate, char *err, size_t err_len) MUST_CHECK;
/* Takes DATA, which is never split over two files. Errors are kept for rotate_sync(); DATA is kept too. */
void rotate_write(struct rotate *r, const void *data, size_t len, uint64_t now_ns);
/* Ends the file whose slot is over. */
void rotate_tick(struct rotate *r, uint64_t now_ns);
/* All that was taken is on disk (fdatasync). 0 or a negative errno: then it may be asked again. */
int rotate_sync(struct rotate *r) MUST_CHECK;
/* Bytes that wait because they could not be written. */
size_t rotate_waiting(const struct rotate *r);
/* Completes the file. 0 or a negative errno. NULL is fine. */
int rotate_close(struct rotate *r);

#endif
