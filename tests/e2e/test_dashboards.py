#!/usr/bin/env python3
"""Every panel of Grafana's dashboards: its SQL runs in ClickHouse with the plugin's macros written out, and its metrics are
ones that the programs have in /metrics.
"""
import glob
import json
import re
import subprocess
import unittest

from embedded import Embedded
from harness import BIN, ROOT, Collector, Program, free_port, get, mock, wait_until

# What grafana-clickhouse-datasource makes of them for the last hour in steps of 30 seconds.
MACROS = ((r"\$__timeFilter\((\w+)\)", r"(\1 >= toDateTime(now() - 3600) AND \1 <= toDateTime(now()))"),
          (r"\$__timeInterval\((\w+)\)", r"toStartOfInterval(toDateTime(\1), INTERVAL 30 second)"), (r"\$__interval_s", "30"))
MAY_BE_EMPTY = {"Countries", "Customers", "Damaged messages, the last of them"}


def targets():
    for path in sorted(glob.glob(f"{ROOT}/compose/grafana/dashboards/*.json")):
        with open(path) as f:
            for panel in json.load(f)["panels"]:
                for target in panel["targets"]:
                    yield panel["title"], target


class Dashboards(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.embedded = Embedded("--local", "192.168.1.0/24,2001:db8:1::/48")
        cls.collector = Collector(brokers=cls.embedded.brokers)
        cls.port = free_port()
        cls.inserter = Program(f"{BIN}/weir-inserter", "metrics", "--addr", f"localhost:{cls.port}", "--kafka.brokers",
                               cls.embedded.brokers)
        wait_until(lambda: get(f"http://127.0.0.1:{cls.port}/readyz") == "OK\n", lambda: cls.inserter.err)
        sent = mock(cls.collector.to, protocol="v5,v9,ipfix", count=60, flows=10, rate=1000)
        cls.embedded.wait_rows(sent["flows"])

    @classmethod
    def tearDownClass(cls):
        for program in (cls.inserter, cls.collector, cls.embedded):
            program.close()

    def test_files_are_what_the_rows_say(self):
        subprocess.run([f"{ROOT}/scripts/make-dashboards", "--check"], check=True)

    def test_sql(self):
        count = 0
        for title, target in targets():
            sql = target.get("rawSql")
            if not sql:
                continue
            for macro, text in MACROS:
                sql = re.sub(macro, text, sql)
            self.assertNotIn("$", sql, title)
            with self.subTest(title):
                rows = self.embedded.query(sql)
                self.assertTrue(rows or title in MAY_BE_EMPTY, sql)
                count += 1
        self.assertGreaterEqual(count, 20)

    def test_metrics(self):
        pages = get(f"http://127.0.0.1:{self.port}/metrics") + self.collector.page("/metrics")
        known = set(re.findall(r"^# TYPE (\w+)", pages, re.M))
        for title, target in targets():
            for metric in re.findall(r"\b(?:weir|ipfix)_\w+", target.get("expr", "")):
                self.assertIn(metric, known, title)


if __name__ == "__main__":
    unittest.main()
