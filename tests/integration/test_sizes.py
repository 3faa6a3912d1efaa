#!/usr/bin/env python3
"""A broker that takes less than weir sends at a time: smaller messages, nothing lost, and what comes twice is known by its
header."""
import collections
import signal
import tempfile
import unittest

import harness
from harness import KafkaCase, mock, sums, summary_sums, wait_until


class Sizes(KafkaCase):
    settings = ("message.max.bytes=100000",)

    def deliver(self, name, *options, strict=True):
        self.kafka.create(name)
        topic = self.read(name)
        c = self.collect(name, "--kafka.property", "compression.codec=none", *options)
        s = mock(c.to, protocol="ipfix", count=1500, flows=15, rate=5000)
        topic.wait_flows(s["flows"])
        wait_until(lambda: c.metrics().sum("weir_collector_flows_pending") == 0, "all delivered")
        # Without headers (a message a flow) a flow that comes twice is known by itself alone.
        flows = topic.flows() if strict else {tuple(sorted(f.items())): f for f in topic.flows()}.values()
        self.assertEqual(sums(flows), summary_sums(s))
        m = harness.conserves(self, c)
        self.assertEqual(m.sum("weir_collector_flows_dropped_total"), 0)
        return c, topic

    def test_the_broker_refuses(self):
        c, topic = self.deliver("refused")
        self.assertIn("sending smaller ones", c.err)
        self.assertGreater(c.metrics().sum("weir_collector_kafka_errors_total", reason="size"), 0)
        self.check_pieces(topic)

    def check_pieces(self, topic):
        """Each piece says which flow of which batch is its first, and lies in the batch's partition."""
        pieces = collections.defaultdict(dict)
        for m in topic.messages:
            h = harness.parse_header(m.header)
            self.assertEqual(h.flows, len(harness.flowpb.records(m.payload)))
            self.assertEqual(h.batch % self.kafka.partitions, m.partition)
            if h.piece is not None:
                pieces[h.batch][h.piece] = h.flows
        self.assertGreater(sum(len(p) for p in pieces.values()), 10)
        for batch, found in pieces.items():
            at = 0
            while at in found:
                at += found[at]
            self.assertEqual(at, sum(found.values()), f"batch {batch}: {found}")

    def test_killed_between_pieces(self):
        """kill -9 while a batch goes in pieces: the next start cuts it the same way, so that second copies are known."""
        self.kafka.create("killed")
        topic = self.read("killed")
        options = ("--kafka.property", "compression.codec=none", "--journal.path", tempfile.mkdtemp())
        c = self.collect("killed", *options)
        self.kafka.program.signal(signal.SIGSTOP)
        s = mock(c.to, protocol="ipfix", count=1500, flows=15, rate=5000)
        wait_until(lambda: c.metrics().sum("weir_collector_datagrams_total") == s["datagrams"], "all received")
        self.kafka.program.signal(signal.SIGCONT)
        wait_until(lambda: topic.messages, "the first pieces are there", 60)
        c.kill()
        c = self.collect("killed", *options)
        flows = topic.wait_flows(s["flows"], 60)
        wait_until(lambda: c.metrics().sum("weir_collector_flows_pending") == 0, "all delivered")
        self.assertEqual(sums(topic.flows()), summary_sums(s), f"{len(flows)}")
        self.check_pieces(topic)
        print(f"{len(topic.messages)} messages, {topic.duplicates()} of them twice")

    def test_our_own_limit(self):
        c, topic = self.deliver("own", "--kafka.property", "message.max.bytes=20000")
        self.check_pieces(topic)
        self.assertIn("larger than message.max.bytes", c.err)

    def test_a_message_a_flow(self):
        """librdkafka puts messages together: they may be too large as well."""
        self.deliver("single", "--kafka.batch.flows", "1", strict=False)


if __name__ == "__main__":
    unittest.main()
