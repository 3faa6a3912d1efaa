#!/usr/bin/env python3
"""weir-mocker's other ways: profiles, a metered capture, straight to Kafka, a capture played at its own pace."""
import collections
import ipaddress
import json
import re
import socket
import time
import unittest

from harness import BIN, ROOT, Collector, KafkaCase, Program, free_port, mock, sums, summary_sums, wait_until

GOLDEN = f"{ROOT}/tests/golden"


class ToCollector(unittest.TestCase):
    """Through a collector that prints JSON lines."""

    def setUp(self):
        self.collector = Collector("--transport", "file", "--format", "json", scheme="flow")
        self.addCleanup(self.collector.close)

    def flows(self, n):
        wait_until(lambda: len(self.collector.out.splitlines()) >= n,
                   lambda: f"{n} flows, there are {len(self.collector.out.splitlines())}")
        return [json.loads(line) for line in self.collector.out.splitlines()]

    def profile(self, name, **more):
        s = mock(self.collector.to, profile=name, count=50, flows=20, rate=1000, **more)
        flows = self.flows(s["flows"])
        self.assertEqual(sums(flows), summary_sums(s))
        return flows

    def test_campus(self):
        flows = self.profile("campus")
        self.assertGreater(len({f["src_addr"] for f in flows}), 300)
        self.assertTrue(all(f["vlan_id"] == 10 + f["in_if"] for f in flows))

    def test_backbone(self):
        flows = self.profile("backbone", protocol="v9")
        self.assertTrue(all(64512 <= f[k] < 64576 for f in flows for k in ("src_as", "dst_as")))
        self.assertEqual({f["in_if"] for f in flows}, set(range(1, 17)))

    def test_scan(self):
        flows = self.profile("scan", ipv6=0)
        self.assertEqual({f["src_addr"] for f in flows}, {"10.66.0.6"})
        self.assertEqual([f["dst_port"] for f in flows], list(range(1, 1001)))
        self.assertEqual({f["tcp_flags"] for f in flows}, {2})

    def test_flood(self):
        flows = self.profile("flood", ipv6=0)
        self.assertEqual({f["dst_addr"] for f in flows}, {"10.1.0.80"})
        self.assertGreater(len({f["src_addr"] for f in flows}), 900)

    def test_meter(self):
        """The packets of tests/golden, metered: what softflowd made of the same packets."""
        for protocol, golden in (("v5", "softflowd-v5"), ("v9", "softflowd-v9-ether"), ("ipfix", "softflowd-ipfix-ether")):
            before = len(self.collector.out.splitlines())
            number = {"v5": 5, "v9": 9, "ipfix": 10}[protocol]
            s = mock(self.collector.to, "--meter", pcap=f"{GOLDEN}/packets.pcap", speed=0, version=number)
            self.assertEqual(list(s["protocols"]), [protocol])
            flows = self.flows(before + s["flows"])[before:]
            with open(f"{GOLDEN}/{golden}.json") as f:
                softflowd = [json.loads(line) for line in f]
            key = lambda f: (f["src_addr"], f["dst_addr"], f["src_port"], f["dst_port"], f["proto"], f["bytes"], f["packets"])
            icmp = lambda f: f["proto"] in ("ICMP", "IPv6-ICMP")
            self.assertEqual(collections.Counter(key(f) for f in flows if not icmp(f)),
                             collections.Counter(key(f) for f in softflowd if not icmp(f)), protocol)
            self.assertEqual(sums(flows), sums(softflowd), protocol)

    def test_plays_at_its_own_pace(self):
        """A capture of 8 s at four times its speed takes two; the datagrams arrive as they were."""
        start = time.monotonic()
        s = mock(self.collector.to, pcap=f"{GOLDEN}/fprobe-v5.pcap", speed=4)
        self.assertGreaterEqual(time.monotonic() - start, s["seconds"])
        with open(f"{GOLDEN}/fprobe-v5.json") as f:
            want = [json.loads(line) for line in f]
        own = {"time_received_ns", "sampler_address"}
        got = [{k: v for k, v in f.items() if k not in own} for f in self.flows(len(want))]
        self.assertEqual(got, [{k: v for k, v in f.items() if k not in own} for f in want])

    def test_many_exporters(self):
        """Ten thousand exporters; the collector knows each."""
        s = mock(self.collector.to, protocol="v5", sources=10000, count=10000, flows=1, rate=20000)
        flows = self.flows(s["flows"])
        self.assertEqual(sums(flows), summary_sums(s))
        self.assertEqual(len({f["sampler_address"] for f in flows}), 10000)
        self.assertEqual(self.collector.metrics().sum("weir_collector_exporters"), 10000)


# The record of the telemetry API's page.
KEYS = """type time_received_ns sequence_num sampling_rate sampler_address time_flow_start_ns time_flow_end_ns bytes packets src_addr dst_addr
etype proto src_port dst_port in_if out_if src_mac dst_mac src_vlan dst_vlan vlan_id ip_tos forwarding_status ip_ttl ip_flags tcp_flags
icmp_type icmp_code ipv6_flow_label fragment_id fragment_offset src_as dst_as next_hop next_hop_as src_net dst_net bgp_next_hop
bgp_communities as_path mpls_ttl mpls_label mpls_ip observation_domain_id observation_point_id layer_stack layer_size
ipv6_routing_header_addresses ipv6_routing_header_seg_left""".split()


class TelemetryApi(unittest.TestCase):
    """Its collector's command line and its test generator's, what its page greps for in the log, and its record."""

    def test_page(self):
        port, http = free_port(socket.SOCK_DGRAM), free_port()
        collector = Program(f"{BIN}/weir-collector", f"-listen=netflow://:{port}", "-format=json", "-transport=file", "-transport.file=",
                            "-addr", f"localhost:{http}")
        self.addCleanup(collector.close)
        wait_until(lambda: "listening on" in collector.err, lambda: collector.err)
        s = mock(f"127.0.0.1:{port}", protocol="v5", count=5, flows=3)
        self.assertEqual(s["flows"], 15)
        wait_until(lambda: collector.out.count("\n") == 15, lambda: f"15 lines\n{collector.out}\n{collector.err}")
        lines = collector.out.splitlines()
        self.assertEqual(sum("NETFLOW_V5" in line for line in lines), 15)
        self.assertEqual([list(json.loads(line))[:50] for line in lines], [KEYS] * 15)  # fields of weir's own follow
        self.assertEqual(collector.terminate(), 0)
        told = [line for line in collector.err.splitlines() if re.search("(starting|error|warning)", line)]
        self.assertEqual(len(told), 1, told)
        self.assertIn("starting weir-collector", told[0])


class Usage(unittest.TestCase):
    def run_mocker(self, *words):
        p = Program(f"{BIN}/weir-mocker", *words)
        self.addCleanup(p.close)
        return p.wait(10), p.err

    def test_bad_usage(self):
        for words, named in ((("--meter",), "--pcap"), (("--protocol", "v10"), '"v10"'), (("--version", "3"), '"3"'), (("--to", "nowhere"), "HOST:PORT"),
                             (("--profile", "office"), "office"), (("--pcap", "/nowhere.pcap"), "/nowhere.pcap"),
                             (("--pcap", f"{GOLDEN}/packets.pcap", "--speed", "fast"), "fast"),
                             (("--flows", "0"), "flows")):
            status, err = self.run_mocker(*words)
            self.assertEqual(status, 2, (words, err))
            self.assertIn(named, err)
            self.assertEqual(len(err.strip().splitlines()), 1, err)

    def test_says_that_nobody_listens(self):
        status, err = self.run_mocker("--to", f"127.0.0.1:{free_port()}", "--count", "20")
        self.assertEqual(status, 0)
        self.assertIn("nobody listens", err)

    def test_ends_by_duration(self):
        status, err = self.run_mocker("--to", "127.0.0.1:9", "--count", "0", "--duration", "1s", "--rate", "100")
        self.assertEqual(status, 0)
        self.assertIn("sent", err)


class ToKafka(KafkaCase):
    def test_straight_to_kafka(self):
        self.kafka.create("flows")
        topic = self.read("flows")
        s = mock("unused:1", "--kafka.brokers", self.kafka.brokers, count=100, flows=25, rate=2000, sampling_rate=5)
        flows = topic.wait_flows(s["flows"])
        self.assertEqual(sums(flows), summary_sums(s))
        self.assertEqual(len(topic.messages), 100)
        self.assertEqual({f["sampling_rate"] for f in flows}, {5})
        uploads = collections.Counter()
        for f in flows:
            uploads[str(ipaddress.ip_address(f["src_addr"]))] += f["bytes"]
        for client, want in s["clients"].items():
            self.assertEqual(uploads[client], want["upload"]["bytes"])


if __name__ == "__main__":
    unittest.main()
