/*
 * expire.h -- old files go: by age, and the oldest first until what is left fits.
 */
#ifndef WEIR_OUTPUT_EXPIRE_H
#define WEIR_OUTPUT_EXPIRE_H

#include <stdint.h>

struct expire_limits {
	uint64_t max_age_ns; /* 0: any */
	uint64_t max_bytes;  /* of all files together; 0: any */
};

struct expire_result {
	uint64_t kept, kept_bytes, removed;
};

/* Looks at PREFIX.* in DIR and the folders in it, files that are being written (.part) left out. Age is the time of
 * the last write. 0 or a negative errno. */
int expire_files(const char *dir, const char *prefix, const struct expire_limits *limits, uint64_t now_ns,
		 struct expire_result *ret_result);

#endif
