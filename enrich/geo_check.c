/*
 * geo_check.c -- are the metadata of a MaxMind database whole, and does the search tree fit into the file? By the "MaxMind DB File
 * Format Specification" 2.0 (https://maxmind.github.io/MaxMind-DB/).
 *
 * libmaxminddb (1.7) reads beyond the file when they are not: corpus mmdb/crash-in-metadata of the fuzz targets. A download that
 * broke off is enough for that. So they are walked here first, with bounds; pointers, which no database has there, are
 * refused.
 */
#include "enrich/geo_check.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/wire.h"

enum type { EXTENDED, POINTER, UTF8, DOUBLE, BYTES, UINT16, UINT32, MAP, INT32, UINT64, UINT128, ARRAY, BOOLEAN = 14, FLOAT };

enum { DEPTH_MAX = 8, MARKER_LEN = 14, METADATA_MAX = 128 * 1024 /* marker included */ };

/* Octets that a value of the type has at most; what is not here is refused. */
static const uint8_t longest[] = {[DOUBLE] = 8, [UINT16] = 2, [UINT32] = 4, [INT32] = 4, [UINT64] = 8, [UINT128] = 16, [FLOAT] = 4};

static bool control(struct wire *w, enum type *ret_type, size_t *ret_size)
{
	uint8_t first = wire_u8(w);
	unsigned type = first >> 5;
	size_t size = first & 31;
	if (type == EXTENDED)
		type = 7u + wire_u8(w);
	switch (size) { /* "Payload size" */
	case 29: size = 29 + (size_t)wire_u8(w); break;
	case 30: size = 285 + (size_t)wire_u16(w); break;
	case 31: size = 65821 + (size_t)wire_u24(w); break;
	}
	*ret_type = (enum type)type;
	*ret_size = size;
	return !wire_failed(w);
}

static bool value(struct wire *w, unsigned depth);

static bool map(struct wire *w, size_t pairs, unsigned depth)
{
	enum type type;
	size_t len;
	for (; pairs > 0; pairs--) {
		if (!control(w, &type, &len) || type != UTF8)
			return false;
		wire_skip(w, len);
		if (!value(w, depth + 1))
			return false;
	}
	return true;
}

static bool value(struct wire *w, unsigned depth)
{
	enum type type;
	size_t size;
	if (depth > DEPTH_MAX || !control(w, &type, &size))
		return false;
	switch (type) {
	case MAP:
		return map(w, size, depth);
	case ARRAY:
		for (; size > 0; size--)
			if (!value(w, depth + 1))
				return false;
		return true;
	case UTF8: case BYTES:
		break;
	case BOOLEAN:
		return size <= 1;
	default:
		if (type >= sizeof(longest) || size > longest[type])
			return false;
	}
	wire_skip(w, size);
	return !wire_failed(w);
}

/* The number that NAME has in the map at W, 0 when it has none. */
static uint64_t number(struct wire w, const char *name)
{
	enum type type;
	size_t pairs, len;
	if (!control(&w, &type, &pairs))
		return 0;
	for (; pairs > 0 && control(&w, &type, &len); pairs--) {
		const uint8_t *key = wire_bytes(&w, len);
		bool found = key && len == strlen(name) && memcmp(key, name, len) == 0;
		struct wire at = w;
		if (found)
			return control(&at, &type, &len) && (type == UINT16 || type == UINT32) ? wire_uint(&at, len) : 0;
		if (!value(&w, 1))
			return 0;
	}
	return 0;
}

static bool metadata_whole(const uint8_t *file, size_t len)
{
	static const char marker[] = "\xab\xcd\xefMaxMind.com";
	size_t from = len > METADATA_MAX ? len - METADATA_MAX : 0;
	const uint8_t *last = NULL;
	for (const uint8_t *p = file + from; (p = memmem(p, len - (size_t)(p - file), marker, MARKER_LEN)); p++)
		last = p;
	if (!last)
		return false;
	struct wire w = wire_of(last + MARKER_LEN, len - (size_t)(last - file) - MARKER_LEN);
	struct wire all = w;
	if (!wire_left(&w) || (*w.p >> 5) != MAP || !value(&all, 0))
		return false;
	/* "Binary Search Tree Section": a node is two records; 16 octets of zero stand behind it. */
	uint64_t nodes = number(w, "node_count"), bits = number(w, "record_size");
	return nodes > 0 && bits <= 32 && nodes * bits / 4 + 16 <= (uint64_t)(last - file);
}

bool geo_check(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true; /* who opens it next says why not */
	bool whole = false;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		size_t len = (size_t)st.st_size;
		void *file = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
		whole = file != MAP_FAILED && metadata_whole(file, len);
		if (file != MAP_FAILED)
			munmap(file, len);
	}
	close(fd);
	return whole;
}
