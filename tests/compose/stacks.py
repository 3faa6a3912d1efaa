#!/usr/bin/env python3
"""Brings each stack of compose/ up, sends flows from outside, looks at every end, breaks parts of it, takes it down.

scripts/test-compose runs it and says what it needs. From the environment: COMPOSE and ENGINE, the commands (`docker compose` and
`docker`), and STANDINS=1 where images are stand-ins: then there is no Grafana, and nobody but this program runs health checks.
"""
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMPOSE = shlex.split(os.environ.get("COMPOSE", "docker compose"))
ENGINE = shlex.split(os.environ.get("ENGINE", "docker"))
STANDINS = os.environ.get("STANDINS") == "1"
PORTS = ("NETFLOW_PORT", "IPFIX_PORT", "SFLOW_PORT", "GRAFANA_PORT", "COLLECTOR_PORT", "METRICS_PORT", "PROMETHEUS_PORT",
         "KAFKA_PORT", "CLICKHOUSE_PORT", "CLICKHOUSE_NATIVE_PORT", "POSTGRES_PORT")
UP_S, WAIT_S = 300, 180  # how long a stack may take to be healthy, a thing to become true


def run(*command, check=True, timeout=UP_S, cwd=ROOT):
    done = subprocess.run([str(c) for c in command], cwd=cwd, text=True, capture_output=True, timeout=timeout)
    if check and done.returncode:
        raise AssertionError(f"{shlex.join(map(str, command))}: exit status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def wait_for(what, wanted, ask):
    """Until ask() gives what is wanted (a value, or a function that says yes)."""
    end, got = time.monotonic() + WAIT_S, None
    while time.monotonic() < end:
        try:
            got = ask()
        except (AssertionError, OSError, ValueError) as e:
            got = str(e)[-500:]
        else:
            if wanted(got) if callable(wanted) else got == wanted:
                say(f"  {what}: {str(got).strip() if len(str(got)) < 60 else 'yes'}")
                return got
        time.sleep(0.5)
    raise AssertionError(f"{what}: {got!r} after {WAIT_S} s" + ("" if callable(wanted) else f", not {wanted!r}"))


def same(what, got, wanted):
    assert got == wanted, f"{what}: {got!r}, not {wanted!r}"
    say(f"  {what}: {str(got).strip() if len(str(got)) < 60 else 'yes'}")


def say(text):
    print(text, flush=True)


def free_ports():
    sockets = []
    for name in PORTS:
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        sockets.append(s)
        os.environ[name] = str(s.getsockname()[1])
    for s in sockets:
        s.close()


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{os.environ[port]}{path}", timeout=10) as r:
        return r.read().decode()


class Stack:
    def __init__(self, path, project):
        self.name, self.project = path, project
        self.base = [*COMPOSE, "-f", os.path.join(ROOT, path)]
        self.services = [s for s in self.compose("config", "--services").split() if not (STANDINS and s == "grafana")]
        self.sent, self.bytes = 0, 0
        self.ended = threading.Event()

    def compose(self, *args, **kwargs):
        return run(*self.base, *args, **kwargs)

    def up(self):
        began = time.monotonic()
        self.compose("up", "-d", "--wait", "--no-build", *self.services)
        say(f"  up and healthy in {time.monotonic() - began:.0f} s: {' '.join(self.services)}")

    def __enter__(self):
        say(f"== {self.name}")
        self.compose("down", "-v", "--remove-orphans", check=False)
        if STANDINS:
            threading.Thread(target=self.run_health_checks, daemon=True).start()
        try:
            self.up()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, *_):
        if kind:
            say(self.compose("ps", "-a", check=False) + self.compose("logs", "--tail", "40", "--no-color", check=False)[-12000:])
        self.ended.set()
        self.compose("down", "-v", "--remove-orphans", check=False)
        if not kind:
            left = {what: run(*ENGINE, what, "ls", *(["-a"] if what == "container" else []), "-q", "--filter",
                              f"label=com.docker.compose.project={self.project}").split()
                    for what in ("container", "volume", "network")}
            same("left after down -v", left, {"container": [], "volume": [], "network": []})

    def run_health_checks(self):
        """What systemd's timers do for podman where systemd runs."""
        while not self.ended.wait(1):
            for name in run(*ENGINE, "ps", "--filter", f"label=com.docker.compose.project={self.project}", "--format", "{{.Names}}",
                            check=False).split():
                subprocess.run([*ENGINE, "healthcheck", "run", name], capture_output=True, timeout=60)

    def send(self, count=300, protocols="v5,v9,ipfix", port="NETFLOW_PORT"):
        """From the host's network, so from outside of the stack; returns what the mocker says it sent."""
        out = run(*ENGINE, "run", "--rm", "--network", "host", "weir-mocker:latest", "--to", f"127.0.0.1:{os.environ[port]}",
                  "--protocol", protocols, "--count", count // 10, "--flows", 10, "--rate", 200, "--seed", self.sent + 1,
                  "--quiet", "--summary", "-")
        summary = json.loads(out)
        self.sent += summary["flows"]
        self.bytes += summary["bytes"]
        return summary

    def kill_process(self, service):
        """SIGKILL from outside, as a crash: bringing it up again is the restart policy's job. (An engine's own `kill` is an
        administrator's will to it, and it leaves the container down.)"""
        if os.geteuid() != 0:
            say(f"  not root: {service} is restarted instead of killed")
            self.compose("restart", service)
            return
        container = self.compose("ps", "-q", service).strip()
        before = run(*ENGINE, "inspect", "--format", "{{.State.StartedAt}}", container)
        os.kill(int(run(*ENGINE, "inspect", "--format", "{{.State.Pid}}", container)), signal.SIGKILL)
        wait_for(f"{service} is up again after kill -9", True, lambda: run(
            *ENGINE, "inspect", "--format", "{{.State.Running}} {{.State.StartedAt}}", container).split(None, 1) != ["true", before]
            and run(*ENGINE, "inspect", "--format", "{{.State.Running}}", container).strip() == "true")


def clickhouse(sql):
    out = run(*ENGINE, "exec", "compose_db_1", "clickhouse-client", "--query", sql)
    return [line.split("\t") for line in out.splitlines()]


def postgres(sql):
    out = run(*ENGINE, "exec", "compose_db_1", "psql", "-U", "weir", "weir", "-At", "-F", "\t", "-c", sql)
    return [line.split("\t") for line in out.splitlines()]


def clickhouse_sums():
    return [int(n) for n in clickhouse("SELECT count(), sum(Bytes) FROM flows_raw")[0]]


def postgres_sums():
    return [int(n) for n in postgres("SELECT count(*), coalesce(sum(bytes), 0) FROM flows")[0]]


def check_prometheus():
    wait_for("Prometheus' targets", dict.fromkeys(("weir-collector", "weir-exporters", "weir-inserter"), "up"), lambda: {
        t["labels"]["job"]: t["health"] for t in json.loads(get("PROMETHEUS_PORT", "/api/v1/targets"))["data"]["activeTargets"]})
    with open(f"{ROOT}/compose/prometheus/alerts.yml") as f:
        wanted = sorted(re.findall(r"^\s*- alert: (\w+)$", f.read(), re.M))
    rules = [r for g in json.loads(get("PROMETHEUS_PORT", "/api/v1/rules"))["data"]["groups"] for r in g["rules"]]
    assert wanted and sorted(r["name"] for r in rules) == wanted, [r["name"] for r in rules]
    say(f"  alert rules loaded: {len(wanted)}")
    same("alerts firing", [r["name"] for r in rules if r["state"] == "firing"], [])


def received_by_clients():
    text = get("METRICS_PORT", "/metrics")
    return sum(int(float(n)) for n in re.findall(r"^ipfix_bytes_received_total_total\{[^}]*\} (\S+)", text, re.M))


def printed_lines(stack):
    return len(re.findall(r"^inserter-1 +\| [0-9A-F]{2}:", stack.compose("logs", "--no-color", "inserter"), re.M))


def check_panels():
    """The panels for PostgreSQL, with Grafana's macros written out. Those for ClickHouse: tests/e2e/test_dashboards.py."""
    macros = ((r"\$__timeFilter\((\w+)\)", r"\1 > now() AT TIME ZONE 'UTC' - interval '1 hour'"), (r"\$__interval_ms", "60000"),
              (r"\$__timeGroupAlias\((\w+), \$__interval\)", r"floor(extract(epoch FROM \1) / 60) * 60 AS time"))
    count = 0
    with open(f"{ROOT}/compose/grafana/dashboards-postgres/traffic.json") as f:
        for panel in json.load(f)["panels"]:
            sql = panel["targets"][0]["rawSql"]
            for macro, text in macros:
                sql = re.sub(macro, text, sql)
            assert "$" not in sql and postgres(sql) != [], panel["title"]
            count += 1
    say(f"  Grafana's panels that PostgreSQL answers: {count}")


def check_all_ends(stack, sums):
    """One sending seen at every end: rows, printed lines, the metric, Prometheus, Kafka's listener for the host."""
    sent = stack.send()
    wait_for("rows and bytes in the database", [stack.sent, stack.bytes], sums)
    wait_for("lines in `docker compose logs inserter`", stack.sent, lambda: printed_lines(stack))
    downloads = sum(c["download"]["bytes"] for address, c in sent["clients"].items() if address.startswith("192.168."))
    wait_for("bytes received in the metric of :3434", downloads, received_by_clients)
    # Wider than the mocker's default: sFlow has a port of its own, IPFIX the standard one.
    stack.send(protocols="sflow", port="SFLOW_PORT")
    stack.send(protocols="ipfix", port="IPFIX_PORT")
    wait_for("rows with those of the other ports", stack.sent, lambda: sums()[0])
    check_prometheus()
    out = run(*ENGINE, "run", "--rm", "--network", "host", "weir-inserter:latest", "print", "-o", "json", "--kafka.brokers",
              f"localhost:{os.environ['KAFKA_PORT']}", "--from", "beginning", "--group", "from-the-host", "-c", stack.sent)
    same("flows read by a consumer on the host", len(out.splitlines()), stack.sent)
    check_topic(stack, 4)


def check_topic(stack, partitions):
    out = stack.compose("exec", "-T", "kafka", "/opt/kafka/bin/kafka-topics.sh", "--bootstrap-server", "kafka:9092", "--describe",
                        "--topic", "flows")
    assert f"PartitionCount: {partitions}" in out and "retention.ms=86400000" in out, out
    say(f"  topic: {partitions} partitions, retention of a day")


def break_things(stack, sums):
    """Kafka away, the collector killed meanwhile, then the database away: every flow is there in the end, once."""
    stack.compose("kill", "kafka")
    stack.send()
    stack.kill_process("collector")
    wait_for("the collector answers again", "OK\n", lambda: get("COLLECTOR_PORT", "/healthz"))
    stack.send()
    stack.compose("start", "kafka")
    wait_for("rows after Kafka was away and the collector killed", [stack.sent, stack.bytes], sums)
    stack.compose("kill", "db")
    stack.send()
    stack.compose("start", "db")
    wait_for("rows after the database was away", [stack.sent, stack.bytes], sums)
    stack.compose("down")
    os.environ["KAFKA_PARTITIONS"] = "6"  # as one changes .env
    stack.up()
    check_topic(stack, 6)
    stack.send()
    wait_for("rows after down and up, with more partitions", [stack.sent, stack.bytes], sums)
    del os.environ["KAFKA_PARTITIONS"]


def test_collector():
    with Stack("compose/docker-compose-collector.yaml", "collector") as stack:
        stack.send()

        def lines():
            return stack.compose("logs", "--no-color", "--no-log-prefix", "collector").splitlines()
        flows = wait_for("JSON lines in `docker compose logs collector`", lambda f: len(f) == stack.sent,
                         lambda: [json.loads(line) for line in lines() if line.startswith("{")])
        same("their bytes", sum(f["bytes"] for f in flows), stack.bytes)
        stack.kill_process("collector")


def test_everything():
    with Stack("compose.yaml", "weir") as stack:
        check_all_ends(stack, clickhouse_sums)
        if not STANDINS:
            same("Grafana", json.loads(get("GRAFANA_PORT", "/api/health"))["database"], "ok")
            found = json.loads(get("GRAFANA_PORT", "/api/search?type=dash-db"))
            same("Grafana's dashboards", len(found) >= 5, True)
        break_things(stack, clickhouse_sums)


def test_clickhouse_collect():
    with Stack("compose/docker-compose-clickhouse-collect.yaml", "compose") as stack:
        stack.send()
        wait_for("rows and bytes in ClickHouse", [stack.sent, stack.bytes], clickhouse_sums)
        same("ClickHouse's port on this host", get("CLICKHOUSE_PORT", "/?query=" + urllib.parse.quote("SELECT count() FROM flows_raw")),
             f"{stack.sent}\n")
        assert clickhouse("DESCRIBE flows_raw")[0][:2] == ["Date", "Date"]


def test_clickhouse_mock():
    with Stack("compose/docker-compose-clickhouse-mock.yaml", "compose"):
        wait_for("rows of the mocker", lambda n: n > 2000, lambda: clickhouse_sums()[0])


def test_postgres_collect():
    with Stack("compose/docker-compose-postgres-collect.yaml", "compose") as stack:
        check_all_ends(stack, postgres_sums)
        check_panels()
        break_things(stack, postgres_sums)


def test_postgres_mock():
    with Stack("compose/docker-compose-postgres-mock.yaml", "compose"):
        wait_for("rows of the mocker", lambda n: n > 2000, lambda: postgres_sums()[0])


TESTS = {name.removeprefix("test_").replace("_", "-"): test for name, test in list(globals().items()) if name.startswith("test_")}


def main():
    names = sys.argv[1:] or list(TESTS)
    for name in names:
        if name not in TESTS:
            sys.exit(f"test-compose: '{name}' is none of {', '.join(TESTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a stack is taken down all the same
    free_ports()
    began = time.monotonic()
    for name in names:
        TESTS[name]()
    say(f"== {len(names)} stacks passed in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
