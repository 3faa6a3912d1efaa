#!/usr/bin/env python3
"""bench/clickhouse_cost.py [MILLIONS] [VARIANT...]: where ClickHouse's CPU goes, from packed messages in a real Kafka to rows.
bench/clickhouse_cost.py --forms [MILLIONS]: the same rows from packed messages and from messages of one flow, three rounds.

The same topic is read again and again by weir-embedded, each time by a schema that lacks one thing: a view, the indexes, the leaving
out of doubles. What a thing costs is what its lack saves. Merges are in it, as they come; --forms stops them, and says what they add.
The engine's start, as seen on an empty topic, is taken off.
"""
import os
import re
import shutil
import statistics
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
    "flows_raw alone": several(*map(without_view, ROLLUPS), without_view("flows_5m_view"), without_view("home_flows_view"), without_doubles),
    "read and converted only": without_view("flows_raw_view"),
}


def without_merges(sql):
    """From before the first row on."""
    return "SYSTEM STOP MERGES;\n" + sql if "VIEW flows_consumer TO" in sql else sql


def ask(http, sql):
    with urllib.request.urlopen(f"http://127.0.0.1:{http}/", sql.encode(), timeout=60) as r:
        return r.read().decode().strip()


def read(brokers, group, change, flows, topic="flows"):
    """CPU seconds, and rows."""
    with tempfile.TemporaryDirectory() as d:
        shutil.copytree(f"{ROOT}/sql/clickhouse", f"{d}/sql")
        for name in os.listdir(f"{d}/sql"):
            with open(f"{d}/sql/{name}") as f:
                sql = change(f.read())
            for text, value in {**FIXED, "${KAFKA_GROUP:-clickhouse}": group}.items():
                sql = sql.replace(text, value)
            if name.startswith("020"):
                sql += COUNT
            with open(f"{d}/sql/{name}", "w") as f:
                f.write(sql)
        p = subprocess.Popen([f"{measure.BIN}/weir-embedded", "--addr", "localhost:0", "--kafka.brokers", brokers, "--kafka.topic", topic, "--sql", f"{d}/sql",
                              "--data", f"{d}/tables", "--ready-file", f"{d}/ready", "--loglevel", "warn"])
        try:
            while not os.path.exists(f"{d}/ready"):
                time.sleep(0.05)
                if p.poll() is not None:
                    raise SystemExit("weir-embedded ended")
            http = dict(line.split("=", 1) for line in open(f"{d}/ready").read().split())["http"]
            began = time.monotonic()
            # Where rows are stored they are counted, for a message that is read twice is stored once.
            stores = "1" == ask(http, "SELECT count() FROM system.tables WHERE name = 'flows_raw_view'")
            while int(ask(http, "SELECT count() FROM flows_raw" if stores else "SELECT sum(Flows) FROM counted")) < flows:
                if time.monotonic() - began > 300:
                    raise SystemExit("not all was read within 300 s")
                time.sleep(0.5)  # asking costs, too
            time.sleep(3)  # for what stands behind the last block, and merges
            rows = int(ask(http, "SELECT count() FROM flows_raw"))
            return sum(measure.cpu_seconds(p.pid)), rows
        finally:
            p.terminate()
            p.wait()


def empty(brokers, change):
    """CPU seconds of an engine that has nothing to read."""
    subprocess.run(["kcat", "-b", brokers, "-L", "-t", "empty", "-X", "allow.auto.create.topics=true"], check=True, stdout=subprocess.DEVNULL)
    return read(brokers, "empty", change, 0, "empty")[0]


def forms(brokers, flows):
    """Of messages of one flow a fifth: each costs many times as much, so that its start and its end weigh as little."""
    kinds = {"packed": ("flows", flows, ()), "one flow a message": ("single", flows // 5, ("--kafka.batch.flows", "1"))}
    there = {name: measure.fill(brokers, n, "--kafka.topic", topic, *options) for name, (topic, n, options) in kinds.items()}
    start = empty(brokers, without_merges)
    print(f"{' and '.join(map(str, there.values()))} flows, load of the machine {os.getloadavg()[0]:.1f}; {start:.1f} s of CPU for the "
          "engine's start taken off\n\n| us of CPU a row, without merges | round 1 | 2 | 3 | median |\n| --- | --- | --- | --- | --- |")
    seen = {name: [] for name in kinds}
    for n in range(3):
        for name, (topic, _, _) in kinds.items():
            cpu, rows = read(brokers, f"{n}-{topic}", without_merges, there[name], topic)
            if rows != there[name]:
                raise SystemExit(f"{name}: {rows} rows of {there[name]} flows")
            seen[name].append((cpu - start) / rows * 1e6)
    for name, values in seen.items():
        print(f"| {name} | {' | '.join(f'{v:.2f}' for v in values)} | {statistics.median(values):.2f} |")
    ratios = [p / o for p, o in zip(*seen.values())]
    print(f"| packed / one flow | {' | '.join(f'{r:.2f}' for r in ratios)} | {statistics.median(ratios):.2f} |", flush=True)
    cpu, rows = read(brokers, "merging", lambda sql: sql, there["packed"])
    print(f"\npacked, with merges until 3 s after the last row: {(cpu - start) / rows * 1e6:.2f} us a row; load now {os.getloadavg()[0]:.1f}")


def main():
    words = [w for w in sys.argv[1:] if w != "--forms"]
    millions = float(words[0]) if words else 2
    with measure.kafka() as brokers:
        if "--forms" in sys.argv:
            forms(brokers, int(millions * 1e6))
            return
        flows = measure.fill(brokers, int(millions * 1e6))
        start = empty(brokers, lambda sql: sql)
        print(f"{flows} flows in the topic, load of the machine {os.getloadavg()[0]:.1f}\n\n| schema | us of CPU a flow | rows |\n| --- | --- | --- |")
        for number, name in enumerate(words[1:] or VARIANTS):
            cpu, rows = read(brokers, f"cost-{number}", VARIANTS[name], flows)
            print(f"| {name} | {(cpu - start) / flows * 1e6:.2f} | {rows} |", flush=True)


if __name__ == "__main__":
    main()
