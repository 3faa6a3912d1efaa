#!/usr/bin/env python3
"""What the collector says never came: datagrams lost on the way are gaps in the sequence numbers, in each version's own
unit; received and lost together are what the exporter sent. And nonsense: each of it counted with one reason."""
import json
import random
import socket
import struct
import threading
import time
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


class Stream:
    """What one exporter sends of one version in one domain: COUNT datagrams with numbers in their own unit, that begin anew in the
    middle. Of those before and after, some are withheld and some come late."""
    COUNT, RESTART = 60, 30
    WITHHELD = {7, 8, 15, 40}
    LATE = {20: 21, 45: 48}  # comes after that one

    def __init__(self, address, version, domain, first):
        self.address, self.version, self.domain = address, version, domain
        self.sent = self.withheld = self.late = 0
        made = [self.make(n, number) for n, number in self.numbers(first)]
        late = {after: made[n] for n, after in self.LATE.items()}
        self.datagrams = [d for n, one in enumerate(made) if n not in self.WITHHELD | set(self.LATE) for d in (one, late.get(n)) if d]

    def numbers(self, number):
        many = random.Random(f"{self.address} {self.version} {self.domain}")
        for n in range(self.COUNT):
            number = 0 if n == self.RESTART else number
            self.records = many.randrange(1, 6)
            units = self.records if self.version in (5, 10) else 1
            self.sent += units
            self.withheld += units if n in self.WITHHELD else 0
            self.late += units if n in self.LATE else 0
            yield n, number
            number += units

    def make(self, n, number):
        now, k = int(time.time()), self.records
        if self.version == 5:
            return struct.pack(">HHIIIIBBH", 5, k, 1000, now, 0, number, 0, self.domain, 0) + k * bytes(48)
        if self.version == 0x105:
            return struct.pack(">II4sIIII", 5, 1, socket.inet_aton(self.address), self.domain, number, 1000, 0)
        sets = struct.pack(">HHHHHH", 2 if self.version == 10 else 0, 12, 256, 1, 1, 4) if n == 0 else b""
        sets += struct.pack(f">HH{k}I", 256, 4 + 4 * k, *range(k))
        if self.version == 9:
            return struct.pack(">HHIIII", 9, k + (n == 0), 1000, now, number, self.domain) + sets
        return struct.pack(">HHIII", 10, 16 + len(sets), now, number, self.domain) + sets


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
        harness.conserves(self, self.collector)

    def test_v5_counts_flows(self):
        self.lossy("v5", 7)

    def test_v9_counts_datagrams(self):
        self.lossy("v9", 1)

    def test_ipfix_counts_records(self):
        self.lossy("ipfix", 7)

    def test_sflow_counts_datagrams(self):
        self.lossy("sflow", 1)

    def test_each_stream(self):
        """Of each exporter, domain and version: received + lost - late = sent, in its own unit, over a restart far off and one near by."""
        streams = [Stream(f"127.0.0.{n}", version, domain, first) for n in (21, 22, 23) for version in (5, 9, 10, 0x105)
                   for domain, first in ((1, 500000), (2, 100))]
        out = {a: socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for a in {s.address for s in streams}}
        for address, one in out.items():
            self.addCleanup(one.close)
            one.bind((address, 0))
        sent = 0
        for at in range(max(len(s.datagrams) for s in streams)):
            for s in streams:
                out[s.address].sendto(s.datagrams[at], ("127.0.0.1", self.collector.port))
                sent += 1
            wait_until(lambda: self.counted("datagrams") == sent, "all received")
        seen = {(e["exporter"], d["version"], d["domain"]): d for w in json.loads(self.collector.page("/exporters"))
                for e in w["exporters"] for d in e["domains"]}
        self.assertEqual(len(seen), len(streams))
        for s in streams:
            with self.subTest(exporter=s.address, version=s.version, domain=s.domain):
                d = seen[s.address, s.version, s.domain]
                self.assertEqual(d["received"], s.sent - s.withheld)
                self.assertEqual(d["lost"] - d["reordered"], s.withheld)
                self.assertEqual(d["received"] + d["lost"] - d["reordered"], s.sent)
                self.assertGreaterEqual(d["reordered"], s.late)
                self.assertEqual(d["restarts"], 1)
        self.assertEqual(self.counted("sequence_lost") - self.counted("sequence_reordered"), sum(s.withheld for s in streams))
        harness.conserves(self, self.collector)

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
        harness.conserves(self, self.collector)
        self.assertEqual(self.collector.terminate(), 0)


if __name__ == "__main__":
    unittest.main()
