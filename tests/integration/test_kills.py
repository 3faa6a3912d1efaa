#!/usr/bin/env python3
"""weir-inserter's file, print, http and redis between a real Apache Kafka and what they write to, killed again and again under load: nothing is
lost, and what redis promises to count once is counted once. (postgres: test_postgres.py; the enricher: test_enricher.py.)"""
import collections
import glob
import json
import shutil
import subprocess
import tempfile
import unittest

from harness import BIN, LONG, KafkaCase, Metrics, Program, free_port, get, mock_in_background, wait_until
from test_http_transport import Ingest
from test_senders import Redis

KILLS = 20 if LONG else 3


def marks(flows):
    """What tells flows apart, in the topic as in JSON."""
    return collections.Counter(tuple(f.get(k, 0) for k in ("sequence_num", "src_port", "dst_port", "bytes", "packets")) for f in flows)


class Kills(KafkaCase):
    def setUp(self):
        self.name = self.new_topic()
        self.dir = tempfile.mkdtemp()
        self.lives = []
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.collector = self.collect(self.name)
        self.topic = self.read(self.name)

    def inserter(self, *options, member="group.instance.id=one"):
        http = free_port()
        # A member that keeps its name is back at once after a kill, where another waits until the dead one is given up.
        p = Program(f"{BIN}/weir-inserter", *options, "--kafka.brokers", self.kafka.brokers, "--kafka.topic", self.name, "--from", "beginning",
                    "--flush", "200ms", "--addr", f"127.0.0.1:{http}", "--kafka.property", member)
        p.http = http
        self.addCleanup(p.close)
        self.lives.append(p)
        return p

    def commits(self, p):
        return Metrics(get(f"http://127.0.0.1:{p.http}/metrics") or "").sum("weir_inserter_commits_total")

    def under_load(self, options, done):
        """Kills a sink KILLS times while the mocker sends; waits until DONE of the mocker's summary."""
        mocker = mock_in_background(self.collector.to, f"{self.dir}/summary", protocol="ipfix", count=0, flows=10, rate=100)
        self.addCleanup(mocker.close)
        p = self.inserter(*options)
        for _ in range(KILLS):
            wait_until(lambda: self.commits(p) >= 2, lambda: f"{options[0]} stores and commits\n{p.err[-2000:]}", 60)
            p.kill()
            p = self.inserter(*options)
        self.assertEqual(mocker.terminate(), 0, mocker.err)
        with open(f"{self.dir}/summary") as f:
            summary = json.load(f)
        wait_until(lambda: done(summary), lambda: f"{options[0]} has all of {summary['flows']}\n{p.err[-2000:]}", 90)
        self.assertEqual(p.terminate(), 0, p.err)
        return summary

    def check_none_lost(self, got, summary):
        sent = marks(self.topic.wait_flows(summary["flows"]))
        self.assertEqual(sum(sent.values()), summary["flows"])
        self.assertFalse(sent - got, "lost")
        self.assertFalse(set(got) - set(sent), "made up")
        # What was not committed is there twice; a life at most reads all of it again.
        self.assertLessEqual(sum(got.values()), (KILLS + 1) * summary["flows"])

    def test_file(self):
        def read_back():
            files = glob.glob(f"{self.dir}/flows/*")
            done = [subprocess.run([f"{BIN}/weir-inserter", "print", "-r", f, "-o", "json", "--loglevel", "error"], capture_output=True,
                                   text=True) for f in files]
            return [json.loads(line) for d in done for line in d.stdout.splitlines()]

        def all_there(summary):
            return not marks(self.topic.wait_flows(summary["flows"])) - marks(read_back())
        summary = self.under_load(("file", "--file.dir", f"{self.dir}/flows", "--file.every", "1m"), all_there)
        self.check_none_lost(marks(read_back()), summary)
        self.assertEqual(glob.glob(f"{self.dir}/flows/*.part"), [])

    def test_print(self):
        """With a group it goes on where it was: what it says it has read was shown."""
        def shown():
            return [json.loads(line) for p in self.lives for line in p.out.splitlines(True) if line.endswith("\n")]

        def all_there(summary):
            return not marks(self.topic.wait_flows(summary["flows"])) - marks(shown())
        summary = self.under_load(("print", "-o", "json", "--group", "terminals"), all_there)
        self.check_none_lost(marks(shown()), summary)

    def test_http(self):
        ingest = Ingest()
        self.addCleanup(ingest.close)
        turn = [0]

        def answer(lines):
            turn[0] += 1
            return 503 if turn[0] % 20 == 0 else 200
        ingest.answer = answer

        def all_there(summary):
            ingest.answer = lambda lines: 200  # from now on, so that the end is not in the middle of a pause
            return not marks(self.topic.wait_flows(summary["flows"])) - marks(ingest.flows)
        summary = self.under_load(("http", "--http.url", ingest.url, "--http.batch", "100"), all_there)
        self.check_none_lost(marks(ingest.flows), summary)

    def share(self, options, read):
        """Two of a group; under load one goes and another comes, so that partitions change hands in the middle of batches.
        OPTIONS(i) are those of the i-th, READ(i, p) the flows it has stored or shown."""
        mocker = mock_in_background(self.collector.to, f"{self.dir}/summary", protocol="ipfix", count=1500, flows=10, rate=150)
        self.addCleanup(mocker.close)
        start = lambda i: self.inserter(*options(i), member="session.timeout.ms=10000")
        members = [start(0), start(1)]
        wait_until(lambda: self.commits(members[0]) >= 2 and self.commits(members[1]) >= 2,
                   lambda: f"both read\n{members[0].err}\n{members[1].err}", 60)
        self.assertEqual(members[0].terminate(), 0, members[0].err)
        members.append(start(2))
        self.assertEqual(mocker.wait(60), 0, mocker.err)
        with open(f"{self.dir}/summary") as f:
            summary = json.load(f)
        sent = marks(self.topic.wait_flows(summary["flows"]))
        got = lambda: marks(flow for i, p in enumerate(members) for flow in read(i, p))
        wait_until(lambda: not sent - got(), lambda: f"every flow with one of them\n{members[1].err}\n{members[2].err}", 90)
        wait_until(lambda: "the group gave us" in members[2].err, lambda: f"the third has a share\n{members[2].err}", 60)
        self.assertEqual([p.terminate() for p in members[1:]], [0, 0])
        self.check_none_lost(got(), summary)

    def test_two_of_a_group_file(self):
        def read(i, p):
            done = subprocess.run([f"{BIN}/weir-inserter", "print", "-r", f"{self.dir}/{i}", "-o", "json", "--loglevel", "error"],
                                  capture_output=True, text=True)
            return [json.loads(line) for line in done.stdout.splitlines()]
        self.share(lambda i: ("file", "--file.dir", f"{self.dir}/{i}", "--file.every", "1s"), read)

    def test_two_of_a_group_print(self):
        self.share(lambda i: ("print", "-o", "json", "--group", "terminals"),
                   lambda i, p: [json.loads(line) for line in p.out.splitlines(True) if line.endswith("\n")])

    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    def test_redis(self):
        redis = Redis()
        self.addCleanup(redis.close)
        redis.cli("sadd", "senders", "127.0.0.1/0")
        redis.cli("sadd", "sender:127.0.0.1/0", "0.0.0.0/0", "::/0")

        def counted():
            total = collections.Counter()
            for key in redis.cli("keys", "traffic:*:day:*").split():
                words = redis.cli("hgetall", key).split()
                total.update({k: int(v) for k, v in zip(words[::2], words[1::2])})
            return total
        summary = self.under_load(("redis", "--redis", f"127.0.0.1:{redis.port}"), lambda s: counted()["in_flows"] >= s["flows"])
        total = counted()
        for way in ("in", "out"):
            self.assertEqual([total[f"{way}_{what}"] for what in ("flows", "bytes", "packets")],
                             [summary[what] for what in ("flows", "bytes", "packets")], "every flow once")


if __name__ == "__main__":
    unittest.main()
