#!/usr/bin/env python3
"""The tables of sql/clickhouse/ and the HTTP interface of weir-embedded: what each promises, asked of the running thing."""
import gzip
import http.server
import json
import lzma
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
import zlib

from embedded import Embedded
from harness import BIN, ROOT, Collector, Program, free_port, mock, summary_sums, wait_until


def request(url, data=None, headers=None):
    """(status, headers, body) whatever the status."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers or {}), timeout=120) as r:
            return r.status, r.headers, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read().decode()


class OneEngine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.embedded = Embedded("--local", "192.168.1.0/24,2001:db8:1::/48")
        cls.url = f"http://127.0.0.1:{cls.embedded.http}/"
        cls.query = cls.embedded.query

    @classmethod
    def tearDownClass(cls):
        status = cls.embedded.terminate()
        cls.embedded.close()
        assert status == 0, status


class Http(OneEngine):
    def test_what_clients_ask_first(self):
        self.assertEqual(request(self.url)[::2], (200, "Ok.\n"))
        self.assertEqual(request(self.url + "ping")[::2], (200, "Ok.\n"))
        self.assertEqual(request(f"http://[::1]:{self.embedded.http}/ping")[::2], (200, "Ok.\n"))

    def test_query_in_url_body_or_both(self):
        self.assertEqual(request(self.url + "?query=SELECT%201")[::2], (200, "1\n"))
        self.assertEqual(request(self.url, b"SELECT 2")[::2], (200, "2\n"))
        self.assertEqual(request(self.url + "?query=SELECT", b"3")[::2], (200, "3\n"))
        self.query("CREATE TABLE lines (n UInt32, s String) ENGINE = Memory")
        insert = self.url + "?query=INSERT%20INTO%20lines%20FORMAT%20JSONEachRow"
        self.assertEqual(request(insert, b'{"n":1,"s":"a\'b"}\n{"n":2,"s":"c"}')[0], 200)
        self.assertEqual(self.query("SELECT n, s FROM lines ORDER BY n"), [[1, "a'b"], [2, "c"]])

    def test_formats(self):
        status, headers, body = request(self.url + "?query=SELECT%201%20AS%20x&default_format=JSONEachRow")
        self.assertEqual((status, body), (200, '{"x":1}\n'))
        self.assertEqual(headers["Content-Type"], "application/x-ndjson; charset=UTF-8")
        status, headers, body = request(self.url, b"SELECT 1 AS x FORMAT CSVWithNames")
        self.assertEqual((body, headers["X-ClickHouse-Format"]), ('"x"\n1\n', "CSVWithNames"))
        self.assertIn("read_rows", json.loads(headers["X-ClickHouse-Summary"]))

    def test_settings_parameters_database(self):
        self.assertEqual(request(self.url + "?max_threads=1&query=SELECT%20getSetting('max_threads')")[2], "1\n")
        self.assertNotEqual(request(self.url + "?query=SELECT%20getSetting('max_threads')")[2], "1\n")
        self.assertEqual(request(self.url + "?param_who=it%27s&query=SELECT%20%7Bwho:String%7D")[2], "it\\'s\n")
        self.assertEqual(request(self.url + "?database=system&query=SELECT%20count()%20FROM%20one")[2], "1\n")
        self.assertEqual(request(self.url + "?no_such_setting=1&query=SELECT%201")[0], 404)

    def test_errors_carry_code_and_status(self):
        for sql, status, code in ((b"SELECT nonsense", 404, "47"), (b"SELECT (", 400, "62"),
                                  (b"SELECT * FROM nowhere", 404, "60"), (b"SELECT throwIf(1)", 500, "395")):
            got, headers, body = request(self.url, sql)
            self.assertEqual((got, headers["X-ClickHouse-Exception-Code"]), (status, code), body)
            self.assertRegex(body, rf"^Code: {code}\. DB::Exception: .*\(version .*\)\n$")

    def test_get_is_read_only(self):
        status, headers, _ = request(self.url + "?query=CREATE%20TABLE%20x%20(a%20Int8)%20ENGINE=Memory")
        self.assertEqual((status, headers["X-ClickHouse-Exception-Code"]), (500, "164"))
        status, headers, _ = request(self.url + "?readonly=0&query=DROP%20TABLE%20flows_raw")
        self.assertEqual(headers["X-ClickHouse-Exception-Code"], "164")

    def test_nothing_reaches_out_of_the_tables(self):
        with tempfile.TemporaryDirectory() as d:
            for sql in (f"SELECT 1 INTO OUTFILE '{d}/x'", f"SELECT 1 into/**/outfile '{d}/x'",
                        f"SELECT 1 INTO -- '\n OUTFILE '{d}/x'"):
                self.assertEqual(request(self.url, sql.encode())[0], 403, sql)
            self.assertEqual(os.listdir(d), [])
        for sql in ("SELECT * FROM file('/etc/passwd', LineAsString)", "SELECT * FROM `url` ('http://127.0.0.1/', CSV)",
                    "SELECT * FROM file/* (*/('/etc/passwd', LineAsString)"):
            status = request(self.url + "?query=" + urllib.parse.quote(sql))[0]
            self.assertEqual(status, 403, sql)

    def test_pages_of_other_sites_are_kept_out(self):
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Host": "evil.example"}):
            self.assertEqual(request(self.url, b"SELECT 1", headers)[0], 403, headers)
        same = {"Sec-Fetch-Site": "same-origin", "Origin": self.url.rstrip("/")}
        self.assertEqual(request(self.url, b"SELECT 1", same)[0], 200)

    def test_the_page_runs_nothing_of_a_flow(self):
        """Names in flows are strangers' texts: the browser is told to run files of this server alone, and the page puts texts in as text."""
        with urllib.request.urlopen(f"{self.url}dashboard", timeout=10) as r:
            policy, page = r.headers["Content-Security-Policy"], r.read().decode()
        self.assertIn("default-src 'self'", policy)
        self.assertNotIn("script-src", policy)
        self.assertNotRegex(page, r"<script(?![^>]*\bsrc=)|\son[a-z]+=")
        with urllib.request.urlopen(f"{self.url}dashboard/app.js", timeout=10) as r:
            self.assertNotRegex(r.read().decode(), r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")

    def test_a_long_query_ends(self):
        status, headers, _ = request(self.url + "?max_execution_time=1&query=SELECT%20sum(sleepEachRow(1))"
                                                "%20FROM%20numbers(100)%20SETTINGS%20max_block_size=1")
        self.assertEqual((status, headers["X-ClickHouse-Exception-Code"]), (408, "159"))

    def test_rows_are_rows_whatever_is_in_them(self):
        """A semicolon at the end of a line, an empty line, or SQL among the rows of an INSERT: all of it is data."""
        self.query("CREATE TABLE rows (s String) ENGINE = Memory")
        evil = ["a", "", "b;", "DROP TABLE rows;", ";", "SELECT 1 INTO OUTFILE 'x'", "c"]
        length_and_text = b"".join(bytes([len(e)]) + e.encode() for e in evil)
        for sql, data in (("INSERT INTO rows FORMAT TSV", "\n".join(evil).encode() + b"\n"),
                          ("INSERT INTO rows SETTINGS max_threads = 1 FORMAT RowBinary", length_and_text),
                          ("INSERT INTO rows (s) VALUES", ",".join("('%s')" % e.replace("'", "\\'") for e in evil).encode() + b";")):
            for url, body in ((f"?query={urllib.parse.quote(sql)}", data), ("", sql.encode() + b"\n" + data)):
                self.assertEqual(request(self.url + url, body)[0], 200, sql)
                self.assertEqual(self.query("SELECT s FROM rows"), [[e] for e in evil], sql)
                self.query("TRUNCATE TABLE rows")

    def test_compression(self):
        """Bodies both ways, as clients and curl --compressed ask for it."""
        sql = b"SELECT number FROM numbers(1000)"
        plain = "".join(f"{n}\n" for n in range(1000)).encode()
        packed = {"gzip": gzip.compress(sql), "deflate": zlib.compress(sql), "xz": lzma.compress(sql)}
        for encoding, body in packed.items():
            self.assertEqual(request(self.url, body, {"Content-Encoding": encoding})[2].encode(), plain, encoding)
        for encoding, unpack in (("gzip", ["gzip", "-dc"]), ("zstd", ["zstd", "-dc"])):
            ask = urllib.request.Request(self.url, data=sql, headers={"Accept-Encoding": encoding})
            with urllib.request.urlopen(ask, timeout=120) as r:
                self.assertEqual(r.headers["Content-Encoding"], encoding)
                self.assertEqual(subprocess.run(unpack, input=r.read(), capture_output=True, check=True).stdout, plain)
        self.assertEqual(request(self.url + "?enable_http_compression=0", sql, {"Accept-Encoding": "gzip"})[2].encode(), plain)
        status, _, body = request(self.url, b"not packed", {"Content-Encoding": "gzip"})
        self.assertEqual((status, "not what its Content-Encoding says" in body), (400, True), body)
        bomb = gzip.compress(b" " * (65 << 20))
        self.assertEqual(request(self.url, bomb, {"Content-Encoding": "gzip"})[0], 400)
        self.assertEqual(request(self.url + "?compress=1&query=SELECT%201")[0], 501)
        status, _, body = request(self.url, b"x", {"Content-Encoding": "snappy"})
        self.assertEqual((status, "turn the other compression off" in body), (501, True))


class Tables(OneEngine):
    """Rows are put where the Kafka table's view puts them: into flows_queue."""

    def setUp(self):
        for table in ("flows_raw", "flows_5m", "flows_seen", "flows_errors", "home_flows", "rollup_as", "rollup_port",
                      "rollup_interface", "rollup_country", "rollup_customer"):
            self.query(f"TRUNCATE TABLE {table}")

    def put(self, *rows, **common):
        """Each row a dict of columns; the time is now unless it says another."""
        lines = []
        for row in rows:
            row = {**common, **row}
            lines.append(json.dumps(row))
        sql = "INSERT INTO flows_queue SETTINGS input_format_defaults_for_omitted_fields=1 FORMAT JSONEachRow\n"
        status, _, body = request(self.url, (sql + "\n".join(lines)).encode())
        self.assertEqual(status, 200, body)

    def test_flow_pipeline_page(self):
        """Many small parts, then its two commands: one row for each pair of AS, ethertypes side by side."""
        for i in range(12):
            self.put(*({"Date": "2026-03-22", "TimeReceived": "2026-03-22 21:26:38", "SrcAS": 65001, "DstAS": 65000 + n % 3,
                        "EType": (0x86dd, 0x0800)[n % 2], "Bytes": 10 * (n + 1), "Packets": n + 1,
                        "SrcAddr": "2001:db8:0:1::80", "DstAddr": "::ffff:192.168.1.50"} for n in range(6)))
        rows = self.query("SELECT Date,TimeReceived,IPv6NumToString(SrcAddr), IPv6NumToString(DstAddr), Bytes, Packets "
                          "FROM flows_raw ORDER BY Bytes LIMIT 1")
        self.assertEqual(rows, [["2026-03-22", "2026-03-22 21:26:38", "2001:db8:0:1::80", "::ffff:192.168.1.50", 10, 1]])
        self.query("OPTIMIZE TABLE flows_5m")
        rows = self.query("SELECT * FROM flows_5m WHERE SrcAS = 65001")
        self.assertEqual(rows, [
            ["2026-03-22", "2026-03-22 21:25:00", 65001, 65000, [0x0800, 0x86dd], [480, 120], [48, 12], [12, 12], 600, 60, 24],
            ["2026-03-22", "2026-03-22 21:25:00", 65001, 65001, [0x0800, 0x86dd], [240, 600], [24, 60], [12, 12], 840, 84, 24],
            ["2026-03-22", "2026-03-22 21:25:00", 65001, 65002, [0x0800, 0x86dd], [720, 360], [72, 36], [12, 12], 1080, 108, 24],
        ])

    def test_columns_of_the_flow_pipeline(self):
        want = ["Date Date", "TimeReceived DateTime", "TimeFlowStart DateTime", "SequenceNum UInt32", "SamplingRate UInt64",
                "SamplerAddress IPv6", "SrcAddr IPv6", "DstAddr IPv6", "SrcAS UInt32", "DstAS UInt32", "EType UInt16",
                "Proto UInt8", "SrcPort UInt16", "DstPort UInt16", "Bytes UInt64", "Packets UInt64"]
        self.assertEqual([f"{r[0]} {r[1]}" for r in self.query("DESCRIBE flows_raw")][:len(want)], want)
        want = ["Date Date", "Timeslot DateTime", "SrcAS UInt32", "DstAS UInt32", "ETypeMap.EType Array(UInt32)",
                "ETypeMap.Bytes Array(UInt64)", "ETypeMap.Packets Array(UInt64)", "ETypeMap.Count Array(UInt64)",
                "Bytes UInt64", "Packets UInt64", "Count UInt64"]
        self.assertEqual([f"{r[0]} {r[1]}" for r in self.query("DESCRIBE flows_5m")], want)

    def test_applied_to_a_server_twice(self):
        """scripts/clickhouse-apply: what ran here as files runs by HTTP, statement by statement, and keeps the rows."""
        apply = [f"{ROOT}/scripts/clickhouse-apply", "--url", self.url, "--database", "other",
                 f"KAFKA_BROKERS={self.embedded.brokers}", "KAFKA_GROUP=other"]
        subprocess.run(apply, check=True, capture_output=True)
        self.query("INSERT INTO other.flows_queue (Bytes, SrcAS, TimeReceived) VALUES (5, 7, now())")
        subprocess.run(apply, check=True, capture_output=True)
        self.query("INSERT INTO other.flows_queue (Bytes, SrcAS, TimeReceived) VALUES (6, 7, now())")
        self.assertEqual(self.query("SELECT sum(Bytes) FROM other.flows_raw"), [[11]])
        self.assertEqual(self.query("SELECT sum(Bytes) FROM other.flows_5m WHERE SrcAS = 7"), [[11]])
        for local, client in (("192.168.1.0/24", "192.168.1.9"), ("203.0.113.0/24", "203.0.113.9")):  # also a setting, at each time
            subprocess.run([*apply, f"LOCAL={local}"], check=True, capture_output=True)
            self.query("TRUNCATE TABLE other.home_flows")
            self.query("INSERT INTO other.flows_queue (SrcAddr, DstAddr, TimeReceived) VALUES "
                       "('::ffff:192.168.1.9', '::ffff:203.0.113.9', now())")
            self.assertEqual(self.query("SELECT clientIPv4 FROM other.home_flows"), [[client]])
        bad = subprocess.run([*apply, "LOCAL=x'y"], capture_output=True, text=True)
        self.assertEqual(bad.returncode, 1)
        self.assertIn("LOCAL", bad.stderr)
        self.query("DROP DATABASE other")

    def test_the_cluster_variant_parses(self):
        done = subprocess.run([f"{ROOT}/scripts/clickhouse-apply", "--dry-run", "--cluster", "east"], capture_output=True,
                              text=True, check=True)
        statements = [s for s in done.stdout.split(";\n\n") if s.strip()]
        self.assertGreater(len(statements), 60)
        for sql in statements:
            status, _, body = request(self.url, f"EXPLAIN AST {sql}".encode())
            if not sql.startswith("INSERT"):
                self.assertEqual(status, 200, f"{sql}\n{body}")
            if sql.startswith(("CREATE", "DROP", "ALTER")):
                self.assertIn("ON CLUSTER `east`", sql)
        self.assertNotRegex(done.stdout, r"ENGINE = (Summing|Replacing)?MergeTree")
        self.assertIn("ENGINE = Distributed(`east`, `default`, flows_raw, rand())", done.stdout)

    def test_sent_again_counts_once(self):
        now = {"TimeReceived": "2026-11-21 12:00:00", "Bytes": 1, "Collector": 7, "Epoch": 9}
        first = [{**now, "Sequence": 1, "KafkaOffset": 10}, {**now, "Sequence": 1, "KafkaOffset": 10}]
        again = [{**r, "KafkaOffset": 11} for r in first]
        self.put(*first, *again)  # both in one block
        self.assertEqual(self.query("SELECT count(), min(KafkaOffset), max(KafkaOffset) FROM flows_raw"), [[2, 10, 10]])
        self.put(*({**r, "KafkaOffset": 12} for r in first), {**now, "Sequence": 2, "KafkaOffset": 13})  # in a later one
        self.put({**now, "Epoch": 10, "Sequence": 1, "KafkaOffset": 14})  # the collector was started anew
        self.assertEqual(self.query("SELECT KafkaOffset, count() FROM flows_raw GROUP BY 1 ORDER BY 1"),
                         [[10, 2], [13, 1], [14, 1]])
        damaged = {**now, "Sequence": 3, "KafkaOffset": 15, "Error": "no flow"}
        self.put(damaged, {**damaged, "Error": "", "KafkaOffset": 16})  # a damaged first copy does not take the second along
        self.assertEqual(self.query("SELECT count(), max(KafkaOffset) FROM flows_raw"), [[5, 16]])
        self.put({"Bytes": 1, "TimeReceived": "2026-11-21 12:00:00"})
        self.put({"Bytes": 1, "TimeReceived": "2026-11-21 12:00:00"})  # without the header nothing is known: all stay
        self.assertEqual(self.query("SELECT count() FROM flows_raw"), [[7]])
        self.assertEqual(self.query("SELECT sum(Count) FROM flows_5m"), [[7]])
        self.assertEqual(self.query("SELECT sum(Flows) FROM rollup_as WHERE Resolution = 60"), [[7]])

    def test_home_flows(self):
        up = {"SrcAddr": "::ffff:192.168.1.50", "DstAddr": "::ffff:104.18.185.54", "SrcPort": 51118, "DstPort": 443, "Proto": 6,
              "SrcMac": 256182431642646, "DstMac": 1, "Packets": 27, "Bytes": 2245, "TimeReceived": "2026-11-21 12:00:01"}
        down = {**up, "SrcAddr": up["DstAddr"], "DstAddr": up["SrcAddr"], "SrcPort": 443, "DstPort": 51118,
                "SrcMac": 1, "DstMac": 256182431642646, "Packets": 2 ** 33 + 36, "Bytes": 2 ** 40}
        six = {**up, "SrcAddr": "2001:db8:1::50", "DstAddr": "2001:db8:68::1", "Proto": 17}
        inside = {**up, "DstAddr": "::ffff:192.168.1.51"}
        outside = {**up, "SrcAddr": "::ffff:203.0.113.1"}
        self.put(up, down, six, inside, outside)
        home = ["2026-11-21 12:00:01", 256182431642646]
        self.assertEqual(self.query("SELECT * FROM home_flows ORDER BY protocol, is_download"), [
            [*home, "192.168.1.50", "::", 51118, "104.18.185.54", "::", 443, 6, 27, 2245, False],
            [*home, "192.168.1.50", "::", 51118, "104.18.185.54", "::", 443, 6, 2 ** 32 - 1, 2 ** 32 - 1, True],
            [*home, "0.0.0.0", "2001:db8:1::50", 51118, "0.0.0.0", "2001:db8:68::1", 443, 17, 27, 2245, False],
        ])
        self.assertEqual([" ".join(r[:2]) for r in self.query("DESCRIBE home_flows")], [
            "insertionTime DateTime64(0)", "clientMac UInt64", "clientIPv4 IPv4", "clientIPv6 IPv6", "clientPort UInt16",
            "serverIPv4 IPv4", "serverIPv6 IPv6", "serverPort UInt16", "protocol UInt8", "packets UInt32", "bytes UInt32",
            "is_download Bool"])

    def test_rollups_are_scaled(self):
        rows = [{"TimeReceived": "2026-11-21 12:34:56", "Proto": 6, "SrcPort": 50000, "DstPort": 443, "Bytes": 100, "Packets": 2,
                 "SamplingRate": 10}, {"TimeReceived": "2026-11-21 12:59:59", "Proto": 6, "SrcPort": 443, "DstPort": 40000,
                                       "Bytes": 7, "Packets": 1, "SamplingRate": 0}]
        self.put(*rows)
        want = [[60, "2026-11-21 12:34:00", 443, 1000, 20, 1], [60, "2026-11-21 12:59:00", 443, 7, 1, 1],
                [300, "2026-11-21 12:30:00", 443, 1000, 20, 1], [300, "2026-11-21 12:55:00", 443, 7, 1, 1],
                [3600, "2026-11-21 12:00:00", 443, 1007, 21, 2]]
        self.assertEqual(self.query("SELECT Resolution, Timeslot, Port, sum(Bytes), sum(Packets), sum(Flows) FROM rollup_port "
                                    "GROUP BY 1, 2, 3 ORDER BY 1, 2"), want)
        self.assertEqual(self.query("SELECT sum(BytesScaled), sum(PacketsScaled) FROM flows_raw"), [[1007, 21]])

    def test_countries_customers_interfaces(self):
        """Sums by what the enricher adds: both names, one, none (which is no row); at each resolution, scaled."""
        common = {"SamplerAddress": "::ffff:192.0.2.1", "InIf": 3, "OutIf": 4, "SamplingRate": 100}
        self.put({"TimeReceived": "2026-11-21 12:34:56", "SrcCountry": "NL", "DstCountry": "DE", "SrcCustomer": "acme", "Bytes": 10,
                  "Packets": 1}, {"TimeReceived": "2026-11-21 12:34:59", "SrcCountry": "NL", "DstCountry": "DE", "SrcCustomer": "acme",
                                  "DstCustomer": "it's", "Bytes": 20, "Packets": 2},
                 {"TimeReceived": "2026-11-21 12:36:00", "DstCountry": "DE", "DstCustomer": "it's", "Bytes": 30, "Packets": 3},
                 {"TimeReceived": "2026-11-21 13:00:00", "Bytes": 40, "Packets": 4}, **common)
        one, two, three = [1000, 100, 1], [2000, 200, 1], [3000, 300, 1]
        both = [3000, 300, 2]
        at = {60: ["2026-11-21 12:34:00", "2026-11-21 12:36:00"], 300: ["2026-11-21 12:30:00", "2026-11-21 12:35:00"],
              3600: ["2026-11-21 12:00:00"] * 2}
        for key, first, last in (("Country", [["NL", "DE", *both]], ["", "DE", *three]),
                                 ("Customer", [["acme", "", *one], ["acme", "it's", *two]], ["", "it's", *three])):
            want = sorted([r, at[r][0], *row] for r in at for row in first) + sorted([r, at[r][1], *last] for r in at)
            got = self.query(f"SELECT Resolution, Timeslot, Src{key}, Dst{key}, sum(Bytes), sum(Packets), sum(Flows) FROM "
                             f"rollup_{key.lower()} GROUP BY ALL")
            self.assertEqual(sorted(got), sorted(want), key)
        got = self.query("SELECT Resolution, SamplerAddress, InIf, OutIf, sum(Bytes), sum(Packets), sum(Flows) FROM rollup_interface "
                         "GROUP BY ALL ORDER BY ALL")
        self.assertEqual(got, [[r, "::ffff:192.0.2.1", 3, 4, 10000, 1000, 4] for r in (60, 300, 3600)])

    def test_each_sum_has_its_time(self):
        """Made as on a server, with its days: what is older is gone after the next merge, by its own resolution."""
        apply = [f"{ROOT}/scripts/clickhouse-apply", "--url", self.url, "--database", "days", f"KAFKA_BROKERS={self.embedded.brokers}",
                 "KAFKA_GROUP=days", "LOCAL=192.168.1.0/24", "RAW_DAYS=10000", "ROLLUP_MINUTE_DAYS=7", "ROLLUP_5M_DAYS=90",
                 "ROLLUP_HOUR_DAYS=730"]
        subprocess.run(apply, check=True, capture_output=True)
        self.addCleanup(self.query, "DROP DATABASE days")
        # Behind flows_raw (kept longer here), so that the sums of old flows are made now, as a merge years later would find them.
        ages = {1: {60, 300, 3600}, 30: {300, 3600}, 400: {3600}, 1000: set()}
        for days in ages:
            self.query("INSERT INTO days.flows_queue (Date, TimeReceived, SrcAS, SrcCountry, SrcCustomer, DstPort, InIf, SrcAddr, DstAddr, "
                       f"Bytes) SELECT toDate(t), toDateTime(now() - INTERVAL {days} DAY, 'UTC') AS t, {days}, 'NL', 'acme', 443, 1, "
                       "toIPv6('::ffff:192.168.1.9'), toIPv6('::ffff:203.0.113.9'), 1")
        for table in ("rollup_as", "rollup_interface", "rollup_port", "rollup_country", "rollup_customer"):
            self.query(f"OPTIMIZE TABLE days.{table} FINAL")
            kept = self.query(f"SELECT round((toUnixTimestamp(now()) - toUnixTimestamp(Timeslot)) / 86400) AS Age, Resolution "
                              f"FROM days.{table} ORDER BY ALL")
            self.assertEqual({(int(a), r) for a, r in kept}, {(a, r) for a, rs in ages.items() for r in rs}, table)
        self.query("OPTIMIZE TABLE days.flows_5m FINAL")
        self.assertEqual({r[0] for r in self.query("SELECT SrcAS FROM days.flows_5m")}, {1, 30}, "90 days")
        self.assertEqual(self.query("SELECT count() FROM days.home_flows"), [[len(ages)]], "for ever")


@unittest.skipUnless(shutil.which("chromium"), "chromium is not installed")
class Page(unittest.TestCase):
    """The page in a browser. What it asks is kept in the address after #, so one load tells all."""

    def load(self, embedded, origin=None, **state):
        with tempfile.TemporaryDirectory() as home:
            done = subprocess.run(
                ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={home}", "--virtual-time-budget=15000",
                 "--dump-dom", f"{origin or f'http://localhost:{embedded.http}'}/dashboard#{urllib.parse.urlencode(state)}"],
                capture_output=True, text=True, timeout=120)
        self.assertIn("<body", done.stdout, done.stderr[-2000:])
        message = re.search(r'id="message"[^>]*>([^<]*)<', done.stdout).group(1)
        flows = re.search(r'data-flows="(\d+)"', done.stdout)
        return done.stdout, message, int(flows.group(1)) if flows else None

    def test_shows_and_filters_what_was_sent(self):
        embedded = Embedded()
        collector = Collector(brokers=embedded.brokers)
        try:
            sent = mock(collector.to, protocol="ipfix", count=50, flows=10, rate=1000)
            embedded.wait_rows(sent["flows"])
            page, message, flows = self.load(embedded, range="15m")
            self.assertEqual((message, flows), ("", sent["flows"]))
            self.assertIn("<canvas", page)
            udp = embedded.sums("Proto = 17")["flows"]
            self.assertGreater(udp, 0)
            page, message, flows = self.load(embedded, range="15m", by="src", filter="proto udp")
            self.assertEqual((message, flows), ("", udp))
            self.assertNotIn("tcp 443", page)
            page, message, flows = self.load(embedded, filter="src nonsense")
            self.assertIn("filter: column 5", message)
            page, message, flows = self.load(embedded, range="15m", filter="src ip 203.0.113.250")
            self.assertEqual((message, flows), ("", 0))
            self.assertIn("No flows in this time that the filter lets through", page)
            now = int(time.time())
            self.assertEqual(self.load(embedded, range=f"{now - 600}-{now + 60}")[1:], ("", sent["flows"]))
            self.assertEqual(self.load(embedded, range=f"{now - 9000}-{now - 8000}")[1:], ("", 0))
            self.from_another_origin(embedded, sent["flows"])
        finally:
            collector.close()
            embedded.close()


    def from_another_origin(self, embedded, flows):
        """The page, served by somebody else, asks this ClickHouse as it would any other."""
        class Handler(http.server.SimpleHTTPRequestHandler):
            def translate_path(self, path):
                return f"{ROOT}/embedded/web/" + (path.partition("?")[0].removeprefix("/dashboard").lstrip("/") or "index.html")

            def log_message(self, *args):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as other:
            thread = threading.Thread(target=other.serve_forever)
            thread.start()
            try:
                origin = f"http://localhost:{other.server_port}"
                clickhouse = f"http://localhost:{embedded.http}"
                self.assertEqual(self.load(embedded, origin, range="15m", host=clickhouse)[1:], ("", flows))
                message = self.load(embedded, origin, range="15m", host="http://localhost:1")[1]
                self.assertIn("http://localhost:1 does not answer", message)
            finally:
                other.shutdown()
                thread.join()


class Broker(unittest.TestCase):
    def test_a_damaged_message_is_kept(self):
        """It becomes one row of flows_errors with its bytes; the messages around it are whole."""
        embedded = Embedded()
        collector = Collector(brokers=embedded.brokers)
        try:
            first = mock(collector.to, protocol="v9", count=20, flows=10, rate=1000)
            embedded.wait_rows(first["flows"])
            subprocess.run(["kcat", "-b", embedded.brokers, "-P", "-t", "flows", "-p", "0"], input=b"not a flow", check=True)
            second = mock(collector.to, protocol="v9", count=20, flows=10, rate=1000)
            embedded.wait_rows(first["flows"] + second["flows"])
            wait_until(lambda: embedded.query("SELECT count() FROM flows_errors") == [[1]], "the damaged message is kept")
            row = embedded.query("SELECT Topic, Partition, RawMessage, Error != '' FROM flows_errors")[0]
            self.assertEqual(row, ["flows", 0, "not a flow", 1])
        finally:
            collector.close()
            embedded.close()

    def test_a_burst_is_held_back_not_lost(self):
        """Far more than the mock broker keeps, faster than ClickHouse reads: all of it arrives, nothing was forgotten."""
        embedded = Embedded("--kafka.partitions", "4")
        collector = Collector(brokers=embedded.brokers)
        try:
            sent = mock(collector.to, protocol="ipfix", count=16000, flows=25, rate=8000)
            embedded.wait_rows(sent["flows"])
            self.assertEqual(embedded.sums(), summary_sums(sent))
            lag = embedded.lag()
            self.assertEqual(lag["gap"], 0)
            self.assertGreater(lag["bytes"], 2 * 5_000_000, "more than half of what four partitions hold")
        finally:
            collector.close()
            embedded.close()

    def test_data_outlive_a_kill(self):
        with tempfile.TemporaryDirectory() as d:
            for i in (1, 2, 3):
                embedded = Embedded("--data", f"{d}/tables")
                collector = Collector(brokers=embedded.brokers)
                try:
                    sent = mock(collector.to, protocol="v5", count=10, flows=10, rate=1000)
                    embedded.wait_rows(i * sent["flows"])
                    self.assertEqual(embedded.sums()["flows"], i * sent["flows"])
                    if i == 1:
                        embedded.kill()
                    else:
                        self.assertEqual(embedded.terminate(), 0)
                finally:
                    collector.close()
                    embedded.close()

    def test_tables_that_do_not_load_are_tried_again(self):
        """The engine refuses a table, and after that everything: the next try is a new image of the process."""
        with tempfile.TemporaryDirectory() as d:
            data = f"{d}/tables"
            first = Embedded("--data", data)
            other = Program(f"{BIN}/weir-embedded", "--addr", f"localhost:{free_port()}", "--data", data, cwd=ROOT)
            try:
                self.assertEqual(other.wait(), 1)
                self.assertIn("in use by another", other.err)
            finally:
                other.close()
                first.close()
            version = f"{data}/data/default/weir_schema/format_version.txt"
            with open(version) as f:
                whole = f.read()
            for mended in (True, False):
                with open(version, "w") as f:
                    f.write("no number")
                program = Program(f"{BIN}/weir-embedded", "--addr", f"localhost:{free_port()}", "--data", data, cwd=ROOT)
                try:
                    wait_until(lambda: "cannot open its tables" in program.err, lambda: program.err)
                    if mended:
                        with open(version, "w") as f:
                            f.write(whole)
                        wait_until(lambda: "Kafka: " in program.err, lambda: program.err, 60)
                        self.assertEqual(program.terminate(), 0)
                    else:
                        self.assertEqual(program.wait(), 1)
                        self.assertIn("given up after 3 tries", program.err)
                finally:
                    program.close()

    def test_what_is_missing_is_said(self):
        for options, says in ((["--lib", "/nowhere/libchdb.so"], "scripts/fetch-chdb"), (["--sql", "/nowhere"], "--sql"),
                              (["--local", "192.168.1.0/99"], "192.168.1.0/99")):
            program = Program(f"{BIN}/weir-embedded", "--addr", f"localhost:{free_port()}", "--kafka.addr",
                              f"localhost:{free_port()}", *options, cwd=ROOT)
            try:
                self.assertEqual(program.wait(), 2, program.err)
                self.assertIn(says, program.err)
                self.assertEqual(program.err.count("\n"), 1)
            finally:
                program.close()


if __name__ == "__main__":
    unittest.main()
