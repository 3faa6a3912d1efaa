#!/usr/bin/env python3
"""The alerts of compose/prometheus: promtool likes them, each has a test that sees it fire and one that sees it quiet, and each
metric in them is one that a running program has in /metrics.
"""
import os
import re
import subprocess
import tempfile
import unittest

import yaml

from harness import BIN, ROOT, Program, free_port, get, wait_until

RULES, TESTS = f"{ROOT}/compose/prometheus/alerts.yml", f"{ROOT}/tests/compose/alerts_test.yml"
NOBODY = "127.0.0.1:1"  # no broker: a program serves its metrics all the same
EXPORTED_BY_PROMETHEUS = {"up"}


def rules():
    with open(RULES) as f:
        return [rule for group in yaml.safe_load(f)["groups"] for rule in group["rules"]]


class Alerts(unittest.TestCase):
    def test_promtool(self):
        for command in (("check", "config", "prometheus.yml"), ("test", "rules", TESTS)):
            done = subprocess.run(["promtool", *command], cwd=os.path.dirname(RULES), capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_each_has_words_and_tests(self):
        with open(TESTS) as f:
            tests = f.read()
        for rule in rules():
            with self.subTest(rule["alert"]):
                self.assertIn(rule["labels"]["severity"], ("critical", "warning"))
                self.assertEqual(sorted(rule["annotations"]), ["cure", "summary"])
                self.assertIn(f'alertname="{rule["alert"]}"', tests)

    def test_the_page_has_them_all(self):
        with open(f"{ROOT}/docs/alerts.md") as f:
            self.assertEqual(re.findall(r"^\| (Weir\w+) \|", f.read(), re.M), [rule["alert"] for rule in rules()])

    def test_metrics_are_there(self):
        pages = ""
        with tempfile.TemporaryDirectory(prefix="weir-alerts-") as folder:
            with open(f"{folder}/networks.csv", "w") as f:
                f.write("prefix,network,customer\n192.0.2.0/24,test,\n")
            for program, args, path in (
                    ("weir-collector", ("--listen", f"netflow://127.0.0.1:{free_port()}", "--kafka.brokers", NOBODY), "/metrics/exporters"),
                    ("weir-inserter", ("metrics", "--kafka.brokers", NOBODY), "/metrics"),
                    ("weir-enricher", ("--enrich.networks", f"{folder}/networks.csv", "--kafka.brokers", NOBODY), "/metrics")):
                port = free_port()
                running = Program(f"{BIN}/{program}", *args, "--addr", f"localhost:{port}")
                try:
                    wait_until(lambda: get(f"http://127.0.0.1:{port}{path}"), lambda: running.err)
                    pages += get(f"http://127.0.0.1:{port}/metrics") + get(f"http://127.0.0.1:{port}{path}")
                finally:
                    running.close()
        known = set(re.findall(r"^# TYPE (\w+)", pages, re.M)) | EXPORTED_BY_PROMETHEUS
        # The engine is not needed to know what the embedded one is called.
        with open(f"{ROOT}/embedded/server.c") as f:
            known |= set(re.findall(r'"(weir_embedded_\w+)"', f.read()))
        for rule in rules():
            named = set(re.findall(r"\b(?:weir_\w+|process_\w+|up)\b(?=[{\[ )]|$)", rule["expr"], re.M))
            self.assertTrue(named, rule["alert"])
            self.assertLessEqual(named, known, rule["alert"])


if __name__ == "__main__":
    unittest.main()
