#!/usr/bin/env python3
"""weir-enricher between two topics of a real Apache Kafka: what is added, and that every flow comes out once, over kills and a
broker that goes away."""
import json
import signal
import subprocess
import tempfile
import unittest

from harness import BIN, LONG, KafkaCase, Metrics, Program, free_port, get, member, mock, mock_in_background, summary_sums, sums, \
    wait_until

KILLS = 18 if LONG else 3
NETWORKS = """prefix,network,customer
192.168.1.0/24,home,Family
2001:db8:1::/64,home6,Family
"""


class Between(KafkaCase):
    """A broker, two topics, a collector in front."""
    collecting, names = (), NETWORKS

    def setUp(self):
        self.input, self.output = self.new_topic(), self.new_topic("-enriched")
        self.dir = tempfile.TemporaryDirectory(prefix="weir-test-")
        self.addCleanup(self.dir.cleanup)
        self.networks = f"{self.dir.name}/networks.csv"
        with open(self.networks, "w") as f:
            f.write(self.names)
        self.collector = self.collect(self.input, *self.collecting)

    def enricher(self, *options):
        self.http = free_port()
        p = Program(f"{BIN}/weir-enricher", "--kafka.brokers", self.kafka.brokers, "--kafka.topic", self.input,
                    "--output-topic", self.output, "--group", self.output, "--transactional-id", self.output, "--from", "beginning",
                    "--enrich.networks", self.networks, "--addr", f"localhost:{self.http}", "--commit", "300ms",
                    "--kafka.property", "session.timeout.ms=6000", *options)
        self.addCleanup(p.close)
        return p

    def send(self, **more):
        return mock(self.collector.to, **dict({"protocol": "v9,ipfix", "count": 100, "flows": 10, "rate": 1000}, **more))

    def once(self, topic, summary):
        """Everything came out, and nothing twice: no copy is passed over here."""
        topic.wait_flows(summary["flows"], 90)
        self.assertEqual(sums(topic.flows(once=False)), summary_sums(summary))


class Enricher(Between):
    def test_names_are_added_and_nothing_else_changes(self):
        s = self.send()
        p = self.enricher()
        out = self.read(self.output)
        self.once(out, s)
        before = self.read(self.input)
        before.wait_flows(s["flows"])
        added = ("src_network", "dst_network", "src_customer", "dst_customer")
        rest = lambda flows: sorted(str(sorted((str(k), v) for k, v in f.items() if k not in added)) for f in flows)
        self.assertEqual(rest(out.flows()), rest(before.flows()))
        for f in out.flows():
            for side in ("src", "dst"):
                address = f[f"{side}_addr"]
                name = b"home" if address[:3] == bytes([192, 168, 1]) else \
                    b"home6" if address[:8] == bytes.fromhex("20010db800010000") else None
                self.assertEqual(f.get(f"{side}_network"), name)
                self.assertEqual(f.get(f"{side}_customer"), name and b"Family")
        # The header goes along, and with it the partition.
        self.assertEqual({m.header: m.partition for m in out.messages}, {m.header: m.partition for m in before.messages})
        m = Metrics(get(f"http://127.0.0.1:{self.http}/metrics"))
        self.assertEqual(m.sum("weir_enricher_flows_total"), s["flows"])
        self.assertEqual(m.sum("weir_enricher_enriched_total", what="name"), s["flows"])
        self.assertEqual(m.sum("weir_enricher_aborts_total"), 0)
        self.assertEqual(p.terminate(), 0)

    def test_once_over_kills(self):
        summary = f"{self.dir.name}/summary.json"
        mocker = mock_in_background(self.collector.to, summary, protocol="ipfix", count=0, flows=10, rate=100)
        self.addCleanup(mocker.close)
        out = self.read(self.output)
        for kill in range(KILLS):
            p = self.enricher(*member(kill))
            n = len(out.messages)
            wait_until(lambda: len(out.messages) > n + 5, lambda: f"flows go through\n{p.err[-2000:]}", 60)
            self.assertTrue(mocker.alive, "killed under load")
            p.kill()
        p = self.enricher(*member(KILLS))
        self.assertEqual(mocker.terminate(), 0, mocker.err)
        with open(summary) as f:
            self.once(out, json.load(f))
        self.assertEqual(p.terminate(), 0)

    def test_two_share_the_work(self):
        a = self.enricher("--transactional-id", "first-of-two")
        b = self.enricher("--transactional-id", "second-of-two")
        out = self.read(self.output)
        first = self.send(count=200, rate=200)
        a.signal(signal.SIGTERM)  # in the middle: b takes over
        second = self.send(count=200, rate=200)
        total = summary_sums(first, second)
        out.wait_flows(total["flows"], 90)
        self.assertEqual(sums(out.flows(once=False)), total)
        self.assertEqual(a.wait(), 0)
        self.assertEqual(b.terminate(), 0)

    def test_one_id_for_two_is_told(self):
        a = self.enricher()
        self.send(count=10)
        out = self.read(self.output)
        out.wait_flows(100)
        b = self.enricher()  # the newer one goes on: the older may be a leftover
        self.send(count=10)
        out.wait_flows(200, 90)
        self.assertEqual(a.wait(60), 1)
        self.assertIn("another weir-enricher has taken over --transactional-id", a.err)
        self.assertEqual(len(out.flows(once=False)), 200)
        self.assertEqual(b.terminate(), 0)

    def test_usage(self):
        for words, says in (((), "nothing to add"), (("--enrich.networks", "/nowhere"), "/nowhere"),
                            (("--enrich.networks", self.networks, "--output-topic", "flows"), "round for ever")):
            done = subprocess.run([f"{BIN}/weir-enricher", *words], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn(says, done.stderr)


class Sizes(Between):
    """Messages that were not too large before something was added."""
    settings = ("message.max.bytes=20000",)
    collecting = ("--kafka.batch.bytes", "12k", "--kafka.property", "batch.num.messages=1")  # its own are not refused
    names = NETWORKS.replace("Family", "F" * 100)

    def passes(self, *options):
        p = self.enricher("--kafka.property", "compression.codec=none", *options)  # the broker measures what it gets
        out = self.read(self.output)
        s = self.send(count=200)
        self.once(out, s)
        m = Metrics(get(f"http://127.0.0.1:{self.http}/metrics"))
        self.assertGreater(m.sum("weir_enricher_parted_total"), 0)
        self.assertEqual(m.sum("weir_enricher_too_large_total"), 0)
        self.assertTrue(all(f.get("src_customer") or f.get("dst_customer") for f in out.flows()))
        self.assertLess(max(len(m.payload) for m in out.messages), 20000)
        self.assertEqual(p.terminate(), 0, p.err)

    def test_the_broker_refuses(self):
        self.passes()

    def test_our_own_limit(self):
        self.passes("--kafka.property", "message.max.bytes=5000")


if __name__ == "__main__":
    unittest.main()
