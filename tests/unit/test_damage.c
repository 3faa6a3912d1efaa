/*
 * test_damage.c -- every datagram cut at every byte and with every bit of every byte flipped, to a decoder that knows its templates
 * and to one that does not. Nothing may crash, hang or read where it must not (the asan preset looks at that), the
 * counters must still conserve, and what was cut must not give more flows than the whole.
 */
#include "tests/unit/netflow_build.h"

enum { SAMPLES_MAX = 16, SAMPLE_BYTES = 2048 };

static struct sample {
	uint8_t data[SAMPLE_BYTES];
	size_t len;
	size_t flows;
} samples[SAMPLES_MAX];
static size_t n_samples;

static void keep_sample(void)
{
	struct sample *s = &samples[n_samples++];
	struct datagram dg = datagram_from("192.0.2.1", 5000);
	assert_true(dg.len <= SAMPLE_BYTES);
	memcpy(s->data, dg.data, dg.len);
	s->len = dg.len;
}

static void put_names(void)
{
	set(300), put(7, 4), put(64, 4), end_set();
	set(301), put(7, 4), put(4, 1), put_text("eth0"), end_set();
}

static void make_samples(void)
{
	n_samples = 0;
	for (int v = 9; v <= 10; v++) {
		v == 9 ? v9(1) : ipfix(1);
		template_set(256, SMALL);
		template_set(257, FIELDS(F(8, 4), F(27, 16), F(96, VAR), F(22, 4), F(21, 4), F(70, 3), F(1, 5), F(34, 2)));
		options_template_set(300, 1, FIELDS(F(v == 9 ? 2 : 10, 4), F(34, 4)));
		options_template_set(301, 1, FIELDS(F(10, 4), F(82, VAR)));
		small_set(256, 3);
		set(257);
		for (unsigned i = 0; i < 3; i++)
			put_ip("198.51.100.1"), put_ip("2001:db8::1"), put(i, 1), put(0x41414141, i), put(1000, 4), put(2000, 4),
				put(16, 3), put(500, 5), put(10, 2);
		end_set();
		put_names();
		keep_sample();
	}
	ipfix(1);
	template_set(256, FIELDS(F(8, 4), E(29305, 1, 4), F(1, 4), F(292, VAR), F(293, VAR), F(291, VAR), F(315, VAR)));
	template_set(257, SMALL);
	set(256);
	for (unsigned i = 0; i < 2; i++) {
		put(1, 4), put(9, 4), put(8, 4);
		put(20, 1), put(3, 1), put(257, 2), put_small(1, 1);
		put(22, 1), put(3, 1), put(257, 2), put(21, 2), put_small(1, 1);
		put(13, 1), put(3, 1), put(483, 2), put(4, 2), put(1, 4), put(2, 4);
		put(34, 1), put(0, 12), put(0x0800, 2), put(0x4500, 2), put(20, 2), put(0, 4), put(0x4006, 2), put(0, 2), put(1, 4),
			put(2, 4);
	}
	end_set();
	keep_sample();
	n_bytes = 0;
	version = 5;
	put(5, 2), put(2, 2), put(UPTIME_MS, 4), put(NOW_S, 4), put(0, 4), put(1, 4), put(0, 4), put(1, 8), put(2, 88);
	keep_sample();
	n_bytes = 0;
	put(8, 2), put(2, 2), put(UPTIME_MS, 4), put(NOW_S, 4), put(0, 4), put(1, 4), put(0, 2), put(1, 1), put(2, 1), put(0, 4),
		put(1, 56);
	keep_sample();
}

static void fresh(void)
{
	if (decoder) {
		conserve();
		decoder_free(decoder);
	}
	begin_with((struct decode_options){.hold_bytes = 1 << 16, .hold_ns = NS_PER_S, .max_templates = 64});
}

/* From memory of exactly that length, so that a read past the end is seen. */
static size_t give(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, data, len);
	struct datagram dg = {.data = copy, .len = len, .source_port = 1, .received_ns = NOW};
	ip_parse("192.0.2.1", &dg.source);
	decoder_datagram(decoder, DECODE_NETFLOW, &dg, &res);
	free(copy);
	return res.flows;
}

static void cut_at_every_byte(void **state)
{
	(void)state;
	make_samples();
	for (size_t i = 0; i < n_samples; i++) {
		fresh();
		samples[i].flows = give(samples[i].data, samples[i].len);
		assert_true(samples[i].flows > 0);
		for (size_t len = 0; len < samples[i].len; len++) {
			assert_true(give(samples[i].data, len) <= samples[i].flows); /* templates known */
			fresh();
			assert_true(give(samples[i].data, len) <= samples[i].flows); /* unknown */
		}
	}
	conserve();
}

static void every_bit_flipped(void **state)
{
	(void)state;
	make_samples();
	for (size_t i = 0; i < n_samples; i++) {
		fresh();
		give(samples[i].data, samples[i].len);
		for (size_t at = 0; at < samples[i].len; at++)
			for (unsigned bit = 0; bit < 8; bit++) {
				samples[i].data[at] ^= (uint8_t)(1u << bit);
				give(samples[i].data, samples[i].len);
				samples[i].data[at] ^= (uint8_t)(1u << bit);
				give(samples[i].data, samples[i].len);
			}
	}
	conserve();
}

static void every_length_field_at_its_extremes(void **state)
{
	static const uint16_t extremes[] = {0, 1, 3, 4, 5, 255, 256, 0x7fff, 0x8000, 0xffff};

	(void)state;
	make_samples();
	for (size_t i = 0; i < n_samples; i++) {
		fresh();
		for (size_t at = 0; at + 2 <= samples[i].len; at++)
			for (size_t e = 0; e < sizeof(extremes) / sizeof(extremes[0]); e++) {
				uint8_t before[2] = {samples[i].data[at], samples[i].data[at + 1]};
				samples[i].data[at] = (uint8_t)(extremes[e] >> 8);
				samples[i].data[at + 1] = (uint8_t)extremes[e];
				give(samples[i].data, samples[i].len);
				memcpy(samples[i].data + at, before, 2);
			}
	}
	conserve();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(cut_at_every_byte), T(every_bit_flipped), T(every_length_field_at_its_extremes),
	};
	return RUN(tests);
}
