#!/usr/bin/env python3
"""A broker that answers with errors for some of a topic: what concerns one partition waits in the journal, the other partitions go
on, the receive path too, and /metrics says so."""
import signal
import tempfile
import unittest

import harness
from harness import KafkaCase, SecondBroker, mock, sums, summary_sums, wait_until


class Partitions(KafkaCase):
    settings = ("auto.create.topics.enable=false",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.second = SecondBroker(cls.kafka).start()
        cls.addClassCleanup(cls.second.close)

    def begin(self, topic):
        self.journal = tempfile.mkdtemp()
        self.collector = self.collect(topic, "--kafka.batch.bytes", "4KiB", "--kafka.batch.linger", "50ms", "--journal.path", self.journal)
        self.topic = self.read(topic)

    def send(self, **more):
        s = mock(self.collector.to, protocol="ipfix", flows=10, **more)
        self.sent = harness.summary_sums(self.sent, s) if hasattr(self, "sent") else harness.summary_sums(s)
        return s

    def count(self, what):
        return self.collector.metrics().sum(f"weir_collector_{what}")

    def all_there(self):
        wait_until(lambda: self.count("flows_pending") == 0, lambda: f"nothing pending\n{self.collector.err[-3000:]}", 90)
        self.assertEqual(sums(self.topic.wait_flows(self.sent["flows"], 90)), self.sent)
        self.assertEqual(self.count("flows_dropped_total"), 0)
        harness.conserves(self, self.collector)

    def test_one_without_a_leader(self):
        """Partition 2 lies on the second broker alone, which ends. More batches come than the window holds."""
        self.kafka.tool("org.apache.kafka.tools.TopicCommand", "--create", "--topic", "split", "--replica-assignment", "1,1,2,1")
        self.begin("split")
        self.send(count=100, rate=1000)
        wait_until(lambda: {m.partition for m in self.topic.messages} == {0, 1, 2, 3}, "all partitions take messages")
        self.all_there()
        self.second.program.signal(signal.SIGSTOP)
        self.addCleanup(self.second.program.signal, signal.SIGCONT)
        before = self.topic.count()
        s = self.send(count=2000, rate=2000)  # some 500 batches, 125 of them for partition 2
        wait_until(lambda: self.count("flows_total") == self.sent["flows"], "the receive path goes on")
        others = lambda: self.topic.count() - before >= s["flows"] * 0.7
        wait_until(others, lambda: f"the other partitions take theirs: {self.topic.count() - before} of {s['flows']}", 60)
        self.assertGreater(self.count("flows_pending"), s["flows"] * 0.2)
        wait_until(lambda: self.count("kafka_partitions_stuck") == 1, "the counter says so", 60)
        wait_until(lambda: "partition 2 takes nothing" in self.collector.err, lambda: f"a line\n{self.collector.err}", 60)
        # Killed meanwhile: what waits is sent by the next run, once the broker is back.
        self.collector.kill()
        held = s["flows"] - (self.topic.count() - before)
        port = self.collector.port
        self.collector = self.collect("split", "--kafka.batch.bytes", "4KiB", "--journal.path", self.journal, port=port)
        self.assertGreaterEqual(self.count("flows_recovered_total"), held)
        self.second.program.signal(signal.SIGCONT)
        self.all_there()
        wait_until(lambda: self.count("kafka_partitions_stuck") == 0, "and that it is over")

    def test_missing_topic(self):
        """Nobody has made it, and the broker does not by itself: flows wait until somebody does."""
        self.begin("missing")
        self.send(count=100, rate=1000)
        wait_until(lambda: "topic 'missing' is not there" in self.collector.err, lambda: f"a line\n{self.collector.err}", 60)
        self.assertEqual(self.collector.page("/readyz"), "503 not ready: topic 'missing' is not there\n")
        wait_until(lambda: self.collector.metrics().sum("weir_collector_kafka_errors_total", reason="topic") > 0, "the counter says so")
        self.assertEqual(self.count("flows_pending"), self.sent["flows"])
        self.kafka.tool("org.apache.kafka.tools.TopicCommand", "--create", "--topic", "missing", "--partitions", "4", "--replication-factor", "1")
        self.all_there()
        wait_until(lambda: "topic 'missing' is there now" in self.collector.err, "and that it is over")
        wait_until(lambda: self.collector.page("/readyz") == "OK\n", "ready")

    def test_topic_deleted(self):
        """While flows come; then it is made anew, with fewer partitions. What came meanwhile waited."""
        make = lambda n: self.kafka.tool("org.apache.kafka.tools.TopicCommand", "--create", "--topic", "gone", "--partitions", str(n),
                                         "--replication-factor", "1")
        make(4)
        self.begin("gone")
        self.send(count=100, rate=1000)
        self.all_there()
        self.topic.close()
        self.kafka.tool("org.apache.kafka.tools.TopicCommand", "--delete", "--topic", "gone")
        s = self.send(count=500, rate=2000)
        wait_until(lambda: self.collector.metrics().sum("weir_collector_kafka_errors_total", reason="topic") > 0,
                   lambda: f"the counter says so\n{self.collector.page('/metrics')}", 60)
        self.assertGreaterEqual(self.count("flows_pending"), s["flows"])
        wait_until(lambda: self.collector.page("/readyz") == "503 not ready: topic 'gone' is not there\n", self.collector.page("/readyz"), 60)
        make(2)
        wait_until(lambda: self.count("flows_pending") == 0, lambda: f"nothing pending\n{self.collector.err[-3000:]}", 90)
        self.assertEqual(sums(self.read("gone").wait_flows(s["flows"])), summary_sums(s))
        self.assertEqual(self.collector.page("/readyz"), "OK\n")
        self.assertEqual(self.count("flows_dropped_total"), 0)

    def test_too_few_replicas_in_sync(self):
        """Each partition wants two replicas in sync and has one left: the broker takes nothing until the other is back."""
        self.kafka.tool("org.apache.kafka.tools.TopicCommand", "--create", "--topic", "strict", "--replica-assignment", "1:2,1:2",
                        "--config", "min.insync.replicas=2")
        self.begin("strict")
        self.send(count=100, rate=1000)
        self.all_there()
        self.second.program.signal(signal.SIGSTOP)
        self.addCleanup(self.second.program.signal, signal.SIGCONT)
        self.send(count=1000, rate=2000)
        wait_until(lambda: self.count("flows_total") == self.sent["flows"], "the receive path goes on")
        wait_until(lambda: self.count("kafka_partitions_stuck") == 2,
                   lambda: f"the counter says so\n{self.collector.page('/metrics')}\n{self.collector.err}", 60)
        self.second.program.signal(signal.SIGCONT)
        self.all_there()
        self.assertEqual(self.topic.duplicates(), 0)


if __name__ == "__main__":
    unittest.main()
