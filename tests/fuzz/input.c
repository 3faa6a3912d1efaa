/* input.c -- see input.h. */
#include "tests/fuzz/input.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/wire.h"
#include "proto/flow.h"
#include "proto/pack.h"
#include "tests/fuzz/fuzz.h"

static uint64_t emitted;

static void emit(void *arg, struct flow *flow)
{
	static uint8_t packed[FLOW_PACK_MAX];
	(void)arg;
	FUZZ_ASSERT(flow_pack(flow, packed) <= FLOW_PACK_MAX);
	emitted++;
}

struct decoder *input_decoder(void)
{
	const struct decode_options options = {
		.emit = emit, .max_exporters = 8, .max_domains = 4, .max_templates = 16, .max_state_bytes = 1 << 20,
		.template_timeout_ns = 5000000000, .hold_bytes = 1 << 14, .hold_ns = 1000000000,
	};
	struct decoder *d;
	FUZZ_ASSERT(decoder_new(&options, &d) == 0);
	emitted = 0;
	return d;
}

void input_datagrams(const uint8_t *data, size_t size, input_prepare_fn *prepare)
{
	static uint8_t room[1 << 16];
	uint64_t flows = 0;
	struct decoder *decoder = input_decoder();
	struct wire w = wire_of(data, size);
	for (uint64_t now = 1763726400000000000; wire_left(&w) > 2; now += 100000000) {
		size_t len = wire_u16(&w);
		struct wire datagram = wire_sub(&w, len < wire_left(&w) ? len : wire_left(&w));
		struct decode_result result;
		len = wire_left(&datagram);
		uint8_t *copy = room + sizeof(room) - len; /* a read behind it is seen */
		memcpy(copy, datagram.p, len);
		if (prepare)
			prepare(copy, len);
		struct datagram dg = {.data = copy, .len = len, .source = ip_v4((const uint8_t[]){10, 0, 0, 1}),
				      .source_port = 2055, .received_ns = now};
		decoder_datagram(decoder, DECODE_ANY, &dg, &result);
		FUZZ_ASSERT(!result.reason || !result.flows);
		flows += result.flows;
		decoder_tick(decoder, now);
	}
	FUZZ_ASSERT(flows <= emitted); /* more came out of held data */
	decoder_free(decoder);
}

void input_put_u16(uint8_t *at, size_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

void input_put_u32(uint8_t *at, uint32_t v)
{
	input_put_u16(at, v >> 16);
	input_put_u16(at + 2, v & 0xffff);
}

void input_put_u64(uint8_t *at, uint64_t v)
{
	input_put_u32(at, (uint32_t)(v >> 32));
	input_put_u32(at + 4, (uint32_t)v);
}

const char *input_file(const uint8_t *data, size_t size)
{
	static char name[64];
	static int fd = -1;
	if (fd >= 0)
		close(fd);
	fd = memfd_create("input", 0);
	FUZZ_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return name;
}
