#!/usr/bin/env python3
"""What a service manager hears of the programs, on a socket as systemd's; and the units, as systemd-analyze reads them.

A worker hangs here because nobody reads the pipe that it writes to; the rest of the process is well meanwhile, so that a
watchdog fed by the main thread would notice nothing.
"""
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from harness import BIN, ROOT, free_port

UNITS = sorted(glob.glob(f"{ROOT}/packaging/systemd/*.service"))
EXPOSURE_MAX = 1.5  # of 10; what systemd-analyze calls OK


class Manager:
    """The other end of NOTIFY_SOCKET, and the program that it looks after."""

    def __init__(self, *command, stdout=subprocess.DEVNULL, watchdog_s=1.0):
        self.dir = tempfile.mkdtemp(prefix="weir-service-")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"{self.dir}/notify")
        self.socket.settimeout(30)
        self.heard = []
        env = dict(os.environ, NOTIFY_SOCKET=f"{self.dir}/notify", WATCHDOG_USEC=str(int(watchdog_s * 1e6)))
        env.pop("WATCHDOG_PID", None)
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.DEVNULL)

    def listen(self):
        self.heard.append(self.socket.recv(1000).decode())
        return self.heard[-1]

    def wait_for(self, start):
        while not self.listen().startswith(start):
            pass
        return self.heard[-1]

    def silent_for(self, seconds):
        """Whether nothing is said for so long, what was said before left out."""
        end, last = time.monotonic() + 30, time.monotonic()
        self.socket.settimeout(0.1)
        try:
            while time.monotonic() < end:
                try:
                    self.listen()
                    last = time.monotonic()
                except socket.timeout:
                    if time.monotonic() - last > seconds:
                        return True
            return False
        finally:
            self.socket.settimeout(30)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.wait_for("STOPPING=1")
        return self.process.wait(30)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self.socket.close()
        shutil.rmtree(self.dir, ignore_errors=True)


class Service(unittest.TestCase):
    def manage(self, *command, **more):
        m = Manager(*command, **more)
        self.addCleanup(m.close)
        return m

    def collector(self, *options, **more):
        self.port = free_port(socket.SOCK_DGRAM)
        return self.manage(f"{BIN}/weir-collector", "--listen", f"netflow://127.0.0.1:{self.port}", "--addr", "", *options, **more)

    def test_collector(self):
        m = self.collector("--transport", "null")
        self.assertEqual(m.listen(), "READY=1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, self.assertRaises(OSError):
            s.bind(("127.0.0.1", self.port))  # ready: the port is its own
        m.wait_for("WATCHDOG=1")
        m.wait_for("WATCHDOG=1")
        m.process.send_signal(signal.SIGHUP)
        self.assertRegex(m.wait_for("RELOADING=1"), r"^RELOADING=1\nMONOTONIC_USEC=\d+$")
        m.wait_for("READY=1")
        self.assertEqual(m.end(), 0)

    def test_a_worker_that_hangs(self):
        m = self.collector("--transport", "file", "--format", "json", "--kafka.batch.linger", "10ms", stdout=subprocess.PIPE)
        m.wait_for("WATCHDOG=1")
        subprocess.run([f"{BIN}/weir-mocker", "--to", f"127.0.0.1:{self.port}", "--count", "200", "--rate", "0", "--quiet"],
                       check=True)
        self.assertTrue(m.silent_for(3), "the watchdog is fed although nobody receives")
        self.assertIsNone(m.process.poll())
        with subprocess.Popen(["cat"], stdin=m.process.stdout, stdout=subprocess.DEVNULL):
            m.wait_for("WATCHDOG=1")  # it turns again
            self.assertEqual(m.end(), 0)

    def test_consumers_without_a_broker(self):
        networks = tempfile.NamedTemporaryFile("w", suffix=".csv")
        self.addCleanup(networks.close)
        networks.write("192.0.2.0/24,lab,us\n")
        networks.flush()
        nobody = f"127.0.0.1:{free_port()}"
        for command in (["weir-inserter", "print", "metrics", "--addr", f"localhost:{free_port()}"],
                        ["weir-enricher", "--enrich.networks", networks.name]):
            with self.subTest(command[0]):
                m = self.manage(f"{BIN}/{command[0]}", *command[1:], "--kafka.brokers", nobody, watchdog_s=20)
                self.assertEqual(m.listen(), "READY=1")
                m.wait_for("WATCHDOG=1")  # waiting for the broker is no hanging
                self.assertEqual(m.end(), 0)


@unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze here")
class Units(unittest.TestCase):
    def test_verify(self):
        """systemd reads them without a word. The programs are looked for where they were built."""
        with tempfile.TemporaryDirectory(prefix="weir-units-") as d:
            for unit in UNITS:
                with open(unit, encoding="utf-8") as f, open(f"{d}/{os.path.basename(unit)}", "w", encoding="utf-8") as copy:
                    copy.write(f.read().replace("/usr/bin/", f"{BIN}/"))
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", *sorted(glob.glob(f"{d}/*.service"))],
                                  capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_exposure(self):
        for unit in UNITS:
            with self.subTest(os.path.basename(unit)):
                done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
                                      capture_output=True, text=True)
                figure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
                self.assertTrue(figure, done.stdout + done.stderr)
                print(figure.group(0))
                self.assertLessEqual(float(figure.group(1)), EXPOSURE_MAX)

    def test_every_line_has_its_reason(self):
        """A block of settings in [Service] is opened by a comment."""
        for unit in UNITS:
            with open(unit, encoding="utf-8") as f:
                lines = f.read().split("[Service]")[1].split("[Install]")[0].split("\n")
            explained = False
            for line in lines:
                if not line.strip():
                    explained = False
                elif line.startswith("#"):
                    explained = True
                else:
                    self.assertTrue(explained, f"{unit}: {line}: why?")


if __name__ == "__main__":
    unittest.main()
