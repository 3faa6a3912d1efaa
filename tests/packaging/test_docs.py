#!/usr/bin/env python3
"""Every line in a block of code of README.md, docs/*.md and their like is run here, by another test, or says what it needs.

docs_commands.txt says which. What runs here runs in namespaces of its own: the ports are the usual ones, /etc and /var/log are
copies, `kafka` and `db` are this host, and weir-embedded, weir-collector, weir-inserter and Redis are up as the pages assume.
Options that the pages name have to exist.
"""
import fnmatch
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from harness import BIN, ROOT, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
PAGES = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "embedded/README.md", "packaging/tarball.md",
         *sorted(os.path.relpath(p, ROOT) for p in glob.glob(f"{ROOT}/docs/*.md"))]
CHDB = os.path.exists(f"{ROOT}/.cache/chdb/libchdb.so") or bool(os.environ.get("WEIR_CHDB"))
INSIDE = "WEIR_DOCS_INSIDE"
# Options of other programs that the pages show.
FOREIGN = set("""--action --add --allow-principal --bootstrap-server --broker --create --data-binary --db --dry-run --go_opt --go_out
    --group --help --install --into --name --now --operation --partitions --prefix --topic --python_out --runs --seconds --test
    --version --cluster --component --preset --build --build-name --url --user --workflow --once --long --hours --id --comment
    --cflags --libs --home-dir --shell --system --user-group --sql --packets --table --check --minutes --multiquery --nflog-group --nflog-size
    --nflog-threshold --target --network --with-key --days --exporters --sampling --retention --outage --plot --forms""".split())


def blocks(page):
    """(line number, line) of everything that stands in a block of code."""
    fence, indented, blank = False, False, True
    with open(f"{ROOT}/{page}", encoding="utf-8") as f:
        for number, line in enumerate(f.read().split("\n"), 1):
            if line.lstrip().startswith("```"):
                fence = not fence
                continue
            if not fence:
                indented = line.startswith("    ") and (indented or blank)
                blank = not line.strip() or (blank and indented)
            if (fence or indented) and line.strip():
                yield number, line.strip()


def rules():
    with open(f"{HERE}/docs_commands.txt", encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if line.strip() and not line.startswith("#"):
                kind, page, *beginning = line.rstrip("\n").split(" ", 2)
                yield number, kind, page, beginning[0] if beginning else ""


def lines():
    """(page, number, line, kind) in order; kind None: no row fits."""
    table, used, found = list(rules()), set(), []
    for page in PAGES:
        for number, line in blocks(page):
            kind = None
            for row, k, pattern, beginning in table:
                if fnmatch.fnmatch(page, pattern) and line.startswith(beginning):
                    kind = k
                    used.add(row)
                    break
            found.append((page, number, line, kind))
    unused = [f"docs_commands.txt:{row}: fits nothing" for row, *_ in table if row not in used]
    return found, unused


class Pages(unittest.TestCase):
    def test_every_line_is_accounted_for(self):
        found, problems = lines()
        problems += [f"{page}:{number}: {line}: run, tested or needing what? Say so in docs_commands.txt"
                     for page, number, line, kind in found if kind is None]
        for kind in {k for *_, k in found if k}:
            what, _, name = kind.partition(":")
            if what == "test":
                room, _, test = name.partition(".")
                if not glob.glob(f"{ROOT}/tests/{room}/test_{test}.*") and not (room == "golden" and os.path.isdir(f"{ROOT}/tests/golden")):
                    problems.append(f"docs_commands.txt: there is no test {name}")
            elif what == "script":
                with open(f"{ROOT}/scripts/test", encoding="utf-8") as f:
                    if name not in f.read() or not os.access(f"{ROOT}/{name}", os.X_OK):
                        problems.append(f"docs_commands.txt: scripts/test does not run {name}")
            elif what not in ("run", "stays", "joins", "text", "needs"):
                problems.append(f"docs_commands.txt: {kind} is no kind")
        self.assertEqual(problems, [])

    def test_options_exist(self):
        known = set(FOREIGN)
        for program in glob.glob(f"{BIN}/weir-*"):
            text = subprocess.run([program, "--help=markdown"], capture_output=True, text=True, check=True).stdout
            known |= set(re.findall(r"`(--[a-z0-9.-]+)", text))
        problems = []
        for page in PAGES:
            with open(f"{ROOT}/{page}", encoding="utf-8") as f:
                for number, line in enumerate(f, 1):
                    problems += [f"{page}:{number}: no program has {o}" for o in re.findall(r"(?<![\w-])--[a-z][a-z0-9_.-]*[a-z0-9]", line)
                                 if o not in known and not any(k.startswith(o + ".") for k in known)]
        self.assertEqual(problems, [])

    def test_links(self):
        """Pages and headings that others point to."""
        problems = []
        for page in PAGES:
            with open(f"{ROOT}/{page}", encoding="utf-8") as f:
                text = f.read()
            for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
                path, _, anchor = target.partition("#")
                path = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
                if not os.path.exists(f"{ROOT}/{path}"):
                    problems.append(f"{page}: {target}: no such file")
                elif anchor:
                    with open(f"{ROOT}/{path}", encoding="utf-8") as f:
                        heads = [re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-")
                                 for h in re.findall(r"^#+ (.*)$", f.read(), re.M)]
                    if anchor not in heads:
                        problems.append(f"{page}: {target}: no such heading")
        self.assertEqual(problems, [])


def can_unshare():
    done = subprocess.run(["unshare", "--mount", "--net", "sh", "-c", "ip link set lo up && mount -t tmpfs none /mnt"], capture_output=True)
    return done.returncode == 0


@unittest.skipUnless(CHDB and can_unshare(), "needs root and the ClickHouse engine (scripts/fetch-chdb)")
class Commands(unittest.TestCase):
    def test_commands(self):
        """All of them, in namespaces that end with this test."""
        done = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, __file__],
                              env=dict(os.environ, **{INSIDE: "1"}))
        self.assertEqual(done.returncode, 0)


def sh(command, **more):
    return subprocess.run(["bash", "-e", "-o", "pipefail", "-c", command], capture_output=True, text=True, **more)


class Scratch:
    """A machine as the pages assume one."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="weir-docs-")
        self.programs = []
        os.environ["PATH"] = f"{BIN}:{os.environ['PATH']}"
        os.environ["WEIR_CHDB"] = os.environ.get("WEIR_CHDB", f"{ROOT}/.cache/chdb/libchdb.so")
        setup = sh(f"""
            ip link set lo up
            ip link add eth0 type veth peer name eth1
            ip link set eth0 up && ip link set eth1 up && ip addr add 192.0.2.10/24 dev eth0
            cd {self.dir}
            mkdir room work && mount -t tmpfs none room && mkdir -p room/upper room/work log
            mount -t overlay overlay -o lowerdir=/etc,upperdir=room/upper,workdir=room/work /etc
            mount --bind log /var/log
            printf '127.0.0.1 localhost kafka db\\n::1 ip6-localhost localhost\\n' >/etc/hosts
            mkdir -p /etc/weir /var/log/netflow
            echo secret >/etc/weir/token
            printf 'selectorName = url\\n' >/etc/weir/mapping.conf
            cd work
            ln -s {ROOT}/scripts {ROOT}/sql {ROOT}/examples .
            cp {ROOT}/tests/golden/softflowd-v9.pcap capture.pcap
            cp capture.pcap router.pcap
            cp {ROOT}/tests/golden/packets.pcap .
            printf '192.0.2.0/24,office,\\n' >networks.csv
            printf '65001,Example\\n' >as.csv
            openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=weir -keyout key.pem -out cert.pem 2>/dev/null
            cp cert.pem clients.pem
            for i in collector inserter; do cp {ROOT}/packaging/conf/weir-$i.conf /etc/weir/$i.conf; done
            """)
        if setup.returncode:
            raise RuntimeError(setup.stderr)
        os.chdir(f"{self.dir}/work")

    def start(self, *command):
        log = open(f"{self.dir}/{command[0]}.log", "wb")
        self.programs.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        log.close()

    def pipeline(self):
        self.start("redis-server", "--save", "")
        self.start("weir-embedded")
        wait_until(lambda: sh("curl -fsS localhost:8123/ping").returncode == 0, "weir-embedded", 120)
        self.start("weir-inserter", "metrics", "file", "--file.dir", "/var/log/netflow/192.0.2.1", "--local", "192.168.1.0/24",
                   "--file.every", "1s", "--file.max-size", "1M")
        wait_until(lambda: sh("curl -fsS localhost:3434/readyz").returncode == 0, "weir-inserter", 60)
        self.start("weir-collector", "--kafka.brokers", "localhost:9092")
        wait_until(lambda: sh("curl -fsS localhost:8080/readyz").returncode == 0, "weir-collector", 60)
        sh("weir-mocker --count 20 --rate 0")
        written = "/var/log/netflow/192.0.2.1/weir.[0-9]*"
        wait_until(lambda: sh(f"ls {written} | grep -v part").returncode == 0, "files", 60)
        name = next(n for n in glob.glob(written) if not n.endswith(".part"))
        shutil.copy(name, re.sub(r"weir\.\d+", "weir.202611211200", name))  # the day that the pages speak of
        wait_until(lambda: sh("curl -fsS localhost:3434/metrics | grep 'local_ip=\"192.168.1.50\"'").returncode == 0, "flows", 60)

    def close(self):
        for p in reversed(self.programs):
            p.terminate()
        for p in self.programs:
            try:
                p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()
        os.chdir("/")
        sh(f"umount -l /etc; umount -l /var/log; umount -l {self.dir}/room")
        shutil.rmtree(self.dir, ignore_errors=True)


def plain(line):
    """Without the prompt."""
    return line[2:] if line.startswith("$ ") else line


def run_all(found):
    bad = []
    for page, number, line, kind in found:
        if kind == "run":
            try:
                done = sh(plain(line), timeout=120)
                if done.returncode:
                    bad.append(f"{page}:{number}: {line}: exit status {done.returncode}: {(done.stderr or done.stdout)[-400:]}")
            except subprocess.TimeoutExpired:
                bad.append(f"{page}:{number}: {line}: does not end; should it be `stays`?")
    return bad


ALONE = ["unshare", "--net", "bash", "-c",
         "for i in 'add eth0 type veth peer name eth1' 'set lo up' 'set eth0 up' 'set eth1 up'; do ip link $i; done; exec bash -c \"$0\""]


def has_begun(line, p):
    """One of ours has begun when a thread of its own is deaf to SIGTERM: the main thread waits for that then."""
    if not line.startswith("weir-") or "|" in line or p.poll() is not None:
        return True
    for path in glob.glob(f"/proc/{p.pid}/task/*/status"):
        try:
            with open(path, encoding="utf-8") as f:
                status = dict(row.split(":", 1) for row in f)
        except OSError:
            continue  # it has ended meanwhile
        if status["Name"].strip().startswith("weir-") and int(status["SigBlk"], 16) >> (signal.SIGTERM - 1) & 1:
            return True
    return False


def stay_all(found, which, prefix):
    """Started, some at a time, by PREFIX; all of the kind WHICH."""
    bad, todo = [], [(f"{p}:{n}: {line}", plain(line)) for p, n, line, kind in found if kind == which]
    for at in range(0, len(todo), 16):
        group = []
        for where, line in todo[at:at + 16]:
            group.append((where, line, subprocess.Popen([*prefix, "exec env " + line], stdin=subprocess.DEVNULL,
                                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)))
        patience = time.monotonic() + 20
        while time.monotonic() < patience and not all(has_begun(line, p) for _, line, p in group):
            time.sleep(0.1)
        time.sleep(3)  # a mistake is said at once; there is nothing else to wait for
        for where, _, p in group:
            if p.poll() is not None:
                bad.append(f"{where}: ended by itself with {p.returncode}: {p.stderr.read()[-400:]}")
        for where, _, p in group:
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
        for where, _, p in group:
            if p.wait(60) and not any(b.startswith(where) for b in bad):
                bad.append(f"{where}: exit status {p.returncode} on SIGTERM: {p.stderr.read()[-400:]}")
            p.stderr.close()
    return bad


def inside():
    found, _ = lines()
    scratch = Scratch()
    try:
        scratch.pipeline()
        bad = run_all(found) + stay_all(found, "stays", ALONE) + stay_all(found, "joins", ["bash", "-c"])
    finally:
        scratch.close()
    counts = {k: sum(1 for *_, kind in found if kind == k) for k in ("run", "stays", "joins")}
    print(f"{counts['run']} commands run, {counts['stays'] + counts['joins']} started and ended, {len(bad)} bad")
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    if os.environ.get(INSIDE):
        sys.exit(inside())
    unittest.main()
