/*
 * test_fuse.c -- straight to protobuf (collector/fuse.h) gives byte for byte what the long way through struct flow gives:
 * for random templates and records, sets that fill a batch, every kind of exporter of the captures, and whatever makes a
 * record take the long way in between.
 */
#include <dirent.h>
#include <stdio.h>

#include "collector/decoder.h"
#include "collector/fuse.h"
#include "collector/ie.h"
#include "collector/sampling.h"
#include "collector/template.h"
#include "packet/capture.h"
#include "proto/pack.h"
#include "tests/unit/flow_random.h"
#include "tests/unit/netflow_build.h"

enum { BATCH_CAP = 1 << 20 };

/* One of the two ways, and what came out of it. */
struct way {
	struct decoder *d;
	struct decode_result res;
	uint8_t *out;
	size_t len;
	size_t cap;             /* of OUT, as seen by the window */
	uint32_t flows, fused;
	uint32_t window_flows;  /* how many a window takes */
};

/* Elsewhere all go the long way, and there is nothing to hold against it. */
#define assert_fused(got, want) assert_int_equal(got, fuse_here() ? (want) : 0)

static struct way longer, direct;
static struct flow_random rnd = {1};
static bool show_changes_flows; /* a callee of emit may change what it gets */

static void emit_way(void *arg, struct flow *f)
{
	struct way *w = arg;
	assert_true(w->len + FLOW_PACK_MAX <= BATCH_CAP);
	w->len += flow_pack(f, w->out + w->len);
	w->flows++;
	if (show_changes_flows)
		memset(f, 0xee, FLOW_CLEARED);
}

static bool window_way(void *arg, struct decode_window *ret_window)
{
	struct way *w = arg;
	if (w->cap < w->len)
		return false;
	*ret_window = (struct decode_window){.at = w->out + w->len, .end = w->out + w->cap, .flows = w->window_flows};
	return w->window_flows > 0;
}

static void packed_way(void *arg, size_t n, uint32_t flows_in)
{
	struct way *w = arg;
	assert_true(flows_in > 0 && flows_in <= w->window_flows && n <= w->cap - w->len);
	w->len += n;
	w->flows += flows_in;
	w->fused += flows_in;
}

static void open_ways(struct decode_options options)
{
	show_changes_flows = true;
	longer = (struct way){.out = malloc(BATCH_CAP)};
	direct = (struct way){.out = malloc(BATCH_CAP), .cap = BATCH_CAP, .window_flows = UINT32_MAX};
	options.emit = emit_way;
	options.emit_arg = &longer;
	assert_int_equal(decoder_new(&options, &longer.d), 0);
	options.window = window_way;
	options.packed = packed_way;
	options.emit_arg = &direct;
	assert_int_equal(decoder_new(&options, &direct.d), 0);
	now_ns = NOW;
	sequence = 1;
}

static void close_ways(void)
{
	decoder_free(longer.d);
	decoder_free(direct.d);
	free(longer.out);
	free(direct.out);
}

static void same_counters(void)
{
	const struct decode_stats *a = decoder_stats(longer.d);
	const struct decode_stats *b = decoder_stats(direct.d);
	assert_memory_equal(a->flows, b->flows, sizeof(a->flows));
	assert_int_equal(a->cut_arrays, b->cut_arrays);
	assert_int_equal(a->flows_without_sampling, b->flows_without_sampling);
	assert_int_equal(a->sets_decoded, b->sets_decoded);
	assert_memory_equal(&longer.res, &direct.res, sizeof(longer.res));
	if (longer.d->exporter) {
		assert_int_equal(longer.d->exporter->flows, direct.d->exporter->flows);
		assert_int_equal(longer.d->exporter->sampling_rate, direct.d->exporter->sampling_rate);
	}
}

static void both(const struct datagram *dg)
{
	/* At its size, so that a sanitizer sees what reads past it. */
	uint8_t *copy = malloc(dg->len ? dg->len : 1);
	struct datagram exact = *dg;
	memcpy(copy, dg->data, dg->len);
	exact.data = copy;
	longer.len = direct.len = 0;
	decoder_datagram(longer.d, DECODE_ANY, &exact, &longer.res);
	decoder_datagram(direct.d, DECODE_ANY, &exact, &direct.res);
	free(copy);
	assert_int_equal(longer.flows, direct.flows);
	assert_int_equal(longer.len, direct.len);
	assert_memory_equal(longer.out, direct.out, longer.len);
	same_counters();
}

static void send_both(void)
{
	struct datagram dg = datagram_from("192.0.2.1", 5000);
	both(&dg);
}

/* --- templates and records by chance ------------------------------------------------------------------------------ */

static struct field random_field(void)
{
	static const uint16_t usual[] = {8, 12, 27, 28, 7, 11, 4, 6, 5, 10, 14, 1, 2, 152, 153, 22, 21, 16, 17, 15, 9, 13, 58, 61, 89,
		60, 256, 32, 176, 177, 80, 56, 70, 71, 82, 83, 96, 150, 151, 154, 158, 161, 160, 48, 225, 230, 243, 145, 3, 231, 232, 34, 31};
	static const uint16_t lens[] = {1, 2, 3, 4, 5, 6, 7, 8, 16, 20, VAR};
	size_t n;
	const struct ie_map *rows = ie_map_rows(&n);
	struct field f = {.id = usual[random_below(&rnd, sizeof(usual) / sizeof(usual[0]))]};
	if (random_below(&rnd, 3) == 0) {
		const struct ie_map *row = &rows[random_below(&rnd, (uint32_t)n)];
		f.id = row->element;
		f.pen = row->pen;
	}
	f.len = lens[random_below(&rnd, sizeof(lens) / sizeof(lens[0]))];
	if (f.pen == 0 && random_below(&rnd, 4)) /* mostly as it should be */
		f.len = (uint16_t)(f.id == 27 || f.id == 28 ? 16 : f.id == 8 || f.id == 12 ? 4 : 1u << random_below(&rnd, 4));
	if (version == 9 && f.len == VAR)
		f.len = 4;
	return f;
}

static void put_random(size_t len)
{
	uint64_t shape = random_below(&rnd, 4);
	for (size_t i = 0; i < len; i++)
		put(shape == 0 ? 0 : shape == 1 && i + 1 < len ? 0 : shape == 2 ? 1 + random_below(&rnd, 100) : random_below(&rnd, 256), 1);
}

static void put_value(const struct field *f)
{
	size_t len = f->len;
	if (len == VAR) {
		len = random_below(&rnd, 24);
		put(len, 1);
	}
	if (f->id == 4 && len == 1)
		put(random_below(&rnd, 8) ? 6 : random_below(&rnd, 2) ? 1 : 58, 1);
	else
		put_random(len);
}

static void one_random_template(void)
{
	struct field f[40];
	size_t n = 1 + random_below(&rnd, 40);
	unsigned was = 9 + random_below(&rnd, 2);

	version = was;
	for (size_t i = 0; i < n; i++)
		f[i] = random_field();
	for (int i = 0; i < 4; i++) {
		was == 9 ? v9(1) : ipfix(1);
		if (i == 0)
			template_set(300, f, n);
		set(300);
		for (uint32_t k = random_below(&rnd, 12) + 1; k > 0 && n_bytes < 8000; k--)
			for (size_t j = 0; j < n; j++)
				put_value(&f[j]);
		end_set();
		send_both();
		now_ns += random_below(&rnd, 2000000000);
	}
}

static void random_templates(void **state)
{
	(void)state;
	uint32_t fused = 0, all = 0;
	for (int round = 0; round < 60; round++) {
		open_ways((struct decode_options){.default_sampling_rate = random_below(&rnd, 2) * 100});
		for (int i = 0; i < 50; i++)
			one_random_template();
		fused += direct.fused;
		all += direct.flows;
		close_ways();
	}
	assert_true(all > 10000);
	assert_true(!fuse_here() || fused > all / 5);
}

/* --- what is usual ------------------------------------------------------------------------------------------------ */

static uint64_t octets = 1500;

#define USUAL \
	FIELDS(F(8, 4), F(12, 4), F(7, 2), F(11, 2), F(4, 1), F(6, 1), F(5, 1), F(10, 4), F(14, 4), F(1, 8), F(2, 8), F(152, 8), \
		F(153, 8), F(16, 4), F(17, 4), F(15, 4), F(9, 1), F(13, 1), F(58, 2))

static void usual_record(uint8_t proto)
{
	put_random(4), put_random(4), put_random(2), put_random(2), put(proto, 1), put_random(1), put_random(1), put_random(4);
	put_random(4), put(octets, 8), put(random_value(&rnd, 49), 8), put(NOW_S * 1000ull, 8), put(NOW_S * 1000ull + 5, 8), put_random(4);
	put_random(4), put_random(4), put_random(1), put_random(1), put_random(2);
}

static void usual_set(unsigned records, uint8_t proto)
{
	ipfix(7);
	template_set(256, USUAL);
	set(256);
	for (unsigned i = 0; i < records; i++)
		usual_record(proto);
	end_set();
	send_both();
}

static void usual_traffic_is_fused_from_the_second_set(void **state)
{
	(void)state;
	open_ways((struct decode_options){0});
	usual_set(16, 6);
	assert_fused(direct.fused, 0);
	for (int i = 0; i < 100; i++)
		usual_set(16, 17);
	assert_fused(direct.fused, 1600);
	close_ways();
}

static void icmp_goes_the_long_way_in_its_place(void **state)
{
	(void)state;
	open_ways((struct decode_options){0});
	usual_set(1, 6);
	for (int i = 0; i < 200; i++) {
		ipfix(7);
		set(256);
		for (int k = 0; k < 8; k++)
			usual_record(k % 3 ? 6 : 1);
		end_set();
		send_both();
	}
	assert_fused(direct.fused, 200 * 5);
	close_ways();
}

/* A counter has room for seven bytes of varint beside its tag. */
static void counters_of_more_than_49_bits_go_the_long_way(void **state)
{
	(void)state;
	open_ways((struct decode_options){0});
	usual_set(1, 6);
	for (unsigned bits = 0; bits < 64; bits++) {
		uint32_t before = direct.fused;
		octets = 1ull << bits;
		usual_set(2, 6);
		assert_fused(direct.fused - before, bits < 49 ? 2 : 0);
		octets--;
		usual_set(2, 6);
	}
	octets = 1500;
	close_ways();
}

static void a_window_that_ends_within_a_set(void **state)
{
	(void)state;
	open_ways((struct decode_options){0});
	usual_set(1, 6);
	direct.window_flows = 3;
	usual_set(10, 6); /* 3, one by emit, 3, one, 2 */
	assert_fused(direct.fused, 8);
	direct.window_flows = UINT32_MAX;
	direct.cap = FLOW_PACK_MAX + 300;
	usual_set(10, 6);
	assert_true(!fuse_here() || (direct.fused > 8 && direct.fused < 18));
	direct.cap = 0;
	uint32_t before = direct.fused;
	usual_set(10, 6);
	assert_int_equal(direct.fused, before);
	close_ways();
}

static void sampling_names_and_options_of_the_exporter(void **state)
{
	(void)state;
	static struct sampling_override item = {.rate = 42};
	const struct sampling_overrides overrides = {.items = &item, .count = 1};
	assert_int_equal(ip_prefix_parse("192.0.2.0/24", &item.prefix), 0);
	open_ways((struct decode_options){.overrides = &overrides});
	usual_set(3, 6);
	usual_set(3, 6);
	assert_fused(direct.fused, 3);
	assert_int_equal(direct.d->exporter->sampling_rate, 42);
	close_ways();

	open_ways((struct decode_options){.default_sampling_rate = 9});
	usual_set(3, 6);
	usual_set(3, 6);
	for (uint32_t interface = 1; interface < 3; interface++) { /* one rate of all: fused; two rates: not */
		ipfix(7);
		options_template_set(400, 1, FIELDS(F(10, 4), F(34, 4)));
		set(400);
		put(interface, 4), put(1000 * interface, 4);
		end_set();
		send_both();
		usual_set(3, 6);
		usual_set(3, 6);
	}
	assert_fused(direct.fused, 3 + 6);
	close_ways();

	open_ways((struct decode_options){0});
	usual_set(3, 6);
	ipfix(7);
	options_template_set(400, 1, FIELDS(F(10, 4), F(82, 8)));
	set(400);
	put(1, 4), put_text("Ethernet");
	end_set();
	send_both();
	usual_set(3, 6);
	assert_fused(direct.fused, 0);
	close_ways();
}

/* --- captures ----------------------------------------------------------------------------------------------------- */

static bool play(const char *path)
{
	char err[256];
	struct capture *c;
	struct capture_udp dg;
	if (capture_open(path, &c, err, sizeof(err)) < 0)
		return false;
	for (int again = 0; again < 2; again++) {
		while (capture_next_udp(c, &dg) > 0) {
			const struct datagram one = {.data = dg.data, .len = dg.len, .source = dg.src, .source_port = dg.src_port,
				.received_ns = dg.time_ns};
			both(&one);
		}
		capture_close(c);
		if (!again)
			assert_int_equal(capture_open(path, &c, err, sizeof(err)), 0);
	}
	return true;
}

/* The number of captures in DIR; 0 where it is not there. */
static unsigned play_all(const char *dir_name, uint32_t *fused)
{
	unsigned played = 0;
	DIR *dir = opendir(dir_name);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", dir_name, e->d_name);
		if (!strstr(e->d_name, ".pcap"))
			continue;
		open_ways((struct decode_options){.hold_bytes = 1 << 20, .hold_ns = 60 * NS_PER_S});
		played += play(path);
		*fused += direct.fused;
		close_ways();
	}
	if (dir)
		closedir(dir);
	return played;
}

static void captures(void **state)
{
	(void)state;
	uint32_t fused = 0;
	assert_true(play_all(TEST_DATA "/golden", &fused) > 10);
	assert_true(!fuse_here() || fused > 100);
	play_all(TEST_DATA "/../../shared/reference/flow-data/pcaps", &fused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_traffic_is_fused_from_the_second_set),
		cmocka_unit_test(icmp_goes_the_long_way_in_its_place),
		cmocka_unit_test(counters_of_more_than_49_bits_go_the_long_way),
		cmocka_unit_test(a_window_that_ends_within_a_set),
		cmocka_unit_test(sampling_names_and_options_of_the_exporter),
		cmocka_unit_test(random_templates),
		cmocka_unit_test(captures),
	};
	return RUN(tests);
}
