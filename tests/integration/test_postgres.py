#!/usr/bin/env python3
"""weir-inserter postgres between a real Apache Kafka and a real PostgreSQL: every flow once, while the inserter is killed, the server
is restarted without warning, the collector is killed and the broker goes away."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from harness import BIN, LONG, ROOT, KafkaCase, Program, free_port, member, mock_in_background, wait_until


class Server:
    """PostgreSQL 15 of our own; its script says 77 when there is none on this machine."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="weir-postgres-")
        os.chmod(self.dir, 0o755)
        self.port = free_port()

    def run(self, command):
        return subprocess.run([f"{ROOT}/tests/unit/postgres_server.sh", command, self.dir, str(self.port)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode

    def conninfo(self, database="postgres"):
        return f"host=127.0.0.1 port={self.port} user=weir dbname={database}"

    def ask(self, sql, database="postgres"):
        done = subprocess.run(["psql", self.conninfo(database), "-XAtc", sql], capture_output=True, text=True)
        return done.stdout.strip()

    def close(self):
        self.run("stop")
        shutil.rmtree(self.dir, ignore_errors=True)


class Postgres(KafkaCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        status = cls.server.run("start")
        if status == 77:
            raise unittest.SkipTest("PostgreSQL 15 is not installed")
        if status != 0:
            raise AssertionError(f"postgres_server.sh: {status}")
        super().setUpClass()

    def setUp(self):
        self.topic = self.new_topic()
        self.database = self.id().rpartition(".")[2]
        self.server.ask(f"CREATE DATABASE {self.database}")
        self.dir = tempfile.mkdtemp(prefix="weir-journal-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def collector(self, port=None):
        return self.collect(self.topic, "--journal.path", f"{self.dir}/journal", "--collector-id", "test", port=port)

    def inserter(self, *options):
        p = Program(f"{BIN}/weir-inserter", "postgres", "--group", self.topic, *options, "--postgres", self.server.conninfo(self.database),
                    "--kafka.brokers", self.kafka.brokers, "--kafka.topic", self.topic, "--from", "beginning", "--flush", "200ms",
                    "--kafka.property", "session.timeout.ms=6000")
        self.addCleanup(p.close)
        return p

    def ask(self, sql):
        return self.server.ask(sql, self.database)

    def stored(self):
        return int(self.ask("SELECT count(*) FROM flows") or 0)

    def test_once_over_crashes_of_every_side(self):
        kills = 20 if LONG else 4
        collector = self.collector()
        mocker = mock_in_background(collector.to, f"{self.dir}/summary", protocol="ipfix", count=0, flows=10, rate=100)
        self.addCleanup(mocker.close)
        p = self.inserter()
        for kill in range(kills):
            n = self.stored()
            wait_until(lambda: self.stored() > n + 500, lambda: f"flows are stored\n{p.err[-2000:]}", 90)
            self.assertTrue(mocker.alive, "killed under load")
            p.kill()
            if kill % 2 == 1:
                self.assertEqual(self.server.run("restart"), 0)
            if kill % 4 == 2:
                self.kafka.stop()
                self.kafka.start()
            p = self.inserter(*member(kill + 1))
        self.assertEqual(mocker.terminate(), 0, mocker.err)
        with open(f"{self.dir}/summary") as f:
            summary = json.load(f)
        expected = f"{summary['flows']}|{summary['bytes']}|{summary['packets']}"
        sums = "SELECT count(*), sum(bytes), sum(packets) FROM flows"
        wait_until(lambda: self.stored() >= summary["flows"], lambda: f"{expected}: {self.ask(sums)}\n{p.err[-2000:]}", 90)
        self.assertEqual(self.ask(sums), expected)
        self.assertEqual(self.ask("SELECT sum(count), sum(bytes), sum(packets) FROM flows_5m"), expected)
        self.assertEqual(p.terminate(), 0)

    def test_two_of_a_group(self):
        """Partitions change hands in the middle of batches, eagerly and cooperatively."""
        collector = self.collector()
        flows = size = 0
        for strategy in ("range", "cooperative-sticky"):
            options = ("--group", strategy, "--kafka.property", f"partition.assignment.strategy={strategy}")
            mocker = mock_in_background(collector.to, f"{self.dir}/summary", protocol="ipfix", count=2000, flows=10, rate=200)
            self.addCleanup(mocker.close)
            first, second = self.inserter(*options), self.inserter(*options)
            wait_until(lambda: self.stored() > flows + 500, lambda: f"flows are stored\n{first.err}\n{second.err}", 60)
            self.assertEqual(first.terminate(), 0)
            third = self.inserter(*options)
            self.assertEqual(mocker.wait(60), 0, mocker.err)
            with open(f"{self.dir}/summary") as f:
                summary = json.load(f)
            flows += summary["flows"]
            size += summary["bytes"]
            wait_until(lambda: self.stored() >= flows, lambda: f"{self.stored()} of {flows}\n{second.err}\n{third.err}", 60)
            self.assertEqual(self.ask("SELECT count(*), sum(bytes) FROM flows"), f"{flows}|{size}")
            self.assertIn("the group gave us", third.err)
            self.assertEqual([p.terminate() for p in (second, third)], [0, 0])

    def test_what_the_collector_sends_twice_is_stored_once(self):
        """Killed with the broker's answers on their way: the journal sends again what may have arrived."""
        collector = self.collector()
        p = self.inserter()
        flows = size = 0
        for turn in range(3):
            mocker = mock_in_background(collector.to, f"{self.dir}/summary{turn}", protocol="ipfix", count=300, flows=10, rate=600)
            self.addCleanup(mocker.close)
            self.assertEqual(mocker.wait(60), 0, mocker.err)
            with open(f"{self.dir}/summary{turn}") as f:
                summary = json.load(f)
            flows += summary["flows"]
            size += summary["bytes"]
            # Only when the collector has taken all from its socket: what is lost there is nobody's promise.
            wait_until(lambda: collector.metrics().sum("weir_collector_flows_total") >= summary["flows"], "all is decoded")
            collector.kill()
            collector = self.collector(collector.port)
        wait_until(lambda: self.stored() >= flows, lambda: f"{self.stored()} of {flows}\n{p.err[-2000:]}", 60)
        self.assertEqual(self.ask("SELECT count(*), sum(bytes) FROM flows"), f"{flows}|{size}")
        self.assertEqual(p.terminate(), 0)


if __name__ == "__main__":
    unittest.main()
