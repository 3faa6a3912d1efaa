#!/usr/bin/env python3
"""What one client of weir-embedded can use up: time, rows, memory, body, connections. Each limit has its status, and after each the next
query is answered; the folder of the tables goes with the program, however it is asked to stop."""
import os
import signal
import socket
import tempfile
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request

from embedded import Embedded
from harness import LONG, Program, wait_until

CONNECTIONS = 32  # of one client: half of CONNECTIONS_MAX of embedded/server.c
BODY = 64 << 20   # BODY_MAX


class Limits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.embedded = Embedded("--query.time", "2s", "--query.rows", "100000", "--query.memory", "200MiB")

    @classmethod
    def tearDownClass(cls):
        cls.embedded.close()

    def ask(self, sql, **settings):
        """Status, ClickHouse's code, body."""
        url = f"http://127.0.0.1:{self.embedded.http}/?{urllib.parse.urlencode(settings)}"
        try:
            with urllib.request.urlopen(url, sql.encode(), timeout=120) as r:
                return r.status, None, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.headers["X-ClickHouse-Exception-Code"], e.read().decode()

    def tearDown(self):
        self.assertEqual(self.ask("SELECT 1"), (200, None, "1\n"), "it goes on")

    def connect(self, head, source="127.0.0.1"):
        s = socket.create_connection(("127.0.0.1", self.embedded.http), 60, (source, 0))
        self.addCleanup(s.close)
        s.sendall(head.replace("HOST", f"localhost:{self.embedded.http}").encode())
        return s

    def status(self, s):
        """Of the answer that comes, None when the connection ends without."""
        try:
            line = s.recv(4096).split(b"\r\n")[0].split()
        except ConnectionError:
            return None
        return int(line[1]) if line else None

    def test_time(self):
        status, code, body = self.ask("SELECT sum(sleepEachRow(0.1)) FROM numbers(600) SETTINGS max_block_size = 1")
        self.assertEqual((status, code), (408, "159"), body)

    # On a busy machine two seconds are soon over; what is tested from here on is not the time.

    def test_rows(self):
        self.assertEqual(self.ask("SELECT number FROM numbers(100000)", max_execution_time=100)[2].count("\n"), 100000)
        status, code, body = self.ask("SELECT number FROM numbers(200000)", max_execution_time=100)
        self.assertEqual((status, code), (500, "396"), body)
        answer = self.ask("SELECT number FROM numbers(200000)", max_result_rows=200000, max_execution_time=100)
        self.assertEqual(answer[2].count("\n"), 200000)
        self.ask("CREATE TABLE many (n UInt64) ENGINE = Memory")
        stored = self.ask("INSERT INTO many SELECT number FROM numbers(200000)", max_execution_time=100)
        self.assertEqual(stored[0], 200, "not of what is stored")

    def test_no_hash_of_every_value(self):
        """The engine takes its profile from our file; with the default, a row from Kafka costs half as much again."""
        self.assertEqual(self.ask("SELECT value FROM system.settings WHERE name = 'deduplicate_insert'")[2], "disable\n")

    def test_memory(self):
        status, code, body = self.ask("SELECT length(groupArray(number)) FROM numbers(100000000)", max_execution_time=100)
        self.assertEqual((status, code), (500, "241"), body)

    def test_body(self):
        """By its length before it comes; without a length, once it is too much; of what is far too much the line is cut."""
        s = self.connect(f"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: {BODY + 1}\r\n\r\n")
        self.assertEqual(self.status(s), 413)
        s = self.connect("POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n")
        block = b" " * (1 << 20)
        for _ in range((BODY >> 20) + 1):
            s.sendall(b"100000\r\n" + block + b"\r\n")
        s.sendall(b"0\r\n\r\n")
        self.assertEqual(self.status(s), 413)

    def test_head(self):
        s = self.connect("GET / HTTP/1.1\r\nHost: HOST\r\n")
        try:
            for i in range(3000):
                s.sendall(f"X-{i}: {'x' * 40}\r\n".encode())
            s.sendall(b"\r\n")
        except ConnectionError:
            pass
        self.assertIn(self.status(s), (431, None))  # None: it closed while we were speaking still

    def test_slow_loris(self):
        """Requests that never end take places and nothing else; who has one of the others is answered."""
        slow = [self.connect("POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 100\r\n\r\nSELECT") for _ in range(CONNECTIONS // 4)]
        slow += [self.connect("GET / HTTP/1.1\r\nHost: HOST\r\nX-Half: ") for _ in range(CONNECTIONS // 4)]
        for s in slow:
            s.sendall(b"x")
            self.assertEqual(self.ask("SELECT 1")[0], 200)

    def hold_all(self):
        held = [self.connect("GET / HTTP/1.1\r\nHost: HOST\r\nX-Half: ") for _ in range(CONNECTIONS)]
        late = self.connect("GET /ping HTTP/1.1\r\nHost: HOST\r\n\r\n")
        self.assertIsNone(self.status(late))
        return held

    def test_all_places_of_one_client_taken(self):
        held = self.hold_all()
        other = self.connect("GET /ping HTTP/1.1\r\nHost: HOST\r\n\r\n", "127.0.0.9")
        self.assertEqual(self.status(other), 200)
        for s in held:
            s.close()
        wait_until(lambda: self.status(self.connect("GET /ping HTTP/1.1\r\nHost: HOST\r\n\r\n")) == 200, "places are free again")

    @unittest.skipUnless(LONG, "half a minute: WEIR_TEST_LONG")
    def test_slow_ones_are_let_go(self):
        """A place comes back when a request is not there after half a minute, though its next byte always is."""
        held = self.hold_all()
        def one_ends():
            try:
                for s in held:
                    s.sendall(b"x")
                return False
            except ConnectionError:
                return True
        wait_until(one_ends, "they are cut", 90)
        wait_until(lambda: self.status(self.connect("GET /ping HTTP/1.1\r\nHost: HOST\r\n\r\n")) == 200, "places are free again", 90)

    def test_many_at_once(self):
        """As many slow queries as there are places: each is told of its limit."""
        found = []
        slow = "SELECT sum(sleepEachRow(0.1)) FROM numbers(600) SETTINGS max_block_size = 1"
        threads = [threading.Thread(target=lambda: found.append(self.ask(slow)[0])) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(found, [408] * 8)


class Confined(unittest.TestCase):
    def test_writes_its_tables_and_nothing_else(self):
        with tempfile.TemporaryDirectory() as d:
            embedded = Embedded("--confine", "auto", "--data", f"{d}/tables")
            self.addCleanup(embedded.close)
            if "Landlock (" in embedded.err or "seccomp (" in embedded.err:
                self.skipTest(embedded.err)
            self.assertIn("starts no program but itself", embedded.err)
            url = f"http://127.0.0.1:{embedded.http}/"
            for sql in (f"INSERT INTO FUNCTION file('{d}/out.csv') SELECT 1", f"BACKUP TABLE flows_raw TO File('{d}/out')",
                        f"CREATE DATABASE other ENGINE = Atomic SETTINGS disk = disk(type = local, path = '{d}/disk/')"):
                with self.assertRaises(urllib.error.HTTPError, msg=sql):
                    urllib.request.urlopen(url, sql.encode(), timeout=60)
            self.assertEqual(os.listdir(d), ["tables"])
            embedded.query("CREATE TABLE kept (a UInt32, b String) ENGINE = MergeTree ORDER BY a")
            embedded.query("INSERT INTO kept SELECT number, toString(number) FROM numbers(300000)")
            embedded.query("OPTIMIZE TABLE kept FINAL")
            sorted_on_disk = "SELECT count() FROM (SELECT * FROM kept ORDER BY b) SETTINGS max_bytes_before_external_sort = 100000"
            self.assertEqual(embedded.query(sorted_on_disk), [[300000]])
            self.assertEqual(embedded.terminate(60), 0, embedded.err)


class Folder(unittest.TestCase):
    def test_goes_with_the_program(self):
        """Stopped while it is asked and while it starts: nothing is left in the folder for temporary files."""
        with tempfile.TemporaryDirectory() as d:
            environment = dict(os.environ)
            os.environ["TMPDIR"] = d
            try:
                embedded = Embedded()
                url = f"http://127.0.0.1:{embedded.http}/"
                asked = threading.Thread(target=self.ask_and_forget, args=(url,))
                asked.start()
                wait_until(lambda: "1" in str(embedded.query("SELECT count() FROM system.processes WHERE query LIKE '%sleepEach%' AND "
                                                            "query NOT LIKE '%system%'")), "the query runs")
                self.assertIn(embedded.terminate(60), (0, 1), embedded.err)
                asked.join()
                embedded.close()
                self.assertEqual(os.listdir(d), [])
                early = Program(*embedded.command)
                wait_until(lambda: os.listdir(d), "the folder is there")
                early.signal(signal.SIGTERM)
                early.wait(60)
                early.close()
            finally:
                os.environ.clear()
                os.environ.update(environment)
            self.assertEqual([n for n in os.listdir(d) if n.startswith("weir-embedded")], [])

    @staticmethod
    def ask_and_forget(url):
        try:
            urllib.request.urlopen(url, b"SELECT sum(sleepEachRow(0.1)) FROM numbers(3000) SETTINGS max_block_size = 1", timeout=120).read()
        except OSError:
            pass


if __name__ == "__main__":
    unittest.main()
