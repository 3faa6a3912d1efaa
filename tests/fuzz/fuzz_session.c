/*
 * fuzz_session.c -- a TCP stream of IPFIX messages, in pieces whose lengths the first byte chooses: the messages that come out,
 * and why the session ends, do not depend on the cuts. All of them go through a decoder, as one session.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collector/decode.h"
#include "collector/session.h"
#include "tests/fuzz/fuzz.h"

struct seen {
	struct decoder *decoder;
	uint64_t messages, octets, hash;
};

static void emit(void *arg, struct flow *flow)
{
	(void)flow;
	++*(uint64_t *)arg;
}

static bool message(void *arg, const struct session *s, const uint8_t *data, size_t len)
{
	struct seen *seen = arg;
	struct decode_result result;
	struct datagram dg = {.data = data, .len = len, .source = ip_v4((const uint8_t[]){10, 0, 0, 1}), .source_port = 4739,
			      .received_ns = 1763726400000000000, .session = 7};
	(void)s;
	for (size_t i = 0; i < len; i++)
		seen->hash = (seen->hash ^ data[i]) * 0x100000001b3;
	seen->messages++;
	seen->octets += len;
	FUZZ_ASSERT(len >= 16 && data[1] == 10);
	if (seen->decoder)
		decoder_datagram(seen->decoder, DECODE_NETFLOW, &dg, &result);
	return true;
}

/* Sends SIZE bytes in pieces; SEED 0: as large as they go. Gives why the session ended. */
static int play(const uint8_t *data, size_t size, uint32_t seed, struct seen *seen)
{
	struct session *s;
	int pair[2], reason = 0;
	uint32_t state = seed;
	FUZZ_ASSERT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	FUZZ_ASSERT(session_new(pair[0], NULL, &s) == 0);
	while (size > 0 && !reason) {
		state = state * 1103515245 + 12345;
		size_t piece = seed ? 1 + (state >> 16) % (4 * seed) : 16384;
		piece = piece < size ? piece : size;
		FUZZ_ASSERT(send(pair[1], data, piece, MSG_NOSIGNAL) == (ssize_t)piece);
		data += piece;
		size -= piece;
		reason = session_read(s, 1, message, seen);
		FUZZ_ASSERT(s->have < SESSION_BUFFER);
	}
	close(pair[1]);
	if (!reason)
		reason = session_read(s, 1, message, seen);
	session_free(s);
	return reason;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t flows = 0;
	const struct decode_options options = {.emit = emit, .emit_arg = &flows, .hold_bytes = 1 << 16, .hold_ns = 1000000000};
	struct seen whole = {0}, cut = {0};
	if (size < 1)
		return 0;
	FUZZ_ASSERT(decoder_new(&options, &whole.decoder) == 0);
	int why = play(data + 1, size - 1, 0, &whole);
	FUZZ_ASSERT(why == ERR_CLOSED || why == ERR_TRUNCATED || why == ERR_VERSION || why == ERR_BAD_LENGTH);
	decoder_session_end(whole.decoder, 7);
	decoder_free(whole.decoder);
	FUZZ_ASSERT(play(data + 1, size - 1, data[0], &cut) == why);
	FUZZ_ASSERT(cut.messages == whole.messages && cut.octets == whole.octets && cut.hash == whole.hash);
	return 0;
}
