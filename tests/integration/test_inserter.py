#!/usr/bin/env python3
"""weir-inserter behind a real Apache Kafka: the home collector's line and metric, held against what the mocker sent."""
import collections
import re
import signal
import subprocess
import unittest

from harness import BIN, KafkaCase, Metrics, Program, free_port, get, mock, wait_until

LINE = re.compile(r"^([0-9A-F]{2}(?::[0-9A-F]{2}){5}) \| (.{50,}) (->|<-) (.{50,}) : \[0x([0-9a-f]{2})\] "
                  r"([ 0-9]{10}) packets, ([ 0-9]{10}) bytes$")


def endpoint(text):
    address, _, port = text.strip().rpartition(":")
    return address.strip("[]"), int(port)


class Inserter(KafkaCase):
    def setUp(self):
        self.topic = self.new_topic()
        self.collector = self.collect(self.topic)

    def inserter(self, *options):
        # The mocker's home; without --local its documentation addresses would be nobody's.
        options = (*options, "--local", "192.168.1.0/24,2001:db8:1::/64")
        p = Program(f"{BIN}/weir-inserter", *options, "--kafka.brokers", self.kafka.brokers, "--kafka.topic", self.topic)
        self.addCleanup(p.close)
        return p

    def send(self, **more):
        return mock(self.collector.to, **dict({"protocol": "v9,ipfix", "count": 100, "flows": 10, "rate": 1000}, **more))

    def check_lines(self, lines, summary):
        found = collections.defaultdict(lambda: {w: collections.Counter() for w in ("upload", "download")})
        for line in lines:
            m = LINE.match(line)
            self.assertIsNotNone(m, line)
            mac, client, arrow, server, proto, packets, size = m.groups()
            address, _ = endpoint(client)
            self.assertEqual(mac.lower(), summary["clients"][address]["mac"], "the MAC is the client's")
            self.assertNotIn(endpoint(server)[0], summary["clients"], "the client is always left")
            self.assertIn(int(proto, 16), (1, 6, 17, 58))
            found[address]["upload" if arrow == "->" else "download"].update(
                flows=1, packets=int(packets), bytes=int(size))
        for client, want in summary["clients"].items():
            for way in ("upload", "download"):
                got = {k: found[client][way][k] for k in ("flows", "bytes", "packets")}
                self.assertEqual(got, want[way], f"{client} {way}")

    def lines(self, program):
        return [line for line in program.err.splitlines() if " | " in line]

    def test_print(self):
        """From the beginning, two terminals: each has every flow, in the home collector's line, on stderr."""
        s = self.send()
        printers = [self.inserter("print", "--from", "beginning") for _ in range(2)]
        for p in printers:
            wait_until(lambda: len(self.lines(p)) >= s["flows"], lambda: f"{s['flows']} lines\n{p.err[-1000:]}")
            self.check_lines(self.lines(p), s)
            self.assertEqual(p.terminate(), 0)

    def test_starts_at_the_end(self):
        """Without --from, what was there before is not shown."""
        before = self.send(count=20)
        topic = self.read(self.topic)
        topic.wait_flows(before["flows"])
        p = self.inserter("print")
        total = 0

        def seen_one():
            nonlocal total
            total += self.send(count=1, flows=1, protocol="ipfix")["flows"]
            return self.lines(p)
        # Sent again until the consumer has found the topic's end; then one more is seen whole.
        wait_until(seen_one, lambda: f"a line\n{p.err}")
        seen = len(self.lines(p))
        self.assertLessEqual(seen, total)
        topic.wait_flows(before["flows"] + total)
        s = self.send(count=30, seed=3)
        wait_until(lambda: len(self.lines(p)) >= s["flows"] + 1, "the new flows")
        self.assertLessEqual(len(self.lines(p)), total + s["flows"])

    def test_metrics(self):
        """Downloads only, by client, times the sampling rate; on 127.0.0.1 and on ::1."""
        s = self.send(sampling_rate=10)
        port = free_port()
        p = self.inserter("metrics", "--from", "beginning", "--addr", f"localhost:{port}")
        name = 'ipfix_bytes_received_total_total{{local_ip="{}"}}'.format

        def complete():
            m = Metrics(get(f"http://127.0.0.1:{port}/metrics") or "")
            return m.sum("ipfix_bytes_received_total_total") == 10 * sum(
                c["download"]["bytes"] for c in s["clients"].values()) and m
        m = wait_until(complete, lambda: get(f"http://127.0.0.1:{port}/metrics") or p.err)
        for client, sums in s["clients"].items():
            self.assertEqual(m.get(name(client), 0), 10 * sums["download"]["bytes"], client)
        curl = subprocess.run(["curl", "-s", f"http://ip6-localhost:{port}/metrics"], capture_output=True, text=True)
        if curl.returncode == 6:  # a host without that name: its address
            curl = subprocess.run(["curl", "-s", f"http://[::1]:{port}/metrics"], capture_output=True, text=True)
        client = next(iter(s["clients"]))
        self.assertIn(f"{name(client)} {10 * s['clients'][client]['download']['bytes']}\n", curl.stdout)

    def test_both_sinks(self):
        s = self.send()
        port = free_port()
        p = self.inserter("print", "metrics", "--from", "beginning", "--addr", f"localhost:{port}")
        wait_until(lambda: len(self.lines(p)) >= s["flows"], lambda: f"{s['flows']} lines\n{p.err[-1000:]}")
        self.check_lines(self.lines(p), s)
        m = Metrics(get(f"http://127.0.0.1:{port}/metrics"))
        self.assertEqual(m.sum("ipfix_bytes_received_total_total"),
                         sum(c["download"]["bytes"] for c in s["clients"].values()))
        p.signal(signal.SIGINT)
        self.assertEqual(p.wait(), 0)

    def test_count_ends(self):
        self.send(count=5)
        p = self.inserter("print", "--from", "beginning", "-c", "7", "-o", "json")
        self.assertEqual(p.wait(), 0)
        self.assertEqual(len(p.out.splitlines()), 7)


if __name__ == "__main__":
    unittest.main()
