#!/usr/bin/env python3
"""A flood of sources beside an exporter that behaves, through a whole weir-collector: memory and pages stay bounded, nothing of
the one that behaves is lost behind the socket.

All of 127.0.0.0/8 is this machine's, so that 20,000 sources need neither raw sockets nor privileges.
"""
import ipaddress
import random
import socket
import struct
import time
import unittest

from harness import Collector, mock, wait_until

SOURCES, EXPORTERS_MAX = 20000, 16384


def template_and_data(rng):
    """NetFlow v9 with a template of its own and a record for it."""
    fields = [(rng.randrange(1, 400), rng.choice((1, 2, 4, 8))) for _ in range(rng.randrange(1, 30))]
    number = rng.randrange(256, 60000)
    template = struct.pack(">HH", number, len(fields)) + b"".join(struct.pack(">HH", *f) for f in fields)
    data = bytes(sum(length for _, length in fields))
    return (struct.pack(">HHIIII", 9, 2, 1000, int(time.time()), 1, rng.randrange(4)) + struct.pack(">HH", 0, len(template) + 4)
            + template + struct.pack(">HH", number, len(data) + 4) + data)


def resident(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))


class Flood(unittest.TestCase):
    def test_many_sources(self):
        c = Collector("--transport", "null", scheme="netflow")
        self.addCleanup(c.close)
        rng, sent, sent_well, flows_well = random.Random(10), 0, 0, 0
        sources = rng.sample(range(int(ipaddress.ip_address("127.1.0.0")), int(ipaddress.ip_address("127.255.0.0"))), SOURCES)
        for at in range(0, SOURCES, 2500):
            for source in sources[at:at + 2500]:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                    s.bind((str(ipaddress.ip_address(source)), 0))
                    s.sendto(template_and_data(rng), ("127.0.0.1", c.port))
                sent += 1
            well = mock(c.to, count=100, flows=10, rate=1000, protocol="v9")
            sent_well += well["datagrams"]
            flows_well += well["flows"]
            wait_until(lambda: c.metrics().sum("weir_collector_datagrams_total") >= sent + sent_well, "all are read")
        m = c.metrics()
        self.assertEqual(m.sum("weir_collector_kernel_dropped_total"), 0)
        self.assertLessEqual(m.sum("weir_collector_exporters"), EXPORTERS_MAX)
        self.assertGreater(m.sum("weir_collector_exporters_evicted_total"), 0)
        listed = c.page("/exporters?exporter=127.0.0.1")
        self.assertIn('"lost":0', listed.replace(" ", ""))
        self.assertIn(f'"flows":{flows_well}', listed.replace(" ", ""))
        self.assertLess(resident(c.process.pid), 256 << 20)
        page = c.page("/metrics/exporters")
        self.assertLess(page.count("\n"), 60000)
        self.assertIn('exporter="other"', page)
        self.assertLess(c.page("/metrics").count("\n"), 2000)


if __name__ == "__main__":
    unittest.main()
