#!/usr/bin/env python3
"""A flood of sources beside an exporter that behaves, through a whole weir-collector: memory and pages stay bounded, nothing of
the one that behaves is lost behind the socket.

All of 127.0.0.0/8 is this machine's, so that 20,000 sources need neither raw sockets nor privileges. Any address at all, as fast as
frames can be written (spoof.c), needs a network namespace with a pair of interfaces: root.
"""
import ctypes
import ipaddress
import json
import os
import random
import signal
import socket
import struct
import subprocess
import time
import unittest

from harness import BUILD, LONG, SANITIZED, Collector, mock, mock_in_background, wait_until

SOURCES, EXPORTERS_MAX, RESIDENT_MAX = 20000, 16384, 256 << 20
SPOOFED = 1000000 if LONG else 60000
CLONE_NEWNET = 0x40000000


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
        self.assertLess(resident(c.process.pid), RESIDENT_MAX)
        page = c.page("/metrics/exporters")
        self.assertLess(page.count("\n"), 60000)
        self.assertIn('exporter="other"', page)
        self.assertLess(c.page("/metrics").count("\n"), 2000)


def own_network():
    """This process, and what it starts, in a network namespace with the interfaces one and two; two is 10.99.0.1."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise unittest.SkipTest(f"no network namespace of its own: {os.strerror(ctypes.get_errno())} (needs root)")
    for words in ("link set lo up", "link add one type veth peer name two", "address add 10.99.0.1/24 dev two", "link set one up",
                  "link set two up"):
        done = subprocess.run(["ip", *words.split()], capture_output=True, text=True)
        if done.returncode != 0:
            raise unittest.SkipTest(f"ip {words}: {done.stderr.strip()}")
    for name in ("all", "two"):  # any source is believed, as a router's outer interface would
        with open(f"/proc/sys/net/ipv4/conf/{name}/rp_filter", "w") as f:
            f.write("0")


@unittest.skipIf(SANITIZED, "too slow: what is sent last is lost before the socket is read, and nobody says so")
class Spoofed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        own_network()
        shown = subprocess.run(["ip", "-json", "link", "show", "two"], capture_output=True, text=True, check=True).stdout
        cls.mac = json.loads(shown)[0]["address"]

    def setUp(self):
        """One that behaves goes on all the time, at the same socket."""
        self.collector = Collector("--transport", "null", host="0.0.0.0")
        self.addCleanup(self.collector.close)
        self.well = mock_in_background(self.collector.to, "-", count=0, flows=10, rate=500, protocol="v9")
        self.addCleanup(self.well.close)
        wait_until(lambda: self.of_the_well()["flows"] > 100, "it is heard")

    def of_the_well(self):
        """What the collector knows of it; nothing when it was forgotten."""
        for e in (e for part in json.loads(self.collector.page("/exporters?exporter=127.0.0.1")) for e in part["exporters"]):
            return {**{k: e[k] for k in ("datagrams", "flows", "sets_without_template")}, "lost": sum(d["lost"] for d in e["domains"])}
        return {"flows": 0}

    def flood(self, n, *how):
        """Until N have reached the decoder, whatever the kernel threw away; the most memory that was seen."""
        c, seed, most = self.collector, 0, 0
        before = c.metrics().sum("weir_collector_datagrams_total")
        while c.metrics().sum("weir_collector_datagrams_total") - before < n:
            seed += 1
            subprocess.run([f"{BUILD}/tests/spoof", "one", self.mac, "10.99.0.1", str(c.port), "20000", str(seed), *how], check=True,
                           timeout=120)
            most = max(most, resident(c.process.pid))
        return most

    def unharmed(self):
        """Of the one that behaves all that was not lost before the socket was read is decoded."""
        now = self.of_the_well()["flows"]
        wait_until(lambda: self.of_the_well()["flows"] > now + 100, "it is heard after the flood: its last datagrams are not lost")
        self.well.signal(signal.SIGTERM)
        self.assertEqual(self.well.wait(), 0, self.well.err)
        sent = json.loads(self.well.out)
        wait_until(lambda: (w := self.of_the_well()) and w["datagrams"] + w["lost"] >= sent["datagrams"], lambda: f"{sent}: {self.of_the_well()}")
        well = self.of_the_well()
        self.assertEqual(well["datagrams"] + well["lost"], sent["datagrams"])
        self.assertEqual(well["sets_without_template"], 0)
        self.assertGreaterEqual(well["flows"] + 10 * well["lost"], sent["flows"])  # less where a template was among the lost
        return well

    def test_any_source(self):
        begun = time.monotonic()
        most = self.flood(SPOOFED)
        seconds = time.monotonic() - begun
        m = self.collector.metrics()
        print(f"{SPOOFED} sources in {seconds:.1f} s, {most >> 20} MiB, well-behaved {self.unharmed()}, dropped by the kernel "
              f"{m.sum('weir_collector_kernel_dropped_total')}")
        self.assertLess(most, RESIDENT_MAX)
        self.assertLessEqual(m.sum("weir_collector_exporters"), EXPORTERS_MAX)
        self.assertGreater(m.sum("weir_collector_exporters_evicted_total"), SPOOFED // 2)
        self.assertLess(self.collector.page("/metrics/exporters").count("\n"), 60000)

    def test_a_template_that_changes_with_every_datagram(self):
        most = self.flood(SPOOFED, "one")
        m = self.collector.metrics()
        print(f"{SPOOFED} templates, {most >> 20} MiB, well-behaved {self.unharmed()}, dropped by the kernel "
              f"{m.sum('weir_collector_kernel_dropped_total')}")
        self.assertLess(most, RESIDENT_MAX)
        self.assertLess(m.sum("weir_collector_templates"), 100)
        self.assertGreater(m.sum("weir_collector_templates_changed_total") + m.sum("weir_collector_templates_added_total"), SPOOFED // 2)


if __name__ == "__main__":
    unittest.main()
