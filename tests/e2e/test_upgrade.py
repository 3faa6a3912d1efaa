#!/usr/bin/env python3
"""Tables of every earlier version, brought up to date by scripts/clickhouse-apply while flows come in: no row and no sum is lost or
counted twice, and what stands there afterwards is what a new installation gets. schema-N/ is the schema as it was at version N.
"""
import glob
import os
import re
import subprocess
import threading
import unittest

from embedded import Embedded
from harness import ROOT, Collector, mock, summary_sums, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
SCHEMAS = sorted(glob.glob(f"{HERE}/schema-*"))
LOCAL = "192.168.1.0/24,2001:db8:1::/48"


def version():
    with open(f"{ROOT}/sql/clickhouse/999_version.sql") as f:
        return int(re.search(r"VALUES \((\d+)\)", f.read()).group(1))


class Upgrade(unittest.TestCase):
    def apply(self, *more, database="default", group="clickhouse"):
        return subprocess.run(
            [f"{ROOT}/scripts/clickhouse-apply", "--url", f"http://127.0.0.1:{self.embedded.http}", "--database", database,
             f"KAFKA_BROKERS={self.embedded.brokers}", f"KAFKA_GROUP={group}", "KAFKA_FLUSH_MS=500", f"LOCAL={LOCAL}",
             f"KAFKA_SCHEMA={ROOT}/proto/flow.proto:FlowMessage", *more], capture_output=True, text=True, timeout=120)

    def shape(self, database):
        rows = self.embedded.query(f"SELECT name, create_table_query FROM system.tables WHERE database = '{database}' AND "
                                   "name NOT LIKE '.inner%' ORDER BY name")
        return {name: re.sub(rf"\b{database}\.", "", sql.replace(f"DB '{database}'", "DB ''")) for name, sql in rows}

    def upgrade(self, schema):
        self.embedded = Embedded("--sql", schema, "--local", LOCAL)
        collector = Collector(brokers=self.embedded.brokers)
        try:
            first = mock(collector.to, protocol="v5,v9,ipfix", count=60, flows=10, rate=1000, sampling_rate=3)
            self.embedded.wait_rows(first["flows"])
            second = {}
            sender = threading.Thread(target=lambda: second.update(
                mock(collector.to, protocol="ipfix", count=600, flows=10, rate=200, sampling_rate=3)))
            sender.start()
            for _ in range(2):
                done = self.apply("RAW_DAYS=20000", "ROLLUP_MINUTE_DAYS=20000")
                self.assertEqual(done.returncode, 0, done.stderr)
            sender.join()
            want = {k: v + summary_sums(second)[k] for k, v in summary_sums(first).items()}
            wait_until(lambda: self.embedded.sums()["flows"] >= want["flows"] and self.embedded.lag()["behind"] == 0,
                       lambda: f"{want}; there are {self.embedded.sums()}, {self.embedded.lag()}", 120)
            self.assertEqual(self.embedded.sums(), want)
            sums = "SELECT sum(Bytes), sum(Packets), sum({}) FROM {}"
            self.assertEqual(self.embedded.query(sums.format("Count", "flows_5m")),
                             [[want["bytes"], want["packets"], want["flows"]]])
            for table in ("rollup_as", "rollup_interface", "rollup_port"):
                for resolution in (60, 300, 3600):
                    self.assertEqual(self.embedded.query(sums.format("Flows", f"{table} WHERE Resolution = {resolution}")),
                                     [[3 * want["bytes"], 3 * want["packets"], want["flows"]]], table)
            self.assertEqual(self.embedded.query("SELECT count() FROM home_flows")[0][0], want["flows"])
            self.shape_is_new()
            self.later_ones_are_refused()
        finally:
            collector.close()
            self.embedded.close()

    def shape_is_new(self):
        done = self.apply("RAW_DAYS=20000", "ROLLUP_MINUTE_DAYS=20000", database="fresh", group="fresh")
        self.assertEqual(done.returncode, 0, done.stderr)
        old, new = self.shape("default"), self.shape("fresh")
        self.assertEqual(old.keys(), new.keys())
        for name, sql in new.items():
            self.assertEqual(old[name], sql.replace("'fresh'", "'clickhouse'") if name == "flows" else sql)
        self.assertIn("toIntervalDay(20000)", new["flows_raw"])
        self.assertEqual(self.embedded.query("SELECT max(Version) FROM weir_schema"), [[version()]])
        self.assertEqual(self.apply("RAW_DAYS=7", database="fresh", group="fresh").returncode, 0)
        self.assertIn("toIntervalDay(7)", self.shape("fresh")["flows_raw"], "how long to keep may be changed later")

    def later_ones_are_refused(self):
        before = self.shape("fresh")
        self.embedded.query(f"INSERT INTO fresh.weir_schema (Version) VALUES ({version() + 1})")
        done = self.apply(database="fresh", group="fresh")
        self.assertEqual(done.returncode, 1)
        self.assertIn("newer weir", done.stderr)
        self.assertEqual(self.shape("fresh"), before)

    def test_from_every_version(self):
        self.assertEqual([os.path.basename(s) for s in SCHEMAS], [f"schema-{n}" for n in range(1, version())])
        for schema in SCHEMAS:
            with self.subTest(os.path.basename(schema)):
                self.upgrade(schema)

    def test_the_number_stands_in_two_places(self):
        with open(f"{ROOT}/sql/clickhouse/000_schema.sql") as f:
            self.assertIn(f"max(Version) > {version()}", f.read())


if __name__ == "__main__":
    unittest.main()
