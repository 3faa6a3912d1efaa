/*
 * structured.c -- what stands inside a field: packets (RFC 7133, RFC 5477) and lists (RFC 6313).
 */
#include "collector/record.h"

#include "collector/decoder.h"
#include "collector/ie.h"
#include "collector/template.h"
#include "common/wire.h"
#include "packet/frame.h"

static enum frame_inner inner(const struct record_run *run)
{
	return run->d->options.inner_instead ? FRAME_INNER_INSTEAD : FRAME_INNER_BESIDE;
}

/* A packet was observed: it is one packet, of the length that the record gives or of what is there. */
static void packet(const struct record_run *run, const uint8_t *p, size_t len, enum frame_start start, struct record *r)
{
	struct flow *f = &r->flow;

	if (len == 0 || frame_decode(p, len, start, inner(run), f))
		return;
	if (!f->packets)
		f->packets = 1;
	if (!f->bytes)
		f->bytes = len;
}

static void structured_frame(const struct record_run *run, const uint8_t *p, size_t len, struct record *r)
{
	packet(run, p, len, FRAME_ETHERNET, r);
}

static void structured_ip_packet(const struct record_run *run, const uint8_t *p, size_t len, struct record *r)
{
	packet(run, p, len, FRAME_IP, r);
}

static void structured_labels(const struct record_run *run, const uint8_t *p, size_t len, struct record *r)
{
	packet(run, p, len, FRAME_MPLS, r);
}

static void structured_basic_list(const struct record_run *run, const uint8_t *p, size_t len, struct record *r)
{
	(void)run;
	(void)p;
	(void)len;
	(void)r;
}

typedef void call_fn(const struct record_run *run, const uint8_t *p, size_t len, struct record *r);

static call_fn *const calls[IE_CALLS] = {
	[IE_CALL_structured_frame] = structured_frame, [IE_CALL_structured_ip_packet] = structured_ip_packet,
	[IE_CALL_structured_labels] = structured_labels, [IE_CALL_structured_basic_list] = structured_basic_list,
	[IE_CALL_structured_sub_list] = structured_basic_list, [IE_CALL_structured_multi_list] = structured_basic_list,
	[IE_CALL_structured_as_path] = structured_basic_list,
};

void structured_call(const struct record_run *run, unsigned call, const uint8_t *p, size_t len, struct record *r)
{
	calls[call](run, p, len, r);
}
