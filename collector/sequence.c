/*
 * sequence.c -- what the sequence numbers say: lost, late, or begun anew.
 *
 * The number of a datagram is compared with the one expected. Ahead by a little: that much is lost. Behind by a
 * little: a datagram came late (or twice); but when the next one goes on from there, the exporter has begun anew.
 * Far off either way: it has begun anew, and nothing is counted as lost.
 *
 * The unit is the version's own: v5 counts flows, v9 and sFlow datagrams, IPFIX data records (RFC 7011 3.1).
 *
 * Two exporters behind one NAT count each for itself and differ by their port alone; one exporter may send from several
 * ports, and from another one after a restart, with one row of numbers. So a datagram belongs to the row that it goes on
 * with, else to that of its port, and only what fits neither begins another.
 */
#include "collector/exporter.h"

#include <stdlib.h>

#include "collector/decoder.h"

/* Further ahead than this is no gap any more; behind, no late datagram. */
enum { SEQUENCE_AHEAD_MAX = 1 << 20, SEQUENCE_BEHIND_MAX = 1 << 13 };

static bool came_late(const struct sequence_stream *s, uint32_t got)
{
	bool goes_on = s->late && got == s->late_next;
	return s->next - got <= SEQUENCE_BEHIND_MAX && !goes_on;
}

static struct sequence_stream *nth(struct sequence *seq, size_t i)
{
	return i == 0 ? &seq->first : &seq->others[i - 1];
}

static size_t streams(const struct sequence *seq)
{
	return seq->others ? 1 + SEQUENCE_OTHERS : 1;
}

/* The row that GOT goes on with: exactly, or with a gap where it is known to change ports. */
static struct sequence_stream *that_fits(struct sequence *seq, uint32_t got)
{
	struct sequence_stream *found = NULL;

	for (size_t i = 0; i < streams(seq); i++) {
		struct sequence_stream *s = nth(seq, i);
		if (s->seen && s->next == got)
			return s;
		if (s->seen && s->roams && got - s->next <= SEQUENCE_AHEAD_MAX)
			found = s;
	}
	return found;
}

static struct sequence_stream *of_port(struct sequence *seq, uint16_t port)
{
	for (size_t i = 0; i < streams(seq); i++)
		if (nth(seq, i)->last_ns && nth(seq, i)->port == port)
			return nth(seq, i);
	return NULL;
}

/* A free one, else the one that was silent longest, to begin anew; without memory the first. */
static struct sequence_stream *another(struct decoder *d, struct sequence *seq)
{
	size_t size = SEQUENCE_OTHERS * sizeof(struct sequence_stream);

	if (!seq->others && decoder_has_room(d, size)) {
		seq->others = calloc(SEQUENCE_OTHERS, sizeof(struct sequence_stream));
		d->state_bytes += seq->others ? size : 0;
	}
	struct sequence_stream *oldest = &seq->first;
	for (size_t i = 1; i < streams(seq); i++)
		if (nth(seq, i)->last_ns < oldest->last_ns)
			oldest = nth(seq, i);
	*oldest = (struct sequence_stream){.seen = false};
	return oldest;
}

static struct sequence_stream *choose(struct decoder *d, struct sequence *seq, uint16_t port, uint32_t got)
{
	struct sequence_stream *s = of_port(seq, port);

	if (s && (s->next == got || !seq->others))
		return s;
	struct sequence_stream *fits = seq->first.last_ns ? that_fits(seq, got) : &seq->first;
	if (fits && (!s || fits->next == got)) {
		fits->roams |= fits->last_ns && fits->port != port;
		return fits;
	}
	if (s)
		return s;
	/* Numbers that begin anew at another port: a restart, or somebody else. */
	seq->restarts++;
	counter_inc(&d->stats.sequence_restarts);
	return another(d, seq);
}

void sequence_note(struct decoder *d, struct sequence *seq, uint16_t port, uint32_t got, uint32_t units)
{
	struct sequence_stream *s = choose(d, seq, port, got);
	uint32_t ahead = got - s->next;

	seq->at = s;
	s->port = port;
	s->last_ns = d->now_ns ? d->now_ns : 1;
	if (!s->seen) {
		s->seen = true;
	} else if (ahead != 0 && ahead <= SEQUENCE_AHEAD_MAX) {
		seq->lost += ahead;
		counter_add(&d->stats.sequence_lost, ahead);
	} else if (ahead != 0 && came_late(s, got)) {
		s->late = true;
		s->late_next = got + units;
		s->late_units = units;
		seq->units += units;
		seq->reordered += units;
		counter_add(&d->stats.sequence_reordered, units);
		return; /* what is expected next stays */
	} else if (ahead != 0) {
		/* The one before was no late one but the first: the sums stay right when it is lost as well as late. */
		uint32_t before = s->late && got == s->late_next ? s->late_units : 0;
		seq->lost += before;
		counter_add(&d->stats.sequence_lost, before);
		seq->restarts++;
		counter_inc(&d->stats.sequence_restarts);
	}
	s->late = false;
	s->next = got + units;
	seq->units += units;
}

void sequence_unsure(struct sequence *seq)
{
	seq->at->seen = false;
	seq->at->late = false;
}

void sequence_free(struct decoder *d, struct sequence *seq)
{
	if (!seq->others)
		return;
	d->state_bytes -= SEQUENCE_OTHERS * sizeof(struct sequence_stream);
	free(seq->others);
}
