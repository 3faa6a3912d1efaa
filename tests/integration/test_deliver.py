#!/usr/bin/env python3
"""weir-collector to a real Apache Kafka: what the mocker sent is what lies in the topic, number for number."""
import collections
import ipaddress
import signal
import unittest

import harness
from harness import KafkaCase, mock, sums, summary_sums, wait_until


def clients(flows):
    """The mocker's "clients", made from the flows."""
    found = collections.defaultdict(lambda: {"upload": collections.Counter(), "download": collections.Counter()})
    for f in flows:
        for way, side in (("upload", "src_addr"), ("download", "dst_addr")):
            a = ipaddress.ip_address(f[side])
            if a in ipaddress.ip_network("192.168.1.0/24" if a.version == 4 else "2001:db8:1::/64"):
                found[str(a)][way].update(flows=1, bytes=f.get("bytes", 0), packets=f.get("packets", 0))
    return found


class Deliver(KafkaCase):
    def setUp(self):
        self.name = self.new_topic()
        self.topic = self.read(self.name)

    def collector(self, *options, **more):
        return self.collect(self.name, *options, **more)

    def check_equal(self, flows, *summaries):
        self.assertEqual(sums(flows), summary_sums(*summaries))
        for summary in summaries[:1] if len(summaries) == 1 else ():
            found = clients(flows)
            self.assertEqual(set(found), set(summary["clients"]))
            for client, want in summary["clients"].items():
                for way in ("upload", "download"):
                    got = {k: found[client][way][k] for k in ("flows", "bytes", "packets")}
                    self.assertEqual(got, want[way], f"{client} {way}")

    def deliver(self, protocol, scheme="netflow"):
        c = self.collector(scheme=scheme)
        s = mock(c.to, protocol=protocol, count=200, flows=12, rate=2000, sampling_rate=8)
        flows = self.topic.wait_flows(s["flows"])
        self.check_equal(flows, s)
        self.assertEqual(self.topic.duplicates(), 0)
        harness.conserves(self, c)
        return c, s, flows

    def test_v5(self):
        _, _, flows = self.deliver("v5")
        self.assertEqual({f["type"] for f in flows}, {2})
        self.assertEqual({f["sampling_rate"] for f in flows}, {8})

    def test_v9(self):
        _, s, flows = self.deliver("v9")
        self.assertEqual({f["type"] for f in flows}, {3})
        self.assertEqual({f["sampling_rate"] for f in flows}, {8})
        etypes = collections.Counter(f["etype"] for f in flows)
        self.assertEqual(etypes, {int(k): v["flows"] for k, v in s["etypes"].items()})

    def test_ipfix(self):
        _, _, flows = self.deliver("ipfix")
        self.assertEqual({f["type"] for f in flows}, {4})
        self.assertEqual({f["sampling_rate"] for f in flows}, {8})
        self.assertTrue(all(f["src_mac"] and f["dst_mac"] for f in flows))

    def test_all_at_once(self):
        """Several exporters and versions on one port, each AS pair's sums."""
        c = self.collector()
        s = mock(c.to, protocol="v5,v9,ipfix", count=600, flows=10, rate=3000, sources=20)
        flows = self.topic.wait_flows(s["flows"])
        self.check_equal(flows, s)
        self.assertEqual(len({f["sampler_address"] for f in flows}), 20)
        pairs = collections.defaultdict(collections.Counter)
        for f in flows:
            pairs[f["src_as"], f["dst_as"], f["etype"]].update(flows=1, bytes=f["bytes"], packets=f["packets"])
        for p in s["as_pairs"]:
            self.assertEqual(pairs[p["src_as"], p["dst_as"], p["etype"]], p["sum"])
        harness.conserves(self, c)

    def test_old_versions(self):
        c = self.collector()
        s = mock(c.to, protocol="v1,v7", count=100, flows=10, rate=2000)
        self.check_equal(self.topic.wait_flows(s["flows"]), s)

    def test_sflow(self):
        self.deliver("sflow", scheme="sflow")

    def test_partition_follows_sequence(self):
        """What lets a consumer drop the second copy: the partition is a fixed function of the sequence."""
        c = self.collector("--kafka.batch.bytes", "4KiB")
        s = mock(c.to, protocol="ipfix", count=300, flows=20, rate=2000)
        self.topic.wait_flows(s["flows"])
        self.assertGreater(len(self.topic.messages), 8)
        for m in self.topic.messages:
            h = harness.parse_header(m.header)
            self.assertEqual(h.sequence % self.kafka.partitions, m.partition)
            self.assertEqual(h.flows, len(harness.flowpb.records(m.payload)))

    def test_trap_datagrams_above_9000_octets(self):
        """Others cut them without a word."""
        c = self.collector()
        s = mock(c.to, protocol="ipfix,v9", count=40, flows=500, rate=200)
        self.assertGreater(s["octets"] / s["datagrams"], 30000)
        self.check_equal(self.topic.wait_flows(s["flows"]), s)
        self.assertEqual(c.metrics().sum("weir_collector_datagrams_truncated_total"), 0)

    def test_one_flow_a_message(self):
        c = self.collector("--kafka.batch.flows", "1")
        s = mock(c.to, protocol="v5", count=20, flows=10, rate=500)
        self.check_equal(self.topic.wait_flows(s["flows"]), s)
        self.assertTrue(all(m.header is None for m in self.topic.messages))
        self.assertEqual(len(self.topic.messages), s["flows"])

    def test_signals_flush(self):
        """SIGTERM and SIGINT: everything decoded is delivered before the exit, which is 0."""
        total = []
        for number in (signal.SIGTERM, signal.SIGINT):
            c = self.collector("--kafka.batch.linger", "60s", "--kafka.batch.bytes", "512KiB")
            s = mock(c.to, protocol="v9", count=50, flows=10, rate=0)
            wait_until(lambda: c.metrics().sum("weir_collector_datagrams_total") >= s["datagrams"], "datagrams received")
            c.signal(number)
            self.assertEqual(c.wait(), 0, c.err)
            total.append(s)
            flows = self.topic.wait_flows(sum(t["flows"] for t in total))
            self.assertEqual(sums(flows), summary_sums(*total))

    def test_starts_before_the_topic(self):
        """No topic yet: the broker makes it, nothing is lost."""
        name = self.name + "-new"
        c = self.collect(name)
        s = mock(c.to, protocol="v5", count=20, flows=10, rate=500)
        self.kafka.create(name)
        self.assertEqual(sums(self.read(name).wait_flows(s["flows"])), summary_sums(s))


if __name__ == "__main__":
    unittest.main()
