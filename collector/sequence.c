/*
 * sequence.c -- what the sequence numbers say: lost, late, or begun anew.
 *
 * The number of a datagram is compared with the one expected. Ahead by a little: that much is lost. Behind by a
 * little: a datagram came late (or twice); but when the next one goes on from there, the exporter has begun anew.
 * Far off either way: it has begun anew, and nothing is counted as lost.
 *
 * The unit is the version's own: v5 counts flows, v9 and sFlow datagrams, IPFIX data records (RFC 7011 3.1).
 */
#include "collector/exporter.h"

#include "collector/decoder.h"

/* Further ahead than this is no gap any more; behind, no late datagram. */
enum { SEQUENCE_AHEAD_MAX = 1 << 20, SEQUENCE_BEHIND_MAX = 1 << 13 };

static bool came_late(const struct sequence *seq, uint32_t got)
{
	bool goes_on = seq->late && got == seq->late_next;
	return seq->next - got <= SEQUENCE_BEHIND_MAX && !goes_on;
}

void sequence_note(struct decoder *d, struct sequence *seq, uint32_t got, uint32_t units)
{
	uint32_t ahead = got - seq->next;

	if (!seq->seen) {
		seq->seen = true;
	} else if (ahead != 0 && ahead <= SEQUENCE_AHEAD_MAX) {
		seq->lost += ahead;
		counter_add(&d->stats.sequence_lost, ahead);
	} else if (ahead != 0 && came_late(seq, got)) {
		seq->late = true;
		seq->late_next = got + units;
		seq->reordered += units;
		counter_add(&d->stats.sequence_reordered, units);
		return; /* what is expected next stays */
	} else if (ahead != 0) {
		seq->restarts++;
		counter_inc(&d->stats.sequence_restarts);
	}
	seq->late = false;
	seq->next = got + units;
	seq->units += units;
}

void sequence_unsure(struct sequence *seq)
{
	seq->seen = false;
	seq->late = false;
}
