#!/usr/bin/env python3
"""Who may send, by a real redis-server and by SIGHUP; passing on; files that logrotate moves; the live tap."""
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest

import harness
from harness import Collector, Program, free_port, get, wait_until


def v5(*pairs):
    """A NetFlow v5 datagram with a record for each (source, destination), RFC 3954's forerunner."""
    now = int(time.time())
    data = struct.pack(">HHIIIIBBH", 5, len(pairs), 100000, now, 0, 0, 0, 0, 0)
    for src, dst in pairs:
        data += socket.inet_aton(src) + socket.inet_aton(dst) + bytes(4) + struct.pack(
            ">HHIIIIHHBBBBHHBBH", 1, 2, 3, 300, 90000, 95000, 1234, 443, 0, 16, 6, 0, 0, 0, 0, 0, 0)
    return data


class Redis(Program):
    def __init__(self, port=None):
        self.port = port or free_port()
        super().__init__("redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        wait_until(lambda: self.alive and "PONG" in self.cli("ping"), lambda: f"redis-server answers\n{self.out}")

    def cli(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True, timeout=60).stdout


class Senders(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="weir-senders-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def collector(self, *options, **more):
        self.file = f"{self.dir}/flows"
        c = Collector("--transport", "file", "--transport.file", self.file, "--kafka.batch.linger", "50ms", *options, **more)
        self.addCleanup(c.close)
        return c

    def redis(self, port=None):
        r = Redis(port)
        self.addCleanup(r.close)
        return r

    def send(self, c, data, source="127.0.0.1", port=0):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((source, port))
            s.sendto(data, ("127.0.0.1", c.port))

    def flows(self, path=None):
        with open(path or self.file) as f:
            return [json.loads(line) for line in f]

    def wait_total(self, c, what, n, **labels):
        wait_until(lambda: c.metrics().sum(f"weir_collector_{what}", **labels) >= n,
                   lambda: f"{what} {labels} reaches {n}\n{c.page('/metrics')}")

    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    def test_netflow_io(self):
        """The lines of netflow.io's manual; changes without a restart; Redis going away."""
        r = self.redis()
        c = self.collector("--redis", f"localhost:{r.port}", "--redis.interval", "100ms")
        wait_until(lambda: "nobody may send" in c.err, "an empty list is said")
        self.send(c, v5(("192.168.1.1", "8.8.8.8")), port=0)
        self.wait_total(c, "datagrams_dropped_total", 1, reason="not_allowed")

        port = free_port(socket.SOCK_DGRAM)
        r.cli("sadd", f"sender:127.0.0.9/{port}", "192.168.0.0/8", "2001:db8::/32")  # first, so that nobody is there without
        r.cli("sadd", "senders", f"127.0.0.9/{port}")
        self.wait_total(c, "senders", 1)
        self.send(c, v5(("192.168.1.1", "8.8.8.8"), ("8.8.8.8", "192.1.2.3"), ("8.8.8.8", "8.8.4.4")), "127.0.0.9", port)
        self.send(c, v5(("192.168.1.1", "8.8.8.8")), "127.0.0.9", 0)  # another port
        self.wait_total(c, "flows_total", 3)
        self.wait_total(c, "datagrams_dropped_total", 2, reason="not_allowed")
        wait_until(lambda: len(self.flows()) == 2, "two of three flows are of the networks")
        self.assertEqual(c.metrics().sum("weir_collector_flows_dropped_total", reason="network"), 1)

        r.close()
        self.wait_total(c, "redis_failures_total", 1)
        self.assertIn("stays in force", c.err)
        self.send(c, v5(("192.168.1.1", "8.8.8.8")), "127.0.0.9", port)
        wait_until(lambda: len(self.flows()) == 3, "the last list stays in force")

        r = self.redis(r.port)  # back, and empty
        wait_until(lambda: c.metrics().sum("weir_collector_senders") == 0, "the new list is in force")
        self.send(c, v5(("192.168.1.1", "8.8.8.8")), "127.0.0.9", port)
        self.wait_total(c, "datagrams_dropped_total", 3, reason="not_allowed")
        r.cli("sadd", "sender:127.0.0.9/0", "0.0.0.0/0", "more nonsense")
        r.cli("sadd", "senders", "127.0.0.9/0", "nonsense")
        self.wait_total(c, "senders", 1)
        self.send(c, v5(("10.0.0.1", "8.8.8.8")), "127.0.0.9", 0)
        wait_until(lambda: len(self.flows()) == 4, "port 0 is any port")
        self.assertIn("nonsense", c.err)
        harness.conserves(self, c)

    def test_reload_of_what_decoders_know(self):
        """SIGHUP: sampling rates by exporter and the mapping, while templates and exporters stay as they are."""
        config, mapping = f"{self.dir}/weir.conf", f"{self.dir}/mapping.conf"

        def write(path, text):
            with open(path, "w") as f:
                f.write(text)

        def ipfix(sets):
            return struct.pack(">HHIII", 10, 16 + len(sets), int(time.time()), 0, 1) + sets

        write(config, f"sampling-rate = 5\nmapping = {mapping}\n")
        write(mapping, "410 = 10001 kind varint\n")
        c = self.collector("--config", config)
        template = struct.pack(">HHHHHHHH", 2, 16, 256, 2, 410, 2, 1, 4)
        data = struct.pack(">HHHI", 256, 10, 7, 1000)
        self.send(c, ipfix(template + data))
        wait_until(lambda: os.path.exists(self.file) and len(self.flows()) == 1, "a flow")
        self.assertEqual((self.flows()[0]["sampling_rate"], self.flows()[0].get("field_10001")), (5, 7))

        write(config, f"sampling-rate.by-exporter = 127.0.0.0/8=64\nmapping = {mapping}\n")
        write(mapping, "410 = ip_tos\n")
        c.signal(signal.SIGHUP)
        wait_until(lambda: "SIGHUP: log level" in c.err, "it is said")
        self.send(c, ipfix(data))  # the template is known already
        wait_until(lambda: len(self.flows()) == 2, "another flow")
        flow = self.flows()[1]
        self.assertEqual((flow["sampling_rate"], flow["ip_tos"], "field_10001" in flow), (64, 7, False))

        write(mapping, "410 = nothing\n")
        c.signal(signal.SIGHUP)
        wait_until(lambda: "'nothing' is no field" in c.err, "a mistake is said")
        self.send(c, ipfix(data))
        wait_until(lambda: len(self.flows()) == 3, "a third flow")
        self.assertEqual(self.flows()[2]["ip_tos"], 7)

    def test_reload(self):
        """SIGHUP puts a changed file in force; a bad one changes nothing; the output file is opened again."""
        config = f"{self.dir}/weir.conf"

        def write(text):
            with open(config, "w") as f:
                f.write(text)

        write("allow = 127.0.0.1\n")
        c = self.collector("--config", config)
        self.send(c, v5(("10.0.0.1", "10.0.0.2")), "127.0.0.2")
        self.wait_total(c, "datagrams_dropped_total", 1, reason="not_allowed")
        write("allow = 127.0.0.0/8\nfilter = dst port 443\nloglevel = debug\n")
        os.rename(self.file, self.file + ".1") if os.path.exists(self.file) else None
        c.signal(signal.SIGHUP)
        wait_until(lambda: "SIGHUP: log level debug, 1 allowed prefixes, filter 'dst port 443'" in c.err, lambda: c.err)
        self.send(c, v5(("10.0.0.1", "10.0.0.2")), "127.0.0.2")
        wait_until(lambda: os.path.exists(self.file) and len(self.flows()) == 1, "the flow is in the new file")
        self.assertIn("1/1 records", c.err)
        write("allow = 127.0.0.0/8\nfilter = dst prt 443\n")
        c.signal(signal.SIGHUP)
        wait_until(lambda: "the old configuration stays in force" in c.err, lambda: c.err)
        self.send(c, v5(("10.0.0.1", "10.0.0.2")), "127.0.0.2")
        wait_until(lambda: len(self.flows()) == 2, "the old filter is in force")
        write("filter = dst port 53\n")
        c.signal(signal.SIGHUP)
        wait_until(lambda: "(everybody), filter 'dst port 53'" in c.err, lambda: c.err)
        self.send(c, v5(("10.0.0.1", "10.0.0.2")), "127.0.0.3")
        self.wait_total(c, "flows_dropped_total", 1, reason="filtered")
        self.assertEqual(len(self.flows()), 2)

    def test_debug_lines(self):
        """A line a datagram, and where a template is missing what to think of it: not when there is one."""
        c = self.collector("--loglevel", "debug")
        ipfix = lambda sets: struct.pack(">HHIII", 10, 16 + len(sets), int(time.time()), 0, 1) + sets
        v9 = lambda sets: struct.pack(">HHIIII", 9, 1, 1000, int(time.time()), 0, 1) + sets
        template, data = struct.pack(">HHHHHH", 2, 12, 256, 1, 1, 4), struct.pack(">HHI", 256, 8, 1000)
        hint = "a template can take as long as the exporter's refresh interval, 10 to 60 minutes"
        reserved = struct.pack(">HHI", 100, 8, 0)
        for sent, (datagram, version, hinted, why) in enumerate((
                (ipfix(data), 10, True, "data whose template has not come"), (v9(data), 9, True, "data whose template has not come"),
                (ipfix(template + data), 10, False, ""), (ipfix(data + reserved), 10, False, "skipped: a set id that is reserved")), 1):
            said = len(c.err.splitlines())
            self.send(c, datagram)
            self.wait_total(c, "datagrams_total", sent)
            found = lambda: [line for line in c.err.splitlines()[said:] if f"version {version}" in line]
            lines = wait_until(found, lambda: c.err)
            self.assertEqual(len(lines), 1, c.err)
            self.assertRegex(lines[0], r"debug +exporter: 127\.0\.0\.1 port \d+: .* \d+/\d+ records")
            self.assertEqual(hint in lines[0], hinted, lines[0])
            self.assertIn(why, lines[0])

    def test_repeat(self):
        """What one collector passes on, unchanged, another decodes."""
        second = Collector("--transport", "null")
        self.addCleanup(second.close)
        c = self.collector("--repeat", second.to)
        for i in range(20):
            self.send(c, v5(*[("10.0.0.1", "10.0.0.2")] * (1 + i)))
        wait_until(lambda: second.metrics().sum("weir_collector_flows_total") == 210, "all were passed on")
        self.assertEqual(c.metrics().sum("weir_collector_datagrams_repeated_total"), 20)

    def test_tap(self):
        c = self.collector()
        url = f"http://127.0.0.1:{c.http}/flows?limit=3"
        tap = subprocess.Popen(["curl", "-sN", "--max-time", "90", url], stdout=subprocess.PIPE, text=True)
        self.addCleanup(tap.stdout.close)
        self.addCleanup(tap.wait)
        deadline = time.monotonic() + 60
        while tap.poll() is None and time.monotonic() < deadline:
            self.send(c, v5(("10.0.0.1", "10.0.0.2")))
            time.sleep(0.05)
        out = tap.stdout.read()
        self.assertEqual(tap.poll(), 0)
        self.assertEqual([json.loads(line)["src_addr"] for line in out.splitlines()], ["10.0.0.1"] * 3)
        self.assertTrue(get(f"http://127.0.0.1:{c.http}/flows?limit=x").startswith("400 "))


if __name__ == "__main__":
    unittest.main()
