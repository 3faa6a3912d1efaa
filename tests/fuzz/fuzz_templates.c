/*
 * fuzz_templates.c -- the life of templates: datagrams of several exporters, ports, domains, connections and versions, one after
 * the other, with time going by, a state file written and read between, withdrawals, and data before its template.
 *
 * The input is datagrams, each behind a byte that says whose it is and what happens before it, and two of length.
 * mutate_templates.c makes new inputs out of old ones without breaking lengths and ids.
 */
#include <string.h>

#include "common/buf.h"
#include "common/wire.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/input.h"

enum how { EXPORTER = 3, PORT = 4, SESSION = 8, LATER = 0x30, RESTART = 0x40, SESSION_ENDS = 0x80 };

static const uint64_t later_ns[] = {1000000, 400000000, 2000000000, 6000000000}; /* up to past hold and template ttl */

/* What a restart does: state out, a new decoder, state in. */
static struct decoder *restart(struct decoder *d, uint64_t now)
{
	struct buf saved = {0};
	struct decoder *next = input_decoder();
	FUZZ_ASSERT(decoder_save(d, now, &saved) == 0);
	FUZZ_ASSERT(decoder_load(next, saved.data, saved.len) == 0);
	buf_free(&saved);
	decoder_free(d);
	return next;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct decoder *d = input_decoder();
	struct wire w = wire_of(data, size);
	uint64_t now = 1763726400000000000;
	while (wire_left(&w) > 3) {
		uint8_t how = wire_u8(&w);
		size_t len = wire_u16(&w);
		len = len < wire_left(&w) ? len : wire_left(&w);
		struct decode_result result;
		struct datagram dg = {
			.data = wire_bytes(&w, len), .len = len, .source = ip_v4((const uint8_t[]){10, 0, 0, how & EXPORTER}),
			.source_port = how & PORT ? 2055 : 2056, .session = how & SESSION ? 1 + (how & EXPORTER) : 0,
		};
		now += later_ns[(how & LATER) >> 4];
		dg.received_ns = now;
		if (how & RESTART)
			d = restart(d, now);
		decoder_tick(d, now);
		decoder_datagram(d, dg.session ? DECODE_NETFLOW : DECODE_ANY, &dg, &result);
		FUZZ_ASSERT(!result.reason || !result.flows);
		if (how & SESSION_ENDS)
			decoder_session_end(d, dg.session);
	}
	decoder_free(d);
	return 0;
}
