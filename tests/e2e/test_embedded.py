#!/usr/bin/env python3
"""Exporter -> collector -> broker -> ClickHouse, all on one machine: what was sent is what the tables hold, number for
number: flows_raw by client, ethertype and AS, flows_5m after OPTIMIZE, and a real exporter's capture row by row.
"""
import collections
import json
import unittest

from embedded import Embedded
from harness import BIN, ROOT, Collector, Metrics, Program, free_port, get, mock, summary_sums, wait_until


class EndToEnd(unittest.TestCase):
    """One pipeline; each test empties the tables and sends its own."""

    @classmethod
    def setUpClass(cls):
        cls.embedded = Embedded()
        cls.collector = Collector(brokers=cls.embedded.brokers)

    @classmethod
    def tearDownClass(cls):
        cls.collector.close()
        cls.status = cls.embedded.terminate()
        cls.embedded.close()

    def setUp(self):
        for table in ("flows_raw", "flows_5m"):
            self.embedded.query(f"TRUNCATE TABLE {table}")

    def wait_rows(self, n):
        self.embedded.wait_rows(n)

    def test_number_for_number(self):
        s = mock(self.collector.to, protocol="v5,v9,ipfix", count=900, flows=15, rate=3000, sampling_rate=4, sources=5)
        self.wait_rows(s["flows"])
        self.assertEqual(self.embedded.sums(), summary_sums(s))
        self.assertEqual(self.embedded.query("SELECT DISTINCT SamplingRate FROM flows_raw"), [[4]])
        for etype, want in s["etypes"].items():
            self.assertEqual(self.embedded.sums(f"EType = {etype}"), want)
        for client, want in s["clients"].items():
            stored = client if ":" in client else f"::ffff:{client}"
            for way, column in (("upload", "SrcAddr"), ("download", "DstAddr")):
                self.assertEqual(self.embedded.sums(f"IPv6NumToString({column}) = '{stored}'"), want[way], client)
            mac = int(want["mac"].replace(":", ""), 16)
            # v5 tells no MAC: 0 there.
            macs = {int(r[0]) for r in self.embedded.query(
                f"SELECT DISTINCT SrcMac FROM flows_raw WHERE IPv6NumToString(SrcAddr) = '{stored}'")}
            self.assertTrue(macs <= {0, mac}, (client, macs))
        for protocol, number in (("v5", 2), ("v9", 3), ("ipfix", 4)):
            want = {k: s["protocols"][protocol][k] for k in ("flows", "bytes", "packets")}
            self.assertEqual(self.embedded.sums(f"Type = {number}"), want)
        self.assertEqual(len(self.embedded.query("SELECT DISTINCT SamplerAddress FROM flows_raw")), 5)

    def test_five_minutes(self):
        """flows_5m: unscaled sums; after OPTIMIZE one row per (Timeslot, SrcAS, DstAS), all ethertypes in its map."""
        s = mock(self.collector.to, protocol="v9,ipfix", count=300, flows=15, rate=3000, sampling_rate=4)
        self.wait_rows(s["flows"])
        wait_until(lambda: int(self.embedded.query("SELECT sum(Count) FROM flows_5m")[0][0]) == s["flows"],
                   "the aggregate has all")
        self.embedded.query("OPTIMIZE TABLE flows_5m FINAL")
        rows = self.embedded.query("SELECT Timeslot, SrcAS, DstAS, ETypeMap.EType, ETypeMap.Bytes, ETypeMap.Packets, "
                                   "ETypeMap.Count, Bytes, Packets, Count FROM flows_5m")
        self.assertEqual(len({tuple(r[:3]) for r in rows}), len(rows), "one row per slot and AS pair")
        pairs = collections.defaultdict(collections.Counter)
        totals = collections.Counter()
        for slot, src, dst, etypes, octets, packets, counts, *total in rows:
            self.assertEqual(slot[14:16] in ("00", "05", "10", "15", "20", "25", "30", "35", "40", "45", "50", "55"), True)
            totals.update(bytes=int(total[0]), packets=int(total[1]), flows=int(total[2]))
            self.assertEqual(sum(map(int, octets)), int(total[0]))
            for e, b, p, c in zip(etypes, octets, packets, counts):
                pairs[int(src), int(dst), int(e)].update(flows=int(c), bytes=int(b), packets=int(p))
        self.assertEqual(dict(totals), summary_sums(s))
        self.assertEqual(len(pairs), len(s["as_pairs"]))
        for p in s["as_pairs"]:
            self.assertEqual(pairs[p["src_as"], p["dst_as"], p["etype"]], p["sum"], p)

    def test_queries_of_the_flow_pipeline(self):
        """What its page shows, typed in as it stands there."""
        s = mock(self.collector.to, protocol="v9", count=50, flows=10, rate=1000)
        self.wait_rows(s["flows"])
        rows = self.embedded.query("SELECT Date,TimeReceived,IPv6NumToString(SrcAddr), IPv6NumToString(DstAddr), Bytes, "
                                   "Packets FROM flows_raw")
        self.assertEqual(len(rows), s["flows"])
        self.assertTrue(all("." in r[2] or ":" in r[2] for r in rows))
        self.assertTrue(any(r[2] == "::ffff:192.168.1.50" for r in rows))
        rows = self.embedded.query("SELECT Date, Timeslot, SrcAS, DstAS, ETypeMap.EType, ETypeMap.Bytes, Bytes, Count "
                                   "FROM flows_5m WHERE SrcAS = 64496")
        self.assertTrue(rows)

    def test_real_exporter(self):
        """softflowd's capture of tests/golden: each flow of the expected answer is a row, and no other."""
        with open(f"{ROOT}/tests/golden/softflowd-ipfix-ether.json") as f:
            expected = [json.loads(line) for line in f]
        mock(self.collector.to, pcap=f"{ROOT}/tests/golden/softflowd-ipfix-ether.pcap", speed=0)
        self.wait_rows(len(expected))
        rows = self.embedded.query("SELECT replaceOne(IPv6NumToString(SrcAddr), '::ffff:', ''), "
                                   "replaceOne(IPv6NumToString(DstAddr), '::ffff:', ''), SrcPort, DstPort, Bytes, "
                                   "Packets, SrcMac, TimeFlowStartNs FROM flows_raw")
        got = sorted((r[0], r[1], *map(int, r[2:])) for r in rows)
        want = sorted((f["src_addr"], f["dst_addr"], f["src_port"], f["dst_port"], f["bytes"], f["packets"],
                       int(f["src_mac"].replace(":", ""), 16), f["time_flow_start_ns"]) for f in expected)
        self.assertEqual(got, want)

    def test_sinks_beside(self):
        """The other consumers of the same broker: the metric's value is the summary's downloads."""
        port = free_port()
        p = Program(f"{BIN}/weir-inserter", "metrics", "--from", "beginning", "--local", "192.168.1.0/24,2001:db8:1::/64", "--addr",
                    f"localhost:{port}", "--kafka.brokers", self.embedded.brokers)
        self.addCleanup(p.close)
        page = f"http://127.0.0.1:{port}/metrics"
        sent = self.collector.metrics().sum("weir_collector_flows_total")

        def all_read():
            """Whatever the tests of this class have sent."""
            acknowledged = self.collector.metrics().sum("weir_collector_flows_acknowledged_total")
            return acknowledged == sent == Metrics(get(page) or "").sum("weir_inserter_flows_total")
        wait_until(all_read, lambda: f"{sent} flows are read\n{get(page)}\n{p.err}")
        before = self.values(page)
        s = mock(self.collector.to, protocol="v5,ipfix", count=100, flows=10, rate=1000, sampling_rate=3)
        want = {c: 3 * v["download"]["bytes"] for c, v in s["clients"].items() if v["download"]["bytes"]}
        sent += s["flows"]
        wait_until(all_read, lambda: f"{sent} flows are read\n{get(page)}\n{p.err}")
        after = self.values(page)
        self.assertEqual({c: after[c] - before.get(c, 0) for c in want}, want)

    @staticmethod
    def values(page):
        found = {}
        for line in get(page).splitlines():
            if line.startswith("ipfix_bytes_received_total_total{"):
                found[line.split('"')[1]] = int(float(line.rpartition(" ")[2]))
        return found


if __name__ == "__main__":
    unittest.main()
