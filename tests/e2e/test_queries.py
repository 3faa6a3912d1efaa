#!/usr/bin/env python3
"""Every question of sql/queries/ on a fixed set of flows, each with its answer."""
import glob
import json
import os
import subprocess
import unittest
import urllib.parse
import urllib.request

from embedded import Embedded
from harness import ROOT

EXPORTER = "::ffff:10.0.0.1"


def flow(time, src, dst, **more):
    return {"TimeReceived": f"2026-11-20 {time}", "Date": "2026-11-20", "SrcAddr": src, "DstAddr": dst, "Type": 4, "EType": 2048,
            "SamplerAddress": EXPORTER, "Proto": 6, "SrcPort": 40000, "DstPort": 443, "Packets": 1, "InIf": 1, "OutIf": 2, **more}


HOME, WEB, OTHER = "::ffff:192.168.1.50", "::ffff:203.0.113.5", "2001:db8:7::9"
FLOWS = [
    # A week's memory: HOME was here before, WEB and OTHER were not.
    flow("09:00:00", HOME, HOME, Bytes=1, SequenceNum=0, SrcAS=1, DstAS=1),
    # IPFIX counts flows: numbers 100, 100, 102 and then 105: 103 and 104 never came.
    flow("10:00:00", HOME, WEB, Bytes=1000, SequenceNum=100, SrcAS=64500, DstAS=64501, SrcCustomer="Ada", InIfName="lan",
         OutIfName="wan"),
    flow("10:01:00", WEB, HOME, Bytes=9000, Packets=9, SequenceNum=100, SrcAS=64501, DstAS=64500, DstCustomer="Ada", SrcPort=443,
         DstPort=40000, InIf=2, OutIf=1, InIfName="wan", OutIfName="lan"),
    flow("10:06:00", WEB, HOME, Bytes=300, Packets=9, SequenceNum=102, SrcAS=64501, DstAS=64500, SrcPort=443, DstPort=40000, InIf=2,
         OutIf=1, SamplingRate=10),
    flow("10:07:00", OTHER, "2001:db8:1::50", Bytes=500, SequenceNum=105, Proto=17, SrcPort=53, DstPort=5353, EType=34525),
]
# A scanner from another exporter: v9 numbers datagrams, 7 of 127 were lost.
FLOWS += [flow("10:30:00", "::ffff:198.51.100.66", f"::ffff:192.0.2.{n + 1}", Bytes=40, SequenceNum=n, Type=3, DstPort=22,
               SamplerAddress="::ffff:10.0.0.2", InIf=7, OutIf=8) for n in range(127) if n % 18 != 1]

LAN, NET = "192.168.1.0/24", "203.0.113.0/24"
SCAN = len(FLOWS) - 5
ANSWERS = {
    "top_talkers": [["203.0.113.5", 12000, 99, 2], ["198.51.100.66", 40 * SCAN, SCAN, SCAN], ["192.168.1.50", 1000, 1, 1],
                    ["2001:db8:7::9", 500, 1, 1]],
    "by_as": [[64501, 64500, 12000, 99, 2], [0, 0, 40 * SCAN + 500, SCAN + 1, SCAN + 1], [64500, 64501, 1000, 1, 1]],
    "by_port": [[6, 443, 13000, 100, 3], [6, 22, 40 * SCAN, SCAN, SCAN], [17, 53, 500, 1, 1]],
    "by_interface": [["10.0.0.1", 1, "lan", 1500, 12000], ["10.0.0.1", 2, "wan", 12000, 1500],
                     ["10.0.0.2", 7, "uplink", 40 * SCAN, 0], ["10.0.0.2", 8, "", 0, 40 * SCAN]],
    # Twelve slots in the hour: 95 % of them are at or below the second largest, or the largest, of one or two.
    "percentile_95": [["10.0.0.1", 2, 240, 240], ["10.0.0.2", 7, 40 * SCAN * 8 // 300, 40 * SCAN * 8 // 300],
                      ["10.0.0.1", 1, 26, 26]],
    "new_hosts": [["203.0.113.5", "2026-11-20 10:01:00", 12000], ["2001:db8:7::9", "2026-11-20 10:07:00", 500],
                  ["198.51.100.66", "2026-11-20 10:30:00", 40 * SCAN]],
    "scanners": [["198.51.100.66", SCAN, SCAN, SCAN]],
    "traffic_matrix": [[NET, LAN, 12000], ["198.51.100.0/24", "192.0.2.0/24", 40 * SCAN], [LAN, NET, 1000],
                       ["2001:db8:7::/48", "2001:db8:1::/48", 500]],
    "home_downloads": [["192.168.1.50", 9300, 1, 2], ["2001:db8:1::50", 500, 1, 1]],
    "customers_5m": [["2026-11-20 10:00:00", "Ada", 9000, 1000]],
    "exporter_health": [["10.0.0.1", 0, 4, 4, 10, "2026-11-20 10:07:00", 2],
                        ["10.0.0.2", 0, 3, SCAN, 0, "2026-11-20 10:30:00", 127 - SCAN]],
    "pipeline_lag": [[1800, len(FLOWS) - 1, 1, 0]],
}


class Queries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.embedded = Embedded("--local", "192.168.1.0/24,2001:db8:1::/48")
        lines = "\n".join(json.dumps(f) for f in FLOWS)
        cls.embedded.query(f"INSERT INTO flows_queue FORMAT JSONEachRow\n{lines}")
        cls.embedded.query("INSERT INTO interface_list VALUES ('::ffff:10.0.0.2', 7, 'uplink', 1000000000)")
        cls.embedded.query("SYSTEM RELOAD DICTIONARY interfaces")

    @classmethod
    def tearDownClass(cls):
        cls.embedded.close()

    def ask(self, name):
        with open(f"{ROOT}/sql/queries/{name}.sql") as f:
            sql = f.read()
        parameters = urllib.parse.urlencode({"param_since": "2026-11-20 10:00:00", "param_until": "2026-11-20 11:00:00",
                                             "default_format": "JSONCompact", "output_format_json_quote_64bit_integers": 0})
        url = f"http://127.0.0.1:{self.embedded.http}/?{parameters}"
        with urllib.request.urlopen(url, sql.encode(), timeout=120) as r:
            return json.loads(r.read())["data"]

    def test_each_has_an_answer(self):
        files = {os.path.basename(f)[:-4] for f in glob.glob(f"{ROOT}/sql/queries/*.sql")}
        self.assertEqual(files, set(ANSWERS))

    def test_answers(self):
        for name, want in ANSWERS.items():
            with self.subTest(name):
                self.assertEqual(self.ask(name), want)

    def test_dictionaries(self):
        names = self.embedded.query(
            "SELECT dictGet('protocols', 'name', 6), dictGet('ports', 'name', (17, 443)), dictGet('tcp_flags', 'name', 18), "
            "dictGet('interfaces', 'speed', (toIPv6('::ffff:10.0.0.2'), 7)), dictGetOrDefault('as_names', 'name', 64500, '?')")
        self.assertEqual(names, [["TCP", "quic", "...A..S.", 1000000000, "?"]])
        self.embedded.query("INSERT INTO network_list VALUES ('192.168.0.0/16', 'home', 'Ada'), ('192.168.1.0/24', 'lan', 'Ada')")
        self.embedded.query("SYSTEM RELOAD DICTIONARY networks")
        self.assertEqual(self.embedded.query("SELECT dictGet('networks', 'name', toIPv6('::ffff:192.168.1.50'))"), [["lan"]])

    def test_script(self):
        script = f"{ROOT}/scripts/clickhouse-query"
        url = f"http://127.0.0.1:{self.embedded.http}"
        done = subprocess.run([script, "by_as", "--hours", "100000", "--url", url, "--format", "TSV"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout.splitlines()[0]), (0, "64501\t64500\t12000\t99\t2"), done.stderr)
        self.assertEqual(subprocess.run([script, "nonsense"], capture_output=True).returncode, 2)


if __name__ == "__main__":
    unittest.main()
