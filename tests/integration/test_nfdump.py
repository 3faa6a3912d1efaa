#!/usr/bin/env python3
"""Against the real nfdump: the same datagrams to nfcapd and to weir, the same question to nfdump and to weir-inserter print, and
what they write is compared line by line. What is known to differ stands in docs/inserter.md and docs/filter.md, and is not asked
here."""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import unittest

import netflow9
from harness import BIN, Collector, Program, free_port, wait_until

# Options for both. Lists come in no order when none is asked for, and equal ranks in any: lines are compared sorted.
QUESTIONS = [
    "-o line", "-o long", "-o extended", "-o biline", "-o bilong", "-o gline", "-o glong", "-6 -q -o line", "-N -q -o extended",
    "-c 7 -q -o line", "-O tstart -o line", "-O bytes -q -o long", "-O packets -q -o line", "-O bps -q -o extended", "-O duration -q -o line",
    "-t 2023/11/14.21:30:00-2023/11/14.21:40 -q -o line", "-t 2023/11/14.22 -q -o line",
    "-a -o line", "-a -q -O bytes -o long", "-b", "-B -q", "-b -q -o bilong", "-A srcip", "-A srcip,dstip -q", "-A srcip4/24 -q ipv4",
    "-A dstip6/48 -q ipv6", "-A proto,router -q", "-A srcport,srcas,inif,next,insrcmac,tos -q", "-A srcvlan,dstmask -q", "-A mpls1,mpls3",
    "-A dstport -q -O flows", "-N -A proto -q", "-A bgpnext,outif,dstas,nextas,prevas -q", "-A srcip -q -o|fmt:%ts , %te , %sa|dst port 3389",
    "-A srcip,dstip -q -o line|dst port 53", "-s srcip/bytes", "-s dstip -n 3", "-s ip/flows/bytes -n 0", "-s srcip -s dstport/bytes -n 0",
    "-s record/bytes -A srcip,dstip -n 0", "-s record/packets -n 0 -o line", "-s dstport:p/bytes -n 0", "-s proto", "-s srcas -n 0", "-s dstas/bytes -n 0",
    "-s dstport/pps/bps/bpp -n 0", "-s tos", "-s srctos", "-s dsttos/packets", "-s srcmask", "-s dstmask", "-s srcvlan", "-s dstvlan",
    "-s insrcmac", "-s outdstmac/bytes", "-s indstmac", "-s outsrcmac", "-s nhip/packets", "-s nhbip", "-s router", "-s inif -s outif", "-s mpls1",
    "-s port/bytes -n 0|not proto icmp", "-s srcip:p/bytes -n 0",
]
CODES = """nfv ts tfs tsr te td pr sa da sap dap gsap gdap sp dp it ic sn dn nh nhb ra sas das nas pas in out pkt ipkt opkt byt ibyt obyt fl flg
tos stos dtos dir smk dmk fwd svln dvln ismc odmc idmc osmc mpls1 mpls2 mpls3 mpls4 mpls bps pps bpp sc dc nbid evt xevt nevt xsa xda xsp
xdp xsap xdap nsa nda nsp ndp ivrf evrf cnt pbstart pbend pbstep pbsize""".split()
FILTERS = """
any
inet
ipv4
inet6
proto tcp
proto 17
proto icmp
PROTO GRE
ip 10.0.0.1
ip 2001:db8::1
src ip 10.0.0.1
dst ip 8.8.8.8
host 192.168.1.50
src host 192.168.1.50
src ip 10.0.0.1 or dst ip 8.8.8.8
src and dst ip 10.0.0.1
src or dst ip 8.8.8.8
ip in [10.0.0.1, 8.8.8.8]
src ip in [10.0.0.0/8 192.168.0.0/16]
src ip in [ 10.1.2.3 2001:db8::/32 ]
net 10.0.0.0/8
src net 10.0.0.0 255.0.0.0
net 10.1.0.0 255.255.0.0
net 10.0/16
net 2001:db8:1::/48
port 53
src port 40000
src port >= 40000
src port <= 1024
not proto icmp and port > 1023
not proto icmp and dst port lt 443
not proto icmp and dst port ge 443
dst port == 443
dst port eq 443
dst port in [53, 443, 8080]
icmp-type 8
icmp-type 3
icmp-code 3
icmp-type 8 and icmp-code 0
engine-type 0
if 1
in if 70000
out if 3
mask 24
src mask 8
dst mask 32
vlan 10
src vlan 4001
dst vlan 20
flags S
flags SA
flags X
flags S and not flags AFRPU
not flags S
router ip 127.0.0.1
router ip 10.0.0.1
next ip 10.9.9.9
next ip 2001:db8:9::9
bgpnext ip 10.8.8.8
mac 02:00:00:00:00:01
in mac e8:ff:1e:d5:f4:16
out mac e8:ff:1e:d5:f4:16
in src mac e8:ff:1e:d5:f4:16
in dst mac e8:ff:1e:d5:f4:16
out src mac 02:00:00:00:00:02
out dst mac 02:00:00:00:00:02
mpls label1 16
mpls label1 > 50
mpls label2 200
mpls eos 18
packets > 100
packets >= 1000
packets = 5m
in packets 1
out packets 0
bytes > 1m
bytes < 1500
bytes 1500
bytes > 1k
bytes >= 2g
out bytes > 0
flows 1
flows > 1
tos 184
src tos 184
dst tos 8
fwdstat 64
flowdir ingress
flowdir egress
flowdir 0
duration > 1000
duration = 250
duration < 1
pps > 10
pps < 1
bps > 1m
bps > 1g
bpp > 100
bpp < 50
observation point id 0
not (proto tcp and dst port 443)
proto tcp or proto udp and dst port 53
(proto tcp or proto udp) and dst port 53
proto tcp # a comment
proto tcp and flags S and packets < 3 and bytes < 200
src ip 10.0.0.1 and not dst port in [53 443] or bytes > 1g
asa event create
nat event add
xip 10.0.0.1
src xip 10.0.0.1
nport 80
""".strip().splitlines()


@unittest.skipUnless(shutil.which("nfdump") and shutil.which("nfcapd"), "nfdump is not installed")
class Nfdump(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.environ["TZ"] = "UTC"
        cls.dir = tempfile.mkdtemp()
        os.mkdir(f"{cls.dir}/nf")
        port = free_port(socket.SOCK_DGRAM)
        nfcapd = Program("nfcapd", "-p", port, "-l", f"{cls.dir}/nf", "-t", "3600", "-b", "127.0.0.1")
        collector = Collector("--transport", "file", "--format", "bin", "--transport.file", f"{cls.dir}/flows.bin",
                              "--repeat", f"127.0.0.1:{port}")
        wait_until(lambda: "Startup" in nfcapd.err, lambda: f"nfcapd is up: {nfcapd.err}")
        datagrams = netflow9.datagrams()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1", collector.port))
            for n, datagram in enumerate(datagrams):
                s.send(datagram)
                wait_until(lambda: n % 20 or collector.metrics().sum("weir_collector_datagrams_total") == n + 1, "it is taken")
        wait_until(lambda: collector.metrics().sum("weir_collector_flows_acknowledged_total") == 600, "all are decoded")
        collector.terminate()
        collector.close()
        nfcapd.terminate()  # takes what is in its socket, then closes its file
        cls.ours = f"{cls.dir}/flows.bin"
        said = nfcapd.err
        nfcapd.close()
        if "Flows: 600" not in said:
            raise AssertionError(f"nfcapd: {said}")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir, ignore_errors=True)

    def nfdump(self, *options):
        done = subprocess.run(["nfdump", "-r", f"{self.dir}/nf", *options], capture_output=True, text=True)
        # How fast it was, and what was asked of nfdump's files, is not compared; with a filter, nor is the files' window.
        rest = ("Total flows", "Sys:", "No matching flows")
        return [line for line in done.stdout.splitlines() if not line.startswith(rest)]

    def weir(self, *options):
        done = subprocess.run([f"{BIN}/weir-inserter", "print", "-r", self.ours, *options], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def test_lines(self):
        for question in QUESTIONS:
            words = [w for i, part in enumerate(question.split("|")) for w in (part.split() if i == 0 else [part])]
            with self.subTest(question):
                theirs, ours = self.nfdump(*words), self.weir(*words)
                self.assertGreater(len(ours), 1)
                window = "-c" in words
                strip = lambda lines: sorted(x for x in lines if not (window and x.startswith(("Time window", "Summary"))))
                self.assertEqual(strip(ours), strip(theirs))

    def test_codes(self):
        for code in CODES:
            for options in (["-q"], ["-q", "-6"], []):
                with self.subTest(code, options=options):
                    n = ["-c", "100", "-o", f"fmt:%{code}"]
                    keep = lambda lines: [x for x in lines if not x.startswith(("Summary", "Time window"))]
                    self.assertEqual(keep(self.weir(*n, *options)), keep(self.nfdump(*n, *options)))

    def test_filters(self):
        found = 0
        for text in FILTERS:
            with self.subTest(text):
                ours, theirs = (sorted(ask("-q", "-o", "extended", text)) for ask in (self.weir, self.nfdump))
                self.assertEqual(ours, [x for x in theirs if x])
                found += 0 < len(ours) < 600
        self.assertGreater(found, 60, "filters that tell flows apart")

    def test_files_are_named_as_nfdump_s(self):
        with tempfile.TemporaryDirectory() as d:
            for name in ("a/weir.202611211200", "a/weir.202611211205", "b/weir.202611211200"):
                os.makedirs(os.path.dirname(f"{d}/{name}"), exist_ok=True)
                shutil.copy(self.ours, f"{d}/{name}")
            with open(f"{d}.filter", "w") as f:
                f.write("proto tcp # and nothing else\n")
            self.addCleanup(os.unlink, f"{d}.filter")
            for n, words in ((3, ["-r", d]), (3, ["-R", d]), (3, ["-M", f"{d}/a:b"]), (2, ["-M", f"{d}/a:b", "-r", "weir.202611211200"]),
                             (2, ["-M", f"{d}/a:b", "-R", "weir.202611211200:weir.202611211200"]), (1, ["-R", f"{d}/a/weir.202611211201"]),
                             (1, ["-R", f"{d}/a/weir.202611211205:weir.202611211205"])):
                with self.subTest(words):
                    done = subprocess.run([f"{BIN}/weir-inserter", "print", *words, "-q", "-o", "fmt:%pr", "-f", f"{d}.filter"],
                                          capture_output=True, text=True)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertEqual(done.stdout.split(), ["TCP"] * (n * len(self.weir("-q", "-o", "line", "proto tcp"))))

    def test_its_own_files_come_in_by_nfreplay(self):
        """A file of nfcapd is refused with a line for the shell; that line, run, brings its flows into weir."""
        name = f"{self.dir}/nf/{min(f for f in os.listdir(f'{self.dir}/nf') if f.startswith('nfcapd.2'))}"
        done = subprocess.run([f"{BIN}/weir-inserter", "print", "-r", name], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        line = done.stderr.split("weir-collector: ")[1].splitlines()[0]
        self.assertEqual(line, f"nfreplay -r {name} -v 9 -H 127.0.0.1 -p 2055")
        collector = Collector("--transport", "file", "--format", "json", "--transport.file", f"{self.dir}/replayed.json")
        self.addCleanup(collector.close)
        words = line.replace("-p 2055", f"-p {collector.port}").split() + ["-d", "100"]  # not faster than a small socket takes it
        replayed = subprocess.run(words, capture_output=True, text=True, timeout=120)
        self.assertEqual(replayed.returncode, 0, replayed.stderr)
        wait_until(lambda: collector.metrics().sum("weir_collector_flows_acknowledged_total") >= 600,
                   lambda: f"600 flows\n{collector.metrics().sum('weir_collector_flows_acknowledged_total')}\n{collector.err}")
        collector.terminate()
        with open(f"{self.dir}/replayed.json") as f:
            flows = [json.loads(text) for text in f]
        total = self.weir("-q", "-N", "-o", "fmt:%byt")
        self.assertEqual(sum(f["bytes"] for f in flows), sum(int(n) for n in total))

    def test_what_nfdump_cannot_write_is_refused_by_reason(self):
        for code, why in (("%ja3", "payload"), ("%cl", "latencies"), ("%exp", "%ra")):
            done = subprocess.run([f"{BIN}/weir-inserter", "print", "-r", self.ours, "-o", f"fmt:{code}"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn(why, done.stderr)


if __name__ == "__main__":
    unittest.main()
