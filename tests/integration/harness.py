"""What the integration and end-to-end tests share: programs that are started, waited for and always ended; a real
Kafka broker; a reader of its topic; the mocker's summary; counters.

Every port is a free one. All that is written, by the programs too, lies in one temporary directory, which goes when Python
ends; programs end with the test even when that is killed. WEIR_BUILD says where the programs are.
"""
import atexit
import collections
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

import flowpb
from ports import free_port

ROOT = flowpb.ROOT
DIE_WITH_US = ("setpriv", "--pdeathsig", "KILL")
BUILD = os.environ.get("WEIR_BUILD", f"{ROOT}/build/dev")
BIN = f"{BUILD}/bin"
LONG = bool(os.environ.get("WEIR_TEST_LONG"))
SANITIZED = os.environ.get("WEIR_SANITIZE")  # what the programs are built with: then they are ten times as slow
TEMP = tempfile.mkdtemp(prefix="weir-test-")
os.chmod(TEMP, 0o755)  # PostgreSQL runs as another user, and has its data in there
tempfile.tempdir = os.environ["TMPDIR"] = TEMP
atexit.register(shutil.rmtree, TEMP, ignore_errors=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def wait_until(true, what, timeout=60):
    """Waits until TRUE() gives something true, which it returns."""
    end = time.monotonic() + timeout
    while True:
        value = true()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what() if callable(what) else what}")
        time.sleep(0.05)


def get(url, timeout=30):
    """Body of a page, None when nobody answers; (status, body) of an error as text."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as r:
            return r.read().decode()
    except urllib.error.HTTPError as e:
        return f"{e.code} {e.read().decode()}"
    except OSError:
        return None


class Program:
    """A process with its output in files."""

    def __init__(self, *command, cwd=None, env=None):
        self.command = [str(c) for c in command]
        self.dir = tempfile.mkdtemp(prefix="weir-test-")
        with open(f"{self.dir}/out", "wb") as out, open(f"{self.dir}/err", "wb") as err:
            self.process = subprocess.Popen([*DIE_WITH_US, *self.command], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            cwd=cwd, env=dict(os.environ, **(env or {})))

    def text(self, which):
        with open(f"{self.dir}/{which}", errors="replace") as f:
            return f.read()

    @property
    def out(self):
        return self.text("out")

    @property
    def err(self):
        return self.text("err")

    @property
    def alive(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=60):
        return self.process.wait(timeout)

    def terminate(self, timeout=60):
        """SIGTERM; gives the exit status."""
        if self.alive:
            self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        if self.alive:
            self.signal(signal.SIGKILL)
        return self.wait()

    def close(self):
        if self.alive:
            self.signal(signal.SIGCONT)
        self.kill()
        subprocess.run(["rm", "-rf", self.dir], check=False)


class Kafka:
    """A real broker. stop() and start() keep its data."""

    def __init__(self, partitions=4, settings=(), options=()):
        self.port = free_port()
        self.dir = tempfile.mkdtemp(prefix="weir-kafka-")
        self.brokers = f"127.0.0.1:{self.port}"
        self.partitions = partitions
        self.settings = settings
        self.options = options
        self.program = None

    def start(self):
        settings = [w for s in self.settings for w in ("--set", s)]
        self.program = Program(f"{ROOT}/scripts/kafka-run", "--port", self.port, "--dir", self.dir,
                               "--partitions", self.partitions, *self.options, *settings)
        wait_until(self.answers, lambda: f"Kafka answers\n{self.program.err[-2000:]}", 120)
        return self

    def answers(self):
        if not self.program.alive:
            raise AssertionError(f"Kafka ended: {self.program.err[-3000:]}")
        done = subprocess.run(["kcat", "-b", self.brokers, "-L", "-m", "1"], capture_output=True)
        return done.returncode == 0

    def create(self, topic):
        """By asking for it; done when it has leaders."""
        def there():
            done = subprocess.run(["kcat", "-b", self.brokers, "-L", "-J", "-t", topic, "-m", "2",
                                   "-X", "allow.auto.create.topics=true"], capture_output=True, text=True)
            topics = json.loads(done.stdout)["topics"] if done.returncode == 0 else []
            return topics and len(topics[0]["partitions"]) == self.partitions and \
                all(p["leader"] >= 0 for p in topics[0]["partitions"])
        wait_until(there, f"topic {topic}")

    def tool(self, name, *words):
        """One of Kafka's own: kafka.admin.ConfigCommand, org.apache.kafka.tools.TopicCommand."""
        jars = subprocess.run([f"{ROOT}/scripts/kafka-fetch"], check=True, capture_output=True, text=True).stdout.strip()
        done = subprocess.run(["java", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", f"-Djava.io.tmpdir={TEMP}", "-cp", f"{jars}/*", name,
                               "--bootstrap-server", self.brokers, *words], capture_output=True, text=True, timeout=240)
        if done.returncode != 0:
            raise AssertionError(f"{name} {words}: {done.stdout[-2000:]} {done.stderr[-2000:]}")
        return done.stdout

    def stop(self):
        self.program.terminate(60)

    def close(self):
        if self.program:
            self.program.close()
        subprocess.run(["rm", "-rf", self.dir], check=False)


Message = collections.namedtuple("Message", "partition offset header payload")
# kafka/header.h
Header = collections.namedtuple("Header", "version format flows collector epoch sequence batch piece")


def parse_header(data):
    if data is None or len(data) != 32:
        return None
    number = lambda at, size: int.from_bytes(data[at:at + size], "little")
    sequence = number(24, 8)
    return Header(data[0], data[1], number(4, 4), number(8, 8), number(16, 8), sequence, sequence & (1 << 40) - 1,
                  (sequence >> 40) - 1 if sequence >> 40 else None)


class SecondBroker(Kafka):
    """Of the cluster whose controller FIRST has."""

    def __init__(self, first):
        super().__init__(first.partitions)
        self.settings = (*first.settings, "process.roles=broker", "node.id=2", f"controller.quorum.voters=1@127.0.0.1:{first.port + 1}",
                         f"listeners=PLAINTEXT://127.0.0.1:{self.port}")


class Topic:
    """Reads a topic from its beginning, while it grows."""

    def __init__(self, kafka, topic="flows"):
        self.messages = []
        self.taken, self.seen, self.decoded = 0, set(), []
        self.process = subprocess.Popen([*DIE_WITH_US, f"{BUILD}/tests/topic_dump", kafka.brokers, topic], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            if not line.endswith(b"\n"):
                return  # killed in the middle of a line: close()
            partition, offset, header, payload = line.split(b" ")
            header = None if header == b"-" else bytes.fromhex(header.decode())
            self.messages.append(Message(int(partition), int(offset), header, bytes.fromhex(payload.decode())))

    def flows(self, once=True):
        """All flows so far; of messages that came twice (same collector, epoch, sequence) the first, unless not ONCE."""
        if not once:
            return [f for m in list(self.messages) for f in flowpb.records(m.payload)]
        for m in self.messages[self.taken:]:
            self.taken += 1
            if m.header is not None:
                if m.header[8:] in self.seen:
                    continue
                self.seen.add(m.header[8:])
            self.decoded += flowpb.records(m.payload)
        return list(self.decoded)

    def count(self):
        self.flows()
        return len(self.decoded)

    def duplicates(self):
        headers = [m.header[8:] for m in list(self.messages) if m.header is not None]
        return len(headers) - len(set(headers))

    def wait_flows(self, n, timeout=90):
        wait_until(lambda: self.count() >= n, lambda: f"{n} flows in the topic; there are {self.count()}", timeout)
        return self.flows()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.thread.join(5)
        self.process.stdout.close()


class Metrics(dict):
    """A page of /metrics: 'name{label="x"}' -> number; sum() adds all of a name."""

    def __init__(self, text):
        super().__init__()
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                self[name] = float(value)

    def sum(self, name, **labels):
        total = 0
        for key, value in self.items():
            base, _, rest = key.partition("{")
            if base == name and all(f'{k}="{v}"' in rest for k, v in labels.items()):
                total += value
        return int(total)


class Collector(Program):
    """weir-collector with one NetFlow listener."""

    def __init__(self, *options, brokers=None, port=None, host="127.0.0.1", scheme="netflow", ready=True, env=None):
        self.port = port or free_port(socket.SOCK_DGRAM)
        self.http = free_port()
        options = list(options)
        if brokers:
            options += ["--kafka.brokers", brokers]
        super().__init__(f"{BIN}/weir-collector", "--listen", f"{scheme}://{host}:{self.port}",
                         "--addr", f"localhost:{self.http}", *options, env=env)
        if ready:
            wait_until(self.healthy, lambda: f"weir-collector answers\n{self.err}")

    def healthy(self):
        if not self.alive:
            raise AssertionError(f"weir-collector ended: {self.err}")
        return self.page("/healthz")

    def page(self, path):
        return get(f"http://127.0.0.1:{self.http}{path}")

    def quiet(self):
        """metrics() of a moment in which nothing is under way: the sums hold then, and not while a datagram is between two counters."""
        seen = [None]

        def still():
            seen.append(self.metrics())
            return seen[-1].sum("weir_collector_datagrams_total") == (seen[-2] or Metrics("")).sum("weir_collector_datagrams_total")
        wait_until(still, "no datagram is on its way")
        return seen[-1]

    def metrics(self):
        return Metrics(self.page("/metrics") or "")

    @property
    def to(self):
        return f"127.0.0.1:{self.port}"


class KafkaCase(unittest.TestCase):
    """A broker for the tests of a class; each ends what it started."""
    settings = ()

    @classmethod
    def setUpClass(cls):
        cls.kafka = Kafka(settings=cls.settings)
        cls.addClassCleanup(cls.kafka.close)
        cls.kafka.start()

    def new_topic(self, suffix=""):
        """Named after the test."""
        name = "flows-" + self.id().rpartition(".")[2] + suffix
        self.kafka.create(name)
        return name

    def collect(self, topic, *options, **more):
        c = Collector("--kafka.topic", topic, *options, brokers=self.kafka.brokers, **more)
        self.addCleanup(c.close)
        return c

    def read(self, topic):
        t = Topic(self.kafka, topic)
        self.addCleanup(t.close)
        return t


def member(start):
    """Options of a consumer that is killed and started again and again, of the START-th. One that keeps its name is back at once; every
    fifth has none, and waits until the group gives the dead one up."""
    return ("--kafka.property", f"group.instance.id=after-{start // 5}") if start % 5 else ()


def mock(to, *options, **more):
    """Runs weir-mocker to its end; gives its summary."""
    words = [str(w) for o, v in more.items() for w in (f"--{o.replace('_', '-')}", v)]
    done = subprocess.run([f"{BIN}/weir-mocker", "--to", to, "--quiet", "--summary", "-", *options, *words],
                          capture_output=True, text=True, timeout=240)
    if done.returncode != 0:
        raise AssertionError(f"weir-mocker: {done.returncode} {done.stderr}")
    return json.loads(done.stdout)


def mock_in_background(to, summary, *options, **more):
    words = [str(w) for o, v in more.items() for w in (f"--{o.replace('_', '-')}", v)]
    return Program(f"{BIN}/weir-mocker", "--to", to, "--quiet", "--summary", summary, *options, *words)


def sums(flows):
    """As the mocker's summary has them."""
    return {"flows": len(flows), "bytes": sum(f.get("bytes", 0) for f in flows),
            "packets": sum(f.get("packets", 0) for f in flows)}


def summary_sums(*summaries):
    return {k: sum(s[k] for s in summaries) for k in ("flows", "bytes", "packets")}


def conserves(test, collector):
    """The sums of docs/operations.md: whatever came in went somewhere, and once. Gives the metrics that were looked at."""
    m = collector.quiet()
    name = "weir_collector_{}_total".format
    datagrams = m.sum(name("datagrams"))
    test.assertEqual(datagrams, m.sum(name("datagrams_decoded")) + m.sum(name("datagrams_partial")) +
                     m.sum(name("datagrams_dropped")), "datagrams")
    test.assertEqual(m.sum(name("sets")), m.sum(name("sets_decoded")) + m.sum(name("sets_held")) +
                     m.sum(name("sets_skipped")), "sets")
    test.assertEqual(m.sum(name("flows")) + m.sum(name("flows_recovered")),
                     m.sum(name("flows_acknowledged")) + m.sum("weir_collector_flows_pending") +
                     m.sum(name("flows_dropped")), "flows")
    return m
