#!/usr/bin/env python3
"""What the collector says never came: datagrams lost on the way are gaps in the sequence numbers, in each version's own
unit; received and lost together are what the exporter sent. And nonsense: each of it counted with one reason."""
import random
import socket
import threading
import unittest

import harness
from harness import Collector, free_port, mock, wait_until


class LossyPath:
    """Passes UDP datagrams on, but for those whose number, from 0, is in LOSE."""

    def __init__(self, target, lose):
        self.port = free_port(socket.SOCK_DGRAM)
        self.target = ("127.0.0.1", target)
        self.lose = lose
        self.lost = []
        self.passed = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", self.port))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        number = 0
        while True:
            data = self.socket.recv(65535)
            if not data:
                out.close()
                self.socket.close()
                return
            if number in self.lose:
                self.lost.append(data)
            else:
                out.sendto(data, self.target)
                self.passed += 1
            number += 1

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"", ("127.0.0.1", self.port))


class Accounting(unittest.TestCase):
    def setUp(self):
        self.collector = Collector("--transport", "null", scheme="flow")
        self.addCleanup(self.collector.close)

    def counted(self, name, **labels):
        return self.collector.metrics().sum(f"weir_collector_{name}_total", **labels)

    def lossy(self, protocol, unit, flows=7):
        """UNIT: how much a lost datagram of data weighs in the protocol's sequence numbers."""
        # Every tenth or so, but never the first datagrams (nothing to compare with yet) nor the last (no gap to see).
        lose = {n for n in range(5, 195) if random.Random(n).random() < 0.1}
        path = LossyPath(self.collector.port, lose)
        self.addCleanup(path.close)
        s = mock(f"127.0.0.1:{path.port}", protocol=protocol, count=200, flows=flows, rate=500, templates_every=1000)
        wait_until(lambda: self.counted("datagrams") + len(path.lost) == s["datagrams"], "all arrived or lost")
        self.assertGreater(len(path.lost), 10)
        self.assertEqual(self.counted("sequence_lost"), unit * len(path.lost))
        self.assertEqual(self.counted("sequence_reordered"), 0)
        self.assertEqual(self.counted("flows") + flows * len(path.lost), s["flows"])
        harness.conserves(self, self.collector.metrics())

    def test_v5_counts_flows(self):
        self.lossy("v5", 7)

    def test_v9_counts_datagrams(self):
        self.lossy("v9", 1)

    def test_ipfix_counts_records(self):
        self.lossy("ipfix", 7)

    def test_sflow_counts_datagrams(self):
        self.lossy("sflow", 1)

    def test_nonsense(self):
        """Noise of every length beside real traffic: nothing but counters moves, and they add up."""
        noise = random.Random(3)
        s = mock(self.collector.to, protocol="v5,v9,ipfix", count=60, flows=5, rate=2000)
        wait_until(lambda: self.counted("datagrams") == s["datagrams"], "all received")
        before = self.counted("flows")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for n in range(2000):
                head = noise.choice([b"", b"\0\5", b"\0\x09", b"\0\x0a", b"\0\0\0\5", b"\0\1", b"\0\7", b"\0\x08"])
                out.sendto(head + noise.randbytes(noise.randrange(0, 1400)), ("127.0.0.1", self.collector.port))
                if n % 100 == 99:
                    wait_until(lambda: self.counted("datagrams") == s["datagrams"] + n + 1, "noise received")
        again = mock(self.collector.to, protocol="v5,v9,ipfix", count=60, flows=5, rate=2000)
        wait_until(lambda: self.counted("datagrams") == s["datagrams"] + 2000 + again["datagrams"], "all received")
        self.assertGreaterEqual(self.counted("flows"), before + again["flows"])
        self.assertGreater(self.counted("datagrams_dropped"), 1000)
        harness.conserves(self, self.collector.metrics())
        self.assertEqual(self.collector.terminate(), 0)


if __name__ == "__main__":
    unittest.main()
