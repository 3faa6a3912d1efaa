/*
 * mmdb_writer.h -- a small writer of MaxMind DB files (format 2.0, https://maxmind.github.io/MaxMind-DB/), for tests.
 */
#ifndef WEIR_TESTS_MMDB_WRITER_H
#define WEIR_TESTS_MMDB_WRITER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/ip.h"

enum { MMDB_NODES = 4096, MMDB_UTF8 = 2, MMDB_UINT16 = 5, MMDB_UINT32 = 6, MMDB_MAP = 7, MMDB_UINT64 = 9, MMDB_ARRAY = 11 };

struct mmdb_writer {
	uint32_t nodes[MMDB_NODES][2]; /* 0: nothing; below 2^31 a node; from there on data at that offset */
	uint32_t count;
	struct buf data;
};

static inline void mmdb_control(struct buf *b, unsigned type, size_t size)
{
	uint8_t bytes[2] = {(uint8_t)(type << 5 | size), 0};
	if (type > 7) {
		bytes[0] = (uint8_t)size;
		bytes[1] = (uint8_t)(type - 7);
	}
	buf_add(b, bytes, type > 7 ? 2 : 1);
}

static inline void mmdb_text(struct buf *b, const char *text)
{
	mmdb_control(b, MMDB_UTF8, strlen(text));
	buf_puts(b, text);
}

static inline void mmdb_number(struct buf *b, unsigned type, uint64_t v)
{
	size_t len = type == MMDB_UINT16 ? 2 : type == MMDB_UINT32 ? 4 : 8;
	mmdb_control(b, type, len);
	for (size_t i = len; i-- > 0;) {
		uint8_t byte = (uint8_t)(v >> 8 * i);
		buf_add(b, &byte, 1);
	}
}

static inline void mmdb_init(struct mmdb_writer *w)
{
	memset(w, 0, sizeof(*w));
	w->count = 1;
}

/* PREFIX has what is at OFFSET in the data (take data.len before adding it). */
static inline void mmdb_insert(struct mmdb_writer *w, const char *text, size_t offset)
{
	struct ip_prefix prefix;
	uint8_t bytes[16] = {0};
	uint32_t node = 0;
	assert_int_equal(ip_prefix_parse(text, &prefix), 0);
	memcpy(bytes + 16 - prefix.addr.len, prefix.addr.bytes, prefix.addr.len);
	uint32_t bits = prefix.bits + (prefix.addr.len == 4 ? 96 : 0);
	for (uint32_t i = 0; i < bits; i++) {
		uint32_t *next = &w->nodes[node][bytes[i / 8] >> (7 - i % 8) & 1];
		if (i + 1 == bits) {
			*next = 0x80000000u | (uint32_t)offset;
			return;
		}
		if (!*next)
			*next = w->count++;
		assert_true(w->count < MMDB_NODES && *next < 0x80000000u);
		node = *next;
	}
}

/* {"country": {"iso_code": ISO}} */
static inline void mmdb_country(struct mmdb_writer *w, const char *prefix, const char *iso)
{
	mmdb_insert(w, prefix, w->data.len);
	mmdb_control(&w->data, MMDB_MAP, 1);
	mmdb_text(&w->data, "country");
	mmdb_control(&w->data, MMDB_MAP, 1);
	mmdb_text(&w->data, "iso_code");
	mmdb_text(&w->data, iso);
}

static inline void mmdb_as(struct mmdb_writer *w, const char *prefix, uint32_t as)
{
	mmdb_insert(w, prefix, w->data.len);
	mmdb_control(&w->data, MMDB_MAP, 1);
	mmdb_text(&w->data, "autonomous_system_number");
	mmdb_number(&w->data, MMDB_UINT32, as);
}

static inline void mmdb_metadata(const struct mmdb_writer *w, struct buf *b)
{
	buf_puts(b, "\xab\xcd\xefMaxMind.com");
	mmdb_control(b, MMDB_MAP, 9);
	mmdb_text(b, "node_count");
	mmdb_number(b, MMDB_UINT32, w->count);
	mmdb_text(b, "record_size");
	mmdb_number(b, MMDB_UINT16, 32);
	mmdb_text(b, "ip_version");
	mmdb_number(b, MMDB_UINT16, 6);
	mmdb_text(b, "database_type");
	mmdb_text(b, "Test");
	mmdb_text(b, "languages");
	mmdb_control(b, MMDB_ARRAY, 0);
	mmdb_text(b, "binary_format_major_version");
	mmdb_number(b, MMDB_UINT16, 2);
	mmdb_text(b, "binary_format_minor_version");
	mmdb_number(b, MMDB_UINT16, 0);
	mmdb_text(b, "build_epoch");
	mmdb_number(b, MMDB_UINT64, 1795263794);
	mmdb_text(b, "description");
	mmdb_control(b, MMDB_MAP, 0);
}

/* Writes the file beside PATH and renames it, as updates of such databases should. */
static inline void mmdb_write(struct mmdb_writer *w, const char *path)
{
	struct buf b = {0};
	char fresh[256];
	static const uint8_t separator[16];
	for (uint32_t i = 0; i < w->count; i++) {
		for (int side = 0; side < 2; side++) {
			uint32_t to = w->nodes[i][side];
			uint32_t v = !to ? w->count : to < 0x80000000u ? to : w->count + 16 + (to & 0x7fffffffu);
			uint8_t bytes[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
			buf_add(&b, bytes, 4);
		}
	}
	buf_add(&b, separator, sizeof(separator));
	buf_add(&b, w->data.data, w->data.len);
	mmdb_metadata(w, &b);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	FILE *f = fopen(fresh, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(b.data, 1, b.len, f), b.len);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(fresh, path), 0);
	buf_free(&b);
	buf_free(&w->data);
}

#endif
