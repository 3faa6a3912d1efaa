/*
 * test_settings.c -- what SIGHUP changes under a decoder at work (sampling rates, the mapping), and --decapsulate.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "collector/mapping.h"
#include "collector/sampling.h"
#include "tests/unit/netflow_build.h"

static const struct flow *one(void)
{
	size_t before = n_flows;
	v9(1);
	small_set(256, 1);
	send_all();
	assert_int_equal(n_flows, before + 1);
	return &flows[before];
}

static void rates_change_for_exporters_that_are_known(void **state)
{
	struct sampling_overrides overrides = {0};
	char err[100];
	(void)state;
	v9(1);
	template_set(256, SMALL);
	send_all();
	assert_int_equal(one()->sampling_rate, 0);
	decoder_set_sampling(decoder, NULL, 64);
	assert_int_equal(one()->sampling_rate, 64);
	assert_int_equal(sampling_overrides_parse("192.0.2.0/24=1000,10.0.0.0/8=5", &overrides, err, sizeof(err)), 0);
	decoder_set_sampling(decoder, &overrides, 64);
	assert_int_equal(one()->sampling_rate, 1000);
	decoder_set_sampling(decoder, NULL, 0);
	assert_int_equal(one()->sampling_rate, 0);
	sampling_overrides_free(&overrides);
}

static void a_mapping_from_a_file_takes_templates_along(void **state)
{
	char path[] = "/tmp/weir-test-mapping-XXXXXX", err[300];
	struct mapping *mapping;
	(void)state;
	int fd = mkstemp(path);
	static const char text[] = "# the octets go there too\n1 = dst_as\n";
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	v9(1);
	template_set(256, SMALL);
	send_all();
	assert_int_equal(one()->dst_as, 0);
	assert_int_equal(mapping_read(path, &mapping, err, sizeof(err)), 0);
	assert_int_equal(decoder_set_mapping(decoder, mapping), 0);
	assert_int_equal(one()->dst_as, 100);
	assert_int_equal(decoder_set_mapping(decoder, NULL), 0);
	assert_int_equal(one()->dst_as, 0);
	mapping_free(mapping);
	assert_true(truncate(path, 2 << 20) == 0);
	assert_int_equal(mapping_read(path, &mapping, err, sizeof(err)), -EFBIG);
	unlink(path);
	assert_int_equal(mapping_read(path, &mapping, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, path));
}

/* An IPv4 packet of UDP in IPv4, as ipHeaderPacketSection (313). */
static void the_inner_packet_instead(void **state)
{
	(void)state;
	decoder_free(decoder);
	begin_with((struct decode_options){.inner_instead = true});
	ipfix(1);
	template_set(256, FIELDS(F(313, VAR)));
	set(256);
	put(48, 1);
	put(0x45000030, 4), put(0, 4), put(0x40040000, 4), put_ip("10.0.0.1"), put_ip("10.0.0.2");
	put(0x4500001c, 4), put(0, 4), put(0x40110000, 4), put_ip("198.51.100.1"), put_ip("198.51.100.2");
	put(53, 2), put(5353, 2), put(8, 2), put(0, 2);
	end_set();
	send_all();
	assert_int_equal(n_flows, 1);
	assert_addr(&flows[0].src_addr, "198.51.100.1");
	assert_addr(&flows[0].dst_addr, "198.51.100.2");
	assert_int_equal(flows[0].proto, 17);
	assert_int_equal(flows[0].src_port, 53);
	assert_int_equal(flows[0].dst_port, 5353);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rates_change_for_exporters_that_are_known),
		T(a_mapping_from_a_file_takes_templates_along),
		T(the_inner_packet_instead),
	};
	return RUN(tests);
}
