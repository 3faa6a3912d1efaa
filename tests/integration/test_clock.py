#!/usr/bin/env python3
"""The clock of the machine: set forth by a day and back by an hour while the collector runs (libfaketime), and a time zone far
from UTC. Templates, held data, rates and what waits go by a clock that nobody sets; times that are UTC by contract stay UTC."""
import calendar
import glob
import json
import os
import re
import signal
import socket
import struct
import tempfile
import time
import unittest

import harness
from harness import Collector, wait_until
from test_stream import TEMPLATE, data, ipfix

FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
UNKNOWN = struct.pack(">HHI", 300, 8, 1)  # data, and no template for it


class Clock(unittest.TestCase):
    def collector(self, *options, env):
        self.c = Collector("--transport", "file", "--format", "json", "--kafka.batch.linger", "50ms", *options, env=env)
        self.addCleanup(self.c.close)
        self.exporter = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.exporter.close)

    def send(self, *sets, sequence=0):
        self.exporter.sendto(ipfix(*sets, sequence=sequence), ("127.0.0.1", self.c.port))

    def count(self, what, **labels):
        return self.c.metrics().sum(f"weir_collector_{what}", **labels)

    def flows(self, n):
        lines = lambda: self.c.out.splitlines()
        wait_until(lambda: len(lines()) >= n, lambda: f"{n} flows, there are {len(lines())}\n{self.c.err}")
        return [json.loads(line) for line in lines()]

    def said(self):
        """When the last line of the log was written, as it says."""
        stamp = re.findall(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z", self.c.err)[-1]
        return calendar.timegm(time.strptime(stamp, "%Y-%m-%dT%H:%M:%S"))

    def says_by_itself(self):
        lines = len(self.c.err.splitlines())
        self.c.signal(signal.SIGHUP)
        wait_until(lambda: len(self.c.err.splitlines()) > lines, "SIGHUP is answered")
        return self.said()

    @unittest.skipUnless(FAKETIME, "libfaketime is not installed")
    @unittest.skipIf(harness.SANITIZED, "both want to be the first library that is loaded")
    def test_jumps(self):
        with tempfile.NamedTemporaryFile("w", delete=False) as f:
            f.write("+0")
        self.collector("--hold.time", "2s", "--rate-cap", "1000", "--confine", "off", env={
            "LD_PRELOAD": FAKETIME[0], "FAKETIME_TIMESTAMP_FILE": f.name, "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1"})
        self.send(TEMPLATE, data(1))
        self.flows(1)
        for n, (jump, seconds) in enumerate((("+1d", 86400), ("-1h", -3600), ("+2d", 2 * 86400), ("+0", 0)), 1):
            with self.subTest(jump=jump):
                self.send(UNKNOWN, sequence=n)
                wait_until(lambda: self.count("sets_held_total") == 1, "a set is held")
                with open(f.name + ".new", "w") as new:
                    new.write(jump)
                os.replace(f.name + ".new", f.name)
                self.assertLess(abs(self.says_by_itself() - time.time() - seconds), 600, "the collector's clock has jumped")
                wait_until(lambda: self.count("sets_skipped_total", reason="hold_expired") == n, "it is held for two seconds")
                self.send(data(1), sequence=n)
                self.flows(n + 1)
                self.assertEqual(self.count("templates"), 1)
                self.assertEqual(self.count("templates_expired_total"), 0)
        harness.conserves(self, self.c)
        self.assertEqual(self.c.terminate(), 0, self.c.err)
        self.assertEqual(len(self.flows(5)), 5)

    def test_time_zone(self):
        self.collector(env={"TZ": "Asia/Kathmandu"})
        begun = time.time()
        self.send(TEMPLATE, data(1))
        flow = self.flows(1)[0]
        self.assertLess(abs(flow["time_received_ns"] / 1e9 - begun), 600)
        self.assertLess(abs(self.says_by_itself() - begun), 600)
        seen = json.loads(self.c.page("/exporters"))[0]["exporters"][0]["last_seen_ns"]
        self.assertLess(abs(seen / 1e9 - begun), 600)


if __name__ == "__main__":
    unittest.main()
