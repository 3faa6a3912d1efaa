#!/usr/bin/env python3
"""What holds for every stack without bringing one up: versions, health, limits, ports, names, and that each program takes the
options it is given. scripts/test-compose brings them up.
"""
import functools
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

from harness import BIN, ROOT

COMPOSE = f"{ROOT}/compose"
STACKS = sorted(glob.glob(f"{COMPOSE}/docker-compose*.yaml")) + [f"{ROOT}/compose.yaml"]
END_BY_THEMSELVES = {"topic"}
NO_HEALTH = {"topic", "mocker"}
OPEN_TO_THE_NETWORK = {"2055/udp", "4739/udp", "6343/udp", "3000"}
# Written out as .env has it; the environment of who runs the test is nobody's business here.
with open(f"{COMPOSE}/.env") as env_file:
    ENV = dict(line.strip().split("=", 1) for line in env_file if "=" in line and not line.startswith("#"))


def expand(text):
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda m: ENV.get(m[1], m[2]), text)


@functools.cache
def load(path):
    with open(path) as f:
        return yaml.safe_load(f)


def stack(path):
    """{service: what it is}, `include` and `extends` resolved as these files use them."""
    file, services = load(path), {}
    for other in file.get("include", []):
        services |= stack(os.path.join(os.path.dirname(path), other))
    for name, own in file.get("services", {}).items():
        base = {}
        if "extends" in own:
            base = load(os.path.join(os.path.dirname(path), own["extends"]["file"]))["services"][own["extends"]["service"]]
        services[name] = base | {k: v for k, v in own.items() if k != "extends"}
    return services


def each():
    for path in STACKS:
        for name, service in stack(path).items():
            yield f"{os.path.basename(path)} {name}", name, service


class Files(unittest.TestCase):
    def test_each_service(self):
        for where, name, s in each():
            with self.subTest(where):
                image = expand(s["image"])
                self.assertRegex(image, r"^weir-\w+:latest$|:v?\d[\w.-]*$", "a version is pinned")
                self.assertEqual(s["restart"], "on-failure" if name in END_BY_THEMSELVES else "unless-stopped")
                self.assertEqual(s["logging"]["driver"], "json-file")
                self.assertEqual(set(s["logging"]["options"]), {"max-size", "max-file"})
                self.assertIs(s["read_only"], True)
                self.assertEqual(s["cap_drop"], ["ALL"])
                self.assertNotIn("cap_add", s)
                self.assertEqual(s["security_opt"], ["no-new-privileges:true"])
                self.assertRegex(str(expand(s["mem_limit"])), r"^\d+[mg]$")
                self.assertGreater(s["pids_limit"], 0)
                self.assertEqual("healthcheck" in s, name not in NO_HEALTH)
                for port in s.get("ports", []):
                    inside = expand(port).rsplit(":", 1)[1]
                    self.assertEqual(expand(port).startswith("127.0.0.1:"), inside not in OPEN_TO_THE_NETWORK, port)

    def test_who_waits_for_whom(self):
        for path in STACKS:
            services = stack(path)
            for name, s in services.items():
                for other, how in s.get("depends_on", {}).items():
                    with self.subTest(f"{os.path.basename(path)}: {name} waits for {other}"):
                        self.assertIn(other, services)
                        self.assertEqual(how["condition"], "service_completed_successfully" if other in END_BY_THEMSELVES
                                         else "service_healthy")
                if name not in ("kafka", "db") and len(services) > 1:
                    self.assertTrue(s.get("depends_on"), name)

    def test_names_that_documents_use(self):
        for path in STACKS:
            if "db" in stack(path):
                self.assertEqual(stack(path)["db"]["container_name"], "compose_db_1", path)
        collector = stack(f"{COMPOSE}/docker-compose-collector.yaml")["collector"]
        self.assertEqual(collector["command"], ["-listen=netflow://:2055", "-format=json", "-transport=file", "-transport.file="])
        for kind in ("collect", "mock"):
            for database in ("clickhouse", "postgres"):
                self.assertIn(f"{COMPOSE}/docker-compose-{database}-{kind}.yaml", STACKS)

    def test_volumes_and_files(self):
        for where, _, s in each():
            for volume in s.get("volumes", []):
                source = volume.split(":")[0]
                with self.subTest(f"{where} {source}"):
                    if source.startswith("."):
                        self.assertTrue(os.path.exists(os.path.join(COMPOSE, source)))
                        self.assertTrue(volume.endswith(":ro"))
                    else:
                        self.assertTrue(all(source in load(f)["volumes"] for f in glob.glob(f"{COMPOSE}/services.yaml")))

    def test_environment_file(self):
        used = {}
        for path in glob.glob(f"{COMPOSE}/*.yaml"):
            with open(path) as f:
                for name, default in re.findall(r"\$\{(\w+)(?::-([^}]*))?\}", f.read()):
                    used.setdefault(name, set()).add(default)
        self.assertEqual(set(used), set(ENV), "what .env has and what the files read")
        for name, defaults in used.items():
            self.assertEqual(defaults, {ENV[name]}, name)

    def test_programs_take_their_options(self):
        commands = {(expand(s["image"]).split(":")[0], *map(expand, s["command"])) for _, _, s in each() if "command" in s}
        commands = [c for c in sorted(commands) if c[0].startswith("weir-")]
        self.assertGreaterEqual(len(commands), 5)
        for program, *options in commands:
            with self.subTest(f"{program} {options}"):
                done = subprocess.run([f"{BIN}/{program}", *options, "--check"], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_compose_itself(self):
        compose = next((c for c in (["docker", "compose"], [f"{ROOT}/.cache/compose/docker-compose"]) if shutil.which(c[0]) and
                        subprocess.run([*c, "version"], capture_output=True).returncode == 0), None)
        if not compose:
            self.skipTest("no Docker Compose here; scripts/test-compose builds one")
        for path in STACKS:
            done = subprocess.run([*compose, "-f", path, "config", "--format", "json"], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(set(json.loads(done.stdout)["services"]), set(stack(path)), path)

    def test_images(self):
        """The Dockerfile: a target a program, a health check that is the program itself, no root."""
        with open(f"{COMPOSE}/Dockerfile") as f:
            text = f.read()
        targets = dict(re.findall(r"^FROM base AS (\w+)\n(.*?)(?=^FROM|\Z)", text, re.M | re.S))
        self.assertEqual(set(targets), {"collector", "inserter", "enricher", "mocker", "embedded"})
        for name, body in targets.items():
            self.assertIn(f'ENTRYPOINT ["/usr/bin/weir-{name}"]', body)
            self.assertIn("LABEL org.opencontainers.image.title", body)
            if name == "mocker":
                self.assertNotIn("HEALTHCHECK", body)
            else:
                self.assertIn(f'CMD ["/usr/bin/weir-{name}", "--health"]', body)
            self.assertNotIn("USER", body)
        self.assertRegex(text, r"(?m)^USER weir$")
        for path in set(re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.M)) - {"."}:
            for source in path.split():
                self.assertTrue(source.startswith(".cache/") or os.path.exists(f"{ROOT}/{source}"), source)


    def test_images_have_what_the_build_needs(self):
        """.dockerignore names what goes in: a file that CMakeLists.txt asks for and that is not there stops every image."""
        with open(f"{ROOT}/.dockerignore") as f:
            wanted = [line[1:].strip() for line in f if line.startswith("!") and ".cache" not in line]
        with tempfile.TemporaryDirectory(prefix="weir-context-") as folder:
            for path in wanted:
                source, target = f"{ROOT}/{path}", f"{folder}/{path}"
                os.makedirs(os.path.dirname(target), exist_ok=True)
                (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, target)
            done = subprocess.run(["cmake", "--preset", "release", "-DBUILD_TESTING=OFF"], cwd=folder, capture_output=True, text=True,
                                  timeout=150)
            self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-2000:])


class Grafana(unittest.TestCase):
    """Its image is not needed to see that what is provisioned fits together."""

    def services(self):
        for path in STACKS:
            if "grafana" in stack(path):
                mounts = dict(v.split(":")[1::-1] for v in stack(path)["grafana"]["volumes"])
                yield path, stack(path)["grafana"], {k: os.path.join(COMPOSE, v) for k, v in mounts.items()}

    def test_provisioning(self):
        for path, service, mounts in self.services():
            with self.subTest(os.path.basename(path)):
                folder = mounts["/etc/grafana/provisioning"]
                sources = [s for f in glob.glob(f"{folder}/datasources/*.yaml") for s in load(f)["datasources"]]
                providers = [p for f in glob.glob(f"{folder}/dashboards/*.yaml") for p in load(f)["providers"]]
                self.assertEqual(len([s for s in sources if s.get("isDefault")]), 1)
                uids = {s["uid"]: s["type"] for s in sources}
                self.assertEqual(len(uids), len(sources))
                services = stack(path)
                for s in sources:
                    text = json.dumps(s)
                    host = re.search(r'"(?:host|url)": "(?:http://)?(\w+)', text)[1]
                    self.assertIn(host, services, s["name"])
                home = service["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
                for provider in providers:
                    self.assertEqual(provider["options"]["path"], os.path.dirname(home))
                files = glob.glob(f"{mounts[os.path.dirname(home)]}/*.json")
                self.assertIn(os.path.basename(home), map(os.path.basename, files))
                for file in files:
                    with open(file) as f:
                        dashboard = json.load(f)
                    for panel in dashboard["panels"]:
                        for target in panel.get("targets", []):
                            source = target.get("datasource", panel["datasource"])
                            self.assertEqual(uids.get(source["uid"]), source["type"], f"{file}: {panel['title']}")


if __name__ == "__main__":
    unittest.main()
