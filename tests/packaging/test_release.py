#!/usr/bin/env python3
"""The bill of materials names all that is linked, and the same twice; what is fetched is pinned; CI does only what scripts do."""
import glob
import json
import os
import re
import shutil
import subprocess
import unittest

from harness import BIN, ROOT

PROGRAMS = sorted(glob.glob(f"{BIN}/weir-*"))


@unittest.skipUnless(shutil.which("dpkg-query"), "no dpkg here")
class Bill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bill = cls.make()

    @staticmethod
    def make():
        return subprocess.run([f"{ROOT}/scripts/sbom", *PROGRAMS], capture_output=True, text=True, check=True,
                              env=dict(os.environ, SOURCE_DATE_EPOCH="1700000000")).stdout

    def test_bill(self):
        text = self.bill
        self.assertEqual(text, self.make())
        bom = json.loads(text)
        self.assertEqual((bom["bomFormat"], bom["specVersion"]), ("CycloneDX", "1.5"))
        self.assertEqual(bom["metadata"]["timestamp"], "2023-11-14T22:13:20Z")
        refs = [c["bom-ref"] for c in bom["components"]] + ["weir"]
        self.assertEqual(len(refs), len(set(refs)), "a part twice")
        for d in bom["dependencies"]:
            for ref in (d["ref"], *d["dependsOn"]):
                self.assertIn(ref, refs)
        for c in bom["components"]:
            if c.get("scope") in ("required", "optional"):
                self.assertTrue(c["hashes"] and c["purl"].startswith("pkg:"), c["name"])

    def test_every_library_is_in_it(self):
        hashes = {h["content"] for c in json.loads(self.bill)["components"] for h in c.get("hashes", ())}
        for program in PROGRAMS:
            for path in re.findall(r"=> (/\S+)", subprocess.run(["ldd", program], capture_output=True, text=True).stdout):
                digest = subprocess.run(["sha256sum", path], capture_output=True, text=True).stdout.split()[0]
                self.assertIn(digest, hashes, path)


class Pinned(unittest.TestCase):
    def read(self, path):
        with open(f"{ROOT}/{path}", encoding="utf-8") as f:
            return f.read()

    def test_kafka_jars(self):
        listed = [line.split() for line in self.read("scripts/kafka.sha256").splitlines() if not line.startswith("#")]
        self.assertGreater(len(listed), 50)
        for digest, jar in listed:
            self.assertRegex(digest, r"^[0-9a-f]{64}$")
        version = re.search(r"WEIR_KAFKA_VERSION:-([\d.]+)", self.read("scripts/kafka-fetch")).group(1)
        self.assertIn(f"kafka-clients-{version}.jar", [jar for _, jar in listed])

    def test_ci_only_calls_scripts(self):
        """Beside a git and the sources, which it needs to have scripts at all."""
        allowed = re.compile(r"(sudo )?scripts/\S+( --\w+)*$|(sudo )?apt-get (update && (sudo )?apt-get )?install -y --no-install-recommends "
                             r"(git ca-certificates|debootstrap systemd-container)$|git config --global --add safe\.directory ")
        commands = re.findall(r"^ *- run: (.*)$", self.read(".github/workflows/test.yml"), re.M)
        commands += re.findall(r"^    - ((?!if:|build/).*)$", self.read(".gitlab-ci.yml"), re.M)
        self.assertGreater(len(commands), 6)
        for c in commands:
            self.assertRegex(c, allowed)
            for script in re.findall(r"scripts/\S+", c):
                self.assertTrue(os.access(f"{ROOT}/{script}", os.X_OK), script)
        for use in re.findall(r"uses: (\S+)", self.read(".github/workflows/test.yml")):
            self.assertRegex(use, r"@[0-9a-f]{40}$", "pinned by its commit")


if __name__ == "__main__":
    unittest.main()
