/*
 * fuzz_meter.c -- a capture file (pcap, pcapng) as --pcap takes it: its packets through the flow meter, its datagrams through a
 * decoder.
 */
#include "packet/capture.h"
#include "packet/meter.h"
#include "proto/flow.h"
#include "proto/pack.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

static void emit(void *arg, struct flow *flow)
{
	static uint8_t packed[FLOW_PACK_MAX];
	FUZZ_ASSERT(flow_pack(flow, packed) <= FLOW_PACK_MAX);
	++*(uint64_t *)arg;
}

static void meter(struct capture *capture)
{
	uint64_t flows = 0;
	const struct meter_options options = {.emit = emit, .emit_arg = &flows, .max_flows = 64};
	struct capture_packet packet;
	struct meter *meter;
	FUZZ_ASSERT(meter_new(&options, &meter) == 0);
	while (capture_next(capture, &packet) == 1)
		meter_packet(meter, &packet);
	meter_flush(meter);
	const struct meter_stats *s = meter_stats(meter);
	FUZZ_ASSERT(s->packets == s->metered + s->unsampled + s->not_ip && s->flows == flows && s->active == 0);
	meter_free(meter);
}

static void decode(struct capture *capture)
{
	struct decoder *decoder = input_decoder();
	struct capture_udp udp;
	while (capture_next_udp(capture, &udp) == 1) {
		struct datagram dg = {.data = udp.data, .len = udp.len, .source = udp.src, .source_port = udp.src_port,
				      .received_ns = udp.time_ns};
		struct decode_result result;
		decoder_datagram(decoder, DECODE_ANY, &dg, &result);
	}
	decoder_free(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char err[400] = "";
	struct capture *capture;
	const char *path = input_file(data, size);
	static void (*const ways[])(struct capture *capture) = {meter, decode};
	for (int i = 0; i < 2; i++) {
		if (capture_open(path, &capture, err, sizeof(err)) < 0) {
			FUZZ_ASSERT(*err);
			return 0;
		}
		ways[i](capture);
		capture_close(capture);
	}
	return 0;
}
