#!/usr/bin/env python3
"""The consumers of examples/, built and run as docs/consumers.md says, read what the mocker sent through a real Kafka:
in C with the installed libweirflow, in Python with the schema's own classes, in Go with goflow2's."""
import ipaddress
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from harness import BUILD, ROOT, SANITIZED, Collector, KafkaCase, Program, Topic, mock, sums, wait_until

EXAMPLES = f"{ROOT}/examples"


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stderr[-2000:]}")
    return done.stdout


def python_with(*modules):
    """The first python3 that has them: the distribution's packages belong to /usr/bin/python3."""
    for python in (shutil.which("python3"), "/usr/bin/python3"):
        if python and subprocess.run([python, "-c", "import " + ",".join(modules)], capture_output=True).returncode == 0:
            return python
    return None


class Examples(KafkaCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kafka.create("flows")
        collector = Collector(brokers=cls.kafka.brokers)
        topic = Topic(cls.kafka)
        try:
            cls.summary = mock(collector.to, protocol="v5,v9,ipfix", count=100, flows=10, rate=1000)
            cls.flows = topic.wait_flows(cls.summary["flows"])
        finally:
            topic.close()
            collector.close()

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="weir-examples-")
        self.addCleanup(shutil.rmtree, self.dir)

    def program(self, *command, **more):
        p = Program(*command, self.kafka.brokers, "flows", **more)
        self.addCleanup(p.close)
        return p

    @unittest.skipIf(SANITIZED, "the library wants a program that is built like it")
    def test_c(self):
        for component in "libweirflow", "libweirflow-dev":
            run("cmake", "--install", BUILD, "--prefix", f"{self.dir}/usr", "--component", component)
        lib = next(d for d, _, files in os.walk(f"{self.dir}/usr") if "libweirflow.so" in files)
        env = dict(os.environ, PKG_CONFIG_PATH=f"{lib}/pkgconfig")
        flags = run("pkg-config", "--cflags", "--libs", "weirflow", "rdkafka", env=env).split()
        run("cc", "-Wall", "-Wextra", "-Werror", f"{EXAMPLES}/consumer.c", "-o", f"{self.dir}/consumer", *flags)
        env["LD_LIBRARY_PATH"] = lib
        p = self.program(f"{self.dir}/consumer", env=env)
        wait_until(lambda: p.out.count("\n") >= len(self.flows), lambda: f"{len(self.flows)} lines\n{p.err}", 60)
        self.assertEqual(p.terminate(), 0)
        lines = [json.loads(line) for line in p.out.splitlines()]
        self.assertEqual(sums(lines), sums(self.flows))
        self.assertEqual(sorted(line["src_port"] for line in lines), sorted(f.get("src_port", 0) for f in self.flows))
        # A wrong filter is refused before anything starts.
        bad = Program(f"{self.dir}/consumer", self.kafka.brokers, "flows", "prot tcp", env=env)
        self.addCleanup(bad.close)
        self.assertEqual(bad.wait(), 2)
        self.assertIn("column 1: expected a test", bad.err)

    def test_python(self):
        python = python_with("confluent_kafka", "google.protobuf")
        if not python or not shutil.which("protoc"):
            self.skipTest("no python3-confluent-kafka, python3-protobuf or protoc here (scripts/setup test)")
        run("protoc", f"-I{ROOT}/proto", f"--python_out={self.dir}", f"{ROOT}/proto/flow.proto")
        p = self.program(python, f"{EXAMPLES}/consumer.py", env={"PYTHONPATH": self.dir})
        want = {}
        for f in self.flows:
            address = str(ipaddress.ip_address(f["src_addr"]))
            want[address] = want.get(address, 0) + f.get("bytes", 0) * max(f.get("sampling_rate", 0), 1)
        top = sorted(want.values())[-1]
        wait_until(lambda: f" {top}" in p.out, lambda: f"the sum {top}\n{p.out[-500:]}\n{p.err}", 60)
        # Its signal ends a blocking commit too; the sums stand at the end.
        self.assertEqual(p.terminate(), 0, p.err)
        got = dict(line.rsplit(" ", 1) for line in p.out.splitlines() if "\t" not in line)
        self.assertEqual({a: int(n) for a, n in got.items()}, want)

    def test_go(self):
        if not shutil.which("go"):
            self.skipTest("no go here")
        version = run("go", "version").split()[2].removeprefix("go").split(".")
        if [int(n) for n in version[:2]] < [1, 23]:
            self.skipTest("go is older than 1.23")
        done = subprocess.run(["go", "build", "-o", f"{self.dir}/consumer", "."], cwd=f"{EXAMPLES}/go-consumer",
                              capture_output=True, text=True, timeout=240)
        if done.returncode != 0 and "dial tcp" in done.stderr:
            self.skipTest("the Go modules cannot be fetched here")
        self.assertEqual(done.returncode, 0, done.stderr)
        p = self.program(f"{self.dir}/consumer")
        wait_until(lambda: f"{len(self.flows)} flows" in p.out, lambda: f"all flows\n{p.out[-500:]}\n{p.err}", 60)
        self.assertEqual(p.terminate(), 0, p.err)
        want = {}
        for f in self.flows:
            s = want.setdefault(f.get("proto", 0), [0, 0])
            s[0] += 1
            s[1] += f.get("bytes", 0) * max(f.get("sampling_rate", 0), 1)
        got = {}
        for line in p.out.splitlines():
            if line.startswith("proto "):
                _, proto, _, flows, _, size = line.split()
                got[int(proto)] = [int(flows), int(size)]
        self.assertEqual(got, want)


if __name__ == "__main__":
    unittest.main()
