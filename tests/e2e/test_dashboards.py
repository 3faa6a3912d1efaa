#!/usr/bin/env python3
"""Every panel of Grafana's dashboards: its SQL runs, in ClickHouse or in a real PostgreSQL 15, with the macros of the data source
written out; its metrics are ones that the programs have in /metrics; its data source is one that the stack provisions.
"""
import glob
import json
import re
import subprocess
import unittest

import yaml

from embedded import Embedded
from harness import BIN, ROOT, Collector, Program, free_port, get, mock, wait_until
from test_postgres import Server

# What each data source makes of them for the last hour in steps of 30 seconds.
MACROS = {
    "grafana-clickhouse-datasource": (
        (r"\$__timeFilter\((\w+)\)", r"(\1 >= toDateTime(now() - 3600) AND \1 <= toDateTime(now()))"),
        (r"\$__timeInterval\((\w+)\)", r"toStartOfInterval(toDateTime(\1), INTERVAL 30 second)"), (r"\$__interval_s", "30")),
    "grafana-postgresql-datasource": (
        (r"\$__timeFilter\((\w+)\)", r"\1 BETWEEN (now() AT TIME ZONE 'UTC') - interval '1 hour' AND (now() AT TIME ZONE 'UTC')"),
        (r"\$__timeGroupAlias\((\w+), \$__interval\)", r'floor(extract(epoch from \1) / 30) * 30 AS "time"'),
        (r"\$__interval_ms", "30000")),
}
MAY_BE_EMPTY = {"Countries", "Customers", "Damaged messages, the last of them"}
FOLDERS = {"dashboards": "provisioning", "dashboards-postgres": "provisioning-postgres"}


def dashboards(folder):
    for path in sorted(glob.glob(f"{ROOT}/compose/grafana/{folder}/*.json")):
        with open(path) as f:
            yield json.load(f)


def targets(source=None):
    """(title, target) of every panel, or of those that ask SOURCE."""
    for folder in FOLDERS:
        for dashboard in dashboards(folder):
            for panel in dashboard["panels"]:
                for target in panel["targets"]:
                    if source in (None, target["datasource"]["type"]):
                        yield panel["title"], target


def written_out(target):
    sql = target["rawSql"]
    for macro, text in MACROS[target["datasource"]["type"]]:
        sql = re.sub(macro, text, sql)
    return sql


class Dashboards(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.embedded = Embedded("--local", "192.168.1.0/24,2001:db8:1::/48")
        cls.collector = Collector(brokers=cls.embedded.brokers)
        cls.port = free_port()
        cls.inserter = Program(f"{BIN}/weir-inserter", "metrics", "--addr", f"localhost:{cls.port}", "--kafka.brokers",
                               cls.embedded.brokers)
        wait_until(lambda: get(f"http://127.0.0.1:{cls.port}/readyz") == "OK\n", lambda: cls.inserter.err)
        cls.sent = mock(cls.collector.to, protocol="v5,v9,ipfix", count=60, flows=10, rate=1000)
        cls.embedded.wait_rows(cls.sent["flows"])

    @classmethod
    def tearDownClass(cls):
        for program in (cls.inserter, cls.collector, cls.embedded):
            program.close()

    def test_files_are_what_the_rows_say(self):
        subprocess.run([f"{ROOT}/scripts/make-dashboards", "--check"], check=True)

    def test_clickhouse(self):
        count = 0
        for title, target in targets("grafana-clickhouse-datasource"):
            sql = written_out(target)
            self.assertNotIn("$", sql, title)
            with self.subTest(title):
                rows = self.embedded.query(sql)
                self.assertTrue(rows or title in MAY_BE_EMPTY, sql)
                count += 1
        self.assertGreaterEqual(count, 20)

    def test_postgres(self):
        server = Server()
        self.addCleanup(server.close)
        status = server.run("start")
        if status == 77:
            self.skipTest("PostgreSQL 15 is not installed")
        self.assertEqual(status, 0)
        inserter = Program(f"{BIN}/weir-inserter", "postgres", "--postgres", server.conninfo(), "--kafka.brokers", self.embedded.brokers,
                           "--from", "beginning", "--flush", "200ms")
        self.addCleanup(inserter.close)
        count = "SELECT count(*) FROM flows"
        wait_until(lambda: server.ask(count) == str(self.sent["flows"]), lambda: f"{server.ask(count)} rows\n{inserter.err}", 60)
        self.assertEqual(server.ask("SELECT sum(count), sum(bytes) FROM flows_5m"), server.ask("SELECT count(*), sum(bytes) FROM flows"))
        asked = list(targets("grafana-postgresql-datasource"))
        self.assertGreaterEqual(len(asked), 5)
        for title, target in asked:
            sql = written_out(target)
            self.assertNotIn("$", sql, title)
            with self.subTest(title):
                self.assertTrue(server.ask(sql), f"no rows, or an error: {sql}")

    def test_what_is_provisioned(self):
        """The data sources of each stack are those that its dashboards name; numbers, places and sizes of panels are Grafana's."""
        for folder, provisioning in FOLDERS.items():
            with open(f"{ROOT}/compose/grafana/{provisioning}/datasources/weir.yaml") as f:
                sources = {s["uid"]: s["type"] for s in yaml.safe_load(f)["datasources"]}
            with open(f"{ROOT}/compose/grafana/{provisioning}/dashboards/weir.yaml") as f:
                self.assertEqual([p["type"] for p in yaml.safe_load(f)["providers"]], ["file"])
            uids, used = set(), set()
            for dashboard in dashboards(folder):
                uids.add(dashboard["uid"])
                ids, cells = set(), set()
                for panel in dashboard["panels"]:
                    self.assertIn(panel["type"], ("timeseries", "table", "stat"))
                    for source in (panel["datasource"], *(t["datasource"] for t in panel["targets"])):
                        self.assertEqual(sources.get(source["uid"]), source["type"], f"{folder}: {panel['title']}")
                        used.add(source["uid"])
                    place = panel["gridPos"]
                    taken = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                             for y in range(place["y"], place["y"] + place["h"])}
                    self.assertLessEqual(max(x for x, _ in taken), 23, panel["title"])
                    self.assertFalse(taken & cells, f"{panel['title']} lies on another panel")
                    cells |= taken
                    ids.add(panel["id"])
                self.assertEqual(len(ids), len(dashboard["panels"]))
            self.assertEqual(len(uids), len(list(dashboards(folder))))
            self.assertEqual(used, set(sources))

    def test_metrics(self):
        pages = get(f"http://127.0.0.1:{self.port}/metrics") + self.collector.page("/metrics")
        known = set(re.findall(r"^# TYPE (\w+)", pages, re.M))
        for title, target in targets():
            for metric in re.findall(r"\b(?:weir|ipfix)_\w+", target.get("expr", "")):
                self.assertIn(metric, known, title)


if __name__ == "__main__":
    unittest.main()
