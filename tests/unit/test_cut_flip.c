/*
 * test_cut_flip.c -- every datagram of the golden captures, cut at every octet and with every octet changed: no crash,
 * no sanitizer report, and a cut datagram never gives more flows than the whole one does.
 *
 * A decoder that has seen the whole capture (so that all templates are known and a count can be compared) gets the
 * damaged datagrams; what comes out has to be fit to be packed.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/decode.h"
#include "collector/decode_stats.h"
#include "packet/capture.h"
#include "proto/flow.h"
#include "proto/pack.h"

enum { DATAGRAMS_MAX = 600 };

struct recording {
	struct datagram items[DATAGRAMS_MAX];
	size_t n;
};

static void load(const char *path, struct recording *r)
{
	struct capture *c;
	struct capture_udp udp;
	char err[300];
	assert_int_equal(capture_open(path, &c, err, sizeof(err)), 0);
	r->n = 0;
	while (capture_next_udp(c, &udp) == 1) {
		assert_true(r->n < DATAGRAMS_MAX);
		uint8_t *copy = malloc(udp.len + 1);
		assert_non_null(copy);
		memcpy(copy, udp.data, udp.len);
		r->items[r->n++] = (struct datagram){
			.data = copy, .len = udp.len, .source = udp.src, .source_port = udp.src_port, .received_ns = udp.time_ns,
		};
	}
	capture_close(c);
}

static void unload(struct recording *r)
{
	for (size_t i = 0; i < r->n; i++)
		free((void *)(uintptr_t)r->items[i].data);
}

static void emit(void *arg, struct flow *flow)
{
	static uint8_t packed[FLOW_PACK_MAX];
	uint64_t *count = arg;
	const size_t len = flow_pack(flow, packed);
	assert_true(len > 0 && len <= FLOW_PACK_MAX);
	(*count)++;
}

static struct decoder *new_decoder(uint64_t *count)
{
	struct decoder *d;
	const struct decode_options options = {.emit = emit, .emit_arg = count};
	assert_int_equal(decoder_new(&options, &d), 0);
	return d;
}

static void feed(struct decoder *d, const struct datagram *dg, struct decode_result *ret_result)
{
	decoder_datagram(d, DECODE_ANY, dg, ret_result);
}

static void feed_all(struct decoder *d, const struct recording *r)
{
	struct decode_result result;
	for (size_t i = 0; i < r->n; i++)
		feed(d, &r->items[i], &result);
}

/* Exactly as long as the datagram, so that a sanitizer sees a read of one octet more. */
static void feed_copy(struct decoder *d, const struct datagram *dg, size_t len, size_t flip, uint8_t with)
{
	struct decode_result result;
	struct datagram damaged = *dg;
	uint8_t *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, dg->data, len);
	if (flip < len)
		copy[flip] ^= with;
	damaged.data = copy;
	damaged.len = len;
	feed(d, &damaged, &result);
	free(copy);
}

static void cut_everywhere(const struct recording *r)
{
	uint64_t count = 0;
	struct decoder *d = new_decoder(&count);
	feed_all(d, r);
	for (size_t i = 0; i < r->n; i++) {
		const struct datagram *dg = &r->items[i];
		count = 0;
		feed_copy(d, dg, dg->len, SIZE_MAX, 0);
		const uint64_t whole = count;
		for (size_t len = 0; len < dg->len; len++) {
			count = 0;
			feed_copy(d, dg, len, SIZE_MAX, 0);
			assert_true(count <= whole);
		}
	}
	decoder_free(d);
}

static void flip_everywhere(const struct recording *r)
{
	static const uint8_t masks[] = {0xff, 0x01};
	for (size_t i = 0; i < r->n; i++) {
		const struct datagram *dg = &r->items[i];
		uint64_t count = 0;
		struct decoder *d = new_decoder(&count);
		feed_all(d, r);
		for (size_t at = 0; at < dg->len; at++)
			for (size_t m = 0; m < sizeof(masks); m++)
				feed_copy(d, dg, dg->len, at, masks[m]);
		const struct decode_stats *s = decoder_stats(d);
		uint64_t dropped = 0, skipped = 0;
		for (size_t k = 0; k < ERR_COUNT; k++) {
			dropped += s->dropped[k];
			skipped += s->sets_skipped[k];
		}
		assert_int_equal(s->datagrams, s->decoded + s->partial + dropped);
		assert_int_equal(s->sets, s->sets_decoded + s->sets_held + skipped);
		decoder_free(d);
	}
}

static void each_capture(void (*check)(const struct recording *))
{
	static struct recording r;
	DIR *dir = opendir(TEST_DATA "/golden");
	assert_non_null(dir);
	unsigned captures = 0;
	for (const struct dirent *e; (e = readdir(dir));) {
		const char *dot = strrchr(e->d_name, '.');
		if (!dot || strcmp(dot, ".pcap") != 0 || strcmp(e->d_name, "packets.pcap") == 0)
			continue;
		char path[600];
		snprintf(path, sizeof(path), TEST_DATA "/golden/%s", e->d_name);
		load(path, &r);
		check(&r);
		unload(&r);
		captures++;
	}
	closedir(dir);
	assert_true(captures >= 15);
}

static void test_cut(void **state)
{
	(void)state;
	each_capture(cut_everywhere);
}

static void test_flip(void **state)
{
	(void)state;
	each_capture(flip_everywhere);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cut), cmocka_unit_test(test_flip)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
