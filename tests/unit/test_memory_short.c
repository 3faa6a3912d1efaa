/*
 * test_memory_short.c -- every allocation fails once: each input of the fuzz targets' corpora goes through its reader again and again,
 * with memory that runs out at the first allocation, the second, and so on, once for that one and once for all after it.
 * Nothing may crash or be lost (the asan preset looks for leaks), the decoder's counters must conserve, and as soon as there is memory
 * again the same decoder decodes again. Connections and segments of the journal, too: there the kernel refuses as well.
 *
 * The linker gives this program's calls to the allocator, and some to the kernel, to the functions below (--wrap,
 * tests/CMakeLists.txt); libraries keep their own.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/config.h"
#include "collector/mapping.h"
#include "collector/segment.h"
#include "collector/stream.h"
#include "common/buf.h"
#include "common/ip.h"
#include "common/wire.h"
#include "enrich/geo.h"
#include "enrich/networks.h"
#include "inserter/columns.h"
#include "packet/capture.h"
#include "packet/meter.h"
#include "proto/filter.h"
#include "proto/filter_sql.h"
#include "proto/put.h"
#include "tests/fuzz/input.h"
#include "tests/unit/netflow_build.h"

enum { INPUT_MAX = 1 << 14, POINTS = 24 };

static long allocations, fails_from = LONG_MAX, fails_to;

void *__real_malloc(size_t len);
void *__real_calloc(size_t n, size_t len);
void *__real_realloc(void *p, size_t len);
void *__real_reallocarray(void *p, size_t n, size_t len);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t n, size_t len);
void *__wrap_realloc(void *p, size_t len);
void *__wrap_reallocarray(void *p, size_t n, size_t len);
char *__wrap_strdup(const char *s);

static bool there_is(void)
{
	long n = allocations++;
	if (n < fails_from || n >= fails_to)
		return true;
	errno = ENOMEM;
	return false;
}

void *__wrap_malloc(size_t len)
{
	return there_is() ? __real_malloc(len) : NULL;
}

void *__wrap_calloc(size_t n, size_t len)
{
	return there_is() ? __real_calloc(n, len) : NULL;
}

void *__wrap_realloc(void *p, size_t len)
{
	return there_is() ? __real_realloc(p, len) : NULL;
}

void *__wrap_reallocarray(void *p, size_t n, size_t len)
{
	return there_is() ? __real_reallocarray(p, n, len) : NULL;
}

char *__wrap_strdup(const char *s)
{
	return there_is() ? __real_strdup(s) : NULL;
}

int __real_epoll_create1(int flags);
int __real_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event);
int __real_accept4(int fd, struct sockaddr *restrict from, socklen_t *restrict len, int flags);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
int __real_posix_fallocate(int fd, off_t offset, off_t len);
int __real_openat(int dir_fd, const char *name, int flags, mode_t mode);
int __real_fstat(int fd, struct stat *ret_stat);
int __wrap_epoll_create1(int flags);
int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event);
int __wrap_accept4(int fd, struct sockaddr *restrict from, socklen_t *restrict len, int flags);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
int __wrap_posix_fallocate(int fd, off_t offset, off_t len);
int __wrap_openat(int dir_fd, const char *name, int flags, mode_t mode);
int __wrap_fstat(int fd, struct stat *ret_stat);

int __wrap_epoll_create1(int flags)
{
	return there_is() ? __real_epoll_create1(flags) : -1;
}

int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event)
{
	return there_is() ? __real_epoll_ctl(epoll_fd, op, fd, event) : -1;
}

int __wrap_accept4(int fd, struct sockaddr *restrict from, socklen_t *restrict len, int flags)
{
	return there_is() ? __real_accept4(fd, from, len, flags) : -1;
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	return there_is() ? __real_mmap(at, len, prot, flags, fd, offset) : MAP_FAILED;
}

int __wrap_posix_fallocate(int fd, off_t offset, off_t len)
{
	return there_is() ? __real_posix_fallocate(fd, offset, len) : ENOSPC;
}

int __wrap_openat(int dir_fd, const char *name, int flags, mode_t mode)
{
	return there_is() ? __real_openat(dir_fd, name, flags, mode) : -1;
}

int __wrap_fstat(int fd, struct stat *ret_stat)
{
	return there_is() ? __real_fstat(fd, ret_stat) : -1;
}

/* --- one input, again and again ------------------------------------------------------------------------------------ */

typedef void use_fn(const uint8_t *data, size_t len);

static bool short_of_memory(void)
{
	return allocations > fails_from;
}

static void run(use_fn *use, const uint8_t *data, size_t len, long from, long to)
{
	allocations = 0;
	fails_from = from;
	fails_to = to;
	use(data, len);
	fails_from = LONG_MAX;
}

static void each_allocation(use_fn *use, const uint8_t *data, size_t len)
{
	run(use, data, len, LONG_MAX, 0);
	long n = allocations, step = n / POINTS + 1;
	for (long i = 0; i < n; i += i < POINTS / 2 ? 1 : step) {
		run(use, data, len, i, i + 1);
		run(use, data, len, i, LONG_MAX);
	}
}

static void each_input(const char *corpus, use_fn *use)
{
	static uint8_t data[INPUT_MAX];
	char path[PATH_MAX];
	size_t files = 0;
	snprintf(path, sizeof(path), "%s/fuzz/corpus/%s", TEST_DATA, corpus);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		snprintf(path, sizeof(path), "%s/fuzz/corpus/%s/%s", TEST_DATA, corpus, e->d_name);
		FILE *file = *e->d_name == '.' ? NULL : fopen(path, "rb");
		if (!file)
			continue;
		size_t len = fread(data, 1, sizeof(data) - 1, file);
		data[len] = '\0'; /* some are texts */
		fclose(file);
		each_allocation(use, data, len);
		files++;
	}
	closedir(dir);
	assert_true(files > 0);
}

/* --- decoders ------------------------------------------------------------------------------------------------------ */

static int small_decoder(void)
{
	const struct decode_options options = {
		.emit = keep, .max_exporters = 8, .max_domains = 4, .max_templates = 16, .max_state_bytes = 1 << 20,
		.template_timeout_ns = 5 * NS_PER_S, .hold_bytes = 1 << 14, .hold_ns = NS_PER_S,
	};
	n_flows = 0;
	int rc = decoder_new(&options, &decoder);
	assert_true(rc == 0 || (rc == -ENOMEM && short_of_memory()));
	return rc;
}

static void give(const uint8_t *data, size_t len, uint64_t now)
{
	struct datagram dg = {.data = data, .len = len, .source = ip_v4((const uint8_t[]){10, 0, 0, 1}), .source_port = 2055,
			      .received_ns = now, .session = len & 1};
	decoder_datagram(decoder, DECODE_ANY, &dg, &res);
	conserve();
}

/* Does it still decode? A NetFlow v5 datagram of an exporter that it does not know. */
static void still_decodes(void)
{
	static const uint8_t v5[24 + 48] = {0, 5, 0, 1};
	struct datagram dg = {.data = v5, .len = sizeof(v5), .source = ip_v4((const uint8_t[]){10, 0, 0, 2}), .received_ns = NOW};
	fails_from = LONG_MAX;
	decoder_datagram(decoder, DECODE_ANY, &dg, &res);
	assert_int_equal(res.reason, ERR_NONE);
	assert_int_equal(res.flows, 1);
	conserve();
}

static void pages_and_state(void)
{
	struct buf state = {0}, page = {0};
	int rc = decoder_save(decoder, NOW, &state);
	assert_true(rc == 0 || (rc == -ERR_MEMORY && short_of_memory()));
	if (rc == 0 && short_of_memory())
		(void)decoder_load(decoder, state.data, state.len);
	else if (rc == 0)
		assert_int_equal(decoder_load(decoder, state.data, state.len), 0);
	decoder_templates_json(decoder, NULL, 0, &page);
	decoder_exporters_json(decoder, NULL, 0, &page);
	assert_true(!page.failed || short_of_memory());
	buf_free(&state);
	buf_free(&page);
}

/* HEAD octets before each datagram's length, as the targets have it. */
static void decode_all(const uint8_t *data, size_t len, size_t head)
{
	uint64_t now = NOW;
	struct wire w = wire_of(data, len);
	if (small_decoder() < 0)
		return;
	while (wire_left(&w) > head + 2) {
		wire_skip(&w, head);
		size_t n = wire_u16(&w);
		n = n < wire_left(&w) ? n : wire_left(&w);
		give(wire_bytes(&w, n), n, now);
		now += NS_PER_S / 4;
		decoder_tick(decoder, now);
		conserve();
	}
	pages_and_state();
	decoder_session_end(decoder, 1);
	still_decodes();
	decoder_free(decoder);
}

static void decode_plain(const uint8_t *data, size_t len)
{
	decode_all(data, len, 0);
}

static void decode_with_head(const uint8_t *data, size_t len)
{
	decode_all(data, len, 1);
}

static void load_state(const uint8_t *data, size_t len)
{
	if (len < 1 || small_decoder() < 0)
		return;
	(void)decoder_load(decoder, data + 1, len - 1);
	pages_and_state();
	still_decodes();
	decoder_free(decoder);
}

static void decoders(void **state)
{
	static const char *const corpora[] = {"decode", "ipfix", "legacy", "netflow9", "sflow", "sflow_old"};
	(void)state;
	for (size_t i = 0; i < sizeof(corpora) / sizeof(corpora[0]); i++)
		each_input(corpora[i], decode_plain);
	each_input("templates", decode_with_head);
	each_input("state", load_state);
}

/* --- what is configured -------------------------------------------------------------------------------------------- */

static bool refused(int rc, const char *err)
{
	assert_true(rc == 0 || *err || short_of_memory());
	return rc < 0;
}

static void map(const uint8_t *data, size_t len)
{
	struct mapping *mapping;
	char err[300] = "";
	(void)len;
	if (refused(mapping_parse((const char *)data, "mapping", &mapping, err, sizeof(err)), err))
		return;
	if (small_decoder() == 0) {
		int rc = decoder_set_mapping(decoder, mapping);
		assert_true(rc == 0 || short_of_memory());
		still_decodes();
		decoder_free(decoder);
	}
	mapping_free(mapping);
}

/* What a template does not know of the new mapping must be forgotten: it speaks of the old one's fields. */
static void change_mapping(const uint8_t *data, size_t len)
{
	static const char before[] = "82 = 10001 name string\n", after[] = "10 = 10002 port varint\n";
	uint8_t tag[16]; /* put_varint() writes whole words */
	struct mapping *first, *second;
	char err[300];
	(void)data, (void)len;
	if (mapping_parse(before, "before", &first, err, sizeof(err)) < 0)
		return;
	if (mapping_parse(after, "after", &second, err, sizeof(err)) == 0) {
		if (small_decoder() == 0) {
			int rc = decoder_set_mapping(decoder, first);
			ipfix(1), template_set(256, FIELDS(F(8, 4), F(82, 4), F(10, 4)));
			send_from("192.0.2.1", 1);
			rc = decoder_set_mapping(decoder, second) + rc;
			assert_true(rc == 0 || short_of_memory());
			n_flows = 0, memset(flows, 0, sizeof(flows));
			ipfix(1), set(256), put_ip("192.0.2.2"), put_text("eth0"), put(7, 4), end_set();
			send_from("192.0.2.1", 1);
			size_t n = (size_t)(put_varint(tag, 10002 << 3, false) - tag);
			assert_true(flows[0].n_mapped == 0 || memcmp(flows[0].mapped, tag, n) == 0);
			assert_true(rc != 0 || short_of_memory() || flows[0].n_mapped > 0);
			fails_from = LONG_MAX;
			n_flows = 0;
			decoder_free(decoder);
		}
		mapping_free(second);
	}
	mapping_free(first);
}

static void filter(const uint8_t *data, size_t len)
{
	static struct flow flow;
	struct filter *filter;
	struct buf sql = {0};
	char err[FILTER_ERR_MAX] = "";
	(void)len;
	if (!refused(filter_compile((const char *)data, &filter, err, sizeof(err)), err)) {
		(void)filter_match(filter, &flow);
		filter_free(filter);
	}
	(void)refused(filter_sql((const char *)data, &sql, err, sizeof(err)), err);
	buf_free(&sql);
}

static void options(const uint8_t *data, size_t len)
{
	static struct config config;
	struct opt_result result = {0};
	char err[512] = "", program[] = "weir-collector", option[] = "--config", path[64];
	char *argv[] = {program, option, path, NULL};
	snprintf(path, sizeof(path), "%s", input_file(data, len));
	(void)refused(config_read(3, argv, &config, &result, err, sizeof(err)), err);
	config_free(&config, &result);
}

static void networks(const uint8_t *data, size_t len)
{
	struct networks *networks;
	char err[400] = "";
	if (!refused(networks_load(input_file(data, len), &networks, err, sizeof(err)), err))
		networks_free(networks);
}

static void databases(const uint8_t *data, size_t len)
{
	struct geo *geo;
	char err[400] = "";
	if (!refused(geo_open(input_file(data, len), &geo, err, sizeof(err)), err))
		geo_close(geo);
}

static void columns(const uint8_t *data, size_t len)
{
	const struct columns_style style = {.plain_numbers = len & 1};
	struct columns *columns;
	char err[300] = "";
	if (!refused(columns_new((const char *)data, &style, &columns, err, sizeof(err)), err))
		columns_free(columns);
}

static void addresses(const uint8_t *data, size_t len)
{
	struct ip_set set = {0};
	char err[300] = "";
	(void)len;
	if (!refused(ip_set_parse(&set, (const char *)data, err, sizeof(err)), err))
		(void)ip_set_add_private(&set);
	ip_set_free(&set);
}

static void configuration(void **state)
{
	static const char list[] = "10.0.0.0/8, 192.0.2.0/24 2001:db8::/32,198.51.100.1";
	(void)state;
	each_input("mapping", map);
	each_allocation(change_mapping, NULL, 0);
	each_input("filter", filter);
	each_input("options", options);
	each_input("networks", networks);
	each_input("mmdb", databases);
	each_input("columns", columns);
	each_allocation(addresses, (const uint8_t *)list, sizeof(list) - 1);
}

/* --- packets, connections ------------------------------------------------------------------------------------------ */

static void emit(void *arg, struct flow *flow)
{
	(void)flow;
	++*(uint64_t *)arg;
}

static void capture(const uint8_t *data, size_t len)
{
	char err[400] = "";
	uint64_t n = 0;
	const struct meter_options meter_options = {.emit = emit, .emit_arg = &n, .max_flows = 64};
	struct capture *capture;
	struct capture_packet packet;
	struct capture_udp udp;
	struct meter *meter;
	if (refused(capture_open(input_file(data, len), &capture, err, sizeof(err)), err))
		return;
	while (capture_next_udp(capture, &udp) == 1)
		;
	capture_close(capture);
	if (refused(capture_open(input_file(data, len), &capture, err, sizeof(err)), err))
		return;
	if (meter_new(&meter_options, &meter) == 0) {
		while (capture_next(capture, &packet) == 1)
			meter_packet(meter, &packet);
		meter_flush(meter);
		meter_free(meter);
	} else {
		assert_true(short_of_memory());
	}
	capture_close(capture);
}

static bool admits(void *arg, const struct ip_addr *source, uint16_t port)
{
	(void)arg, (void)source, (void)port;
	return true;
}

static bool message(void *arg, const struct session *s, const uint8_t *data, size_t len)
{
	(void)s, (void)data;
	*(size_t *)arg += len;
	return true;
}

static void opened(void *arg, const struct session *s)
{
	(void)arg, (void)s;
}

static void ended(void *arg, const struct session *s, enum err reason)
{
	(void)arg, (void)s, (void)reason;
}

static int listener(struct sockaddr_in *to)
{
	socklen_t len = sizeof(*to);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	*to = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(bind(fd, (struct sockaddr *)to, len), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)to, &len), 0);
	return fd;
}

/* Two connections, of which each sends a message and a half. Without descriptors the stream is deaf for a second, and then hears. */
static void connections(const uint8_t *data, size_t len)
{
	static const uint8_t half_more[24] = {0, 10, 0, 16, [16] = 0, 10, 0, 16};
	struct stream_stats stats = {0};
	struct stream *stream;
	struct sockaddr_in to;
	size_t octets = 0;
	const struct stream_options options = {.max_sessions = 4, .max_per_address = 4, .message_ns = NS_PER_S, .admits = admits,
					       .message = message, .opened = opened, .ended = ended, .arg = &octets, .stats = &stats};
	int fds[2];
	(void)data, (void)len;
	if (stream_new(listener(&to), &options, &stream) < 0) {
		assert_true(short_of_memory());
		return;
	}
	for (int i = 0; i < 2; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(connect(fds[i], (struct sockaddr *)&to, sizeof(to)), 0);
		assert_int_equal(send(fds[i], half_more, sizeof(half_more), MSG_NOSIGNAL), sizeof(half_more));
		for (int turn = 0; turn < 3; turn++) /* accepted, read */
			(void)stream_turn(stream, 0, NOW);
	}
	assert_true(octets == 32 || short_of_memory());
	stream_excuse(stream, NOW);
	stream_each_second(stream, NOW);
	fails_from = LONG_MAX;
	stream_each_second(stream, NOW);
	for (int turn = 0; turn < 3; turn++)
		(void)stream_turn(stream, 0, NOW);
	uint64_t refused = stats.refused[ERR_MEMORY];
	assert_true(stats.open == 2 || refused > 0);
	stream_each_second(stream, NOW + 2 * NS_PER_S);
	assert_int_equal(stats.open, 0);
	assert_int_equal(stats.ended[ERR_SLOW], stats.accepted);
	stream_free(stream);
	close(fds[0]);
	close(fds[1]);
}

static void segments(const uint8_t *data, size_t len)
{
	const struct segment_geometry geometry = {.slots = 4, .slot_bytes = 8192};
	struct segment *segment;
	uint64_t damaged = 0;
	char dir[] = "/tmp/weir-test-XXXXXX";
	(void)data, (void)len;
	assert_non_null(mkdtemp(dir));
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	if (segment_new(fd, "one", &geometry, &segment) == 0) {
		segment_free(segment, fd, false);
		if (segment_load(fd, "one", &geometry, &segment, &damaged) == 0)
			segment_free(segment, fd, false);
		else
			assert_true(short_of_memory());
		assert_int_equal(unlinkat(fd, "one", 0), 0);
	} else {
		assert_true(short_of_memory());
	}
	close(fd);
	assert_int_equal(rmdir(dir), 0); /* what failed has left no file */
}

static void packets_and_connections(void **state)
{
	(void)state;
	each_input("meter", capture);
	each_allocation(connections, NULL, 0);
	each_allocation(segments, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decoders),
		cmocka_unit_test(configuration),
		cmocka_unit_test(packets_and_connections),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
