#!/usr/bin/env python3
"""Kafka away, Kafka frozen, collector killed: nothing that was decoded is lost, and the counters say what happened.

The short rounds here; scripts/test --long takes as many as docs/reliability.md tells of.
"""
import collections
import os
import random
import re
import shutil
import signal
import tempfile
import time
import unittest

import harness
import proxy
from harness import Collector, Kafka, Program, Topic, mock, mock_in_background, sums, summary_sums, wait_until


class Outage(unittest.TestCase):
    def setUp(self):
        self.kafka = Kafka()
        self.addCleanup(self.kafka.close)
        self.journal = tempfile.mkdtemp(prefix="weir-journal-")
        self.addCleanup(shutil.rmtree, self.journal, ignore_errors=True)

    def collector(self, *options, **more):
        c = Collector("--journal.path", self.journal, "--collector-id", "test", *options, brokers=self.kafka.brokers,
                      **more)
        self.addCleanup(c.close)
        return c

    def topic(self):
        t = Topic(self.kafka)
        self.addCleanup(t.close)
        return t

    def test_collector_first(self):
        """It starts without a broker, is alive but not ready, and delivers when the broker comes."""
        c = self.collector()
        s = mock(c.to, protocol="v5,v9,ipfix", count=300, flows=10, rate=2000)
        self.assertTrue(c.page("/healthz"))
        self.assertTrue(c.page("/readyz").startswith("503"), c.page("/readyz"))
        self.kafka.start()
        self.kafka.create("flows")
        flows = self.topic().wait_flows(s["flows"])
        self.assertEqual(sums(flows), summary_sums(s))
        wait_until(lambda: not c.page("/readyz").startswith("503"), "ready")
        harness.conserves(self, c)

    def test_broker_restarts_under_load(self):
        self.kafka.start()
        self.kafka.create("flows")
        c = self.collector()
        load = mock_in_background(c.to, "-", protocol="ipfix", count=8000 if harness.LONG else 2000, flows=10, rate=200)
        self.addCleanup(load.close)
        time.sleep(2)
        self.kafka.stop()
        away = time.monotonic()
        wait_until(lambda: c.metrics().sum("weir_collector_journal_batches") >= 2, "batches waiting in the journal")
        time.sleep(20 if harness.LONG else 0)
        had = c.metrics().sum("weir_collector_flows_acknowledged_total")
        self.kafka.start()
        back = time.monotonic()
        held = c.metrics().sum("weir_collector_flows_total") - had
        wait_until(lambda: c.metrics().sum("weir_collector_flows_acknowledged_total") > had, "it goes on")
        print(f"broker away {back - away:.1f} s, {held} flows held or on their way, sending again {time.monotonic() - back:.1f} s after it answers")
        self.assertEqual(load.wait(60), 0)
        s = harness.json.loads(load.out)
        flows = self.topic().wait_flows(s["flows"])
        self.assertEqual(sums(flows), summary_sums(s))
        wait_until(lambda: c.metrics().sum("weir_collector_journal_batches") == 0, "the journal is empty")
        harness.conserves(self, c)

    def test_broker_frozen(self):
        """SIGSTOP: connections stay, nothing answers. The receive path goes on."""
        self.kafka.start()
        self.kafka.create("flows")
        c = self.collector()
        first = mock(c.to, protocol="v9", count=100, flows=10, rate=1000)
        topic = self.topic()
        topic.wait_flows(first["flows"])
        self.kafka.program.signal(signal.SIGSTOP)
        second = mock(c.to, protocol="v9", count=500, flows=10, rate=1000, seed=2)
        wait_until(lambda: c.metrics().sum("weir_collector_datagrams_total") ==
                   first["datagrams"] + second["datagrams"], "all received")
        self.kafka.program.signal(signal.SIGCONT)
        flows = topic.wait_flows(first["flows"] + second["flows"], 60)
        self.assertEqual(sums(flows), summary_sums(first, second))
        harness.conserves(self, c)

    def test_killed_with_all_decoded(self):
        """kill -9 with the broker away and everything in the journal: the next start delivers all of it."""
        c = self.collector()
        s = mock(c.to, protocol="v5,v9,ipfix", count=300, flows=10, rate=2000)
        wait_until(lambda: c.metrics().sum("weir_collector_datagrams_total") == s["datagrams"], "all received")
        c.kill()
        self.kafka.start()
        self.kafka.create("flows")
        c = self.collector()
        flows = self.topic().wait_flows(s["flows"])
        self.assertEqual(sums(flows), summary_sums(s))
        harness.conserves(self, c)

    def test_killed_at_random_moments(self):
        """kill -9 under load. Of each life of the collector, the datagrams that came out are an unbroken run from the
        first it received, each of them whole, and at least as many as it had counted as decoded when it was last asked: whatever
        is missing was never read from the socket."""
        rounds = 50 if harness.LONG else 6
        self.kafka.start()
        self.kafka.create("flows")
        topic = self.topic()
        moments = random.Random(4)
        port = harness.free_port(harness.socket.SOCK_DGRAM)
        counted = []  # flows of each life, a moment before its end
        for _ in range(rounds):
            c = self.collector("--kafka.batch.linger", "50ms", "--kafka.batch.bytes", "16KiB", port=port)
            load = mock_in_background(c.to, "-", protocol="ipfix", count=100000, flows=10, rate=1000, duration="4s",
                                      templates_every=20)
            wait_until(lambda: c.metrics().sum("weir_collector_flows_total") > 0, "flows come")
            time.sleep(moments.uniform(0.1, 1.2))
            counted.append(c.metrics().sum("weir_collector_flows_total"))
            c.kill()
            load.terminate()
            load.close()
        last = self.collector()
        wait_until(lambda: last.metrics().sum("weir_collector_journal_batches") == 0 and
                   last.metrics().sum("weir_collector_kafka_connected") == 1, "the journal is empty", 90)
        harness.conserves(self, last)
        # All that was ever acknowledged has an offset below what this one gets: once it is read, so is the rest.
        end = mock(last.to, protocol="v9", count=40, flows=10, rate=40)
        wait_until(lambda: sum(f.get("type") == 3 for f in topic.flows()) == end["flows"], "the last ones are read", 60)
        lives = collections.defaultdict(collections.Counter)
        seen = set()
        for m in topic.messages:
            if m.header[8:] in seen:
                continue
            seen.add(m.header[8:])
            for f in (f for f in harness.flowpb.records(m.payload) if f["type"] == 4):
                lives[harness.parse_header(m.header).epoch][f.get("sequence_num", 0)] += 1
        self.assertGreaterEqual(len(lives), rounds)
        for epoch, datagrams in lives.items():
            self.assertEqual(set(datagrams.values()), {10}, f"life {epoch}: datagrams came out in part")
            # IPFIX counts data records: 10 a datagram.
            sequence = sorted(datagrams)
            self.assertEqual([s for s in sequence], list(range(sequence[0], sequence[-1] + 10, 10)),
                             f"life {epoch}: a gap")
            self.assertEqual(sequence[0], 0, f"life {epoch}: the first datagrams are missing")
        # An epoch is the time of the start: they are in the order of the rounds.
        delivered = [sum(lives[epoch].values()) for epoch in sorted(lives)]
        self.assertEqual(len(delivered), len(counted))
        for n, (came, decoded) in enumerate(zip(delivered, counted)):
            self.assertGreaterEqual(came, decoded, f"life {n}: decoded and not delivered")
        print(f"{rounds} kills, {sum(sum(d.values()) for d in lives.values())} flows, {topic.duplicates()} messages twice")

    def test_connections_cut(self):
        """A proxy cuts the connections to the broker again and again: each flow comes, and comes once (idempotence)."""
        door = harness.free_port()
        self.kafka = Kafka(settings=[f"advertised.listeners=PLAINTEXT://127.0.0.1:{door}"])
        self.addCleanup(self.kafka.close)
        between = proxy.Proxy(door, self.kafka.port)
        self.addCleanup(between.close)
        self.kafka.start()
        self.kafka.create("flows")
        self.kafka.brokers = f"127.0.0.1:{door}"
        c = self.collector("--kafka.batch.bytes", "16KiB", "--kafka.batch.linger", "50ms")
        load = mock_in_background(c.to, "-", protocol="ipfix", count=0, flows=10, rate=600)
        self.addCleanup(load.close)
        moments = random.Random(5)

        def cut_often():
            time.sleep(moments.uniform(0.1, 0.8))
            between.cut()
            return between.cuts > 12
        wait_until(cut_often, "connections to cut", 120)
        self.assertEqual(load.terminate(), 0, load.err)
        s = harness.json.loads(load.out)
        topic = self.topic()
        flows = topic.wait_flows(s["flows"], 60)
        self.assertEqual(sums(flows), summary_sums(s))
        self.assertEqual(topic.duplicates(), 0)
        wait_until(lambda: c.metrics().sum("weir_collector_journal_batches") == 0, "the journal is empty")
        harness.conserves(self, c)

    def test_terminated_without_broker(self):
        """SIGTERM while the broker is away: in time, exit 0, and what was not delivered comes at the next start."""
        c = self.collector("--shutdown-timeout", "1s")
        s = mock(c.to, protocol="v9", count=100, flows=10, rate=2000)
        wait_until(lambda: c.metrics().sum("weir_collector_datagrams_total") == s["datagrams"], "all received")
        c.signal(signal.SIGTERM)
        status = c.wait()
        self.assertEqual(status, 0, c.err)
        self.kafka.start()
        self.kafka.create("flows")
        c = self.collector()
        self.assertEqual(sums(self.topic().wait_flows(s["flows"])), summary_sums(s))
        harness.conserves(self, c)

    def test_two_on_one_journal(self):
        self.collector()
        second = Collector("--journal.path", self.journal, brokers=self.kafka.brokers, ready=False)
        self.addCleanup(second.close)
        self.assertNotEqual(second.wait(), 0)
        self.assertIn(self.journal, second.err)
        self.assertEqual(len(second.err.strip().splitlines()), 1, second.err)

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small tmpfs takes root")
    def test_disk_full(self):
        """The journal's disk is full: a line that says so, and it goes on in memory."""
        Program("mount", "-t", "tmpfs", "-o", "size=12m", "none", self.journal).wait()
        self.addCleanup(lambda: Program("umount", self.journal).wait())
        with open(f"{self.journal}/other", "wb") as f:
            f.write(b"x" * (9 << 20))
        c = self.collector()
        s = mock(c.to, protocol="ipfix", count=2000, flows=50, rate=4000)
        wait_until(lambda: c.metrics().sum("weir_collector_datagrams_total") == s["datagrams"], "all received")
        wait_until(lambda: "No space left" in c.err, lambda: f"a line about the full disk\n{c.err}")
        self.assertGreater(c.metrics().sum("weir_collector_journal_memory_bytes"), 0)
        self.kafka.start()
        self.kafka.create("flows")
        wait_until(lambda: c.metrics().sum("weir_collector_flows_pending") == 0,
                   lambda: f"nothing pending\n{c.page('/metrics')}\n{c.err}", 60)
        harness.conserves(self, c)
        self.assertEqual(c.metrics().sum("weir_collector_flows_dropped_total"), 0, c.page("/metrics"))
        self.assertEqual(sums(self.topic().wait_flows(s["flows"])), summary_sums(s))
        self.assertTrue(c.alive)
        c.kill()

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small tmpfs takes root")
    def test_disk_full_at_the_end(self):
        """Ended while part of what waits is in memory: it says how much of it stays and how much is lost, and so it is."""
        Program("mount", "-t", "tmpfs", "-o", "size=12m", "none", self.journal).wait()
        self.addCleanup(lambda: Program("umount", self.journal).wait())
        c = self.collector("--shutdown-timeout", "0s")
        s = mock(c.to, protocol="ipfix", count=4000, flows=50, rate=5000)
        wait_until(lambda: c.metrics().sum("weir_collector_flows_total") == s["flows"], "all received")
        self.assertEqual(c.terminate(), 0, c.err)
        said = re.search(r"(\d+) flows were not delivered in time; (\d+) of them stay .* (\d+) were in memory .* disk was full", c.err)
        self.assertTrue(said, c.err)
        total, stay, lost = map(int, said.groups())
        self.assertEqual((total, stay + lost), (s["flows"], total))
        self.assertGreater(min(stay, lost), 0)
        c = self.collector()
        self.assertEqual(c.metrics().sum("weir_collector_flows_recovered_total"), stay)
        c.kill()

    @unittest.skipUnless(os.geteuid() == 0, "mounting takes root")
    def test_directory_read_only(self):
        """A line, and it goes on in memory: flows wait there for the broker."""
        Program("mount", "-t", "tmpfs", "-o", "ro", "none", self.journal).wait()
        self.addCleanup(lambda: Program("umount", self.journal).wait())
        c = self.collector("--shutdown-timeout", "0s")
        self.assertIn(f"--journal.path {self.journal}: Read-only file system; going on in memory", c.err)
        self.assertEqual(c.metrics().sum("weir_collector_journal_on_disk"), 0)
        s = mock(c.to, protocol="v9", count=50, flows=10, rate=1000)
        wait_until(lambda: c.metrics().sum("weir_collector_flows_pending") == s["flows"], "all are held")
        harness.conserves(self, c)
        self.assertEqual(c.terminate(), 0, c.err)
        self.assertRegex(c.err, f"{s['flows']} were in memory and are lost, as there is no --journal.path, or it cannot be used")


if __name__ == "__main__":
    unittest.main()
