#!/usr/bin/env python3
"""Programs that gave up what they do not need (docs/operations.md): what /proc says of them, and that they still do their work.

Also that no secret is to be found where others can look: --help, --dump-config, the process list, logs, /metrics.
"""
import os
import pwd
import re
import signal
import socket
import subprocess
import tempfile
import unittest

from harness import BIN, ROOT, SANITIZED, Collector, Program, free_port, get, mock, wait_until

NOBODY = pwd.getpwnam("nobody").pw_uid


def status(program):
    """Of the process behind setpriv or the like: the one whose name begins with weir."""
    with open(f"/proc/{program.process.pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


@unittest.skipIf(SANITIZED, "a sanitizer writes files, and looks at the process from outside")
class Confined(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="weir-test-")
        os.chmod(self.dir, 0o755)
        self.addCleanup(subprocess.run, ["rm", "-rf", self.dir], check=False)

    def collector(self, *options, **more):
        c = Collector("--confine", "require", *options, scheme="flow", **more)
        self.addCleanup(c.close)
        return c

    def works(self, c, out):
        n = mock(c.to, count=20, flows=10, rate=1000)["flows"]
        wait_until(lambda: os.path.exists(out) and open(out).read().count("\n") >= n, lambda: f"{n} lines in {out}\n{c.err}")

    def test_by_default(self):
        c = Collector("--transport", "null", scheme="flow")
        self.addCleanup(c.close)
        if "Landlock (" in c.err or "seccomp (" in c.err:
            self.skipTest(c.err)
        self.assertIn("confined: no new privileges, writes no file, starts no program", c.err)
        self.assertEqual((status(c)["NoNewPrivs"], status(c)["Seccomp"]), ("1", "2"))

    def test_file_reload_and_rotation(self):
        out = f"{self.dir}/flows.json"
        c = self.collector("--transport", "file", "--transport.file", out, "--state.path", f"{self.dir}/state")
        self.works(c, out)
        os.rename(out, out + ".1")
        c.signal(signal.SIGHUP)
        wait_until(lambda: os.path.exists(out), "the file is made anew")
        self.works(c, out)
        self.assertEqual(c.terminate(), 0, c.err)
        self.assertTrue(os.listdir(f"{self.dir}/state"))

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_user(self):
        os.mkdir(f"{self.dir}/out")
        os.chown(f"{self.dir}/out", NOBODY, -1)
        out = f"{self.dir}/out/flows.json"
        c = self.collector("--user", "nobody", "--transport", "file", "--transport.file", out, "--state.path", f"{self.dir}/state")
        s = status(c)
        self.assertEqual(s["Uid"].split(), [str(NOBODY)] * 4)
        self.assertEqual((s["NoNewPrivs"], s["Seccomp"], int(s["CapEff"], 16), int(s["CapPrm"], 16)), ("1", "2", 0, 0))
        self.works(c, out)
        self.assertGreater(c.metrics().sum("process_open_fds"), 5)
        self.assertEqual(c.terminate(), 0, c.err)
        self.assertEqual(os.stat(f"{self.dir}/state").st_uid, NOBODY)
        self.assertTrue(os.listdir(f"{self.dir}/state"))

    @unittest.skipUnless(os.geteuid() == 0, "only root can bind it")
    def test_a_low_port_is_bound_first(self):
        port = next(p for p in range(1023, 600, -1) if not subprocess.run(["ss", "-Huln", f"sport = :{p}"], capture_output=True).stdout)
        c = self.collector("--user", "nobody", "--transport", "null", port=port)
        n = mock(c.to, count=5, flows=5, rate=1000)["flows"]
        wait_until(lambda: c.metrics().sum("weir_collector_flows_total") >= n, "flows at a low port")

    def test_local_unless_told(self):
        c = Collector("--transport", "null")
        self.addCleanup(c.close)
        shown = subprocess.run(["ss", "-Htlnp", f"sport = :{c.http}"], capture_output=True, text=True, check=True).stdout
        self.assertEqual({line.split()[3].rsplit(":", 1)[0] for line in shown.splitlines()} - {"[::1]"}, {"127.0.0.1"})
        for program in ("weir-collector", "weir-inserter", "weir-enricher"):
            text = subprocess.run([f"{BIN}/{program}", "--help"], capture_output=True, text=True, check=True).stdout
            self.assertNotRegex(text.split("--addr ", 1)[1].split("\n  --", 1)[0], r"[Dd]efault:? ?(\*|0\.0\.0\.0|:[0-9])")


SECRET = "s3cr3t-Of-The-Test"
# Program, words without which it says no more, and the options that hold a secret: each row of the tree with OPT_SECRET.
SECRETS = {
    "weir-collector": (["--transport", "null"], ["redis.password", "http.token", "kafka.property"]),
    "weir-inserter": (["print"], ["redis.password", "http.token", "postgres", "kafka.property"]),
    "weir-enricher": ([], ["kafka.property"]),
    "weir-mocker": (["--kafka.brokers", "127.0.0.1:1"], ["kafka.property"]),
}
# The same where they are used: whom they are for is not there, so that all is said that there is to say.
NOBODY_THERE = ["--kafka.brokers", "127.0.0.1:1", "--loglevel", "debug"]
USES = (
    ("weir-collector", [*NOBODY_THERE], "kafka.property"),
    ("weir-collector", ["--transport", "null", "--redis", "127.0.0.1:1", "--loglevel", "debug"], "redis.password"),
    ("weir-collector", ["--transport", "http", "--http.url", "http://127.0.0.1:1/", "--loglevel", "debug"], "http.token"),
    ("weir-inserter", ["metrics", *NOBODY_THERE], "kafka.property"),
    ("weir-inserter", ["redis", "--redis", "127.0.0.1:1", *NOBODY_THERE], "redis.password"),
    ("weir-inserter", ["http", "--http.url", "http://127.0.0.1:1/", *NOBODY_THERE], "http.token"),
    ("weir-inserter", ["postgres", *NOBODY_THERE], "postgres"),
    ("weir-enricher", [*NOBODY_THERE], "kafka.property"),
    ("weir-mocker", ["--kafka.brokers", "127.0.0.1:1", "--count", "3"], "kafka.property"),
)
VALUES = {"kafka.property": f"sasl.password={SECRET}", "postgres": f"host=127.0.0.1 port=1 user=u password={SECRET}"}


class Secrets(unittest.TestCase):
    def run_with(self, program, words, env):
        return subprocess.run([f"{BIN}/{program}", *words], capture_output=True, text=True, env=dict(os.environ, **env), timeout=120)

    def environment(self, option):
        return {"WEIR_" + option.upper().replace(".", "_").replace("-", "_"): VALUES.get(option, SECRET)}

    def test_not_shown_in_use(self):
        self.assertEqual({(p, o) for p, _, o in USES}, {(p, o) for p, (_, options) in SECRETS.items() for o in options})
        for program, words, option in USES:
            port = free_port()
            page = lambda port=port: get(f"http://127.0.0.1:{port}/metrics")
            addr = ["--addr", f"localhost:{port}"] if program != "weir-mocker" else []
            listen = ["--listen", f"flow://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"] if program == "weir-collector" else []
            with self.subTest(program=program, option=option):
                p = Program(f"{BIN}/{program}", *words, *addr, *listen, env=self.environment(option))
                self.addCleanup(p.close)
                wait_until(lambda p=p, page=page: not p.alive or p.err and (program == "weir-mocker" or page()), lambda p=p: p.err)
                shown = subprocess.run(["ps", "-o", "args=", "-p", str(p.process.pid)], capture_output=True, text=True).stdout
                shown += page() or ""
                p.terminate(60)
                self.assertNotIn(SECRET, shown + p.err + p.out)
                self.assertTrue(p.err, "it said something")

    def test_none_was_forgotten(self):
        rows = set()
        for folder in ("collector", "inserter", "enricher", "kafka", "output", "enrich", "mocker", "embedded"):
            for name in os.listdir(f"{ROOT}/{folder}"):
                if name.endswith(".c"):
                    with open(f"{ROOT}/{folder}/{name}") as f:
                        text = f.read()
                    for found in re.finditer(r"OPT_SECRET", text):
                        rows.add(re.findall(r'(?:ROW\(|\{)"([a-z0-9.-]+)", OPT_', text[:found.start()])[-1])
        self.assertEqual(rows, {option for _, options in SECRETS.values() for option in options})
        for name in sorted(os.listdir(BIN)):
            text = self.run_with(name, ["--help"], {}).stdout
            self.assertEqual({o for o in rows if re.search(rf"--{re.escape(o)}[ ,]", text)}, set(SECRETS.get(name, ((), ()))[1]), name)

    def test_not_shown(self):
        for program, (words, options) in SECRETS.items():
            for option in options:
                env = self.environment(option)
                for question in ("--help", "--help=markdown", "--dump-config", "--check"):
                    r = self.run_with(program, [*words, question], env)
                    self.assertNotIn(SECRET, r.stdout + r.stderr, (program, option, question))

    def test_not_shown_of_the_kafka_section(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
            f.write(f"kafka.brokers = 127.0.0.1:1\n[kafka]\nsecurity.protocol = sasl_plaintext\nsasl.mechanisms = PLAIN\n"
                    f"sasl.username = u\nsasl.password = {SECRET}\nssl.key.password = {SECRET}\n")
            f.flush()
            for program, (words, _) in SECRETS.items():
                words = [w for w in words if w not in ("--transport", "null")]
                for question in ("--dump-config", "--check", "--help"):
                    r = self.run_with(program, [*words, "--config", f.name, question], {})
                    self.assertNotIn(SECRET, r.stdout + r.stderr, (program, question))
            c = Collector("--config", f.name, "--loglevel", "debug")
            self.addCleanup(c.close)
            c.signal(signal.SIGHUP)
            wait_until(lambda: "SIGHUP" in c.err, lambda: c.err)
            seen = c.err + c.out + "".join(c.page(p) or "" for p in ("/metrics", "/exporters", "/templates", "/readyz"))
            with open(f"/proc/{c.process.pid}/cmdline") as line:
                seen += line.read()
            self.assertNotIn(SECRET, seen)

    def test_a_password_of_a_file_is_in_no_process_list(self):
        with tempfile.NamedTemporaryFile("w") as f:
            f.write(SECRET + "\n")
            f.flush()
            c = Collector("--transport", "null", "--redis", f"127.0.0.1:{free_port()}", "--loglevel", "debug", ready=False,
                          env={"WEIR_REDIS_PASSWORD_FILE": f.name})
            self.addCleanup(c.close)
            wait_until(lambda: c.err or not c.alive, "it says something")
            shown = subprocess.run(["ps", "eww", "-o", "args=", "-p", str(c.process.pid)], capture_output=True, text=True).stdout
            self.assertNotIn(SECRET, shown + c.err + c.out + (c.page("/metrics") or ""))


if __name__ == "__main__":
    unittest.main()
