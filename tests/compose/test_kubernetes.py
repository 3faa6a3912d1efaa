#!/usr/bin/env python3
"""k8s/: kustomize renders it, the result is what Kubernetes' own schemas allow, its parts name each other rightly, and the
programs take their configuration. scripts/kubernetes-tools fetches the validator.
"""
import glob
import os
import shutil
import subprocess
import tempfile
import unittest

import yaml

from harness import BIN, ROOT

TOOLS = f"{ROOT}/.cache/k8s/bin"
VERSIONS = ("1.29", "1.33")


def kustomize():
    for tool, command in (("kustomize", ["build"]), (f"{TOOLS}/kustomize", ["build"]), ("kubectl", ["kustomize"])):
        if shutil.which(tool):
            return [tool, *command]
    return None


def render(folder):
    done = subprocess.run([*kustomize(), f"{ROOT}/k8s/{folder}"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def by_kind(text):
    return {(d["kind"], d["metadata"]["name"]): d for d in yaml.safe_load_all(text) if d}


@unittest.skipUnless(os.path.exists(f"{TOOLS}/kubernetes-validate"), "scripts/kubernetes-tools fetches the validator")
class Schema(unittest.TestCase):
    def validate(self, text, wanted=0):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
            f.write(text)
            f.flush()
            for version in VERSIONS:
                done = subprocess.run([f"{TOOLS}/kubernetes-validate", "--strict", "-k", version, f.name], capture_output=True, text=True)
                self.assertEqual(done.returncode, wanted, done.stdout + done.stderr)

    def test_files(self):
        for path in glob.glob(f"{ROOT}/k8s/base/*.yaml"):
            if os.path.basename(path) != "kustomization.yaml":
                with open(path) as f:
                    self.validate(f.read())

    def test_a_mistake_is_seen(self):
        with open(f"{ROOT}/k8s/base/collector.yaml") as f:
            self.validate(f.read().replace("runAsUser", "runasUser"), wanted=1)

    @unittest.skipUnless(kustomize(), "no kustomize")
    def test_rendered(self):
        for folder in ("base", "example"):
            self.validate(render(folder))


@unittest.skipUnless(kustomize(), "no kustomize")
class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.parts = by_kind(render("example"))

    def test_names_meet(self):
        collector = self.parts["StatefulSet", "weir-collector"]["spec"]
        pod = collector["template"]
        self.assertEqual(collector["replicas"], 3)
        self.assertIn(("Service", collector["serviceName"]), self.parts)
        for (kind, name), part in self.parts.items():
            self.assertEqual(part["metadata"]["namespace"], "flows", name)
            if kind in ("StatefulSet", "Deployment"):
                spec = part["spec"]["template"]["spec"]
                configs = [v["configMap"]["name"] for v in spec["volumes"] if "configMap" in v]
                self.assertTrue(configs and all(("ConfigMap", c) in self.parts for c in configs))
                for container in spec["containers"]:
                    self.assertRegex(container["image"], r"^registry\.example\.org/weir-\w+:\d+\.\d+\.\d+$")
                    self.assertEqual(container["securityContext"]["capabilities"], {"drop": ["ALL"]})
                    self.assertTrue(container["securityContext"]["readOnlyRootFilesystem"])
            if kind == "Service":
                selected = [p for (k, _), p in self.parts.items() if k in ("StatefulSet", "Deployment") and
                            part["spec"]["selector"].items() <= p["spec"]["template"]["metadata"]["labels"].items()]
                ports = {p["name"] for p in selected[0]["spec"]["template"]["spec"]["containers"][0]["ports"]}
                self.assertLessEqual({p["targetPort"] for p in part["spec"]["ports"]}, ports)
        self.assertEqual(pod["spec"]["containers"][0]["readinessProbe"]["httpGet"]["path"], "/healthz")

    def test_an_exporter_stays_with_its_collector(self):
        service = self.parts["Service", "weir-flows"]["spec"]
        self.assertEqual((service["type"], service["externalTrafficPolicy"], service["sessionAffinity"]),
                         ("LoadBalancer", "Local", "ClientIP"))
        self.assertEqual({p["protocol"] for p in service["ports"]}, {"UDP"})

    def test_programs_take_their_configuration(self):
        for (kind, name), part in self.parts.items():
            if kind == "ConfigMap":
                for file, text in part["data"].items():
                    program = f"weir-{file.removesuffix('.conf')}"
                    with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
                        f.write(text)
                        f.flush()
                        words = ["metrics"] if program == "weir-inserter" else []
                        done = subprocess.run([f"{BIN}/{program}", *words, "--config", f.name, "--check"], capture_output=True, text=True)
                        self.assertEqual(done.returncode, 0, f"{name}: {done.stderr}")


if __name__ == "__main__":
    unittest.main()
