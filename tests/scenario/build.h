/*
 * build.h -- datagrams from words: what the lines between `ipfix` or `v9` and `send` of a scenario say.
 */
#ifndef WEIR_TESTS_SCENARIO_BUILD_H
#define WEIR_TESTS_SCENARIO_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mocker/put.h"

enum { BUILD_MAX = 65535, BUILD_FIELDS_MAX = 64, BUILD_TEMPLATES_MAX = 64 };

/* Sizes of a template's fields, so that data lines can be written in values; 65535: variable. */
struct build_template {
	uint32_t id;
	uint32_t n;
	uint16_t sizes[BUILD_FIELDS_MAX];
};

struct build {
	uint8_t octets[BUILD_MAX];
	struct put w;
	unsigned version; /* 0: none begun */
	unsigned records; /* of all kinds, for v9's count */
	struct build_template templates[BUILD_TEMPLATES_MAX];
	unsigned n_templates;
};

/* WORDS are those of one line, the command first. 0, or -1 with a line in ERR. */
int build_begin(struct build *b, char **words, unsigned n, uint64_t now_ns, char *err, size_t err_len);
int build_template(struct build *b, char **words, unsigned n, char *err, size_t err_len);
int build_options_template(struct build *b, char **words, unsigned n, char *err, size_t err_len);
int build_withdraw(struct build *b, char **words, unsigned n, char *err, size_t err_len);
int build_data(struct build *b, char **words, unsigned n, char *err, size_t err_len);
int build_hex(struct build *b, char **words, unsigned n, char *err, size_t err_len);
/* Sets length and count; the datagram is octets[0 .. result). */
size_t build_end(struct build *b);

#endif
