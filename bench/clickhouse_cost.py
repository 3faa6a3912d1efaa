#!/usr/bin/env python3
"""bench/clickhouse_cost.py [MILLIONS] [VARIANT...]: where ClickHouse's CPU goes, from packed messages in a real Kafka to rows.

The same topic is read again and again by weir-embedded, each time by a schema that lacks one thing: a view, the indexes, the leaving
out of doubles. What a thing costs is what its lack saves. Merges are in it, as they come.
"""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import measure

ROOT = measure.ROOT
PLAIN = """CREATE MATERIALIZED VIEW flows_raw_view TO flows_raw AS SELECT * EXCEPT (Topic, Error, RawMessage) FROM flows_queue
WHERE Error = '';
"""


def without_view(name):
    return lambda sql: re.sub(rf"CREATE MATERIALIZED VIEW {name} .*?;\n", "", sql, flags=re.S)


def without_doubles(sql):
    return without_view("flows_seen_view")(re.sub(r"CREATE MATERIALIZED VIEW flows_raw_view .*?;\n", PLAIN, sql, flags=re.S))


def without_indexes(sql):
    return re.sub(r",\n\tINDEX [^\n]*", "", sql)


# Says when all has been read, whatever else there is.
COUNT = """CREATE MATERIALIZED VIEW counted ENGINE = SummingMergeTree ORDER BY Key AS
SELECT 1 AS Key, count() AS Flows FROM flows_queue GROUP BY Key;
"""
# As on a server, and not as weir-embedded sets it for a fresh picture.
FIXED = {"${KAFKA_BLOCK_ROWS:-524288}": "524288", "${KAFKA_FLUSH_MS:-1000}": "1000"}
ROLLUPS = [f"rollup_{name}_view" for name in ("as", "interface", "port", "country", "customer")]


def several(*parts):
    def apply(sql):
        for part in parts:
            sql = part(sql)
        return sql
    return apply


VARIANTS = {
    "all": lambda sql: sql,
    "without flows_5m": without_view("flows_5m_view"),
    "without home_flows": without_view("home_flows_view"),
    **{f"without {v[:-5]}": without_view(v) for v in ROLLUPS},
    "without indexes": without_indexes,
    "without doubles left out": without_doubles,
    "flows_raw alone": several(without_doubles, *map(without_view, ROLLUPS), without_view("flows_5m_view"),
                               without_view("home_flows_view")),
    "read and converted only": without_view("flows_raw_view"),
}


def fill(brokers, flows):
    """The topic, through a collector, so that messages are what they are."""
    http, udp = measure.free_port(socket.SOCK_STREAM), measure.free_port(socket.SOCK_DGRAM)
    with tempfile.TemporaryDirectory() as d, measure.process(
            [f"{measure.BIN}/weir-collector", "--listen", f"netflow://127.0.0.1:{udp}", "--kafka.brokers", brokers, "--addr",
             f"localhost:{http}", "--journal.path", d]):
        measure.load(udp, flows // 16, 8000)
        for _ in range(600):
            done = measure.metric(http, "weir_collector_flows_acknowledged_total")
            if done >= flows // 16 * 16:
                break
            time.sleep(0.2)
        return int(done)


def ask(http, sql):
    with urllib.request.urlopen(f"http://127.0.0.1:{http}/", sql.encode(), timeout=60) as r:
        return r.read().decode().strip()


def read(brokers, number, change, flows):
    """CPU a flow in us, and rows."""
    with tempfile.TemporaryDirectory() as d:
        shutil.copytree(f"{ROOT}/sql/clickhouse", f"{d}/sql")
        for name in os.listdir(f"{d}/sql"):
            with open(f"{d}/sql/{name}") as f:
                sql = change(f.read())
            for text, value in {**FIXED, "${KAFKA_GROUP:-clickhouse}": f"cost-{number}"}.items():
                sql = sql.replace(text, value)
            if name.startswith("020"):
                sql += COUNT
            with open(f"{d}/sql/{name}", "w") as f:
                f.write(sql)
        p = subprocess.Popen([f"{measure.BIN}/weir-embedded", "--addr", "localhost:0", "--kafka.brokers", brokers, "--sql", f"{d}/sql",
                              "--data", f"{d}/tables", "--ready-file", f"{d}/ready", "--loglevel", "warn"])
        try:
            while not os.path.exists(f"{d}/ready"):
                time.sleep(0.05)
                if p.poll() is not None:
                    raise SystemExit("weir-embedded ended")
            http = dict(line.split("=", 1) for line in open(f"{d}/ready").read().split())["http"]
            began = time.monotonic()
            while int(ask(http, "SELECT sum(Flows) FROM counted")) < flows:
                if time.monotonic() - began > 300:
                    raise SystemExit("not all was read within 300 s")
                time.sleep(0.1)
            time.sleep(3)  # for what stands behind the last block, and merges
            rows = int(ask(http, "SELECT count() FROM flows_raw"))
            return sum(measure.cpu_seconds(p.pid)) / flows * 1e6, rows
        finally:
            p.terminate()
            p.wait()


def main():
    millions = float(sys.argv[1]) if len(sys.argv) > 1 else 2
    chosen = sys.argv[2:] or list(VARIANTS)
    with measure.kafka() as brokers:
        flows = fill(brokers, int(millions * 1e6))
        print(f"{flows} flows in the topic, load of the machine {os.getloadavg()[0]:.1f}\n\n| schema | us of CPU a flow | rows |\n| --- | --- | --- |")
        for number, name in enumerate(chosen):
            cpu, rows = read(brokers, number, VARIANTS[name], flows)
            print(f"| {name} | {cpu:.2f} | {rows} |", flush=True)


if __name__ == "__main__":
    main()
