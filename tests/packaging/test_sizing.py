#!/usr/bin/env python3
"""scripts/sizing reckons with measured figures: they have to stand where it says, and docs/sizing.md has to show what it prints."""
import importlib.machinery
import importlib.util
import subprocess
import sys
import unittest

from harness import ROOT


def load():
    """The script as a module; it ends by itself when it is run, so not that far."""
    with open(f"{ROOT}/scripts/sizing", encoding="utf-8") as f:
        text = f.read().replace("\nsys.exit(main())\n", "\n")
    module = importlib.util.module_from_spec(importlib.machinery.ModuleSpec("sizing", None))
    exec(compile(text, "scripts/sizing", "exec"), module.__dict__)
    return module


def run(*words):
    return subprocess.run([sys.executable, f"{ROOT}/scripts/sizing", *words], capture_output=True, text=True)


class Sizing(unittest.TestCase):
    def setUp(self):
        self.sizing = load()

    def test_figures_are_measured(self):
        for name, (value, page) in self.sizing.FIGURES.items():
            with self.subTest(name), open(f"{ROOT}/{page}", encoding="utf-8") as f:
                text = f.read().replace(",", "")
                parts = (71.84, 43.92, 6.62) if name == "sums_mib" else (value,)
                for part in parts:
                    self.assertIn(str(part), text, f"{page} does not say so any more: measure again, or change scripts/sizing")

    def test_the_page_shows_what_it_prints(self):
        with open(f"{ROOT}/docs/sizing.md", encoding="utf-8") as f:
            self.assertIn(run("--table").stdout, f.read())

    def test_more_flows_need_no_less(self):
        last = None
        for flows in (1, 10, 1000, 20_000, 300_000, 3_000_000):
            p = self.sizing.plan(flows, 30, 24, 60, 10)
            self.assertEqual(p["partitions"] % 4, 0)
            self.assertGreaterEqual(p["partitions"], p["consumers"])
            self.assertGreaterEqual(p["workers"] * self.sizing.figure("worker_flows"), flows)
            for key in p if last else ():
                if key != "journal_bytes":  # of each collector
                    self.assertGreaterEqual(p[key], last[key], key)
            last = p

    def test_by_hand(self):
        """1,000 flows a second, 10 days, 42.1 octets each and the sums."""
        p = self.sizing.plan(1000, 10, 24, 60, 10)
        rows = 1000 * 86400 * 10
        self.assertAlmostEqual(p["clickhouse_bytes"] / (rows * 42.1), 1.06, delta=0.01)
        self.assertEqual((p["workers"], p["collectors"], p["consumers"], p["partitions"]), (1, 1, 1, 4))
        self.assertEqual(p["journal_bytes"], 1000 * 3600 * 147)

    def test_words(self):
        self.assertIn("RAW_DAYS=90", run("20000", "--days", "90").stdout)
        for bad in ((), ("1", "--packets", "2"), ("-5",), ("x",)):
            self.assertEqual(run(*bad).returncode, 2, bad)


if __name__ == "__main__":
    unittest.main()
