#!/usr/bin/env python3
"""IPFIX over TCP, TLS and SCTP, and packets of an interface: real exporters and clients against weir-collector."""
import collections
import json
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import unittest
import warnings

import harness
from harness import BIN, ROOT, Collector, Kafka, Program, Topic, free_port, sums, wait_until

PACKETS = f"{ROOT}/tests/golden/packets.pcap"
# What softflowd and tshark count in it by protocol (tests/golden/softflowd-v9.log): octets and packets.
COUNTS = {"ICMP": (12776, 18), "IGMP": (40, 1), "TCP": (156062, 157), "UDP": (28776, 52), "IPv6-ICMP": (2004, 21)}

TEMPLATE = struct.pack(">HHHHHHHHHHHH", 2, 24, 256, 4, 8, 4, 12, 4, 1, 4, 2, 4)  # addresses, octets, packets
WITHDRAWAL = struct.pack(">HHHH", 2, 8, 256, 0)


def ipfix(*sets, sequence=0, version=10):
    body = b"".join(sets)
    return struct.pack(">HHIII", version, 16 + len(body), int(time.time()), sequence, 1) + body


def data(n, octets=100):
    record = struct.pack(">4B4BII", 10, 0, 0, 1, 10, 0, 0, 2, octets, 1)
    return struct.pack(">HH", 256, 4 + n * len(record)) + n * record


def by_protocol(flows):
    counts = collections.defaultdict(lambda: [0, 0])
    for f in flows:
        counts[f["proto"]][0] += f["bytes"]
        counts[f["proto"]][1] += f["packets"]
    return {proto: tuple(c) for proto, c in counts.items()}


class Printing(unittest.TestCase):
    """A collector that prints JSON lines."""

    def collector(self, scheme, *options, **more):
        c = Collector("--transport", "file", "--format", "json", *options, scheme=scheme, port=free_port(), **more)
        self.addCleanup(c.close)
        self.c = c
        return c

    def connect(self, host="127.0.0.1"):
        s = socket.create_connection(("127.0.0.1", self.c.port), timeout=10, source_address=(host, 0))
        self.addCleanup(s.close)
        return s

    def flows(self, n):
        lines = lambda: self.c.out.splitlines()
        wait_until(lambda: len(lines()) >= n, lambda: f"{n} flows, there are {len(lines())}\n{self.c.err}")
        self.assertEqual(len(lines()), n)
        return [json.loads(line) for line in lines()]

    def count(self, what, **labels):
        return self.c.metrics().sum(f"weir_collector_{what}", **labels)

    def wait_count(self, n, what, **labels):
        wait_until(lambda: self.count(what, **labels) == n, lambda: f"{what} {labels} is {n}\n{self.c.page('/metrics')}")

    def wait_ended(self, s, reason):
        self.wait_count(1, "sessions_ended_total", reason=reason)
        try:
            self.assertEqual(s.recv(1), b"")
        except ConnectionResetError:
            pass  # there was more that nobody read

    def consistent(self):
        m = harness.conserves(self, self.c)
        name = "weir_collector_sessions"
        self.assertEqual(m.sum(f"{name}_accepted_total"), m.sum(name) + m.sum(f"{name}_ended_total"))


class Tcp(Printing):
    def test_softflowd(self):
        c = self.collector("ipfix+tcp")
        subprocess.run(["softflowd", "-r", PACKETS, "-n", c.to, "-v", "10", "-P", "tcp", "-d"], check=True, capture_output=True,
                       timeout=120)
        with open(f"{ROOT}/tests/golden/softflowd-ipfix.json") as f:
            n = sum(1 for _ in f)  # the same packets over UDP
        self.assertEqual(by_protocol(self.flows(n)), COUNTS)
        self.wait_count(1, "sessions_ended_total", reason="closed")
        self.assertEqual(self.count("templates"), 0)
        self.consistent()

    def test_octet_by_octet_and_many_at_once(self):
        self.collector("ipfix+tcp")
        s = self.connect()
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in ipfix(TEMPLATE, data(2)):
            s.sendall(bytes([octet]))
        self.flows(2)
        s.sendall(b"".join(ipfix(data(10), sequence=2 + 10 * i) for i in range(500)))
        self.flows(5002)
        self.assertEqual(self.count("sequence_lost_total"), 0)

    def test_templates_are_of_the_session(self):
        self.collector("ipfix+tcp", "--hold.bytes", "0")
        one, two = self.connect(), self.connect()
        one.sendall(ipfix(TEMPLATE, data(1)))
        self.flows(1)
        two.sendall(ipfix(data(1)))
        self.wait_count(1, "sets_skipped_total", reason="no_template")
        one.sendall(ipfix(WITHDRAWAL, data(1)))
        self.wait_count(2, "sets_skipped_total", reason="no_template")
        self.assertEqual(self.count("templates_withdrawn_total"), 1)
        one.close()
        two.close()
        self.wait_count(2, "sessions_ended_total", reason="closed")
        self.wait_count(0, "exporters")
        self.flows(1)
        self.consistent()

    def test_v9_over_tcp_is_refused(self):
        self.collector("ipfix+tcp")
        s = self.connect()
        s.sendall(struct.pack(">HHIIII", 9, 1, 1, 1, 1, 1) + TEMPLATE)
        self.wait_ended(s, "unknown_version")

    def test_slow_idle_and_broken(self):
        self.collector("ipfix+tcp", "--stream.message-time", "1s", "--stream.idle", "3s")
        slow, idle, cut, lying = (self.connect() for _ in range(4))
        lying.sendall(struct.pack(">HH", 10, 3))
        self.wait_ended(lying, "bad_length")
        cut.sendall(ipfix(TEMPLATE)[:20])
        cut.close()
        self.wait_count(1, "sessions_ended_total", reason="truncated")
        slow.sendall(b"\0")
        self.wait_ended(slow, "slow")
        self.wait_ended(idle, "idle")
        self.consistent()

    def test_bounds(self):
        self.collector("ipfix+tcp", "--stream.sessions", "5", "--stream.sessions-per-address", "3")
        for i in range(3):
            self.connect().sendall(ipfix(TEMPLATE, data(1)))
        self.flows(3)
        self.assertEqual(self.connect().recv(1), b"")
        for i in range(2):
            self.connect("127.0.0.2").sendall(ipfix(TEMPLATE, data(1)))
        self.flows(5)
        self.assertEqual(self.connect("127.0.0.3").recv(1), b"")
        self.wait_count(2, "sessions_refused_total", reason="session_limit")
        self.wait_count(5, "sessions")

    def test_who_may_send(self):
        self.collector("ipfix+tcp", "--allow", "127.0.0.2")
        self.assertEqual(self.connect().recv(1), b"")
        self.wait_count(1, "sessions_refused_total", reason="not_allowed")
        self.connect("127.0.0.2").sendall(ipfix(TEMPLATE, data(1)))
        self.flows(1)

    def test_what_was_sent_before_the_end_is_taken(self):
        self.collector("ipfix+tcp")
        s = self.connect()
        self.wait_count(1, "sessions")
        s.sendall(ipfix(TEMPLATE) + b"".join(ipfix(data(50), sequence=50 * i) for i in range(1000)))
        self.assertEqual(self.c.terminate(), 0)
        self.flows(50000)

    def test_port_in_use(self):
        c = self.collector("ipfix+tcp", "--workers", "2")
        other = Program(f"{BIN}/weir-collector", "--listen", f"ipfix+tcp://{c.to}?count=2", "--addr", "")
        self.addCleanup(other.close)
        self.assertEqual(other.wait(), 1)
        self.assertIn("another program listens there", other.err)


class Tls(Printing):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="weir-tls-")
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        openssl = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=cls.dir)
        for ca in ("ca", "other"):
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={ca}",
                    "-keyout", f"{ca}.key", "-out", f"{ca}.pem")
        for name, ca, days in (("collector", "ca", "2"), ("exporter", "ca", "2"), ("stranger", "other", "2"), ("past", "ca", "-1")):
            openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{name}.key", "-out", f"{name}.csr")
            openssl("x509", "-req", "-copy_extensions", "copy", "-days", days, "-in", f"{name}.csr", "-CA", f"{ca}.pem",
                    "-CAkey", f"{ca}.key", "-CAcreateserial", "-out", f"{name}.pem")

    def path(self, name):
        return f"{self.dir}/{name}"

    def tls_collector(self, *options, ca=True):
        with_ca = ["--tls.ca", self.path("ca.pem")] if ca else []
        return self.collector("ipfix+tls", "--tls.cert", self.path("collector.pem"), "--tls.key", self.path("collector.key"),
                              *with_ca, *options)

    def client(self, certificate=None, version=None):
        context = ssl.create_default_context(cafile=self.path("ca.pem"))
        if certificate:
            context.load_cert_chain(self.path(f"{certificate}.pem"), self.path(f"{certificate}.key"))
        if version:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = context.maximum_version = version
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        s = context.wrap_socket(self.connect(), server_hostname="127.0.0.1")
        self.addCleanup(s.close)
        return s

    def sends(self, s, n):
        s.sendall(ipfix(TEMPLATE) + b"".join(ipfix(data(50), sequence=50 * i) for i in range(n)))

    def test_with_certificates(self):
        self.tls_collector()
        s = self.client("exporter")
        self.assertEqual(s.version(), "TLSv1.3")
        self.sends(s, 400)
        self.flows(20000)
        s.unwrap().close()
        self.wait_count(1, "sessions_ended_total", reason="closed")
        self.consistent()

    def test_tls_1_2_without_certificate(self):
        self.tls_collector(ca=False)
        s = self.client(version=ssl.TLSVersion.TLSv1_2)
        self.assertEqual(s.version(), "TLSv1.2")
        self.sends(s, 100)
        self.flows(5000)

    def refused(self, *words, **more):
        with self.assertRaises(OSError):
            s = self.client(*words, **more)
            while True:  # TLS 1.3 tells of it after the client's handshake
                s.sendall(b"\0")
                s.recv(1)
        self.wait_count(1, "sessions_ended_total", reason="tls")
        self.assertIn("TLS could not be agreed on", self.c.err)

    def test_no_certificate(self):
        self.tls_collector()
        self.refused()

    def test_a_stranger_s_certificate(self):
        self.tls_collector()
        self.refused("stranger")

    def test_a_certificate_that_is_over(self):
        self.tls_collector()
        self.refused("past")
        self.assertIn("expired", self.c.err)

    def test_old_tls(self):
        self.tls_collector(ca=False)
        self.refused(version=ssl.TLSVersion.TLSv1_1)

    def test_plain_tcp_to_tls(self):
        self.tls_collector()
        s = self.connect()
        s.sendall(ipfix(TEMPLATE, data(1)))
        self.wait_count(1, "sessions_ended_total", reason="tls")

    def test_handshake_must_get_on(self):
        self.tls_collector("--stream.message-time", "1s")
        self.wait_ended(self.connect(), "slow")

    def test_new_certificate_at_sighup(self):
        for kind in ("pem", "key"):
            shutil.copy(self.path(f"collector.{kind}"), self.path(f"turn.{kind}"))
        self.collector("ipfix+tls", "--tls.cert", self.path("turn.pem"), "--tls.key", self.path("turn.key"))
        old = self.client()
        self.sends(old, 1)
        self.flows(50)
        shown = lambda s: dict(pair[0] for pair in s.getpeercert()["subject"])["commonName"]
        self.assertEqual(shown(old), "collector")
        for kind in ("pem", "key"):
            shutil.copy(self.path(f"exporter.{kind}"), self.path(f"turn.{kind}"))
        self.c.signal(signal.SIGHUP)
        wait_until(lambda: "SIGHUP: log level" in self.c.err, "the reload")
        new = self.client()
        self.assertEqual(shown(new), "exporter")
        with open(self.path("turn.key"), "w") as f:
            f.write("damaged")
        self.c.signal(signal.SIGHUP)
        wait_until(lambda: "the old configuration stays" in self.c.err, lambda: f"a refusal\n{self.c.err}")
        self.assertEqual(shown(self.client()), "exporter")
        for s in (old, new):
            s.sendall(ipfix(TEMPLATE, data(50)))
        self.flows(150)

    def test_bad_files(self):
        good = {"cert": self.path("collector.pem"), "key": self.path("collector.key"), "ca": self.path("ca.pem")}
        for wrong, file, why in (("cert", "/nowhere.pem", "No such file"), ("key", self.path("exporter.key"), "mismatch"),
                                 ("ca", self.path("ca.key"), "PEM is wanted"), ("key", "", "--tls.key")):
            files = dict(good, **{wrong: file})
            options = [w for k, v in files.items() for w in (f"--tls.{k}", v) if v]
            p = Program(f"{BIN}/weir-collector", "--listen", "ipfix+tls://127.0.0.1:4740", "--check", *options)
            self.addCleanup(p.close)
            self.assertEqual(p.wait(), 2, p.err)
            self.assertIn(f"--tls.{wrong}", p.err)
            self.assertIn(file, p.err)
            self.assertIn(why, p.err)


class Sctp(Printing):
    def test_sctp(self):
        try:
            socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
        except OSError:
            p = Program(f"{BIN}/weir-collector", "--listen", "ipfix+sctp://127.0.0.1:4739", "--addr", "")
            self.addCleanup(p.close)
            self.assertEqual(p.wait(), 1)
            self.assertIn("this kernel has no SCTP", p.err)
            self.skipTest("this kernel has no SCTP")
        c = self.collector("ipfix+sctp")
        subprocess.run(["softflowd", "-r", PACKETS, "-n", c.to, "-v", "10", "-P", "sctp", "-d"], check=True, capture_output=True,
                       timeout=120)
        wait_until(lambda: by_protocol(map(json.loads, c.out.splitlines())) == COUNTS, "the flows")


class Waiting(unittest.TestCase):
    def test_tcp_waits_for_kafka(self):
        """Kafka is away for longer than the journal lasts: the exporter waits, and nothing is lost."""
        kafka = Kafka()
        self.addCleanup(kafka.close)
        c = Collector("--journal.max-bytes", "8MiB", "--kafka.batch.bytes", "64KiB", scheme="ipfix+tcp", port=free_port(),
                      brokers=kafka.brokers)
        self.addCleanup(c.close)
        s = socket.create_connection(("127.0.0.1", c.port))
        self.addCleanup(s.close)
        s.settimeout(2)
        n = 0
        message = ipfix(TEMPLATE)
        try:
            while n < 4000000:
                if not message:
                    message = ipfix(data(2000), sequence=n)
                    n += 2000
                message = message[s.send(message):]
            self.fail("nobody ever waited")
        except TimeoutError:
            pass
        m = c.metrics()
        self.assertGreaterEqual(m.sum("weir_collector_session_waits_total"), 1)
        self.assertEqual(m.sum("weir_collector_flows_dropped_total"), 0)
        self.assertLess(m.sum("weir_collector_flows_total"), n)
        kafka.start()
        kafka.create("flows")
        s.settimeout(60)
        s.sendall(message)
        topic = Topic(kafka)
        self.addCleanup(topic.close)
        flows = topic.wait_flows(n, 120)
        self.assertEqual(sums(flows), {"flows": n, "bytes": 100 * n, "packets": n})
        harness.conserves(self, c)


class Packets(Printing):
    def test_capture(self):
        p = subprocess.run([f"{BIN}/weir-collector", "--pcap", PACKETS, "--meter", "--meter.sampler", "192.0.2.9"], check=True,
                           capture_output=True, text=True, timeout=120)
        flows = [json.loads(line) for line in p.stdout.splitlines()]
        self.assertEqual(by_protocol(flows), COUNTS)
        self.assertEqual({f["type"] for f in flows}, {"PACKET"})
        self.assertEqual({f["sampler_address"] for f in flows}, {"192.0.2.9"})
        self.assertEqual({f["sampling_rate"] for f in flows}, {1})

    def test_against_nfpcapd(self):
        directory = tempfile.mkdtemp(prefix="weir-nfpcapd-")
        self.addCleanup(shutil.rmtree, directory)
        subprocess.run(["nfpcapd", "-r", PACKETS, "-w", directory], check=True, capture_output=True, timeout=120)
        printed = subprocess.run(["nfdump", "-R", directory, "-q", "-N", "-o", "fmt:%pr %ipkt"], check=True, capture_output=True,
                                 text=True).stdout
        theirs = collections.defaultdict(int)
        for line in printed.splitlines():
            protocol, packets = line.split()
            theirs[int(protocol)] += int(packets)
        # It has no protocol for fragments, and puts those of ICMP together.
        self.assertEqual((theirs[6], theirs[17]), (COUNTS["TCP"][1], COUNTS["UDP"][1]), printed)

    def test_interface(self):
        if os.geteuid() != 0:
            self.skipTest("capturing needs root")
        port = free_port(socket.SOCK_DGRAM)
        c = Collector("--listen", f"pcap://lo?filter=udp+port+{port}", "--meter.inactive", "1s", "--transport", "file", "--format", "json")
        self.addCleanup(c.close)
        self.c = c
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            for _ in range(10):
                s.sendto(b"x" * 72, ("127.0.0.1", port))
            source = s.getsockname()[1]
        self.flows(1)  # silent for a second: over
        flow, = self.flows(1)
        self.assertEqual((flow["src_port"], flow["dst_port"], flow["packets"], flow["bytes"]), (source, port, 10, 1000))
        self.assertEqual((flow["type"], flow["sampler_address"], flow["in_if"]),
                         ("PACKET", "127.0.0.1", socket.if_nametoindex("lo")))
        self.wait_count(10, "meter_packets_metered_total")
        self.wait_count(1, "flows_by_version_total", version="packet")
        harness.conserves(self, c)

    def test_mistakes(self):
        for listen, why in (("pcap://no-such-one", "no-such-one"), ("pcap://lo?filter=gibberish+here", "filter 'gibberish here'")):
            p = Program(f"{BIN}/weir-collector", "--listen", listen, "--addr", "")
            self.addCleanup(p.close)
            self.assertEqual(p.wait(), 1)
            self.assertIn(why, p.err)


if __name__ == "__main__":
    unittest.main()
