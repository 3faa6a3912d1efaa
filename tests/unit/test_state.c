/*
 * test_state.c -- what outlives a restart, the file that carries it, and damage to it.
 */
#include "common/buf.h"
#include "common/hash.h"
#include "tests/unit/netflow_build.h"

static void teach(void)
{
	ipfix(1);
	template_set(256, SMALL);
	template_set(257, FIELDS(F(10, 4), F(96, VAR), E(35632, 180, VAR)));
	options_template_set(300, 1, FIELDS(F(302, 4), F(34, 4)));
	options_template_set(301, 1, FIELDS(F(10, 4), F(82, VAR)));
	options_template_set(302, 2, FIELDS(F(346, 4), F(303, 2), F(339, 1), F(341, VAR)));
	set(300), put(5, 4), put(512, 4), end_set();
	set(301), put(7, 4), put(4, 1), put_text("eth0"), end_set();
	set(302), put(6871, 4), put(21, 2), put(3, 1), put(5, 1), put_text("flags"), end_set();
	send_all();
	v9(9);
	template_set(400, SMALL);
	send_from("2001:db8::1", 1);
	assert_int_equal(stats()->options_records, 3);
}

static struct buf saved(void)
{
	struct buf out = {0};
	assert_int_equal(decoder_save(decoder, now_ns, &out), 0);
	return out;
}

static void restart(uint64_t template_timeout_ns)
{
	conserve();
	decoder_free(decoder);
	begin_with((struct decode_options){.template_timeout_ns = template_timeout_ns});
}

static void data_is_decoded_at_once_after_a_restart(void **state)
{
	(void)state;
	teach();
	struct buf out = saved();
	restart(0);
	assert_int_equal(decoder_load(decoder, out.data, out.len), 0);
	assert_int_equal(stats()->templates, 6);
	ipfix(1);
	small_set(256, 1);
	set(257), put(7, 4), put(1, 1), put_text("x"), put(0, 1), end_set();
	send_from("192.0.2.1", 6000);
	v9(9);
	small_set(400, 1);
	send_from("2001:db8::1", 2);
	assert_int_equal(n_flows, 3);
	assert_int_equal(flows[0].sampling_rate, 512);
	assert_text(&flows[1], in_if_name, "eth0");
	assert_text(&flows[1], application_name, "x");
	struct buf again = saved();
	assert_true(again.len >= out.len);
	struct buf json = {0};
	decoder_templates_json(decoder, NULL, 0, &json);
	assert_non_null(strstr(json.data, "\"exporter\":\"2001:db8::1\""));
	buf_free(&json);
	buf_free(&again);
	buf_free(&out);
}

static void age_is_kept(void **state)
{
	(void)state;
	teach();
	struct buf out = saved();
	restart(1800 * NS_PER_S);
	now_ns += 1801 * NS_PER_S;
	assert_int_equal(decoder_load(decoder, out.data, out.len), 0);
	ipfix(1);
	small_set(256, 1);
	send_all();
	assert_int_equal(n_flows, 0);
	assert_int_equal(stats()->sets_skipped[ERR_NO_TEMPLATE], 1);
	buf_free(&out);
}

static void tcp_sessions_end_with_their_connection(void **state)
{
	(void)state;
	ipfix(1);
	template_set(256, SMALL);
	send_session(7);
	struct buf out = saved();
	restart(0);
	assert_int_equal(decoder_load(decoder, out.data, out.len), 0);
	assert_int_equal(stats()->templates, 0);
	buf_free(&out);
}

static void damage_is_refused(void **state)
{
	(void)state;
	teach();
	struct buf out = saved();
	restart(0);
	for (size_t len = 0; len < out.len; len++)
		assert_true(decoder_load(decoder, out.data, len) < 0);
	for (size_t i = 0; i < out.len; i++) {
		out.data[i] = (char)(out.data[i] ^ 0x55);
		assert_true(decoder_load(decoder, out.data, out.len) < 0);
		out.data[i] = (char)(out.data[i] ^ 0x55);
	}
	assert_int_equal(stats()->templates, 0);
	assert_int_equal(decoder_load(decoder, out.data, out.len), 0);
	buf_free(&out);
}

/* With a checksum that is right every byte of the body may be anything. */
static void a_forged_body_does_no_harm(void **state)
{
	(void)state;
	teach();
	struct buf out = saved();
	restart(0);
	for (size_t i = 28; i + 8 < out.len; i++)
		for (unsigned bit = 0; bit < 8; bit += 3) {
			struct hash_key zero = {{0, 0}};
			out.data[i] = (char)(out.data[i] ^ 1 << bit);
			uint64_t sum = hash_bytes(&zero, out.data, out.len - 8);
			for (unsigned k = 0; k < 8; k++)
				out.data[out.len - 8 + k] = (char)(sum >> (56 - 8 * k));
			assert_int_equal(decoder_load(decoder, out.data, out.len), 0);
			out.data[i] = (char)(out.data[i] ^ 1 << bit);
		}
	buf_free(&out);
}

static void an_empty_decoder(void **state)
{
	(void)state;
	struct buf out = saved();
	assert_int_equal(decoder_load(decoder, out.data, out.len), 0);
	struct buf json = {0};
	decoder_exporters_json(decoder, NULL, 0, &json);
	assert_string_equal(json.data, "[\n]\n");
	buf_free(&json);
	buf_free(&out);
}

static void listings_are_bounded_and_by_exporter(void **state)
{
	struct ip_addr only;
	struct buf json = {0};

	(void)state;
	teach();
	ip_parse("2001:db8::1", &only);
	decoder_templates_json(decoder, &only, 0, &json);
	assert_non_null(strstr(json.data, "\"id\":400"));
	assert_null(strstr(json.data, "\"id\":256"));
	buf_reset(&json);
	decoder_templates_json(decoder, NULL, 2, &json);
	size_t lines = 0;
	for (const char *p = json.data; (p = strstr(p, "\"exporter\"")); p++)
		lines++;
	assert_int_equal(lines, 2);
	buf_reset(&json);
	decoder_exporters_json(decoder, NULL, 0, &json);
	assert_non_null(strstr(json.data, "\"samplers\":[{\"selector\":5,\"rate\":512,\"port\":"));
	buf_free(&json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(data_is_decoded_at_once_after_a_restart), T(age_is_kept), T(tcp_sessions_end_with_their_connection),
		T(damage_is_refused), T(a_forged_body_does_no_harm), T(an_empty_decoder),
		T(listings_are_bounded_and_by_exporter),
	};
	return RUN(tests);
}
