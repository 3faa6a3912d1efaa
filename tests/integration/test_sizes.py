#!/usr/bin/env python3
"""A broker that takes less than weir sends at a time: smaller messages, and nothing lost."""
import unittest

import harness
from harness import Collector, Kafka, Topic, mock, sums, summary_sums, wait_until


class Sizes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = Kafka(settings=["message.max.bytes=100000"]).start()

    @classmethod
    def tearDownClass(cls):
        cls.kafka.close()

    def deliver(self, name, *options):
        self.kafka.create(name)
        topic = Topic(self.kafka, name)
        self.addCleanup(topic.close)
        c = Collector("--kafka.topic", name, "--kafka.property", "compression.codec=none", *options, brokers=self.kafka.brokers)
        self.addCleanup(c.close)
        s = mock(c.to, protocol="ipfix", count=1500, flows=15, rate=5000)
        topic.wait_flows(s["flows"])
        wait_until(lambda: c.metrics().sum("weir_collector_flows_pending") == 0, "all delivered")
        # Of a batch that was sent in pieces, a piece may come twice (docs/reliability.md, Doubles); a flow is known by
        # its datagram's number and itself.
        flows = {tuple(sorted(f.items())): f for f in topic.flows()}.values()
        self.assertEqual(sums(flows), summary_sums(s))
        m = c.metrics()
        harness.conserves(self, m)
        self.assertEqual(m.sum("weir_collector_flows_dropped_total"), 0)
        return c, topic

    def test_the_broker_refuses(self):
        c, topic = self.deliver("refused")
        self.assertIn("sending smaller ones", c.err)
        self.assertGreater(topic.count(), 10)

    def test_our_own_limit(self):
        c, _ = self.deliver("own", "--kafka.property", "message.max.bytes=20000")
        self.assertIn("larger than message.max.bytes", c.err)

    def test_a_message_a_flow(self):
        """librdkafka puts messages together: they may be too large as well."""
        self.deliver("single", "--kafka.batch.flows", "1")


if __name__ == "__main__":
    unittest.main()
