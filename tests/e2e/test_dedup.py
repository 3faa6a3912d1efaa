#!/usr/bin/env python3
"""A collector killed -9 again and again under load, a real Apache Kafka, ClickHouse: messages come to the topic twice, whole ones and
pieces of a batch that was too large, and the tables hold every flow once. What once is, says another reader of the topic."""
import collections
import shutil
import signal
import subprocess
import tempfile
import unittest

import flowpb
import harness
from embedded import Embedded
from harness import LONG, Collector, Kafka, Topic, free_port, mock_in_background, sums, wait_until

KILLS = 20 if LONG else 3
MARKS = {"sequence_num": "SequenceNum", "src_port": "SrcPort", "dst_port": "DstPort", "bytes": "Bytes", "packets": "Packets"}
THE_END = b"the end"


class Dedup(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = Kafka(settings=["message.max.bytes=100000"]).start()
        cls.kafka.create("flows")
        cls.embedded = Embedded("--kafka.brokers", cls.kafka.brokers)
        cls.topic = Topic(cls.kafka)
        cls.damaged = 0

    @classmethod
    def tearDownClass(cls):
        cls.topic.close()
        cls.embedded.close()
        cls.kafka.close()

    def collector(self, *options):
        c = Collector("--journal.path", self.journal, "--kafka.property", "compression.codec=none", *options, brokers=self.kafka.brokers,
                      port=self.port)
        self.addCleanup(c.close)
        return c

    def killed_under_load(self, *options, wanted=lambda header: True):
        """The broker stands still, has a few messages in its socket and cannot say so: who sent them dies, and who comes after sends
        them again. Until a message that is WANTED came twice that had not before (the topic is that of the other test, too)."""
        before = self.doubles()
        self.journal = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.journal, ignore_errors=True)
        self.port = free_port(harness.socket.SOCK_DGRAM)
        c = self.collector(*options)
        mocker = mock_in_background(c.to, "/dev/null", protocol="v5,ipfix", count=0, flows=15, rate=800)
        self.addCleanup(mocker.close)
        kills = 0
        while kills < KILLS or not any(wanted(harness.parse_header(h)) for h in self.doubles() - before):
            self.assertLess(kills, KILLS + 20, "no such message came twice")
            acknowledged = lambda: c.metrics().sum("weir_collector_flows_acknowledged_total")
            wait_until(lambda: acknowledged() > 5000, lambda: f"flows are delivered\n{c.err}", 60)
            self.kafka.program.signal(signal.SIGSTOP)
            wait_until(lambda: c.metrics().sum("weir_collector_flows_pending") > 10000, "messages are under way", 60)
            c.kill()
            self.kafka.program.signal(signal.SIGCONT)
            c = self.collector(*options)
            kills += 1
        mocker.terminate()
        wait_until(lambda: acknowledged() and c.metrics().sum("weir_collector_flows_pending") == 0, "all delivered", 60)
        self.assertEqual(c.terminate(), 0, c.err)

    def doubles(self):
        """Headers that came more than once: of whole messages and of pieces."""
        seen = collections.Counter(m.header for m in list(self.topic.messages) if m.header)
        return {h for h, n in seen.items() if n > 1}

    def read_to_the_end(self):
        """A damaged message behind everything in each partition becomes a row of flows_errors, once what is before it has been read; a
        second one, because the tables of one block are not written at the same moment."""
        for _ in range(2):
            for partition in range(self.kafka.partitions):
                subprocess.run(["kcat", "-b", self.kafka.brokers, "-P", "-t", "flows", "-p", str(partition)], input=THE_END, check=True)
            type(self).damaged += self.kafka.partitions
            wait_until(lambda: self.embedded.query("SELECT count() FROM flows_errors") == [[self.damaged]],
                       lambda: f"all is read\n{self.embedded.err[-2000:]}", 90)

    def check_once(self):
        self.read_to_the_end()
        wait_until(lambda: sum(m.payload == THE_END for m in list(self.topic.messages)) == self.damaged, "the other reader is there too", 60)
        once = {m.header[8:]: m.payload for m in self.topic.messages if m.payload != THE_END}
        flows = [f for payload in once.values() for f in flowpb.records(payload)]
        self.assertGreater(len(flows), 10000)
        want = sums(flows)
        self.assertEqual(self.embedded.sums(), want)
        columns = ", ".join(MARKS.values())
        rows = {tuple(r[:-1]): r[-1] for r in self.embedded.query(f"SELECT {columns}, count() FROM flows_raw GROUP BY {columns}")}
        self.assertEqual(rows, dict(collections.Counter(tuple(f.get(k, 0) for k in MARKS) for f in flows)))
        for table, scale in (("flows_5m", "1"), ("rollup_as", "Resolution = 3600"), ("rollup_port", "Resolution = 60")):
            count = "Count" if table == "flows_5m" else "Flows"
            got = self.embedded.query(f"SELECT sum({count}), sum(Bytes), sum(Packets) FROM {table} WHERE {scale}")[0]
            self.assertEqual(dict(zip(("flows", "bytes", "packets"), map(int, got))), want, table)

    def test_whole_messages(self):
        self.killed_under_load("--kafka.batch.bytes", "32KiB", wanted=lambda header: header.piece is None)
        self.check_once()

    def test_pieces(self):
        self.killed_under_load()
        self.check_once()


if __name__ == "__main__":
    unittest.main()
