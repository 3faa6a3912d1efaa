#!/usr/bin/env python3
"""docs/operations.md, "Flows are missing: where?", held against the program: every counter and reason that it names is there, and under
each fault the counter that the page names moves. (Partitions, certificates, passwords, a full disk: test_partitions.py,
test_secure.py, test_outage.py.)"""
import re
import signal
import socket
import tempfile
import unittest

import harness
from harness import ROOT, Collector, free_port, mock, wait_until
from test_stream import TEMPLATE, data, ipfix


def tree():
    with open(f"{ROOT}/docs/operations.md") as f:
        return f.read().split("## Flows are missing: where?")[1].split("\n## ")[0]


def named():
    """What stands between backquotes, and in the commands there."""
    return set(re.findall(r"[a-z][a-z_]+", " ".join(re.findall(r"`([^`]+)`", tree()))))


def counters():
    return {n for n in named() if re.search(r"_(total|bytes|pending|connected|stuck)$", n)}


class Faults(unittest.TestCase):
    def collector(self, *options):
        """Of everything that the page may name, and with nobody behind it."""
        self.tcp = free_port()
        self.c = Collector("--listen", f"ipfix+tcp://127.0.0.1:{self.tcp}", "--journal.path", tempfile.mkdtemp(), "--shutdown-timeout", "1s",
                           *options, brokers=f"127.0.0.1:{free_port()}", scheme="flow")
        self.addCleanup(self.c.close)
        self.exporter = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.exporter.close)

    def send(self, payload):
        self.exporter.sendto(payload, ("127.0.0.1", self.c.port))

    def shows(self, counter, **labels):
        """The page names it (and the reason), and it has moved."""
        for word in (counter, *labels.values()):
            self.assertIn(word, named(), "docs/operations.md names it")
        wait_until(lambda: self.c.metrics().sum(f"weir_collector_{counter}", **labels) > 0,
                   lambda: f"{counter} {labels} moves\n{self.c.page('/metrics')}")

    def test_all_that_it_names_is_there(self):
        self.collector("--redis", f"localhost:{free_port()}")
        page = self.c.page("/metrics")
        self.assertGreater(len(counters()), 15, counters())
        for name in counters():
            self.assertRegex(page, rf"weir_collector_\w*{name}\b", "docs/operations.md names it")
        with open(f"{ROOT}/common/err.def") as f:
            reasons = set(re.findall(r'REASON\(\w+, +"(\w+)"', f.read()))
        reasons |= set(re.findall(r'kafka_errors_total{reason="(\w+)"', page))
        said = set(re.findall(r"`([a-z_]+)`:? ?", tree())) - counters() - {"M", "senders", "refused_total", "ended_total"}
        self.assertEqual(said - reasons, set(), "reasons that docs/operations.md names")

    def test_redis_away(self):
        self.collector("--redis", f"localhost:{free_port()}", "--redis.interval", "100ms")
        self.shows("redis_failures_total")
        self.send(ipfix(TEMPLATE, data(1)))
        self.shows("datagrams_dropped_total", reason="not_allowed")

    def test_on_the_way_in(self):
        self.collector("--hold.bytes", "0", "--filter", "bytes > 500", "--stream.sessions-per-address", "1", "--udp.receive-buffer", "8KiB")
        self.send(b"nonsense")
        self.shows("datagrams_dropped_total")
        self.send(ipfix(data(1)))
        self.shows("sets_skipped_total", reason="no_template")
        self.send(ipfix(TEMPLATE, data(1)))
        self.send(ipfix(data(1), sequence=2))
        self.send(ipfix(data(1), sequence=10))
        self.shows("sequence_lost_total")
        self.shows("flows_dropped_total", reason="filtered")
        one, two = (socket.create_connection(("127.0.0.1", self.tcp), 10) for _ in range(2))
        self.addCleanup(one.close)
        self.addCleanup(two.close)
        wait_until(lambda: self.c.metrics().sum("weir_collector_sessions_refused_total") == 1, "the second connection is refused")
        self.c.signal(signal.SIGSTOP)
        for _ in range(500):
            self.send(ipfix(TEMPLATE, data(20)))
        self.c.signal(signal.SIGCONT)
        self.shows("kernel_dropped_total")
        harness.conserves(self, self.c)

    def test_kafka_away_for_too_long(self):
        self.collector("--journal.max-bytes", "8MiB", "--kafka.batch.bytes", "64KiB")
        self.assertEqual(self.c.metrics().sum("weir_collector_kafka_connected"), 0)
        self.shows("kafka_errors_total", reason="connection")
        mock(self.c.to, protocol="ipfix", count=3000, flows=50, rate=6000)
        self.shows("flows_pending")
        self.shows("flows_dropped_total", reason="journal_full")
        m = harness.conserves(self, self.c)
        self.assertLessEqual(m.sum("weir_collector_journal_bytes"), m.sum("weir_collector_journal_max_bytes"))
        wait_until(lambda: "the cap of" in self.c.err, lambda: f"a line says so\n{self.c.err}")


if __name__ == "__main__":
    unittest.main()
