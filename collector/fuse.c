/*
 * fuse.c -- runs the lanes and slots of fuse.h over the records of a set.
 *
 * Nothing in a record's values is a branch: a zero takes no bytes, and a varint is as long as it is. What is too long for a
 * lane, protocols of which finish.c may want to know more, and times of zero send the record the long way.
 */
#include "collector/fuse.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <string.h>

#include "collector/decoder.h"
#include "collector/record.h"
#include "collector/step.h"
#include "collector/template.h"
#include "proto/pack.h"
#include "proto/put_many.h"

ROWS_INLINE uint8_t *put_shared(uint8_t *o, const struct fuse_slot *s, const struct fuse_run *x)
{
	const uint8_t *from = x->shared + s->at * FUSE_SHARED_BYTES;
	size_t len = x->shared_len[s->at];

	for (size_t done = 0; done < len; done += FUSE_SHARED_BYTES)
		memcpy(o + done, from + done, FUSE_SHARED_BYTES);
	return o + len;
}

/* The field of slot S of FLOW, if it is there: what pack.c does, for one field. */
ROWS_INLINE uint8_t *put_member(uint8_t *o, const struct fuse_slot *s, const struct flow *flow, bool fast)
{
	const void *member = (const char *)flow + s->at;
	const void *array = (const char *)flow + s->array;
	const struct ip_addr *addr = member;
	uint64_t wide;
	uint32_t v;

	memcpy(&v, member, sizeof(v));
	switch ((enum fuse_op)s->op) {
	case FUSE_U32: return v ? put_u32(o, s->tag, v, fast) : o;
	case FUSE_U64:
		memcpy(&wide, member, sizeof(wide));
		return wide ? put_u64(o, s->tag, wide, fast) : o;
	case FUSE_ADDR: return addr->len ? put_addr(o, s->tag, addr) : o;
	case FUSE_U32S: return v ? put_u32s(o, s->tag, array, v, fast) : o;
	case FUSE_ADDRS: return put_addrs(o, s->tag, array, v);
	case FUSE_STR: return v ? put_str(o, s->tag, array, v) : o;
	default: __builtin_unreachable();
	}
}

#if defined(__x86_64__)
#define FUSED __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx512cd,avx512vbmi,lzcnt,bmi,bmi2")))

/* What lanes give: each field as it goes out, and how many bytes of it. */
struct lanes {
	uint64_t word[FUSE_GROUPS_MAX * FUSE_LANES], len[FUSE_GROUPS_MAX * FUSE_LANES];
};

/* False when one of them is longer than a word. */
static FUSED inline bool run_group(const struct fuse_group *g, const uint8_t *p, uint64_t *words, uint64_t *lens)
{
	/* bit offsets of the seven bits that go into each byte */
	const __m512i sevens = _mm512_set1_epi64(0x312a231c150e0700);
	__m512i low = _mm512_maskz_loadu_epi8(g->have[0], p + g->at);
	__m512i high = _mm512_maskz_loadu_epi8(g->have[1], p + g->at + 64);
	__m512i v = _mm512_permutex2var_epi8(low, _mm512_loadu_si512(g->index), high);
	v = _mm512_and_si512(v, _mm512_loadu_si512(g->mask));
	__mmask8 there = (__mmask8)(_mm512_test_epi64_mask(v, v) | g->raw);

	/* A varint's bytes: (bits * 9 + 64) / 64, with bits at least 1. */
	__m512i leading = _mm512_lzcnt_epi64(_mm512_or_si512(v, _mm512_set1_epi64(1)));
	__m512i bits = _mm512_sub_epi64(_mm512_set1_epi64(64), leading);
	__m512i len = _mm512_add_epi64(_mm512_add_epi64(bits, _mm512_slli_epi64(bits, 3)), _mm512_set1_epi64(64));
	len = _mm512_srli_epi64(len, 6);
	/* Seven bits to a byte, and in all but the last the bit that says so. */
	__m512i last = _mm512_slli_epi64(_mm512_sub_epi64(len, _mm512_set1_epi64(1)), 3);
	__m512i behind = _mm512_sllv_epi64(_mm512_set1_epi64(-1), last);
	__m512i more = _mm512_andnot_si512(behind, _mm512_set1_epi8((char)0x80));
	__m512i word = _mm512_and_si512(_mm512_multishift_epi64_epi8(sevens, v), _mm512_set1_epi8(0x7f));
	word = _mm512_or_si512(word, more);

	word = _mm512_mask_mov_epi64(word, g->raw, v);
	len = _mm512_mask_mov_epi64(len, g->raw, _mm512_set1_epi64(4));
	__m512i tag_bits = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(const void *)g->tag_bits));
	word = _mm512_or_si512(_mm512_sllv_epi64(word, tag_bits), _mm512_loadu_si512(g->tag));
	len = _mm512_maskz_add_epi64(there, len, _mm512_srli_epi64(tag_bits, 3));
	_mm512_storeu_si512(words, word);
	_mm512_storeu_si512(lens, len);
	return _mm512_cmpgt_epu64_mask(len, _mm512_set1_epi64(8)) == 0;
}

/* The varint of V with its tag, if it is not zero. */
ROWS_INLINE uint8_t *put_wide(uint8_t *o, struct put_tag tag, uint64_t v)
{
	return v ? put_u64(o, tag, v, true) : o;
}

/* NULL when the record has to go the long way. */
static FUSED uint8_t *write_record(uint8_t *o, const struct fuse_run *x, const struct fuse *f, const struct segments *g,
	const struct flow *flow)
{
	struct lanes lanes;
	uint64_t ms;

	for (size_t i = 0; i < f->n_groups; i++)
		if (!run_group(&f->groups[i], g->run[f->groups[i].seg], lanes.word + i * FUSE_LANES, lanes.len + i * FUSE_LANES))
			return NULL;
	for (const struct fuse_slot *s = f->slots, *end = s + f->n_slots; s < end; s++) {
		const uint8_t *p = g->run[s->seg] + s->at;
		switch ((enum fuse_op)s->op) {
		case FUSE_LANE:
			for (size_t i = s->at, behind = i + s->count; i < behind; i++) {
				put_word(o, lanes.word[i]);
				o += lanes.len[i];
			}
			break;
		case FUSE_SHARED: o = put_shared(o, s, x); break;
		case FUSE_WIRE_6: o = put_wide(o, s->tag, (uint64_t)wire_load16(p) << 32 | wire_load32(p + 2)); break;
		case FUSE_WIRE_8: o = put_wide(o, s->tag, wire_load64(p)); break;
		case FUSE_WIRE_MS:
			ms = wire_load64(p) * NS_PER_MS;
			if (UNLIKELY(ms == 0))
				return NULL;
			o = put_u64(o, s->tag, ms, true);
			break;
		case FUSE_WIRE_V6:
			o = put_tag(o, s->tag);
			memcpy(o, p, 16);
			o += 16;
			break;
		default: o = put_member(o, s, flow, true); break;
		}
	}
	return o;
}

static bool here;

__attribute__((constructor)) static void look(void)
{
	__builtin_cpu_init();
	here = __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("bmi2");
}

bool fuse_here(void)
{
	return here;
}
#else
static uint8_t *write_record(uint8_t *o, const struct fuse_run *x, const struct fuse *f, const struct segments *g,
	const struct flow *flow)
{
	(void)o, (void)x, (void)f, (void)g, (void)flow;
	return NULL;
}

bool fuse_here(void)
{
	return false;
}
#endif

static void encode_shared(const struct fuse *f, const struct flow *base, struct fuse_run *x)
{
	const struct fuse_slot *shared = f->slots + f->n_slots;

	for (const struct fuse_slot *s = f->slots; s < shared; s++) {
		if (s->op != FUSE_SHARED)
			continue;
		uint8_t *begin = x->shared + s->at * FUSE_SHARED_BYTES;
		uint8_t *o = begin;
		for (unsigned i = 0; i < s->count; i++)
			o = put_member(o, &shared[s->at + i], base, true);
		x->shared_len[s->at] = (uint8_t)(o - begin);
	}
}

void fuse_resume(const struct record_run *run, struct fuse_run *x)
{
	const struct decode_options *o = &run->d->options;

	if (!o->window(o->emit_arg, &x->window))
		x->window = (struct decode_window){0};
	x->begin = x->window.at;
	x->flows = 0;
}

void fuse_end(const struct record_run *run, struct fuse_run *x)
{
	const struct decode_options *o = &run->d->options;

	if (x->flows == 0)
		return;
	o->packed(o->emit_arg, (size_t)(x->window.at - x->begin), x->flows);
	decoder_count(run->d, run->src->v, x->flows, run->base->sampling_rate, run->res);
}

bool fuse_begin(const struct record_run *run, struct flow *base, struct fuse_run *x)
{
	const struct decode_options *o = &run->d->options;
	const struct fuse *f = run->t->fuse;

	if (!f || !o->window || run->look_up_rate || o->inner_instead || (run->dom && run->dom->metadata))
		return false;
	fuse_resume(run, x);
	x->prefix = PUT_PREFIX;
	if (!x->window.flows)
		return false;
	base->sampling_rate = decoder_rate(run->d, base->sampling_rate);
	base->etype = f->etype;
	encode_shared(f, base, x);
	return true;
}

static void reset(const struct fuse *f, const struct flow *base, struct flow *flow)
{
	for (size_t i = 0; i < f->n_reset; i++) {
		const struct fuse_slot *s = &f->slots[f->reset[i]];
		void *to = (char *)flow + s->at;
		const void *from = (const char *)base + s->at;
		if (s->op == FUSE_ADDR)
			memcpy(to, from, sizeof(struct ip_addr));
		else if (s->op == FUSE_U64)
			memcpy(to, from, sizeof(uint64_t));
		else
			memcpy(to, from, sizeof(uint32_t));
	}
}

/* Fills what is not read from the record when it is written: as record.c does, but only this. */
static void fill(const struct record_run *run, const struct fuse *f, const struct segments *g, struct record *r)
{
	const struct template *t = run->t;

	reset(f, run->base, &r->flow);
	if (t->extra && t->n_vars)
		memset(&r->extra, 0, sizeof(r->extra));
	r->cut = 0;
	for (size_t i = 0; i < f->n_settled; i++)
		step_run_in(&t->steps[f->settled[i]], g, r);
}

static bool is_icmp(const struct fuse *f, const struct segments *g, const struct record *r)
{
	return finish_is_icmp(f->proto_settled ? r->flow.proto : g->run[f->proto_seg][f->proto_at]);
}

bool fuse_record(const struct record_run *run, struct fuse_run *x, const struct segments *g)
{
	const struct fuse *f = run->t->fuse;
	struct record *r = run->d->record;

	if (x->flows == x->window.flows || x->window.end - x->window.at < FLOW_PACK_MAX)
		return false;
	if (f->settles || f->n_settled)
		fill(run, f, g, r);
	if (f->may_be_icmp && UNLIKELY(is_icmp(f, g, r)))
		return false;
	if (f->settles || f->n_settled)
		finish_fused(run, r);
	/* The length is as long as the last record's was; most are alike. */
	uint8_t *begin = x->window.at + x->prefix;
	const uint8_t *end = write_record(begin, x, f, g, &r->flow);
	if (UNLIKELY(!end))
		return false;
	size_t len = (size_t)(end - begin);
	if (x->prefix != put_length_len(len)) {
		x->prefix = put_length_len(len);
		memmove(x->window.at + x->prefix, begin, len);
	}
	x->window.at = put_length(x->window.at, len);
	x->flows++;
	return true;
}
