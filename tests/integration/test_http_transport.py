#!/usr/bin/env python3
"""weir-collector --transport http to a real HTTP server: every flow is taken, whatever the server does meanwhile."""
import collections
import gzip
import http.server
import json
import ssl
import subprocess
import tempfile
import threading
import unittest

import harness
from harness import Collector, free_port, mock, summary_sums, wait_until


class Ingest:
    """An HTTP server that adds up what it takes. ANSWER is a function of (lines) -> status, or None: hang."""

    def __init__(self, context=None):
        ingest = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                status = ingest.take(self.path, self.headers, body)
                if status is None:
                    ingest.closing.wait(60)
                    self.close_connection = True
                    return
                text = b"so be it\n"
                self.send_response(status)
                for name, value in ingest.answer_headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # a client that went away

        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.flows, self.headers, self.statuses = [], [], collections.Counter()
        self.answer, self.answer_headers = (lambda lines: 200), ()
        self.server = Server(("127.0.0.1", 0), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.port}/v1/ingest"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def take(self, path, headers, body):
        lines = body.splitlines()
        with self.lock:
            status = self.answer(lines) if path == "/v1/ingest" else 404
            self.statuses[status] += 1
            self.headers.append(headers)
            if status == 200:
                self.flows += [json.loads(line) for line in lines]
            return status

    def sums(self):
        with self.lock:
            return {"flows": len(self.flows), "bytes": sum(f["bytes"] for f in self.flows),
                    "packets": sum(f["packets"] for f in self.flows)}

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


class HttpTransport(unittest.TestCase):
    def ingest(self, **more):
        i = Ingest(**more)
        self.addCleanup(i.close)
        return i

    def collector(self, ingest, *options, **more):
        c = Collector("--http.url", ingest if isinstance(ingest, str) else ingest.url, *options, **more)
        self.addCleanup(c.close)
        return c

    def arrives(self, ingest, collector, *summaries):
        want = summary_sums(*summaries)
        wait_until(lambda: ingest.sums()["flows"] >= want["flows"], lambda: f"{want}; {ingest.sums()} {ingest.statuses}\n"
                   f"{collector.err}", 60)
        self.assertEqual(ingest.sums(), want)
        wait_until(lambda: collector.metrics().sum("weir_collector_flows_acknowledged_total") >= want["flows"] or None,
                   "flows are acknowledged")
        harness.conserves(self, collector)

    def test_lines(self):
        i = self.ingest()
        c = self.collector(i, "--http.batch", "100", env={"WEIR_HTTP_TOKEN": "s3cret"})
        s = mock(c.to, protocol="ipfix", count=200, flows=12, rate=2000)
        self.arrives(i, c, s)
        for h in i.headers:
            self.assertEqual(h["Authorization"], "Bearer s3cret")
            self.assertEqual(h["Content-Type"], "application/x-ndjson")
            self.assertEqual(h["Content-Encoding"], "gzip")
        self.assertEqual({f["type"] for f in i.flows}, {"IPFIX"})
        self.assertEqual(c.page("/readyz"), "OK\n")
        self.assertNotIn("s3cret", c.page("/metrics") + c.err)
        self.assertEqual(c.terminate(), 0)

    def test_failing_then_well(self):
        i = self.ingest()
        answers = [503, 401, 429, 500]
        i.answer_headers = [("Retry-After", "1")]
        i.answer = lambda lines: answers.pop() if answers else 200
        c = self.collector(i, "--http.gzip=false")
        s = mock(c.to, protocol="v5", count=50, flows=10, rate=2000)
        wait_until(lambda: "status" in (c.page("/readyz") or ""), "/readyz says why not")
        self.arrives(i, c, s)
        self.assertEqual(c.metrics().sum("weir_collector_http_errors_total"), 4)
        self.assertNotIn("Content-Encoding", i.headers[0])
        wait_until(lambda: c.page("/readyz") == "OK\n", "/readyz is well again")

    def test_too_large_goes_in_halves_and_poison_alone_is_lost(self):
        i = self.ingest()
        i.answer = lambda lines: 413 if len(lines) > 10 else 422 if any(b'"src_addr":"2001:db8:1::32"' in x for x in lines) else 200
        c = self.collector(i, "--http.batch", "64")
        s = mock(c.to, protocol="ipfix", count=40, flows=10, rate=2000)
        wait_until(lambda: c.metrics().sum("weir_collector_flows_acknowledged_total") +
                   c.metrics().sum("weir_collector_flows_dropped_total") >= s["flows"], "all is settled", 60)
        m = harness.conserves(self, c)
        lost = m.sum("weir_collector_flows_dropped_total", reason="refused")
        self.assertGreater(lost, 0)
        self.assertEqual(lost + i.sums()["flows"], s["flows"])
        self.assertGreater(i.statuses[413], 0)

    def test_server_away_and_killed_meanwhile(self):
        """Nobody listens; the collector is killed; another goes on where it was."""
        with tempfile.TemporaryDirectory() as d:
            port = free_port()
            url = f"http://127.0.0.1:{port}/v1/ingest"
            c = self.collector(url, "--journal.path", d)
            s = mock(c.to, protocol="ipfix", count=100, flows=10, rate=2000)
            wait_until(lambda: c.metrics().sum("weir_collector_journal_batches") > 0 and
                       c.metrics().sum("weir_collector_flows_pending") == s["flows"], "flows are held")
            wait_until(lambda: c.metrics().sum("weir_collector_http_errors_total") > 0, "it was tried")
            c.kill()
            i = self.ingest()
            c = self.collector(i, "--journal.path", d)
            self.arrives(i, c, s)
            self.assertEqual(c.metrics().sum("weir_collector_flows_recovered_total"), s["flows"])
            self.assertEqual(c.terminate(), 0)

    def test_a_server_that_hangs_does_not_hold_up_the_end(self):
        with tempfile.TemporaryDirectory() as d:
            i = self.ingest()
            i.answer = lambda lines: None
            c = self.collector(i, "--journal.path", d, "--http.timeout", "10m", "--shutdown-timeout", "1s")
            s = mock(c.to, protocol="v5", count=10, flows=10, rate=2000)
            wait_until(lambda: i.statuses[None] > 0, "a request hangs")
            more = mock(c.to, protocol="v5", count=10, flows=10, rate=2000)  # received all the same
            wait_until(lambda: c.metrics().sum("weir_collector_flows_total") == s["flows"] + more["flows"], "flows are decoded")
            self.assertEqual(c.terminate(20), 0)
            self.assertIn("stay in the journal", c.err)
            i.answer = lambda lines: 200
            c = self.collector(i, "--journal.path", d)
            self.arrives(i, c, s, more)

    def test_bounded(self):
        """The server stays away: past the cap the oldest go, counted, and memory does not grow."""
        c = self.collector(f"http://127.0.0.1:{free_port()}/x", "--journal.max-bytes", "8M", "--kafka.batch.bytes", "8k")
        sent = 0
        while c.metrics().sum("weir_collector_flows_dropped_total", reason="journal_full") == 0:
            sent += mock(c.to, protocol="ipfix", count=2000, flows=20, rate=20000)["flows"]
            self.assertLess(sent, 2000000)
        m = harness.conserves(self, c)
        self.assertLessEqual(m.sum("weir_collector_journal_bytes"), m.sum("weir_collector_journal_max_bytes"))
        self.assertIn("the cap", wait_until(lambda: "the cap" in c.err and c.err, "it says so"))

    def test_tls(self):
        with tempfile.TemporaryDirectory() as d:
            make_certificates(d)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{d}/server.pem", f"{d}/server.key")
            context.load_verify_locations(f"{d}/ca.pem")
            context.verify_mode = ssl.CERT_REQUIRED
            i = self.ingest(context=context)
            wrong = self.collector(i, "--http.ca", f"{d}/other.pem")
            mock(wrong.to, protocol="v5", count=1, flows=1)
            wait_until(lambda: "certificate" in wrong.err, lambda: f"the wrong CA is said: {wrong.err}")
            self.assertEqual(i.sums()["flows"], 0)
            with open(f"{d}/token", "w") as f:
                f.write("from a file\n")
            c = self.collector(i, "--http.ca", f"{d}/ca.pem", "--http.cert", f"{d}/client.pem", "--http.key", f"{d}/client.key",
                               env={"WEIR_HTTP_TOKEN_FILE": f"{d}/token"})
            s = mock(c.to, protocol="v9", count=20, flows=10, rate=2000)
            self.arrives(i, c, s)
            self.assertEqual({h["Authorization"] for h in i.headers}, {"Bearer from a file"})

    def test_bad_usage(self):
        def said(*options):
            done = subprocess.run([f"{harness.BIN}/weir-collector", "--check", *options], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2, options)
            return done.stderr
        self.assertIn("--http.url URL is missing", said("--transport", "http"))
        self.assertIn("leave it out", said("--http.url", "http://x/", "--format", "bin"))
        self.assertIn("no HTTP address", said("--http.url", "ftp://x/"))
        self.assertIn("/none: No such file", said("--http.url", "https://x/", "--http.ca", "/none"))
        self.assertIn("belong together", said("--http.url", "https://x/", "--http.cert", "/etc/passwd"))


def make_certificates(d):
    """ca.pem and what it has signed for 127.0.0.1 (server) and for a client; other.pem has signed nothing."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=d)
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for name in ("ca", "other"):
        openssl("req", "-x509", *ec, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}")
    with open(f"{d}/san", "w") as f:
        f.write("subjectAltName=IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl("req", *ec, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.pem", "-days", "2", "-extfile", "san")


if __name__ == "__main__":
    unittest.main()
