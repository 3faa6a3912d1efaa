#!/usr/bin/env python3
"""bench/clickhouse_rows.py [MILLIONS]: what flows cost in ClickHouse: rows a second, bytes a row of each table, time of each
query of sql/queries/. Flows are made up inside the engine (weir-embedded), put where Kafka's come in, over one day.

Addresses are drawn so that few have most flows, as they do; 20 of the columns are set, as an IPFIX exporter sets them.
"""
import glob
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.environ.get("WEIR_BUILD", f"{ROOT}/build/release") + "/bin"
MILLIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 50
DAY = "toDateTime('2026-11-20 00:00:00')"

INSERT = f"""
INSERT INTO flows_queue (Date, TimeReceived, TimeFlowStart, SequenceNum, SamplerAddress, SrcAddr, DstAddr, SrcAS, DstAS, EType, Proto,
	SrcPort, DstPort, Bytes, Packets, Type, NextHop, SrcNet, DstNet, InIf, OutIf, TcpFlags, IpTos, IpTtl, TimeReceivedNs, TimeFlowStartNs,
	TimeFlowEndNs, KafkaPartition, KafkaOffset)
WITH
	number + {{base:UInt64}} AS n,
	(salt -> pow(randCanonical(salt), 4)) AS skewed,
	{DAY} + intDiv(n * 86400, {{rows:UInt64}}) AS t,
	toUInt64(toUnixTimestamp(t)) * 1000000000 + rand(1) % 1000000000 AS ns,
	ns - 60000000000 + rand(2) AS started,
	toUInt32(skewed(3) * 200000) AS client,
	toUInt32(skewed(4) * 500000) AS server,
	rand(5) % 2 AS up,
	toIPv6(concat('::ffff:10.', toString(intDiv(client, 65536)), '.', toString(intDiv(client, 256) % 256), '.', toString(client % 256))) AS ours,
	toIPv6(concat('::ffff:', toString(60 + server % 100), '.', toString(intDiv(server, 100) % 256), '.', toString(server % 251), '.', toString(server % 241))) AS theirs,
	toUInt64(1 + exp(randCanonical(6) * 8)) AS packets
SELECT
	toDate(t), t, toDateTime(intDiv(started, 1000000000)), toUInt32(n / 16), toIPv6(concat('::ffff:192.0.2.', toString(rand(7) % 8))),
	if(up, ours, theirs), if(up, theirs, ours), if(up, 64500, 64501 + server % 3000), if(up, 64501 + server % 3000, 64500), 2048,
	if(rand(8) % 10 < 7, 6, 17), if(up, 32768 + rand(9) % 28000, [443, 443, 443, 80, 53, 123, 22, 8080][1 + rand(10) % 8]),
	if(up, [443, 443, 443, 80, 53, 123, 22, 8080][1 + rand(10) % 8], 32768 + rand(9) % 28000),
	packets * (60 + rand(11) % 1400), packets, 4, toIPv6('::ffff:192.0.2.254'), 24, 16, 1 + rand(12) % 16, 17 + rand(13) % 4,
	[27, 24, 16, 2, 0][1 + rand(14) % 5], 0, 60, ns, started, ns, n % 16, intDiv(n, 50000)
FROM numbers({{count:UInt64}})
"""


def ask(http, sql, **parameters):
    query = urllib.parse.urlencode({"default_format": "TSV", "max_execution_time": 3600, "max_memory_usage": 8 << 30, **parameters})
    try:
        with urllib.request.urlopen(f"http://localhost:{http}/?{query}", sql.encode(), timeout=3600) as r:
            return r.read().decode()
    except urllib.error.HTTPError as e:
        sys.exit(e.read().decode())


def cpu(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    with tempfile.TemporaryDirectory(prefix="weir-rows-", dir=os.environ.get("TMPDIR")) as d:
        engine = subprocess.Popen([f"{BIN}/weir-embedded", "--addr", "localhost:0", "--kafka.addr", "localhost:0", "--query.time", "3600s",
                                   "--data", f"{d}/tables", "--ready-file", f"{d}/ready", "--loglevel", "warn"])
        try:
            while not os.path.exists(f"{d}/ready"):
                time.sleep(0.1)
                assert engine.poll() is None, "weir-embedded ended"
            http = dict(line.split("=") for line in open(f"{d}/ready").read().split())["http"]
            rows = MILLIONS * 1000000
            start, before = time.monotonic(), cpu(engine.pid)
            for base in range(0, rows, 500000):
                ask(http, INSERT, param_base=base, param_rows=rows, param_count=500000, max_insert_threads=1)
            seconds = time.monotonic() - start
            print(f"{rows} flows put in {seconds:.0f} s, {rows / seconds:.0f}/s; {(cpu(engine.pid) - before) / rows * 1e6:.1f} us of CPU "
                  "a flow, merges, sums and the making of it included\n")
            print("| table | rows | bytes on disk | bytes a row |\n| --- | --- | --- | --- |")
            print(ask(http, "SELECT concat('| ', table, ' | ', toString(sum(rows)), ' | ', formatReadableSize(sum(bytes_on_disk)), ' | ', "
                            "toString(round(sum(bytes_on_disk) / sum(rows), 1)), ' |') FROM system.parts WHERE active AND database = "
                            "'default' GROUP BY table ORDER BY sum(bytes_on_disk) DESC FORMAT TSVRaw"))
            print("| query, over the whole day | seconds |\n| --- | --- |")
            for path in sorted(glob.glob(f"{ROOT}/sql/queries/*.sql")):
                start = time.monotonic()
                with open(path) as f:
                    ask(http, f.read(), param_since="2026-11-20 00:00:00", param_until="2026-11-21 00:00:00")
                print(f"| {os.path.basename(path)[:-4]} | {time.monotonic() - start:.2f} |", flush=True)
        finally:
            engine.terminate()
            engine.wait()


if __name__ == "__main__":
    main()
